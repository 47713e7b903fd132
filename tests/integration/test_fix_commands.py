"""`oms fix`: what went over the wire about an order, in FIX's words and in its bytes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from click.testing import CliRunner, Result

from oms_platform.ids import uuid7
from oms_tools.cli.fix_commands import decoded, fix
from oms_tools.laptop.layout import StackError

SENT = b"8=FIX.4.4|9=1|35=D|34=7|49=OMS|56=XNYS|11={child}|38=100|40=2|44=10.5|54=1|55=AAPL|59=0|10=000|"
TRADE = (
    b"8=FIX.4.4|9=1|35=8|34=9|49=XNYS|56=OMS|11={child}|17=E1|150=F|39=2|32=100|31=10.5|14=100|151=0"
    b"|58=Ausf\xfchrung|10=000|"
)
OTHER = TRADE.replace(b"{child}", b"another-1-1")


def wire(message: bytes, child: str) -> bytes:
    return message.replace(b"{child}", child.encode()).replace(b"|", b"\x01")


def stored_order(dsn: str) -> tuple[UUID, str]:
    """Store an order's child and what went over FIX about it and about another one."""
    order_id, now = uuid7(), datetime.now(UTC)
    child = f"{order_id.hex}-1-1"
    lines = [(False, 7, wire(SENT, child)), (True, 8, wire(OTHER, child)), (True, 9, wire(TRADE, child))]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO child_orders (order_id, cl_ord_id, attempt, leg, venue_id, quantity, terms,"
            " continues, status, leaves_qty, created_at, updated_at)"
            " VALUES (%s, %s, 1, 1, 'XNYS', 100, '{}', false, 'FILLED', 0, %s, %s)",
            [order_id, child, now, now],
        )
        connection.execute(
            "INSERT INTO fix_journal VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                uuid7(),
                ["XNYS"] * len(lines),
                [inbound for inbound, _, _ in lines],
                [seq for _, seq, _ in lines],
                [now + timedelta(microseconds=seq) for _, seq, _ in lines],
                [len(raw) for _, _, raw in lines],
                b"".join(raw for _, _, raw in lines),
            ],
        )
        connection.execute(
            "INSERT INTO fix_sessions (venue_id, up, reason, changed_at) VALUES"
            " ('XNYS', false, 'MsgSeqNum too low, expecting 9 but received 1', now())"
            " ON CONFLICT (venue_id) DO UPDATE SET up = false, reason = EXCLUDED.reason"
        )
    return order_id, child


def run(dsn: str, *words: str) -> Result:
    result = CliRunner().invoke(fix, [*words, "--dsn", dsn], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    return result


def test_an_orders_messages_are_shown_in_words_in_their_order_and_no_others(dsn: str) -> None:
    order_id, child = stored_order(dsn)
    first, second, count = run(dsn, "log", str(order_id)).output.splitlines()
    assert f"-> XNYS 7  NewOrderSingle  ClOrdID={child}  OrderQty=100  OrdType=2 (Limit)" in first
    assert "<- XNYS 9  ExecutionReport" in second
    assert "ExecType=F (Trade)  OrdStatus=2 (Filled)  LastQty=100  LastPx=10.5" in second
    assert count == "2 messages"


def test_bytes_are_shown_as_they_were(dsn: str) -> None:
    order_id, child = stored_order(dsn)
    shown = run(dsn, "log", "--raw", str(order_id)).output
    assert f"11={child}|17=E1|150=F" in shown
    assert "58=Ausführung|10=000|" in shown


def test_an_order_that_is_no_order_is_refused_in_words(dsn: str) -> None:
    for text, why in (("nonsense", "expected an order's id"), ("0" * 8, "none of the newest 1,000 orders")):
        result = CliRunner().invoke(fix, ["log", text, "--dsn", dsn])
        assert isinstance(result.exception, StackError)
        assert why in str(result.exception)


def test_an_order_that_never_reached_a_venue_has_no_messages(dsn: str) -> None:
    assert run(dsn, "log", str(uuid7())).output == "0 messages\n"


def test_a_session_that_is_down_says_why(dsn: str) -> None:
    stored_order(dsn)
    shown = run(dsn, "sessions").output
    assert "XNYS" in shown
    assert "MsgSeqNum too low, expecting 9 but received 1" in shown


def test_what_cannot_be_read_is_shown_as_far_as_it_goes() -> None:
    assert decoded(b"35=8\x01150=Z\x019999=a\x01") == "ExecutionReport  ExecType=Z  9999=a"
    assert decoded(b"35=q\x0158=b\xff\x01") == "35=q  Text=b\ufffdff"
    assert decoded(b"garbage") == "35=?"
