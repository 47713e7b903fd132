"""A venue's day out of what it sent: trades once, busts out, corrections in, other days and questions not."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from oms_tools.verify.venue_day import Trade, UnreadableFileError, VenueDay, net_trades, trades_of_file

AT = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
DAY = "20260102"


def message(exec_id: str, kind: str = "F", qty: str = "100", px: str = "10.5", **more: str) -> bytes:
    fields = {"35": "8", "17": exec_id, "150": kind, "32": qty, "31": px, "55": "AAPL", "54": "1"}
    fields |= {"60": "20260102-15:00:00"} | {name[1:]: value for name, value in more.items()}
    return "".join(f"{tag}={value}\x01" for tag, value in fields.items()).encode()


def net(*messages: bytes) -> dict[str, Trade]:
    return net_trades(((AT, one) for one in messages), DAY)


def trade(shares: int, px: str = "10.5") -> Trade:
    return Trade("AAPL", "BUY", shares, shares * Decimal(px).quantize(Decimal("0.000001")))


def test_a_trade_that_is_sent_again_is_one_trade() -> None:
    assert net(message("E1"), message("E2", qty="5"), message("E1")) == {"E1": trade(100), "E2": trade(5)}


def test_a_bust_takes_its_trade_out_and_a_correction_changes_it() -> None:
    bust, correction = message("B", "H", t19="E1"), message("C", "G", "60", "10.4", t19="E2")
    again = message("D", "G", "50", "10.3", t19="C")
    assert net(message("E1"), message("E2"), bust, correction, again) == {"E2": trade(50, "10.3")}


def test_fix_42_says_the_same_in_its_way() -> None:
    found = net(
        message("E1", "1", t20="0"),
        message("E2", "2", t20="0"),
        message("B", "1", t20="1", t19="E1"),
        message("S", "2", t20="3"),
    )
    assert found == {"E2": trade(100)}


def test_what_is_no_trade_of_the_day_is_not_there() -> None:
    found = net(
        message("A", "0"),
        message("S", "I"),
        message("P", px="0"),
        message("Q", qty="ten"),
        message("Y", t75="20260101"),
        message("Z", t60="20260103-00:00:01"),
        message("B", "H", t19="NEVER"),
        message("E1", t75=DAY, t60="20260103-00:00:01"),
    )
    assert found == {"E1": trade(100)}


def test_differences_are_what_only_one_has_and_what_is_not_the_same() -> None:
    day = VenueDay("XNYS", date(2026, 1, 2))
    day.ours = {"A": trade(1), "B": trade(2), "C": trade(3)}
    day.theirs = {"B": trade(2), "C": trade(4), "D": trade(5)}
    assert day.differences == {"A": (trade(1), None), "C": (trade(3), trade(4)), "D": (None, trade(5))}
    shown = day.as_json()
    assert (shown["ours"]["shares"], shown["theirs"]["shares"], len(shown["differences"])) == (6, 11, 3)
    assert shown["differences"][1]["theirs"] == "BUY 4 AAPL at 10.5"


def test_a_venues_file_is_read_or_refused_with_its_line() -> None:
    head = "execId,symbol,side,lastQty,lastPx,note\n"
    assert trades_of_file(io.StringIO(head + "E1,AAPL,BUY,100,10.5,x\n")) == {"E1": trade(100)}
    for text, problem in (
        ("execId,symbol\n", "expected the columns"),
        ("", "expected the columns"),
        (head + "E1,AAPL,BUY,many,10.5,\n", "line 2"),
        (head + "E1,AAPL,BUY,1,\n", "line 2"),
        (head + "E1,AAPL,BUY,1,1,\nE1,AAPL,BUY,1,1,\n", "a second time"),
    ):
        with pytest.raises(UnreadableFileError, match=problem):
            trades_of_file(io.StringIO(text))
