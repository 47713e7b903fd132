"""Children of a venue that takes only so much a second, that has no 35=H, or that is out on purpose."""

import pytest

from execution_adapter.child_outcomes import DOWN_TEXT, FULL_TEXT, UNSENT_TEXT
from execution_adapter.domain.child import MessageRefusal, Status
from execution_adapter.domain.session_settings import Capabilities, SessionSettings, Throttle
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import ChildTerms, ExecType
from tests.unit.execution_adapter.orders import NOW, plan
from tests.unit.execution_adapter.test_handlers import Scene


def settings_with(
    throttle: Throttle | None = None, capabilities: Capabilities | None = None
) -> SessionSettings:
    return SessionSettings(
        host="127.0.0.1",
        port=1,
        sender_comp_id="OMS",
        target_comp_id="XNYS",
        throttle=throttle,
        capabilities=capabilities or Capabilities(),
    )


@pytest.fixture
def scene() -> Scene:
    """A venue that takes one message a second, and two orders that wait."""
    found = Scene()
    found.manager.use_settings("XNYS", settings_with(Throttle(messages_per_second=1, queue_max=2)))
    found.up()
    return found


def pass_time(scene: Scene, seconds: float = 1.0) -> None:
    scene.now_s += seconds
    scene.manager.send_waiting(NOW, scene.now_s)


def texts(scene: Scene) -> list[str]:
    return [m.text for m in scene.outlet.messages if isinstance(m, ExecutionReport)]


def refuse(scene: Scene, child: ChildTerms, msg_type: str, text: str) -> None:
    live = scene.manager.get(child.cl_ord_id)
    assert live is not None
    refusal = MessageRefusal(
        venue_id="XNYS", msg_type="j", ref_seq=1, ref_msg_type=msg_type, ref_id=child.cl_ord_id, text=text
    )
    scene.manager.handle_inbound(refusal, live, b"", NOW, scene.now_s)


def test_orders_wait_for_their_turn_and_what_finds_the_queue_full_goes_elsewhere(scene: Scene) -> None:
    children = [scene.place(plan())[0] for _ in range(4)]
    assert scene.venues.types() == "D"
    assert scene.is_over(children[3])
    assert texts(scene) == [FULL_TEXT]
    for _ in range(3):
        pass_time(scene)
    assert [name for _, name in scene.venues.sent] == [child.cl_ord_id for child in children[:3]]


def test_a_cancel_goes_before_the_orders_that_wait(scene: Scene) -> None:
    first, second = plan(), plan()
    (rests,), (waits,) = scene.place(first), scene.place(second)
    scene.hear(rests, ExecType.NEW)
    scene.cancel(first)
    pass_time(scene)
    pass_time(scene)
    assert scene.venues.types() == "DFD"
    assert not scene.is_over(waits)


def test_an_order_that_is_canceled_while_it_waits_is_never_sent(scene: Scene) -> None:
    scene.place(plan())
    second = plan()
    (waits,) = scene.place(second)
    scene.cancel(second)
    assert scene.is_over(waits)
    assert texts(scene) == [UNSENT_TEXT]
    pass_time(scene)
    assert scene.venues.types() == "D"


def test_what_waits_for_a_venue_that_goes_down_goes_elsewhere_at_once(scene: Scene) -> None:
    scene.place(plan())
    (waits,) = scene.place(plan())
    scene.down()
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.is_over(waits)
    assert texts(scene) == [DOWN_TEXT]
    scene.up()
    pass_time(scene, 5.0)
    assert [name for kind, name in scene.venues.sent if kind == "D"] != [waits.cl_ord_id]
    assert scene.venues.types().count("D") == 1


def test_a_question_that_waits_is_no_question_without_an_answer(scene: Scene) -> None:
    (sent,) = scene.place(plan())
    for _ in range(2):
        scene.place(plan())
    scene.now_s = 0.5
    live = scene.manager.get(sent.cl_ord_id)
    assert live is not None
    live.last_try_s = -100.0
    for _ in range(20):
        live.last_try_s = -100.0
        scene.manager.ask_overdue(NOW, scene.now_s)
    assert live.tries <= 1
    for _ in range(3):
        pass_time(scene)
    assert scene.venues.types() == "DDDH"


@pytest.mark.parametrize("msg_type", ["F", "H"])
def test_what_a_venue_refuses_as_too_fast_is_sent_again_after_a_while(scene: Scene, msg_type: str) -> None:
    placed = plan()
    (child,) = scene.place(placed)
    scene.hear(child, ExecType.NEW)
    pass_time(scene)
    if msg_type == "F":
        scene.cancel(placed)
    else:
        live = scene.manager.get(child.cl_ord_id)
        assert live is not None
        scene.manager.ask_soon(live)
        scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == f"D{msg_type}"
    refuse(scene, child, msg_type, "THROTTLE limit")
    assert [m for m in scene.outlet.messages if type(m).__name__ == "CancelReject"] == []
    pass_time(scene, 0.9)
    assert scene.venues.types() == f"D{msg_type}"
    pass_time(scene, 0.2)
    assert scene.venues.types() == f"D{msg_type}{msg_type}"


