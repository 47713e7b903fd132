"""The stores of the adapter, in memory and in Postgres, keep the same promises."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import psycopg
import pytest

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.adapters.postgres_children import CORE_GROUP, PostgresChildStore
from execution_adapter.domain.child import ChildState, Execution, Status
from execution_adapter.domain.gate import Parent
from execution_adapter.domain.reconciliation import Break, EndedRun, Occasion
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.ports import ChildStore, JournalLine, RefusedPlan, UnstorableChildError, Writes
from oms_platform.ids import uuid7
from oms_platform.messages import CancelChildren
from oms_platform.postgres import connect
from oms_platform.prices import micros_of
from oms_platform.vocabulary import ChildTerms, Side
from oms_platform.wire import Topic
from tests.unit.execution_adapter.orders import child

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROUTED = (Topic.ROUTED.value, 1)


class Kept:
    """A store, and what a test says of core's tables and of what the store refuses."""

    def __init__(self, dsn: str | None) -> None:
        self.dsn = dsn
        self.open: set[UUID] = set()
        self.core: dict[tuple[str, int], int] = {}
        self.refused: set[str] = set()
        self.orders: dict[UUID, Parent] = {}
        self.memory: InMemoryChildStore | None = None
        self.store: ChildStore
        if dsn is None:
            self.memory = InMemoryChildStore(
                open_orders=lambda: frozenset(self.open),
                core=lambda: self.core,
                parent_of=self.orders.get,
                refuses=lambda one: "refused" if one.cl_ord_id in self.refused else None,
            )
            self.store = self.memory
        else:
            self.connection = connect(dsn, "contract")
            self.store = PostgresChildStore(self.connection, "one")

    def core_read(self, incarnation: str, partition: int, offset: int) -> None:
        self.core[incarnation, partition] = offset
        if self.dsn is not None:
            self.connection.execute(
                "INSERT INTO consumer_offsets VALUES (%s, %s, %s, %s, %s, %s)",
                (incarnation, CORE_GROUP, Topic.FILLS.value, partition, offset, NOW),
            )

    def placed(self, order_id: UUID, *, limit: str | None = "10.01", closed: bool = False) -> Parent:
        """Let a client have placed an order to sell 1,000 shares."""
        parent = Parent(
            account_id="ACC",
            symbol="AAPL",
            side=Side.SELL,
            quantity=1_000,
            limit_price_micros=None if limit is None else micros_of(Decimal(limit)),
            closed=closed,
        )
        self.orders[order_id] = parent
        if self.dsn is not None:
            self.connection.execute(
                "INSERT INTO accounts (account_id, name, kind) VALUES ('ACC', 'A', 'RETAIL')"
                " ON CONFLICT DO NOTHING"
            )
            status, leaves_qty = ("CANCELED", 0) if closed else ("NEW", 1_000)
            kind = "MARKET" if limit is None else "LIMIT"
            self.connection.execute(
                "INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side, quantity,"
                " order_type, time_in_force, limit_price, status, closed, leaves_qty, created_at, updated_at)"
                " VALUES (%s, 'ACC', 'T', %s, 'AAPL', 'SELL', 1000, %s, 'DAY', %s, %s, %s, %s, %s, %s)",
                (order_id, str(order_id), kind, limit, status, closed, leaves_qty, NOW, NOW),
            )
        return parent

    def runs(self) -> list[tuple[object, ...]]:
        """Return what is kept of each break, with its run."""
        if self.memory is not None:
            return [
                (
                    run.venue_id,
                    run.occasion.name,
                    run.asked,
                    run.agreed,
                    run.over,
                    found.cl_ord_id,
                    found.ours,
                    found.settled,
                )
                for run in self.memory.runs
                for found in run.breaks
            ]
        return self.connection.execute(
            "SELECT venue_id, occasion, asked, agreed, over, cl_ord_id, ours, settled"
            " FROM reconciliations JOIN reconciliation_breaks USING (run_id)"
        ).fetchall()

    def offsets(self) -> dict[tuple[str, int], int]:
        if self.memory is not None:
            return self.memory.offsets
        rows = self.connection.execute(
            "SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer_group <> %s",
            (CORE_GROUP,),
        ).fetchall()
        return {(topic, partition): offset for topic, partition, offset in rows}


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "memory":
        yield Kept(None)
        return
    made = Kept(request.getfixturevalue("dsn"))
    with closing(made.connection):
        yield made


def write(store: ChildStore, *children: ChildTerms, continues: bool = False) -> frozenset[str]:
    return store.write(Writes(children=[(one, continues) for one in children]), NOW)


