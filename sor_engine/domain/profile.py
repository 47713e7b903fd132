"""A routing profile: the strategy, and every number that it may be tuned by.

A profile is a version of a row in `routing_profiles`. Its settings are checked whole: every wrong one is
named.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sor_engine.domain.market import BPS, PPM


class StrategyName(enum.Enum):
    """How an order is placed."""

    BEST = "best"
    SWEEP = "sweep"
    SPLIT = "split"
    STAGED = "staged"
    PASSIVE = "passive"
    DARK = "dark"
    URGENCY = "urgency"


AGGRESSION_TICKS_MAX: Final = 100
# Settings of versions that are kept, which say nothing any more, and what says it now.
RETIRED: Final = {"aggression_bps": "aggression_ticks"}
# What a strategy may hand over to when it has done its part.
LIT_STRATEGIES: Final = (StrategyName.BEST, StrategyName.SWEEP, StrategyName.SPLIT)


class InvalidProfileError(ValueError):
    """A routing profile cannot be used; `problems` say what was expected and found."""

    def __init__(self, name: str, version: int, problems: list[str]) -> None:
        super().__init__(f"routing profile {name} version {version}: {'; '.join(problems)}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the score's terms, in millionths."""

    price: int
    liquidity: int
    fill_rate: int
    latency: int
    cost: int

    def values(self) -> tuple[int, int, int, int, int]:
        """Return the weights in the order of `TERMS`."""
        return self.price, self.liquidity, self.fill_rate, self.latency, self.cost


