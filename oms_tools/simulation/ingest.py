"""Clients and gateways: a request is stored, answered, and then published from memory, or not.

A gateway that ends loses what it had not published; the core finds it in the log. Clients repeat what they
sent, cancel before their order's message has arrived, twice, and when it is too late; likewise they replace,
suspend and resume.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from oms_core.domain.order import Order
from oms_core.ports import Request
from oms_platform.kafka.memory import Written
from oms_platform.messages import CancelOrder, ReplaceOrder, ResumeOrder, SubmitOrder, SuspendOrder
from oms_platform.order_types import ALGO_TIMES_IN_FORCE, AUCTIONS, BOOKED, forces_after
from oms_platform.sides import LOCATED, is_buy, sign
from oms_platform.vocabulary import (
    Algo,
    AlgoStrategy,
    OrderCapacity,
    OrderChange,
    OrderTerms,
    OrderType,
    Peg,
    PegType,
    Routing,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic, encode
from oms_tools.simulation.system import PROFILES, SYMBOLS, System

GATEWAYS: Final = 2
# How far from the market an order rests that is to stay there.
RESTING_CENTS: Final = 10
_CENT: Final = 10_000
# How far a limit is through the market, in cents: most trade at once or rest near.
_THROUGH_CENTS: Final = (-30, -5, -2, -1, 0, 0, 1, 1, 2, 5, 20)
# How far a stop is from the mid.
_AWAY_CENTS: Final = (-5, 0, 1, 2, 3, 5, 10, 50)
_NEWEST: Final = 60
_SIDES: Final = (Side.BUY, Side.BUY, Side.BUY, Side.SELL, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT)
# Shares that an order shows.
_DISPLAYS: Final = (100, 200, 300)
# Without a market price, and with one.
_KINDS: Final = (OrderType.LIMIT, OrderType.MARKET)
_STOPS: Final = (OrderType.STOP_LIMIT, OrderType.STOP)
_FORCES: Final = (TimeInForce.DAY, *TimeInForce)
# How long a GTD order is good: some are over when core reads them, most end while they rest.
_GOOD_FOR_S: Final = (0, 1, 5, 15, 60)


# How many of the changes are of orders that are worked over time, while there are some.
_OF_ALGOS: Final = 0.4


def _is_worked(order: Order) -> bool:
    return order.plan is not None and not order.closed


class Ingest:
    """The clients of every account, and two gateways that publish what was taken."""

    def __init__(
        self,
        system: System,
        draws: random.Random,
        counts: Counter[str],
        taken: Callable[[Request], None],
    ) -> None:
        self._system = system
        self._draws = draws
        self._counts = counts
        self._taken = taken
        self._accounts = list(system.setting.accounts)
        self._orders: list[SubmitOrder] = []
        self._requests: deque[Request] = deque(maxlen=_NEWEST)
        self._queues: list[deque[Request]] = [deque() for _ in range(GATEWAYS)]
        self.made = 0
        # A market without auctions takes no order for one.
        has_auction = system.setting.calendar.has_auction
        self._forces = [one for one in _FORCES if one not in AUCTIONS or has_auction(one)]

    def take_order(self) -> None:
        """Take a new order."""
        draws, system = self._draws, self._system
        order_id = system.new_id()
        symbol = draws.choice(SYMBOLS)
        side = draws.choice(_SIDES)
        market = draws.random() < 0.25
        through = draws.choice(_THROUGH_CENTS) * _CENT
        mid = system.market.mid_micros(symbol)
        limit = None if market else mid + (through if is_buy(side) else _CENT - through)
        stop = None
        if draws.random() < 0.15:
            # Some are through their price when they come, others wait for long.
            away = draws.choice(_AWAY_CENTS) * _CENT
            stop = mid + sign(side) * away
            limit = None if limit is None else stop + sign(side) * through
        kinds = _STOPS if stop is not None else _KINDS
        algo = self._algo() if stop is None and draws.random() < 0.12 else None
        peg = self._peg(side) if stop is None and algo is None and draws.random() < 0.12 else None
        kind = kinds[market] if peg is None else OrderType.PEGGED
        plain = kind in (OrderType.MARKET, OrderType.LIMIT)
        forces = self._forces if plain else forces_after(TimeInForce.DAY)
        force = draws.choice(forces if algo is None else ALGO_TIMES_IN_FORCE)
        quantity = draws.choice((1, 100, 100, 200, 300, 500, 1_000, draws.randint(1, 2_000)))
        rests = kind is OrderType.LIMIT and force in BOOKED
        if peg is not None:
            rests = peg.peg_type is PegType.PRIMARY
        shows_part = rests and quantity > _DISPLAYS[0] and draws.random() < 0.25
        account = draws.choice(self._accounts)
        terms = OrderTerms(
            account_id=account,
            channel="SIM",
            client_order_id=str(self.made),
            principal="trader1",
            symbol=symbol,
            side=side,
            locate_id="LOC-1" if side in LOCATED else "",
            capacity=draws.choice((None, *OrderCapacity)),
            order_type=kind,
            peg=peg,
            time_in_force=force,
            expire_at=self._expiry() if force is TimeInForce.GTD else None,
            quantity=quantity,
            limit_price_micros=limit,
            stop_price_micros=stop,
            display_quantity=draws.choice([one for one in _DISPLAYS if one < quantity]) if shows_part else 0,
            post_only=rests and algo is None and draws.random() < 0.15,
            algo=algo,
            routing=Routing(profile=draws.choice(PROFILES)) if draws.random() < 0.5 else None,
        )
        self._submit(order_id, terms)

    def _submit(self, order_id: UUID, terms: OrderTerms) -> None:
        request = SubmitOrder(order_id=order_id, received_at=self._system.clock.now(), terms=terms)
        self.made += 1
        self._orders.append(request)
        self._take(request)

    def take_resting_peg(self, symbol: str, side: Side) -> None:
        """Take a new order that follows its own side of the market at a distance."""
        terms = OrderTerms(
            account_id=self._draws.choice(self._accounts),
            channel="SIM",
            client_order_id=str(self.made),
            principal="trader1",
            symbol=symbol,
            side=side,
            order_type=OrderType.PEGGED,
            peg=Peg(peg_type=PegType.PRIMARY, offset_micros=-sign(side) * RESTING_CENTS * _CENT),
            time_in_force=TimeInForce.GTC,
            quantity=100,
        )
        self._submit(self._system.new_id(), terms)

    def _expiry(self) -> datetime:
        return self._system.clock.now() + timedelta(seconds=self._draws.choice(_GOOD_FOR_S))

    def _peg(self, side: Side) -> Peg:
        """Draw what an order's price follows."""
        draws = self._draws
        peg_type = draws.choice(list(PegType))
        cents = {PegType.PRIMARY: -draws.randint(0, 3), PegType.MARKET: draws.randint(-3, 1)}.get(peg_type, 0)
        return Peg(peg_type=peg_type, offset_micros=sign(side) * cents * _CENT)

    def _algo(self, like: Algo | None = None) -> Algo:
        """Draw how an order is worked over time; like: the same, but for its parameters."""
        draws, now = self._draws, self._system.clock.now()
        strategy = draws.choice(list(AlgoStrategy)) if like is None else like.strategy
        bounded = strategy is AlgoStrategy.POV or draws.random() < 0.2
        return Algo(
            strategy=strategy,
            start_at=now + timedelta(seconds=draws.randint(0, 3)) if draws.random() < 0.3 else None,
            end_at=now + timedelta(seconds=draws.randint(4, 40)),
            participation_bps=draws.choice((500, 2_000, 5_000)) if bounded else 0,
            urgency=draws.randint(1, 10) if strategy is AlgoStrategy.IS else 0,
            slices=draws.choice((0, 2, 5, 10)),
        )

    def cancel_any(self) -> None:
        """Cancel one of the newest orders, whatever has become of it, or one of those that are open."""
        if (order := self._any(0.5)) is not None:
            self.cancel(order)

    def _any(self, open_part: float) -> SubmitOrder | None:
        newest = self._orders[-_NEWEST:]
        if newest and self._draws.random() < open_part:
            stored = self._system.order_store.orders
            newest = [order for order in newest if not stored[order.order_id].closed] or newest
        return self._draws.choice(newest) if newest else None

    def _any_worked(self) -> SubmitOrder | None:
        stored = self._system.order_store.orders
        found = [order for order in self._orders[-_NEWEST:] if _is_worked(stored[order.order_id])]
        return self._draws.choice(found) if found and self._draws.random() < _OF_ALGOS else None

    def change_any(self) -> None:
        """Replace, suspend or resume one of them, whatever has become of it; more often one that is worked
        over time.
        """
        if (order := self._any_worked() or self._any(0.9)) is None:
            return
        draws, stored = self._draws, self._system.order_store.orders
        suspended = [one for one in self._orders[-_NEWEST:] if stored[one.order_id].suspended is not None]
        kind = draws.choice((ReplaceOrder, ReplaceOrder, SuspendOrder, ResumeOrder))
        if kind is ResumeOrder and suspended and draws.random() < 0.8:
            order = draws.choice(suspended)
        if kind is ReplaceOrder:
            self.replace(order)
        else:
            self._ask(SuspendOrder if kind is SuspendOrder else ResumeOrder, order)

    def replace(self, order: SubmitOrder) -> None:
        """Take a request to change an order's quantity, limit or time, some of it or all."""
        draws, terms = self._draws, self._system.order_store.orders[order.order_id].terms
        quantity = draws.choice((1, 100, terms.quantity // 2 + 1, terms.quantity + 100, 2 * terms.quantity))
        limit = terms.limit_price_micros
        away = draws.choice(_THROUGH_CENTS) * _CENT
        stop = terms.stop_price_micros
        algo = terms.algo
        force = draws.choice(list(TimeInForce)) if draws.random() < 0.2 else None
        is_gtd = (force or terms.time_in_force) is TimeInForce.GTD
        change = OrderChange(
            peg=self._peg(terms.side) if terms.peg is not None and draws.random() < 0.4 else None,
            algo=self._algo(algo) if algo is not None and draws.random() < 0.4 else None,
            stop_price_micros=stop + away if stop is not None and draws.random() < 0.5 else None,
            quantity=quantity if draws.random() < 0.6 else None,
            limit_price_micros=limit + away if limit is not None and draws.random() < 0.5 else None,
            time_in_force=force,
            expire_at=self._expiry() if is_gtd and draws.random() < 0.5 else None,
            display_quantity=draws.choice((0, *_DISPLAYS)) if draws.random() < 0.1 else None,
        )
        self._counts[ReplaceOrder.__name__] += 1
        self._take(
            ReplaceOrder(
                request_id=self._system.new_id(),
                order_id=order.order_id,
                account_id=order.terms.account_id,
                received_at=self._system.clock.now(),
                change=change,
            )
        )

    def resume_all(self) -> None:
        """Resume every order that is suspended."""
        stored = self._system.order_store.orders
        for order in self._orders:
            if stored[order.order_id].suspended is not None:
                self._ask(ResumeOrder, order)

    def _ask(self, kind: type[SuspendOrder | ResumeOrder], order: SubmitOrder) -> None:
        self._counts[kind.__name__] += 1
        self._take(
            kind(
                request_id=self._system.new_id(),
                order_id=order.order_id,
                account_id=order.terms.account_id,
                received_at=self._system.clock.now(),
            )
        )

    def cancel(self, order: SubmitOrder) -> None:
        """Take a request to cancel."""
        self._take(
            CancelOrder(
                request_id=self._system.new_id(),
                order_id=order.order_id,
                account_id=order.terms.account_id,
                received_at=self._system.clock.now(),
            )
        )

    def cancel_open(self) -> int:
        """Cancel every order that is not closed. Returns how many there are."""
        stored = self._system.order_store.orders
        live = [order for order in self._orders if not stored[order.order_id].closed]
        for order in live:
            self.cancel(order)
        return len(live)

    def _take(self, request: Request) -> None:
        self._system.order_store.take_request(request)
        self._taken(request)
        self._requests.append(request)
        self._draws.choice(self._queues).append(request)

    def repeat(self) -> None:
        """Publish one of the newest requests once more, as a client or a sweep that repeats it does."""
        if self._requests:
            self._counts["repeat"] += 1
            self._publish(self._draws.choice(self._requests))

    def publish(self) -> None:
        """Let a gateway publish a part of what it took."""
        queue = self._draws.choice(self._queues)
        for _ in range(self._draws.randint(1, len(queue)) if queue else 0):
            self._publish(queue.popleft())

    def publish_all(self) -> None:
        """Let every gateway publish what it has."""
        for queue in self._queues:
            while queue:
                self._publish(queue.popleft())

    def crash(self) -> None:
        """End a gateway: what it has not published is only in the log."""
        queue = self._draws.choice(self._queues)
        self._counts["gateway"] += 1
        self._counts["unpublished"] += len(queue)
        queue.clear()

    def _publish(self, request: Request) -> None:
        account = request.terms.account_id if isinstance(request, SubmitOrder) else request.account_id
        self._system.broker.append(
            Written(
                topic=Topic.INBOUND.value,
                key=account,
                type_name=type(request).__name__,
                payload=encode(request),
                event_id=request.order_id if isinstance(request, SubmitOrder) else request.request_id,
            )
        )

    @property
    def waits(self) -> bool:
        """Whether a gateway has something to publish."""
        return any(self._queues)
