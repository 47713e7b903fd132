"""Prices as whole millionths of a dollar inside the venue, as text at its edges.

Only an average is rounded.
"""

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

MICROS: Final = 1_000_000
_CACHED_MAX: Final = 65_536
_PRICE_MICROS_MAX: Final = 10**18
_PRICE_CHARACTERS_MAX: Final = 64


@lru_cache(maxsize=_CACHED_MAX)
def micros_of(text: str) -> int | None:
    """Return a price's text in millionths; None when it is no price of whole millionths above 0."""
    if len(text) > _PRICE_CHARACTERS_MAX:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    # Looked at before anything is made of it: a number of a million digits takes a minute.
    if not price.is_finite() or not 0 < price < _PRICE_MICROS_MAX:
        return None
    if price.adjusted() < -_PRICE_CHARACTERS_MAX:
        return None
    scaled = price * MICROS
    if scaled != scaled.to_integral_value() or scaled >= _PRICE_MICROS_MAX:
        return None
    return int(scaled)


@lru_cache(maxsize=_CACHED_MAX)
def micros_of_decimal(price: Decimal) -> int:
    """Return a quoted price in millionths."""
    return int(price * MICROS)


@lru_cache(maxsize=_CACHED_MAX)
def price_text(micros: int) -> str:
    """Return millionths as dollars, at least two decimals."""
    whole, fraction = divmod(micros, MICROS)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0'):0<2}"


def average_text(notional_micros: int, quantity: int) -> str:
    """Return the average price of `quantity` shares as text, to the nearest millionth; "0" for no shares."""
    if quantity == 0:
        return "0"
    return price_text((2 * notional_micros + quantity) // (2 * quantity))
