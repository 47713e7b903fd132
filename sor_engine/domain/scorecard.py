"""What our own fills say of one venue, and how it is forgotten.

The law of this file: every figure is a quotient of decayed sums of whole numbers, kept with its count. What
was not measured is absent, never 0. Times are microseconds since the epoch and are handed in; an observation
that comes late counts for its age. Gains are signed: above 0 is good for us.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sor_engine.domain.decay import ONE, decayed, step_length_us
from sor_engine.domain.market import BPS, PPM, VenueStats, dollars

HALF_LIFE_S: Final = 1_800
# What a child gets so soon after the venue took it, it took; what comes later came to it.
TAKE_WINDOW_US: Final = 100_000
# A venue's clock that is further from ours is not believed.
CLOCK_OFF_US_MAX: Final = 60_000_000
HORIZONS_S: Final = (1, 10, 60)
# Lower bounds of the size buckets, in shares.
SIZES: Final = (1, 100, 500, 2_000)
SIZE_NAMES: Final = ("1-99", "100-499", "500-1999", "2000+")
# What a figure is pulled towards while few children speak for it, and how many children that pull weighs.
PRIOR_CHILDREN: Final = 10
PRIOR_TAKE_PPM: Final = 900_000
PRIOR_REST_PPM: Final = 500_000


class Aggression(enum.IntEnum):
    """How a child went about it: take what is displayed, rest in a lit book, or look in a dark one."""

    TAKE = 0
    REST = 1
    DARK = 2


@dataclass(slots=True)
class Sent:
    """Shares sent and filled, and children, of one way and size. A rejected child adds no shares."""

    sent: int = 0
    filled: int = 0
    children: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Mean:
    """A mean of microseconds."""

    total: int = 0
    count: int = 0


@dataclass(slots=True)
class Gain:
    """Gains over shares. gain, notional: micros times shares; count: fills."""

    gain: int = 0
    notional: int = 0
    shares: int = 0
    count: int = 0


@dataclass(slots=True)
class Beyond:
    """Shares filled beyond what was displayed, of children that asked for more than that."""

    filled: int = 0
    displayed: int = 0
    count: int = 0


Tally = Sent | Mean | Gain | Beyond


def size_bucket(quantity: int) -> int:
    """Return the index in `SIZES` of a quantity in shares."""
    if quantity < SIZES[2]:
        return 0 if quantity < SIZES[1] else 1
    return 2 if quantity < SIZES[3] else 3


def _cells() -> tuple[tuple[Sent, ...], ...]:
    return tuple(tuple(Sent() for _ in SIZES) for _ in Aggression)


@dataclass(slots=True)
class Scorecard:
    """One venue's decayed sums. `touched` turns true with every change; whoever stores it turns it back."""

    half_life_s: int = HALF_LIFE_S
    step: int = 0
    cells: tuple[tuple[Sent, ...], ...] = field(default_factory=_cells)
    total: Sent = field(default_factory=Sent)
    latency: Mean = field(default_factory=Mean)
    time_to_fill: Mean = field(default_factory=Mean)
    improvement: Gain = field(default_factory=Gain)
    hidden: Beyond = field(default_factory=Beyond)
    markouts: tuple[Gain, ...] = field(default_factory=lambda: tuple(Gain() for _ in HORIZONS_S))
    touched: bool = False
    step_us: int = field(init=False)

    def __post_init__(self) -> None:
        self.step_us = step_length_us(self.half_life_s)

    # ---- time

    def age_to(self, at_us: int) -> None:
        """Forget up to a time; what is forgotten already stays so."""
        step = at_us // self.step_us
        steps = step - self.step
        if steps <= 0:
            return
        self.step = step
        for _, tally in self._tallies():
            for name in tally.__slots__:
                value = getattr(tally, name)
                if value:
                    setattr(tally, name, decayed(value, steps))
                    self.touched = True

    def _weight(self, at_us: int) -> int:
        step = at_us // self.step_us
        if step > self.step:
            self.age_to(at_us)
        self.touched = True
        return ONE if step >= self.step else decayed(ONE, self.step - step)

    # ---- observations

    def note_answer(self, at_us: int, latency_us: int) -> None:
        """A child was answered for the first time, so long after it was placed."""
        weight = self._weight(at_us)
        self.latency.total += weight * latency_us
        self.latency.count += weight

    def note_end(
        self,
        at_us: int,
        how: Aggression | None,
        quantity: int,
        cum_qty: int,
        *,
        sent: int = 0,
        filled: int = 0,
        rejected: bool = False,
    ) -> None:
        """A child of `quantity` shares came to its end with `cum_qty` of them filled.

        how: None when the book that it was placed on is not known. sent, filled: the shares of it that say
        something of its way.
        """
        weight = self._weight(at_us)
        self.total.children += weight
        if rejected:
            self.total.rejected += weight
        else:
            self.total.sent += weight * quantity
            self.total.filled += weight * cum_qty
        if how is None:
            return
        cell = self.cells[how][size_bucket(quantity)]
        cell.children += weight
        if rejected:
            cell.rejected += weight
        else:
            cell.sent += weight * sent
            cell.filled += weight * filled

    def note_first_fill(self, at_us: int, waited_us: int) -> None:
        """A resting child had its first fill, so long after the venue took it."""
        weight = self._weight(at_us)
        self.time_to_fill.total += weight * waited_us
        self.time_to_fill.count += weight

    def note_beyond(self, at_us: int, filled: int, displayed: int) -> None:
        """A child that asked for more than was displayed got `filled` shares beyond it."""
        weight = self._weight(at_us)
        self.hidden.filled += weight * filled
        self.hidden.displayed += weight * displayed
        self.hidden.count += weight

    def note_improvement(self, at_us: int, gain: int, price: int, shares: int) -> None:
        """A fill was better than the displayed touch by `gain` micros a share; price in micros."""
        self._add_gain(self.improvement, at_us, gain, price, shares)

    def note_markout(self, at_us: int, horizon: int, gain: int, price: int, shares: int) -> None:
        """After `HORIZONS_S[horizon]` the mid was better than the fill's price by `gain` micros a share."""
        self._add_gain(self.markouts[horizon], at_us, gain, price, shares)

    def _add_gain(self, tally: Gain, at_us: int, gain: int, price: int, shares: int) -> None:
        weight = self._weight(at_us)
        shares_weight = weight * shares
        tally.gain += shares_weight * gain
        tally.notional += shares_weight * price
        tally.shares += shares_weight
        tally.count += weight

    # ---- storage

    def _tallies(self) -> list[tuple[str, Tally]]:
        found: list[tuple[str, Tally]] = [
            (f"{how.name.lower()}.{size}", cell)
            for how, row in zip(Aggression, self.cells, strict=True)
            for size, cell in zip(SIZE_NAMES, row, strict=True)
        ]
        found += [
            ("total", self.total),
            ("latency", self.latency),
            ("time_to_fill", self.time_to_fill),
            ("improvement", self.improvement),
            ("hidden", self.hidden),
        ]
        return found + [
            (f"markout.{horizon}", tally) for horizon, tally in zip(HORIZONS_S, self.markouts, strict=True)
        ]

    def to_state(self) -> dict[str, Any]:
        """Return everything that is kept, as JSON objects and whole numbers; zeros are left out."""
        sums = {
            name: values
            for name, tally in self._tallies()
            if any(values := [getattr(tally, part) for part in tally.__slots__])
        }
        return {"half_life_s": self.half_life_s, "at_us": self.step * self.step_us, "sums": sums}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], half_life_s: int | None = None) -> "Scorecard":
        """Take a scorecard back from `to_state`, with another half-life from now on if one is given.

        Of an empty state comes an empty scorecard.
        """
        card = cls(half_life_s=half_life_s or int(state.get("half_life_s", HALF_LIFE_S)))
        card.step = int(state.get("at_us", 0)) // card.step_us
        sums = state.get("sums", {})
        for name, tally in card._tallies():
            for part, value in zip(tally.__slots__, sums.get(name, ()), strict=False):
                setattr(tally, part, int(value))
        return card

    # ---- figures

    def of(self, how: Aggression) -> Sent:
        """Return the sums of one way over all sizes."""
        row = self.cells[how]
        return Sent(
            sent=sum(cell.sent for cell in row),
            filled=sum(cell.filled for cell in row),
            children=sum(cell.children for cell in row),
            rejected=sum(cell.rejected for cell in row),
        )


