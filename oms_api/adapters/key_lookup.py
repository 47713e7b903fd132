"""What idempotency keys stand for, many at once: who repeats an order while new ones are refused may be many.

One statement runs at a time, so that repeats take one connection from the readers and no more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from oms_api.domain.idempotency import Key, KeyConflict, StoredOrder, key_of, same_order
from oms_api.ports import UnavailableError
from oms_platform.messages import SubmitOrder
from oms_platform.postgres import ArrayStatement
from oms_platform.vocabulary import OrderTerms

KEYS_MAX: Final = 500
WAITING_MAX: Final = 10_000

Rows = Sequence[tuple[Any, ...]]
Read = Callable[[str, Sequence[Any]], Awaitable[Rows]]
FIND_KEYS: Final = ArrayStatement(
    (("account_id", "text"), ("channel", "text"), ("client_order_id", "text")),
    "SELECT k.account_id, k.channel, k.client_order_id, r.payload::text FROM {rows}"
    " JOIN order_keys k USING (account_id, channel, client_order_id)"
    " JOIN order_requests r ON r.request_id = k.order_id",
)
_decoder: Final = msgspec.json.Decoder(SubmitOrder)


def orders_found(rows: Rows) -> dict[Key, SubmitOrder]:
    """Return the orders that FIND_KEYS found, by idempotency key, their own or of a request about them."""
    return {
        (account_id, channel, client_order_id): _decoder.decode(payload)
        for account_id, channel, client_order_id, payload in rows
    }


def outcome_of_repeat(stored: SubmitOrder, terms: OrderTerms) -> StoredOrder | KeyConflict:
    """Return what whoever asks for `terms` is told of the order that their key stands for."""
    if not same_order(stored.terms, terms):
        return KeyConflict(order_id=stored.order_id)
    return StoredOrder(order_id=stored.order_id, created_at=stored.received_at, created=False)


class KeyLookup:
    """The OrderKeys on the store. read: runs a statement with its parameters."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._waiting: deque[tuple[OrderTerms, asyncio.Future[SubmitOrder | None]]] = deque()
        self._serving: asyncio.Task[None] | None = None

    async def find(self, terms: OrderTerms) -> StoredOrder | KeyConflict | None:
        """Return what the idempotency key of these terms stands for, if anything. Raises UnavailableError."""
        if len(self._waiting) >= WAITING_MAX:
            raise UnavailableError(f"{WAITING_MAX} requests wait already to learn whether they are stored")
        done: asyncio.Future[SubmitOrder | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((terms, done))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        stored = await done
        return None if stored is None else outcome_of_repeat(stored, terms)

    async def _serve(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(KEYS_MAX, len(self._waiting)))]
            try:
                keys = list({key_of(terms) for terms, _ in batch})
                found = orders_found(await self._read(FIND_KEYS.text, FIND_KEYS.parameters(keys)))
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for terms, done in batch:
                if not done.done():
                    done.set_result(found.get(key_of(terms)))
