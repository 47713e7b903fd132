"""New orders are refused while the oldest one waits too long, and no longer than that."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.adapters import backlog as backlog_module
from oms_api.adapters.backlog import SET_ASIDE_MS, OutcomeBacklog
from oms_api.domain import unanswered as unanswered_module
from oms_api.domain.unanswered import OUTCOMES, Unanswered
from oms_api.entrypoints.event_tail import read_event
from oms_api.ports import EncodedEvent, NewChange, NewOrder, StreamedEvent, UnavailableError
from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import EncodedRecord
from oms_platform.messages import CancelOrder, OrderEvent
from oms_platform.vocabulary import Message, OrderAccepted, OrderStatus, RouteRequested, Side
from oms_platform.wire import encode
from tests.ingest import submit_order

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ROUTE = RouteRequested(route_id=uuid7(), attempt=1, quantity=1, requested_at=NOW)


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Store:
    """What Postgres knows of outcomes. away: it does not answer."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.asked = 0
        self.away = False

    async def answered(self, order_ids: Iterable[str], outcomes: Iterable[str]) -> set[str]:
        self.asked += 1
        if self.away:
            raise UnavailableError("away")
        wanted = set(outcomes)
        return {order_id for order_id in order_ids if self.outcomes.get(order_id) in wanted}


def order() -> NewOrder:
    message = submit_order()
    return NewOrder(message=message, payload=encode(message), trace="")


def event(placed: NewOrder, kind: str) -> EncodedEvent:
    return EncodedEvent(StreamedEvent("A", 1, str(placed.message.order_id), kind, NOW), "{}")


class Rig:
    """A backlog on a clock and a store."""

    def __init__(self) -> None:
        self.time, self.store = Time(), Store()
        self.backlog = OutcomeBacklog(self.store, shed_age_s=2.0, monotonic=self.time)

    def place(self) -> NewOrder:
        made = order()
        self.backlog.on_published([made])
        return made

    def after(self, seconds: float) -> bool:
        """Let time pass and look. Returns whether new orders are refused."""
        self.time.now_s += seconds
        asyncio.run(self.backlog.look())
        return bool(self.backlog.problem())


def test_new_orders_are_refused_when_the_oldest_has_waited_too_long_and_taken_when_it_is_answered() -> None:
    rig = Rig()
    placed = rig.place()
    assert not rig.after(1.9)
    assert rig.after(0.2)
    assert "more than 2 s" in rig.backlog.problem()
    rig.backlog.on_events([event(placed, "RoutePlaced")])
    assert not rig.after(0)


@pytest.mark.parametrize("kind", sorted(OUTCOMES))
def test_an_order_that_is_routed_deferred_or_closed_has_its_outcome(kind: str) -> None:
    rig = Rig()
    placed = rig.place()
    rig.backlog.on_events([event(placed, kind)])
    assert not rig.after(100)


@pytest.mark.parametrize("kind", ["OrderAccepted", "RouteRequested", "CancelRequested", "CancelRejected"])
def test_an_order_that_was_only_accepted_still_waits(kind: str) -> None:
    rig = Rig()
    placed = rig.place()
    rig.backlog.on_events([event(placed, kind)])
    assert rig.after(3)


def test_an_order_that_was_accepted_and_asks_for_no_route_waits_for_its_stop_and_not_for_core() -> None:
    for route, refused in ((None, False), (ROUTE, True)):
        rig = Rig()
        placed = rig.place()
        accepted = OrderEvent(
            event_id=uuid7(),
            order_id=placed.message.order_id,
            account_id="A",
            client_order_id="C",
            sequence=2,
            stream_sequence=1,
            type="OrderAccepted",
            status=OrderStatus.ACKNOWLEDGED,
            symbol="AAPL",
            side=Side.BUY,
            quantity=1,
            occurred_at=NOW,
            order_accepted=OrderAccepted(reserved_price_micros=1, route=route),
        )
        record = EncodedRecord(type_name="OrderEvent", payload=encode(accepted), trace="")
        found = read_event(record)
        assert found is not None
        rig.backlog.on_events([found])
        assert rig.after(3) is refused


