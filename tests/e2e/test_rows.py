"""What a simple order that is filled costs the database, counted by Postgres itself."""

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest

from oms_platform.postgres import Connection
from oms_tools.bench.database_counts import DatabaseCounts, await_counts, count_database
from oms_tools.cli.dsn import stack_dsn
from tests.e2e.orders import place, until_status
from tests.stack_rig import StackRig

ORDERS = 5
# An order is simple when its acknowledgement and its fill reach the adapter in one batch, as the venue sends
# them; on a machine that is loaded they may come apart, which writes the child once more. What the code does
# shows in every round, what the machine does not: the best round counts.
ROUNDS = 4
TUPLE_VERSIONS_MAX = 12
INDEX_ENTRIES_MAX = 18
# What an order writes; the rows of a batch (offsets, stream heads, checkpoints) and of the market are apart.
TABLES = (
    "order_keys",
    "order_requests",
    "orders",
    "order_events",
    "route_audit",
    "child_orders",
    "child_cancels",
    "positions",
)
# Of these tables a row has an entry in the partial index while it is open; in that of order_requests never.
OPEN_ROWS = {"orders": 1, "child_orders": 1}
_PARTIAL = """
    SELECT coalesce(parent.relname, c.relname)::text, count(*)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    LEFT JOIN pg_inherits h ON h.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = h.inhparent
    WHERE i.indpred IS NOT NULL AND c.relkind = 'r' GROUP BY parent.relname, c.relname
"""


@pytest.fixture
def connection(rig: StackRig) -> Iterator[Connection]:
    with contextlib.closing(psycopg.connect(stack_dsn(rig.layout), autocommit=True)) as connection:
        yield connection


def index_entries(counts: DatabaseCounts, partial: dict[str, int]) -> int:
    """Return the entries that were written: of a partial index only for rows that are in it."""
    entries = 0
    for name in TABLES:
        rows = counts.tables.get(name)
        if rows is None:
            continue
        full = rows.indexes - partial.get(name, 0)
        # An update that closes a row takes it out of the partial index.
        entries += rows.inserted * (full + OPEN_ROWS.get(name, 0)) + (rows.updated - rows.hot) * full
    return entries


def test_a_simple_filled_order_writes_twelve_tuple_versions_and_eighteen_index_entries_at_most(
    rig: StackRig, connection: Connection
) -> None:
    client = rig.client()

    def fill_one() -> None:
        until_status(client, place(client, quantity=10)["orderId"], "FILLED")

    fill_one()  # its position is there from now on
    partial = dict(connection.execute(_PARTIAL).fetchall())
    rounds = []
    await_counts(time.monotonic())
    for _ in range(ROUNDS):
        before = count_database(connection)
        for _ in range(ORDERS):
            fill_one()
        await_counts(time.monotonic())
        counts = count_database(connection).since(before)
        versions = {name: counts.tables[name].versions for name in TABLES if name in counts.tables}
        total, entries = sum(versions.values()), index_entries(counts, partial)
        if total <= TUPLE_VERSIONS_MAX * ORDERS and entries <= INDEX_ENTRIES_MAX * ORDERS:
            return
        rounds.append((total, entries, versions))
    pytest.fail(f"in no round few enough: {rounds}")
