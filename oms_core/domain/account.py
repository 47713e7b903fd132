"""How an account stands: its positions, what its open orders hold, and how fast it has been asking.

The law of this file: the counters follow from the account's orders and positions, and from nothing else, so
that a desk that is rebuilt from the store counts the same as one that saw everything happen.

What open orders hold of the buying power (`opening_micros`) is what they open, not what they close: of one
way of a symbol, as many shares as the account holds the other way close, those at the lowest price first,
since the dearer ones may be the ones that are left to open.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from operator import mul
from typing import Final, NamedTuple, cast

from oms_core.domain.days import cash_of
from oms_core.domain.order import Order
from oms_core.domain.positions import Position
from oms_core.domain.transitions import Lifecycle
from oms_platform.risk_rules import REPEATS_MAX, WINDOW_S_MAX
from oms_platform.sides import is_buy
from oms_platform.vocabulary import OrderTerms, Side

FLAT: Final = Position()
# What an order without a limit may trade at.
ANY_PRICE: Final = None
# Kinds of orders that are remembered before those that are too old are looked for.
_LIKENESSES_MIN: Final = 10_000


class Held(NamedTuple):
    """Shares that an open order holds, at micros a share."""

    quantity: int
    price_micros: int


NOTHING: Final[tuple[Held, ...]] = ()


def held_by(order: Order) -> tuple[Held, ...]:
    """Return what an order holds of its account.

    While a replace is pending that is the dearer of the two orders, and the shares that the other has more,
    which hold nothing, and still close what others may then not close too.
    """
    if order.lifecycle is not Lifecycle.LIVE:
        return NOTHING
    leaves_qty, wanted = order.leaves_qty, order.replacing
    if wanted is None:
        return (Held(leaves_qty, order.reserved_price_micros),) if leaves_qty else NOTHING
    held = Held(leaves_qty, order.reserved_price_micros)
    other = Held(max(0, wanted.terms.quantity - order.executed_qty), wanted.reserved_price_micros)
    if other.quantity * other.price_micros > held.quantity * held.price_micros:
        held, other = other, held
    more = Held(max(0, other.quantity - held.quantity), 0)
    return tuple(one for one in (held, more) if one.quantity)


def shares_of(held: tuple[Held, ...]) -> int:
    """Return the shares that are held."""
    total = 0
    for quantity, _ in held:
        total += quantity
    return total


def micros_of_held(held: tuple[Held, ...]) -> int:
    """Return the micros that are held, whether they open or close."""
    total = 0
    for quantity, price in held:
        total += quantity * price
    return total


def prices_of(order: Order) -> tuple[int | None, ...]:
    """Return the limits at which an order may trade at any moment now, ANY_PRICE for none."""
    if order.lifecycle is not Lifecycle.LIVE or not order.leaves_qty:
        return ()
    if order.terms.stop_price_micros is not None and order.triggered is None:
        return ()
    found = (_limit_of(order, order.terms),)
    return found if order.replacing is None else (*found, _limit_of(order, order.replacing.terms))


def _counts_the_same(order: Order, previous: Order) -> bool:
    """Whether nothing has changed that `held_by` and `prices_of` look at."""
    return (
        order.lifecycle is previous.lifecycle
        and order.terms is previous.terms
        and order.executed_qty == previous.executed_qty
        and order.reserved_price_micros == previous.reserved_price_micros
        and order.replacing is previous.replacing
        and order.triggered is previous.triggered
        and order.pegged is previous.pegged
    )


def _limit_of(order: Order, terms: OrderTerms) -> int | None:
    if terms.peg is not None and order.pegged is not None:
        return order.pegged.price_micros
    return terms.limit_price_micros


@dataclass(slots=True)
class OpenSide:
    """An account's open orders on one way of one symbol. levels: shares by the price that they hold.

    limits: how many of the orders may trade at a limit, by it.
    """

    quantity: int = 0
    value_micros: int = 0
    levels: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    limits: defaultdict[int | None, int] = field(default_factory=lambda: defaultdict(int))

    def count(self, held: tuple[Held, ...], sign: int) -> int:
        """Count what an order holds, or, sign -1, do not count it any more. Returns the change in micros."""
        micros = 0
        for quantity, price in held:
            self.quantity += sign * quantity
            micros += sign * quantity * price
            _add(self.levels, price, sign * quantity)
        self.value_micros += micros
        return micros

    def count_limits(self, limits: tuple[int | None, ...], sign: int) -> None:
        """Count the limits at which an order may trade, or, sign -1, do not count them any more."""
        for limit in limits:
            _add(self.limits, limit, sign)

    def opening_micros(
        self, against: int, less: tuple[Held, ...] = NOTHING, more: tuple[Held, ...] = NOTHING
    ) -> int:
        """Return the micros of what the orders open, where `against` shares are held the other way.

        less, more: as if one of the orders were not there, and another were.
        """
        value, quantity = self.value_micros, self.quantity
        if less or more:
            value += micros_of_held(more) - micros_of_held(less)
            quantity += shares_of(more) - shares_of(less)
        if against <= 0:
            return value
        if against >= quantity:
            return 0
        levels = self.levels
        if less or more:
            levels = defaultdict(int, levels)
            for quantity, price in less:
                _add(levels, price, -quantity)
            for quantity, price in more:
                _add(levels, price, quantity)
        for price in sorted(levels):
            closing = min(against, levels[price])
            value -= closing * price
            against -= closing
            if not against:
                break
        return value


def _add(counts: defaultdict[int, int] | defaultdict[int | None, int], key: int | None, change: int) -> None:
    count = counts.get(key, 0) + change  # type: ignore[arg-type]
    if count:
        counts[key] = count  # type: ignore[index]
    else:
        counts.pop(key, None)  # type: ignore[arg-type]


# What stands for no open orders in every symbol that has none, of which there are many; nothing changes it.
_NONE_OPEN: Final = OpenSide()


@dataclass(slots=True)
class SymbolState:
    """An account's position in a symbol, and its open orders both ways. reserved_micros: what these open."""

    position: Position = FLAT
    buys: OpenSide = field(default_factory=lambda: _NONE_OPEN)
    sells: OpenSide = field(default_factory=lambda: _NONE_OPEN)
    reserved_micros: int = 0

    def side(self, side: Side) -> OpenSide:
        """Return the open orders that go the same way as a side."""
        return self.buys if is_buy(side) else self.sells

    def counted_side(self, side: Side) -> OpenSide:
        """Return the same to count orders in."""
        if is_buy(side):
            if self.buys is _NONE_OPEN:
                self.buys = OpenSide()
            return self.buys
        if self.sells is _NONE_OPEN:
            self.sells = OpenSide()
        return self.sells

    def against(self, side: Side) -> int:
        """Return the shares that are held the other way, which orders of a side close."""
        return max(0, -self.position.quantity if is_buy(side) else self.position.quantity)

    def opening_micros(self) -> int:
        """Return the micros of what all open orders open."""
        return self.buys.opening_micros(-self.position.quantity) + self.sells.opening_micros(
            self.position.quantity
        )

    def added_micros(self, side: Side, more: tuple[Held, ...], less: tuple[Held, ...] = NOTHING) -> int:
        """Return the micros that an order would open beside the others. less: what it replaces."""
        orders, against = self.side(side), self.against(side)
        return orders.opening_micros(against, less, more) - orders.opening_micros(against, less)

    def others_micros(self, side: Side, less: tuple[Held, ...]) -> int:
        """Return what the open orders open without one of a side."""
        if not less:
            return self.reserved_micros
        orders, against = self.side(side), self.against(side)
        return self.reserved_micros - orders.opening_micros(against) + orders.opening_micros(against, less)


