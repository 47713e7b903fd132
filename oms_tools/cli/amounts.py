"""Prices, quantities and sums of money as people read them."""

from decimal import Decimal, InvalidOperation
from typing import Final

ABSENT: Final = "–"
_CENTS: Final = 2
_LARGE: Final = ((10**9, "bn"), (10**6, "M"))


def price(value: str | Decimal | None) -> str:
    """Return dollars to the cent, and further digits only where they say something."""
    if value is None or value == "":
        return ABSENT
    whole, _, part = f"{Decimal(value):f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(_CENTS, '0')}"


def micros(value: int) -> str:
    """Return micros as dollars."""
    return price(Decimal(value) / 1_000_000)


def money(value: Decimal) -> str:
    """Return a sum of dollars to the cent, with separators."""
    return f"{value:z,.2f}"


def grouped(value: int | Decimal | None) -> str:
    """Return a number with separators: a whole one as it is, dollars as `price` shows them."""
    if value is None:
        return ABSENT
    return f"{value:,}" if isinstance(value, int) else f"{Decimal(price(value)):,f}"


def large(text: str) -> str:
    """Return a number with separators, in millions or billions to one digit; any other text as it is."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if not value.is_finite():
        return text
    for unit, name in _LARGE:
        if abs(value) >= unit:
            return f"{value / unit:,.1f}".removesuffix(".0") + f" {name}"
    return grouped(int(value) if value == value.to_integral_value() else value)
