"""Prices are whole micros (millionths of a dollar) inside, decimal numbers at the doors and in SQL."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

MICROS: Final = 1_000_000
_SCALE: Final = -6


def micros_of(price: Decimal) -> int:
    """Return a price in micros, rounded half to even where it has more than six decimals."""
    return int(price.scaleb(6).to_integral_value(ROUND_HALF_EVEN))


def dollars_of(micros: int) -> Decimal:
    """Return micros as exact dollars with six decimals."""
    return Decimal(micros).scaleb(_SCALE)


def average_micros(notional_micros: int, quantity: int) -> int:
    """Return notional / quantity in micros, rounded half to even. Raises ZeroDivisionError for quantity 0."""
    whole, rest = divmod(notional_micros, quantity)
    return whole + (2 * rest > quantity or (2 * rest == quantity and whole % 2))
