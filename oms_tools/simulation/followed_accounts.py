"""Accounts as core's events tell of them: positions by a formula of their own, open orders, buying power."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from oms_core.domain.desk import Desk
from oms_core.domain.fees import Charge, ChargeKind, FeeBook, VenueFees
from oms_core.ports import UnitOfWork
from oms_platform.messages import OrderEvent
from oms_platform.sides import sign
from oms_platform.vocabulary import OrderTerms, Side
from oms_tools.simulation.followed_orders import FollowedOrder
from oms_tools.simulation.rules import CLOSES, BrokenError, require

# What rounding of average costs may add up to in an account's exposure.
_COST_TOLERANCE_MICROS: Final = 1_000_000
# What the simulation's executions are charged, in micros a share.
VENUE_FEE: Final = 3_000
SALES_FEE: Final = 166


def fees_of(venues: Iterable[str]) -> FeeBook:
    """Return the fees of venues as core knows them: the same of each, whoever brought the liquidity."""
    since = date(1970, 1, 1)
    of_venues = [
        VenueFees(venue_id=venue, effective_from=since, added_micros=VENUE_FEE, removed_micros=VENUE_FEE)
        for venue in venues
    ]
    sales = Charge(
        name="sales",
        kind=ChargeKind.REGULATORY,
        effective_from=since,
        side=Side.SELL,
        share_micros=SALES_FEE,
    )
    return FeeBook(of_venues, [sales])


@dataclass(slots=True)
class Held:
    """An account's position in a symbol, by a formula of its own."""

    quantity: int = 0
    cost: float = 0.0
    cash: int = 0
    fees: int = 0


class FollowedAccounts:
    """Every account's positions, and its orders that are open. buying_power: in micros, by account."""

    def __init__(self, buying_power: Mapping[str, int]) -> None:
        self._buying_power = buying_power
        self.held: defaultdict[tuple[str, str], Held] = defaultdict(Held)
        # What core has added to its accounts' cash, whenever it settles.
        self.moved: defaultdict[str, int] = defaultdict(int)
        self.open: defaultdict[str, dict[UUID, FollowedOrder]] = defaultdict(dict)
        # How often a position has moved, by what: an order, or None for what no order did.
        self._moves: defaultdict[tuple[str, str], Counter[UUID | None]] = defaultdict(Counter)
        # Of orders of kill switches: how often anything else had moved the position when it was decided.
        self._decided: dict[UUID, int] = {}

    def check_positions(self, unit: UnitOfWork, desk: Desk) -> None:
        """Hold the positions that a batch has changed to the fills. Raises BrokenError."""
        for account_id, symbol in unit.positions:
            held, kept = self.held[account_id, symbol], desk.position(account_id, symbol)
            found = kept.quantity, kept.net_cash_micros, kept.fees_micros
            if (held.quantity, held.cash, held.fees) != found:
                raise BrokenError(
                    "position = sum of signed fills",
                    f"{account_id} {symbol}: {found} shares, micros of cash and of fees,"
                    f" fills make {held.quantity}, {held.cash} and {held.fees}",
                )
        for (account_id, _), micros in unit.cash.items():
            self.moved[account_id] += micros
        for account_id in {account_id for account_id, _ in unit.cash}:
            explained = sum(
                held.cash - held.fees for (name, _), held in self.held.items() if name == account_id
            )
            if self.moved[account_id] != explained:
                raise BrokenError(
                    "cash is what executions explain",
                    f"{account_id}: {self.moved[account_id]} micros moved, fills less fees make {explained}",
                )

    def decided(self, order: FollowedOrder, event: OrderEvent) -> None:
        """Hold an order of a kill switch to what is held when it is decided. Raises BrokenError."""
        terms, key = order.terms, (event.account_id, event.symbol)
        way, held = sign(terms.side), self.held[key].quantity
        others = sum(
            one.leaves
            for one in self.open[event.account_id].values()
            if one is not order and one.terms.symbol == event.symbol and sign(one.terms.side) == way
        )
        self._decided[event.order_id] = self._moved_by_others(key, event.order_id)
        require(
            terms.quantity + others <= -way * held,
            CLOSES,
            event,
            f"{terms.quantity} {terms.side.name} beside {others} of others, {held} are held",
        )

    def _moved_by_others(self, key: tuple[str, str], order_id: UUID) -> int:
        moves = self._moves[key]
        return moves.total() - moves[order_id]

    def check_closing(self, order: FollowedOrder, event: OrderEvent, shares: int) -> None:
        """Hold a trade of a kill switch's order to the position that it meets. Raises BrokenError.

        What else has moved the position since may have made it too much, and a venue may trade too much.
        """
        key, way = (event.account_id, event.symbol), sign(order.terms.side)
        if shares <= 0 or order.executed > order.terms.quantity:
            return
        held = self.held[key].quantity
        if self._moved_by_others(key, event.order_id) == self._decided[event.order_id]:
            require(
                shares <= -way * held, CLOSES, event, f"{shares} {order.terms.side.name}, {held} are held"
            )

    def hold(self, terms: OrderTerms, account_id: str, quantity: int, price: int, order_id: UUID) -> None:
        """Count shares that an account got (below 0: that were taken back of it) at a price in micros."""
        held = self.held[account_id, terms.symbol]
        self._moves[account_id, terms.symbol][order_id if quantity > 0 else None] += 1
        signed = sign(terms.side) * quantity
        held.cash -= signed * price
        held.fees += quantity * (VENUE_FEE + (SALES_FEE if sign(terms.side) < 0 else 0))
        if held.quantity * signed >= 0:
            held.cost += signed * price
        else:
            average = held.cost / held.quantity
            after = held.quantity + signed
            held.cost = after * (average if after * held.quantity >= 0 else price)
        held.quantity += signed

    def check_buying_power(
        self, order: FollowedOrder, event: OrderEvent, terms: OrderTerms, price: int
    ) -> None:
        """Hold an order of these terms, reserved at a price, to what its account may have open."""
        account = event.account_id
        open_orders = [one for one in self.open[account].values() if one is not order]
        shares: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for one in open_orders:
            shares[one.terms.symbol, sign(one.terms.side)] += one.held_prices
        without = self._opened(account, shares)
        shares[terms.symbol, sign(terms.side)] += [price] * max(0, terms.quantity - order.executed)
        used = self._opened(account, shares)
        if used == without:
            return
        used += sum(abs(held.cost) for (name, _), held in self.held.items() if name == account)
        bound = self._buying_power[account]
        require(
            used <= bound + _COST_TOLERANCE_MICROS,
            "buying power holds",
            event,
            f"{used:.0f} micros used of {bound}",
        )

    def _opened(self, account: str, shares: Mapping[tuple[str, int], list[int]]) -> float:
        """Return the micros of all shares but those that close a position, each symbol's cheapest ones."""
        opened = 0
        for (symbol, way), prices in shares.items():
            closing = max(0, -way * self.held[account, symbol].quantity)
            opened += sum(sorted(prices)[closing:])
        return opened
