"""A small real history for the audit's tests, and every way to tamper with a database that is generated."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

import psycopg

from oms_core.adapters.postgres_store import PostgresOrderStore
from oms_core.handlers import Core, handle, load_orders, note_request, orders_to_load
from oms_core.ports import UnitOfWork
from oms_platform import ids
from oms_platform.clock import utc_now
from oms_platform.messages import CancelOrder, SubmitOrder
from oms_platform.schema.audited import AUDITED
from oms_platform.vocabulary import Message
from oms_platform.wire import encode
from tests.ingest import store_change, store_order, submit_order
from tests.integration.test_order_stores import Quotes, placed, trade

ACCOUNT: Final = "ACC-INST-001"
OTHER: Final = "ACC-HF-001"
Connection = psycopg.Connection[Any]
# A row of each audited table that the demo's data leaves empty.
ROWS: Final = (
    "INSERT INTO account_routing VALUES ('ACC-INST-001', '{}', now(), 'admin1')",
    "INSERT INTO kill_switches (switch_id, scope, stage, reason, set_by, set_at)"
    """ VALUES (gen_random_uuid(), '{"symbol": "AAPL"}', 'BLOCK', 'news', 'risk1', now())""",
    "INSERT INTO kill_triggers VALUES"
    " (gen_random_uuid(), 'EXCEPTIONS', '{}', 3, 60, 'BLOCK', 'ON', 'risk1', 'so', now())",
    "INSERT INTO risk_overrides (override_id, request_id, account_id, trader, terms, checks, granted_by,"
    " reason, granted_at, expires_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'ACC-INST-001',"
    """ 'trader1', '{"principal": "trader1"}', '[{}]', 'risk1', 'so', now() - interval '2 hours', now())""",
    "INSERT INTO halts VALUES (gen_random_uuid(), 'AAPL', 'news', 'risk1', now())",
    "INSERT INTO execution_exceptions (exception_id, identity, kind, raised_by, venue_id, detail, raw,"
    " raised_at) VALUES (gen_random_uuid(), 'i', 'UNKNOWN_ORDER', 'core', 'XNYS', 'd', '35=8', now())",
    "INSERT INTO venue_sessions VALUES ('XNYS', '{}', 1, now(), 'ops', 'as agreed')",
    "INSERT INTO fix_commands (command_id, venue_id, kind, requested_by, reason, requested_at)"
    " VALUES (gen_random_uuid(), 'XNYS', 'LOGOUT', 'ops', 'maintenance', now())",
    "INSERT INTO fix_clients VALUES ('FUND', 'ORDERS', '{ACC-INST-001}', '{READ}', 'x', 'scrypt$salt$hash',"
    " NULL, true, 1, now(), 'x')",
    "INSERT INTO calendar_sessions VALUES ('XNYS', '2026-11-27', '2026-11-27 14:30Z', '2026-11-27 18:00Z')",
    "INSERT INTO reconciliations VALUES ('01900000-0000-7000-8000-000000000001', 'XNYS', 'LOGON', now(),"
    " now(), 1, 0, 0)",
    "INSERT INTO reconciliation_breaks VALUES ('01900000-0000-7000-8000-000000000001', 'c',"
    " gen_random_uuid(), 'ours', 'theirs', false)",
    "INSERT INTO cash_entries VALUES (gen_random_uuid(), 'ACC-INST-001', 'DEPOSIT', 5, '2026-03-02',"
    " 'x', 'so', now())",
    "INSERT INTO position_actions VALUES (gen_random_uuid(), 'OPENING', 'ACC-INST-001', 'AAPL',"
    """ '{"quantity": 1, "cost": "2"}', 'x', 'so', now())""",
    "INSERT INTO easy_to_borrow VALUES ('2026-03-02', '{AAPL}', 'x', 'so', now())",
    "INSERT INTO locates VALUES ('ACC-INST-001', 'AAPL', 'L-1', 'Prime', 5, '2026-03-02', 'x', 'so', now())",
    "INSERT INTO risk_alerts VALUES ('01900000-0000-7000-8000-000000000002', 'GROSS_EXPOSURE_EXCEEDED',"
    """ '{"account": "ACC-INST-001"}', 'ACC-INST-001', NULL, 'WARNING', 90, '9', '10', '1', '9', 'dollars',"""
    " 'everything', 1, 1, now(), now())",
    "INSERT INTO risk_alert_acks VALUES ('01900000-0000-7000-8000-000000000002', 1, 'x', 'seen', now())",
    "INSERT INTO surveillance_reports VALUES (gen_random_uuid(), '2026-03-02', '{WASH}', '{}', 1, 1, 'd',"
    " 'x', now())",
    "INSERT INTO surveillance_reviews VALUES (gen_random_uuid(), 'i', 'x', 'seen', now())",
)
_UUID: Final = (
    "(left({0}::text, 35) || translate(right({0}::text, 1), '0123456789abcdef', '123456789abcdef0'))"
)
# By type, another value than the one that a column has.
_OTHER: Final = {
    "text": "coalesce(overlay({0} placing '~' from 1 for 1), 'x')",
    "integer": "coalesce({0}, 0) + 1",
    "bigint": "coalesce({0}, 0) + 1",
    "numeric": "coalesce({0}, 0) + 1",
    "boolean": "NOT {0}",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 second'",
    "date": "coalesce({0}, '2026-03-02') + 1",
    "time without time zone": "coalesce({0}, '00:00') + interval '1 minute'",
    "uuid": f"coalesce({_UUID}, '01900000-0000-7000-8000-000000000001')::uuid",
    "json": "({0}::jsonb || '{{\"x\": 1}}')::json",
    "jsonb": "coalesce({0}, '{{}}') || '{{\"x\": 1}}'",
    "bytea": "coalesce({0}, '') || '\\x00'",
    "ARRAY": "coalesce({0}, '{{}}') || '{{x}}'",
}


class Tampering(NamedTuple):
    """What is done to a database behind its triggers, and which table's row is to be named."""

    name: str
    statement: str
    tables: tuple[str, ...]


