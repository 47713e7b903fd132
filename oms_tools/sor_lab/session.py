"""One order through one router: route, wait, route again what is left, until the horizon ends.

The law of this file: simulated time only moves forward, and everything the router is told is at least as old
as the delays say. Bounds are those of the platform's order core: an order ends after FRUITLESS_ROUTES_MAX
routes without a fill and waits longer before each of them, the stages of a plan that continues follow at
once, and an IOC order is routed once.
"""

import heapq
from dataclasses import dataclass
from typing import Final

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.exchange import TICK_DOLLARS, Delays, Exchange, LegResult, ShownBook, price_of
from oms_tools.sor_lab.flow import LabOrder
from oms_tools.sor_lab.memory import Memory, PublicOutflows
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.routers import Router
from oms_tools.sor_lab.world import Episode
from sor_engine.domain.market import Market, Request, Venue, Visit, micros
from sor_engine.domain.plan import Decision

FRUITLESS_ROUTES_MAX: Final = 6
CONTINUED_ROUTES_MAX: Final = 12
RETRY_DELAY_FIRST_US: Final = 10_000
RETRY_DELAY_US: Final = 100_000
ROUTES_MAX: Final = 100
QUOTE_AGE_US_MAX: Final = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an order came to. cost: dollars beyond the arrival mid, fees and the mark of the rest included.

    waited_us: shares times the time until they were filled; what was not counts until the end of the horizon.
    """

    quantity: int
    filled: int
    cost: float
    fees: float
    notional: float
    waited_us: int
    routes: int
    patient: bool

    @property
    def cost_bps(self) -> float:
        return 10_000 * self.cost / self.notional


@dataclass(slots=True)
class _Seen:
    """An order's children at one venue so far. last_us: when the last of them that is back came to its
    end."""

    children: int = 0
    sent: int = 0
    filled: int = 0
    rejected: int = 0
    last_us: int = -(2**62)


def venues_of(regime: Regime) -> tuple[Venue, ...]:
    """Return a regime's venues as the router knows them."""
    lit = [
        Venue(
            venue_id=venue.venue_id,
            lit=True,
            active=True,
            latency_us=2 * venue.latency_us,
            add_fee=venue.add_fee,
            remove_fee=venue.remove_fee,
        )
        for venue in regime.lit
    ]
    dark = [
        Venue(
            venue_id=venue.venue_id,
            lit=False,
            active=True,
            latency_us=2 * venue.latency_us,
            add_fee=venue.fee,
            remove_fee=venue.fee,
            lot_size=venue.lot_size,
            min_quantity=venue.min_quantity,
        )
        for venue in regime.dark
    ]
    return (*lit, *dark)


