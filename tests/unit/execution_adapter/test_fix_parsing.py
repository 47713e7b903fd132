"""FIX messages as venues write them, and as they should not."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.domain.child import CancelRefusal, MessageRefusal, OrdStatus, Report
from execution_adapter.domain.exceptions import contradiction
from execution_adapter.domain.fix.wire import MalformedError, read_fields
from execution_adapter.domain.wire_ids import child_of
from execution_adapter.entrypoints.fix_parsing import UnreadableReportError, parse, timestamp
from oms_platform.exceptions import ExceptionKind
from oms_platform.vocabulary import ExecType, Side
from tests.unit.execution_adapter.orders import child

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEAD = b"8=FIX.4.4|9=1|49=XNYS|56=OMS|34=7|52=20260102-03:04:05.000006"
REPORT = (
    b"35=8|11=c-1-1|17=E9|37=V1|150=F|39=1|55=AAPL|54=1|38=100|32=30|31=10.25|14=30|151=70|6=10.25"
    b"|60=20260102-03:04:05"
)
NUMBERS = ["", "x", "NaN", "Infinity", "1e2", "1e999", "0x10", "--1", "1.2.3", "9" * 50, "1,000", "١٠"]


def read(body: bytes) -> object:
    return parse(read_fields((HEAD + b"|" + body + b"|10=000|").replace(b"|", b"\x01")), "XNYS", NOW)


def refused(body: bytes) -> UnreadableReportError:
    with pytest.raises(UnreadableReportError) as caught:
        read(body)
    return caught.value


def with_field(tag: int, value: str | bytes | None, report: bytes = REPORT) -> bytes:
    """Return a report whose field has this value, or is not there."""
    value = value.encode() if isinstance(value, str) else value
    pieces = [piece for piece in report.split(b"|") if not piece.startswith(b"%d=" % tag)]
    return b"|".join(pieces + ([] if value is None else [b"%d=%s" % (tag, value)]))


def test_a_trade_is_read_whole() -> None:
    trade = read(REPORT)
    assert isinstance(trade, Report)
    assert (trade.exec_type, trade.venue_id, trade.exec_id) == (ExecType.TRADE, "XNYS", "E9")
    assert (trade.cl_ord_id, trade.ord_status, trade.msg_seq) == ("c-1-1", OrdStatus.PARTIALLY_FILLED, 7)
    assert (trade.last_qty, trade.last_px_micros, trade.cum_qty, trade.leaves_qty) == (30, 10_250_000, 30, 70)
    assert (trade.symbol, trade.side, trade.order_qty, trade.trade_date) == ("AAPL", "1", 100, "20260102")
    assert not trade.poss_dup


def test_a_price_with_more_than_six_decimals_is_rounded_once_and_its_original_kept() -> None:
    trade = read(with_field(31, "10.2500015") + b"|58=note")
    assert isinstance(trade, Report)
    assert (trade.last_px_micros, trade.text) == (10_250_002, "note LastPx=10.2500015")


def test_a_trade_of_fix_42_is_a_trade_and_its_transactions_are_busts_and_corrections() -> None:
    for told in ("1", "2"):
        trade = read(with_field(150, told))
        assert isinstance(trade, Report)
        assert trade.exec_type is ExecType.TRADE
    kinds = {"0": ExecType.TRADE, "1": ExecType.TRADE_CANCEL, "2": ExecType.TRADE_CORRECT}
    for transaction, kind in kinds.items():
        found = read(REPORT + f"|20={transaction}|19=E1".encode())
        assert isinstance(found, Report)
        assert (found.exec_type, found.exec_ref_id) == (kind, "E1")


def _without_separators(value: bytes) -> bytes:
    return value.replace(b"\x01", b"").replace(b"|", b"")


@given(st.binary(max_size=20).map(_without_separators))
def test_any_bytes_in_a_text_leave_the_trade_a_trade(text: bytes) -> None:
    trade = read(REPORT + b"|58=" + text)
    assert isinstance(trade, Report)
    assert trade.last_qty == 30
    trade.text.encode()


@given(
    st.lists(
        st.tuples(st.integers(5_000, 99_999), st.binary(max_size=6).map(_without_separators)),
        max_size=6,
    )
)
def test_tags_that_nobody_knows_empty_ones_and_groups_change_nothing(extra: list[tuple[int, bytes]]) -> None:
    more = b"".join(b"\x01%d=%s" % field for field in extra)
    group = b"|453=2|448=a|447=D|448=b|447=D|382=1|375=MM|1=|9730="
    assert read(REPORT.replace(b"|", b"\x01") + more + group.replace(b"|", b"\x01")) is not None


def test_what_a_data_field_holds_is_not_read_as_fields() -> None:
    raw = (HEAD + b"|" + REPORT).replace(b"|", b"\x01") + b"\x01354=10\x01355=a\x0132=99999\x0110=000\x01"
    trade = parse(read_fields(raw), "XNYS", NOW)
    assert isinstance(trade, Report)
    assert trade.last_qty == 30


@pytest.mark.parametrize("tag", [11, 14, 17, 31, 32, 37, 39, 41, 55, 54, 150, 151])
def test_a_field_that_matters_and_comes_twice_is_not_chosen_between(tag: int) -> None:
    body = with_field(tag, "77") + b"|%d=78" % tag
    assert refused(body).kind is ExceptionKind.UNREADABLE
    assert read(with_field(14, "30") + b"|14=30") is not None


@pytest.mark.parametrize("value", [*NUMBERS, "0", "0.00", "-1", "-0.01", "99999999999999"])
def test_a_trade_without_a_price_above_zero_is_an_exception(value: str) -> None:
    assert refused(with_field(31, value)).kind is ExceptionKind.BAD_PRICE
    assert refused(with_field(31, None)).kind is ExceptionKind.BAD_PRICE


@pytest.mark.parametrize("value", [*NUMBERS, "0", "-5", "0.5", "30.01", "3000000000"])
def test_a_trade_without_whole_shares_is_an_exception(value: str) -> None:
    assert refused(with_field(32, value)).kind is ExceptionKind.BAD_QUANTITY
    assert refused(with_field(32, None)).kind is ExceptionKind.BAD_QUANTITY


@pytest.mark.parametrize("tag", [14, 151, 38])
@pytest.mark.parametrize("value", ["x", "1.5", "-1", "NaN", "9" * 50])
def test_a_counter_that_cannot_be_is_an_exception_and_one_that_is_not_there_is_none(
    tag: int, value: str
) -> None:
    assert refused(with_field(tag, value)).kind is ExceptionKind.BAD_QUANTITY
    absent = read(with_field(tag, None))
    assert isinstance(absent, Report)
    assert None in (absent.cum_qty, absent.leaves_qty, absent.order_qty)


def test_shares_come_in_several_spellings() -> None:
    for spelling in ("30", "30.00", "+30", "030", "30."):
        trade = read(with_field(32, spelling))
        assert isinstance(trade, Report)
        assert trade.last_qty == 30


def test_an_execution_needs_an_id_and_a_bust_the_trade_that_it_is_about() -> None:
    assert refused(with_field(17, None)).kind is ExceptionKind.UNREADABLE
    assert refused(with_field(150, "H")).kind is ExceptionKind.UNKNOWN_TRADE
    assert refused(with_field(150, None)).kind is ExceptionKind.UNREADABLE
    assert refused(with_field(150, "Z")).kind is ExceptionKind.UNSUPPORTED_EXEC_TYPE


def test_a_message_with_a_piece_that_is_no_field_is_an_exception() -> None:
    with pytest.raises(UnreadableReportError):
        parse(None, "XNYS", NOW)


def test_a_cancels_report_belongs_to_its_child() -> None:
    canceled = read(with_field(150, "4", with_field(11, "c-1-1-C44")) + b"|41=c-1-1")
    assert isinstance(canceled, Report)
    assert canceled.cl_ord_id == "c-1-1"
    assert canceled.last_px_micros is None
    assert child_of("c-1-1-C44") == "c-1-1"


def test_a_status_answer_says_whether_the_order_is_unknown_and_which_question_it_answers() -> None:
    status = with_field(150, "I", with_field(39, "8")) + b"|790=c-1-1-H3"
    rejected_before, unknown = read(status), read(status + b"|103=5")
    assert isinstance(rejected_before, Report)
    assert isinstance(unknown, Report)
    assert (rejected_before.unknown, unknown.unknown, unknown.ask_id) == (False, True, "c-1-1-H3")


@pytest.mark.parametrize("status", ["0", "1", "2", "4", "6"])
def test_a_reject_with_another_status_refuses_the_request_and_says_how_the_order_is(status: str) -> None:
    found = read(with_field(39, status, with_field(150, "8")) + b"|103=6")
    assert isinstance(found, Report)
    assert (found.exec_type, found.ord_status, found.duplicate) == (
        ExecType.ORDER_STATUS,
        OrdStatus(status),
        True,
    )


def test_refusals_are_read() -> None:
    refusal = read(b"35=9|11=c-1-1-C4|41=c-1-1|37=V1|39=2|434=1|102=0|58=too late")
    assert isinstance(refusal, CancelRefusal)
    assert (refusal.child_id, refusal.cl_ord_id, refusal.reason) == ("c-1-1", "c-1-1-C4", 0)
    assert (refusal.transact_time, refusal.ord_status) == (NOW, OrdStatus.FILLED)
    business = read(b"35=j|45=12|372=D|379=c-1-1|380=0|58=no")
    assert isinstance(business, MessageRefusal)
    assert (business.ref_seq, business.ref_msg_type, business.ref_id) == (12, "D", "c-1-1")
    session = read(b"35=3|45=12|373=5")
    assert isinstance(session, MessageRefusal)
    assert (session.ref_seq, session.ref_id) == (12, "")


def test_a_type_that_nobody_needs_is_left_out() -> None:
    assert read(b"35=B|148=news") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260102-03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102-03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("20260102-03:04:05.1", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("20260102-03:04:05.123", datetime(2026, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)),
        ("20260102-03:04:05.123456789", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("20260102-03:04:05.123456789012Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("20261231-23:59:60.5", datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("20260230-03:04:05", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_at_any_precision(text: str, expected: datetime | None) -> None:
    assert timestamp(text.encode()) == expected
    trade = read(with_field(60, text))
    assert isinstance(trade, Report)


BASES = (
    REPORT,
    REPORT + b"|354=3|355=abc|453=1|448=X",
    with_field(150, "H") + b"|19=E1",
    b"35=9|11=c-1-1-C4|41=c-1-1|37=V1|39=2|434=1|102=0|58=too late",
    b"35=3|45=12|372=D|373=5|58=bad",
    b"35=j|45=12|372=D|379=c-1-1|380=0|58=no",
)


@given(st.data())
def test_every_mutant_of_a_venues_message_is_read_or_is_an_exception(data: st.DataObject) -> None:
    raw = bytearray((HEAD + b"|" + data.draw(st.sampled_from(BASES)) + b"|10=000|").replace(b"|", b"\x01"))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "double"]))
        if kind == "set":
            raw[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 12))]
        elif kind == "insert":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 30))]
        if not raw:
            return
    try:
        fields = read_fields(bytes(raw))
    except MalformedError:
        fields = None
    try:
        found = parse(fields, "XNYS", NOW)
    except UnreadableReportError as error:
        assert error.kind in ExceptionKind
        return
    if isinstance(found, Report) and found.exec_type is ExecType.TRADE:
        assert found.last_qty > 0
        assert found.last_px_micros is not None
        assert found.last_px_micros > 0
        assert found.exec_id


@pytest.mark.parametrize(
    ("ours", "written", "expected"),
    [
        ("BRK.B", "55=BRK.B", ""),
        ("BRK.B", "55=BRK|65=B", ""),
        ("BF/A", "55=BF|65=A", ""),
        ("BRK.B", "55=BRK", "Symbol (55) is BRK, the order's is BRK.B"),
        ("BRK.B", "55=BRK|65=A", "Symbol (55) is BRK A, the order's is BRK.B"),
        ("AAPL", "55=AAPL|65=WI", "Symbol (55) is AAPL WI, the order's is AAPL"),
    ],
)
def test_a_share_class_is_read_however_its_venue_writes_it(ours: str, written: str, expected: str) -> None:
    report = read(with_field(55, None) + f"|{written}".encode())
    assert isinstance(report, Report)
    asked = child(symbol=ours, venue_id=report.venue_id, side=Side.BUY if report.side == "1" else Side.SELL)
    assert contradiction(asked, report) == expected


@pytest.mark.parametrize(
    ("told", "found"),
    [("1", 1), ("2", 2), ("3", 3), ("4", 4), (None, 0), ("", 0), ("0", 0), ("12", 0), ("x", 0)],
)
def test_who_brought_the_liquidity_of_a_trade_is_read_where_it_is_told(told: str | None, found: int) -> None:
    trade = read(with_field(851, told))
    assert isinstance(trade, Report)
    assert trade.last_liquidity == found