class Books:
    """A core's life on a real database: batches, and what people change beside it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.begin()

    def begin(self) -> None:
        """Begin a core's life on what is stored."""
        self.store = PostgresOrderStore(self.connection, "an incarnation", 4)
        self.core = Core(desk=self.store.load_desk({0, 1, 2, 3}), store=self.store, quotes=Quotes())

    def unit(self, *messages: Message) -> UnitOfWork:
        """Handle messages as one batch, without storing it."""
        unit = UnitOfWork(now=utc_now())
        load_orders(self.core, orders_to_load(self.core, messages, unit.now, suspicious=True))
        for message in messages:
            note_request(unit, message, encode(message))
            handle(self.core, unit, message, "")
        return unit

    def do(self, *messages: Message) -> None:
        """Handle messages as one batch and store it."""
        self.store.commit(self.unit(*messages), self.core.desk, {})

    def ask(self, account: str = ACCOUNT) -> SubmitOrder:
        """Return an order as ingest has stored it."""
        order = submit_order(account_id=account)
        store_order(self.connection, order)
        return order

    def cancel(self, order: SubmitOrder) -> CancelOrder:
        """Return a wish to cancel an order as ingest has stored it."""
        wish = CancelOrder(
            request_id=ids.uuid7(),
            order_id=order.order_id,
            account_id=order.terms.account_id,
            received_at=utc_now(),
            principal="trader1",
        )
        store_change(self.connection, wish)
        return wish

    def fill_pages(self) -> None:
        """Let a few orders of two accounts live, and people change a row of each audited table."""
        filled, open_, foreign = self.ask(), self.ask(), self.ask(OTHER)
        self.do(filled, open_)
        self.do(foreign, placed(filled))
        self.do(trade(filled, "E1", 60))
        self.do(trade(filled, "E2", 40), self.cancel(open_))
        for statement in ROWS:
            self.connection.execute(statement)  # type: ignore[call-overload]
        self.connection.execute("UPDATE accounts SET firm_id = 'another' WHERE account_id = %s", [OTHER])
        self.connection.execute("SELECT anchor_audit()")


@contextmanager
def books_of(dsn: str) -> Iterator[Books]:
    """Open books on a fresh database; constraints on values are dropped, so that no forger meets one."""
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        for table, name in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid <> 0 AND coninhcount = 0 AND connamespace = 'public'::regnamespace"
        ).fetchall():
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")  # type: ignore[call-overload]
        yield Books(connection)