def whole(count: int) -> int:
    """Return a kept count as whole observations, rounded."""
    return (count + ONE // 2) // ONE


def rate_ppm(part: int, of: int) -> int | None:
    """Return a quotient in millionths, None of nothing."""
    return part * PPM // of if of > 0 else None


def _shrunk_ppm(part: int, of: int, children: int, prior_ppm: int) -> int:
    """Return a rate as `PRIOR_CHILDREN` children at the prior's rate and our own come to together."""
    measured = rate_ppm(part, of)
    if measured is None:
        return prior_ppm
    pull = PRIOR_CHILDREN * ONE
    return (measured * children + prior_ppm * pull) // (children + pull)


def stats_of(card: Scorecard, contract_latency_us: int) -> VenueStats:
    """Return what decisions use of a scorecard.

    orders counts every child. A figure that few of them speak for is pulled towards its prior, as ten
    children would: a venue that we only ever rested at says nothing of taking. contract_latency_us is the
    latency of a venue that has not answered yet.
    """
    take, rest = card.of(Aggression.TAKE), card.of(Aggression.REST)
    latency = card.latency
    latency_us = latency.total // latency.count if latency.count else contract_latency_us
    return VenueStats(
        take_fill_ppm=_shrunk_ppm(take.filled, take.sent, take.children - take.rejected, PRIOR_TAKE_PPM),
        rest_fill_ppm=_shrunk_ppm(rest.filled, rest.sent, rest.children - rest.rejected, PRIOR_REST_PPM),
        hidden_ppm=_shrunk_ppm(card.hidden.filled, card.hidden.displayed, card.hidden.count, 0),
        latency_us=latency_us,
        orders=whole(card.total.children),
    )


def scorecard_view(card: Scorecard) -> dict[str, Any]:
    """Return a scorecard as people read it: camelCase JSON, decimals as strings, the unmeasured left out."""
    view: dict[str, Any] = {"orders": whole(card.total.children), "halfLifeS": card.half_life_s}
    if (rejected := rate_ppm(card.total.rejected, card.total.children)) is not None:
        view["rejectPpm"] = rejected
    for how in Aggression:
        sizes = {
            size: _sent_view(cell)
            for size, cell in zip(SIZE_NAMES, card.cells[how], strict=True)
            if whole(cell.children)
        }
        if sizes:
            view[how.name.lower()] = {**_sent_view(card.of(how)), "bySize": sizes}
    for name, mean in (("latency", card.latency), ("timeToFill", card.time_to_fill)):
        if mean.count:
            view[name] = {"meanUs": mean.total // mean.count, "count": whole(mean.count)}
    if card.hidden.displayed:
        view["hidden"] = {
            "beyondPpm": rate_ppm(card.hidden.filled, card.hidden.displayed),
            "count": whole(card.hidden.count),
        }
    if card.improvement.shares:
        view["priceImprovement"] = _gain_view(card.improvement)
    markouts = {
        f"{horizon}s": _gain_view(tally)
        for horizon, tally in zip(HORIZONS_S, card.markouts, strict=True)
        if tally.shares
    }
    if markouts:
        view["markouts"] = markouts
    return view


def _sent_view(cell: Sent) -> dict[str, Any]:
    view: dict[str, Any] = {
        "children": whole(cell.children),
        "rejected": whole(cell.rejected),
        "sent": whole(cell.sent),
        "filled": whole(cell.filled),
    }
    if (rate := rate_ppm(cell.filled, cell.sent)) is not None:
        view["fillPpm"] = rate
    return view


def _gain_view(tally: Gain) -> dict[str, Any]:
    """Return a gain a share in dollars, in hundredths of a basis point of the notional, and its fills."""
    sign = 1 if tally.gain >= 0 else -1
    view: dict[str, Any] = {
        "perShare": str(dollars(sign * (abs(tally.gain) // tally.shares))),
        "fills": whole(tally.count),
        "shares": whole(tally.shares),
    }
    if tally.notional:
        view["cbps"] = sign * (abs(tally.gain) * BPS * 100 // tally.notional)
    return view