def cancel(order_id: UUID, through: int, request_id: UUID | None = None, later_s: int = 0) -> CancelChildren:
    return CancelChildren(
        request_id=request_id or uuid7(),
        order_id=order_id,
        account_id="ACC",
        requested_at=NOW + timedelta(seconds=later_s),
        through_attempt=through,
    )


def test_a_child_is_stored_once_and_read_back_whole(kept: Kept) -> None:
    one = child(min_quantity=40, hold_ms=250)
    assert write(kept.store, one, continues=True) == {one.cl_ord_id}
    again = msgspec.structs.replace(one, quantity=50)
    assert write(kept.store, again) == frozenset()
    (found,) = kept.store.find([(one.order_id, one.cl_ord_id)])
    assert (found.child, found.continues, found.canceled_by) == (one, True, None)
    assert found.state == ChildState(status=Status.PENDING_NEW, cum_qty=0, leaves_qty=100)
    assert kept.store.find([(one.order_id, "other")]) == []


def test_a_twin_in_one_batch_is_stored_once(kept: Kept) -> None:
    one = child()
    assert write(kept.store, one, one) == {one.cl_ord_id}


def test_a_cancel_refuses_the_attempts_up_to_its_own_and_no_later_one(kept: Kept) -> None:
    order_id = uuid7()
    kept.store.write(Writes(cancels=[cancel(order_id, 2)]), NOW)
    attempts = [child(order_id, attempt=attempt) for attempt in (1, 2, 3)]
    assert write(kept.store, *attempts) == {attempts[2].cl_ord_id}


def test_a_cancel_after_its_plan_in_one_batch_does_not_refuse_it(kept: Kept) -> None:
    one = child()
    request = cancel(one.order_id, 1)
    assert kept.store.write(Writes(children=[(one, False)], cancels=[request]), NOW) == {one.cl_ord_id}
    (found,) = kept.store.live()
    assert found.canceled_by == request.request_id


def test_the_same_cancel_said_again_may_reach_further_and_never_back(kept: Kept) -> None:
    order_id, request_id = uuid7(), uuid7()
    kept.store.write(Writes(cancels=[cancel(order_id, 1, request_id), cancel(order_id, 3, request_id)]), NOW)
    kept.store.write(Writes(cancels=[cancel(order_id, 2, request_id)]), NOW)
    kept.placed(order_id)
    assert kept.store.parents([order_id])[order_id].canceled_through == 3


def test_a_child_knows_the_newest_cancel_that_ends_it(kept: Kept) -> None:
    one = child(attempt=2)
    first, second, early = (
        cancel(one.order_id, 2),
        cancel(one.order_id, 4, later_s=1),
        cancel(one.order_id, 1),
    )
    write(kept.store, one)
    kept.store.write(Writes(cancels=[first, early]), NOW)
    assert kept.store.live()[0].canceled_by == first.request_id
    kept.store.write(Writes(cancels=[second]), NOW)
    assert kept.store.live()[0].canceled_by == second.request_id


def test_states_move_children_and_closed_ones_are_live_no_more(kept: Kept) -> None:
    order_id = uuid7()
    children = [child(order_id, leg=leg) for leg in (1, 2)]
    write(kept.store, *children)
    filled = ChildState(
        status=Status.FILLED,
        cum_qty=100,
        leaves_qty=0,
        venue_order_id="V",
        acked_at=NOW,
        executions=(
            Execution('"E1"\\é{,}', 101, 1_000_000),
            Execution("B\0", 0, None, '"E1"\\é{,}'),
            Execution("E2", 100, 1),
        ),
    )
    kept.store.write(Writes(states={children[0].cl_ord_id: (children[0], filled)}), NOW)
    assert [one.child for one in kept.store.live()] == [children[1]]
    found = kept.store.of_routes([(order_id, 1), (order_id, 2)])
    assert [one.child for one in found] == children
    assert found[0].state == filled


def test_offsets_only_move_on(kept: Kept) -> None:
    kept.store.write(Writes(offsets={ROUTED: 5}), NOW)
    kept.store.write(Writes(offsets={ROUTED: 4}), NOW)
    kept.store.write_checkpoints([], {(ROUTED[0], 2): 9}, NOW)
    assert kept.offsets() == {ROUTED: 5, (ROUTED[0], 2): 9}


def test_a_batch_with_a_child_that_is_refused_stores_nothing_and_the_child_is_named(kept: Kept) -> None:
    good = child()
    bad = child(quantity=-1) if kept.memory is None else child()
    kept.refused.add(bad.cl_ord_id)
    writes = Writes(children=[(good, False), (bad, False)], offsets={ROUTED: 5})
    with pytest.raises(UnstorableChildError):
        kept.store.write(writes, NOW)
    assert list(kept.store.unstorable(writes, NOW)) == [bad.cl_ord_id]
    assert kept.store.live() == []
    assert kept.offsets() == {}