TERMS: Final = ("price", "liquidity", "fill_rate", "latency", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTerms:
    """dark_ms: how long the dark stage rests. dark_rounds: how often it is tried. then: the lit stage."""

    dark_ms: int = 250
    dark_rounds: int = 1
    then: StrategyName = StrategyName.SWEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class PassiveTerms:
    """Cont and Kukanov's parameters. Prices in hundredths of a basis point of the mid (`_cbps`).

    horizon_ms: how long limit orders rest before what is left crosses. underfill_cbps: what a share costs
    that is not filled by then, beyond half the spread and the fee. impact_cbps: theta, the impact of a share
    sent, filled or not. samples_max: outflow samples used.
    """

    horizon_ms: int = 1_000
    underfill_cbps: int = 300
    impact_cbps: int = 1
    samples_max: int = 100
    then: StrategyName = StrategyName.SWEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkTerms:
    """hold_ms: how long dark orders rest. rounds: how often before handing over. then: the lit stage."""

    hold_ms: int = 500
    rounds: int = 2
    then: StrategyName = StrategyName.SWEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How venues are weighed, how an order is placed, and how far a market order may reach.

    fill_rate_ppm: the fill rate of a venue that has not filled enough of our own orders to be measured.
    stats_orders_min: how many children that takes. aggression_ticks: how far beyond the worst price taken a
    taking leg may reach.
    """

    name: str
    version: int
    strategy: StrategyName
    weights: Weights
    fill_rate_ppm: int = 900_000
    stats_orders_min: int = 20
    aggression_ticks: int = 1
    market_collar_bps: int = 100
    split_venues_max: int = 6
    staged: StagedTerms = field(default_factory=StagedTerms)
    passive: PassiveTerms = field(default_factory=PassiveTerms)
    dark: DarkTerms = field(default_factory=DarkTerms)

    @property
    def watches_queues(self) -> bool:
        """Whether a decision wants to know how queues move."""
        return self.strategy in (StrategyName.PASSIVE, StrategyName.URGENCY)


class _Reader:
    """Takes settings out of a mapping and collects what is wrong."""

    def __init__(self, settings: Mapping[str, Any], place: str, problems: list[str]) -> None:
        self._settings = settings
        self._place = place
        self.problems = problems
        self._read: set[str] = set()

    def _wrong(self, name: str, message: str) -> None:
        self.problems.append(f"{self._place}{name} {message}")

    def _take(self, name: str) -> Any:
        self._read.add(name)
        return self._settings.get(name)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self._take(name)
        if value is None:
            return default
        if type(value) is not int or not low <= value <= high:
            self._wrong(name, f"must be a whole number from {low} to {high}, was {value!r}")
            return default
        return value

    def millionths(self, name: str, default: str, low: int = 0, high: int = 1) -> int:
        value = self._take(name)
        try:
            number = Decimal(default) if value is None or isinstance(value, bool) else Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        scaled = number * PPM
        if isinstance(value, bool) or not number.is_finite() or not low <= number <= high or scaled % 1:
            self._wrong(name, f"must be {low} to {high} with at most six digits, was {value!r}")
            return int(Decimal(default) * PPM)
        return int(scaled)

    def strategy(self, name: str, default: StrategyName, allowed: tuple[StrategyName, ...]) -> StrategyName:
        value = self._take(name)
        if value is None:
            return default
        found = next((strategy for strategy in allowed if strategy.value == value), None)
        if found is None:
            names = ", ".join(strategy.value for strategy in allowed)
            self._wrong(name, f"must be one of {names}, was {value!r}")
            return default
        return found

    def part(self, name: str) -> "_Reader":
        value = self._take(name)
        if value is not None and not isinstance(value, Mapping):
            self._wrong(name, f"must be an object, was {value!r}")
            value = None
        return _Reader(value or {}, f"{self._place}{name}.", self.problems)

    def done(self) -> None:
        for name in self._settings:
            if name not in self._read:
                self._wrong(name, "is not a setting of a routing profile")


def _weights(reader: _Reader) -> Weights:
    weights = Weights(
        price=reader.millionths("price", "0"),
        liquidity=reader.millionths("liquidity", "0"),
        fill_rate=reader.millionths("fill_rate", "0"),
        latency=reader.millionths("latency", "0"),
        cost=reader.millionths("cost", "0"),
    )
    if not any(weights.values()):
        reader.problems.append("weights must not all be 0")
    reader.done()
    return weights


def _staged(reader: _Reader) -> StagedTerms:
    terms = StagedTerms(
        dark_ms=reader.whole("dark_ms", StagedTerms().dark_ms, 1, 600_000),
        dark_rounds=reader.whole("dark_rounds", StagedTerms().dark_rounds, 1, 5),
        then=reader.strategy("then", StagedTerms().then, LIT_STRATEGIES),
    )
    reader.done()
    return terms


def _passive(reader: _Reader) -> PassiveTerms:
    base = PassiveTerms()
    terms = PassiveTerms(
        horizon_ms=reader.whole("horizon_ms", base.horizon_ms, 100, 60_000),
        underfill_cbps=reader.whole("underfill_cbps", base.underfill_cbps, 0, 100_000),
        impact_cbps=reader.whole("impact_cbps", base.impact_cbps, 0, 100_000),
        samples_max=reader.whole("samples_max", base.samples_max, 10, 200),
        then=reader.strategy("then", base.then, LIT_STRATEGIES),
    )
    reader.done()
    return terms


def _dark(reader: _Reader) -> DarkTerms:
    terms = DarkTerms(
        hold_ms=reader.whole("hold_ms", DarkTerms().hold_ms, 1, 600_000),
        rounds=reader.whole("rounds", DarkTerms().rounds, 1, 5),
        then=reader.strategy("then", DarkTerms().then, LIT_STRATEGIES),
    )
    reader.done()
    return terms


def read_profile(name: str, version: int, settings: Mapping[str, Any], *, stored: bool = True) -> Profile:
    """Check a profile's settings. Raises InvalidProfileError that names every wrong one.

    stored: a version from before a setting was retired may have it, and it says nothing; a new one may not.
    """
    problems: list[str] = []
    reader = _Reader(settings, "", problems)
    profile = Profile(
        name=name,
        version=version,
        strategy=reader.strategy("strategy", StrategyName.SWEEP, tuple(StrategyName)),
        weights=_weights(reader.part("weights")),
        fill_rate_ppm=reader.millionths("fill_rate_prior", "0.9"),
        stats_orders_min=reader.whole("stats_orders_min", 20, 1, 1_000_000),
        aggression_ticks=reader.whole("aggression_ticks", 1, 0, AGGRESSION_TICKS_MAX),
        market_collar_bps=reader.whole("market_collar_bps", 100, 0, BPS - 1),
        split_venues_max=reader.whole("split_venues_max", 6, 1, 100),
        staged=_staged(reader.part("staged")),
        passive=_passive(reader.part("passive")),
        dark=_dark(reader.part("dark")),
    )
    for retired, instead in RETIRED.items():
        reader.whole(retired, 0, 0, BPS - 1)
        if retired in settings and not stored:
            problems.append(f"{retired} is no setting any more, {instead} is")
    reader.done()
    if problems:
        raise InvalidProfileError(name, version, problems)
    return profile
