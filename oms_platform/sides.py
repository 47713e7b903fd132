"""What a side is: whether it buys, the side that undoes it, where it trades first, how FIX writes it.

The law of this file: every member of `Side` has its line in one table, and nobody else asks which member a
side is. Who compares a side with one member forgets the others: there are three that sell.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from oms_platform.vocabulary import Side

ValueT = TypeVar("ValueT")


class _Rule(msgspec.Struct, frozen=True, gc=False):
    """A side's line. code: FIX Side (54). is_short: it sells shares that the seller says it does not hold.

    needs_locate: whoever asks for it names where the shares can be borrowed (Regulation SHO, Rule 203(b)).
    takes_no_bid: while Rule 201 is in force it has a limit above the national best bid.
    """

    code: str
    is_buy: bool
    is_short: bool = False
    needs_locate: bool = False
    takes_no_bid: bool = False


_RULES: Final[Mapping[Side, _Rule]] = {
    Side.BUY: _Rule("1", is_buy=True),
    Side.SELL: _Rule("2", is_buy=False),
    Side.SELL_SHORT: _Rule("5", is_buy=False, is_short=True, needs_locate=True, takes_no_bid=True),
    Side.SELL_SHORT_EXEMPT: _Rule("6", is_buy=False, is_short=True),
}
# The two ways that shares can go.
DIRECTIONS: Final = (Side.BUY, Side.SELL)
# FIX Side (54) of each side, and the other way round.
CODES: Final[Mapping[Side, str]] = {side: rule.code for side, rule in _RULES.items()}
SIDE_OF_CODE: Final[Mapping[str, Side]] = {rule.code: side for side, rule in _RULES.items()}
SHORTS: Final = frozenset(side for side, rule in _RULES.items() if rule.is_short)
LOCATED: Final = frozenset(side for side, rule in _RULES.items() if rule.needs_locate)
RESTRICTED: Final = frozenset(side for side, rule in _RULES.items() if rule.takes_no_bid)
_BUYS: Final = frozenset(side for side, rule in _RULES.items() if rule.is_buy)


def is_buy(side: Side) -> bool:
    """Return whether a side adds to a position; one that does not takes from it."""
    return side in _BUYS


def sign(side: Side) -> int:
    """Return 1 for a side that adds to a position, -1 for one that takes from it."""
    return 1 if side in _BUYS else -1


def direction(side: Side) -> Side:
    """Return BUY for every side that buys, SELL for every one that sells, however."""
    return DIRECTIONS[side not in _BUYS]


def opposite(side: Side) -> Side:
    """Return the direction that undoes a side."""
    return DIRECTIONS[side in _BUYS]


def far(side: Side, bid: ValueT, offer: ValueT) -> ValueT:
    """Return which of two quotes an order of this side trades at first."""
    return offer if side in _BUYS else bid


def near(side: Side, bid: ValueT, offer: ValueT) -> ValueT:
    """Return which of two quotes an order of this side rests beside."""
    return bid if side in _BUYS else offer


def is_within(side: Side, price: int, limit: int) -> bool:
    """Return whether a price is no worse for an order of this side than a limit. Both in micros."""
    return price <= limit if side in _BUYS else price >= limit
