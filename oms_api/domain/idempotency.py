"""What makes two requests the same: account, channel and the client's own id; and the same content, or it is
a conflict.

An id is one request's of an account and channel, be it an order or a request about one, as ClOrdIDs are in
FIX. Who asked is no part of it: a colleague who repeats an order learns what became of it.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from oms_platform.vocabulary import OrderTerms

Key = tuple[str, str, str]


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The order that an idempotency key stands for: the new one, or the first of that key."""

    order_id: UUID
    created_at: datetime
    created: bool


class KeyConflict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The idempotency key stands for an order with other terms."""

    order_id: UUID


def key_of(terms: OrderTerms) -> Key:
    """Return the idempotency key of an order."""
    return terms.account_id, terms.channel, terms.client_order_id


def same_order(stored: OrderTerms, asked: OrderTerms) -> bool:
    """Return whether two requests are the same order, whoever asked."""
    return msgspec.structs.replace(stored, principal=asked.principal) == asked
