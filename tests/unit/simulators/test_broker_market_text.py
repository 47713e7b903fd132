"""What FIX says of the market's rules: terms in, reports out; and the settings that give them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import quickfix as fix
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.fix.dictionary import read_dictionary
from oms_platform.fix.wire import SOH, split_fields
from simulators.broker.book_order import SelfMatch
from simulators.broker.bootstrap import make_engines
from simulators.broker.config import Settings
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.fix_text import read_command, report_text
from simulators.broker.fees import FeeSchedule, fees_of, returned
from simulators.broker.lots import LotRule
from simulators.broker.market import Market
from simulators.broker.protocol import ExecType, NewOrder, OrdType, Report, Requote, SetTrading, TradingPhase
from simulators.broker.trading import Limits
from simulators.broker.unkind import UnkindVenue
from simulators.instruments import Instrument
from tests.unit.simulators.fix44_dictionary import QUICKFIX_XML

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TERMS = (
    "8=FIX.4.4|9=100|35=D|34=7|49=OMS|52=20260302-15:00:00|56=XNYS|"
    "11={}|55=AAPL|54={}|38={}|{}|60=20260302-15:00:00|10=000|"
)
FEES = FeeSchedule(Decimal("-0.0020"), Decimal("0.0030"), Decimal("0.0010"))


def ordered(name: str, side: int, quantity: int, terms: str) -> NewOrder:
    text = TERMS.format(name, side, quantity, terms).replace("|", SOH)
    command = read_command(dict(split_fields(text)))
    assert isinstance(command, NewOrder)
    return command


def venue(behaviour: Behaviour) -> UnkindVenue:
    made = UnkindVenue("XNYS", {"AAPL": Decimal("0.01")}, seed=7, behaviour=behaviour)
    market = Market(symbol="AAPL", national_best_bid=100_000_000, national_best_offer=100_010_000)
    made.handle(Requote(market=market), NOW)
    return made


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("40=2|44=100.00|111=0", (OrdType.LIMIT, 0, False, "")),
        ("40=2|44=100.00|111=30|1=ACC", (OrdType.LIMIT, 30, False, "ACC")),
        ("40=2|44=100.00|18=M", (OrdType.LIMIT, None, True, "")),
        ("40=P|18=M 6", (OrdType.PEGGED, None, True, "")),
        ("40=P|18=R", (OrdType.PEGGED, None, False, "")),
        ("40=2|44=100.00|111=1.5", (OrdType.LIMIT, -1, False, "")),
    ],
)
def test_terms_of_display_and_peg_are_read(terms: str, expected: tuple[object, ...]) -> None:
    read = ordered("X", 1, 100, terms)
    assert (read.ord_type, read.max_floor, read.is_pegged, read.account) == expected


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ("40=2|44=100.00|111=101", "13"),
        ("40=2|44=100.00|111=1.5", "13"),
        ("40=2|44=100.00|111=30|110=50", "13"),
        ("40=P|18=R", "11"),
        ("40=1|18=M", "11"),
        ("40=2|44=100.00|59=2", "4"),
        ("40=2|44=100.00|59=7|18=M", "11"),
        ("40=2|44=100.00|59=7|110=5", "11"),
    ],
)
def test_terms_that_do_not_go_together_are_refused(terms: str, reason: str) -> None:
    (report,) = venue(Behaviour()).handle(ordered("X", 1, 100, terms), NOW)
    assert isinstance(report, Report)
    assert f"{SOH}103={reason}{SOH}" in report_text(report)


def test_pegged_orders_meet_at_the_middle_of_the_market() -> None:
    made = venue(Behaviour(touch_fill=0))
    made.handle(ordered("shown", 2, 100, "40=2|44=100.01"), NOW)
    made.handle(ordered("rests", 2, 100, "40=P|18=M|44=100.00"), NOW)
    records = made.handle(ordered("takes", 1, 150, "40=2|44=100.01"), NOW)
    trades = [one for one in records if isinstance(one, Report) and one.exec_type is ExecType.TRADE]
    assert [(one.cl_ord_id, one.last_qty, one.last_px) for one in trades] == [
        ("takes", 100, "100.005"),
        ("rests", 100, "100.005"),
        ("takes", 50, "100.01"),
        ("shown", 50, "100.01"),
    ]


def test_reports_of_the_market_are_valid_fix_4_4() -> None:
    dictionary = fix.DataDictionary(str(QUICKFIX_XML))
    made = venue(
        Behaviour(touch_fill=0, fees=FEES, self_match=SelfMatch.DECREMENT, self_match_by_account=True)
    )
    commands = [
        ordered("hidden", 2, 100, "40=2|44=100.00|111=0|1=A"),
        ordered("reserve", 2, 100, "40=2|44=100.00|111=10|1=B"),
        ordered("peg", 1, 50, "40=P|18=M|1=C"),
        ordered("meets", 1, 150, "40=2|44=100.00|1=A"),
        ordered("close", 2, 10, "40=1|59=7|1=D"),
        ordered("closes", 1, 10, "40=2|44=100.00|59=7|1=E"),
        SetTrading(phase=TradingPhase.CLOSED),
    ]
    reports = [
        record for command in commands for record in made.handle(command, NOW) if isinstance(record, Report)
    ]
    for report in reports:
        # 851=4 is FIX 5.0's; 4.4 has no code for a cross.
        text = report_text(report).replace(f"{SOH}851=4{SOH}", f"{SOH}851=1{SOH}")
        dictionary.validate(with_groups(text, dictionary))
    said = {
        report.exec_type: report_text(report) for report in reports if report.cl_ord_id in ("meets", "closes")
    }
    assert f"{SOH}378=8{SOH}" in said[ExecType.RESTATED]
    assert f"{SOH}30=XNYS{SOH}136=1{SOH}137=0.01{SOH}138=USD{SOH}139=4{SOH}851=4{SOH}" in said[ExecType.TRADE]


def with_groups(text: str, dictionary: fix.DataDictionary) -> fix.Message:
    """Read a report as QuickFIX's session does, its groups by the dictionary."""
    message = fix.Message(text, dictionary, False)
    for tag, value in ((49, "XNYS"), (56, "OMS"), (34, "1"), (52, "20260302-15:00:00.000000")):
        message.getHeader().setField(tag, value)
    return fix.Message(message.toString(), dictionary, True)


