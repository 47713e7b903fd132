"""What the command line asks the REST API about orders, positions, accounts and quotes.

The one place of these paths, parameters and shapes of answers. A shape names what the commands show; whatever
else an answer has is let pass, and with --json it is printed as it came.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from oms_tools.cli.client import ApiClient, ApiError

ORDERS: Final = "/api/v1/orders"
ACCOUNTS: Final = "/api/v1/accounts"
QUOTES: Final = "/api/v1/quotes"
PAGE_MAX: Final = 200
# How far back an order is looked for by the end of its id.
LOOKED_THROUGH_MAX: Final = 1_000
SHORT_ID: Final = 8
_END_OF_ID: Final = re.compile(rf"[0-9a-f]{{{SHORT_ID},31}}")
S = TypeVar("S")


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the commands read of an answer."""


class Order(_Shape, frozen=True):
    """A line of the list of orders. limit_price None: a market order."""

    order_id: UUID
    account_id: str
    symbol: str
    side: str
    quantity: int
    status: str
    limit_price: Decimal | None = None
    time_in_force: str = ""
    closed: bool = False
    cum_qty: int = 0
    avg_px: Decimal | None = None
    text: str = ""


class OrderPage(_Shape, frozen=True):
    """A page of orders, the newest first. next_cursor None: the last page."""

    orders: list[Order]
    next_cursor: str | None = None


class Position(_Shape, frozen=True):
    """What an account holds of a symbol: shares, below 0 sold short; dollars."""

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal


class PositionPage(_Shape, frozen=True):
    """An account's positions."""

    account_id: str
    positions: list[Position]


class Account(_Shape, frozen=True):
    """An account that the caller sees. kind: INSTITUTION, HEDGE_FUND, RETAIL."""

    account_id: str
    name: str = ""
    status: str = ""
    kind: str = ""


class AccountPage(_Shape, frozen=True):
    """The accounts that the caller sees."""

    accounts: list[Account]


class Quote(_Shape, frozen=True):
    """A symbol's national best bid and offer; None on a side that nobody quotes."""

    symbol: str
    bid: Decimal | None = None
    bid_size: int | None = None
    ask: Decimal | None = None
    ask_size: int | None = None
    quoted_at: datetime | None = None


class QuotePage(_Shape, frozen=True):
    """The quotes of the symbols that were asked for."""

    quotes: list[Quote]


def read(answer: Any, shape: type[S]) -> S:
    """Read an answer. Raises ApiError when it is not of the shape."""
    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError as error:
        raise ApiError(f"the API's answer is not what this `oms` reads: {error}") from error


def fetch_orders(
    client: ApiClient,
    *,
    account: str | None = None,
    symbol: str | None = None,
    statuses: Sequence[str] = (),
    only_open: bool = False,
    limit: int = PAGE_MAX,
) -> dict[str, Any]:
    """Return the newest orders that fit, at most `limit`, in as many pages as that takes: {"orders": […]}."""
    wanted: dict[str, str | Sequence[str] | None] = {
        "accountId": account,
        "symbol": symbol,
        "status": list(statuses) or None,
        "open": "true" if only_open else None,
    }
    query = {name: value for name, value in wanted.items() if value is not None}
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < limit:
        size = min(PAGE_MAX, limit - len(found))
        answer = client.get(
            ORDERS, limit=str(size), **query, **({} if cursor is None else {"cursor": cursor})
        )
        cursor = read(answer, OrderPage).next_cursor
        found += answer["orders"]
        if cursor is None:
            break
    return {"orders": found}


def fetch_accounts(client: ApiClient) -> Any:
    """Return the accounts that the caller sees: {"accounts": […]}."""
    return client.get(ACCOUNTS)


def fetch_positions(client: ApiClient, account: str) -> Any:
    """Return an account's positions: {"accountId", "positions": […]}."""
    return client.get(f"{ACCOUNTS}/{account}/positions")


def fetch_quotes(client: ApiClient, symbols: Sequence[str]) -> Any:
    """Return the quotes of symbols: {"quotes": […]}."""
    return client.get(QUOTES, symbol=list(symbols))


def short_id(order_id: UUID | str) -> str:
    """Return the end of an order's id, which tells it from others; its beginning is the time."""
    return str(order_id)[-SHORT_ID:]


def whole_order_id(client: ApiClient, text: str) -> str:
    """Return an order's id, given whole or by its end as lists show it. Raises ApiError.

    By its end an order is found among the newest LOOKED_THROUGH_MAX.
    """
    end = text.strip().lower().replace("-", "")
    if not _END_OF_ID.fullmatch(end):
        return text
    page = read(fetch_orders(client, limit=LOOKED_THROUGH_MAX), OrderPage)
    found = [str(order.order_id) for order in page.orders if order.order_id.hex.endswith(end)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ApiError(f"several orders end in {text}: {', '.join(found)}")
    raise ApiError(f"none of the newest {LOOKED_THROUGH_MAX:,} orders ends in {text}: give its whole id")
