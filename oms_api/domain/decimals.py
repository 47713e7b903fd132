"""Exact decimal numbers as a client writes them, and prices among them."""

import re
from decimal import Decimal
from typing import Final

from oms_platform.market_rules import Ticks
from oms_platform.prices import micros_of

PRICE_BOUND: Final = Decimal(10**12)
PRICE_DECIMALS_MAX: Final = 6
# Dollars of cash, and of what a position cost.
MONEY_BOUND: Final = 10**15
DIGITS_MAX: Final = 18
_WHOLE_BOUND: Final = 10**DIGITS_MAX
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")


def read_decimal(value: object) -> Decimal | None:
    """Read an exact decimal number, as it is written without an exponent; None if it is none.

    At most 18 digits before the point and 18 after it, before anything is computed with it. What comes out
    has no exponent, so that it is written the same wherever it is kept.
    """
    if type(value) is int:
        return Decimal(value) if abs(value) < _WHOLE_BOUND else None
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or value.adjusted() >= DIGITS_MAX or exponent < -DIGITS_MAX:
            return None
        return value if exponent <= 0 else value.quantize(Decimal(1))
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def price_problem(price: Decimal, ticks: Ticks | None) -> str:
    """Return what is wrong with a price, empty for nothing. ticks None: any price that can be stored."""
    if price <= 0:
        return "must be above 0"
    if price >= PRICE_BOUND:
        return f"must be below {PRICE_BOUND}"
    exponent = price.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PRICE_DECIMALS_MAX:
        return f"must have at most {PRICE_DECIMALS_MAX} decimal places"
    return "" if ticks is None else ticks.problem(micros_of(price))


def money_problem(amount: Decimal, least: int | None = None) -> str:
    """Return what is wrong with an amount of dollars, empty for nothing. least: it must be above it."""
    if least is not None and amount <= least:
        return f"must be above {least}"
    if abs(amount) >= MONEY_BOUND:
        return f"must be between -{MONEY_BOUND} and {MONEY_BOUND}"
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PRICE_DECIMALS_MAX:
        return f"must have at most {PRICE_DECIMALS_MAX} decimal places"
    return ""
