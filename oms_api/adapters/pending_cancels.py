"""Requests to cancel, stored once for each cancel that an order has pending, however often it is asked for.

A repeat gets the id of the request that is pending. Until core has taken a request, only the gateway that
stored it knows of it: as many gateways, as many requests of one cancel may be stored. One without an outcome
for long is asked for again: whoever wants out is not held by what was lost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from oms_api.ports import NewChange
from oms_platform.vocabulary import OrderStatus

PENDING_MAX: Final = 10_000
ANSWER_S_MAX: Final = 60.0
_PENDING_CANCEL: Final = OrderStatus.PENDING_CANCEL.name

Store = Callable[[NewChange], Awaitable[object]]
Read = Callable[[str, Sequence[Any]], Awaitable[Sequence[tuple[Any, ...]]]]

# The order's status, the request of its last cancel, and whether the request that we know of has an outcome,
# as of one instant.
_LOOK: Final = (
    "SELECT o.status, (SELECT e.request_id FROM order_events e WHERE e.order_id = o.order_id"
    " AND e.type = 'CancelRequested' ORDER BY e.sequence DESC LIMIT 1),"
    " EXISTS (SELECT FROM order_events e WHERE e.order_id = o.order_id AND e.request_id = %s)"
    " FROM orders o WHERE o.order_id = %s"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that this gateway took. stored: done when it is durable."""

    request_id: UUID
    at_s: float
    stored: asyncio.Task[None]


class PendingCancels:
    """The CancelDesk. store: stores a request durably. read: runs a statement on the primary."""

    def __init__(self, store: Store, read: Read, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._read = read
        self._monotonic = monotonic
        self._asked: dict[UUID, _Asked] = {}

    async def request(self, cancel: NewChange, status: str) -> UUID:
        """Store a request to cancel, unless the order has one pending; see CancelDesk."""
        order_id = cancel.message.order_id
        while True:
            asked = self._asked.get(order_id)
            if asked is not None and not asked.stored.done():
                await asyncio.shield(asked.stored)
                return asked.request_id
            if asked is None and status != _PENDING_CANCEL:
                break
            pending = await self._pending(order_id, asked)
            if pending is not None:
                return pending
            if self._asked.get(order_id) is asked:
                break
        return await self._ask(cancel)

    async def _pending(self, order_id: UUID, asked: _Asked | None) -> UUID | None:
        """Return the request of the cancel that the order has pending, None when it has none."""
        rows = await self._read(_LOOK, (None if asked is None else asked.request_id, order_id))
        for status, requested, answered in rows:
            if status == _PENDING_CANCEL and requested is not None:
                return UUID(str(requested))
            if asked is not None and not answered and self._monotonic() - asked.at_s < ANSWER_S_MAX:
                return asked.request_id
        return None

    async def _ask(self, cancel: NewChange) -> UUID:
        message = cancel.message
        self._asked.pop(message.order_id, None)
        while len(self._asked) >= PENDING_MAX:
            del self._asked[next(iter(self._asked))]
        stored = asyncio.create_task(self._store_it(cancel))
        self._asked[message.order_id] = _Asked(message.request_id, self._monotonic(), stored)
        await asyncio.shield(stored)
        return message.request_id

    async def _store_it(self, cancel: NewChange) -> None:
        try:
            await self._store(cancel)
        except BaseException:
            self._asked.pop(cancel.message.order_id, None)
            raise
