"""Orders and requests by what FIX calls them, from the primary."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from oms_api.domain.order_requests import RequestKind
from oms_api.domain.principal import FIX_CHANNEL
from oms_api.ports import Replacement
from oms_platform.messages import CancelOrder, OrderEvent, ReplaceOrder, SubmitOrder
from oms_platform.postgres import ArrayStatement
from oms_platform.vocabulary import OrderTerms

Read = Callable[[str, Sequence[Any]], Awaitable[Sequence[tuple[Any, ...]]]]
_submit: Final = msgspec.json.Decoder(SubmitOrder).decode
_cancel: Final = msgspec.json.Decoder(CancelOrder).decode
_BY_KEY: Final = (
    "SELECT order_id FROM order_keys WHERE account_id = ANY(%s) AND channel = %s AND client_order_id = %s"
    " ORDER BY order_id DESC LIMIT 1"
)
_event: Final = msgspec.json.Decoder(OrderEvent).decode
_DECODERS: Final[Mapping[str, msgspec.json.Decoder[CancelOrder | ReplaceOrder]]] = {
    RequestKind.CANCEL.value: msgspec.json.Decoder(CancelOrder),
    RequestKind.REPLACE.value: msgspec.json.Decoder(ReplaceOrder),
}
_CHANGES: Final = (
    "SELECT kind, payload::text FROM order_requests WHERE request_id = ANY(%s) AND kind = ANY(%s)"
)
_REQUESTS: Final = "SELECT payload::text FROM order_requests WHERE request_id = ANY(%s) AND kind = %s"
_LAST_CANCEL: Final = (
    "SELECT r.payload::text FROM order_events e JOIN order_requests r ON r.request_id = e.request_id"
    " WHERE e.order_id = %s AND e.type = 'CancelRequested' AND NOT EXISTS (SELECT FROM order_events o WHERE"
    " o.order_id = e.order_id AND o.request_id = e.request_id AND o.type = 'CancelRejected')"
    " ORDER BY e.sequence DESC LIMIT 1"
)
# A request is made after its order, and so is its id.
_HAS_CHANGE: Final = (
    "SELECT FROM order_requests WHERE request_id > %s AND kind <> 'NEW' AND kind = ANY(%s) AND order_id = %s"
    " AND payload->>'clOrdId' = %s LIMIT 1"
)
_REPLACEMENTS: Final = ArrayStatement(
    (("order_id", "uuid"), ("before", "int")),
    "SELECT e.order_id, e.payload::text FROM {rows} JOIN order_events e ON e.order_id = row.order_id"
    " AND e.sequence < row.before AND e.type = 'OrderReplaced' ORDER BY e.order_id, e.sequence",
)


class PostgresFixOrders:
    """The FixOrders. read: runs a statement on the primary."""

    def __init__(self, read: Read) -> None:
        self._read = read

    async def order_id(self, accounts: Sequence[str], cl_ord_id: str) -> UUID | None:
        """Return the order that came over FIX to one of these accounts under a ClOrdID."""
        if "\0" in cl_ord_id:
            return None
        rows = await self._read(_BY_KEY, (list(accounts), FIX_CHANNEL, cl_ord_id))
        return rows[0][0] if rows else None

    async def terms(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderTerms]:
        """Return what was asked for."""
        rows = await self._read(_REQUESTS, (list(order_ids), "NEW")) if order_ids else ()
        return {order.order_id: order.terms for order in (_submit(text) for (text,) in rows)}

    async def changes(self, request_ids: Sequence[UUID]) -> dict[UUID, CancelOrder | ReplaceOrder]:
        """Return requests to cancel and to replace."""
        rows = await self._read(_CHANGES, (list(request_ids), list(_DECODERS))) if request_ids else ()
        found = (_DECODERS[kind].decode(text) for kind, text in rows)
        return {request.request_id: request for request in found}

    async def replacements(self, orders: Sequence[tuple[UUID, int]]) -> Sequence[Replacement]:
        """Return what orders were replaced by before a sequence of their events each, the oldest first."""
        if not orders:
            return ()
        rows = await self._read(_REPLACEMENTS.text, _REPLACEMENTS.parameters(list(orders)))
        replaced = [(order_id, _event(text).order_replaced) for order_id, text in rows]
        requests = await self.changes([one.request_id for _, one in replaced if one is not None])
        return [
            Replacement(order_id=order_id, terms=one.terms, request=_replace(requests.get(one.request_id)))
            for order_id, one in replaced
            if one is not None
        ]

    async def cancel_of(self, order_id: UUID) -> CancelOrder | None:
        """Return the request of the cancel that an order ended by or has pending, None for none."""
        rows = await self._read(_LAST_CANCEL, (order_id,))
        return _cancel(rows[0][0]) if rows else None

    async def has_change(self, order_id: UUID, cl_ord_id: str) -> bool:
        """Return whether an order has a request to cancel or to replace under this ClOrdID."""
        if "\0" in cl_ord_id:
            return False
        return bool(await self._read(_HAS_CHANGE, (order_id, list(_DECODERS), order_id, cl_ord_id)))


def _replace(request: CancelOrder | ReplaceOrder | None) -> ReplaceOrder | None:
    return request if isinstance(request, ReplaceOrder) else None
