"""How messages travel: the topics, what each carries, and their bytes (JSON in the proto3 mapping).

What `decode` returns can be stored: numbers fit their columns, and no text holds a NUL, which Postgres
refuses.
"""

import enum
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec

from oms_platform.messages import (
    BookTrade,
    CancelChildren,
    CancelOrder,
    CancelReject,
    ExecutionCopy,
    ExecutionReport,
    OrderEvent,
    Quote,
    ReplaceChild,
    ReplaceOrder,
    ResumeOrder,
    RiskAlert,
    RouteAnswer,
    RoutePlan,
    RouteRequest,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.vocabulary import Message

# The version of what the topics carry. A record of an older one is passed over: what it asked for is in
# Postgres.
SCHEMA_VERSION: Final = 2


class Topic(str, enum.Enum):
    """The topics, each with the message types it may carry (`TOPIC_MESSAGES`)."""

    INBOUND = "orders.inbound"
    VALIDATED = "orders.validated"
    ROUTED = "orders.routed"
    FILLS = "executions.fills"
    ACKS = "executions.acks"
    EVENTS = "orders.events"
    QUOTES = "marketdata.quotes"
    ALERTS = "alerts.risk"
    DROP_COPY = "drop.copy"


TOPIC_MESSAGES: Final[dict[Topic, tuple[type[Message], ...]]] = {
    Topic.INBOUND: (SubmitOrder, CancelOrder, ReplaceOrder, SuspendOrder, ResumeOrder, BookTrade),
    Topic.VALIDATED: (RouteRequest,),
    Topic.ROUTED: (RoutePlan, CancelChildren, ReplaceChild),
    Topic.FILLS: (RouteAnswer, ExecutionReport, CancelReject),
    Topic.ACKS: (ExecutionReport,),
    Topic.EVENTS: (OrderEvent,),
    Topic.QUOTES: (Quote,),
    Topic.ALERTS: (RiskAlert,),
    Topic.DROP_COPY: (ExecutionCopy,),
}

_NO_ORDER: Final = UUID(int=0)


def order_of(message: Message) -> UUID:
    """Return the order that a message is about; the nil UUID for one that is about none."""
    order_id: UUID = getattr(message, "order_id", _NO_ORDER)
    return order_id


_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
encode: Final[Callable[[Message], bytes]] = _encoder.encode


def encode_text(text: str) -> str:
    """Return a text as it stands in a message, with its quotes."""
    return _encoder.encode(text).decode()


_decoders = {
    message.__name__: msgspec.json.Decoder(message)
    for messages in TOPIC_MESSAGES.values()
    for message in messages
}
_NUL: Final = b"\\u0000"
_BACKSLASH: Final = rb"\\"


class UnreadableMessageError(ValueError):
    """The bytes are not a message of the type that the record's header names."""


def decode(type_name: str, payload: bytes) -> Message:
    """Decode `payload` as the message type `type_name`. Raises UnreadableMessageError with what was wrong."""
    decoder = _decoders.get(type_name)
    if decoder is None:
        raise UnreadableMessageError(f"expected a known message type in the header, found {type_name!r}")
    # A text may have a backslash, "u" and zeros in it, whose backslash is escaped.
    if _NUL in payload and _NUL in payload.replace(_BACKSLASH, b""):
        raise UnreadableMessageError(f"{type_name}: expected no NUL in any text, found one")
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise UnreadableMessageError(f"{type_name}: {error}") from error
