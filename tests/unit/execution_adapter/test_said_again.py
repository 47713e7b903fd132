"""What a venue says again, after its restart or ours, counts once; what a session lost is asked for.

Each of these was found by `oms simulate` with unkind venues.
"""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from execution_adapter.domain.child import (
    CancelRefusal,
    ChildState,
    Execution,
    MessageRefusal,
    OrdStatus,
    Report,
    Status,
)
from execution_adapter.ports import StoredChild
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import ChildTerms, ExecType
from tests.unit.execution_adapter.orders import LIMIT, NOW, plan
from tests.unit.execution_adapter.test_handlers import Scene


class Desk(Scene):
    """A scene with one child at its venue, whose reports a test writes by hand."""

    def __init__(self, *, up: bool = True) -> None:
        super().__init__()
        self.seq = 1
        if up:
            self.up()
            (self.child,) = self.place(plan())

    def load(self, child: ChildTerms, state: ChildState) -> None:
        """Begin as a process does that finds this in the database."""
        self.child = child
        self.manager.load([StoredChild(child=child, state=state)])
        self.up()

    def say(self, kind: ExecType, exec_id: str, cum_qty: int, **more: object) -> None:
        self.seq += 1
        said = {
            "venue_id": "XNYS",
            "cl_ord_id": self.child.cl_ord_id,
            "exec_id": exec_id,
            "exec_type": kind,
            "transact_time": NOW,
            "venue_order_id": "V",
            "cum_qty": cum_qty,
            "leaves_qty": 100 - cum_qty,
            "last_px_micros": LIMIT if kind is ExecType.TRADE else None,
            "msg_seq": self.seq,
        }
        live = self.manager.get(self.child.cl_ord_id)
        assert live is not None
        report = Report(**{**said, **more})  # type: ignore[arg-type]
        self.manager.handle_inbound(report, live, b"", NOW, self.now_s)

    @property
    def state(self) -> ChildState:
        live = self.manager.get(self.child.cl_ord_id)
        assert live is not None
        return live.state

    def counted(self) -> tuple[Status, int, int]:
        return self.state.status, self.state.cum_qty, self.state.missing_qty

    def exceptions(self) -> list[ExceptionKind]:
        return [exception.kind for exception in self.ledger.storable().exceptions]


E1 = Execution("E1", 60, LIMIT)


def holding(in_seq: int, execution: Execution) -> ChildState:
    """Return the state of a child that has counted one trade."""
    shares = execution.last_qty
    return ChildState(
        status=Status.PARTIALLY_FILLED,
        cum_qty=shares,
        leaves_qty=100 - shares,
        in_seq=in_seq,
        executions=(execution,),
    )


@pytest.mark.parametrize("poss_resend", [False, True])
def test_a_trade_that_core_has_and_the_stored_state_has_not_is_counted_when_it_is_resent(
    poss_resend: bool,
) -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    stored = ChildState(status=Status.NEW, cum_qty=0, leaves_qty=100, in_seq=4)
    desk.load(child, stored)
    desk.say(ExecType.TRADE, "E1", 100, last_qty=100, poss_dup=True, poss_resend=poss_resend, msg_seq=5)
    assert desk.counted() == (Status.FILLED, 100, 0)
    desk.say(ExecType.TRADE, "E1", 100, last_qty=100, poss_dup=True, poss_resend=True, msg_seq=6)
    assert desk.counted() == (Status.FILLED, 100, 0)


def test_all_that_was_said_before_the_numbers_began_anew_changes_nothing_that_is_counted() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    # It is stored with all of it; that the numbers have begun anew since has set in_seq back.
    stored = ChildState(
        status=Status.PARTIALLY_FILLED,
        cum_qty=90,
        leaves_qty=10,
        venue_order_id="V",
        executions=(Execution("E3", 60, LIMIT), Execution("E4", 30, LIMIT)),
    )
    desk.load(child, stored)
    desk.say(ExecType.NEW, "E1", 0, poss_dup=True, msg_seq=81)
    desk.say(ExecType.STOPPED, "E2", 0, poss_dup=True, msg_seq=82)
    desk.say(ExecType.TRADE, "E3", 60, last_qty=60, poss_dup=True, msg_seq=83)
    desk.say(ExecType.TRADE, "E4", 90, last_qty=30, poss_dup=True, msg_seq=84)
    assert (desk.state.cum_qty, desk.state.leaves_qty, desk.state.missing_qty) == (90, 10, 0)
    desk.say(ExecType.TRADE, "E5", 100, last_qty=10, leaves_qty=0, poss_dup=True, msg_seq=85)
    assert desk.counted() == (Status.FILLED, 100, 0)
    # Core has none of it yet, and is told each of the trades once more.
    assert desk.outlet.kinds().count("TRADE") == 3