@pytest.mark.parametrize(
    "terms", ["40=2|44=100.00|111=0|1=A", "40=P|18=M", "40=2|44=100.00|59=2", "40=2|44=100.00|59=7"]
)
def test_the_session_lets_the_terms_through(terms: str) -> None:
    text = TERMS.format("X", 1, 100, f"21=1|{terms}").replace("|", SOH)
    message = read_dictionary().read(split_fields(text))
    assert message.fault is None


def settings(**more: object) -> Settings:
    return Settings(
        postgres_dsn="",
        market_data_port=1,
        fix_port=2,
        health_port=3,
        data=Path(),
        **more,  # type: ignore[arg-type]
    )


def test_settings_give_each_venue_its_rules() -> None:
    instrument = Instrument(symbol="AAPL", tick_size=Decimal("0.01"), reference_price=Decimal(100))
    engines = make_engines(
        settings(
            self_match="XNYS=CANCEL_BOTH",
            lot_rule="NO_MIXED",
            fees="XNYS=-0.0020/0.0030/0.0010",
            band_bps=500,
            round_lots="AAPL=10",
        ),
        [instrument],
    )
    one, other = engines["XNYS"].behaviour, engines["ARCX"].behaviour
    assert (one.self_match, other.self_match) == (SelfMatch.CANCEL_BOTH, SelfMatch.NONE)
    assert one.lot_rule is other.lot_rule is LotRule.NO_MIXED
    assert (one.fees, other.fees) == (FEES, None)
    assert one.limits == Limits(500, 15.0, 300.0)
    assert one.round_lots == {"AAPL": 10}


@pytest.mark.parametrize(
    "more",
    [
        {"self_match": "SOMETIMES"},
        {"self_match": "MOON=NONE"},
        {"lot_rule": ""},
        {"round_lots": "AAPL=0"},
        {"round_lots": "AAPL"},
        {"fees": "XNYS=1/2"},
        {"fees": "XNYS=1/2/NaN"},
        {"fees": "XNYS=1/2/x"},
        {"fees": "MOON=0/0/0"},
        {"band_bps": -1},
        {"pause_s": -1.0},
    ],
)
def test_settings_that_cannot_be_read_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        settings(**more)


@given(micros=st.integers(-10_000_000, 10_000_000), quantity=st.integers(1, 10**8))
def test_what_is_given_back_is_what_was_taken(micros: int, quantity: int) -> None:
    a_share = f"{Decimal(micros) / 1_000_000:f}"
    fee = fees_of(f"XNYS={a_share}/0/0")["XNYS"].fee_text(quantity, 1)
    assert Decimal(fee) == Decimal(micros) * quantity / 1_000_000
    assert Decimal(fee) + Decimal(returned(fee)) == 0
    assert "E" not in fee and fee != "-0" and returned(fee) != "-0"
