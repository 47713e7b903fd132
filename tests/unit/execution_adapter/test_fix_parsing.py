"""FIX messages as venues write them, and as they should not."""

from datetime import UTC, datetime

import pytest

from execution_adapter.domain.child import CancelRefusal, MessageRefusal, Report
from execution_adapter.entrypoints.fix_parsing import (
    UnreadableReportError,
    child_id,
    parse,
    shares,
    timestamp,
)
from oms_platform.vocabulary import ExecType

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEAD = "8=FIX.4.4|9=1|49=XNYS|56=OMS|34=7|52=20260102-03:04:05.000006"
REPORT = (
    "35=8|11=c-1-1|17=E9|37=V1|150=F|39=1|55=AAPL|54=1|38=100|32=30|31=10.25|14=30|151=70|6=10.25"
    "|60=20260102-03:04:05"
)


def read(body: str) -> object:
    return parse(f"{HEAD}|{body}|10=000|".replace("|", "\x01"), NOW)


def test_a_trade_is_read_whole() -> None:
    trade = read(REPORT)
    assert isinstance(trade, Report)
    assert (trade.exec_type, trade.venue_id, trade.exec_id, trade.cl_ord_id) == (
        ExecType.TRADE,
        "XNYS",
        "E9",
        "c-1-1",
    )
    assert (trade.last_qty, trade.last_px_micros, trade.cum_qty, trade.leaves_qty) == (30, 10_250_000, 30, 70)
    assert not trade.poss_dup


def test_a_price_with_more_than_six_decimals_is_rounded_once_and_its_original_kept() -> None:
    trade = read(REPORT.replace("31=10.25", "31=10.2500015") + "|58=note")
    assert isinstance(trade, Report)
    assert (trade.last_px_micros, trade.text) == (10_250_002, "note LastPx=10.2500015")


def test_a_resent_report_is_known_as_one() -> None:
    resent = read("43=Y|" + REPORT)
    assert isinstance(resent, Report)
    assert resent.poss_dup


def test_a_cancels_report_belongs_to_its_child() -> None:
    canceled = read(REPORT.replace("11=c-1-1", "11=c-1-1-C44|41=c-1-1").replace("150=F", "150=4"))
    assert isinstance(canceled, Report)
    assert canceled.cl_ord_id == "c-1-1"
    assert canceled.last_px_micros is None
    assert child_id("c-1-1-C44") == "c-1-1"


def test_a_status_answer_says_whether_the_order_is_unknown_and_which_question_it_answers() -> None:
    status = REPORT.replace("150=F", "150=I").replace("39=1", "39=8") + "|790=c-1-1-H3"
    rejected_before, unknown = read(status), read(status + "|103=5")
    assert isinstance(rejected_before, Report)
    assert isinstance(unknown, Report)
    assert (rejected_before.unknown, unknown.unknown, unknown.ask_id) == (False, True, "c-1-1-H3")


def test_refusals_are_read() -> None:
    refusal = read("35=9|11=c-1-1-C4|41=c-1-1|37=V1|39=2|434=1|102=0|58=too late")
    assert isinstance(refusal, CancelRefusal)
    assert (refusal.child_id, refusal.cl_ord_id, refusal.reason) == ("c-1-1", "c-1-1-C4", 0)
    assert refusal.transact_time == NOW
    business = read("35=j|45=12|372=D|379=c-1-1|380=0|58=no")
    assert isinstance(business, MessageRefusal)
    assert (business.ref_seq, business.ref_msg_type, business.ref_id) == (12, "D", "c-1-1")
    session = read("35=3|45=12|373=5")
    assert isinstance(session, MessageRefusal)
    assert (session.ref_seq, session.ref_id) == (12, "")


def test_a_type_that_nobody_needs_is_left_out() -> None:
    assert read("35=B|148=news") is None


@pytest.mark.parametrize(
    "wrong",
    ["150=Q", "150=F|31=NaN", "150=F|31=Infinity", "150=F|14=x", "150=F|14=1.5", "150=F|60=yesterday"],
)
def test_what_cannot_be_read_is_refused_with_the_message(wrong: str) -> None:
    with pytest.raises(UnreadableReportError, match="XNYS"):
        read(REPORT.replace("150=F", wrong) if wrong == "150=Q" else f"{REPORT}|{wrong}")


def test_quantities_and_times_come_in_several_spellings() -> None:
    assert shares("100") == shares("100.00") == 100
    assert timestamp("20260102-03:04:05") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert timestamp("20260102-03:04:05.123") == datetime(2026, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)
    assert timestamp("20260102-03:04:05.123456") == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
