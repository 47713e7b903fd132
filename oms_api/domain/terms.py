"""The terms of an order as a client states them: every wrong field is found and named, nothing is guessed.

Prices are exact decimals on the instrument's grid; a quantity is a whole number of shares.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from oms_api.domain.refusal import FieldProblem

QUANTITY_MAX: Final = 2**31 - 1
PRICE_BOUND: Final = Decimal(10**12)
PRICE_DECIMALS_MAX: Final = 6
CLIENT_ORDER_ID_LENGTH_MAX: Final = 64
_SHOWN_CHARACTERS_MAX: Final = 40
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")

SIDES: Final = ("BUY", "SELL")
ORDER_TYPES: Final = ("MARKET", "LIMIT")
TIMES_IN_FORCE: Final = ("DAY", "GTC", "IOC", "FOK")
FIELDS: Final = frozenset(
    (
        "clientOrderId",
        "accountId",
        "symbol",
        "side",
        "orderType",
        "quantity",
        "limitPrice",
        "stopPrice",
        "timeInForce",
    )
)

TickSizeOf = Callable[[str], Decimal | None]
AccountExists = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the client wants, checked."""

    account_id: str
    channel: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    quantity: int
    limit_price: Decimal | None
    time_in_force: str


def content_hash(terms: Terms) -> bytes:
    """Return the SHA-256 of the canonical terms: equal for two requests that are the same order."""
    price = "" if terms.limit_price is None else format(terms.limit_price.normalize(), "f")
    content = (
        f"{terms.account_id}\n{terms.channel}\n{terms.client_order_id}\n{terms.symbol}\n{terms.side}\n"
        f"{terms.order_type}\n{terms.quantity}\n{price}\n{terms.time_in_force}"
    )
    return hashlib.sha256(content.encode()).digest()


def check_channel(channel: str) -> FieldProblem | None:
    """Return what is wrong with a channel's name, or None."""
    if _CHANNEL.fullmatch(channel):
        return None
    return FieldProblem(
        field="X-OMS-Channel", message=f"must be 1 to 32 of A-Z, a-z, 0-9, _ and -, was {shown(channel)}"
    )


def read_terms(
    content: Mapping[str, object], channel: str, tick_size_of: TickSizeOf, account_exists: AccountExists
) -> Terms | tuple[FieldProblem, ...]:
    """Check decoded JSON, numbers with a fraction as Decimal. Returns the terms, or every problem found."""
    problems: list[FieldProblem] = []
    if not FIELDS.issuperset(content):
        problems += [
            FieldProblem(field=shown(name).strip('"'), message="is not a field of an order")
            for name in content
            if name not in FIELDS
        ]
    channel_problem = check_channel(channel)
    if channel_problem is not None:
        problems.append(channel_problem)
    client_order_id = _client_order_id(content, problems)
    account_id = _known(content, "accountId", "account", account_exists, problems)
    symbol = _known(content, "symbol", "symbol", lambda name: tick_size_of(name) is not None, problems)
    side = _one_of(content, "side", SIDES, None, problems)
    order_type = _one_of(content, "orderType", ORDER_TYPES, None, problems)
    quantity = _quantity(content, problems)
    limit_price = _limit_price(content, order_type, tick_size_of(symbol) if symbol else None, problems)
    time_in_force = _one_of(content, "timeInForce", TIMES_IN_FORCE, "DAY", problems)
    if content.get("stopPrice") is not None:
        problems.append(
            FieldProblem(field="stopPrice", message="belongs to no order type that is supported yet")
        )
    if problems:
        return tuple(problems)
    return Terms(
        account_id=account_id,
        channel=channel,
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        order_type=order_type,
        quantity=quantity,
        limit_price=limit_price,
        time_in_force=time_in_force,
    )