def test_an_old_report_that_may_have_been_sent_before_takes_nothing_back() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.say(ExecType.TRADE, "E2", 100, last_qty=100)
    for kind, exec_id, cum_qty, shares in ((ExecType.NEW, "E1", 0, 0), (ExecType.TRADE, "E2", 100, 100)):
        desk.say(kind, exec_id, cum_qty, last_qty=shares, poss_resend=True)
        assert desk.counted() == (Status.FILLED, 100, 0)
    assert desk.exceptions() == []


def test_a_report_that_may_have_been_sent_before_and_was_not_is_applied() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0, poss_resend=True)
    desk.say(ExecType.TRADE, "E2", 60, last_qty=60, poss_resend=True)
    assert desk.counted() == (Status.PARTIALLY_FILLED, 60, 0)
    desk.say(ExecType.CANCELED, "E3", 60, leaves_qty=0, poss_resend=True)
    assert desk.state.status is Status.CANCELED


def test_a_trade_that_a_replay_has_shown_is_not_counted_when_it_comes_under_another_number() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, holding(5, E1))
    desk.say(ExecType.TRADE, "E1", 60, last_qty=60, poss_dup=True, msg_seq=5)
    desk.say(ExecType.TRADE, "E1", 60, last_qty=60, poss_resend=True, msg_seq=9)
    assert desk.counted() == (Status.PARTIALLY_FILLED, 60, 0)


@pytest.mark.parametrize("poss_dup", [False, True])
def test_a_repeated_execid_with_other_shares_is_one_exception_after_a_restart_too(poss_dup: bool) -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, holding(5, E1))
    desk.say(ExecType.TRADE, "E1", 60, last_qty=61, poss_dup=poss_dup, msg_seq=6)
    assert desk.exceptions() == [ExceptionKind.REPEATED_EXEC_ID]
    assert desk.counted() == (Status.PARTIALLY_FILLED, 60, 0)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (ExecType.RESTATED, {"order_qty": 60}),
        (ExecType.TRADE_CANCEL, {"exec_ref_id": "E1"}),
        (ExecType.TRADE_CORRECT, {"exec_ref_id": "E1", "last_qty": 5}),
    ],
)
def test_what_reopens_shares_is_told_to_core_again_as_it_was(kind: ExecType, more: dict[str, object]) -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    stored = ChildState(status=Status.FILLED, cum_qty=60, leaves_qty=0, in_seq=7)
    desk.load(child, stored)
    desk.say(kind, "R1", 5, leaves_qty=55, poss_dup=True, msg_seq=5, **more)
    (told,) = [one for one in desk.outlet.messages if isinstance(one, ExecutionReport)]
    assert (told.exec_type, told.cum_qty, told.leaves_qty) == (kind, 5, 55)
    assert desk.counted() == (Status.FILLED, 60, 0)


def test_after_numbers_began_anew_a_resent_bust_of_a_closed_order_is_no_replay() -> None:
    desk = Desk()
    desk.say(ExecType.TRADE, "E1", 100, last_qty=100, msg_seq=90)
    desk.manager.begin_numbers("XNYS")
    desk.say(ExecType.TRADE_CANCEL, "B1", 0, exec_ref_id="E1", poss_dup=True, msg_seq=5)
    assert desk.counted() == (Status.NEW, 0, 0)