class SecondCounts:
    """How much of something there was in each of the last seconds."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def note(self, at: datetime, count: int = 1) -> None:
        """Count something; below 0: do not count it any more."""
        second = int(at.timestamp())
        total = self._counts.get(second, 0) + count
        if not total:
            self._counts.pop(second, None)
            return
        self._counts[second] = total
        if len(self._counts) > 2 * WINDOW_S_MAX:
            oldest = second - WINDOW_S_MAX
            self._counts = {key: value for key, value in self._counts.items() if key >= oldest}

    def within(self, now: datetime, window_s: int) -> int:
        """Return how much there was in the last so many seconds, this one included."""
        if not self._counts:
            return 0
        last = int(now.timestamp())
        first = last - window_s + 1
        if len(self._counts) < window_s:
            return sum([count for second, count in self._counts.items() if first <= second <= last])
        get = self._counts.get
        return sum([get(second, 0) for second in range(first, last + 1)])

    def __eq__(self, other: object) -> bool:
        """Whether it counts the same."""
        return isinstance(other, SecondCounts) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]


def likeness(terms: OrderTerms) -> tuple[object, ...]:
    """Return what makes an order the same as another of its account."""
    return (
        terms.symbol,
        terms.side,
        terms.order_type,
        terms.quantity,
        terms.limit_price_micros,
        terms.stop_price_micros,
    )


@dataclass(slots=True)
class AccountState:
    """Positions and open orders by symbol, and their sums in micros; what has been asked for lately.

    quantities: of positions, where they are not 0. gross_cost_micros: of positions. reserved_micros: of what
    open orders open, and reserved: the same by symbol, where it is not 0. cash_micros: of all trades.
    buying_micros, selling_micros: of all open orders. open_orders: how many. orders, messages, cancels
    (replaces among them), fills: how many there were in each of the last seconds. alike: when the same order
    came, by likeness; forget_from: at how many of them those that are too old are forgotten.
    """

    symbols: dict[str, SymbolState] = field(default_factory=dict)
    quantities: dict[str, int] = field(default_factory=dict)
    gross_cost_micros: int = 0
    reserved_micros: int = 0
    reserved: dict[str, int] = field(default_factory=dict)
    cash_micros: int = 0
    buying_micros: int = 0
    selling_micros: int = 0
    open_orders: int = 0
    orders: SecondCounts = field(default_factory=SecondCounts)
    messages: SecondCounts = field(default_factory=SecondCounts)
    cancels: SecondCounts = field(default_factory=SecondCounts)
    fills: SecondCounts = field(default_factory=SecondCounts)
    alike: dict[tuple[object, ...], deque[datetime]] = field(default_factory=dict)
    forget_from: int = _LIKENESSES_MIN

    @property
    def used_micros(self) -> int:
        """What it uses of its buying power, and of its firm's credit."""
        return self.gross_cost_micros + self.reserved_micros

    def symbol(self, symbol: str) -> SymbolState:
        """Return how it stands in a symbol."""
        found = self.symbols.get(symbol)
        return _NO_STATE if found is None else found

    def keep_order(self, order: Order, previous: Order | None) -> int:
        """Count an order as it is now, and was. Returns the change of what the account uses, in micros."""
        if previous is not None and _counts_the_same(order, previous):
            return 0
        terms = order.terms
        held, limits = held_by(order), prices_of(order)
        was = NOTHING if previous is None else held_by(previous)
        were = () if previous is None else prices_of(previous)
        self.open_orders += bool(held) - bool(was)
        if held == was and limits == were:
            return 0
        state = self._state(terms.symbol)
        side = state.counted_side(terms.side)
        if limits != were:
            side.count_limits(were, -1)
            side.count_limits(limits, 1)
        if held == was:
            return 0
        more = side.count(was, -1) + side.count(held, 1)
        if is_buy(terms.side):
            self.buying_micros += more
        else:
            self.selling_micros += more
        return self._recount(terms.symbol, state)

    def keep_position(self, symbol: str, position: Position) -> int:
        """Take a position as it is now. Returns the change of what the account uses, in micros."""
        state = self._state(symbol)
        change = abs(position.cost_micros) - abs(state.position.cost_micros)
        self.gross_cost_micros += change
        self.cash_micros += cash_of(position) - cash_of(state.position)
        state.position = position
        if position.quantity:
            self.quantities[symbol] = position.quantity
        else:
            self.quantities.pop(symbol, None)
        return change + self._recount(symbol, state)

    def note_order(self, terms: OrderTerms, at: datetime) -> None:
        """Count a new order that was taken."""
        self.orders.note(at)
        key = likeness(terms)
        if len(self.alike) >= self.forget_from:
            self._forget(at)
        times = self.alike.setdefault(key, deque(maxlen=REPEATS_MAX))
        times.append(at)

    def forget_order(self, terms: OrderTerms, at: datetime) -> None:
        """Do not count the newest order, of these terms and of this time, any more."""
        self.orders.note(at, -1)
        times = self.alike[likeness(terms)]
        times.pop()
        if not times:
            del self.alike[likeness(terms)]

    def alike_within(self, terms: OrderTerms, now: datetime, window_s: int) -> int:
        """Return how many orders like this one came in the last so many seconds."""
        times = self.alike.get(likeness(terms))
        return 0 if times is None else sum((now - at).total_seconds() < window_s for at in times)

    def _forget(self, now: datetime) -> None:
        self.alike = {
            key: times
            for key, times in self.alike.items()
            if (now - times[-1]).total_seconds() <= WINDOW_S_MAX
        }
        # So that the cost of looking at all of them is shared by as many orders.
        self.forget_from = max(_LIKENESSES_MIN, 2 * len(self.alike))

    def _state(self, symbol: str) -> SymbolState:
        found = self.symbols.get(symbol)
        if found is None:
            found = self.symbols[symbol] = SymbolState()
        return found

    def open_micros(self, side: Side) -> int:
        """Return the micros of all open orders that go the same way as a side, whether they open or close."""
        return self.buying_micros if is_buy(side) else self.selling_micros

    def _recount(self, symbol: str, state: SymbolState) -> int:
        reserved = state.opening_micros()
        change = reserved - state.reserved_micros
        if not change:
            return 0
        if reserved:
            self.reserved[symbol] = reserved
        else:
            self.reserved.pop(symbol, None)
        state.reserved_micros = reserved
        self.reserved_micros += change
        return change