@contextmanager
def tampered(connection: Connection, statement: str) -> Iterator[None]:
    """Do something behind every trigger, for as long as the block lasts."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")
        assert connection.execute(statement).rowcount != 0, statement  # type: ignore[call-overload]
        yield


def _columns(connection: Connection, table: str) -> list[tuple[str, str]]:
    found = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
        [table],
    )
    return [(name, kind) for name, kind in found]


def _changes(connection: Connection, table: str, place: str, at: str, named: str = "") -> Iterator[Tampering]:
    """Yield a change of every column of a row, and its removal. place: a WHERE that finds the row."""
    tables = (table,) if not named else (table, named)
    for column, kind in _columns(connection, table):
        value = _OTHER[kind].format(column)
        yield Tampering(
            f"{at} row of {table}: change {column}",
            f"UPDATE {table} SET {column} = {value} WHERE {place}",
            tables,
        )
    yield Tampering(f"{at} row of {table}: remove", f"DELETE FROM {table} WHERE {place}", tables)


def tamperings(connection: Connection) -> Iterator[Tampering]:
    """Yield every change of every column, and the removal, of rows of each table that the audit covers."""
    for place, number in (("first", "1"), ("middle", "5"), ("last", "max")):
        for table, order, where in (
            ("order_events", "stream_sequence", f"account_id = '{ACCOUNT}' AND "),
            ("audit_log", "sequence", ""),
        ):
            wanted = number
            if number == "max":
                wanted = f"(SELECT max({order}) FROM {table} WHERE {where}true)"
            yield from _changes(connection, table, f"{where}{order} = {wanted}", place)
            column = "request_id, request_digest, " if table == "order_events" else ""
            listed = ", ".join(name for name, _ in _columns(connection, table) if name not in (order,))
            yield Tampering(
                f"{place} row of {table}: forge another of its number {column}",
                f"INSERT INTO {table} SELECT * FROM (SELECT * FROM {table} WHERE {where}{order} = {wanted}) r"
                if table == "audit_log"
                else f"INSERT INTO {table} ({order}, {listed}) SELECT {order},"
                f" {listed.replace(' sequence,', ' sequence + 90,')} FROM {table}"
                f" WHERE {where}{order} = {wanted}",
                (table,),
            )
    for kind in ("NEW", "CANCEL"):
        first = f"request_id = (SELECT min(request_id::text)::uuid FROM order_requests WHERE kind = '{kind}')"
        for one in _changes(connection, "order_requests", first, kind):
            # It is telemetry: docs/decisions/0049.
            if "traceparent" not in one.name:
                yield one
    yield from _changes(connection, "account_streams", f"account_id = '{ACCOUNT}'", "a", "order_events")
    for one in _changes(connection, "audit_head", "true", "the", "audit_log"):
        # That there is one row is all that it says.
        if "only_one" not in one.name:
            yield one
    for table, key in AUDITED.items():
        columns = ", ".join(key)
        place = f"({columns}) = (SELECT {columns} FROM {table} ORDER BY {columns} LIMIT 1)"
        # Where the log begins is what its first row is held to.
        yield from _changes(connection, table, place, "first", "audit_log" if "begins" in table else "")
    yield from _swaps(connection)
    yield from _forgeries()


def _swaps(connection: Connection) -> Iterator[Tampering]:
    """Yield exchanges of two rows: of their numbers, and of all that they say."""
    mine = f"account_id = '{ACCOUNT}'"
    yield Tampering(
        "swap two events' numbers",
        f"UPDATE order_events SET stream_sequence = 5 - stream_sequence WHERE {mine}"
        " AND stream_sequence IN (2, 3)",
        ("order_events",),
    )
    yield Tampering(
        "swap two events' numbers and links",
        "UPDATE order_events e SET stream_sequence = o.stream_sequence, chain = o.chain FROM order_events o"
        f" WHERE e.{mine} AND o.{mine} AND e.stream_sequence IN (2, 3)"
        " AND o.stream_sequence = 5 - e.stream_sequence",
        ("order_events",),
    )
    said = [name for name, _ in _columns(connection, "audit_log") if name != "sequence"]
    for names, what in ((said, "content"), (said[:-1], "content but for the links")):
        yield Tampering(
            f"swap two changes' {what}",
            f"UPDATE audit_log a SET {', '.join(f'{name} = o.{name}' for name in names)} FROM audit_log o"
            " WHERE a.sequence IN (2, 3) AND o.sequence = 5 - a.sequence",
            ("audit_log",),
        )


def _forgeries() -> Iterator[Tampering]:
    """Yield rows that were never written, with links that fit as far as one row can make them."""
    last = f"account_id = '{ACCOUNT}' ORDER BY stream_sequence DESC LIMIT 1"
    yield Tampering(
        "append an event with its right link",
        "WITH last AS (SELECT * FROM order_events WHERE " + last + "), forged AS ("
        " SELECT order_id, sequence + 1 AS sequence, account_id, stream_sequence + 1, type, NULL::uuid,"
        " payload, occurred_at, NULL::bytea, NULL::bytea FROM last)"
        " INSERT INTO order_events SELECT f.order_id, f.sequence, f.account_id, f.stream_sequence, f.type,"
        " f.request_id, f.payload, f.occurred_at, f.request_digest, order_event_link(last.chain, f)"
        " FROM last, (SELECT (r).* FROM (SELECT ROW(forged.*)::order_events AS r FROM forged) x) f",
        ("account_streams",),
    )
    yield Tampering(
        "append a change with its right link",
        "INSERT INTO audit_log SELECT (r).sequence, (r).at, (r).actor, (r).reason, (r).table_name,"
        " (r).operation, (r).key, (r).before, (r).after, audit_link(chain, r) FROM (SELECT chain,"
        " ROW(sequence + 1, now(), 'forger', '', table_name, operation, key, before, after, chain)::audit_log"
        " AS r FROM audit_log ORDER BY sequence DESC LIMIT 1) x",
        ("audit_head",),
    )
