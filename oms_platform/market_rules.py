"""The rules of the market as dated data: ticks, round lots, access fees, order protection.

Doors, risk, router and gate ask here and nowhere else, each with the rules that its database holds (tables
`market_rules`, `round_lot_tiers`, `instrument_rules`; docs/market.md). A rule is in force from its date until
the next one's, by the date in New York. Sources: Regulation NMS, Rules 600(b) (round lots), 610(c), 611, 612.
Prices are micros. Pure.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from oms_platform.errors import ConfigurationError
from oms_platform.prices import MICROS, dollars_of, plain

RULES_ZONE: Final = ZoneInfo("America/New_York")
_PPM: Final = 1_000_000


class Ticks(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The grid that a symbol's prices stand on, on one day: micros from a dollar on, and below it.

    Both divide a dollar, so that a dollar is on the grid from either side.
    """

    tick_micros: int = 10_000
    sub_dollar_micros: int = 100

    def at(self, price_micros: int) -> int:
        """Return the tick at a price."""
        return self.tick_micros if price_micros >= MICROS else self.sub_dollar_micros

    def floor(self, price_micros: int) -> int:
        """Return the highest price of the grid that is not above this one."""
        tick = self.at(price_micros)
        return price_micros // tick * tick

    def ceiling(self, price_micros: int) -> int:
        """Return the lowest price of the grid that is not below this one."""
        tick = self.at(price_micros)
        return -(-price_micros // tick) * tick

    def nearest(self, price_micros: int) -> int:
        """Return the price of the grid that is nearest, the higher of two."""
        tick = self.at(price_micros)
        return (price_micros + tick // 2) // tick * tick

    def problem(self, price_micros: int) -> str:
        """Return why a price is not on the grid, with the prices beside it; empty when it is."""
        tick = self.at(price_micros)
        if price_micros % tick == 0:
            return ""
        beside = [shown for shown in (self.floor(price_micros), self.ceiling(price_micros)) if shown > 0]
        word = "nearest is" if len(beside) == 1 else "nearest are"
        nearest = " and ".join(_dollars(price) for price in beside)
        return f"must be a multiple of the tick size {_dollars(tick)}, {word} {nearest}"


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is in force for every instrument from a day on.

    round_lots: (from this price on, shares), the lowest price first. access_fee_cap_micros: of a share from a
    dollar on; sub_dollar_cap_ppm: of the price, below it.
    """

    effective_from: date
    ticks: Ticks = Ticks()
    round_lots: tuple[tuple[int, int], ...] = ((0, 100),)
    access_fee_cap_micros: int = 3_000
    sub_dollar_cap_ppm: int = 3_000
    order_protection: bool = True


class Assignment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one instrument has of its own from a day on; None: as everybody has it."""

    effective_from: date
    tick_micros: int | None = None
    round_lot: int | None = None


class DayRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rules of one day."""

    rules: RuleSet
    assigned: Mapping[str, Assignment] = {}

    def ticks_of(self, symbol: str) -> Ticks:
        """Return the grid of a symbol's prices. Below a dollar it is everybody's."""
        own = self.assigned.get(symbol)
        if own is None or own.tick_micros is None:
            return self.rules.ticks
        return Ticks(tick_micros=own.tick_micros, sub_dollar_micros=self.rules.ticks.sub_dollar_micros)

    def round_lot_of(self, symbol: str, price_micros: int) -> int:
        """Return the shares of a round lot: the symbol's own, or those of its price's tier."""
        own = self.assigned.get(symbol)
        if own is not None and own.round_lot is not None:
            return own.round_lot
        return max(tier for tier in self.rules.round_lots if tier[0] <= price_micros)[1]

    def access_fee_cap(self, price_micros: int) -> int:
        """Return the most micros a share that a venue may ask for access to a quote of this price."""
        if price_micros >= MICROS:
            return self.rules.access_fee_cap_micros
        return price_micros * self.rules.sub_dollar_cap_ppm // _PPM

    @property
    def order_protection(self) -> bool:
        """Whether protected quotes may not be traded through (Rule 611)."""
        return self.rules.order_protection


DatedT = TypeVar("DatedT", RuleSet, Assignment)


class MarketRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Every rule that is stored. sets, and each symbol's assignments: the earliest first."""

    sets: tuple[RuleSet, ...]
    assignments: Mapping[str, tuple[Assignment, ...]] = {}

    def on(self, day: date) -> DayRules:
        """Return what is in force on a day. Raises ConfigurationError when nothing is."""
        rules = _in_force(self.sets, day)
        if rules is None:
            raise ConfigurationError(f"expected market rules in force on {day}, found none before it")
        found = {symbol: _in_force(own, day) for symbol, own in self.assignments.items()}
        return DayRules(
            rules=rules, assigned={symbol: one for symbol, one in found.items() if one is not None}
        )


def _in_force(dated: tuple[DatedT, ...], day: date) -> DatedT | None:
    found = [one for one in dated if one.effective_from <= day]
    return found[-1] if found else None


# The day that was asked for last, from when until before when it is: nearly always the one asked for next.
_known_day = datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), date.max


def rules_date(now: datetime) -> date:
    """Return the day whose rules are in force at a time."""
    global _known_day  # noqa: PLW0603  (what is remembered says nothing else than what would be worked out)
    begins, ends, day = _known_day
    if begins <= now < ends:
        return day
    day = now.astimezone(RULES_ZONE).date()
    if day < date.max:
        midnights = [datetime.combine(one, time.min, RULES_ZONE) for one in (day, day + timedelta(days=1))]
        begins, ends = (one.astimezone(UTC) for one in midnights)
        _known_day = begins, ends, day
    return day


def _dollars(micros: int) -> str:
    return f"{plain(dollars_of(micros)):f}"


# What held from 2007 to 2025, for worlds without a database: simulations and fakes.
LONG_STANDING: Final = MarketRules(sets=(RuleSet(effective_from=date(2007, 8, 20)),))
