"""What clients get on the WebSocket; docs/asyncapi.yaml says the same to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import msgspec

from oms_api.domain.order_requests import RequestKind
from oms_api.domain.refusal import Refusal
from oms_api.entrypoints.answers import (
    CancelBody,
    ErrorBody,
    PlacedBody,
    RequestedBody,
    RequestedManyBody,
    encode,
    error_body,
)
from oms_api.entrypoints.rest_batch import BatchBody
from oms_api.entrypoints.stream_requests import Channels
from oms_api.ports import AccountSnapshot, ExecutionView

PONG: Final = '{"type":"pong"}'
# What is a header for REST is a field here.
_NAMES: Final = {"X-OMS-Channel": "channel", "Idempotency-Key": "key"}


def authenticated(expires_at: datetime) -> str:
    """Say until when the client may listen."""
    return _text({"type": "authenticated", "expiresAt": expires_at})


def subscribed(
    channels: Channels, accounts: list[str], symbols: list[str], starts: Mapping[str, int], epoch: str
) -> str:
    """Say after which sequence each account's events come; of one with a snapshot, the snapshot says it."""
    return _text(
        {
            "type": "subscribed",
            "channels": _names(channels),
            "accounts": accounts,
            "symbols": symbols,
            "streamSequence": starts,
            "epoch": epoch,
        }
    )


def unsubscribed(channels: Channels, accounts: Sequence[str], symbols: Sequence[str] = ()) -> str:
    """Say which channels of which accounts and symbols the client listens to no more."""
    return _text(
        {"type": "unsubscribed", "channels": _names(channels), "accounts": accounts, "symbols": symbols}
    )


def _names(channels: Channels) -> list[str]:
    return sorted(channel.value for channel in channels)


def resync(accounts: list[str], epoch: str) -> str:
    """Say that what the client has is of another database: it has to begin with a snapshot."""
    return _text({"type": "resync", "accounts": accounts, "epoch": epoch})


def snapshot_of(
    account_id: str,
    found: AccountSnapshot,
    executions: Sequence[ExecutionView] | None,
    *,
    with_orders: bool,
) -> str:
    """Give an account's open orders and its newest executions, as they were at a sequence of its stream.

    Both as REST gives them; what was not asked for is null.
    """
    return _text(
        {
            "type": "snapshot",
            "accountId": account_id,
            "streamSequence": found.stream_sequence,
            "epoch": found.epoch,
            "orders": found.orders if with_orders else None,
            "executions": executions,
        }
    )


def state(kind: str, items: Iterable[str], **about: object) -> str:
    """Give how things of a channel stand: JSON of each."""
    head = encode({"type": kind} | about)[:-1].decode()
    return f'{head},"{kind}":[{",".join(items)}]}}'


def placed(request_id: str, body: PlacedBody) -> str:
    """Answer an order, as REST does."""
    return _text({"type": "placed", "id": request_id} | msgspec.to_builtins(body))


def cancel_requested(request_id: str, body: CancelBody) -> str:
    """Answer a cancel, as REST does."""
    return _text({"type": "cancelRequested", "id": request_id} | msgspec.to_builtins(body))


def placed_many(request_id: str, body: BatchBody) -> str:
    """Answer a batch of orders, as REST does."""
    return _text({"type": "placedMany", "id": request_id} | msgspec.to_builtins(body))


def requested(request_id: str, kind: RequestKind, body: RequestedBody) -> str:
    """Answer a request about an order, as REST does."""
    return _text({"type": "requested", "id": request_id, "request": kind.value} | msgspec.to_builtins(body))


def requested_many(request_id: str, kind: RequestKind, body: RequestedManyBody) -> str:
    """Answer a request about many orders, as REST does."""
    return _text(
        {"type": "requestedMany", "id": request_id, "request": kind.value} | msgspec.to_builtins(body)
    )


def refused(request_id: str, refusal: Refusal) -> str:
    """Say why what was asked about an order was not done, as REST does."""
    return _text({"type": "refused", "id": request_id, "error": _error(refusal)})


def heartbeat(timestamp: datetime) -> str:
    """Say that nothing happened."""
    return _text({"type": "heartbeat", "timestamp": timestamp})


def error(refusal: Refusal) -> str:
    """Say why a message had no effect."""
    return _text({"type": "error", "error": _error(refusal)})


def _error(refusal: Refusal) -> ErrorBody:
    fields = (replace(one, field=_NAMES.get(one.field, one.field)) for one in refusal.fields)
    return error_body(replace(refusal, fields=tuple(fields)))


def _text(message: dict[str, object]) -> str:
    return encode(message).decode()
