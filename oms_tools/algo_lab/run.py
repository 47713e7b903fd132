"""One algo order from its plan to its end, on core's own order machine and a small model of venues.

The model: a route is placed after some milliseconds, at one venue or two; a child trades after some more, now
and then only a part of it, or nothing, and the rest is over; a limit order rests at times, and trades seconds
later or not at all. The market trades in lots of a hundred, more at the ends of its day. Deterministic: the
seed fixes all of it. Times are seconds since the order began, and are no more than a model's.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from oms_core.domain.algo_watch import AlgoWatch
from oms_core.domain.algos import US_VOLUME, is_over, next_look
from oms_core.domain.machine import evolve, first_route
from oms_core.domain.order import Command, Event, Fact, Order, RequestCancel, RetryRoute, WorkAlgo
from oms_platform.order_ids import child_cl_ord_id
from oms_platform.trading_calendar import Session
from oms_platform.vocabulary import (
    Algo,
    AlgoPlanned,
    AlgoStrategy,
    CancelCause,
    ChildClosed,
    ChildTerms,
    ExecType,
    OrderAccepted,
    OrderTerms,
    OrderType,
    RoutePlaced,
    RouteRequested,
    Side,
    TimeInForce,
    TradeApplied,
)

OPENS_AT: Final = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
CLOSES_AT: Final = datetime(2026, 11, 2, 21, 0, tzinfo=UTC)
SESSION: Final = Session(session_date=date(2026, 11, 2), opens_at=OPENS_AT, closes_at=CLOSES_AT)
PRICE_MICROS: Final = 100_000_000
_LOT: Final = 100
_PART_ONLY, _NOTHING, _RESTS = 0.15, 0.05, 0.3
_LOOK_AGAIN_S: Final = 0.001


@dataclass(slots=True, kw_only=True)
class AlgoRun:
    """What came of an order: its plan, and (time, shares done) at each trade, from the order's beginning on.

    volume: (time, shares that the market had traded by then), the order's own not among them.
    """

    order: Order
    begins_at: datetime
    ends_at: datetime
    plans: list[AlgoPlanned] = field(default_factory=list)
    done: list[tuple[datetime, int]] = field(default_factory=list)
    released: list[tuple[datetime, int]] = field(default_factory=list)
    volume: list[tuple[datetime, int]] = field(default_factory=list)

    def done_by(self, at: datetime) -> int:
        """Return the shares that were done by a time."""
        return max((shares for time, shares in self.done if time <= at), default=0)


class AlgoMarket:
    """Runs one order through the machine, and everything around it by a clock of its own."""

    def __init__(self, seed: int, algo: Algo, quantity: int, *, limit: bool, begins_at: datetime) -> None:
        self._draws = random.Random(f"{seed}/algo-lab")  # noqa: S311  (a model, not a secret)
        self.now = begins_at
        self._algo = algo
        born = int(begins_at.timestamp() * 1000)
        order_id = UUID(int=born << 80 | 7 << 76 | 2 << 62 | seed)
        terms = OrderTerms(
            account_id="LAB",
            channel="LAB",
            client_order_id=str(seed),
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT if limit else OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            quantity=quantity,
            limit_price_micros=PRICE_MICROS if limit else None,
            algo=algo,
        )
        self.run = AlgoRun(
            order=Order(order_id=order_id, terms=terms), begins_at=begins_at, ends_at=algo.end_at
        )
        self._volume = 0
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._counted = 0
        self._watch = AlgoWatch((), begins_at)
        self._looks: set[datetime] = set()

    @property
    def order(self) -> Order:
        """The order as it stands."""
        return self.run.order

    def play(self) -> AlgoRun:
        """Let it be accepted, and go on until it is over."""
        self._at(0.0, self._accept)
        self._at(0.0, self._trade_market)
        while self._agenda and not self.order.closed:
            self.now, _, happen = heapq.heappop(self._agenda)
            happen()
        return self.run

    def _at(self, after_s: float, happen: Callable[[], None]) -> None:
        self._counted += 1
        at = self.now + timedelta(seconds=after_s)
        heapq.heappush(self._agenda, (at, self._counted, happen))

    def _do(self, cause: Fact | Command) -> None:
        before = self.order
        for event, after in evolve(before, cause, self.now):
            self.run.order = after
            self._follow(event)
        self._look_later()

    def _follow(self, event: Event) -> None:
        match event:
            case RouteRequested():
                self._at(self._draws.uniform(0.004, 0.03), self._place)
            case AlgoPlanned():
                self.run.plans.append(event)
            case _:
                pass

    def _look_later(self) -> None:
        order = self.order
        self._watch.note(order, self.now)
        for at in (next_look(order, self.now), order.retry_at):
            if at is not None and at not in self._looks:
                self._looks.add(at)
                # A loop looks at its timers once a batch, never at once.
                self._at(max((at - self.now).total_seconds(), 0.0) + _LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        """Do what core's loop does about its timers."""
        order = self.order
        if order.retry_at is not None and order.retry_at <= self.now:
            self._do(RetryRoute())
        for _ in list(self._watch.due(self.now, 1)):
            if is_over(order, self.now):
                self._do(RequestCancel(request_id=UUID(int=self._counted), cause=CancelCause.ALGO_END))
                continue
            before = order.released_qty
            self._do(WorkAlgo(volume=self._volume, session=SESSION))
            if self.order.released_qty != before:
                self.run.released.append((self.now, self.order.released_qty))

    def _accept(self) -> None:
        route = first_route(self.order, self.now, may_route=True)
        self._do(OrderAccepted(reserved_price_micros=PRICE_MICROS, checks=(), risk_us=1, route=route))

    # ---- router and venues

    def _place(self) -> None:
        order, draws = self.order, self._draws
        left = order.route_quantity
        if not left:
            return
        sizes = [left] if left < 2 * _LOT or draws.random() < 0.5 else [left // 2, left - left // 2]
        children = tuple(
            self._child(order, leg, size, venue)
            for leg, (size, venue) in enumerate(zip(sizes, ("XNAS", "XNYS"), strict=False), 1)
        )
        self._do(RoutePlaced(attempt=order.attempt, children=children, placed_at=self.now))
        for child in children:
            self._at(draws.uniform(0.005, 0.05), lambda child=child: self._work(child))  # type: ignore[misc]

    def _child(self, order: Order, leg: int, quantity: int, venue: str) -> ChildTerms:
        return ChildTerms(
            order_id=order.order_id,
            cl_ord_id=child_cl_ord_id(order.order_id, order.attempt, leg),
            attempt=order.attempt,
            leg=leg,
            account_id="LAB",
            venue_id=venue,
            symbol="AAPL",
            side=order.terms.side,
            order_type=order.terms.order_type,
            time_in_force=TimeInForce.DAY,
            quantity=quantity,
            limit_price_micros=PRICE_MICROS,
        )

    def _work(self, child: ChildTerms) -> None:
        drawn, rests = self._draws.random(), self.order.terms.order_type is OrderType.LIMIT
        if rests and drawn < _RESTS:
            self._at(self._draws.expovariate(1 / 8.0), lambda: self._trade(child, child.quantity))
        elif drawn < _RESTS + _NOTHING:
            self._close(child)
        elif drawn < _RESTS + _NOTHING + _PART_ONLY and child.quantity > 1:
            self._trade(child, self._draws.randint(1, child.quantity - 1))
            self._close(child)
        else:
            self._trade(child, child.quantity)

    def _trade(self, child: ChildTerms, shares: int) -> None:
        known = self.order.children[child.cl_ord_id]
        if not known.live or self.order.closed:
            return
        self._counted += 1
        self._do(
            TradeApplied(
                venue_id=child.venue_id,
                exec_id=f"E{self._counted}",
                cl_ord_id=child.cl_ord_id,
                last_qty=shares,
                last_px_micros=PRICE_MICROS,
                transact_time=self.now,
                received_at=self.now,
            )
        )
        self.run.done.append((self.now, self.order.executed_qty))

    def _close(self, child: ChildTerms) -> None:
        self._do(
            ChildClosed(
                cl_ord_id=child.cl_ord_id,
                venue_id=child.venue_id,
                outcome=ExecType.CANCELED,
                closed_at=self.now,
            )
        )

    def _trade_market(self) -> None:
        if self.order.cancel is not None:
            self._take_back()
            return
        place = (self.now - OPENS_AT) / (CLOSES_AT - OPENS_AT)
        busy = US_VOLUME[min(len(US_VOLUME) - 1, max(0, int(place * len(US_VOLUME))))]
        mean = sum(US_VOLUME) / len(US_VOLUME)
        self._volume += _LOT * self._draws.randint(1, 6)
        self.run.volume.append((self.now, self._volume))
        self._at(self._draws.expovariate(busy / mean), self._trade_market)

    def _take_back(self) -> None:
        for name, child in list(self.order.children.items()):
            if child.live:
                self._do(
                    ChildClosed(
                        cl_ord_id=name,
                        venue_id=child.venue_id,
                        outcome=ExecType.CANCELED,
                        closed_at=self.now,
                    )
                )
        if not self.order.closed:
            self._at(0.1, self._take_back)


# ---- how far from its schedule


def wanted_part(algo: Algo, begins_at: datetime, at: datetime) -> float:
    """Return which part of the shares TWAP or VWAP want done by a time, apart from core's plans."""
    length = (algo.end_at - begins_at).total_seconds()
    gone = min(max((at - begins_at).total_seconds() / length, 0.0), 1.0)
    if algo.strategy is AlgoStrategy.TWAP:
        return gone
    if algo.strategy is not AlgoStrategy.VWAP:
        raise ValueError(f"expected TWAP or VWAP, found {algo.strategy.name}")
    first, last = _volume_part(begins_at), _volume_part(algo.end_at)
    return (_volume_part(begins_at + gone * (algo.end_at - begins_at)) - first) / (last - first)


def _volume_part(at: datetime) -> float:
    place = (at - OPENS_AT) / (CLOSES_AT - OPENS_AT) * len(US_VOLUME)
    full = min(int(place), len(US_VOLUME) - 1)
    return (sum(US_VOLUME[:full]) + US_VOLUME[full] * (place - full)) / sum(US_VOLUME)


def slices_off(run: AlgoRun, points: int = 400) -> float:
    """Return how many slices an order was off its schedule at most, looked at `points` times.

    A slice is what the schedule wants done in the interval that the time is in.
    """
    algo, plan = run.order.terms.algo, run.plans[0]
    if algo is None:
        raise ValueError("expected an order with an algo, found none")
    length, count, quantity = run.ends_at - run.begins_at, len(plan.slices), run.order.terms.quantity
    done, worst, place = 0, 0.0, 0
    for number in range(points + 1):
        at = run.begins_at + length * number / points
        while place < len(run.done) and run.done[place][0] <= at:
            done = run.done[place][1]
            place += 1
        interval = min(number * count // points, count - 1)
        from_, to = (
            wanted_part(algo, run.begins_at, run.begins_at + length * edge / count)
            for edge in (interval, interval + 1)
        )
        off = abs(done - quantity * wanted_part(algo, run.begins_at, at)) / (quantity * (to - from_))
        worst = max(worst, off)
    return worst


def seeded_run(seed: int, strategy: AlgoStrategy) -> AlgoRun:
    """Play an order that the seed draws: its size, its hours, its slices, at the market or with a limit."""
    draws = random.Random(f"{seed}/order")  # noqa: S311
    begins_at = OPENS_AT + timedelta(minutes=draws.randint(0, 240))
    algo = Algo(
        strategy=strategy,
        start_at=begins_at,
        end_at=min(begins_at + timedelta(minutes=draws.randint(20, 150)), CLOSES_AT),
        slices=draws.choice((0, 10, 20, 40)),
        urgency=draws.randint(1, 10) if strategy is AlgoStrategy.IS else 0,
        participation_bps=draws.choice((500, 1000, 2000)) if strategy is AlgoStrategy.POV else 0,
        seed=seed,
    )
    quantity = draws.randint(20, 500) * _LOT
    return AlgoMarket(seed, algo, quantity, limit=draws.random() < 0.5, begins_at=begins_at).play()
