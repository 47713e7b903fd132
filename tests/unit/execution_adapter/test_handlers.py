"""What the adapter does, message by message; venues and outlet only write down what they are told."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from execution_adapter.domain.child import (
    CancelRefusal,
    Child,
    ChildState,
    Kind,
    MessageRefusal,
    Report,
    Status,
)
from execution_adapter.handlers import Desk, InvalidPlanError, States, children_of
from execution_adapter.ports import SentMessage, StoredChild
from oms_platform.ids import child_cl_ord_id, route_id, uuid7
from oms_platform.messages import (
    CancelChildren,
    CancelReject,
    ExecutionReport,
    RouteExplanation,
    RouteLeg,
    RoutePlan,
)
from oms_platform.telemetry.tracing import Tracer
from oms_platform.vocabulary import Message, RoutePlaced, Side, TimeInForce
from tests.span_collector import NotedSpans

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UNTRACED = f"00-{'a' * 32}-{'b' * 16}-00"
TRACED = f"00-{'a' * 32}-{'b' * 16}-01"


class NotedVenues:
    """Writes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.by_seq: dict[int, SentMessage] = {}

    def _note(self, msg_type: str, cl_ord_id: str) -> None:
        self.sent.append((msg_type, cl_ord_id))
        self.by_seq[len(self.sent)] = SentMessage(msg_type=msg_type, cl_ord_id=cl_ord_id, orig_cl_ord_id="")

    def send_order(self, child: Child, at: datetime) -> None:
        self._note("D", child.cl_ord_id)

    def send_cancel(self, child: Child, cl_ord_id: str, at: datetime) -> None:
        self._note("F", cl_ord_id)

    def ask_status(self, child: Child, ask_id: str) -> None:
        self._note("H", ask_id)

    def next_out_seq(self, venue_id: str) -> int:
        return len(self.sent) + 1

    def expected_in_seq(self, venue_id: str) -> int:
        return 1

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        return self.by_seq.get(seq)

    def types(self) -> str:
        return "".join(msg_type for msg_type, _ in self.sent)


