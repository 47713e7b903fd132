"""Prices are whole micros (millionths of a dollar) inside, decimal numbers at the doors and in SQL."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

MICROS: Final = 1_000_000
_SCALE: Final = -6
_WHOLE: Final = Decimal(1)


def micros_of(price: Decimal) -> int:
    """Return a price in micros, rounded half to even where it has more than six decimals."""
    return int(price.scaleb(6).to_integral_value(ROUND_HALF_EVEN))


def dollars_of(micros: int) -> Decimal:
    """Return micros as exact dollars with six decimals."""
    return Decimal(micros).scaleb(_SCALE)


def plain(amount: Decimal) -> Decimal:
    """Return an amount in the form in which every door writes it: no exponent, no zeros behind it."""
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(_WHOLE) if isinstance(exponent, int) and exponent > 0 else short


def average_micros(notional_micros: int, quantity: int) -> int:
    """Return notional / quantity in micros, rounded half to even. Raises ZeroDivisionError for quantity 0."""
    whole, rest = divmod(notional_micros, quantity)
    return whole + (2 * rest > quantity or (2 * rest == quantity and whole % 2))
