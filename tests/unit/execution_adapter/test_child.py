"""How a venue's reports move a child, also when they come twice or late."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.domain.child import (
    CLOSED,
    Applied,
    ChildState,
    OrdStatus,
    Report,
    Status,
    apply_report,
    is_replay,
    new_state,
    reopens,
)
from execution_adapter.domain.live_child import LiveChild
from oms_platform.vocabulary import ExecType, TimeInForce
from tests.unit.execution_adapter.orders import child as terms

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def report(kind: ExecType, cum_qty: int | None = 0, **changes: object) -> Report:
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


def trade(last_qty: int, cum_qty: int | None, **changes: object) -> Report:
    fields = {"exec_id": f"T{cum_qty}", "last_qty": last_qty, "last_px_micros": 1_000_000}
    return report(ExecType.TRADE, cum_qty, **(fields | changes))


def told(status: OrdStatus, cum_qty: int | None = None, **changes: object) -> Report:
    return report(ExecType.ORDER_STATUS, cum_qty, ord_status=status, **changes)


def apply(state: ChildState, item: Report, *, tif: TimeInForce = TimeInForce.DAY) -> Applied:
    return apply_report(state, 100, tif, item)


def after(*reports: Report, tif: TimeInForce = TimeInForce.DAY) -> ChildState:
    state = new_state(100)
    for item in reports:
        state = apply(state, item, tif=tif).state
    return state


def shown(state: ChildState) -> tuple[Status, int, int, int]:
    return state.status, state.cum_qty, state.leaves_qty, state.missing_qty


def test_a_new_report_acknowledges_with_the_venues_time() -> None:
    state = after(report(ExecType.NEW))
    assert shown(state) == (Status.NEW, 0, 100, 0)
    assert (state.venue_order_id, state.acked_at) == ("V1", AT)


def test_fills_add_up_and_the_last_one_closes() -> None:
    partly = after(report(ExecType.NEW), trade(30, 30))
    assert shown(partly) == (Status.PARTIALLY_FILLED, 30, 70, 0)
    filled = apply(partly, trade(70, 100))
    assert shown(filled.state) == (Status.FILLED, 100, 0, 0)
    assert filled.ended is None


def test_a_trade_without_cum_qty_counts_by_its_shares() -> None:
    assert shown(after(trade(30, None), trade(70, None))) == (Status.FILLED, 100, 0, 0)


def test_what_is_resent_from_before_is_known_by_its_number() -> None:
    state = after(trade(30, 30, msg_seq=5), trade(30, 60, msg_seq=6))
    assert is_replay(state, trade(30, 30, msg_seq=5, poss_dup=True))
    assert not is_replay(state, trade(30, 30, msg_seq=7, poss_dup=True))
    assert not is_replay(state, trade(30, 30, msg_seq=5))


def test_a_late_fill_after_a_cancel_counts_and_the_child_stays_canceled() -> None:
    canceled = after(report(ExecType.NEW), trade(20, 20), report(ExecType.CANCELED, 20))
    assert shown(canceled) == (Status.CANCELED, 20, 0, 0)
    assert shown(apply(canceled, trade(30, 50)).state) == (Status.CANCELED, 50, 0, 0)


def test_a_cancel_that_counts_a_fill_that_is_not_there_yet_waits_for_it() -> None:
    canceled = apply(after(report(ExecType.NEW)), report(ExecType.CANCELED, 100))
    assert shown(canceled.state) == (Status.CANCELED, 100, 0, 100)
    assert shown(apply(canceled.state, trade(100, 100)).state) == (Status.CANCELED, 100, 0, 0)


def test_fills_that_were_never_reported_are_missing_and_the_child_is_over_by_its_venues_word() -> None:
    filled = apply(after(trade(10, 10)), trade(20, 100, ord_status=OrdStatus.FILLED))
    assert shown(filled.state) == (Status.FILLED, 100, 0, 70)
    assert filled.ended is ExecType.CALCULATED
    assert after(trade(10, 10), trade(20, 20)).missing_qty == -10


def test_the_last_trade_of_an_order_that_was_canceled_ends_it() -> None:
    ended = apply(new_state(100), trade(40, 40, ord_status=OrdStatus.CANCELED))
    assert shown(ended.state) == (Status.CANCELED, 40, 0, 0)
    assert ended.ended is ExecType.CANCELED


def test_shares_beyond_all_numbers_stay_within_their_columns() -> None:
    most = 2**31 - 1
    state = after(*[trade(most, None) for _ in range(5)], told(OrdStatus.FILLED, 0))
    assert abs(state.missing_qty) <= most
    assert 0 <= state.cum_qty <= most
    assert after(*[trade(most, most) for _ in range(5)]).missing_qty >= -most


def test_an_overfill_is_counted_as_it_is() -> None:
    assert shown(after(trade(150, 150))) == (Status.FILLED, 150, 0, 0)
    assert shown(after(trade(100, 100), trade(50, 150))) == (Status.FILLED, 150, 0, 0)


def test_done_for_day_expires_a_day_order_and_holds_one_that_comes_back() -> None:
    assert apply(new_state(100), report(ExecType.DONE_FOR_DAY)).ended is ExecType.EXPIRED
    held = apply(after(trade(10, 10)), report(ExecType.DONE_FOR_DAY, 10), tif=TimeInForce.GTC)
    assert shown(held.state) == (Status.DONE_FOR_DAY, 10, 90, 0)
    assert held.ended is None
    back = apply(held.state, report(ExecType.RESTATED, 10, leaves_qty=90), tif=TimeInForce.GTC)
    assert shown(back.state) == (Status.PARTIALLY_FILLED, 10, 90, 0)
    assert after(report(ExecType.EXPIRED)).status is Status.EXPIRED
    assert after(report(ExecType.REJECTED)).status is Status.REJECTED


@pytest.mark.parametrize(
    ("how", "ended"),
    [
        (OrdStatus.FILLED, ExecType.CALCULATED),
        (OrdStatus.CANCELED, ExecType.CANCELED),
        (OrdStatus.EXPIRED, ExecType.EXPIRED),
        (OrdStatus.REJECTED, ExecType.REJECTED),
        (OrdStatus.DONE_FOR_DAY, ExecType.EXPIRED),
    ],
)
def test_a_status_answer_of_an_order_that_is_over_closes_it(how: OrdStatus, ended: ExecType) -> None:
    found = apply(after(report(ExecType.NEW), trade(20, 20)), told(how, 60))
    assert found.ended is ended
    assert (found.state.leaves_qty, found.state.missing_qty) == (0, 40)


def test_a_status_answer_of_an_open_order_says_how_far_it_is() -> None:
    assert shown(after(told(OrdStatus.PARTIALLY_FILLED, 50))) == (Status.PARTIALLY_FILLED, 50, 50, 50)
    assert after(told(OrdStatus.NEW)).status is Status.NEW
    assert after(report(ExecType.ORDER_STATUS, None, unknown=True)) == new_state(100)
    assert after(told(OrdStatus.PENDING_NEW)).status is Status.PENDING_NEW


def test_a_bust_takes_shares_back_and_what_is_open_is_the_venues_word() -> None:
    filled = after(trade(60, 60), trade(40, 100))
    bust = report(
        ExecType.TRADE_CANCEL, 60, exec_ref_id="T100", leaves_qty=40, ord_status=OrdStatus.PARTIALLY_FILLED
    )
    assert shown(apply(filled, bust).state) == (Status.PARTIALLY_FILLED, 60, 40, 0)
    over = report(ExecType.TRADE_CANCEL, 60, exec_ref_id="T100", leaves_qty=0, ord_status=OrdStatus.CANCELED)
    gone = apply(filled, over)
    assert shown(gone.state) == (Status.CANCELED, 60, 0, 0)
    assert gone.ended is ExecType.CANCELED
    canceled = after(trade(40, 40), trade(50, 90), report(ExecType.CANCELED, 90))
    over = report(ExecType.TRADE_CANCEL, 40, exec_ref_id="T90", leaves_qty=0, ord_status=OrdStatus.CANCELED)
    assert shown(apply(canceled, over).state) == (Status.CANCELED, 40, 0, 0)


def test_the_end_of_a_restated_order_is_told_for_core_may_have_refused_the_restatement() -> None:
    less = after(trade(10, 10), report(ExecType.RESTATED, 10, order_qty=60, leaves_qty=50))
    last = apply(less, trade(50, 60))
    assert (last.state.status, last.ended) == (Status.FILLED, ExecType.CALCULATED)
    assert apply(after(trade(60, 60)), trade(40, 100)).ended is None


def test_a_bust_of_a_trade_that_was_never_reported_ends_the_difference_that_it_made() -> None:
    differs = after(trade(60, 60), told(OrdStatus.FILLED, 100))
    assert shown(differs) == (Status.FILLED, 100, 0, 40)
    bust = report(ExecType.TRADE_CANCEL, 60, exec_ref_id="E9", leaves_qty=0, ord_status=OrdStatus.CANCELED)
    assert apply(differs, bust).state.missing_qty == 0


def test_a_restatement_changes_what_is_open() -> None:
    less = apply(after(trade(10, 10)), report(ExecType.RESTATED, 10, order_qty=60, leaves_qty=50))
    assert shown(less.state) == (Status.PARTIALLY_FILLED, 10, 50, 0)
    gone = apply(less.state, report(ExecType.RESTATED, 10, order_qty=10, leaves_qty=0))
    assert gone.ended is ExecType.CANCELED


def replaced(cum_qty: int, leaves_qty: int, **changes: object) -> Report:
    fields: dict[str, object] = {"order_qty": cum_qty + leaves_qty, "leaves_qty": leaves_qty, "named": "Y"}
    return report(ExecType.REPLACED, cum_qty, **(fields | changes))


def test_c_1_c_a_replace_that_met_a_filled_order_opens_it_again_with_what_its_venue_says() -> None:
    less = report(ExecType.RESTATED, 0, order_qty=60, leaves_qty=60)
    filled = after(less, trade(60, 60))
    assert shown(filled) == (Status.FILLED, 60, 0, 0)
    for leaves_qty in (1, 40, 90):
        again = apply(filled, replaced(60, leaves_qty))
        assert (shown(again.state), again.ended) == ((Status.PARTIALLY_FILLED, 60, leaves_qty, 0), None)
        assert again.state.replaces.named == "Y"
        last = apply(again.state, trade(leaves_qty, 60 + leaves_qty)).state
        assert shown(last) == (Status.FILLED, 60 + leaves_qty, 0, 0)
    without_leaves = apply(filled, report(ExecType.REPLACED, 60, order_qty=100)).state
    assert shown(without_leaves) == (Status.PARTIALLY_FILLED, 60, 40, 0)


@pytest.mark.parametrize("leaves_qty", [0, 40])
@pytest.mark.parametrize(
    "kind", [ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.CALCULATED]
)
def test_no_other_end_is_undone_by_a_replace_nor_a_fill_by_what_a_venue_restates(
    kind: ExecType, leaves_qty: int
) -> None:
    over = after(trade(60, 60), report(kind, 60, leaves_qty=0))
    again = apply(over, replaced(60, leaves_qty))
    assert (shown(again.state), again.ended) == (shown(over), None)
    filled = after(trade(100, 100))
    restated = report(ExecType.RESTATED, 100, order_qty=100 + leaves_qty, leaves_qty=leaves_qty)
    for said in (restated, replaced(100, leaves_qty, ord_status=OrdStatus.CANCELED), replaced(100, 0)):
        assert shown(apply(filled, said).state) == (Status.FILLED, 100, 0, 0)


def test_pending_reports_change_nothing_and_held_ones_are_shown() -> None:
    assert shown(after(report(ExecType.PENDING_NEW), report(ExecType.PENDING_CANCEL))) == (
        Status.PENDING_NEW,
        0,
        100,
        0,
    )
    assert after(report(ExecType.NEW), report(ExecType.SUSPENDED)).status is Status.SUSPENDED
    assert after(report(ExecType.NEW), report(ExecType.STOPPED)).status is Status.STOPPED


REPORTS = st.builds(
    lambda kind, cum, leaves, last, status, unknown: report(
        kind,
        cum,
        leaves_qty=leaves,
        last_qty=last if kind in (ExecType.TRADE, ExecType.TRADE_CORRECT) else 0,
        ord_status=status,
        unknown=unknown and kind is ExecType.ORDER_STATUS,
    ),
    st.sampled_from(ExecType),
    st.none() | st.integers(0, 150),
    st.none() | st.integers(0, 150),
    st.integers(1, 150),
    st.none() | st.sampled_from(OrdStatus),
    st.booleans(),
)


@given(st.lists(REPORTS, max_size=12), st.sampled_from([TimeInForce.DAY, TimeInForce.GTC]))
def test_whatever_comes_a_child_is_open_or_over_and_knows_what_is_missing(
    reports: list[Report], tif: TimeInForce
) -> None:
    state = new_state(100)
    reported = 0
    for item in reports:
        before, applied = state, apply(state, item, tif=tif)
        state = applied.state
        assert state.cum_qty >= 0
        assert state.leaves_qty >= 0
        assert (state.leaves_qty == 0) == (state.status in CLOSED)
        if item.exec_type is ExecType.TRADE:
            reported += item.last_qty
            assert state.cum_qty - state.missing_qty == before.cum_qty - before.missing_qty + item.last_qty
        if before.status not in CLOSED and state.status in CLOSED:
            # Core hears of it by a trade that fills it, or by its end.
            assert applied.ended is not None or item.exec_type is ExecType.TRADE
        if before.status in CLOSED and state.status not in CLOSED:
            undone = item.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
            assert undone or reopens(before, item)


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
    child.state = apply(child.state, report(ExecType.NEW)).state
    assert not child.proves_absent(unknown("H1"), 1)
