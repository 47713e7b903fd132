"""What the adapter does, message by message; venues and outlet only write down what they are told."""

from datetime import datetime
from uuid import UUID

import msgspec
import pytest

from execution_adapter.domain.child import (
    CLOSED,
    CancelRefusal,
    ChildState,
    Execution,
    MessageRefusal,
    Report,
    Status,
)
from execution_adapter.domain.ledger import Ledger
from execution_adapter.handlers import ChildOrderManager, plan_problem
from execution_adapter.ports import JournalLine, OutNumbers, SentMessage, StoredChild
from oms_platform.ids import uuid7
from oms_platform.messages import CancelReject, ExecutionReport, RouteAnswer, RoutePlan
from oms_platform.telemetry.tracing import Tracer
from oms_platform.vocabulary import ChildTerms, ExecType, Message, OrderType, Side
from tests.span_collector import NotedSpans
from tests.unit.execution_adapter.orders import LIMIT, NOW, cancel_of, plan

UNTRACED = f"00-{'a' * 32}-{'b' * 16}-00"
TRACED = f"00-{'a' * 32}-{'b' * 16}-01"


class NotedVenues:
    """Writes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.by_seq: dict[int, SentMessage] = {}
        # Under which ClOrdID requests were about their child, empty as it was sent.
        self.named: list[str] = []

        self.takes = True
        self.refused: list[str] = []
        # OrderQty and price of each 35=G.
        self.asked: list[tuple[int, int]] = []

    def _note(self, msg_type: str, cl_ord_id: str) -> bool:
        if self.takes:
            self.sent.append((msg_type, cl_ord_id))
            self.by_seq[len(self.sent)] = SentMessage(msg_type=msg_type, cl_ord_id=cl_ord_id)
        return self.takes

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        return self._note("D", child.cl_ord_id)

    def send_cancel(self, child: ChildTerms, named: str, cl_ord_id: str, at: datetime) -> bool:
        self.named.append(named)
        return self._note("F", cl_ord_id)

    def send_replace(self, child: ChildTerms, named: str, cl_ord_id: str, quantity: int, at: datetime) -> str:
        self.named.append(named)
        self.asked.append((quantity, child.limit_price_micros))
        return cl_ord_id if self._note("G", cl_ord_id) else ""

    def ask_status(self, child: ChildTerms, named: str, ask_id: str) -> bool:
        self.named.append(named)
        return self._note("H", ask_id)

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        self.refused.append(msg_type)
        return self.takes

    def flush(self) -> None: ...

    def take_sent(self) -> list[JournalLine]:
        return []

    def out_numbers(self, venue_id: str) -> OutNumbers:
        return OutNumbers(len(self.sent) + 1)

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
        self.ledger = Ledger("incarnation", {})
        self.manager = ChildOrderManager(
            self.venues, self.outlet, self.ledger, status_timeout_s=5.0, tracer=Tracer(self.spans)
        )
        self.now_s, self.heard = 0.0, 0

    def up(self) -> None:
        self.venues.takes = True
        self.manager.handle_logon("XNYS", NOW, self.now_s)

    def down(self) -> None:
        self.venues.takes = False
        self.manager.handle_logout("XNYS", NOW)

    def place(self, plan: RoutePlan, trace: str = "") -> list[ChildTerms]:
        self.manager.handle_placed(plan, NOW, self.now_s, trace)
        return list(plan.children)

    def cancel(self, plan: RoutePlan, *, through: int | None = None, request_id: UUID | None = None) -> None:
        cancel = cancel_of(plan, through=through, request_id=request_id)
        self.manager.handle_cancel(cancel, NOW, self.now_s)

    def hear(
        self, child: ChildTerms, kind: ExecType, *, unknown: bool = False, ask_id: str = "", cum_qty: int = 0
    ) -> None:
        live = self.manager.get(child.cl_ord_id)
        assert live is not None
        trades = kind is ExecType.TRADE
        self.heard += 1
        heard = Report(
            venue_id="XNYS",
            cl_ord_id=child.cl_ord_id,
            exec_id=f"E{self.heard}",
            exec_type=kind,
            transact_time=NOW,
            venue_order_id="V",
            last_qty=cum_qty - live.state.cum_qty if trades else 0,
            last_px_micros=LIMIT if trades else None,
            cum_qty=cum_qty,
            unknown=unknown,
            ask_id=ask_id,
        )
        self.manager.handle_inbound(heard, live, b"", NOW, self.now_s)

    def is_over(self, child: ChildTerms) -> bool:
        live = self.manager.get(child.cl_ord_id)
        return live is None or live.state.status in CLOSED

    def answers(self) -> list[RouteAnswer]:
        return [message for message in self.outlet.messages if isinstance(message, RouteAnswer)]

    def hear_cancel_refused(self, child: ChildTerms, reason: int) -> None:
        live = self.manager.get(child.cl_ord_id)
        assert live is not None
        refusal = CancelRefusal(
            venue_id="XNYS",
            cl_ord_id=f"{child.cl_ord_id}-C1",
            child_id=child.cl_ord_id,
            reason=reason,
            text="",
            transact_time=NOW,
        )
        self.manager.handle_inbound(refusal, live, b"", NOW, self.now_s)

    def restart(
        self, child: ChildTerms, *, canceled_by: UUID | None = None, status: Status = Status.PENDING_NEW
    ) -> None:
        self.manager.load(
            [
                StoredChild(
                    child=child,
                    state=ChildState(status=status, cum_qty=0, leaves_qty=child.quantity),
                    canceled_by=canceled_by,
                )
            ]
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_core_hears_of_a_route_before_its_order_goes_out(scene: Scene) -> None:
    scene.up()
    scene.place(plan(legs=2))
    assert scene.outlet.kinds() == ["RouteAnswer"]
    assert scene.venues.types() == "DD"


def test_a_traced_childs_way_to_the_venue_and_back_is_two_kinds_of_spans(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), TRACED)
    scene.hear(child, ExecType.NEW)
    scene.hear(child, ExecType.TRADE, cum_qty=100)
    assert scene.spans.names() == ["NewOrderSingle", "ExecutionReport", "ExecutionReport"]
    assert {span.attributes["cl_ord_id"] for span in scene.spans.spans} == {child.cl_ord_id}
    assert scene.outlet.traces == [TRACED] * 3


def test_a_venues_rejection_is_traced_whatever_the_ratio(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), UNTRACED)
    scene.hear(child, ExecType.REJECTED)
    assert scene.spans.names() == ["NewOrderSingle", "ExecutionReport"]
    assert scene.spans.spans[-1].error == "rejected"
    assert scene.outlet.traces == [UNTRACED, TRACED]


def test_an_untraced_childs_reports_carry_the_venues_time_and_write_nothing(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan(), UNTRACED)
    scene.hear(child, ExecType.NEW)
    assert scene.spans.names() == []
    hop = scene.outlet.traces[-1].removeprefix(UNTRACED)
    assert hop.startswith("V") and hop.endswith(".0;")


def test_what_was_never_sent_goes_out_at_logon_without_a_question(scene: Scene) -> None:
    scene.place(plan())
    assert scene.venues.types() == ""
    scene.up()
    assert scene.venues.types() == "D"


def test_a_session_may_take_an_order_before_its_logon_is_heard_of(scene: Scene) -> None:
    scene.manager.handle_logout("XNYS", NOW, on_purpose=True)
    (child,) = scene.place(plan())
    assert scene.venues.types() == "D"
    # It was let in meanwhile: whether the order was on that session or an earlier one, a question tells.
    scene.up()
    assert scene.venues.types() == "DH"
    scene.hear(child, ExecType.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[-1][1])
    assert scene.venues.types() == "DHD"


def test_what_an_earlier_run_left_is_asked_about_and_over_when_its_venue_never_saw_it(scene: Scene) -> None:
    (child,) = plan().children
    scene.restart(child)
    scene.up()
    assert scene.venues.types() == "H"
    question = scene.venues.sent[0][1]
    scene.hear(child, ExecType.ORDER_STATUS, unknown=True, ask_id=question)
    scene.hear(child, ExecType.ORDER_STATUS, unknown=True, ask_id=question)
    # That run may have told core that it is over.
    assert scene.venues.types() == "H"
    assert scene.outlet.kinds() == ["CANCELED"]


def test_what_the_venue_knows_is_not_sent_again(scene: Scene) -> None:
    (child,) = plan().children
    scene.restart(child)
    scene.up()
    scene.hear(child, ExecType.ORDER_STATUS, ask_id=scene.venues.sent[0][1])
    scene.now_s = 100.0
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == "H"
    assert scene.ledger.newest(child.cl_ord_id) == ChildState(
        status=Status.NEW, cum_qty=0, leaves_qty=100, venue_order_id="V"
    )


def test_a_question_without_an_answer_is_asked_again_while_the_venue_is_there(scene: Scene) -> None:
    scene.up()
    scene.place(plan())
    scene.now_s = 4.0
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == "D"
    scene.now_s = 6.0
    scene.manager.ask_overdue(NOW, scene.now_s)
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == "DH"
    scene.down()
    scene.now_s = 60.0
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == "DH"


def test_after_a_lost_session_an_unanswered_order_is_asked_about(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan())
    scene.down()
    scene.up()
    assert scene.venues.types() == "DH"
    assert scene.manager.get(child.cl_ord_id) is not None


def test_a_cancel_follows_orders_that_are_on_their_way_and_skips_closed_ones(scene: Scene) -> None:
    scene.up()
    order = plan(legs=3)
    first, second, third = scene.place(order)
    scene.hear(first, ExecType.NEW)
    scene.hear(second, ExecType.TRADE, cum_qty=100)
    scene.cancel(order)
    assert [name.partition("-C")[0] for kind, name in scene.venues.sent if kind == "F"] == [
        first.cl_ord_id,
        third.cl_ord_id,
    ]
    assert len({name for _, name in scene.venues.sent}) == len(scene.venues.sent)


def test_an_order_that_never_left_is_closed_here_and_stored_after_a_flush(scene: Scene) -> None:
    order = plan()
    (child,) = scene.place(order)
    scene.cancel(order)
    scene.up()
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RouteAnswer", "CANCELED"]
    assert not scene.ledger.has_states
    scene.ledger.flushed()
    assert scene.ledger.storable().states[child.cl_ord_id][1].status is Status.CANCELED


@pytest.mark.parametrize(
    ("stored_cum", "poss_dup", "cum_qty"),
    [
        pytest.param(0, True, 18, id="the stored child has not counted it"),
        pytest.param(18, True, 18, id="the stored child has counted it"),
        pytest.param(18, False, 18, id="it is said again as new"),
        pytest.param(0, True, None, id="it says no CumQty"),
    ],
)
def test_a_trade_of_an_earlier_run_is_counted_once_when_it_is_resent(
    scene: Scene, stored_cum: int, poss_dup: bool, cum_qty: int | None
) -> None:
    (child,) = plan().children
    state = ChildState(
        status=Status.NEW,
        cum_qty=stored_cum,
        leaves_qty=child.quantity - stored_cum,
        in_seq=2,
        executions=(Execution("T1", 18, LIMIT),) if stored_cum else (),
    )
    scene.manager.load([StoredChild(child=child, state=state)])
    scene.up()
    live = scene.manager.get(child.cl_ord_id)
    assert live is not None
    trade = Report(
        venue_id="XNYS",
        cl_ord_id=child.cl_ord_id,
        exec_id="T1",
        exec_type=ExecType.TRADE,
        transact_time=NOW,
        last_qty=18,
        last_px_micros=LIMIT,
        cum_qty=cum_qty,
        poss_dup=poss_dup,
        msg_seq=3,
    )
    for seq in (3, 4):
        scene.manager.handle_inbound(msgspec.structs.replace(trade, msg_seq=seq), live, b"", NOW, 0.0)
        assert (live.state.cum_qty, live.state.missing_qty) == (18, 0)
    scene.hear(child, ExecType.ORDER_STATUS, cum_qty=18)
    assert list(scene.ledger.storable().exceptions) == []


def test_a_canceled_order_of_an_earlier_run_is_decided_by_the_answer(scene: Scene) -> None:
    absent, present = plan().children[0], plan().children[0]
    scene.restart(absent, canceled_by=uuid7())
    scene.restart(present, canceled_by=uuid7())
    scene.up()
    assert scene.venues.types() == "HH"
    scene.hear(absent, ExecType.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[0][1])
    scene.hear(present, ExecType.ORDER_STATUS, ask_id=scene.venues.sent[1][1])
    assert scene.venues.types() == "HHF"
    assert scene.outlet.kinds() == ["CANCELED", "ORDER_STATUS"]


def test_an_acknowledged_order_whose_cancel_is_stored_is_canceled_again_at_logon(scene: Scene) -> None:
    (child,) = plan().children
    scene.restart(child, canceled_by=uuid7(), status=Status.NEW)
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
    scene.hear(child, ExecType.ORDER_STATUS, unknown=True, ask_id=scene.venues.sent[-1][1])
    assert scene.outlet.kinds()[-1] == "CANCELED"
    assert scene.is_over(child)


def test_a_cancel_that_comes_too_late_is_told(scene: Scene) -> None:
    scene.up()
    order = plan()
    (child,) = scene.place(order)
    scene.hear(child, ExecType.NEW)
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
    resolved = scene.manager.resolve(refusal)
    assert resolved is not None
    live = scene.manager.get(child.cl_ord_id)
    assert live is not None
    scene.manager.handle_inbound(resolved, live, b"", NOW, 0.0)
    rejected = scene.outlet.messages[-1]
    assert isinstance(rejected, ExecutionReport)
    assert (rejected.exec_type.name, rejected.exec_id, rejected.text) == (
        "REJECTED",
        f"BR-{child.cl_ord_id}",
        "bad tag",
    )
    assert scene.manager.resolve(msgspec.structs.replace(refusal, ref_seq=99)) is None


def test_a_cancel_that_cannot_be_read_is_told_as_refused(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(plan())
    live = scene.manager.get(child.cl_ord_id)
    assert live is not None
    refusal = MessageRefusal(
        venue_id="XNYS",
        msg_type="j",
        ref_seq=2,
        ref_msg_type="F",
        ref_id=f"{child.cl_ord_id}-C2",
        text="no",
    )
    scene.manager.handle_inbound(refusal, live, b"", NOW, 0.0)
    assert scene.outlet.kinds()[-1] == "CancelReject"


def test_a_local_close_is_republished_only_where_no_venue_has_a_report_of_it(scene: Scene) -> None:
    (child,) = plan().children
    for state in (
        ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0),
        ChildState(status=Status.REJECTED, cum_qty=0, leaves_qty=0),
        ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0, acked_at=NOW),
        ChildState(status=Status.FILLED, cum_qty=100, leaves_qty=0),
    ):
        scene.manager.republish_local_close(StoredChild(child=child, state=state), NOW)
    assert scene.outlet.kinds() == ["CANCELED", "REJECTED"]


def test_a_repeated_or_refused_plan_sends_nothing(scene: Scene) -> None:
    scene.up()
    order = plan(hold_ms=100)
    stored = StoredChild(
        child=order.children[0],
        state=ChildState(status=Status.NEW, cum_qty=0, leaves_qty=100),
        continues=True,
    )
    scene.manager.handle_placed_before(order, [stored], NOW, "")
    scene.manager.handle_unplaced(order, NOW, "", reason="canceled", refused=True)
    first, second = scene.answers()
    assert (first.placed.children, first.placed.refused, first.placed.continues) == (
        order.children,
        False,
        True,
    )
    assert (second.placed.children, second.placed.refused) == ((), True)
    assert scene.venues.sent == []


def test_core_is_told_that_there_was_no_quote(scene: Scene) -> None:
    empty = plan(legs=0, reason="NO_QUOTE: symbol=AAPL", no_data=True)
    scene.manager.handle_unplaced(empty, NOW, "", reason=empty.reason)
    (answer,) = scene.answers()
    assert (answer.placed.no_data, answer.placed.reason) == (True, "NO_QUOTE: symbol=AAPL")


def test_a_stored_route_is_republished_as_it_was(scene: Scene) -> None:
    order = plan(legs=2, continues=True)
    stored = [
        StoredChild(child=one, state=ChildState(status=Status.NEW, cum_qty=0, leaves_qty=100), continues=True)
        for one in order.children
    ]
    scene.manager.republish_route(stored, NOW)
    (answer,) = scene.answers()
    assert answer.route_id == order.route_id
    # Takes only, nothing held: it continues all the same.
    assert (answer.placed.continues, answer.placed.children) == (True, order.children)


# ---- the gate


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": 99}, "GATE_QUANTITY: children=100, allowed=99"),
        ({"attempt": 2}, "GATE_TERMS: leg=1, attempt=1, expected=2"),
        ({"attempt": 0}, "GATE_ATTEMPT: attempt=0"),
    ],
)
def test_a_plan_that_asks_for_more_than_its_order_is_refused(changes: dict[str, object], code: str) -> None:
    assert plan_problem(plan()) == ""
    assert plan_problem(msgspec.structs.replace(plan(), **changes)) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "MSFT"}, "GATE_TERMS: leg=1, symbol=MSFT, expected=AAPL"),
        ({"side": Side.BUY}, "GATE_TERMS: leg=1, side=BUY, expected=SELL"),
        ({"account_id": "ACC-2"}, "GATE_TERMS: leg=1, account_id=ACC-2, expected=ACC"),
        ({"order_id": UUID(int=1)}, "GATE_TERMS: leg=1, order_id="),
        ({"quantity": 0}, "GATE_LEG"),
        ({"hold_ms": -1}, "GATE_LEG"),
        ({"leg": 2}, "GATE_ID"),
        ({"cl_ord_id": "x"}, "GATE_ID"),
        ({"min_quantity": 101}, "GATE_MINIMUM"),
        ({"limit_price_micros": 0}, "GATE_PRICE"),
        ({"order_type": OrderType.MARKET}, "GATE_PRICE"),
        ({"limit_price_micros": LIMIT - 1}, f"GATE_LIMIT: leg=1, micros={LIMIT - 1}, limit={LIMIT}"),
    ],
)
def test_a_child_beyond_its_orders_terms_is_refused(changes: dict[str, object], code: str) -> None:
    made = plan()
    wrong = msgspec.structs.replace(made.children[0], **changes)
    assert plan_problem(msgspec.structs.replace(made, children=(wrong,))).startswith(code)


def test_a_buy_may_pay_its_limit_and_no_more() -> None:
    made = plan()
    terms = msgspec.structs.replace(made.terms, side=Side.BUY)

    def bought(price: int) -> RoutePlan:
        leg = msgspec.structs.replace(made.children[0], side=Side.BUY, limit_price_micros=price)
        return msgspec.structs.replace(made, terms=terms, children=(leg,))

    assert plan_problem(bought(LIMIT)) == plan_problem(bought(LIMIT - 1)) == ""
    assert plan_problem(bought(LIMIT + 1)).startswith("GATE_LIMIT")


def test_all_children_together_must_not_exceed_the_order() -> None:
    made = plan(legs=3, quantity=300)
    terms = msgspec.structs.replace(made.terms, quantity=299)
    assert plan_problem(msgspec.structs.replace(made, terms=terms)).startswith("GATE_QUANTITY")
    twice = msgspec.structs.replace(made, children=(made.children[0], made.children[0]))
    assert plan_problem(twice).startswith("GATE_ID")


@pytest.mark.parametrize("symbol", ["", "A\x01B"])
def test_a_symbol_that_would_break_a_fix_message_is_refused(symbol: str) -> None:
    made = plan()
    terms = msgspec.structs.replace(made.terms, symbol=symbol)
    leg = msgspec.structs.replace(made.children[0], symbol=symbol)
    assert plan_problem(msgspec.structs.replace(made, terms=terms, children=(leg,))).startswith("GATE_SYMBOL")


# ---- cancels and the attempts that they end


def test_a_cancel_ends_the_attempts_that_it_names_and_no_later_one(scene: Scene) -> None:
    scene.up()
    first = plan()
    second = plan(order_id=first.order_id, attempt=2)
    (early,) = scene.place(first)
    (late,) = scene.place(second)
    scene.hear(early, ExecType.NEW)
    scene.hear(late, ExecType.NEW)
    scene.cancel(first, through=1)
    assert [name.partition("-C")[0] for kind, name in scene.venues.sent if kind == "F"] == [early.cl_ord_id]
    live = scene.manager.get(late.cl_ord_id)
    assert live is not None and not live.canceling


def test_the_same_cancel_again_sends_nothing_and_another_one_does(scene: Scene) -> None:
    scene.up()
    order = plan()
    (one,) = scene.place(order)
    scene.hear(one, ExecType.NEW)
    request = uuid7()
    scene.cancel(order, request_id=request)
    scene.cancel(order, request_id=request)
    assert scene.venues.types() == "DF"
    scene.cancel(order)
    assert scene.venues.types() == "DFF"


def test_the_same_cancel_again_is_sent_again_once_the_venue_has_refused_it(scene: Scene) -> None:
    scene.up()
    order = plan()
    (one,) = scene.place(order)
    scene.hear(one, ExecType.NEW)
    request = uuid7()
    scene.cancel(order, request_id=request)
    scene.hear_cancel_refused(one, reason=2)
    scene.cancel(order, request_id=request)
    assert scene.venues.types() == "DFF"


def test_after_a_new_logon_the_same_cancel_goes_out_once(scene: Scene) -> None:
    scene.up()
    order = plan()
    (one,) = scene.place(order)
    scene.hear(one, ExecType.NEW)
    request = uuid7()
    scene.cancel(order, request_id=request)
    scene.down()
    scene.up()
    scene.cancel(order, request_id=request)
    assert scene.venues.types() == "DFF"


def test_after_a_restart_the_stored_cancel_said_again_goes_out_once(scene: Scene) -> None:
    order, request = plan(), uuid7()
    scene.restart(order.children[0], canceled_by=request, status=Status.NEW)
    scene.up()
    scene.cancel(order, request_id=request)
    assert scene.venues.types() == "F"


def test_a_cancel_that_is_already_pending_is_no_answer_for_core(scene: Scene) -> None:
    scene.up()
    order = plan()
    (one,) = scene.place(order)
    scene.hear(one, ExecType.NEW)
    request = uuid7()
    scene.cancel(order, request_id=request)
    scene.hear_cancel_refused(one, reason=3)
    assert "CancelReject" not in scene.outlet.kinds()
    scene.cancel(order, request_id=request)
    assert scene.venues.types() == "DF"
    scene.hear(one, ExecType.CANCELED)
    assert scene.outlet.kinds()[-1] == "CANCELED"


def held(hold_ms: int = 300) -> RoutePlan:
    return plan(hold_ms=hold_ms)


def test_a_held_child_is_canceled_when_its_time_is_over_and_not_before(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, ExecType.NEW)
    assert scene.manager.next_hold_s() == 0.3
    scene.manager.expire_holds(NOW, 0.29)
    assert scene.venues.types() == "D"
    scene.manager.expire_holds(NOW, 0.31)
    assert scene.venues.types() == "DF"


def test_core_is_told_that_a_plan_with_held_children_continues(scene: Scene) -> None:
    scene.place(held())
    scene.place(plan())
    assert [answer.placed.continues for answer in scene.answers()] == [True, False]


def test_a_held_child_that_is_filled_in_time_is_not_canceled(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, ExecType.NEW)
    scene.hear(child, ExecType.TRADE, cum_qty=100)
    scene.manager.expire_holds(NOW, 10.0)
    assert scene.venues.types() == "D"
    assert scene.manager.next_hold_s() is None


def test_a_venue_that_keeps_a_held_child_is_asked_again(scene: Scene) -> None:
    scene.up()
    (child,) = scene.place(held())
    scene.hear(child, ExecType.NEW)
    scene.manager.expire_holds(NOW, 0.4)
    scene.hear_cancel_refused(child, 2)
    scene.manager.expire_holds(NOW, 1.0)
    assert scene.venues.types() == "DF"
    scene.manager.expire_holds(NOW, 1.5)
    assert scene.venues.types() == "DFF"


def test_a_held_child_that_never_left_is_closed_here(scene: Scene) -> None:
    scene.place(held())
    scene.manager.expire_holds(NOW, 1.0)
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RouteAnswer", "CANCELED"]


def test_after_a_restart_the_time_of_a_held_child_is_over(scene: Scene) -> None:
    (child,) = held().children
    scene.restart(child, status=Status.NEW)
    scene.up()
    assert scene.venues.types() == "F"
