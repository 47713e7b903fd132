"""Where shares can be borrowed: the days' easy-to-borrow lists, and locates with what is drawn of them.

The law of this file: what an order has drawn of its locate follows from the order alone, so that it is given
back by whatever gives the order's shares back, and by nothing else: what is open of it, and what it sold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from oms_core.domain.account import held_by, shares_of
from oms_core.domain.order import Order
from oms_platform.sides import LOCATED
from oms_platform.vocabulary import OrderTerms


class LocateKey(NamedTuple):
    """What an order names a locate by: its account, its symbol, and the lender's reference."""

    account_id: str
    symbol: str
    reference: str


class Locate(Struct, frozen=True, gc=False):
    """Shares that a lender has set aside for an account, for the session of one day."""

    quantity: int
    valid_on: date


@dataclass(slots=True, kw_only=True)
class LocateBook:
    """What is known of borrowing. easy: the symbols of each day's list. drawn: shares, of known locates."""

    easy: Mapping[date, frozenset[str]] = field(default_factory=dict)
    locates: Mapping[LocateKey, Locate] = field(default_factory=dict)
    drawn: dict[LocateKey, int] = field(default_factory=dict)
    # The accounts that have any locate of a day.
    _having: frozenset[tuple[str, date]] = field(init=False)

    def __post_init__(self) -> None:
        self._having = frozenset((key.account_id, one.valid_on) for key, one in self.locates.items())

    def draw(self, key: LocateKey, shares: int) -> None:
        """Let so many shares more be drawn, below 0 fewer."""
        if key in self.locates:
            self.drawn[key] = self.drawn.get(key, 0) + shares

    def borrowing(self, terms: OrderTerms, of: Order | None, day: date) -> "Borrowing":
        """Return how a short sale can be borrowed for.

        of: the order that is to become it. day: of the session that it is for.
        """
        key = key_of(terms)
        locate = None if key is None else self.locates.get(key)
        listed = self.easy.get(day)
        before = max((one for one in self.easy if one < day), default=None)
        own = 0 if key is None or of is None else drawn_by(of)
        return Borrowing(
            day=day,
            easy=listed is not None and terms.symbol in listed,
            was_easy=listed is None and before is not None and terms.symbol in self.easy[before],
            locate=locate,
            drawn=0 if key is None else self.drawn.get(key, 0) - own,
            own=own,
            any_of_day=locate is not None or (terms.account_id, day) in self._having,
        )


class Borrowing(Struct, frozen=True, kw_only=True, gc=False):
    """How a short sale can be borrowed for.

    day: of the session that it is for. easy: its symbol is on the list of that day; was_easy: there is no
    list of that day, and it is on the one before. locate: the one that the order names, if it is known.
    drawn: what other orders have drawn of it, own: what the order itself has that is to become this one.
    any_of_day: whether the account has any locate of the day.
    """

    day: date
    easy: bool = False
    was_easy: bool = False
    locate: Locate | None = None
    drawn: int = 0
    own: int = 0
    any_of_day: bool = False


def key_of(terms: OrderTerms) -> LocateKey | None:
    """Return the locate that an order draws on; None for one that draws on none."""
    if terms.side not in LOCATED or not terms.locate_id:
        return None
    return LocateKey(terms.account_id, terms.symbol, terms.locate_id)


def drawn_by(order: Order) -> int:
    """Return the shares that an order has drawn of its locate: those it sold, and those it may still sell.

    While a replace is pending it is as many as the larger of the two orders has.
    """
    return order.executed_qty + shares_of(held_by(order))