# What only comes after an outcome, or says nothing of where an order goes.
NO_OUTCOME = {
    "OrderAccepted", "RouteRequested", "CancelRequested", "CancelRejected", "ReplaceRequested",
    "OrderReplaced", "ReplaceRejected", "SuspendRejected", "OrderResumed", "ResumeRejected", "StopTriggered",
    "PegPriced", "AlgoPlanned", "SharesReleased", "AlgoHeld", "ChildClosed", "ChildCancelRejected",
    "ChildRestated", "TradeCorrected",
}  # fmt: skip


def test_every_change_that_events_carry_is_an_outcome_or_known_to_be_none() -> None:
    changes = {
        field.name.title().replace("_", "")
        for field in msgspec.structs.fields(OrderEvent)
        if any(isinstance(one, type) and issubclass(one, Message) for one in get_args(field.type))
    }
    assert changes == OUTCOMES | NO_OUTCOME
    assert not OUTCOMES & NO_OUTCOME


def test_refusing_ends_at_half_the_age_so_that_it_does_not_flap() -> None:
    rig = Rig()
    old = rig.place()
    assert not rig.after(0.6)
    rig.place()
    assert rig.after(1.5)
    rig.backlog.on_events([event(old, "RouteDeferred")])
    assert rig.after(0)  # the next is 1.5 s old
    rig.place()
    rig.store.outcomes = dict.fromkeys(
        rig.backlog._unanswered.older_than(1000, int(rig.time.now_s * 1000), 9), "OrderDenied"
    )
    assert not rig.after(0.6)


def test_an_outcome_that_kafka_did_not_bring_is_found_in_the_store_before_anybody_is_refused() -> None:
    rig = Rig()
    placed = rig.place()
    rig.store.outcomes[str(placed.message.order_id)] = "RoutePlaced"
    assert not rig.after(30)
    assert rig.store.asked == 1


def test_the_store_is_not_asked_while_everything_is_young_or_nothing_waits() -> None:
    rig = Rig()
    assert not rig.after(100)
    placed = rig.place()
    assert not rig.after(0.9)
    rig.backlog.on_events([event(placed, "OrderDenied")])
    assert not rig.after(100)
    assert rig.store.asked == 0


def test_a_store_that_is_away_changes_nothing() -> None:
    rig = Rig()
    rig.place()
    rig.store.away = True
    assert rig.after(3)


def test_one_order_that_never_has_an_outcome_does_not_stop_the_others_for_ever() -> None:
    rig = Rig()
    rig.place()
    assert rig.after(SET_ASIDE_MS / 1000)
    assert not rig.after(0.1)


def test_cancels_are_no_part_of_the_backlog() -> None:
    rig = Rig()
    message = CancelOrder(request_id=uuid7(), order_id=uuid7(), account_id="A", received_at=utc_now())
    rig.backlog.on_published([NewChange(message=message, payload=encode(message), trace="")])
    assert not rig.after(3)


def test_events_are_asked_for_while_something_waits_and_for_a_while_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog_module, "LOOK_S", 0)
    asked: list[bool] = []

    async def scenario() -> None:
        time = Time()
        backlog = OutcomeBacklog(Store(), shed_age_s=2.0, on_awaiting=asked.append, monotonic=time)
        running = asyncio.create_task(backlog.run())
        await asyncio.sleep(0)
        assert asked == []
        placed = order()
        backlog.on_published([placed])
        while not asked:
            await asyncio.sleep(0)
        backlog.on_events([event(placed, "RoutePlaced")])
        time.now_s += 100
        while len(asked) < 2:
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(scenario())
    assert asked == [True, False]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_the_oldest_is_the_first_that_has_no_outcome(steps: list[tuple[int, bool]]) -> None:
    kept, since = Unanswered(), {}
    for now_ms, (name, noted) in enumerate(steps):
        if noted and str(name) not in since:
            kept.note(str(name), now_ms)
            since[str(name)] = now_ms
        elif not noted:
            kept.answer([str(name)])
            since.pop(str(name), None)
        ages = [now_ms - at for at in since.values()]
        assert kept.oldest_ms(now_ms) == max(ages, default=0)
        assert set(kept.older_than(3, now_ms, 99)) == {name for name, at in since.items() if now_ms - at > 3}
        assert len(kept) == len(since)


def test_what_is_kept_is_bounded_and_the_oldest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered_module, "ORDERS_MAX", 3)
    kept = Unanswered()
    for number in range(10):
        kept.note(str(number), number)
    assert (len(kept), kept.oldest_ms(10)) == (3, 10)
