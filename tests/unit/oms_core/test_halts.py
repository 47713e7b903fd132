"""A halt of a symbol: new orders are denied, nothing more is routed, cancels go on; after it all goes on."""

from msgspec.structs import replace

from oms_core.domain.risk import InstrumentTerms
from oms_platform.vocabulary import CancelCause, ExecType, OrderType, TimeInForce
from tests.unit.oms_core.scene import Scene


def halt(scene: Scene, reason: str = "news is pending", **changes: object) -> None:
    """Halt AAPL, or change what is known of it, and let the core see it."""
    known = InstrumentTerms(symbol="AAPL", active=True, calendar_id="EVER_OPEN")
    scene.store.set_instrument(replace(known, halt=reason, **changes))
    scene.step(5)
    scene.step(1)


def test_a_halted_symbol_takes_no_order_of_any_kind_and_says_why() -> None:
    scene = Scene()
    halt(scene)
    for time_in_force in TimeInForce:
        for order_type in (OrderType.LIMIT, OrderType.MARKET):
            order_id = scene.order(time_in_force=time_in_force, order_type=order_type)
            assert scene.state(order_id).text == "INSTRUMENT_HALTED: symbol=AAPL, reason=news is pending"
            assert scene.route_requests() == []


def test_what_venues_give_back_of_a_halted_symbol_waits_and_goes_on_when_it_trades_again() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    halt(scene)
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CANCELED)
    for _ in range(5):
        scene.step(10)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert len(scene.route_requests()) == 1
    halt(scene, "")
    assert [(one.order_id, one.quantity) for one in scene.route_requests()[1:]] == [(order_id, 200)]


def test_an_order_whose_route_brings_nothing_waits_for_the_end_of_the_halt_and_no_longer() -> None:
    scene = Scene()
    order_id = scene.order()
    halt(scene)
    scene.place(order_id)
    for _ in range(5):
        scene.step(60)
    assert len(scene.route_requests()) == 1
    halt(scene, "")
    scene.step(1)
    assert len(scene.route_requests()) == 2


def test_a_cancel_of_a_halted_symbol_is_taken_and_an_order_that_only_waits_is_canceled_at_once() -> None:
    scene = Scene()
    working, waiting = scene.order(), scene.order()
    for order_id in (working, waiting):
        scene.place(order_id, ("XNYS", 300))
    halt(scene)
    scene.report(waiting, ExecType.EXPIRED)
    for order_id in (working, waiting):
        scene.cancel(order_id)
    assert scene.quantities(waiting) == ("CANCELED", 0, 0)
    assert scene.quantities(working)[0] == "PENDING_CANCEL"
    canceled = scene.state(working).cancel
    assert canceled is not None and canceled.cause is CancelCause.CLIENT
    scene.report(working, ExecType.CANCELED)
    assert scene.quantities(working) == ("CANCELED", 0, 0)
    halt(scene, "")
    assert len(scene.route_requests()) == 2


def test_a_core_that_starts_after_the_halt_was_lifted_goes_on_with_what_waited() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    halt(scene)
    scene.report(order_id, ExecType.EXPIRED)
    asked = len(scene.route_requests())
    scene.store.set_instrument(InstrumentTerms(symbol="AAPL", active=True, calendar_id="EVER_OPEN"))
    scene.start()
    for _ in range(3):
        scene.step(1)
    assert [one.order_id for one in scene.route_requests()[asked:]] == [order_id]


def test_an_instrument_that_is_no_longer_active_is_not_routed_either() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    halt(scene, "", active=False)
    scene.report(order_id, ExecType.EXPIRED)
    scene.step(60)
    assert len(scene.route_requests()) == 1
    halt(scene, "", active=True)
    scene.step(1)
    assert len(scene.route_requests()) == 2


def test_a_halt_that_ends_before_the_next_sweep_leaves_nothing_waiting() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.step(1)
    known = InstrumentTerms(symbol="AAPL", active=True, calendar_id="EVER_OPEN")
    scene.store.set_instrument(replace(known, halt="news is pending"))
    scene.step(0.3)
    scene.report(order_id, ExecType.EXPIRED)
    assert len(scene.route_requests()) == 1
    scene.store.set_instrument(known)
    scene.step(0.3)
    scene.step(0.3)
    assert len(scene.route_requests()) == 2
