"""Copies of executions: each at least once, in its account's order, whatever fails between."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_core.entrypoints.execution_copies import ROWS_A_STEP, ExecutionCopies, copy_of
from oms_core.ports import StoredExecution
from oms_platform.errors import OperationalError
from oms_platform.ids import uuid7
from oms_platform.messages import ExecutionCopy, OrderEvent
from oms_platform.vocabulary import OrderStatus, Side
from oms_platform.wire import Topic, decode, encode
from tests.unit.oms_core.orders import NOW

A, B = "ACC-1", 'ACC-"2"'


def stored(account_id: str, sequence: int) -> StoredExecution:
    event = OrderEvent(
        event_id=uuid7(), order_id=uuid7(), account_id=account_id, client_order_id="c", sequence=2,
        stream_sequence=sequence, type="TradeApplied", status=OrderStatus.FILLED, symbol="AAPL",
        side=Side.BUY, quantity=100, occurred_at=NOW,
    )  # fmt: skip
    return StoredExecution(account_id, sequence, event.event_id, encode(event))


class Store:
    """Streams in memory, of which every second event is an execution."""

    def __init__(self) -> None:
        self.rows: list[StoredExecution] = []
        self.kept: dict[str, int] = {}
        self.fails = False
        # Accounts whose executions were read.
        self.read: list[str] = []

    def add(self, account_id: str, count: int = 1) -> list[StoredExecution]:
        """Store executions. Returns them, as the loop hands them over."""
        for _ in range(count):
            self.rows.append(stored(account_id, self.head(account_id) + 2))
        return self.rows[-count:]

    def head(self, account_id: str) -> int:
        return max((row.sequence for row in self.rows if row.account_id == account_id), default=0)

    def behind(self, accounts: Sequence[str]) -> Mapping[str, int]:
        heads = {one: self.head(one) for one in accounts}
        return {one: head for one, head in heads.items() if head > self.kept.get(one, 0)}

    def places(self, accounts: Sequence[str]) -> Mapping[str, int]:
        return {one: self.kept.get(one, 0) for one in accounts}

    def executions(self, places: Mapping[str, int], rows_max: int) -> Sequence[StoredExecution]:
        self.read += places
        return [
            row
            for one in sorted(places)
            for row in [r for r in self.rows if r.account_id == one and r.sequence > places[one]][:rows_max]
        ]

    def keep(self, places: Mapping[str, int]) -> None:
        if self.fails:
            raise OperationalError("Postgres is away")
        self.kept |= places

    def close(self) -> None:
        """Do nothing."""


class Sink:
    """What Kafka has."""

    def __init__(self) -> None:
        self.queued: list[ExecutionCopy] = []
        self.has: list[ExecutionCopy] = []
        self.fails = False

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        assert (topic, type_name) == (Topic.DROP_COPY.value, "ExecutionCopy")
        message = decode(type_name, payload)
        assert isinstance(message, ExecutionCopy)
        assert (message.account_id, message.event.event_id) == (key, event_id)
        self.queued.append(message)

    def flush(self) -> None:
        """Take what is queued, or fail when it is."""
        self.has += self.queued
        self.queued = []
        if self.fails:
            raise OperationalError("Kafka is away")

    def told(self, account_id: str) -> list[tuple[int, int, bool]]:
        return [
            (one.sequence, one.previous_sequence, one.poss_dup)
            for one in self.has
            if one.account_id == account_id
        ]


def run(copies: ExecutionCopies) -> None:
    for _ in range(1_000):
        if not copies.step():
            return
    raise AssertionError("it has something to do for ever")


def begun(store: Store, sink: Sink) -> ExecutionCopies:
    copies = ExecutionCopies(store, sink)
    copies.take([A, B])
    run(copies)
    return copies


def test_an_execution_is_copied_once_in_its_accounts_order_and_names_the_one_before() -> None:
    store, sink = Store(), Sink()
    copies = begun(store, sink)
    copies.note([*store.add(A, 2), *store.add(B)])
    run(copies)
    copies.note(store.add(A))
    run(copies)
    assert sink.told(A) == [(2, 0, False), (4, 2, False), (6, 4, False)]
    assert sink.told(B) == [(2, 0, False)]
    assert store.kept == {A: 6, B: 2}


def test_what_another_life_left_is_copied_and_says_that_it_may_have_been_sent() -> None:
    store, sink = Store(), Sink()
    store.add(A, 3)
    store.kept = {A: 2}
    copies = begun(store, sink)
    copies.note(store.add(A))
    run(copies)
    assert sink.told(A) == [(4, 2, True), (6, 4, True), (8, 6, False)]


@pytest.mark.parametrize("part", ["store", "sink"])
def test_what_failed_between_is_sent_again_and_says_so(part: str) -> None:
    store, sink = Store(), Sink()
    copies = begun(store, sink)
    failing = store if part == "store" else sink
    copies.note(store.add(A))
    failing.fails = True
    with pytest.raises(OperationalError):
        copies.step()
    failing.fails = False
    store.add(A)
    run(copies)
    assert sink.told(A) == [(2, 0, False), (2, 0, True), (4, 2, False)]


def test_what_kafka_did_not_take_is_not_kept_as_copied() -> None:
    store, sink = Store(), Sink()
    copies = begun(store, sink)
    copies.note(store.add(A))
    sink.fails = True
    with pytest.raises(OperationalError):
        copies.step()
    assert store.kept == {}


def test_what_is_handed_over_is_not_read_and_what_is_too_much_to_keep_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oms_core.entrypoints.execution_copies.HELD_MAX", 4)
    store, sink = Store(), Sink()
    copies = begun(store, sink)
    copies.note([*store.add(A, 2), *store.add(B, ROWS_A_STEP + 5), *store.add(A, 2)])
    run(copies)
    assert set(store.read) == {B}
    assert [one[0] for one in sink.told(A)] == [2, 4, 6, 8]
    assert [one[0] for one in sink.told(B)] == [2 * n for n in range(1, ROWS_A_STEP + 6)]
    copies.note(store.add(B))
    run(copies)
    assert store.read.count(B) == 2


def test_what_is_stored_while_a_step_reads_is_sent_once() -> None:
    store, sink = Store(), Sink()
    store.add(A)
    copies = ExecutionCopies(store, sink)
    copies.take([A])
    whole = store.executions

    def executions(places: Mapping[str, int], rows_max: int) -> Sequence[StoredExecution]:
        copies.note(store.add(A))
        return whole(places, rows_max)

    store.executions = executions  # type: ignore[method-assign]
    copies.step()
    copies.step()
    store.executions = whole  # type: ignore[method-assign]
    run(copies)
    assert sink.told(A) == [(2, 0, True), (4, 2, False)]


@pytest.mark.parametrize("held_max", [0, 2, 1000])
@given(st.lists(st.sampled_from(["A", "B", "step", "fail", "restart", "gone"]), max_size=40))
def test_whatever_happens_each_is_there_in_order_and_what_is_there_twice_says_so(
    held_max: int, steps: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("oms_core.entrypoints.execution_copies.HELD_MAX", held_max)
        _copies_are_whole(steps)


def _copies_are_whole(steps: list[str]) -> None:
    store, sink = Store(), Sink()
    copies = begun(store, sink)
    for step in steps:
        if step in ("A", "B"):
            account = {"A": A, "B": B}[step]
            copies.note(store.add(account))
        elif step == "restart":
            sink.queued.clear()
            copies = ExecutionCopies(store, sink)
            copies.take([A, B])
        elif step == "gone":
            copies.take([])
            copies.take([A, B])
        else:
            store.fails = step == "fail"
            with contextlib.suppress(OperationalError):
                copies.step()
            store.fails = False
    run(copies)
    for account in (A, B):
        first: list[int] = []
        for sequence, previous, doubtful in sink.told(account):
            assert doubtful or sequence not in first
            if sequence not in first:
                assert previous == (first[-1] if first else 0)
                first.append(sequence)
        assert first == [row.sequence for row in store.rows if row.account_id == account]


def test_whatever_fails_the_thread_goes_on_and_copies_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDLE_S", "RETRY_S", "GATHER_S"):
        monkeypatch.setattr(f"oms_core.entrypoints.execution_copies.{name}", 0.001)
    store, sink = Store(), Sink()
    store.add(A)
    whole, errors = store.executions, [ValueError("a fault of ours"), OperationalError("away")]

    def executions(places: Mapping[str, int], rows_max: int) -> Sequence[StoredExecution]:
        if errors:
            raise errors.pop(0)
        return whole(places, rows_max)

    monkeypatch.setattr(store, "executions", executions)
    copies = ExecutionCopies(store, sink)
    copies.take([A])
    copies.start()
    deadline = time.monotonic() + 10
    while not sink.has and time.monotonic() < deadline:
        time.sleep(0.001)
    copies.stop()
    assert sink.told(A) == [(2, 0, True)] and errors == []


def test_a_copy_is_the_message_of_the_contract() -> None:
    row = stored(B, 7)
    event = msgspec.json.decode(row.payload, type=OrderEvent)
    for previous, doubt in ((0, False), (5, True)):
        whole = ExecutionCopy(
            account_id=B, sequence=7, previous_sequence=previous, poss_dup=doubt, event=event
        )
        assert copy_of(row, previous, poss_dup=doubt) == encode(whole)
