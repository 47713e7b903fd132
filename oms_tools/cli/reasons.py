"""What risk and routing said, in words: the codes of docs/denials.md and of route plans."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from oms_core.domain.denials import DenialCode
from oms_tools.cli.amounts import large, price

# What a rule looks at; its name in a check is that of the denial that it would give.
CHECKED: Final[Mapping[str, str]] = {
    "KILLED": "kill switch",
    "ACCOUNT_UNKNOWN": "known account",
    "ACCOUNT_NOT_ACTIVE": "active account",
    "INSTRUMENT_UNKNOWN": "known instrument",
    "INSTRUMENT_NOT_ACTIVE": "active instrument",
    "TRADER_NOT_PERMITTED": "permission",
    "INSTRUMENT_RESTRICTED": "restricted list",
    "INSTRUMENT_HALTED": "halt",
    "MARKET_CLOSED": "trading hours",
    "EXPIRY_PASSED": "good till",
    "NO_AUCTION": "auction",
    "AUCTION_MISSED": "before the cut-off",
    "ALGO_OUTSIDE_SESSION": "hours to work in",
    "ORDER_QTY_EXCEEDS_MAX": "shares",
    "ORDER_NOTIONAL_EXCEEDS_MAX": "order value",
    "ORDER_STALE": "age in seconds",
    "NO_REFERENCE_PRICE": "reference price",
    "PRICE_OFF_TICK": "price on the tick",
    "QUANTITY_OFF_LOT": "lot",
    "PRICE_OUTSIDE_COLLAR": "price collar",
    "PRICE_OUTSIDE_BANDS": "price band",
    "ORDER_EXCEEDS_VOLUME": "part of a day's volume",
    "SHORT_SALE_UNMARKED": "sold long",
    "LOCATE_MISSING": "locate",
    "LOCATE_EXCEEDED": "shares of the locate",
    "SHORT_SALE_RESTRICTED": "short sale price",
    "BUYING_POWER_EXCEEDED": "buying power",
    "FIRM_CREDIT_EXCEEDED": "the firm's credit",
    "DAILY_LOSS_EXCEEDED": "lost today",
    "DRAWDOWN_EXCEEDED": "lost since the day's peak",
    "GROSS_EXPOSURE_EXCEEDED": "gross exposure",
    "NET_EXPOSURE_EXCEEDED": "net exposure",
    "SYMBOL_EXPOSURE_EXCEEDED": "exposure in the symbol",
    "SECTOR_EXPOSURE_EXCEEDED": "exposure in the sector",
    "SELF_CROSS": "own orders",
    "DUPLICATE_ORDER": "repeats",
    "ORDER_RATE_EXCEEDED": "orders in the window",
    "MESSAGE_RATE_EXCEEDED": "requests in the window",
    "CANCEL_TO_FILL_EXCEEDED": "cancels in the window",
    "CHILDREN_EXCEEDED": "venue orders of the order",
    "OPEN_ORDERS_EXCEEDED": "open orders",
    "LIMIT_MISSING": "limit that is set",
    "INPUT_MISSING": "input",
    "RULE_FAILED": "working rule",
}
# What did not pass, and stopped nothing.
_OUTCOMES: Final[Mapping[str, str]] = {
    "WARNED": "WARNED",
    "SHADOWED": "watched only",
    "OVERRIDDEN": "overridden",
}
ROUTING: Final[Mapping[str, str]] = {
    "KILL_UNREAD": "nobody can tell what kill switches stop",
    "NOT_MARKETABLE": "the limit does not reach the market",
    "MAY_NOT_REST": "no venue may show or take more of it",
    "AUCTION_VENUE_CLOSED": "the venue that holds the auction is away",
    "NO_AUCTION_VENUE": "no venue that holds the auction takes the order",
    "NO_LIQUIDITY": "no venue shows shares to trade with",
}


def in_words(text: str) -> str:
    """Return `CODE: key=value` with what the code means before it; any other text as it is."""
    code = text.partition(":")[0]
    if code in DenialCode.__members__:
        meaning = DenialCode[code].value.rstrip(".")
        return f"{meaning[:1].lower()}{meaning[1:]} ({text})"
    return f"{ROUTING[code]} ({text})" if code in ROUTING else text


def peg_in_words(peg: Mapping[str, Any], limit: Any) -> str:
    """Tell what the price of a pegged order follows: `PRIMARY peg -0.01, limit 220.00`."""
    offset, bound = peg.get("offset"), "" if limit is None else f", limit {price(limit)}"
    return f"{peg['type']} peg{f' {offset}' if offset else ''}{bound}"


def checks_in_words(checks: Sequence[Mapping[str, Any]]) -> str:
    """Tell what was checked, each with its value and, where it is a number, the limit."""
    return "; ".join(_check(check) for check in checks)


def _check(check: Mapping[str, Any]) -> str:
    rule, value, bound = str(check["rule"]), str(check.get("value", "")), str(check.get("bound", ""))
    what = CHECKED.get(rule, rule.replace("_", " ").lower())
    limit = large(bound)
    said = f"{what} {large(value)}"
    if limit != bound or bound.replace(".", "").isdigit():
        said += f" of {limit}"
    return said if check.get("passed") else f"{said}, {_failed(check)}"


def _failed(check: Mapping[str, Any]) -> str:
    """Return what became of what did not pass; of a check that does not say, that it failed."""
    found = _OUTCOMES.get(str(check.get("outcome") or "").removeprefix("RISK_OUTCOME_"), "FAILED")
    return f"{found} by {by}" if (by := check.get("overriddenBy")) else found