@pytest.mark.parametrize(("status", "leaves_qty", "ends"), [(Status.NEW, 100, 0), (Status.FILLED, 0, 1)])
def test_an_end_that_is_resent_is_told_again_only_while_the_order_is_over(
    status: Status, leaves_qty: int, ends: int
) -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, ChildState(status=status, cum_qty=0, leaves_qty=leaves_qty, in_seq=9))
    desk.say(ExecType.ORDER_STATUS, "S1", 100, ord_status=OrdStatus.FILLED, poss_dup=True, msg_seq=5)
    assert desk.outlet.kinds().count("CALCULATED") == ends


def test_a_stored_end_is_told_again_also_when_numbers_have_begun_anew_since() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, ChildState(status=Status.FILLED, cum_qty=100, leaves_qty=0, missing_qty=100))
    desk.say(ExecType.ORDER_STATUS, "S1", 100, ord_status=OrdStatus.FILLED, poss_dup=True, msg_seq=5)
    assert desk.outlet.kinds() == ["CALCULATED"]


def corrections(desk: Desk, exec_types: Iterable[tuple[ExecType, int, int]]) -> None:
    for number, (kind, last_qty, cum_qty) in enumerate(exec_types):
        about = f"C{number - 1}" if number else "E1"
        desk.say(kind, f"C{number}", cum_qty, last_qty=last_qty, exec_ref_id=about)


def test_a_bust_that_counts_more_than_was_reported_shows_what_is_missing() -> None:
    desk = Desk()
    desk.say(ExecType.TRADE, "E1", 20, last_qty=20)
    # 50 shares were traded and never reported; then the 20 are taken back.
    corrections(desk, [(ExecType.TRADE_CANCEL, 0, 50)])
    assert desk.counted() == (Status.PARTIALLY_FILLED, 50, 50)
    assert desk.venues.types().endswith("H")


@pytest.mark.parametrize(
    ("chain", "cum_qty"),
    [
        ([(ExecType.TRADE_CORRECT, 50, 50)], 50),
        ([(ExecType.TRADE_CORRECT, 50, 50), (ExecType.TRADE_CORRECT, 30, 30)], 30),
        ([(ExecType.TRADE_CORRECT, 50, 50), (ExecType.TRADE_CANCEL, 0, 0)], 0),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_chain_of_corrections_leaves_nothing_missing(
    chain: list[tuple[ExecType, int, int]], cum_qty: int, restarted: bool
) -> None:
    desk = Desk(up=not restarted)
    if restarted:
        (child,) = plan().children
        desk.load(child, holding(1, E1))
    else:
        desk.say(ExecType.TRADE, "E1", 60, last_qty=60)
    corrections(desk, chain)
    assert desk.counted()[1:] == (cum_qty, 0)
    assert desk.exceptions() == []


def test_a_correction_that_core_has_and_the_stored_state_has_not_is_counted_when_it_is_resent() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, holding(4, E1))
    desk.say(ExecType.TRADE_CORRECT, "C1", 50, last_qty=50, exec_ref_id="E1", poss_dup=True, msg_seq=5)
    assert desk.counted() == (Status.PARTIALLY_FILLED, 50, 0)


def test_a_status_from_before_a_bust_that_is_sent_once_more_is_asked_about_and_is_no_persons() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "N", 0)
    desk.say(ExecType.TRADE, "E1", 1, last_qty=1)
    status = {"exec_id": "S", "cum_qty": 1, "leaves_qty": 99, "ord_status": OrdStatus.PARTIALLY_FILLED}
    desk.say(ExecType.ORDER_STATUS, **status)  # type: ignore[arg-type]
    desk.say(ExecType.TRADE_CANCEL, "B", 0, last_qty=0, exec_ref_id="E1")
    asked = desk.venues.types().count("H")
    desk.say(ExecType.ORDER_STATUS, **status, poss_resend=True)  # type: ignore[arg-type]
    assert (desk.venues.types().count("H"), desk.exceptions()) == (asked + 1, [])
    desk.say(ExecType.ORDER_STATUS, "S2", 0, ord_status=OrdStatus.NEW)
    assert (desk.state.cum_qty, desk.state.missing_qty, desk.exceptions()) == (0, 0, [])


