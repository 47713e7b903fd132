"""What clients' own ids of requests about orders stand for, from the primary.

A key names its order, and the order's events name the requests that have had an outcome; one that has none
yet is found in the log, where only changes since the order was made are looked through. The requests of one
that was about many orders were made together, and are found around the first.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from oms_api.domain.order_requests import ORDERS_SELECTED_MAX
from oms_api.ports import MESSAGES, ChangeMessage, StoredRequest
from oms_platform.ids import uuid7_floor, uuid7_time
from oms_platform.messages import ReplaceOrder

Read = Callable[[str, Sequence[Any]], Awaitable[Sequence[tuple[Any, ...]]]]
# The ids of one request about many orders are made without a pause between them.
MADE_WITHIN: Final = timedelta(seconds=5)
_DECODERS: Final[Mapping[str, msgspec.json.Decoder[ChangeMessage]]] = {
    kind.value: msgspec.json.Decoder(message) for kind, message in MESSAGES.items()
}
_KEYS: Final = (
    "SELECT k.account_id, k.order_id FROM accounts a JOIN order_keys k ON k.account_id = a.account_id"
    " AND k.channel = %s AND k.client_order_id = %s WHERE %s::text[] IS NULL OR a.account_id = ANY(%s)"
    " ORDER BY k.account_id"
)
_OF_KEY: Final = "r.kind = ANY(%s) AND r.payload->>'clOrdId' = %s AND r.payload->>'channel' = %s"
_BY_EVENT: Final = (
    "SELECT r.kind, r.payload::text FROM order_events e JOIN order_requests r ON r.request_id = e.request_id"
    f" WHERE e.order_id = %s AND {_OF_KEY} LIMIT 1"
)
_BY_LOG: Final = (
    "SELECT r.kind, r.payload::text FROM order_requests r WHERE r.kind <> 'NEW' AND r.order_id = %s"
    f" AND {_OF_KEY} AND r.request_id > %s LIMIT 1"
)
_TOGETHER: Final = (
    "SELECT r.kind, r.payload::text FROM order_requests r WHERE r.kind <> 'NEW' AND r.account_id = %s"
    f" AND {_OF_KEY} AND r.request_id BETWEEN %s AND %s ORDER BY r.request_id LIMIT {ORDERS_SELECTED_MAX}"
)


class RequestLookup:
    """The RequestKeys. read: runs a statement with its parameters on the primary."""

    def __init__(self, read: Read) -> None:
        self._read = read

    async def find(
        self, accounts: frozenset[str] | None, channel: str, request_key: str
    ) -> Sequence[StoredRequest]:
        """Return what an id stands for; see RequestKeys."""
        named = None if accounts is None else sorted(accounts)
        keys = await self._read(_KEYS, (channel, request_key, named, named))
        found: list[StoredRequest] = []
        for account_id, order_id in keys:
            found += await self._of_key(account_id, order_id, channel, request_key)
        return found

    async def _of_key(
        self, account_id: str, order_id: UUID, channel: str, request_key: str
    ) -> list[StoredRequest]:
        of_key = (list(_DECODERS), request_key, channel)
        rows = await self._read(_BY_EVENT, (order_id, *of_key))
        if not rows:
            rows = await self._read(_BY_LOG, (order_id, *of_key, order_id))
        if not rows:
            return [StoredRequest(order_id=order_id, message=None)]
        first = _decoded(rows[0])
        if isinstance(first, ReplaceOrder) or not first.selected_by:
            return [StoredRequest(order_id=order_id, message=first)]
        at = uuid7_time(first.request_id)
        span = (uuid7_floor(at - MADE_WITHIN), uuid7_floor(at + MADE_WITHIN))
        rows = await self._read(_TOGETHER, (account_id, *of_key, *span))
        return [StoredRequest(order_id=message.order_id, message=message) for message in map(_decoded, rows)]


def _decoded(row: tuple[Any, ...]) -> ChangeMessage:
    kind, payload = row
    return _DECODERS[kind].decode(payload)