class Session:
    """Drives one order. `memory` learns from every child that comes back."""

    def __init__(
        self,
        router: Router,
        order: LabOrder,
        episode: Episode,
        delays: Delays,
        memory: Memory,
        outflows: PublicOutflows,
    ) -> None:
        self._router, self._order, self._episode, self._delays = router, order, episode, delays
        self._memory, self._outflows = memory, outflows
        self._exchange = Exchange(episode, delays, buy=order.buy)
        self._venues = venues_of(episode.regime)
        self._seen: dict[str, _Seen] = {}
        self._results: list[LegResult] = []
        self._waiting: list[tuple[int, int, int]] = [(0, 0, order.quantity)]
        self._taken: list[tuple[int, dict[str, int]]] = []
        self._fruitless = self._asked_us = 0
        self.routes = 0

    def run(self) -> Outcome:
        """Return what the order came to at the end of its horizon."""
        while self._waiting and self.routes < ROUTES_MAX:
            now_us, _, quantity = heapq.heappop(self._waiting)
            if now_us >= self._episode.horizon_us:
                break
            self._route(now_us, quantity)
        return settle(self._order, self._exchange, self._results, self.routes)

    def _route(self, now_us: int, quantity: int) -> None:
        self.routes += 1
        self._asked_us = now_us
        known_us = now_us - self._delays.stale_us
        book = self._exchange.shown(known_us)
        decision = self._router.route(self._request(quantity, known_us), self._market(book, known_us))
        self._taken.append((now_us, dict(decision.takes)))
        if not decision.legs:
            self._again(now_us, quantity, decision, filled=0)
            return
        for leg in decision.legs:
            seen = self._seen.setdefault(leg.venue_id, _Seen())
            seen.children += 1
            seen.sent += leg.quantity
            seen.last_us = max(seen.last_us, now_us)
        results = self._exchange.send(decision.legs, now_us)
        self._results += results
        for result in results:
            self._memory.learn(result, book, self._exchange)
        self._await(now_us, quantity, decision, results)

    def _await(self, now_us: int, quantity: int, decision: Decision, results: list[LegResult]) -> None:
        """Plan the next routes: for what takes and fails when it is back, for what was held when that
        ends."""
        placed = sum([result.leg.quantity for result in results])
        unplaced = quantity - placed
        at_once = [
            result
            for result in results
            if result.leg.time_in_force is TimeInForce.IOC and not result.leg.hold_ms
        ]
        held = [result for result in results if result.leg.hold_ms]
        if not at_once and unplaced:
            self._again(now_us, unplaced, decision, filled=placed)
            unplaced = 0
        for group in (at_once, held):
            filled = sum([result.filled for result in group])
            left = sum([result.leg.quantity for result in group]) - filled + unplaced
            unplaced = 0
            for result in group:
                self._note_back(result)
            if left and group:
                self._again(max([result.back_us for result in group]), left, decision, filled=filled)
            elif group:
                self._fruitless = 0

    def _note_back(self, result: LegResult) -> None:
        seen = self._seen[result.leg.venue_id]
        seen.filled += result.filled
        seen.rejected += result.rejected
        end_us = result.back_us - self._exchange.latency_us(result.leg.venue_id)
        seen.last_us = max(seen.last_us, end_us)

    def _again(self, at_us: int, left: int, decision: Decision, *, filled: int) -> None:
        if self._order.tif is TimeInForce.IOC:
            return
        at_once = decision.continues and decision.legs and self.routes < CONTINUED_ROUTES_MAX
        self._fruitless = 0 if filled else self._fruitless + (0 if at_once else 1)
        may_rest = self._order.limit is not None
        if self._fruitless >= FRUITLESS_ROUTES_MAX and not may_rest:
            return
        if self._fruitless:
            doubled = RETRY_DELAY_US * 2 ** min(self._fruitless - 1, 10)
            soonest_us = at_us + RETRY_DELAY_FIRST_US
            at_us = soonest_us if self._fruitless == 1 else max(soonest_us, self._asked_us + doubled)
        heapq.heappush(self._waiting, (at_us, self.routes, left))

    def _request(self, quantity: int, known_us: int) -> Request:
        order = self._order
        visits = tuple(
            Visit(
                venue_id=venue_id,
                children=seen.children,
                sent=seen.sent,
                filled=seen.filled,
                rejected=seen.rejected,
                in_book=seen.last_us <= known_us,
            )
            for venue_id, seen in self._seen.items()
        )
        return Request(
            symbol=self._episode.symbol,
            buy=order.buy,
            quantity=quantity,
            time_in_force=order.tif,
            limit_micros=None if order.limit is None else micros(price_of(order.limit)),
            tick_micros=micros(price_of(1)),
            seed=order.index,
            visits=visits,
        )

    def _taken_since(self, known_us: int) -> dict[str, int]:
        """Return what was sent to take and had not reached its venue when the book was as it is known."""
        total: dict[str, int] = {}
        for sent_us, taken in self._taken:
            for venue_id, shares in taken.items():
                if shares and sent_us + self._exchange.latency_us(venue_id) > known_us:
                    total[venue_id] = total.get(venue_id, 0) + shares
        return total

    def _market(self, book: dict[str, ShownBook], known_us: int) -> Market:
        return Market(
            venues=self._venues,
            book=book,
            quote_age_us=self._delays.stale_us,
            quote_age_us_max=QUOTE_AGE_US_MAX,
            stats=self._memory.stats(),
            outflows=self._outflows.near(buy=self._order.buy),
            beliefs=self._memory.beliefs(),
            taken=self._taken_since(known_us),
        )


def settle(order: LabOrder, exchange: Exchange, results: list[LegResult], routes: int) -> Outcome:
    """Add up what was paid, and mark what is left at the end of the horizon."""
    side = 1 if order.buy else -1
    fills = [fill for result in results for fill in result.fills if fill.at_us <= exchange.episode.horizon_us]
    filled = sum([fill.quantity for fill in fills])
    fees = sum([fill.quantity * fill.fee for fill in fills])
    paid = sum([fill.quantity * side * fill.price2 for fill in fills]) * TICK_DOLLARS / 2
    notional = order.quantity * exchange.mid2(0) * TICK_DOLLARS / 2
    left = order.quantity - filled
    waited_us = sum([fill.quantity * fill.at_us for fill in fills]) + left * exchange.episode.horizon_us
    mark = exchange.mark(left) if left else 0.0
    return Outcome(
        quantity=order.quantity,
        filled=filled,
        cost=paid + fees + mark - side * notional,
        fees=fees,
        notional=notional,
        waited_us=waited_us,
        routes=routes,
        patient=order.patient,
    )