class NotedOutlet:
    """Writes down what is published."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.traces: list[str] = []

    def send(self, account_id: str, message: Message, trace: str) -> None:
        self.messages.append(message)
        self.traces.append(trace)

    def kinds(self) -> list[str]:
        return [
            m.exec_type.name if isinstance(m, ExecutionReport) else type(m).__name__ for m in self.messages
        ]


class Scene:
    def __init__(self) -> None:
        self.venues, self.outlet, self.spans = NotedVenues(), NotedOutlet(), NotedSpans()
        self.desk = Desk(self.venues, self.outlet, status_timeout_s=5.0, tracer=Tracer(self.spans))
        self.states: States = {}
        self.now_s = 0.0

    def up(self) -> None:
        self.desk.handle_logon("XNYS", NOW, self.now_s)

    def down(self) -> None:
        self.desk.handle_logout("XNYS")

    def place(self, plan: RoutePlan, trace: str = "") -> list[Child]:
        children = children_of(plan)
        self.desk.handle_placed(plan, children, NOW, self.now_s, trace)
        return children

    def cancel(self, plan: RoutePlan) -> None:
        cancel = CancelChildren(
            request_id=uuid7(), order_id=plan.order_id, account_id=plan.account_id, requested_at=NOW
        )
        self.desk.handle_cancel(cancel, NOW, self.now_s)

    def hear(
        self, child: Child, kind: Kind, *, unknown: bool = False, ask_id: str = "", cum_qty: int = 0
    ) -> None:
        live = self.desk.get(child.cl_ord_id)
        assert live is not None
        heard = Report(
            venue_id="XNYS",
            cl_ord_id=child.cl_ord_id,
            exec_id="E",
            kind=kind,
            transact_time=NOW,
            venue_order_id="V",
            cum_qty=cum_qty,
            unknown=unknown,
            ask_id=ask_id,
        )
        self.desk.handle_inbound(heard, live, self.states, NOW, self.now_s)

    def hear_cancel_refused(self, child: Child, reason: int) -> None:
        live = self.desk.get(child.cl_ord_id)
        assert live is not None
        refusal = CancelRefusal(
            venue_id="XNYS",
            cl_ord_id=f"{child.cl_ord_id}-C1",
            child_id=child.cl_ord_id,
            reason=reason,
            text="",
            transact_time=NOW,
        )
        self.desk.handle_inbound(refusal, live, self.states, NOW, self.now_s)

    def restart(self, child: Child, *, tombstoned: bool = False, status: Status = Status.PENDING_NEW) -> None:
        self.desk.load(
            [
                StoredChild(
                    child=child,
                    state=ChildState(status=status, cum_qty=0, leaves_qty=child.quantity),
                    tombstoned=tombstoned,
                )
            ]
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def plan(legs: int = 1) -> RoutePlan:
    order_id = uuid7()
    return RoutePlan(
        route_id=route_id(order_id, 1),
        order_id=order_id,
        account_id="ACC",
        attempt=1,
        symbol="AAPL",
        side=Side.SELL,
        quantity=100 * legs,
        explanation=RouteExplanation(book_at=None, profile="p", profile_version=1, venues=(), summary=""),
        received_at=NOW,
        decided_at=NOW,
        legs=tuple(
            RouteLeg(
                leg=number,
                cl_ord_id=child_cl_ord_id(order_id, 1, number),
                venue_id="XNYS",
                quantity=100,
                limit_price=Decimal("10.01"),
                time_in_force=TimeInForce.IOC,
            )
            for number in range(1, legs + 1)
        ),
    )


def test_core_hears_of_a_route_before_its_order_goes_out(scene: Scene) -> None:
    scene.up()
    scene.place(plan(legs=2))
    assert scene.outlet.kinds() == ["RoutePlaced"]
    assert scene.venues.types() == "DD"


def test_a_traced_childs_way_to_the_venue_and_back_is_two_kinds_of_spans(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), TRACED)
    scene.hear(child, Kind.NEW)
    scene.hear(child, Kind.TRADE, cum_qty=100)
    assert scene.spans.names() == ["NewOrderSingle", "ExecutionReport", "ExecutionReport"]
    assert {span.attributes["cl_ord_id"] for span in scene.spans.spans} == {child.cl_ord_id}
    assert scene.outlet.traces == [TRACED] * 3


def test_a_venues_rejection_is_traced_whatever_the_ratio(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), UNTRACED)
    scene.hear(child, Kind.REJECTED)
    assert scene.spans.names() == ["NewOrderSingle", "ExecutionReport"]
    assert scene.spans.spans[-1].error == "rejected"
    assert scene.outlet.traces == [UNTRACED, TRACED]


def test_an_untraced_childs_reports_carry_the_venues_time_and_write_nothing(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), UNTRACED)
    scene.hear(child, Kind.NEW)
    assert scene.spans.names() == []
    hop = scene.outlet.traces[-1].removeprefix(UNTRACED)
    assert hop.startswith("V") and hop.endswith(".0;")


def test_what_was_never_sent_goes_out_at_logon_without_a_question(scene: Scene) -> None:
    scene.place(plan())
    assert scene.venues.types() == ""
    scene.up()
    assert scene.venues.types() == "D"


def test_what_an_earlier_run_left_is_asked_about_and_sent_once_when_unknown(scene: Scene) -> None:
    (child,) = children_of(plan())
    scene.restart(child)
    scene.up()
    assert scene.venues.types() == "H"
    question = scene.venues.sent[0][1]
    scene.hear(child, Kind.ORDER_STATUS, unknown=True, ask_id=question)
    scene.hear(child, Kind.ORDER_STATUS, unknown=True, ask_id=question)
    assert scene.venues.types() == "HD"
    assert scene.outlet.messages == []


def test_what_the_venue_knows_is_not_sent_again(scene: Scene) -> None:
    (child,) = children_of(plan())
    scene.restart(child)
    scene.up()
    scene.hear(child, Kind.ORDER_STATUS, ask_id=scene.venues.sent[0][1])
    scene.now_s = 100.0
    scene.desk.ask_overdue(scene.now_s)
    assert scene.venues.types() == "H"
    assert scene.states[child.cl_ord_id][1].status is Status.NEW


def test_a_question_without_an_answer_is_asked_again_while_the_venue_is_there(scene: Scene) -> None:
    scene.up()
    scene.place(plan())
    scene.now_s = 4.0
    scene.desk.ask_overdue(scene.now_s)
    assert scene.venues.types() == "D"
    scene.now_s = 6.0
    scene.desk.ask_overdue(scene.now_s)
    scene.desk.ask_overdue(scene.now_s)
    assert scene.venues.types() == "DH"
    scene.down()
    scene.now_s = 60.0
    scene.desk.ask_overdue(scene.now_s)
    assert scene.venues.types() == "DH"


def test_after_a_lost_session_an_unanswered_order_is_asked_about(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan())
    scene.down()
    scene.up()
    assert scene.venues.types() == "DH"
    assert scene.desk.get(child.cl_ord_id) is not None


def test_a_cancel_follows_orders_that_are_on_their_way_and_skips_closed_ones(scene: Scene) -> None:
    scene.up()
    order = plan(legs=3)
    first, second, third = scene.place(order)
    scene.hear(first, Kind.NEW)
    scene.hear(second, Kind.TRADE, cum_qty=100)
    scene.cancel(order)
    assert [name.partition("-C")[0] for kind, name in scene.venues.sent if kind == "F"] == [
        first.cl_ord_id,
        third.cl_ord_id,
    ]
    assert len({name for _, name in scene.venues.sent}) == len(scene.venues.sent)


def test_an_order_that_never_left_is_canceled_by_our_own_word_after_a_flush(scene: Scene) -> None:
    order = plan()
    (child,) = scene.place(order)
    scene.cancel(order)
    scene.up()
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RoutePlaced", "CANCELED"]
    assert scene.states == {}
    assert scene.desk.after_flush[child.cl_ord_id][1].status is Status.CANCELED


def test_a_canceled_order_of_an_earlier_run_is_decided_by_the_answer(scene: Scene) -> None:
    absent, present = children_of(plan())[0], children_of(plan())[0]
    scene.restart(absent, tombstoned=True)
    scene.restart(present, tombstoned=True)
    scene.up()
    assert scene.venues.types() == "HH"
    scene.hear(absent, Kind.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[0][1])
    scene.hear(present, Kind.ORDER_STATUS, ask_id=scene.venues.sent[1][1])
    assert scene.venues.types() == "HHF"
    assert scene.outlet.kinds() == ["CANCELED", "ORDER_STATUS"]


def test_an_acknowledged_order_with_a_tombstone_is_canceled_again_at_logon(scene: Scene) -> None:
    (child,) = children_of(plan())
    scene.restart(child, tombstoned=True, status=Status.NEW)
    scene.up()
    assert scene.venues.types() == "F"


def test_a_cancel_of_an_unknown_order_does_not_leave_it_stuck(scene: Scene) -> None:
    scene.up()
    order = plan()
    (child,) = scene.place(order)
    scene.cancel(order)
    scene.hear_cancel_refused(child, reason=1)
    assert scene.venues.types() == "DFH"
    assert "CancelReject" not in scene.outlet.kinds()
    scene.hear(child, Kind.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[-1][1])
    assert scene.outlet.kinds()[-1] == "CANCELED"
    assert scene.desk.get(child.cl_ord_id) is None


def test_a_cancel_that_comes_too_late_is_told(scene: Scene) -> None:
    scene.up()
    order = plan()
    (child,) = scene.place(order)
    scene.hear(child, Kind.NEW)
    scene.cancel(order)
    scene.hear_cancel_refused(child, reason=0)
    refused = scene.outlet.messages[-1]
    assert isinstance(refused, CancelReject)
    assert (refused.orig_cl_ord_id, refused.cxl_rej_reason) == (child.cl_ord_id, 0)


def test_an_order_that_cannot_be_read_is_found_by_its_number_and_rejected(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan())
    refusal = MessageRefusal(
        venue_id="XNYS", msg_type="3", ref_seq=1, ref_msg_type="", ref_id="", text="bad tag"
    )
    resolved = scene.desk.resolve(refusal)
    assert resolved is not None
    live = scene.desk.get(child.cl_ord_id)
    assert live is not None
    scene.desk.handle_inbound(resolved, live, scene.states, NOW, 0.0)
    rejected = scene.outlet.messages[-1]
    assert isinstance(rejected, ExecutionReport)
    assert (rejected.exec_type.name, rejected.exec_id, rejected.text) == (
        "REJECTED",
        f"BR-{child.cl_ord_id}",
        "bad tag",
    )
    assert scene.desk.resolve(replace(refusal, ref_seq=99)) is None


def test_a_cancel_that_cannot_be_read_is_told_as_refused(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan())
    live = scene.desk.get(child.cl_ord_id)
    assert live is not None
    refusal = MessageRefusal(
        venue_id="XNYS",
        msg_type="j",
        ref_seq=2,
        ref_msg_type="F",
        ref_id=f"{child.cl_ord_id}-C2",
        text="no",
    )
    scene.desk.handle_inbound(refusal, live, scene.states, NOW, 0.0)
    assert scene.outlet.kinds()[-1] == "CancelReject"


def test_our_own_word_is_told_again_only_for_what_no_venue_has_a_report_of(scene: Scene) -> None:
    (child,) = children_of(plan())
    for state in (
        ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0),
        ChildState(status=Status.REJECTED, cum_qty=0, leaves_qty=0),
        ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0, acked_at=NOW),
        ChildState(status=Status.FILLED, cum_qty=100, leaves_qty=0),
    ):
        scene.desk.publish_own_word(StoredChild(child=child, state=state), NOW)
    assert scene.outlet.kinds() == ["CANCELED", "REJECTED"]


def test_a_repeated_or_refused_plan_sends_nothing(scene: Scene) -> None:
    scene.up()
    order = plan()
    scene.desk.handle_placed_before(order, children_of(order), NOW, "")
    scene.desk.handle_unplaced(order, NOW, "", reason="canceled", refused=True)
    first, second = scene.outlet.messages
    assert isinstance(first, RoutePlaced)
    assert isinstance(second, RoutePlaced)
    assert (len(first.legs), first.refused, second.legs, second.refused) == (1, False, (), True)
    assert scene.venues.sent == []


@pytest.mark.parametrize(
    "changes",
    [{"symbol": "A\x01B"}, {"symbol": ""}, {"quantity": 99}, {"attempt": 2}],
    ids=["field separator", "no symbol", "too many shares", "foreign ids"],
)
def test_a_plan_that_cannot_be_sent_as_it_is_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidPlanError):
        children_of(msgspec.structs.replace(plan(), **changes))


def test_a_leg_without_shares_is_refused() -> None:
    order = plan()
    empty = msgspec.structs.replace(order.legs[0], quantity=0)
    with pytest.raises(InvalidPlanError, match="shares"):
        children_of(msgspec.structs.replace(order, legs=(empty,)))


def held(hold_ms: int = 300) -> RoutePlan:
    made = plan()
    (leg,) = made.legs
    return msgspec.structs.replace(
        made, legs=(msgspec.structs.replace(leg, hold_ms=hold_ms),), continues=True
    )


def test_a_held_child_is_taken_back_when_its_time_is_over_and_not_before(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, Kind.NEW)
    assert scene.desk.next_hold_s() == 0.3
    scene.desk.end_holds(NOW, 0.29)
    assert scene.venues.types() == "D"
    scene.desk.end_holds(NOW, 0.31)
    assert scene.venues.types() == "DF"


def test_core_is_told_that_a_plan_with_held_children_continues(scene: Scene) -> None:
    scene.place(held())
    scene.place(plan())
    placed = [message for message in scene.outlet.messages if isinstance(message, RoutePlaced)]
    assert [message.continues for message in placed] == [True, False]


def test_a_held_child_that_is_filled_in_time_is_not_canceled(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, Kind.NEW)
    scene.hear(child, Kind.TRADE, cum_qty=100)
    scene.desk.end_holds(NOW, 10.0)
    assert scene.venues.types() == "D"
    assert scene.desk.next_hold_s() is None


def test_a_venue_that_keeps_a_held_child_is_asked_again(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, Kind.NEW)
    scene.desk.end_holds(NOW, 0.4)
    scene.hear_cancel_refused(child, 2)
    scene.desk.end_holds(NOW, 1.0)
    assert scene.venues.types() == "DF"
    scene.desk.end_holds(NOW, 1.5)
    assert scene.venues.types() == "DFF"


def test_a_held_child_that_never_left_is_closed_by_our_own_word(scene: Scene) -> None:
    scene.place(held())
    scene.desk.end_holds(NOW, 1.0)
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RoutePlaced", "CANCELED"]


def test_after_a_restart_the_time_of_a_held_child_is_over(scene: Scene) -> None:
    (child,) = children_of(held())
    scene.restart(child, status=Status.NEW)
    scene.up()
    assert scene.venues.types() == "F"


def test_a_leg_with_a_negative_hold_is_no_plan() -> None:
    with pytest.raises(InvalidPlanError, match="no negative hold"):
        children_of(held(-1))
