"""How people name an order: by its id, or by the end of it, as lists show it."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.laptop.layout import StackError

if TYPE_CHECKING:
    # Not when it runs: it is slow to import, and most commands need none of it.
    import psycopg

# How far back an order is looked for by the end of its id.
LOOKED_THROUGH_MAX: Final = 1_000
SHORT_ID: Final = 8
_END_OF_ID: Final = re.compile(rf"[0-9a-f]{{{SHORT_ID},31}}")


def short_id(order_id: UUID | str) -> str:
    """Return the end of an order's id, which tells it from others; its beginning is the time."""
    return str(order_id)[-SHORT_ID:]


def whole_order_id(client: ApiClient, text: str) -> str:
    """Return an order's id, given whole or by its end as lists show it. Raises ApiError.

    By its end an order is found among the newest LOOKED_THROUGH_MAX.
    """

    def newest() -> Iterable[str]:
        return (str(order["orderId"]) for order in client.orders(most=LOOKED_THROUGH_MAX))

    return _whole(text, newest, ApiError)


def stored_order_id(connection: "psycopg.Connection[Any]", text: str) -> UUID:
    """Return an order's id as `whole_order_id` does, from the database. Raises StackError."""

    def newest() -> Iterable[str]:
        query = "SELECT order_id FROM orders ORDER BY order_id DESC LIMIT %s"
        return (str(row[0]) for row in connection.execute(query, [LOOKED_THROUGH_MAX]))

    found = _whole(text, newest, StackError)
    try:
        return UUID(found)
    except ValueError:
        raise StackError(f"expected an order's id, or its last {SHORT_ID} characters, found {text}") from None


def _whole(text: str, newest: Callable[[], Iterable[str]], error: type[Exception]) -> str:
    end = text.strip().lower().replace("-", "")
    if not _END_OF_ID.fullmatch(end):
        return text
    found = [order_id for order_id in newest() if order_id.replace("-", "").endswith(end)]
    if len(found) == 1:
        return found[0]
    if found:
        raise error(f"several orders end in {text}: {', '.join(found)}")
    raise error(f"none of the newest {LOOKED_THROUGH_MAX:,} orders ends in {text}: give its whole id")
