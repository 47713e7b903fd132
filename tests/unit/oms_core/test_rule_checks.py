"""What each rule's check shows to people and keeps with an order, word by word (`rule_checks.txt`).

Every context of the table of test_rules.py, and those of MORE, has a line: the value that was found, the
bound, the headroom, and what the client is told. `python -m tests.unit.oms_core.test_rule_checks` draws the
lines anew; whoever does reads what has changed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from oms_core.domain.account import Held
from oms_core.domain.risk import RiskContext
from oms_core.domain.touch import TouchPrices
from oms_platform.risk_rules import RuleRow, Value
from oms_platform.scopes import EVERYTHING
from oms_platform.trading_calendar import AuctionChance
from oms_platform.vocabulary import Side
from tests.unit.oms_core.test_rules import (
    AUCTION,
    CENT,
    CLO,
    CLOSED,
    DOLLAR,
    LATER,
    MISSED,
    PRICE,
    RULES_TABLE,
    SYMBOL,
    WAITING_STOP,
    context,
    instrument,
    live,
    market,
    short,
    state,
    stop,
    terms,
    verdict,
)

DRAWN = Path(__file__).with_name("rule_checks.txt")
ONE_MICRO = terms(quantity=1, limit_price_micros=1)
REPLACED = {"of_held": (Held(100, PRICE),), "is_replace": True}
SELLING_AT_MARKET = replace(live(side=Side.SELL), terms=market(side=Side.SELL))
# Cases beyond those of the table, each with what its rule is held to.
MORE: Mapping[str, tuple[tuple[Mapping[str, Value], RiskContext], ...]] = {
    "TRADER_NOT_PERMITTED": (({"permitted": True}, context()),),
    "INSTRUMENT_RESTRICTED": (
        ({"restricted": "NOTHING"}, context()),
        ({"restricted": "EVERYTHING"}, context(terms(side=Side.SELL), state(positions={SYMBOL: 100}))),
    ),
    "MARKET_CLOSED": (({}, context(waits=True)), ({}, context(instrument=None, phase=CLOSED))),
    "AUCTION_MISSED": (
        ({}, context(CLO, auction=AuctionChance(None, MISSED))),
        ({}, context(CLO, auction=AuctionChance(), instrument=instrument(listing_venue="XNAS"))),
        ({}, context(CLO, auction=AuctionChance(AUCTION), instrument=None)),
    ),
    "NO_REFERENCE_PRICE": (
        ({}, context(market(), touch=TouchPrices(), waits=True)),
        ({}, context(stop(PRICE), touch=TouchPrices())),
    ),
    "PRICE_OFF_TICK": (({}, context(terms(limit_price_micros=PRICE, stop_price_micros=PRICE + 1))),),
    "QUANTITY_OFF_LOT": (
        ({"lot": 1}, context()),
        ({"lot": 2}, context(terms(quantity=3))),
        ({"lot": 2}, context()),
    ),
    "PRICE_OUTSIDE_COLLAR": (
        ({"collar_sigma_bps": 12_345}, context()),
        ({"collar_sigma_bps": 12_345}, context(terms(limit_price_micros=102_469_999))),
        ({"collar_sigma_bps": 12_345}, context(instrument=instrument(sigma_bps=None))),
        ({"collar_sigma_bps": 1, "collar_ticks": 3}, context(short())),
        ({"collar_ticks": 3, "collar_bps": 1}, context(terms(limit_price_micros=PRICE + 4 * CENT))),
        ({}, context(terms(limit_price_micros=PRICE, stop_price_micros=90 * DOLLAR))),
        ({}, context(instrument=None)),
    ),
    "PRICE_OUTSIDE_BANDS": (
        ({"bands": False}, context(terms(limit_price_micros=200 * DOLLAR))),
        ({}, context(terms(limit_price_micros=200 * DOLLAR), instrument=None)),
        ({}, context(short(limit_price_micros=95 * DOLLAR))),
    ),
    "ORDER_EXCEEDS_VOLUME": (
        ({"volume_bps": 3}, context(instrument=instrument(volume=999_999))),
        ({"volume_bps": 3}, context(terms(quantity=300), instrument=instrument(volume=999_999))),
    ),
    "SHORT_SALE_UNMARKED": (({"marked": False}, context(terms(side=Side.SELL))),),
    "LOCATE_MISSING": (({"easy_to_borrow": True}, context(short())),),
    "SHORT_SALE_RESTRICTED": (({"in_force": False}, context(short(limit_price_micros=CENT))),),
    "BUYING_POWER_EXCEEDED": (
        ({"buying_power": 200 * PRICE}, context(ONE_MICRO, state(positions={"MSFT": 200}))),
        ({"buying_power": PRICE}, context(terms(side=Side.SELL), state(positions={SYMBOL: 100}))),
        ({"buying_power": PRICE}, context(market(), touch=TouchPrices())),
    ),
    "FIRM_CREDIT_EXCEEDED": (
        ({"credit": 400 * PRICE}, context(ONE_MICRO, firm_used_micros=400 * PRICE)),
        ({"credit": 400 * PRICE}, context(terms(), state(live()), firm_used_micros=350 * PRICE)),
        ({"credit": 400 * PRICE}, context(terms(), state(live()), firm_used_micros=350 * PRICE, **REPLACED)),
        ({"credit": PRICE}, context(market(), touch=TouchPrices())),
    ),
    "GROSS_EXPOSURE_EXCEEDED": (
        ({"gross_max": 300 * PRICE}, context(ONE_MICRO, state(positions={"MSFT": 300}))),
        ({"gross_max": 300 * PRICE}, context(terms(quantity=200), state(live()), **REPLACED)),
        ({"gross_max": 1}, context(market(), touch=TouchPrices())),
    ),
    "NET_EXPOSURE_EXCEEDED": (
        ({"net_max": 100 * PRICE}, context(terms(), state(live()), **REPLACED)),
        ({"net_max": 1}, context(market(), touch=TouchPrices())),
    ),
    "SYMBOL_EXPOSURE_EXCEEDED": (
        ({"symbol_max": 100 * PRICE}, context(terms(), state(live()), **REPLACED)),
        ({"symbol_max": 1}, context(market(), touch=TouchPrices())),
    ),
    "SECTOR_EXPOSURE_EXCEEDED": (
        ({"sector_max": 300 * PRICE}, context(ONE_MICRO, state(positions={"MSFT": 300}))),
        ({"sector_max": 300 * PRICE}, context(terms(), state(live(), live(side=Side.SELL)), **REPLACED)),
        ({"sector_max": 1}, context(market(), touch=TouchPrices())),
        ({"sector_max": 1}, context(instrument=None)),
    ),
    "SELF_CROSS": (
        ({"prevented": False}, context(terms(), state(live(side=Side.SELL)))),
        ({}, context(terms(), state(SELLING_AT_MARKET))),
        ({}, context(market(side=Side.SELL), state(live()))),
        ({}, context(terms(side=Side.SELL), state(live(PRICE - CENT), live(PRICE - 2 * CENT)))),
    ),
    "MESSAGE_RATE_EXCEEDED": (({"messages_max": 3}, context()),),
    "ALGO_OUTSIDE_SESSION": (({}, context(phase=CLOSED, now=LATER)),),
    "DUPLICATE_ORDER": (({}, context()),),
    "OPEN_ORDERS_EXCEEDED": (({"open_max": 1}, context(terms(), state(WAITING_STOP))),),
}  # fmt: skip


def drawn() -> Iterator[str]:
    """Return the lines, rule by rule."""
    for rule, row in RULES_TABLE.items():
        yield f"# {rule}"
        contexts = (*row.within, *(one for one, _ in row.beyond), *(one for one, _ in row.lacking))
        cases = [*((row.limits, one) for one in contexts), *MORE.get(rule, ())]
        yield from (_line(rule, limits, found) for limits, found in cases)


def _line(rule: str, limits: Mapping[str, Value], found: RiskContext) -> str:
    result = verdict(
        found, rule, *([RuleRow(rule=rule, scope=EVERYTHING, parameters=limits)] if limits else ())
    )
    if not result.checks:
        return "not asked"
    (check,) = result.checks
    told = f" -> {result.denial}" if result.denial else ""
    return f"{check.value or '-'} | {check.bound} | {check.headroom or '-'}{told}"


def test_every_check_shows_what_it_is_known_to_show() -> None:
    assert list(drawn()) == DRAWN.read_text().splitlines()


if __name__ == "__main__":
    DRAWN.write_text("".join(f"{line}\n" for line in drawn()))
