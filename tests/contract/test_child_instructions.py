"""What a child says beyond its limit is written by the adapter's dialects and done by the simulated venue."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from execution_adapter.domain.dialects import DIALECTS
from execution_adapter.domain.dialects.dialect import SOH, Dialect
from oms_platform.fix.dictionary import read_dictionary
from oms_platform.fix.wire import split_fields
from oms_platform.messages import Quote, VenueQuote
from oms_platform.vocabulary import ExecInst, Side, TimeInForce
from simulators.broker.engine import Behaviour, VenueEngine
from simulators.broker.entrypoints.fix_text import VENUE_VALUES, read_command
from simulators.broker.market import markets_of
from simulators.broker.protocol import ExecType, Report, Requote
from tests.unit.execution_adapter.orders import child

NOW = datetime(2026, 1, 2, 15, tzinfo=UTC)
HEAD = SOH.join(("8=FIX.4.4", "9=0", "35=D", "34=2", "49=OMS", "52=20260102-15:00:00.000", "56=XNYS", ""))
TAIL = f"10=000{SOH}"
ALL = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def shown(venue_id: str, bid: str, ask: str) -> VenueQuote:
    return VenueQuote(
        venue_id=venue_id,
        bid_prices=(Decimal(bid),),
        bid_sizes=(500,),
        ask_prices=(Decimal(ask),),
        ask_sizes=(500,),
    )


QUOTE = Quote(
    symbol="AAPL",
    sequence=1,
    quoted_at=NOW,
    national_best_bid=Decimal("10.00"),
    national_best_offer=Decimal("10.02"),
    venues=(
        shown("XNYS", "9.99", "10.03"),
        shown("ARCX", "10.00", "10.02"),
        VenueQuote(venue_id="DARK", bid_prices=(), bid_sizes=(), ask_prices=(), ask_sizes=()),
    ),
)


def venue(venue_id: str, **behaviour: Any) -> VenueEngine:
    engine = VenueEngine(
        venue_id,
        {"AAPL": Decimal("0.01")},
        seed=7,
        behaviour=Behaviour(hidden=1.0, touch_fill=0.0, **behaviour),
        dark=venue_id == "DARK",
    )
    engine.handle(Requote(market=markets_of(QUOTE)[venue_id]), NOW)
    return engine


def sent(dialect: Dialect, engine: VenueEngine, **terms: Any) -> tuple[dict[str, str], list[Report]]:
    """Write a child, let the venue read it, and return the fields and what it reported."""
    asked = child(**({"venue_id": engine.venue_id, "side": Side.BUY} | terms))
    body = dialect.new_order_single(asked, asked.cl_ord_id, "20260102-15:00:00.000")
    fields = dict(part.split("=", 1) for part in body.split(SOH)[:-1])
    message = read_dictionary(own_values=VENUE_VALUES).read(split_fields(f"{HEAD}{body}{TAIL}"))
    assert message.fault is None, message.fault
    records = engine.handle(read_command(message.fields), NOW)
    return fields, [record for record in records if isinstance(record, Report)]


@ALL
@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, 10_030_000), (Side.SELL, 9_990_000)])
def test_only_a_sweep_trades_beyond_what_another_venue_displays(
    dialect: Dialect, side: Side, limit: int
) -> None:
    terms = {"side": side, "limit_price_micros": limit, "time_in_force": TimeInForce.IOC}
    plain, reports = sent(dialect, venue("XNYS", protects_others=True), **terms)
    assert "18" not in plain
    assert [report.exec_type for report in reports] == [ExecType.NEW, ExecType.CANCELED]
    sweep, reports = sent(
        dialect, venue("XNYS", protects_others=True), **terms, exec_inst=ExecInst.INTERMARKET_SWEEP
    )
    assert (sweep["18"], sweep["40"]) == ("f", "2")
    assert [report.exec_type for report in reports] == [ExecType.NEW, ExecType.TRADE]
    # A venue that looks for nobody takes both.
    assert sent(dialect, venue("XNYS"), **terms)[1][-1].exec_type is ExecType.TRADE


def test_what_would_lock_another_venues_quote_does_not_rest() -> None:
    (dialect, *_) = DIALECTS.values()
    for limit, last in ((10_020_000, ExecType.CANCELED), (10_010_000, ExecType.NEW)):
        terms = {"limit_price_micros": limit, "time_in_force": TimeInForce.DAY}
        _, reports = sent(dialect, venue("XNYS", protects_others=True), **terms)
        assert reports[-1].exec_type is last
    assert sent(dialect, venue("XNYS"), limit_price_micros=10_020_000, time_in_force=TimeInForce.DAY)[1][
        -1
    ].exec_type is (ExecType.NEW)


@ALL
def test_an_order_at_the_middle_is_a_pegged_one_with_its_limit_and_minimum(dialect: Dialect) -> None:
    fields, reports = sent(
        dialect,
        venue("DARK"),
        limit_price_micros=10_020_000,
        time_in_force=TimeInForce.DAY,
        min_quantity=50,
        exec_inst=ExecInst.MIDPOINT_PEG,
    )
    assert {tag: fields[tag] for tag in ("18", "40", "44", "110")} == {
        "18": "M",
        "40": "P",
        "44": "10.02",
        "110": "50",
    }
    assert [(report.exec_type, report.last_px) for report in reports[1:]] == [(ExecType.TRADE, "10.01")]


def test_every_instruction_has_its_code() -> None:
    for dialect in DIALECTS.values():
        for instruction in ExecInst:
            fields, _ = sent(dialect, venue("DARK"), exec_inst=instruction)
            assert len(fields["18"]) == 1
