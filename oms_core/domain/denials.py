"""The closed list of reasons to deny an order, each rendered `CODE: key=value, key=value`."""

import enum
from typing import Final


class DenialCode(enum.Enum):
    """Why risk said no. The values are the sentences of the docs' table."""

    KILLED = "A kill switch stops new orders of a scope that this one is in; cancels are taken."
    ACCOUNT_UNKNOWN = "No such account."
    ACCOUNT_NOT_ACTIVE = "The account is suspended or closed."
    INSTRUMENT_UNKNOWN = "No such instrument."
    INSTRUMENT_NOT_ACTIVE = "The instrument is inactive."
    INSTRUMENT_HALTED = "Trading of the instrument is halted; cancels are taken."
    MARKET_CLOSED = "The instrument's market is closed, or the day that the order was for has ended."
    EXPIRY_PASSED = "The time until which the order is good is over."
    NO_AUCTION = "No auction of the instrument is known: its market has none, or no venue that holds it."
    AUCTION_MISSED = "Orders for the auction are not taken any more."
    ALGO_OUTSIDE_SESSION = "The algo's time is over, or is not within one session of the market."
    ORDER_QTY_EXCEEDS_MAX = "More shares than the account may order at once."
    ORDER_NOTIONAL_EXCEEDS_MAX = "More dollars than the account may order at once."
    ORDER_STALE = "A market order that was asked for too long ago to be routed now."
    NO_REFERENCE_PRICE = "No fresh quote, and no limit price to value the order by."
    PRICE_OFF_TICK = "The limit price is no multiple of the tick that the market's rules give it today."
    PRICE_OUTSIDE_COLLAR = "The limit price is further through the quote than the account's collar."
    BUYING_POWER_EXCEEDED = (
        "Positions, open orders and this order together exceed the account's buying power."
    )


RULES: Final = tuple(DenialCode)


def render(code: DenialCode, **details: object) -> str:
    """Render a denial: `CODE: key=value, key=value`."""
    return f"{code.name}: " + ", ".join(f"{key}={value}" for key, value in details.items())
