"""35=G: a child is made smaller where it is, or core is told that it is not, whatever becomes of the 35=G."""

from typing import Any
from uuid import UUID

import pytest

from execution_adapter.domain.child import (
    CancelRefusal,
    ChildState,
    MessageRefusal,
    OrdStatus,
    Replaces,
    Report,
    Status,
)
from execution_adapter.domain.session_settings import Capabilities, SessionSettings, Throttle
from execution_adapter.ports import StoredChild
from oms_platform.ids import uuid7
from oms_platform.messages import CancelReject, ExecutionReport, ReplaceChild
from oms_platform.vocabulary import ChildTerms, ExecType
from tests.unit.execution_adapter.orders import LIMIT, NOW, plan
from tests.unit.execution_adapter.test_handlers import Scene as AdapterScene

TO: int = 40


class Scene(AdapterScene):
    """A child of 100 shares. acked: its venue has it. replaces: what 35=G made of it in an earlier run."""

    def __init__(self, *, acked: bool = True, replaces: Replaces | None = None) -> None:
        super().__init__()
        self.plan = plan()
        (self.child,) = self.plan.children
        if replaces is not None:
            quantity = self.child.quantity
            state = ChildState(
                status=Status.NEW, cum_qty=0, leaves_qty=quantity, acked_at=NOW, replaces=replaces
            )
            self.manager.load([StoredChild(child=self.child, state=state)])
        self.up()
        if replaces is None:
            self.place(self.plan)
            if acked:
                self.hear(self.child, ExecType.NEW)

    @property
    def state(self) -> ChildState:
        live = self.manager.get(self.child.cl_ord_id)
        assert live is not None
        return live.state

    def replace(self, quantity: int = TO, request_id: UUID | None = None, price: int | None = None) -> None:
        child = self.child
        message = ReplaceChild(
            request_id=request_id or uuid7(),
            order_id=child.order_id,
            account_id=child.account_id,
            cl_ord_id=child.cl_ord_id,
            quantity=quantity,
            requested_at=NOW,
            limit_price_micros=price,
        )
        self.manager.handle_replace(message, NOW, self.now_s)

    def says(self, kind: ExecType, **fields: Any) -> None:
        live = self.manager.get(self.child.cl_ord_id)
        assert live is not None
        self.heard += 1
        said = Report(
            venue_id="XNYS",
            cl_ord_id=self.child.cl_ord_id,
            exec_id=f"E{self.heard}",
            exec_type=kind,
            transact_time=NOW,
            **fields,
        )
        self.manager.handle_inbound(said, live, b"", NOW, self.now_s)

    def replaced(self, named: str = "") -> None:
        named = named or self.venues.sent[-1][1]
        self.says(ExecType.REPLACED, named=named, order_qty=TO, cum_qty=0, leaves_qty=TO)

    def refuses(self, *, says_of_what: bool = True, reason: int = 2) -> None:
        live = self.manager.get(self.child.cl_ord_id)
        assert live is not None
        refusal = CancelRefusal(
            venue_id="XNYS",
            cl_ord_id=self.venues.sent[-1][1],
            child_id=self.child.cl_ord_id,
            reason=reason,
            text="no",
            transact_time=NOW,
            replaces=says_of_what,
        )
        self.manager.handle_inbound(refusal, live, b"", NOW, self.now_s)

    def ask_id(self) -> str:
        return next(name for kind, name in reversed(self.venues.sent) if kind == "H")

    def told(self) -> list[CancelReject]:
        return [one for one in self.outlet.messages if isinstance(one, CancelReject)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_child_is_made_smaller_where_it_is_and_goes_by_its_new_id_from_then_on(scene: Scene) -> None:
    scene.replace()
    kind, named = scene.venues.sent[-1]
    assert (kind, scene.state.replaces) == ("G", Replaces("", named, TO))
    assert scene.ledger.newest(scene.child.cl_ord_id) == scene.state, "it is stored before its offset is"
    scene.replaced()
    restated = scene.outlet.messages[-1]
    assert isinstance(restated, ExecutionReport)
    assert (restated.exec_type, restated.order_qty, restated.leaves_qty) == (ExecType.RESTATED, TO, TO)
    assert (scene.state.leaves_qty, scene.state.replaces) == (TO, Replaces(named))
    scene.replace(30)
    scene.says(ExecType.REPLACED, named="X", order_qty=30, cum_qty=0, leaves_qty=30)
    scene.cancel(scene.plan)
    assert (scene.venues.types(), scene.venues.named) == ("DGGF", ["", named, "X"])


@pytest.mark.parametrize("quantity", [100, 101, 0, 10])
def test_only_fewer_shares_than_it_has_and_more_than_are_done_are_asked_for(
    scene: Scene, quantity: int
) -> None:
    scene.hear(scene.child, ExecType.TRADE, cum_qty=10)
    scene.replace(quantity)
    (told,) = scene.told()
    assert (told.replace, told.orig_cl_ord_id) == (True, scene.child.cl_ord_id)
    assert f"{quantity} shares" in told.text
    assert scene.venues.types() == "D"


def test_a_child_that_no_venue_has_or_that_is_leaving_is_not_replaced() -> None:
    unacked = Scene(acked=False)
    unacked.replace()
    leaving = Scene()
    leaving.cancel(leaving.plan)
    leaving.replace()
    gone = Scene()
    gone.down()
    gone.replace()
    said = [one.told()[-1].text for one in (unacked, leaving, gone)]
    assert said == ["its venue does not answer", "it is being canceled", "its venue does not answer"]
    assert [one.venues.types() for one in (unacked, leaving, gone)] == ["D", "DF", "D"]


def test_a_child_that_is_over_is_not_spoken_of_its_end_is_told(scene: Scene) -> None:
    scene.says(ExecType.CANCELED, ord_status=OrdStatus.CANCELED)
    before = list(scene.outlet.messages)
    scene.replace()
    assert (scene.venues.types(), scene.outlet.messages) == ("D", before)


def test_the_same_request_again_sends_nothing_and_another_one_is_refused(scene: Scene) -> None:
    scene.replace()
    scene.replace()
    assert (scene.venues.types(), scene.told()) == ("DG", [])
    scene.replace(20)
    (told,) = scene.told()
    assert (scene.venues.types(), told.text) == ("DG", f"it is being made {TO} shares")


@pytest.mark.parametrize("says_of_what", [True, False])
def test_a_venue_that_refuses_a_replace_keeps_the_child_as_it_was(
    scene: Scene, *, says_of_what: bool
) -> None:
    scene.replace()
    scene.refuses(says_of_what=says_of_what)
    (told,) = scene.told()
    assert (told.replace, told.cxl_rej_reason, told.text) == (True, 2, "no")
    assert (scene.state.leaves_qty, scene.state.replaces) == (scene.child.quantity, Replaces())
    scene.cancel(scene.plan)
    assert (scene.venues.types(), scene.venues.named) == ("DGF", ["", ""])


@pytest.mark.parametrize(("msg_type", "reason"), [("j", 3), ("3", 11)])
def test_a_venue_that_knows_no_replace_is_not_sent_another(scene: Scene, msg_type: str, reason: int) -> None:
    scene.replace()
    live = scene.manager.get(scene.child.cl_ord_id)
    assert live is not None
    refusal = MessageRefusal(
        venue_id="XNYS",
        msg_type=msg_type,
        ref_seq=2,
        ref_msg_type="G",
        ref_id=scene.venues.sent[-1][1],
        text="Unsupported Message Type",
        reason=reason,
    )
    scene.manager.handle_inbound(refusal, live, b"", NOW, 0.0)
    scene.replace()
    assert [one.text for one in scene.told()] == ["Unsupported Message Type", "its venue takes no 35=G"]
    assert scene.venues.types() == "DG"


def test_a_venue_whose_settings_say_that_it_takes_none_is_sent_none(scene: Scene) -> None:
    settings = SessionSettings(
        host="h",
        port=1,
        sender_comp_id="A",
        target_comp_id="B",
        capabilities=Capabilities(replace=False),
    )
    scene.manager.use_settings("XNYS", settings)
    scene.replace()
    assert [one.text for one in scene.told()] == ["its venue takes no 35=G"]


def test_a_cancel_waits_for_the_answer_of_the_replace_that_is_out(scene: Scene) -> None:
    scene.replace()
    named = scene.venues.sent[-1][1]
    scene.cancel(scene.plan)
    assert scene.venues.types() == "DG", "under which id its venue has it is not known"
    scene.says(ExecType.PENDING_REPLACE, ord_status=OrdStatus.PENDING_REPLACE)
    assert scene.venues.types() == "DG"
    scene.replaced(named)
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGF", named)


def test_a_cancel_of_a_child_whose_replace_was_lost_with_the_session_is_asked_about_first(
    scene: Scene,
) -> None:
    scene.replace()
    scene.down()
    scene.cancel(scene.plan)
    scene.up()
    assert scene.venues.types() == "DGH"
    scene.says(ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=100, ask_id=scene.ask_id())
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGHF", "")


def test_a_replace_without_an_answer_is_asked_about_in_time(scene: Scene) -> None:
    scene.replace()
    scene.cancel(scene.plan)
    scene.manager.ask_overdue(NOW, 6.0)
    assert scene.venues.types() == "DGH"
    scene.says(
        ExecType.ORDER_STATUS,
        ord_status=OrdStatus.PENDING_REPLACE,
        order_qty=100,
        ask_id=scene.ask_id(),
    )
    assert (scene.venues.types(), scene.state.replaces.pending_qty) == ("DGH", TO)


def test_a_cancel_follows_a_replace_that_was_refused(scene: Scene) -> None:
    scene.replace()
    scene.cancel(scene.plan)
    scene.refuses()
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGF", "")


def test_what_became_of_a_replace_whose_answer_is_lost_is_asked(scene: Scene) -> None:
    scene.replace()
    named = scene.venues.sent[-1][1]
    scene.down()
    scene.up()
    scene.manager.ask_overdue(NOW, scene.now_s)
    assert scene.venues.types() == "DGH"
    scene.says(
        ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=TO, cum_qty=0, ask_id=scene.ask_id()
    )
    assert (scene.state.leaves_qty, scene.state.replaces) == (TO, Replaces(named))
    assert scene.outlet.kinds()[-1] == "RESTATED"


def test_a_replace_that_never_arrived_is_told_as_refused(scene: Scene) -> None:
    scene.replace()
    scene.down()
    scene.up()
    scene.manager.ask_overdue(NOW, scene.now_s)
    scene.says(ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=100, ask_id=scene.ask_id())
    (told,) = scene.told()
    assert (told.replace, told.text, scene.state.replaces) == (True, "its venue has it as it was", Replaces())


def test_an_answer_to_an_older_question_tells_nothing_of_a_replace(scene: Scene) -> None:
    scene.manager.compare("XNYS", NOW, scene.now_s)
    scene.manager.ask_overdue(NOW, scene.now_s)
    scene.replace()
    scene.says(ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=100, ask_id=scene.ask_id())
    assert (scene.told(), scene.state.replaces.pending_qty) == ([], TO)


def test_an_order_that_is_unknown_under_its_old_id_is_asked_for_under_its_new_one(scene: Scene) -> None:
    scene.replace()
    named = scene.venues.sent[-1][1]
    scene.cancel(scene.plan)
    scene.manager.ask_overdue(NOW, 6.0)
    scene.says(ExecType.ORDER_STATUS, unknown=True, ask_id=scene.ask_id())
    assert not scene.is_over(scene.child), "its venue has it under the other id"
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGHH", named)
    scene.says(ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=TO, ask_id=scene.ask_id())
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGHHF", named)
    scene.says(ExecType.CANCELED, ord_status=OrdStatus.CANCELED)
    assert scene.is_over(scene.child)


def test_an_order_that_is_unknown_under_both_ids_is_gone(scene: Scene) -> None:
    scene.replace()
    scene.cancel(scene.plan)
    scene.manager.ask_overdue(NOW, 6.0)
    for _ in range(2):
        scene.says(ExecType.ORDER_STATUS, unknown=True, ask_id=scene.ask_id())
    assert scene.is_over(scene.child)


def test_the_next_life_asks_about_a_replace_that_was_out_and_tells_of_one_that_was_not_sent() -> None:
    out = Scene(replaces=Replaces("", "R1", TO))
    out.manager.ask_overdue(NOW, 0.0)
    assert (out.venues.types(), out.told()) == ("H", [])
    out.says(ExecType.ORDER_STATUS, ord_status=OrdStatus.NEW, order_qty=TO, ask_id=out.ask_id())
    assert (out.state.leaves_qty, out.state.replaces) == (TO, Replaces("R1"))
    waiting = Scene(replaces=Replaces("", "", TO))
    (told,) = waiting.told()
    assert (told.replace, told.text, waiting.state.replaces) == (True, "its replace was not sent", Replaces())


def test_a_replace_waits_for_its_turn_and_is_looked_at_anew_then(scene: Scene) -> None:
    settings = SessionSettings(
        host="h",
        port=1,
        sender_comp_id="A",
        target_comp_id="B",
        throttle=Throttle(messages_per_second=1, queue_max=5),
    )
    scene.manager.use_settings("XNYS", settings)
    other: list[ChildTerms] = scene.place(plan())
    assert other
    scene.replace()
    assert (scene.venues.types(), scene.state.replaces) == ("DD", Replaces("", "", TO))
    scene.manager.send_waiting(NOW, 2.0)
    assert (scene.venues.types(), scene.told()) == ("DDG", [])
    scene.replaced()
    scene.replace(30)
    scene.hear(scene.child, ExecType.TRADE, cum_qty=35)
    scene.manager.send_waiting(NOW, 4.0)
    (told,) = scene.told()
    assert (scene.venues.types(), told.text) == ("DDG", "30 shares, where 35 are done and 5 open")


def test_a_child_that_is_over_owes_no_answer_to_a_replace_when_a_bust_opens_it_again(scene: Scene) -> None:
    scene.replace()
    quantity = scene.child.quantity
    scene.says(
        ExecType.TRADE,
        ord_status=OrdStatus.FILLED,
        last_qty=quantity,
        last_px_micros=LIMIT,
        cum_qty=quantity,
        leaves_qty=0,
    )
    assert scene.is_over(scene.child)
    scene.says(
        ExecType.TRADE_CANCEL,
        ord_status=OrdStatus.NEW,
        exec_ref_id=scene.state.executions[0].exec_id,
        cum_qty=0,
        leaves_qty=quantity,
    )
    assert not scene.is_over(scene.child)
    scene.cancel(scene.plan)
    assert (scene.venues.types(), scene.state.replaces) == ("DGF", Replaces())


def filled_when_smaller(scene: Scene) -> str:
    """Let a replace to 40 be out when a venue makes the order 30 of itself and fills it. Returns its id."""
    scene.replace()
    named = scene.venues.sent[-1][1]
    scene.says(ExecType.RESTATED, order_qty=30, cum_qty=0, leaves_qty=30)
    trade = {"last_qty": 30, "last_px_micros": LIMIT, "cum_qty": 30, "leaves_qty": 0}
    scene.says(ExecType.TRADE, ord_status=OrdStatus.FILLED, **trade)
    assert scene.is_over(scene.child)
    return named


def test_c_1_c_a_replace_in_flight_that_its_venue_does_after_the_fill_opens_the_child_again(
    scene: Scene,
) -> None:
    named = filled_when_smaller(scene)
    scene.says(ExecType.REPLACED, named=named, order_qty=TO, cum_qty=30, leaves_qty=TO - 30)
    assert not scene.is_over(scene.child)
    assert (scene.state.status, scene.state.cum_qty, scene.state.leaves_qty) == (
        Status.PARTIALLY_FILLED,
        30,
        TO - 30,
    )
    said = scene.outlet.messages[-1]
    assert isinstance(said, ExecutionReport)
    assert (said.exec_type, said.order_qty, said.cum_qty, said.leaves_qty) == (
        ExecType.RESTATED, TO, 30, TO - 30,
    )  # fmt: skip
    assert scene.ledger.newest(scene.child.cl_ord_id) == scene.state
    scene.cancel(scene.plan)
    assert (scene.venues.types()[-1], scene.venues.named[-1]) == ("F", named)


def test_a_cancel_that_the_fill_overtook_is_sent_when_a_replace_opens_the_child_again(scene: Scene) -> None:
    scene.replace()
    scene.cancel(scene.plan)
    named = scene.venues.sent[-1][1]
    scene.says(ExecType.RESTATED, order_qty=30, cum_qty=0, leaves_qty=30)
    trade = {"last_qty": 30, "last_px_micros": LIMIT, "cum_qty": 30, "leaves_qty": 0}
    scene.says(ExecType.TRADE, ord_status=OrdStatus.FILLED, **trade)
    assert scene.venues.types() == "DG"
    scene.says(ExecType.REPLACED, named=named, order_qty=TO, cum_qty=30, leaves_qty=TO - 30)
    assert (scene.venues.types(), scene.venues.named[-1]) == ("DGF", named)


@pytest.mark.parametrize("kind", [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED])
def test_a_replace_done_of_a_child_that_is_over_without_a_fill_is_a_persons(
    scene: Scene, kind: ExecType
) -> None:
    scene.replace()
    named = scene.venues.sent[-1][1]
    scene.says(kind, ord_status=OrdStatus[kind.name], cum_qty=0, leaves_qty=0)
    scene.says(ExecType.REPLACED, named=named, order_qty=TO, cum_qty=0, leaves_qty=TO)
    assert scene.is_over(scene.child)
    assert "RESTATED" not in scene.outlet.kinds()
    (shown,) = scene.ledger.storable().exceptions
    assert (shown.kind.name, shown.detail) == (
        "BAD_QUANTITY", f"LeavesQty (151) of a replaced order is {TO}, the order is {kind.name}",
    )  # fmt: skip


def test_a_cancel_behind_a_replace_that_nobody_waits_for_any_more_is_asked_about(scene: Scene) -> None:
    scene.replace()
    live = scene.manager.get(scene.child.cl_ord_id)
    assert live is not None
    scene.manager.outcomes.give_up(live, "no answer", b"", NOW)
    assert scene.manager.unanswered == 0
    scene.cancel(scene.plan)
    assert scene.manager.unanswered == 1


def test_a_replace_that_waited_when_its_session_ended_is_told_of_once(scene: Scene) -> None:
    settings = SessionSettings(
        host="h",
        port=1,
        sender_comp_id="A",
        target_comp_id="B",
        throttle=Throttle(messages_per_second=1, queue_max=5),
    )
    scene.manager.use_settings("XNYS", settings)
    scene.place(plan())
    scene.replace()
    scene.down()
    scene.up()
    scene.manager.send_waiting(NOW, 5.0)
    scene.manager.send_waiting(NOW, 10.0)
    assert [one.text for one in scene.told()] == ["its replace was not sent"]
    assert "G" not in scene.venues.types()