class Valuation:
    """An account's positions at what they are worth now; worked out once, when somebody asks.

    mark: what a share of a symbol is worth now, in micros, None where nobody knows. peers: the symbols of a
    sector, positions in which are summed by themselves.
    """

    __slots__ = ("_mark", "_state", "_worth", "peers")

    def __init__(
        self, state: AccountState, mark: Callable[[str], int | None], peers: Set[str] = frozenset()
    ) -> None:
        self.peers = peers
        self._state = state
        self._mark = mark
        self._worth: Worth | None = None

    @property
    def worth(self) -> "Worth":
        """What the positions are worth together. Raises UnmarkedError."""
        if self._worth is None:
            self._worth = self._value()
        return self._worth

    @property
    def in_sector(self) -> int:
        """Micros of long and short positions in the sector together. Raises UnmarkedError."""
        held = self._state.quantities
        inside = [*filter(self.peers.__contains__, held)]
        prices = marked(inside, [*map(self._mark, inside)])
        return sum([abs(held[symbol]) * price for symbol, price in zip(inside, prices, strict=True)])

    def _value(self) -> "Worth":
        # An account may have many positions: each step goes over all of them in C.
        held = self._state.quantities
        prices = [*map(self._mark, held)]
        values: list[int] = [*map(mul, held.values(), marked(held, prices))]
        return Worth(sum(map(abs, values)), sum(values))


def marked(symbols: Iterable[str], prices: list[int | None]) -> list[int]:
    """Return the prices of symbols. Raises UnmarkedError for the first that nobody knows."""
    if None in prices:
        raise UnmarkedError(
            next(symbol for symbol, price in zip(symbols, prices, strict=True) if price is None)
        )
    return cast(list[int], prices)


class Worth(NamedTuple):
    """Micros: long and short positions together, and long less short."""

    gross: int
    net: int


class UnmarkedError(Exception):
    """Nobody knows what a share of a symbol is worth now."""

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.symbol = symbol


_NO_STATE: Final = SymbolState()
