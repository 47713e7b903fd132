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
    TRADER_NOT_PERMITTED = "Whoever asks may not trade this in this account."
    INSTRUMENT_RESTRICTED = "The instrument is on the restricted list: for everything, or for what opens."
    INSTRUMENT_HALTED = "Trading of the instrument is halted; cancels are taken."
    MARKET_CLOSED = "The instrument's market is closed, or the day that the order was for has ended."
    EXPIRY_PASSED = "The time until which the order is good is over."
    NO_AUCTION = "No auction of the instrument is known: its market has none, or no venue that holds it."
    AUCTION_MISSED = "Orders for the auction are not taken any more."
    ALGO_OUTSIDE_SESSION = "The algo's time is over, or is not within one session of the market."
    ORDER_STALE = "A market order that was asked for too long ago to be routed now."
    NO_REFERENCE_PRICE = "No fresh quote, and no limit price to value the order by."
    PRICE_OFF_TICK = "The limit price is no multiple of the tick that the market's rules give it today."
    QUANTITY_OFF_LOT = "The quantity is no multiple of the lot."
    PRICE_OUTSIDE_COLLAR = "The limit price is further through the quote than the collar."
    PRICE_OUTSIDE_BANDS = "The limit price is beyond the instrument's price band."
    ORDER_QTY_EXCEEDS_MAX = "More shares than may be ordered at once."
    ORDER_NOTIONAL_EXCEEDS_MAX = "More dollars than may be ordered at once."
    ORDER_EXCEEDS_VOLUME = "More shares than the allowed part of an average day's volume."
    SHORT_SALE_UNMARKED = "More shares are sold long than are held and not being sold already."
    LOCATE_MISSING = "A short sale of what is not easy to borrow, without a locate."
    LOCATE_EXCEEDED = "The locate is not one of the account for the day, or has too few shares left."
    SHORT_SALE_RESTRICTED = "A short sale at or below the national best bid while Rule 201 is in force."
    BUYING_POWER_EXCEEDED = (
        "Positions, open orders and this order together exceed the account's buying power."
    )
    FIRM_CREDIT_EXCEEDED = "The firm's accounts together exceed its credit."
    DAILY_LOSS_EXCEEDED = "The account, or its firm, has lost more today than it may; closing goes on."
    DRAWDOWN_EXCEEDED = "The account has lost more than it may since its best of the day; closing goes on."
    GROSS_EXPOSURE_EXCEEDED = "Long and short positions at their marks, with what is open, exceed the limit."
    NET_EXPOSURE_EXCEEDED = "Long less short positions at their marks, with what is open, exceed the limit."
    SYMBOL_EXPOSURE_EXCEEDED = "The position in the symbol, with what is open, exceeds the limit."
    SECTOR_EXPOSURE_EXCEEDED = "Positions in the sector, with what is open, exceed the limit."
    SELF_CROSS = "The order could trade with another open order of its account."
    DUPLICATE_ORDER = "The same order came too often in a short time."
    ORDER_RATE_EXCEEDED = "New orders came too fast."
    MESSAGE_RATE_EXCEEDED = "Requests came too fast."
    CANCEL_TO_FILL_EXCEEDED = "Too many cancels and replaces for what was traded; cancels go on."
    CHILDREN_EXCEEDED = "The order has had too many venue orders; what venues have of it stays."
    OPEN_ORDERS_EXCEEDED = "Too many orders are open."
    LIMIT_MISSING = "A limit that has to be set is not: the rule and the parameter are named."
    INPUT_MISSING = "A rule lacks what it looks at, or has it too old: both are named."
    RULE_FAILED = (
        "A rule raised an error, which is a fault of ours: the rule is named, and an alarm is raised."
    )


CODES: Final = tuple(DenialCode)


def render(code: DenialCode, **details: object) -> str:
    """Render a denial: `CODE: key=value, key=value`."""
    return f"{code.name}: " + ", ".join(f"{key}={value}" for key, value in details.items())