def shown(value: object) -> str:
    """Return a value as a message shows it: like JSON, and never long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**_SHOWN_CHARACTERS_MAX:
        return f"a number of more than {_SHOWN_CHARACTERS_MAX} digits"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value)
    if len(text) > _SHOWN_CHARACTERS_MAX:
        text = f"{text[:_SHOWN_CHARACTERS_MAX]}…"
    if isinstance(value, str):
        return f'"{text}"' if text.isprintable() else ascii(text)
    return text


def _wrong(problems: list[FieldProblem], field: str, message: str) -> None:
    problems.append(FieldProblem(field=field, message=message))


def _text(content: Mapping[str, object], field: str, problems: list[FieldProblem]) -> str:
    value = content.get(field)
    if isinstance(value, str) and value:
        return value
    _wrong(problems, field, "is required" if value is None else f"must be a text, was {shown(value)}")
    return ""


def _client_order_id(content: Mapping[str, object], problems: list[FieldProblem]) -> str:
    text = _text(content, "clientOrderId", problems)
    if len(text) > CLIENT_ORDER_ID_LENGTH_MAX or not text.isprintable():
        _wrong(
            problems,
            "clientOrderId",
            f"must be 1 to {CLIENT_ORDER_ID_LENGTH_MAX} printable characters, was {shown(text)}",
        )
    return text


def _known(
    content: Mapping[str, object],
    field: str,
    noun: str,
    exists: Callable[[str], bool],
    problems: list[FieldProblem],
) -> str:
    text = _text(content, field, problems)
    if text and not exists(text):
        _wrong(problems, field, f"unknown {noun} {shown(text)}")
        return ""
    return text


def _one_of(
    content: Mapping[str, object],
    field: str,
    allowed: tuple[str, ...],
    default: str | None,
    problems: list[FieldProblem],
) -> str:
    value = content.get(field)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and value in allowed:
        return value
    if value is None:
        _wrong(problems, field, "is required")
    else:
        _wrong(problems, field, f"must be one of {', '.join(allowed)}, was {shown(value)}")
    return ""


def _quantity(content: Mapping[str, object], problems: list[FieldProblem]) -> int:
    value = content.get("quantity")
    if value is None:
        _wrong(problems, "quantity", "is required")
    elif type(value) is not int or value <= 0:
        _wrong(problems, "quantity", f"must be a whole number of shares above 0, was {shown(value)}")
    elif value > QUANTITY_MAX:
        _wrong(problems, "quantity", f"must be at most {QUANTITY_MAX} shares, was {shown(value)}")
    else:
        return value
    return 0


def _limit_price(
    content: Mapping[str, object], order_type: str, tick_size: Decimal | None, problems: list[FieldProblem]
) -> Decimal | None:
    value = content.get("limitPrice")
    if value is None:
        if order_type == "LIMIT":
            _wrong(problems, "limitPrice", "is required for a LIMIT order")
        return None
    if order_type == "MARKET":
        _wrong(problems, "limitPrice", f"must be left out of a MARKET order, was {shown(value)}")
        return None
    price = _decimal(value)
    problem = "must be a decimal number of dollars" if price is None else _price_problem(price, tick_size)
    if problem:
        _wrong(problems, "limitPrice", f"{problem}, was {shown(value)}")
        return None
    return price


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, str) and value.isascii():
        try:
            price = Decimal(value)
        except ArithmeticError:
            return None
        return price if price.is_finite() and "_" not in value and value == value.strip() else None
    return None


def _price_problem(price: Decimal, tick_size: Decimal | None) -> str:
    if price <= 0:
        return "must be above 0"
    if price >= PRICE_BOUND:
        return f"must be below {PRICE_BOUND}"
    exponent = price.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PRICE_DECIMALS_MAX:
        return f"must have at most {PRICE_DECIMALS_MAX} decimal places"
    if tick_size is not None and price % tick_size:
        return f"must be a multiple of the tick size {format(tick_size.normalize(), 'f')}"
    return ""