def test_children_of_open_orders_are_told_from_others(kept: Kept) -> None:
    one, other = child(), child()
    write(kept.store, one, other)
    kept.open.add(one.order_id)
    if kept.dsn is not None:
        with psycopg.connect(kept.dsn, autocommit=True) as connection:
            for order_id, closed in ((one.order_id, False), (other.order_id, True)):
                insert_order(connection, order_id, closed=closed)
    assert [found.child for found in kept.store.of_open_orders()] == [one]


def insert_order(connection: psycopg.Connection[object], order_id: UUID, *, closed: bool) -> None:
    connection.execute(
        "INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side, order_type,"
        " time_in_force, quantity, status, closed, leaves_qty, created_at, updated_at)"
        " VALUES (%s, 'ACC-INST-001', 'REST', %s, 'AAPL', 'SELL', 'MARKET', 'DAY', 100, %s, %s, %s, %s, %s)",
        (
            order_id,
            str(order_id),
            "CANCELED" if closed else "ACKNOWLEDGED",
            closed,
            0 if closed else 100,
            NOW,
            NOW,
        ),
    )


def checkpoint(seconds: int, offset: int, in_seq: int = 7) -> Checkpoint:
    return Checkpoint(
        venue_id="XNYS",
        in_seq=in_seq,
        incarnation="one",
        offsets={3: offset},
        recorded_at=NOW + timedelta(seconds=seconds),
    )


def line(venue_id: str, seq: int, raw: bytes, *, inbound: bool = True) -> JournalLine:
    return JournalLine(venue_id=venue_id, inbound=inbound, msg_seq=seq, at=NOW, raw=raw)


def test_the_last_attempt_of_which_a_plan_was_refused_is_known_of_its_order(kept: Kept) -> None:
    one, other = child(), child()
    kept.placed(one.order_id)
    kept.placed(other.order_id)
    refused = [RefusedPlan(one.order_id, attempt, "GATE_CLOSED") for attempt in (2, 5, 3)]
    kept.store.write(Writes(refused=refused), NOW)
    kept.store.write(Writes(refused=refused[:1]), NOW)
    found = kept.store.parents([one.order_id, other.order_id])
    assert [found[each.order_id].refused_through for each in (one, other)] == [5, 0]


def test_the_journal_gives_back_what_came_of_a_venue_in_its_order(kept: Kept) -> None:
    stored_at = datetime.now(UTC)
    lines = [line("XNYS", 1, b"a\x00"), line("XNYS", 9, b"out", inbound=False), line("BATS", 1, b"\xff")]
    kept.store.write(Writes(journal=lines), stored_at)
    kept.store.write(Writes(journal=[line("XNYS", 2, b"bcd")]), stored_at)
    found = list(kept.store.journaled({"XNYS": None}))
    assert [(one.msg_seq, one.raw, one.at) for one in found] == [(1, b"a\x00", NOW), (2, b"bcd", NOW)]
    hour = timedelta(hours=1)
    both = list(kept.store.journaled({"XNYS": stored_at - hour, "BATS": stored_at + hour}))
    assert [one.raw for one in both] == [b"a\x00", b"bcd"]
    assert list(kept.store.journaled({"XNYS": stored_at + hour})) == []


def test_where_numbers_began_anew_checkpoints_pass_none_and_children_have_heard_none(kept: Kept) -> None:
    checkpoint = Checkpoint(venue_id="XNYS", in_seq=7, incarnation="one", offsets={0: 3}, recorded_at=NOW)
    other = dataclasses.replace(checkpoint, venue_id="BATS")
    kept.store.write_checkpoints([checkpoint, other], {}, NOW)
    heard = [child(), child(venue_id="BATS")]
    kept.store.write(Writes(children=[(one, False) for one in heard]), NOW)
    state = ChildState(status=Status.FILLED, cum_qty=100, leaves_qty=0, in_seq=7)
    kept.store.write(Writes(states={one.cl_ord_id: (one, state) for one in heard}), NOW)
    kept.store.begin_numbers("XNYS", datetime.now(UTC))
    states = kept.store.find([(one.order_id, one.cl_ord_id) for one in heard])
    assert {one.child.venue_id: one.state.in_seq for one in states} == {"XNYS": 0, "BATS": 7}
    found = {
        one.venue_id: (one.in_seq, dict(one.offsets), one.recorded_at) for one in kept.store.checkpoints()
    }
    assert found == {"XNYS": (0, {0: 3}, NOW), "BATS": (7, {0: 3}, NOW)}