def test_an_order_that_a_venue_refuses_as_too_fast_goes_elsewhere_and_nothing_is_sent_for_a_while(
    scene: Scene,
) -> None:
    (child,) = scene.place(plan())
    refuse(scene, child, "D", "too many messages")
    assert scene.is_over(child)
    scene.now_s = 0.95
    scene.place(plan())
    pass_time(scene, 0.0)
    assert scene.venues.types() == "D"
    pass_time(scene, 0.1)
    assert scene.venues.types() == "DD"


@pytest.mark.parametrize("canceled", [False, True])
def test_an_order_that_its_venue_never_saw_waits_as_one_that_never_left(scene: Scene, canceled: bool) -> None:
    placed = plan()
    (child,) = scene.place(placed)
    scene.down()
    scene.up()
    pass_time(scene)
    assert scene.venues.types() == "DH"
    pass_time(scene)
    scene.place(plan())
    scene.hear(child, ExecType.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[1][1])
    assert scene.venues.types() == "DHD"
    if canceled:
        scene.cancel(placed)
        assert scene.is_over(child)
    pass_time(scene)
    pass_time(scene)
    assert scene.venues.types() == ("DHD" if canceled else "DHDD")


def test_a_venue_that_has_no_status_requests_leaves_an_unanswered_order_to_a_person() -> None:
    scene = Scene()
    scene.manager.use_settings("XNYS", settings_with(capabilities=Capabilities(order_status=False)))
    scene.up()
    (child,) = scene.place(plan())
    for second in (6.0, 30.0):
        scene.now_s = second
        scene.manager.ask_overdue(NOW, scene.now_s)
    live = scene.manager.get(child.cl_ord_id)
    assert live is not None
    assert live.state.status is Status.UNRESOLVED


@pytest.mark.parametrize("order_status", [True, False])
def test_what_a_venue_may_have_canceled_on_a_disconnect_is_asked_for_or_a_persons(order_status: bool) -> None:
    scene = Scene()
    can = Capabilities(order_status=order_status, cancel_on_disconnect=True)
    scene.manager.use_settings("XNYS", settings_with(capabilities=can))
    scene.up()
    (child,) = scene.place(plan())
    scene.hear(child, ExecType.NEW)
    scene.down()
    scene.up()
    scene.manager.ask_overdue(NOW, scene.now_s)
    raised = scene.ledger.storable().exceptions
    if order_status:
        assert scene.venues.types() == "DH"
        assert raised == ()
    else:
        assert scene.venues.types() == "D"
        assert [(one.kind, one.cl_ord_id) for one in raised] == [(ExceptionKind.UNRESOLVED, child.cl_ord_id)]


def test_a_venue_that_is_out_on_purpose_gets_nothing_and_its_orders_go_elsewhere_at_once() -> None:
    scene = Scene()
    scene.venues.takes = False
    (before,) = scene.place(plan())
    scene.manager.handle_logout("XNYS", NOW, "logged out by somebody", on_purpose=True)
    (after,) = scene.place(plan())
    assert scene.is_over(after)
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.is_over(before)
    scene.up()
    scene.place(plan())
    assert scene.venues.types() == "D"


@pytest.mark.parametrize(
    ("heard", "leaves"),
    [
        ([(ExecType.TRADE, 50), (ExecType.TRADE, 100)], True),
        ([(ExecType.TRADE, 150)], False),
        ([(ExecType.TRADE, 100), (ExecType.TRADE, 130)], False),
        ([(ExecType.CANCELED, 0), (ExecType.TRADE, 10)], False),
    ],
    ids=["fills", "overfill", "overfill_after_the_end", "fill_after_the_end"],
)
def test_an_order_of_which_a_venue_has_more_than_was_counted_sends_no_more_until_it_is_counted(
    scene: Scene, heard: list[tuple[ExecType, int]], leaves: bool
) -> None:
    first = plan()
    (rests,) = scene.place(first)
    scene.hear(rests, ExecType.NEW)
    (waits,) = scene.place(plan(order_id=first.order_id, attempt=2))
    for kind, cum_qty in heard:
        scene.hear(rests, kind, cum_qty=cum_qty)
    pass_time(scene)
    assert scene.venues.types() == ("DD" if leaves else "D")
    assert [text.partition(":")[0] for text in texts(scene) if text] == ([] if leaves else ["GATE_COMMITTED"])
    scene.manager.note_counted(first.order_id)
    scene.place(plan(order_id=first.order_id, attempt=3))
    pass_time(scene)
    assert scene.venues.types() == ("DDD" if leaves else "DD")
    assert scene.is_over(waits) is not leaves
