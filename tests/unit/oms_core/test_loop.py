"""The core's loop: poison stops nobody, nothing is said twice that may be answered, one writer an account."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from oms_core.domain.order import Order
from oms_core.domain.risk import AccountTerms
from oms_core.entrypoints.loop import REFERENCE_EVERY
from oms_core.entrypoints.republication import RECORDS_PER_STEP_MAX, RESEND_AFTER
from oms_core.ports import AccountLostError, UnitOfWork
from oms_platform import ids
from oms_platform.audit_chain import request_digest
from oms_platform.kafka.memory import Written
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import ExecType, OrderType, Side
from oms_platform.wire import Topic, decode
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene, limits

LATE_S = RESEND_AFTER.total_seconds() + 1


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ---- poison


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"last_px_micros": 0}, "BAD_PRICE"),
        ({"last_px_micros": -1}, "BAD_PRICE"),
        ({"last_px_micros": None}, "BAD_PRICE"),
        ({"last_qty": 0}, "BAD_QUANTITY"),
        ({"last_qty": -5}, "BAD_QUANTITY"),
        ({"exec_id": ""}, "UNREADABLE"),
        ({"symbol": "MSFT"}, "CONTRADICTS_CHILD"),
        ({"side": Side.SELL}, "CONTRADICTS_CHILD"),
        ({"venue_id": "XNAS"}, "CONTRADICTS_CHILD"),
        ({"leg": 9}, "UNKNOWN_ORDER"),
    ],
)
def test_a_trade_that_cannot_be_applied_is_an_exception_and_the_next_one_counts(
    scene: Scene, fields: dict[str, Any], kind: str
) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    report = scene.report(order_id, ExecType.TRADE, **({"last_qty": 10, "last_px_micros": PRICE} | fields))
    scene.fill(order_id, 300)
    scene.send(Topic.FILLS, msgspec.structs.replace(report, received_at=scene.now + timedelta(seconds=5)))
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert (scene.exceptions(), scene.dead_letters()) == ([kind], [])
    (exception,) = scene.store.exceptions.values()
    assert decode("ExecutionReport", exception.raw) == report


def test_a_trade_that_the_database_refuses_is_an_exception() -> None:
    def refuses(unit: UnitOfWork) -> str | None:
        traded = any(event.message.last_qty == 10 for event in unit.events)
        return "value out of range" if traded else None

    scene = Scene(refuses=refuses)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 10)
    scene.fill(order_id, 290)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 290, 10)
    assert (scene.exceptions(), scene.dead_letters()) == (["UNREADABLE"], [])


def test_each_request_is_stored_with_the_digest_of_the_bytes_that_came() -> None:
    noted: dict[UUID, bytes] = {}

    def notes(unit: UnitOfWork) -> None:
        noted.update(unit.requests)

    scene = Scene(refuses=notes)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    cancel = scene.cancel(order_id)
    kinds = {"SubmitOrder": "NEW", "CancelOrder": "CANCEL"}
    came = [request_digest(kinds[one.type_name], one.payload) for one in scene.broker.records(Topic.INBOUND)]
    assert [noted[order_id], noted[cancel]] == came


def test_a_trade_of_an_order_that_nobody_stored_is_an_exception(scene: Scene) -> None:
    stranger = ids.uuid7()
    scene.fill(stranger, 10)
    scene.report(stranger, ExecType.CANCELED)
    assert scene.exceptions() == ["UNKNOWN_ORDER"]
    assert [letter.reason.split(":")[0] for letter in scene.dead_letters()] == ["UnknownOrderError"]


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"{}",
        b'{"orderId":"x"}',
        b"\xff",
        b'{"text":"\\u0000"}',
        b'{"text":"\\ud800"}',
        b'{"lastQty":99999999999}',
    ],
)
def test_a_record_that_cannot_be_read_is_a_dead_letter(scene: Scene, payload: bytes) -> None:
    scene.broker.write(
        Written(
            topic=Topic.FILLS.value, key=ACCOUNT, type_name="ExecutionReport", payload=payload, event_id=None
        )
    )
    scene.step()
    order_id = scene.order()
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    assert len(scene.dead_letters()) == 1


def test_what_the_database_refuses_is_found_and_the_rest_of_its_batch_is_stored() -> None:
    def refuses(unit: UnitOfWork) -> str | None:
        poison = any(event.message.client_order_id == "poison" for event in unit.events)
        return "value out of range" if poison else None

    scene = Scene(refuses=refuses)
    before = scene.order()
    scene.place(before, ("XNYS", 300))
    orders = [scene.order(publish=False, client_order_id=name) for name in ("good-1", "poison", "good-2")]
    for order_id in orders:
        scene.sink.send(Topic.INBOUND.value, ACCOUNT, scene.store.requests[order_id][0], event_id=order_id)
    scene.sink.flush()
    scene.step()
    assert [scene.state(order_id).status.name for order_id in orders] == [
        "ACKNOWLEDGED",
        "NEW",
        "ACKNOWLEDGED",
    ]
    assert [letter.reason for letter in scene.dead_letters()] == [
        "the database refuses what comes of it: value out of range"
    ]
    scene.fill(before, 300)
    assert scene.quantities(before) == ("FILLED", 300, 0)
    streams = [e.stream_sequence for e in scene.published(Topic.EVENTS) if isinstance(e, OrderEvent)]
    assert sorted(set(streams)) == list(range(1, max(streams) + 1))


def test_an_order_that_was_forgotten_long_ago_and_comes_again_collides_and_is_left_alone(
    scene: Scene,
) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300)
    scene.core.desk.closed.clear()
    scene.send(Topic.INBOUND, scene.store.requests[order_id][0])
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert scene.dead_letters() == []


def test_old_orders_that_come_again_are_looked_up_before_their_events_collide(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [scene.order() for _ in range(3)]
    for order_id in orders:
        scene.place(order_id, ("XNYS", 300))
        scene.fill(order_id, 300)
    scene.core.desk.closed.clear()
    scene.step(seconds=11)
    monkeypatch.setattr(scene.loop, "_handle_singly", lambda _batch, reason: pytest.fail(reason))
    for order_id in orders:
        scene.sink.send(Topic.INBOUND.value, ACCOUNT, scene.store.requests[order_id][0], event_id=order_id)
    scene.sink.flush()
    scene.step()
    assert [scene.quantities(order_id) for order_id in orders] == [("FILLED", 300, 0)] * 3


# ---- the request log


def test_a_request_that_kafka_never_brings_is_taken_from_the_log(scene: Scene) -> None:
    order_id = scene.order(publish=False)
    scene.step(seconds=10)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.place(order_id, ("XNYS", 300))
    scene.cancel(order_id, publish=False)
    scene.step(seconds=10)
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"


def test_a_request_that_came_both_ways_has_one_outcome(scene: Scene) -> None:
    order_id = scene.order(publish=False)
    scene.step(seconds=10)
    scene.send(Topic.INBOUND, scene.store.requests[order_id][0])
    assert scene.event_types(order_id) == ["OrderAccepted"]


# ---- what is said again


def routes(scene: Scene, order_id: UUID) -> int:
    return sum(request.order_id == order_id for request in scene.route_requests())


def test_a_request_is_not_said_again_while_the_router_has_not_read_the_first(scene: Scene) -> None:
    order_id = scene.order()
    for _ in range(100):
        scene.step(seconds=10)
    assert routes(scene, order_id) == 1


def test_a_request_is_not_said_again_while_its_answer_may_be_with_the_adapter(scene: Scene) -> None:
    order_id = scene.order()
    scene.read[Topic.VALIDATED] = 1
    scene.sink.send(Topic.ROUTED.value, str(order_id), scene.route_requests()[0], event_id=order_id)
    scene.sink.flush()
    for _ in range(100):
        scene.step(seconds=10)
    assert routes(scene, order_id) == 1


def test_a_request_that_everybody_has_read_and_nobody_answered_is_said_again_with_its_ids(
    scene: Scene,
) -> None:
    scene.order()
    scene.everybody_has_read()
    scene.step(seconds=LATE_S)
    first, again = scene.route_requests()
    assert first == again


def test_what_is_said_again_waits_twice_as_long_each_time(scene: Scene) -> None:
    order_id = scene.order()
    said: list[int] = []
    for _ in range(16):
        scene.everybody_has_read()
        scene.step(seconds=LATE_S)
        said.append(routes(scene, order_id))
    assert said[0] == 2
    assert said[-1] == 5


def test_a_cancel_is_said_again_by_its_own_age_with_its_request_id(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.now += RESEND_AFTER * 10
    request_id = scene.cancel(order_id)
    for _ in range(5):
        scene.everybody_has_read()
        scene.step(seconds=1)
    assert len(scene.published(Topic.ROUTED)) == 1
    scene.everybody_has_read()
    scene.step(seconds=LATE_S)
    scene.everybody_has_read()
    scene.step(seconds=1)
    cancels = scene.published(Topic.ROUTED)
    assert [cancel.request_id for cancel in cancels] == [request_id, request_id]  # type: ignore[attr-defined]
    assert cancels[0] == cancels[1]


def test_a_backlog_is_never_added_to_and_drains_without_one_repeat(scene: Scene) -> None:
    orders = [scene.order() for _ in range(500)]
    for _ in range(60):
        scene.step(seconds=10)
    assert len(scene.route_requests()) == 500
    scene.everybody_has_read()
    for order_id in orders:
        scene.place(order_id, ("XNYS", 300))
    for _ in range(10):
        scene.everybody_has_read()
        scene.step(seconds=10)
    assert len(scene.route_requests()) == 500


def test_after_a_crash_between_commit_and_publication_what_is_owed_is_said(scene: Scene) -> None:
    scene.sink._on_flush = lambda queued: [r for r in queued if r.topic == Topic.EVENTS.value]
    order_id = scene.order()
    assert scene.route_requests() == []
    scene.sink._on_flush = lambda queued: queued
    scene.start()
    scene.step()
    assert routes(scene, order_id) == 1


def test_a_cancel_ends_though_the_route_request_of_its_order_was_lost(scene: Scene) -> None:
    scene.sink._on_flush = lambda queued: [r for r in queued if r.topic != Topic.VALIDATED.value]
    order_id = scene.order()
    scene.sink._on_flush = lambda queued: queued
    scene.cancel(order_id)
    assert routes(scene, order_id) == 0
    scene.everybody_has_read()
    scene.step(seconds=LATE_S)
    assert routes(scene, order_id) == 1
    assert [type(said).__name__ for said in scene.published(Topic.ROUTED)] == ["CancelChildren"] * 2
    scene.place(order_id, refused=True)
    assert scene.quantities(order_id) == ("CANCELED", 0, 0)


def test_a_broker_that_lost_everything_is_told_what_is_owed_once_and_in_slices(scene: Scene) -> None:
    count = RECORDS_PER_STEP_MAX * 2 + 10
    for _ in range(count):
        scene.order()
    scene.broker.wipe()
    scene.store.offsets.clear()
    scene.read = dict.fromkeys(scene.read, 0)
    scene.start()
    scene.step()
    assert len(scene.route_requests()) == RECORDS_PER_STEP_MAX
    for _ in range(10):
        scene.step(seconds=1)
    assert len({request.order_id for request in scene.route_requests()}) == count
    assert len(scene.route_requests()) == count


# ---- one writer an account


def test_a_core_that_another_one_has_overtaken_stores_nothing_more() -> None:
    scene = Scene()
    order_id = scene.order()
    overtaken = scene.loop
    scene.start()
    scene.place(order_id, ("XNYS", 300))
    stored = dict(scene.store.orders)
    request = scene.order(publish=False, order_type=OrderType.MARKET)
    late = scene.store.requests[request][0]
    scene.sink.send(Topic.INBOUND.value, ACCOUNT, late, event_id=request)
    scene.sink.flush()
    with pytest.raises(AccountLostError):
        overtaken.step(0)
    assert scene.store.orders[order_id] == stored[order_id]


def test_a_core_that_another_one_has_overtaken_buries_nothing_and_passes_nothing() -> None:
    scene = Scene()
    order_id = scene.order()
    overtaken, reader = scene.loop, scene.source
    scene.start()
    scene.place(order_id, ("XNYS", 300))
    report = scene.fill(order_id, 100)
    offsets = dict(scene.store.offsets)
    # It goes on reading, and knows nothing of the child.
    reader.poll()
    scene.sink.send(Topic.FILLS.value, ACCOUNT, report, event_id=order_id)
    scene.sink.flush()
    with pytest.raises(AccountLostError):
        overtaken.step(0)
    # What it had queued would go out sooner or later.
    scene.sink.flush()
    assert scene.dead_letters() == []
    assert scene.store.offsets == offsets


def test_a_core_without_partitions_has_no_timers_and_no_orders(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, reason="NO_VENUE")
    scene.loop.drop_partitions()
    before = len(scene.store.events[order_id])
    for _ in range(20):
        scene.step(seconds=10)
    assert len(scene.store.events[order_id]) == before
    assert scene.core.desk.orders == {}


def test_the_desk_that_is_rebuilt_is_the_desk_that_was(scene: Scene) -> None:
    orders = [scene.order(quantity=100 * number) for number in range(1, 6)]
    scene.place(orders[0], ("XNYS", 100))
    scene.fill(orders[0], 40)
    scene.cancel(orders[1])
    scene.place(orders[2], ("XNYS", 300))
    scene.fill(orders[2], 300, exec_id="E1")
    scene.correct(orders[2], "E1", 200, leaves_qty=100)
    scene.place(orders[3], ("XNYS", 400))
    scene.report(orders[3], ExecType.CALCULATED, unresolved_qty=300)
    scene.place(orders[4], ("XNYS", 500))
    scene.fill(orders[4], 600)
    scene.bust(orders[4], scene.store.executions[-1].trade_applied.exec_id)  # type: ignore[union-attr]
    before: dict[UUID, Order] = dict(scene.core.desk.orders)
    assert len(before) == 5
    desk = scene.core.desk
    effects = {order_id: desk.effects[order_id] for order_id in before}
    scene.start()
    assert scene.core.desk.orders == before
    assert scene.core.desk.effects == effects
    assert scene.core.desk.states[ACCOUNT] == desk.states[ACCOUNT]
    assert scene.core.desk.positions == desk.positions


# ---- what people change


def test_a_limit_that_is_set_holds_for_the_first_order_after_the_next_look_at_reference_data(
    scene: Scene,
) -> None:
    scene.step(5)  # a sweep: the next one is five seconds away
    assert scene.quantities(scene.order())[0] == "ACKNOWLEDGED"
    scene.store.set_rules(limits(quantity_max=299))
    waiting = scene.order(publish=False)
    scene.now += REFERENCE_EVERY
    scene.publish(waiting)
    assert scene.state(waiting).text == "ORDER_QTY_EXCEEDS_MAX: quantity=300, limit=299"
    scene.store.set_rules(limits(quantity_max=300))
    scene.now += REFERENCE_EVERY
    assert scene.quantities(scene.order())[0] == "ACKNOWLEDGED"


def test_reference_data_are_looked_at_by_their_own_time_and_not_with_every_step(scene: Scene) -> None:
    scene.step(5)
    scene.store.set_rules(limits(quantity_max=299))
    scene.step(REFERENCE_EVERY.total_seconds() / 2)
    assert scene.quantities(scene.order())[0] == "ACKNOWLEDGED"


# ---- what is opened meanwhile


def test_an_account_that_was_just_opened_trades_with_its_first_order_and_is_owned(scene: Scene) -> None:
    """No rebalance and no look by time in between: kill switches, loads and losses go by what is owned."""
    scene.step(1)
    scene.store.set_account(AccountTerms(account_id="ACC-NEW"))
    order_id = scene.order(account_id="ACC-NEW")
    assert "OrderAccepted" in scene.event_types(order_id)
    assert "ACC-NEW" in scene.core.desk.owned


def test_an_instrument_that_was_just_listed_trades_with_its_first_order(scene: Scene) -> None:
    scene.step(1)
    listed = scene.core.desk.instruments["AAPL"]
    scene.store.set_instrument(msgspec.structs.replace(listed, symbol="NEWS"))
    assert "OrderAccepted" in scene.event_types(scene.order(symbol="NEWS"))


def test_an_account_of_another_cores_partitions_is_not_owned_when_it_is_opened(scene: Scene) -> None:
    scene.store._partition_of = lambda account: 9 if account == "ACC-NEW" else 0
    scene.store.set_account(AccountTerms(account_id="ACC-NEW"))
    scene.step(1)
    assert ("ACC-NEW" in scene.core.desk.accounts, "ACC-NEW" in scene.core.desk.owned) == (True, False)
