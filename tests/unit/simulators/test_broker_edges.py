"""The broker's edges: FIX text, journal, exchange, inbox, schedule, settings."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import quickfix as fix

from oms_platform.errors import BrokenInvariantError
from oms_platform.fix.wire import SOH, split_fields
from simulators.broker.adapters.journal import JOURNAL_NAME, Journal
from simulators.broker.config import VENUES, latencies_us
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.fix_text import (
    UnreadableFixError,
    business_reject_text,
    cancel_rejected_text,
    read_command,
    report_text,
)
from simulators.broker.entrypoints.inbox import Inbox
from simulators.broker.handlers import Exchange, commands_of_quote
from simulators.broker.prices import average_text, micros_of, price_text
from simulators.broker.protocol import (
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    Decide,
    Kept,
    NewOrder,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    Saying,
    Side,
    TimeInForce,
    is_kept,
)
from simulators.broker.schedule import Schedule
from simulators.broker.unkind import UnkindVenue
from tests.scenarios.venue_script import describe
from tests.unit.simulators.fix44_dictionary import QUICKFIX_XML
from tests.unit.simulators.test_quote_maker import make_quotes

NOW = datetime(2026, 3, 2, 15, 0, 0, 5, tzinfo=UTC)
TICKS = {"AAPL": Decimal("0.01")}
TRANSPORT = (
    "8=FIX.4.4|9=100|35={}|34=7|49=OMS|52=20260302-15:00:00.000000|56=XNYS|{}|60=20260302-15:00:00|10=000|"
)


def fix_text(msg_type: str, body: str) -> dict[str, str]:
    return dict(split_fields(TRANSPORT.format(msg_type, body).replace("|", SOH)))


def engine(behaviour: Behaviour | None = None) -> UnkindVenue:
    return UnkindVenue("XNYS", TICKS, seed=7, behaviour=behaviour or Behaviour(touch_fill=0))


def order(cl_ord_id: str, price: str = "100.00", side: Side = Side.BUY) -> NewOrder:
    return NewOrder(
        cl_ord_id=cl_ord_id, symbol="AAPL", side=side, order_qty=100, ord_type=OrdType.LIMIT, price=price
    )


# ---- FIX text


def test_new_order_is_read() -> None:
    fields = fix_text("D", "11=X|21=1|55=AAPL|54=2|38=100|40=2|44=227.51|59=3")
    assert read_command(fields) == NewOrder(
        cl_ord_id="X",
        symbol="AAPL",
        side=Side.SELL,
        order_qty=100,
        ord_type=OrdType.LIMIT,
        price="227.51",
        time_in_force=TimeInForce.IOC,
    )


@pytest.mark.parametrize("flag", ["97=Y", "43=Y"])
def test_new_order_that_may_have_been_sent_before_says_so(flag: str) -> None:
    command = read_command(fix_text("D", f"{flag}|11=X|55=AAPL|54=1|38=100|40=1"))
    assert isinstance(command, NewOrder)
    assert command.possible_resend


@pytest.mark.parametrize(
    ("text", "quantity"),
    [("100", 100), ("100.00", 100), ("10.5", None), ("-5", None), ("9" * 5_000, None), ("\xb2", None)],
)
def test_quantity_must_be_whole(text: str, quantity: int | None) -> None:
    command = read_command(fix_text("D", f"11=X|55=AAPL|54=1|38={text}|40=1"))
    assert isinstance(command, NewOrder)
    assert command.order_qty == quantity
    assert command.time_in_force is TimeInForce.DAY


def test_what_the_venue_does_not_trade_is_read_as_none() -> None:
    command = read_command(fix_text("D", "11=X|55=AAPL|54=8|38=1|40=3|59=6"))
    assert isinstance(command, NewOrder)
    assert (command.side, command.ord_type, command.time_in_force) == (None, None, None)


def test_cancel_replace_and_status_requests_are_read() -> None:
    ids = {"symbol": "AAPL", "side": Side.BUY}
    assert read_command(fix_text("F", "11=Y|41=X|55=AAPL|54=1|38=5")) == CancelOrder(
        cl_ord_id="Y", orig_cl_ord_id="X", **ids
    )
    assert read_command(fix_text("G", "11=Y|41=X|55=AAPL|54=1|38=5|40=2|44=1.01")) == ReplaceOrder(
        cl_ord_id="Y", orig_cl_ord_id="X", order_qty=5, price="1.01", **ids
    )
    assert read_command(fix_text("H", "11=X|55=AAPL|54=1")) == AskStatus(cl_ord_id="X", **ids)


def test_message_that_the_venue_does_not_take_is_named() -> None:
    with pytest.raises(UnreadableFixError, match="Unsupported Message Type") as unsupported:
        read_command(fix_text("AE", "571=1"))
    assert (unsupported.value.ref_msg_type, unsupported.value.ref_seq_num, unsupported.value.reason) == (
        "AE",
        "7",
        3,
    )
    with pytest.raises(UnreadableFixError, match="expected tag 55") as incomplete:
        read_command(fix_text("H", "11=X"))
    assert incomplete.value.reason == 5


def test_everything_the_venue_sends_is_valid_fix_4_4(fix44: fix.DataDictionary) -> None:
    venue = engine(Behaviour(touch_fill=0, reports_pending=True))
    cancel = CancelOrder(cl_ord_id="Y", orig_cl_ord_id="X", symbol="AAPL", side=Side.BUY)
    replace = ReplaceOrder(
        cl_ord_id="Z", orig_cl_ord_id="W", symbol="AAPL", side=Side.BUY, order_qty=500, price="101.00"
    )
    commands = [order("X"), order("T", side=Side.SELL), order("W"), cancel, replace, order("bad", "0.001")]
    commands += [Decide(cl_ord_id="X"), Decide(cl_ord_id="W"), AskStatus(cl_ord_id="?", symbol="AAPL")]
    commands.append(NewOrder(cl_ord_id="side", symbol="A", side=None, order_qty=1, ord_type=None))
    records = [record for command in commands for record in venue.handle(command, NOW)]
    sent = [record for record in records if isinstance(record, Report | CancelRejected)]
    texts = [
        report_text(record) if isinstance(record, Report) else cancel_rejected_text(record) for record in sent
    ]
    texts.append(business_reject_text(ref_seq_num="7", ref_msg_type="AE", reason=3, text="not supported"))
    assert len(texts) >= 12
    for text in texts:
        fix44.validate(with_session_header(text))


def with_session_header(text: str) -> fix.Message:
    """Fill in what QuickFIX's session sets on sending."""
    message = fix.Message(text, False)
    for tag, value in ((49, "XNYS"), (56, "OMS"), (34, "1"), (52, "20260302-15:00:00.000000")):
        message.getHeader().setField(tag, value)
    return fix.Message(message.toString(), True)


