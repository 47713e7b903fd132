"""What names an exception: what a message says, without what a repetition of it changes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from oms_platform import ids
from oms_platform.exceptions import ExceptionKind, exception_identity, fix_content, message_content
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import ExecType, Side

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
FIELDS = {8: "FIX.4.4", 9: "99", 35: "8", 49: "XNYS", 56: "OMS", 34: "7", 52: "20261102-15:00:00.000"}
BODY = "11=X|17=E1|150=F|58=52=in a text|96=a|10=b|32=100|"


def message(body: str = BODY, **header: object) -> bytes:
    """Return a FIX message; header fields by `t<tag>`."""
    fields = FIELDS | {int(tag[1:]): value for tag, value in header.items()}
    head = "".join(f"{tag}={value}|" for tag, value in fields.items() if value is not None)
    return f"{head}{body}10=123|".replace("|", "\x01").encode("latin-1")


def test_a_message_that_is_sent_again_says_the_same() -> None:
    again = message(t43="Y", t122="20261102-15:00:00.000", t52="20261102-15:09:00", t9="120")
    assert fix_content(again) == fix_content(message())
    assert fix_content(message(t97="Y", t34="99")) == fix_content(message())


def test_what_has_no_exec_id_is_told_apart_by_its_sequence_number() -> None:
    body = BODY.replace("17=E1|", "")
    assert fix_content(message(body)) == fix_content(message(body, t43="Y", t122="20261102-15:00:00"))
    assert fix_content(message(body)) != fix_content(message(body, t34="8"))


def test_another_session_another_field_or_another_data_field_is_another_message() -> None:
    said = {fix_content(message(body)) for body in (BODY, BODY.replace("a|10=b", "a|10=c"), BODY + "1=A|")}
    assert len(said | {fix_content(message(t49="XNAS"))}) == 4


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=50))
def test_any_bytes_have_a_content_and_another_text_is_another_one(raw: bytes, more: bytes) -> None:
    assert isinstance(fix_content(raw), bytes)
    text, longer = raw.replace(b"\x01", b""), (raw + more + b"!").replace(b"\x01", b"")
    one, other = (b"35=8\x0117=E\x0158=" + said + b"\x0110=123\x01" for said in (text, longer))
    assert fix_content(one) != fix_content(other)


def test_a_report_that_was_received_another_time_is_the_same_and_of_other_content_is_not() -> None:
    report = ExecutionReport(
        order_id=ids.uuid7(), account_id="A", cl_ord_id="X", venue_id="XNYS", exec_id="E",
        exec_type=ExecType.TRADE, symbol="AAPL", side=Side.BUY, order_qty=1, last_qty=1, text="\udcff\0",
        transact_time=NOW, received_at=NOW,
    )  # fmt: skip
    again = replace(report, received_at=NOW + timedelta(hours=1))
    kind = ExceptionKind.OVERFILL
    assert exception_identity(kind, "XNYS", message_content(again)) == exception_identity(
        kind, "XNYS", message_content(report)
    )
    assert message_content(replace(report, last_qty=2)) != message_content(report)
    assert exception_identity(kind, "A", b"") != exception_identity(ExceptionKind.BAD_PRICE, "A", b"")