def test_a_venue_all_of_whose_answers_may_have_been_sent_before_is_asked_once_about_a_difference() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "N", 0)
    asked = desk.venues.types().count("H")
    status = {"cum_qty": 40, "ord_status": OrdStatus.PARTIALLY_FILLED, "poss_resend": True}
    desk.say(ExecType.ORDER_STATUS, "S1", **status)  # type: ignore[arg-type]
    assert desk.exceptions() == []
    for number in (2, 3):
        desk.say(ExecType.ORDER_STATUS, f"S{number}", **status)  # type: ignore[arg-type]
    assert desk.venues.types().count("H") == asked + 1
    assert desk.exceptions() == [ExceptionKind.CUM_QTY_DIFFERS]


@pytest.mark.parametrize("poss_resend", [False, True])
def test_a_bust_that_comes_twice_takes_back_once(poss_resend: bool) -> None:
    desk = Desk()
    desk.say(ExecType.TRADE, "E1", 30, last_qty=30)
    desk.say(ExecType.TRADE, "E2", 60, last_qty=30)
    for _ in range(2):
        desk.say(ExecType.TRADE_CANCEL, "B1", 30, exec_ref_id="E1", poss_resend=poss_resend)
        assert desk.counted() == (Status.PARTIALLY_FILLED, 30, 0)
    assert desk.exceptions() == []


@pytest.mark.parametrize("over", [OrdStatus.DONE_FOR_DAY, OrdStatus.CALCULATED, OrdStatus.FILLED])
def test_a_cancel_that_is_refused_because_the_order_is_over_is_followed_by_a_question(
    over: OrdStatus,
) -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    live = desk.manager.get(desk.child.cl_ord_id)
    assert live is not None
    refusal = CancelRefusal(
        venue_id="XNYS",
        cl_ord_id=f"{desk.child.cl_ord_id}-C1",
        child_id=desk.child.cl_ord_id,
        reason=0,
        text="too late",
        transact_time=NOW,
        ord_status=over,
    )
    desk.manager.handle_inbound(refusal, live, b"", NOW, desk.now_s)
    assert desk.venues.types() == "DH"


def later(desk: Desk, seconds: float) -> None:
    desk.now_s += seconds
    desk.manager.ask_overdue(NOW, desk.now_s)


def test_a_question_that_a_gap_fill_swallowed_is_asked_again() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.up()
    later(desk, 1)
    assert desk.venues.types() == "DH"
    desk.manager.handle_resend_wanted("XNYS", NOW, desk.now_s)
    later(desk, 1)
    assert desk.venues.types() == "DHH"


def test_a_question_about_an_acknowledged_order_that_has_no_answer_is_a_persons_in_the_end() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.up()
    for _ in range(12):
        later(desk, 200)
    assert desk.venues.types() == "D" + "H" * 6
    assert desk.exceptions() == [ExceptionKind.UNRESOLVED]
    assert desk.state.status is Status.NEW


def test_a_question_about_an_acknowledged_order_that_is_answered_is_not_asked_again() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.up()
    later(desk, 1)
    desk.say(ExecType.ORDER_STATUS, "S1", 0, ord_status=OrdStatus.NEW)
    for _ in range(12):
        later(desk, 200)
    assert desk.venues.types() == "DH"
    assert desk.exceptions() == []


def refuse_question(desk: Desk) -> None:
    """Say that no 35=H is taken."""
    live = desk.manager.get(desk.child.cl_ord_id)
    assert live is not None
    refusal = MessageRefusal(
        venue_id="XNYS",
        msg_type="j",
        ref_seq=0,
        ref_msg_type="H",
        ref_id=desk.child.cl_ord_id,
        text="",
        reason=3,
    )
    desk.manager.handle_inbound(refusal, live, b"", NOW, desk.now_s)


def test_a_venue_without_status_requests_leaves_an_acknowledged_order_to_a_person() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.up()
    later(desk, 1)
    refuse_question(desk)
    assert desk.exceptions() == [ExceptionKind.UNRESOLVED]


@pytest.mark.parametrize("has_answered", [False, True])
def test_a_venue_that_has_answered_is_asked_again_after_it_has_refused_a_question(has_answered: bool) -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E1", 0)
    desk.up()
    later(desk, 1)
    if has_answered:
        desk.say(ExecType.ORDER_STATUS, "S1", 0, ord_status=OrdStatus.NEW)
    refuse_question(desk)
    asked = desk.venues.types().count("H")
    desk.up()
    later(desk, 1)
    assert desk.venues.types().count("H") - asked == int(has_answered)


