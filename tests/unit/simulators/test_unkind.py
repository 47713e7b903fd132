"""The unkind venue: each fault is sown when it is asked for, what is true is kept, what is false is not."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.broker.adapters.journal import JOURNAL_NAME, Journal
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.control import Control, NoSuchPageError
from simulators.broker.entrypoints.fix_text import message_of
from simulators.broker.faults import FaultPlan
from simulators.broker.handlers import Exchange
from simulators.broker.prices import micros_of
from simulators.broker.protocol import (
    AskStatus,
    BeginDay,
    CancelOrder,
    CancelRejected,
    Command,
    Disconnected,
    ExecType,
    FaultKind,
    FaultSown,
    NewOrder,
    OrdStatus,
    OrdType,
    ReplaceOrder,
    Report,
    RequestRefused,
    Saying,
    Side,
    TimeInForce,
    TradingPhase,
)
from simulators.broker.unkind import UnkindVenue
from simulators.broker.venue_order import VenueOrder

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TICKS = {"AAPL": Decimal("0.01")}
OF_SESSIONS = {FaultKind.DROP, FaultKind.SESSION_RESET, FaultKind.SEQUENCE_LOW}
ANY = st.sampled_from(sorted(FaultKind))


def venue() -> UnkindVenue:
    return UnkindVenue("XNYS", TICKS, seed=7, behaviour=Behaviour(touch_fill=0))


def order(
    cl_ord_id: str, side: Side = Side.BUY, tif: TimeInForce = TimeInForce.GTC, qty: int = 100
) -> NewOrder:
    return NewOrder(
        cl_ord_id=cl_ord_id,
        symbol="AAPL",
        side=side,
        order_qty=qty,
        ord_type=OrdType.LIMIT,
        price="100.00",
        time_in_force=tif,
    )


def cancel(cl_ord_id: str, of: str) -> CancelOrder:
    return CancelOrder(cl_ord_id=cl_ord_id, orig_cl_ord_id=of, symbol="AAPL", side=Side.BUY)


def trading_day(made: UnkindVenue, count: int = 30) -> Iterator[Saying]:
    """Rest, trade, ask, cancel, lose the connection, and begin a day."""
    for number in range(count):
        tif = TimeInForce.DAY if number % 3 else TimeInForce.GTC
        yield from made.say(order(f"b{number}", tif=tif, qty=300), NOW)
        yield from made.say(order(f"s{number}", Side.SELL, TimeInForce.IOC, 200), NOW)
        if number % 10 == 4:
            yield from made.say(Disconnected(), NOW)
            yield from made.say(BeginDay(), NOW)
        yield from made.say(AskStatus(cl_ord_id=f"b{number}", symbol="AAPL", side=Side.BUY), NOW)
        if number % 2:
            yield from made.say(cancel(f"c{number}", f"b{number}"), NOW)
        else:
            yield from made.say(order(f"t{number}", Side.SELL, TimeInForce.IOC, 100), NOW)


def sown(sayings: list[Saying]) -> Counter[FaultKind]:
    return Counter(one.record.kind for one in sayings if isinstance(one.record, FaultSown))


def text(saying: Saying) -> str:
    assert isinstance(saying.record, Report | CancelRejected | RequestRefused)
    return message_of(saying.record, dress=saying.dress)[1]


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_is_sown_at_its_rate_and_leaves_a_record(kind: FaultKind) -> None:
    made = venue()
    made.plan = FaultPlan("XNYS", 1, {kind: 1.0})
    counted = sown(list(trading_day(made)))
    assert counted[kind] > 0
    assert set(counted) == {kind}


@pytest.mark.parametrize("kind", list(FaultKind))
def test_fault_that_was_asked_for_once_comes_once(kind: FaultKind) -> None:
    made = venue()
    made.say(order("first"), NOW)
    made.say(order("second", Side.SELL, TimeInForce.IOC), NOW)
    made.plan.ask(kind)
    counted = sown(list(trading_day(made)))
    # A day's end is one fault, shown by every order that rests; so is a connection's.
    if kind not in (FaultKind.DAY_END, FaultKind.CANCEL_ON_DISCONNECT):
        assert counted == {kind: 1}
    assert made.plan.asked == ()


def test_venue_without_a_plan_says_what_its_engine_says() -> None:
    kind, engine = venue(), venue()
    for number in range(20):
        for command in (order(f"b{number}"), order(f"s{number}", Side.SELL, TimeInForce.IOC, 50)):
            assert [one.record for one in kind.say(command, NOW)] == engine.handle(command, NOW)


@settings(max_examples=60, deadline=None)
@given(rates=st.dictionaries(ANY, st.floats(0.05, 1.0), min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_same_seed_gives_the_same_messages(rates: dict[FaultKind, float], seed: int) -> None:
    first, second = venue(), venue()
    for made in (first, second):
        made.plan = FaultPlan("XNYS", seed, rates)
    assert list(trading_day(first, 10)) == list(trading_day(second, 10))


class Nobody:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[Saying] = []

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        self.sent.append(saying)

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        raise AssertionError(f"{venue_id} failed at {command}")


def net_of_journal(folder: Path) -> tuple[dict[str, tuple[int, int]], Counter[str]]:
    """Return, by order id, the net shares and their value that the journal says; and its faults, by kind."""
    trades: dict[str, tuple[str, int, int]] = {}
    faults: Counter[str] = Counter()
    for line in map(json.loads, (folder / JOURNAL_NAME).read_text().splitlines()):
        if line["record"] == "fault":
            faults[line["kind"]] += 1
        elif line["record"] == "report":
            about = line.get("exec_ref_id")
            if about:
                del trades[about]
            if line["last_qty"]:
                price = micros_of(line["last_px"])
                assert price is not None
                trades[about or line["exec_id"]] = (line["order_id"], line["last_qty"], price)
    net: dict[str, tuple[int, int]] = {}
    for order_id, quantity, price in trades.values():
        shares, value = net.get(order_id, (0, 0))
        net[order_id] = (shares + quantity, value + quantity * price)
    return net, faults


@settings(max_examples=80, deadline=None)
@given(rates=st.dictionaries(ANY, st.floats(0.05, 1.0), min_size=1, max_size=10), seed=st.integers(0, 2**32))
def test_journal_holds_the_truth_and_a_restart_takes_it_back(
    tmp_path_factory: pytest.TempPathFactory, rates: dict[FaultKind, float], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    made, journal, nobody = venue(), Journal(folder), Nobody()
    journal.replay(made.restore)
    made.plan = FaultPlan("XNYS", seed, rates)
    exchange = Exchange({"XNYS": made}, journal, nobody)
    for number in range(12):
        qty = 100 + seed % 900
        name = f"b{number}"
        commands: list[Command] = [
            order(name, tif=TimeInForce.DAY if number % 3 else TimeInForce.GTC, qty=qty),
            order(f"s{number}", Side.SELL, TimeInForce.IOC, qty // 2),
            order(f"n{number}", qty=qty),
            ReplaceOrder(
                cl_ord_id=f"r{number}",
                orig_cl_ord_id=name,
                symbol="AAPL",
                side=Side.BUY,
                order_qty=qty + 50,
                price="100.01",
            ),
            cancel(f"c{number}", name if number % 2 else f"r{number}"),
            Disconnected() if number % 5 == 4 else BeginDay(),
        ]
        exchange.handle([("XNYS", command) for command in commands], NOW)
        resting = [one for book in made._books.values() for one in book.resting()]
        assert len({id(one) for one in resting}) == len(resting)
        assert all(isinstance(one, VenueOrder) and one.is_live and one.asleep is None for one in resting)
    journal.close()
    net, faults = net_of_journal(folder)
    assert faults == Counter(
        one.record.kind.value for one in nobody.sent if isinstance(one.record, FaultSown)
    )
    again, journal = venue(), Journal(folder)
    journal.replay(again.restore)
    journal.close()
    orders = {one.order_id: one for one in made._orders.values()}
    restored = {one.order_id: one for one in again._orders.values()}
    assert set(orders) == set(restored)
    for order_id, one in orders.items():
        assert (one.cum_qty, one.notional_micros) == net.get(order_id, (0, 0))
        assert one.leaves_qty == (one.order_qty - one.cum_qty if one.is_live else 0)
        other = restored[order_id]
        assert (other.cum_qty, other.notional_micros, other.leaves_qty, other.status, other.trades) == (
            one.cum_qty,
            one.notional_micros,
            one.leaves_qty,
            one.status,
            one.trades,
        )


def asked(made: UnkindVenue, kind: FaultKind, command: Command) -> list[Saying]:
    made.plan.ask(kind)
    return made.say(command, NOW)


def test_bust_of_a_filled_order_makes_it_work_again_and_of_a_canceled_one_lowers_it() -> None:
    made = venue()
    made.say(order("X"), NOW)
    made.say(order("S", Side.SELL, TimeInForce.IOC), NOW)
    made.plan.ask(FaultKind.BUST, 2)
    busts = [one.record for one in made.act(NOW) if isinstance(one.record, Report)]
    found = {one.cl_ord_id: (one.exec_type, one.ord_status, one.cum_qty, one.leaves_qty) for one in busts}
    assert found == {
        "X": (ExecType.TRADE_CANCEL, OrdStatus.NEW, 0, 100),
        "S": (ExecType.TRADE_CANCEL, OrdStatus.CANCELED, 0, 0),
    }
    (again,) = [
        one.record
        for one in made.say(order("T", Side.SELL, TimeInForce.IOC), NOW)
        if isinstance(one.record, Report) and one.record.cl_ord_id == "X"
    ]
    assert (again.ord_status, again.last_qty) == (OrdStatus.FILLED, 100)


def test_fill_that_crossed_the_cancel_comes_right_after_it() -> None:
    made = venue()
    made.say(order("X"), NOW)
    records = [one.record for one in asked(made, FaultKind.CANCEL_CROSSED, cancel("C", "X"))]
    reports = [record for record in records if isinstance(record, Report)]
    assert [(one.exec_type, one.cl_ord_id) for one in reports] == [
        (ExecType.CANCELED, "C"),
        (ExecType.TRADE, "X"),
    ]
    assert reports[0].cum_qty == 0 < reports[1].cum_qty == reports[1].last_qty
    assert reports[1].ord_status is OrdStatus.CANCELED


def test_good_till_canceled_orders_come_back_the_next_day() -> None:
    made = venue()
    made.say(order("G"), NOW)
    made.say(order("D", tif=TimeInForce.DAY), NOW)
    ended = [one.record for one in made.end_day(NOW) if isinstance(one.record, Report)]
    assert {one.cl_ord_id: (one.ord_status, one.leaves_qty) for one in ended} == {
        "G": (OrdStatus.DONE_FOR_DAY, 100),
        "D": (OrdStatus.DONE_FOR_DAY, 0),
    }
    assert [one for one in made.say(order("S", Side.SELL, TimeInForce.IOC), NOW) if "TRADE" in str(one)] == []
    (back,) = [one.record for one in made.say(BeginDay(), NOW)]
    assert isinstance(back, Report)
    assert (back.cl_ord_id, back.exec_type, back.ord_status, back.exec_restatement_reason) == (
        "G",
        ExecType.RESTATED,
        OrdStatus.NEW,
        1,
    )


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (FaultKind.LATIN1_TEXT, "58=Ausf\xfchrung"),
        (FaultKind.NUL_TEXT, "58=a\x00b"),
        (FaultKind.DATA_WITH_SEPARATOR, "354=13\x01355=a\x0132=1\x0114=1\x01b\x01"),
        (FaultKind.USER_TAGS, "5001=X\x016001=Y"),
        (FaultKind.EMPTY_TAG, "58=\x01"),
        (FaultKind.FIX42_STYLE, "150=2\x01"),
    ],
)
def test_disguised_trade_is_the_same_trade(kind: FaultKind, shown: str) -> None:
    made = venue()
    made.say(order("X"), NOW)
    # The first that is said after it: the fill, not the acknowledgement.
    made.say(order("S", Side.SELL), NOW)
    trade = next(one for one in made.say(order("B"), NOW) if isinstance(one.record, Report))
    plain = text(trade)
    dressed = text(trade._replace(dress=kind))
    assert shown in dressed or kind is FaultKind.FIX42_STYLE
    for field in ("37=", "11=", "17=", "55=", "38="):
        assert field in plain and field in dressed


def test_false_messages_are_sent_and_not_kept() -> None:
    kinds = (
        FaultKind.PRICE_ZERO,
        FaultKind.WITHOUT_LAST_PX,
        FaultKind.WITHOUT_CL_ORD_ID,
        FaultKind.UNKNOWN_CL_ORD_ID,
        FaultKind.OTHER_SIDE,
        FaultKind.REPEATED_EXEC_ID,
    )
    made = venue()
    made.say(order("X"), NOW)
    for kind in kinds:
        made.plan.ask(kind)
    sayings = made.say(order("S", Side.SELL, TimeInForce.IOC), NOW)
    false = {one.dress: one for one in sayings if not one.is_true}
    assert set(false) == set(kinds)
    assert "\x0131=0\x01" in text(false[FaultKind.PRICE_ZERO])
    assert "\x0131=" not in text(false[FaultKind.WITHOUT_LAST_PX])
    assert "\x0111=" not in text(false[FaultKind.WITHOUT_CL_ORD_ID])
    assert "\x0111=UNKNOWN-" in text(false[FaultKind.UNKNOWN_CL_ORD_ID])
    true = [one.record for one in sayings if isinstance(one.record, Report) and one.is_true]
    repeated = false[FaultKind.REPEATED_EXEC_ID].record
    assert isinstance(repeated, Report)
    assert repeated.exec_id in {one.exec_id for one in true}


# ---- the control port


def uncut(_venue_id: str, _seconds: float) -> None:
    raise AssertionError("no session was to be cut")


def test_a_plan_with_a_time_ends_by_itself_and_what_was_asked_for_once_stays() -> None:
    made = venue()
    control = Control({"XNYS": made}, lambda: None, uncut)
    control.answer("PUT", "/control/venues/XNYS", b'{"rates": {"BUST": 1}, "seconds": 30}')
    control.answer("POST", "/control/venues/XNYS/faults/OVERFILL", b"{}")
    ends_at = made.plan.ends_at
    assert ends_at is not None
    made.plan.end_if_over(ends_at - timedelta(milliseconds=1))
    assert made.plan.rates == {FaultKind.BUST: 1}
    made.plan.end_if_over(ends_at)
    assert made.plan.rates == {} and made.plan.asked == (FaultKind.OVERFILL,)


def test_control_cuts_a_session_for_a_time() -> None:
    cut: list[tuple[str, float]] = []
    control = Control({"XNYS": venue()}, lambda: None, lambda *asked: cut.append(asked))
    control.answer("POST", "/control/venues/XNYS/cut", b'{"seconds": 5}')
    for wrong in (b"", b"{}", b'{"seconds": 0}', b'{"seconds": -1}', b'{"seconds": 1e9}'):
        with pytest.raises((ValueError, msgspec.MsgspecError)):
            control.answer("POST", "/control/venues/XNYS/cut", wrong)
    assert cut == [("XNYS", 5)]


def test_control_sets_a_plan_and_asks_for_a_fault() -> None:
    made, woken = venue(), []
    control = Control({"XNYS": made}, lambda: woken.append(None), uncut)
    control.answer("PUT", "/control/venues/XNYS", b'{"seed": 5, "rates": {"BUST": 0.25, "DROP": 0}}')
    assert made.plan.rates == {FaultKind.BUST: 0.25}
    control.answer("POST", "/control/venues/XNYS/faults/OVERFILL", b'{"count": 2}')
    shown = json.loads(msgspec.json.encode(control.answer("GET", "/control/venues/XNYS", b"")))
    assert (shown["seed"], shown["rates"], shown["asked"]) == (5, {"BUST": 0.25}, ["OVERFILL", "OVERFILL"])
    assert [
        one["venue"] for one in json.loads(msgspec.json.encode(control.answer("GET", "/control/venues", b"")))
    ] == ["XNYS"]
    assert len(woken) == 3


def test_control_begins_a_phase_at_the_next_turn() -> None:
    made, woken = venue(), []
    control = Control({"XNYS": made}, lambda: woken.append(None), uncut)
    control.answer("POST", "/control/venues/XNYS/trading/HALTED", b'{"symbol": "AAPL"}')
    assert made.trading["AAPL"].phase is TradingPhase.OPEN
    assert made.is_asked and len(woken) == 1
    made.act(NOW)
    shown = json.loads(msgspec.json.encode(control.answer("GET", "/control/venues/XNYS", b"")))
    assert shown["trading"] == {"AAPL": "HALTED"}
    control.answer("POST", "/control/venues/XNYS/trading/OPEN", b"")
    made.act(NOW)
    assert made.trading["AAPL"].phase is TradingPhase.OPEN and not made.is_asked


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/control/venues/XNYS/trading/LUNCH", b""),
        ("POST", "/control/venues/XNYS/trading/LIMIT", b""),
        ("POST", "/control/venues/XNYS/trading/OPEN", b'{"symbol": "MOON"}'),
        ("POST", "/control/venues/XNYS/trading/OPEN", b'{"symbol": 5}'),
        ("PUT", "/control/venues/XNYS", b'{"rates": {"BUST": 2}}'),
        ("PUT", "/control/venues/XNYS", b'{"rates": {"BUST": -1}}'),
        ("PUT", "/control/venues/XNYS", b'{"rates": {"BUSTS": 0.1}}'),
        ("PUT", "/control/venues/XNYS", b'{"rate": {}}'),
        ("PUT", "/control/venues/XNYS", b"\xff"),
        ("POST", "/control/venues/XNYS/faults/BUSTS", b""),
        ("POST", "/control/venues/XNYS/faults/BUST", b'{"count": 0}'),
    ],
)
def test_control_refuses_what_it_cannot_read(method: str, path: str, body: bytes) -> None:
    made = venue()
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        Control({"XNYS": made}, lambda: None, uncut).answer(method, path, body)
    assert made.plan.is_kind and not made.is_asked


@pytest.mark.parametrize(
    "path", ["/", "/control", "/control/venues/MOON", "/control/venues/XNYS/x", "/metrics"]
)
def test_control_knows_no_other_page(path: str) -> None:
    with pytest.raises(NoSuchPageError):
        Control({"XNYS": venue()}, lambda: None, uncut).answer("GET", path, b"")
