"""How a venue's reports move a child, also when they come twice or late."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.domain.child import (
    CLOSED,
    ChildState,
    Report,
    Status,
    apply_report,
    new_state,
)
from execution_adapter.domain.live_child import LiveChild
from oms_platform.vocabulary import ExecType
from tests.unit.execution_adapter.orders import child as terms

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def report(kind: ExecType, cum_qty: int = 0, **changes: object) -> Report:
    fields: dict[str, object] = {
        "venue_id": "XNYS",
        "cl_ord_id": "c-1-1",
        "exec_id": "E1",
        "exec_type": kind,
        "transact_time": AT,
        "venue_order_id": "V1",
        "cum_qty": cum_qty,
    }
    return Report(**(fields | changes))  # type: ignore[arg-type]


def after(*reports: Report, quantity: int = 100) -> ChildState:
    state = new_state(quantity)
    for item in reports:
        state = apply_report(state, quantity, item)
    return state


def test_a_new_report_acknowledges_with_the_venues_time() -> None:
    state = after(report(ExecType.NEW))
    assert (state.status, state.leaves_qty, state.venue_order_id, state.acked_at) == (
        Status.NEW,
        100,
        "V1",
        AT,
    )


def test_fills_add_up_and_the_last_one_closes() -> None:
    partly = after(report(ExecType.NEW), report(ExecType.TRADE, 30))
    assert (partly.status, partly.cum_qty, partly.leaves_qty) == (Status.PARTIALLY_FILLED, 30, 70)
    filled = apply_report(partly, 100, report(ExecType.TRADE, 100))
    assert (filled.status, filled.cum_qty, filled.leaves_qty) == (Status.FILLED, 100, 0)


def test_an_old_report_that_is_resent_changes_nothing() -> None:
    state = after(report(ExecType.NEW), report(ExecType.TRADE, 30), report(ExecType.TRADE, 60))
    assert apply_report(state, 100, report(ExecType.NEW, transact_time=AT + timedelta(1))) == state
    assert apply_report(state, 100, report(ExecType.TRADE, 30)) == state


def test_a_late_fill_after_a_cancel_counts_and_the_child_stays_canceled() -> None:
    state = after(report(ExecType.NEW), report(ExecType.CANCELED, 20), report(ExecType.TRADE, 50))
    assert (state.status, state.cum_qty, state.leaves_qty) == (Status.CANCELED, 50, 0)


def test_done_for_day_expires_and_a_rejection_rejects() -> None:
    assert after(report(ExecType.DONE_FOR_DAY)).status is Status.EXPIRED
    assert after(report(ExecType.EXPIRED)).status is Status.EXPIRED
    assert after(report(ExecType.REJECTED)).status is Status.REJECTED


def test_a_status_answer_only_says_whether_the_venue_has_it() -> None:
    assert after(report(ExecType.ORDER_STATUS, 50)).status is Status.NEW
    assert after(report(ExecType.ORDER_STATUS, 50)).cum_qty == 0
    assert after(report(ExecType.ORDER_STATUS, unknown=True)) == new_state(100)
    acknowledged = after(report(ExecType.ORDER_STATUS), report(ExecType.NEW))
    assert acknowledged.acked_at == AT


def test_pending_reports_change_nothing() -> None:
    assert after(report(ExecType.PENDING_NEW), report(ExecType.PENDING_CANCEL)) == new_state(100)


@given(st.lists(st.tuples(st.sampled_from(ExecType), st.integers(0, 150), st.booleans()), max_size=12))
def test_whatever_comes_quantities_stay_in_their_bounds(steps: list[tuple[ExecType, int, bool]]) -> None:
    state = new_state(100)
    for kind, cum_qty, unknown in steps:
        before, state = state, apply_report(state, 100, report(kind, cum_qty, unknown=unknown))
        assert before.cum_qty <= state.cum_qty <= 100
        assert 0 <= state.leaves_qty <= 100 - state.cum_qty
        assert (state.leaves_qty == 0) == (state.status in CLOSED)
        if before.status in CLOSED:
            assert state.status is before.status


def live(*, maybe_at_venue: bool = True) -> LiveChild:
    child = terms(cl_ord_id="c-1-1")
    return LiveChild(child, new_state(100), maybe_at_venue=maybe_at_venue)


def unknown(ask_id: str = "", *, poss_dup: bool = False) -> Report:
    return report(ExecType.ORDER_STATUS, unknown=True, ask_id=ask_id, poss_dup=poss_dup)


def test_the_answer_to_the_newest_question_proves_absence() -> None:
    child = live()
    child.note_asked("H1", 1, 0.0)
    child.note_asked("H2", 1, 5.0)
    assert not child.proves_absent(unknown("H1"), 1)
    assert child.proves_absent(unknown("H2"), 1)


def test_an_answer_to_a_question_from_before_the_order_went_out_proves_nothing() -> None:
    child = live()
    child.note_asked("H1", 1, 0.0)
    child.note_sent(1, AT, 1.0)
    assert not child.proves_absent(unknown("H1"), 1)
    child.note_asked("H2", 1, 6.0)
    assert child.proves_absent(unknown("H2"), 1)


def test_without_an_echo_only_a_first_answer_of_this_logon_is_believed() -> None:
    child = live()
    assert not child.proves_absent(unknown(), 1)
    child.note_asked("H1", 1, 0.0)
    assert not child.proves_absent(unknown(poss_dup=True), 1)
    assert not child.proves_absent(unknown(), 2)
    assert child.proves_absent(unknown(), 1)
    child.note_sent(1, AT, 1.0)
    assert not child.proves_absent(unknown(), 1)


def test_a_child_that_a_venue_has_answered_for_is_never_absent() -> None:
    child = live()
    child.note_asked("H1", 1, 0.0)
    child.state = apply_report(child.state, 100, report(ExecType.NEW))
    assert not child.proves_absent(unknown("H1"), 1)
