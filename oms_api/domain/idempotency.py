"""What makes two requests the same: account, channel and the client's own id; and the same content, or it is
a conflict.

An id is one request's of an account and channel, be it an order or a request about one, as ClOrdIDs are in
FIX. Who asked is no part of it: a colleague who repeats an order learns what became of it.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from oms_platform.messages import CancelOrder, ReplaceOrder, ResumeOrder, SuspendOrder
from oms_platform.vocabulary import OrderTerms

ChangeMessage = CancelOrder | ReplaceOrder | SuspendOrder | ResumeOrder
Key = tuple[str, str, str]


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The order that an idempotency key stands for: the new one, or the first of that key."""

    order_id: UUID
    created_at: datetime
    created: bool


class KeyConflict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The idempotency key stands for an order with other terms."""

    order_id: UUID


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request about an order that an idempotency key stands for; message None: the key is the order's."""

    order_id: UUID
    message: ChangeMessage | None


def same_request(stored: ChangeMessage, asked: ChangeMessage) -> bool:
    """Return whether two requests about orders ask for the same, whoever asked and whenever."""
    if type(stored) is not type(asked):
        return False
    return asked == msgspec.structs.replace(
        stored, request_id=asked.request_id, principal=asked.principal, received_at=asked.received_at
    )


def key_of(terms: OrderTerms) -> Key:
    """Return the idempotency key of an order."""
    return terms.account_id, terms.channel, terms.client_order_id


def same_order(stored: OrderTerms, asked: OrderTerms) -> bool:
    """Return whether two requests are the same order, whoever asked."""
    return msgspec.structs.replace(stored, principal=asked.principal) == asked