@pytest.fixture(scope="module")
def fix44() -> fix.DataDictionary:
    return fix.DataDictionary(str(QUICKFIX_XML))


def test_report_carries_the_quantities_and_a_resend_says_so() -> None:
    venue = engine()
    venue.handle(order("rest", side=Side.SELL), NOW)
    trade = venue.handle(order("take"), NOW)[2]
    assert isinstance(trade, Report)
    text = report_text(trade, possible_resend=True)
    fields = dict(part.split("=", 1) for part in text.split(SOH) if part)
    assert {
        tag: fields[tag] for tag in ("35", "97", "11", "150", "39", "32", "31", "14", "151", "6", "60")
    } == {
        "35": "8",
        "97": "Y",
        "11": "take",
        "150": "F",
        "39": "2",
        "32": "100",
        "31": "100.00",
        "14": "100",
        "151": "0",
        "6": "100.00",
        "60": "20260302-15:00:00.000005",
    }
    assert "97=" not in report_text(trade)


# ---- journal


class Sent:
    """Keeps what is sent, with whether it was marked as sent before."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bool]] = []

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        assert isinstance(saying.record, Report | CancelRejected)
        self.records.append((describe(saying.record), possible_resend))

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        raise AssertionError(f"{venue_id} failed at {command}")


def replayed(folder: Path) -> tuple[UnkindVenue, list[Record], Journal]:
    venue, journal = engine(), Journal(folder)
    unsent = journal.replay(venue.restore)
    return venue, unsent, journal


def test_journal_gives_back_what_was_appended_and_knows_what_was_not_sent(tmp_path: Path) -> None:
    venue, unsent, journal = replayed(tmp_path)
    assert unsent == []
    first, second = venue.handle(order("X"), NOW), venue.handle(order("Y", side=Side.SELL), NOW)
    journal.append(first)
    journal.mark_sent()
    journal.append(second)
    journal.close()
    again, unsent, journal = replayed(tmp_path)
    assert unsent == second
    assert again.order("X") == venue.order("X")
    journal.close()


def test_journal_is_readable_by_an_outsider(tmp_path: Path) -> None:
    venue, _, journal = replayed(tmp_path)
    journal.append(
        filter(is_kept, venue.handle(order("X"), NOW) + venue.handle(order("Y", side=Side.SELL), NOW))
    )
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / JOURNAL_NAME).read_text().splitlines()]
    assert [line["record"] for line in lines] == ["order", "report", "order", "report", "report", "report"]
    trade = lines[-1]
    assert {
        name: trade[name]
        for name in (
            "venue_id",
            "exec_id",
            "cl_ord_id",
            "exec_type",
            "last_qty",
            "last_px",
            "cum_qty",
            "leaves_qty",
            "ord_status",
            "transact_time",
        )
    } == {
        "venue_id": "XNYS",
        "exec_id": "XNYS-4",
        "cl_ord_id": "X",
        "exec_type": "TRADE",
        "last_qty": 100,
        "last_px": "100.00",
        "cum_qty": 100,
        "leaves_qty": 0,
        "ord_status": "FILLED",
        "transact_time": "2026-03-02T15:00:00.000005Z",
    }


@pytest.mark.parametrize("torn", [b'{"record":"repo', b"\x00\xff", b'{"record":"report"}\n'])
def test_torn_last_line_is_cut_off_and_the_journal_goes_on(tmp_path: Path, torn: bytes) -> None:
    venue, _, journal = replayed(tmp_path)
    journal.append(venue.handle(order("X"), NOW))
    journal.close()
    with (tmp_path / JOURNAL_NAME).open("ab") as file:
        file.write(torn)
    venue, unsent, journal = replayed(tmp_path)
    assert len(unsent) == 2
    journal.append(venue.handle(order("Y"), NOW))
    journal.close()
    venue, unsent, journal = replayed(tmp_path)
    assert len(unsent) == 4
    assert venue.order("X") is not None and venue.order("Y") is not None
    journal.close()


def test_torn_line_in_the_middle_is_a_broken_journal(tmp_path: Path) -> None:
    venue, _, journal = replayed(tmp_path)
    journal.append(venue.handle(order("X"), NOW))
    journal.close()
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(b"{torn\n" + path.read_bytes())
    journal = Journal(tmp_path)
    with pytest.raises(BrokenInvariantError, match="line 1"):
        journal.replay(engine().restore)
    journal.close()


# ---- the exchange


def test_exchange_journals_before_it_sends_and_answers_leave_no_trace(tmp_path: Path) -> None:
    venue, _, journal = replayed(tmp_path)
    order_of_things: list[str] = []

    class Watched(Sent):
        def send(self, saying: Saying, *, possible_resend: bool) -> None:
            assert isinstance(saying.record, Report)
            lines = (tmp_path / JOURNAL_NAME).read_text().splitlines()
            order_of_things.append(f"{describe(saying.record)} after {len(lines)} lines")

    exchange = Exchange({"XNYS": venue}, journal, Watched())
    exchange.handle([("XNYS", order("X")), ("XNYS", AskStatus(cl_ord_id="X")), ("NONE", order("Z"))], NOW)
    assert order_of_things == ["N/N(X) 100/0/100 after 2 lines", "I/N(X) 100/0/100 after 2 lines"]
    journal.close()


def test_exchange_sends_again_after_a_crash_with_the_same_ids(tmp_path: Path) -> None:
    venue, _, journal = replayed(tmp_path)

    class Dies(Sent):
        def send(self, saying: Saying, *, possible_resend: bool) -> None:
            super().send(saying, possible_resend=possible_resend)
            if len(self.records) == 2:
                raise KeyboardInterrupt

    dying = Dies()
    with pytest.raises(KeyboardInterrupt):
        Exchange({"XNYS": venue}, journal, dying).handle(
            [("XNYS", order("X")), ("XNYS", order("Y", side=Side.SELL))], NOW
        )
    journal.close()
    venue, unsent, journal = replayed(tmp_path)
    sent = Sent()
    Exchange({"XNYS": venue}, journal, sent).recover(unsent, NOW)
    assert sent.records == [
        ("N/N(X) 100/0/100", True),
        ("N/N(Y) 100/0/100", True),
        ("T/F(Y) 100/100/0 +100", True),
        ("T/F(X) 100/100/0 +100", True),
    ]
    journal.close()
    assert replayed(tmp_path)[1] == []


def test_exchange_returns_the_decisions_to_make_later() -> None:
    class NoJournal:
        def append(self, records: Iterable[Kept]) -> None:
            list(records)

        def mark_sent(self) -> None:
            """Nothing to mark."""

    venue = engine(Behaviour(touch_fill=0, reports_pending=True))
    exchange = Exchange({"XNYS": venue}, NoJournal(), Sent())
    cancel = CancelOrder(cl_ord_id="Y", orig_cl_ord_id="X", symbol="AAPL", side=Side.BUY)
    assert exchange.handle([("XNYS", order("X")), ("XNYS", cancel)], NOW) == [("XNYS", Decide(cl_ord_id="X"))]


def test_quote_becomes_a_market_for_each_venue() -> None:
    (quote, *_) = make_quotes(1)
    commands = commands_of_quote(quote)
    assert [venue_id for venue_id, _ in commands] == list(VENUES)


# ---- inbox, schedule, prices, settings


def test_inbox_keeps_the_newest_quote_of_each_symbol_and_wakes_once_for_what_waits() -> None:
    woken: list[None] = []
    inbox = Inbox(lambda: woken.append(None))
    quotes = make_quotes(45)
    for quote in quotes:
        inbox.put_quote(quote)
    assert len(woken) == 1
    assert inbox.take() == quotes[-15:]
    assert inbox.take() == []
    inbox.put_quote(quotes[0])
    assert len(woken) == 2
    assert inbox.take() == [quotes[0]]


def test_schedule_gives_what_is_due_in_its_order() -> None:
    schedule = Schedule()
    assert schedule.wait_s(0.0, 0.2) == 0.2
    for due_s, name in ((2.0, "late"), (1.0, "first"), (1.0, "second")):
        schedule.put(due_s, ("XNYS", Decide(cl_ord_id=name)))
    assert schedule.wait_s(0.9, 0.2) == pytest.approx(0.1)
    assert schedule.due(0.9) == []
    assert [command for _, command in schedule.due(1.5)] == [
        Decide(cl_ord_id="first"),
        Decide(cl_ord_id="second"),
    ]
    assert schedule.wait_s(3.0, 0.2) == 0
    assert len(schedule.due(3.0)) == 1


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("227.5", 227_500_000),
        ("0.000001", 1),
        ("0.0000001", None),
        ("0", None),
        ("x", None),
        ("Infinity", None),
        ("1e999999999", None),
        ("1e-999999999", None),
        ("1e17", None),
        ("9" * 5_000, None),
    ],
)
def test_price_text_is_read_exactly_or_not_at_all(text: str, micros: int | None) -> None:
    assert micros_of(text) == micros


def test_prices_are_written_with_two_decimals_at_least() -> None:
    assert [price_text(micros) for micros in (1, 100_000_000, 227_510_000, 227_505_000)] == [
        "0.000001",
        "100.00",
        "227.51",
        "227.505",
    ]
    assert average_text(0, 0) == "0"
    assert average_text(1_000_000, 3) == "0.333333"


def test_latency_is_for_all_venues_or_for_each() -> None:
    assert latencies_us("500") == dict.fromkeys(VENUES, 500)
    assert latencies_us("XNYS=5, DARK=7") == dict.fromkeys(VENUES, 0) | {"XNYS": 5, "DARK": 7}
    for wrong in ("NYSE=5", "x", "-1", "XNYS="):
        with pytest.raises(ValueError, match=r"NYSE|invalid literal|0 or more"):
            latencies_us(wrong)