def test_a_restatement_that_is_sent_once_more_after_the_end_is_not_told_to_core() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, ChildState(status=Status.FILLED, cum_qty=57, leaves_qty=0, in_seq=7))
    desk.say(ExecType.RESTATED, "R1", 0, leaves_qty=57, poss_resend=True)
    desk.say(ExecType.RESTATED, "R1", 0, leaves_qty=57, poss_resend=True, poss_dup=True, msg_seq=7)
    assert desk.outlet.kinds() == []
    assert desk.counted() == (Status.FILLED, 57, 0)


def test_trades_that_are_sent_once_more_in_any_order_are_each_counted_once() -> None:
    desk = Desk()
    desk.say(ExecType.NEW, "E0", 0)
    for exec_id, cum_qty, shares in (
        ("E2", 70, 50), ("E3", 100, 30), ("E1", 20, 20), ("E2", 70, 50), ("E1", 20, 20)
    ):  # fmt: skip
        desk.say(ExecType.TRADE, exec_id, cum_qty, last_qty=shares, poss_resend=True)
    assert desk.counted() == (Status.FILLED, 100, 0)
    assert desk.outlet.kinds().count("TRADE") >= 3
    assert desk.exceptions() == []


def test_an_end_from_before_a_bust_that_is_sent_once_more_counts_no_shares() -> None:
    desk = Desk()
    desk.say(ExecType.TRADE, "E1", 60, last_qty=60)
    desk.say(ExecType.CANCELED, "C1", 60, leaves_qty=0)
    desk.say(ExecType.TRADE_CANCEL, "B1", 0, exec_ref_id="E1", ord_status=OrdStatus.CANCELED, leaves_qty=0)
    asked = desk.venues.types().count("H")
    desk.say(ExecType.CANCELED, "C1", 60, leaves_qty=0, poss_resend=True)
    assert desk.counted() == (Status.CANCELED, 0, 0)
    assert desk.venues.types().count("H") == asked + 1
    desk.say(ExecType.ORDER_STATUS, "S1", 0, ord_status=OrdStatus.CANCELED, leaves_qty=0)
    assert desk.exceptions() == []


@pytest.mark.parametrize("poss_resend", [False, True])
@pytest.mark.parametrize("has_counted", [False, True])
def test_a_bust_takes_its_shares_back_once_whatever_the_stored_state_has(
    has_counted: bool, poss_resend: bool
) -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    state = holding(0, E1)
    if has_counted:
        executions = (E1, Execution("B1", 0, None, "E1"))
        state = replace(state, status=Status.NEW, cum_qty=0, leaves_qty=100, executions=executions)
    desk.load(child, state)
    desk.say(
        ExecType.TRADE_CANCEL, "B1", 0, exec_ref_id="E1", poss_dup=True, poss_resend=poss_resend, msg_seq=5
    )
    assert desk.counted()[1:] == (0, 0)
    assert desk.exceptions() == []


def test_a_trade_that_is_sent_once_more_after_its_bust_is_not_counted_by_the_next_run_either() -> None:
    desk = Desk()
    desk.say(ExecType.TRADE, "E1", 60, last_qty=60)
    desk.say(ExecType.TRADE_CANCEL, "B1", 0, exec_ref_id="E1")
    next_run = Desk(up=False)
    next_run.load(desk.child, desk.state)
    for poss_dup in (True, False):
        next_run.say(ExecType.TRADE, "E1", 60, last_qty=60, poss_resend=True, poss_dup=poss_dup, msg_seq=9)
        assert next_run.counted()[1:] == (0, 0)


def test_a_bust_of_a_trade_that_an_earlier_run_counted_and_core_has_not_takes_it_back() -> None:
    desk = Desk(up=False)
    (child,) = plan().children
    desk.load(child, ChildState(status=Status.FILLED, cum_qty=100, leaves_qty=0, in_seq=4))
    desk.say(ExecType.TRADE_CANCEL, "B1", 40, exec_ref_id="E2", leaves_qty=60)
    assert desk.counted() == (Status.PARTIALLY_FILLED, 40, 0)