def test_a_checkpoint_goes_once_core_has_read_what_a_newer_one_covers(kept: Kept) -> None:
    first, second, third = checkpoint(0, 10), checkpoint(1, 20), checkpoint(2, 30)
    kept.store.write_checkpoints([first], {}, NOW)
    kept.store.write_checkpoints([second], {}, NOW)
    assert sorted(kept.store.checkpoints(), key=lambda one: one.recorded_at) == [first, second]
    kept.core_read("one", 3, 20)
    assert kept.store.core_offsets() == {("one", 3): 20}
    kept.store.write_checkpoints([third], {}, NOW)
    assert sorted(kept.store.checkpoints(), key=lambda one: one.recorded_at) == [second, third]


def test_a_parent_is_what_its_client_asked_for_with_what_its_children_have_or_may(kept: Kept) -> None:
    one, over, bare = uuid7(), uuid7(), uuid7()
    expected = kept.placed(one)
    kept.placed(over, limit=None, closed=True)
    first, second = child(one), child(one, leg=2)
    write(kept.store, first, second)
    kept.store.write(Writes(cancels=[cancel(one, 2)]), NOW)
    state = ChildState(status=Status.CANCELED, cum_qty=30, leaves_qty=0)
    kept.store.write(Writes(states={first.cl_ord_id: (first, state)}), NOW)
    found = kept.store.parents([one, over, bare, one])
    assert found.keys() == {one, over}
    assert found[one] == msgspec.structs.replace(
        expected, canceled_through=2, committed={first.cl_ord_id: 30, second.cl_ord_id: 100}
    )
    assert (found[over].closed, found[over].limit_price_micros, found[over].committed) == (True, None, {})


@pytest.mark.parametrize(
    ("stored", "asked", "allowed"),
    [
        # What core says an order has become, what its client asked for, and what the gate allows.
        ((1_500, "10.02"), [{"quantity": 1_500, "limitPriceMicros": 10_020_000}], (1_500, 10_020_000)),
        ((1_200, "10.01"), [{"quantity": 1_500}, {"quantity": 1_200}], (1_200, 10_010_000)),
        ((400, "10.01"), [{"quantity": 400}], (400, 10_010_000)),
        ((1_000, "9.99"), [{"limitPriceMicros": 9_990_000}], (1_000, 9_990_000)),
        # More than was ever asked for, a limit that nobody asked for, and a replace that nobody wanted.
        ((9_000, "10.01"), [{"quantity": 1_500}], (1_500, 10_010_000)),
        ((1_000, "9.50"), [{"limitPriceMicros": 9_990_000}], (1_000, 10_010_000)),
        ((9_000, "9.50"), [], (1_000, 10_010_000)),
    ],
)
def test_a_replaced_order_is_what_its_client_asked_for_whatever_core_made_of_it(
    dsn: str, stored: tuple[int, str], asked: list[dict[str, int]], allowed: tuple[int, int]
) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        kept, order_id = Kept(dsn), uuid7()
        kept.placed(order_id)
        requests: list[tuple[UUID, str, dict[str, object]]] = [
            (order_id, "NEW", {"terms": {"quantity": 1_000, "limitPriceMicros": 10_010_000}})
        ]
        requests += [(uuid7(), "REPLACE", {"change": change}) for change in asked]
        requests += [(uuid7(), "CANCEL", {"change": {"quantity": 9_000, "limitPriceMicros": 9_500_000}})]
        for request_id, kind, payload in requests:
            connection.execute(
                "INSERT INTO order_requests (request_id, kind, order_id, account_id, principal, payload,"
                " received_at) VALUES (%s, %s, %s, 'ACC', 'p', %s, %s)",
                (request_id, kind, order_id, json.dumps(payload), NOW),
            )
        connection.execute(
            "UPDATE orders SET replaced = true, quantity = %s, leaves_qty = %s, limit_price = %s"
            " WHERE order_id = %s",
            (stored[0], stored[0], stored[1], order_id),
        )
        parent = kept.store.parents([order_id])[order_id]
        assert (parent.quantity, parent.limit_price_micros) == allowed


def test_a_comparison_with_a_venue_is_kept_with_its_breaks(kept: Kept) -> None:
    found = Break(cl_ord_id="C", order_id=uuid7(), ours="NEW", theirs="unknown\0order", settled=False)
    run = EndedRun(
        run_id=uuid7(),
        venue_id="XNYS",
        occasion=Occasion.REQUEST,
        began_at=NOW,
        ended_at=NOW,
        asked=3,
        agreed=1,
        over=1,
        breaks=(found,),
    )
    kept.store.write(Writes(runs=[run]), NOW)
    assert kept.runs() == [("XNYS", "REQUEST", 3, 1, 1, "C", "NEW", False)]
