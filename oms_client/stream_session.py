"""What is said on a stream of accounts' events, over as many connections as it takes, without any I/O.

The law of this file: of each account every event comes once and in the order of its stream_sequence, or a
Resync says that what came before is of another database. There is never a gap and never a repeat.

What a connection's end means:

| end | then |
|---|---|
| lost, silent for SILENCE_S_MAX, 1001, 1006, 1011, 1012, 1013 | connect again, go on after the last event |
| at the handshake 429 or 5xx | the same |
| an event that is not the next one of its account | the same |
| 1008; at the handshake 401 | the same with another token; without one the stream ends |
| 1000 and any other code; any other status; a refused subscription | the stream ends |

It is connected again at once, then after waits that grow to BACKOFF_S_MAX, until nothing has come for
`reconnect_s_max`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from oms_client.answers import Order
from oms_client.errors import (
    ApiError,
    NoAnswerError,
    RateLimitedError,
    StreamEndedError,
    UnauthenticatedError,
    UnavailableError,
    UnreadableAnswerError,
    error_of_stream,
)
from oms_client.exchange import backoff_s

T = TypeVar("T")
RECONNECT_S_MAX: Final = 300.0
BACKOFF_S_MAX: Final = 5.0
# The server says something at least every 15 s.
SILENCE_S_MAX: Final = 60.0
# So many accounts are named in one message; the server reads 64 KiB of one.
ACCOUNTS_A_MESSAGE_MAX: Final = 500
REFUSALS_MAX: Final = 2
CLOSE_REFUSED: Final = 1008
_CLOSED_FOR_NOW: Final = (1001, 1006, 1011, 1012, 1013)
_PREFIXES: Final = ("ORDER_STATUS_", "SIDE_")


class _Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of what the server says."""


class OrderEvent(_Message, frozen=True, kw_only=True):
    """One state change of an order, as core published it; what was 0 or empty is so here.

    status, side: as in Order. last_qty, last_px, venue_id: of a fill. `body`: what the change was, by its
    type.
    """

    event_id: UUID
    order_id: UUID
    account_id: str
    client_order_id: str
    sequence: int
    stream_sequence: int
    type: str
    status: str
    symbol: str
    side: str
    quantity: int
    occurred_at: datetime
    cum_qty: int = 0
    leaves_qty: int = 0
    avg_px: Decimal | None = None
    last_qty: int = 0
    last_px: Decimal | None = None
    venue_id: str = ""
    text: str = ""
    request_id: UUID | None = None
    # What came, to the byte.
    raw: bytes = b""

    def __post_init__(self) -> None:
        """Name status and side as REST does."""
        for prefix, name in zip(_PREFIXES, ("status", "side"), strict=True):
            msgspec.structs.force_setattr(self, name, getattr(self, name).removeprefix(prefix))

    @property
    def published(self) -> dict[str, Any]:
        """The whole event as it came."""
        found: dict[str, Any] = msgspec.json.decode(self.raw)
        return found

    @property
    def body(self) -> dict[str, Any]:
        """What the change was: the field of the event that has the name of its type."""
        found: dict[str, Any] = self.published.get(self.type[:1].lower() + self.type[1:]) or {}
        return found


class Snapshot(_Message, frozen=True, kw_only=True):
    """An account's open orders, as they were at a sequence of its stream; events follow from there."""

    account_id: str
    stream_sequence: int
    epoch: str
    orders: list[Order]


class Resync(_Message, frozen=True, kw_only=True):
    """The sequences of these accounts are of another database now: forget what is known; snapshots follow."""

    accounts: list[str]
    epoch: str


StreamItem = OrderEvent | Snapshot | Resync


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a stream is: the last sequence of each account, in an epoch. To be kept, and resumed from."""

    epoch: str = ""
    sequences: Mapping[str, int] = field(default_factory=dict)


class _Subscribed(_Message, frozen=True):
    accounts: list[str]
    stream_sequence: dict[str, int]
    epoch: str


class _Events(_Message, frozen=True):
    events: list[msgspec.Raw] = []


class _Head(msgspec.Struct, frozen=True):
    type: str = ""


class _Error(msgspec.Struct, frozen=True):
    error: Any = None


class _Accounts(msgspec.Struct, frozen=True):
    accounts: list[str]


class StreamSession:
    """One subscription to accounts, over any number of connections.

    A driver sends `opening()` and then `outbox` over each connection, gives it what comes, and tells it the
    end.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        *,
        snapshot: bool = True,
        resume: Position | None = None,
        reconnect_s_max: float = RECONNECT_S_MAX,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        if not accounts or isinstance(accounts, str):
            raise ValueError(f"expected a list of accounts, found {accounts!r}")
        self.outbox: list[bytes] = []
        self._accounts = list(dict.fromkeys(accounts))
        resume = resume or Position()
        self._epoch = resume.epoch
        self._sequences = {
            name: resume.sequences[name] for name in self._accounts if name in resume.sequences
        }
        # Which of those without a sequence begin with a snapshot.
        self._with_snapshot = set(self._accounts) if snapshot else set()
        self._reconnect_s_max = reconnect_s_max
        self._now_s = now_s
        self._progress_at = now_s()
        self._tries = 0
        self._refusals = 0
        self._subscribed = False
        self._problem: ApiError | None = None

    @property
    def position(self) -> Position:
        """Where the stream is."""
        return Position(epoch=self._epoch, sequences=dict(self._sequences))

    # ---- what is said

    def opening(self) -> list[bytes]:
        """Return what a new connection begins with."""
        self.outbox.clear()
        self._subscribed = False
        self._problem = None
        known = [name for name in self._accounts if name in self._sequences]
        others = [name for name in self._accounts if name not in self._sequences]
        fresh = [name for name in others if name in self._with_snapshot]
        live = [name for name in others if name not in self._with_snapshot]
        messages = []
        for some in _chunks(known):
            since = {name: self._sequences[name] for name in some}
            message: dict[str, Any] = {"type": "subscribe", "accounts": some, "from": since}
            messages.append(message | ({"epoch": self._epoch} if self._epoch else {}))
        messages += [{"type": "subscribe", "accounts": some, "snapshot": True} for some in _chunks(fresh)]
        messages += [{"type": "subscribe", "accounts": some} for some in _chunks(live)]
        return [msgspec.json.encode(message) for message in messages]

    def authentication(self, token: str) -> bytes:
        """Return what goes on with another token."""
        return msgspec.json.encode({"type": "auth", "token": token})

    # ---- what comes

    def received(self, text: str | bytes) -> Iterator[StreamItem]:
        """Take a message. Yields what it has for the caller. Raises ApiError: NoAnswerError to connect again.

        A kind of message that is not known is let pass.
        """
        try:
            kind = msgspec.json.decode(text, type=_Head).type
        except msgspec.ValidationError:
            return
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnreadableAnswerError("the stream sent what is no JSON") from error
        match kind:
            case "events":
                yield from self._events(_read(text, _Events).events)
            case "snapshot":
                yield from self._snapshot(_read(text, Snapshot))
            case "subscribed":
                self._begun(_read(text, _Subscribed))
            case "resync":
                yield self._resync(_read(text, Resync))
            case "unsubscribed":
                lost = [name for name in _read(text, _Accounts).accounts if name in self._accounts]
                if lost:
                    raise error_of_stream(
                        {"code": "FORBIDDEN", "message": f"the token no longer sees {', '.join(lost)}"}
                    )
            case "error":
                self._refused(error_of_stream(_read(text, _Error).error))
            case "heartbeat":
                self._progressed()

    def _progressed(self) -> None:
        self._progress_at = self._now_s()
        self._tries = 0

    def _begun(self, message: _Subscribed) -> None:
        self._subscribed = True
        self._refusals = 0
        self._of_epoch(message.epoch)
        for name, sequence in message.stream_sequence.items():
            if name in self._accounts and name not in self._with_snapshot:
                self._sequences.setdefault(name, sequence)

    def _of_epoch(self, epoch: str) -> None:
        if self._epoch and self._epoch != epoch and self._sequences:
            # What is asked for again, with the epoch that is known, is answered with a resync.
            raise NoAnswerError("the stream's epoch has changed", sent=True)
        self._epoch = epoch

    def _snapshot(self, message: Snapshot) -> Iterator[Snapshot]:
        name = message.account_id
        if name in self._sequences or name not in self._with_snapshot:
            return
        self._of_epoch(message.epoch)
        self._sequences[name] = message.stream_sequence
        self._progressed()
        yield message

    def _resync(self, message: Resync) -> Resync:
        self._epoch = message.epoch
        for name in message.accounts:
            self._sequences.pop(name, None)
        wanted = [name for name in message.accounts if name in self._accounts]
        self._with_snapshot.update(wanted)
        for some in _chunks(wanted):
            self.outbox.append(msgspec.json.encode({"type": "subscribe", "accounts": some, "snapshot": True}))
        return message

    def _events(self, events: Sequence[msgspec.Raw]) -> Iterator[OrderEvent]:
        for raw in events:
            event = _read(raw, OrderEvent)
            name, sequence = event.account_id, event.stream_sequence
            last = self._sequences.get(name)
            if last is None or sequence <= last:
                continue
            if sequence != last + 1:
                raise NoAnswerError(
                    f"the stream of {name} went from {last} to {sequence}, expected {last + 1}", sent=True
                )
            self._sequences[name] = sequence
            self._progressed()
            msgspec.structs.force_setattr(event, "raw", bytes(raw))
            yield event

    def _refused(self, error: ApiError) -> None:
        if not isinstance(error, UnauthenticatedError | UnavailableError | RateLimitedError):
            raise error
        # Of a subscription that goes on it only says that a token was not taken; otherwise an end follows.
        if not self._subscribed:
            self._problem = error

    # ---- how it ends

    def ended(self, error: ApiError) -> float:
        """Take the end of a connection. Returns after how many seconds to connect again.

        Raises an ApiError when the stream is over; UnauthenticatedError is for the driver, which knows
        whether there is another token: it calls `refused_token`.
        """
        if not isinstance(error, UnavailableError | RateLimitedError):
            raise error
        self._tries += 1
        if self._now_s() - self._progress_at > self._reconnect_s_max:
            raise error
        return backoff_s(self._tries, BACKOFF_S_MAX)

    def refused_token(self, error: ApiError, renewed: bool) -> float:
        """Take that a token was refused. Returns after how many seconds to connect with another.

        Raises the error when there is none, or others were refused as well.
        """
        self._refusals += 1
        if not renewed or self._refusals > REFUSALS_MAX:
            raise error
        return backoff_s(self._refusals, BACKOFF_S_MAX)

    def error_of_close(self, code: int | None, reason: str) -> ApiError:
        """Return what a close is. code None: the connection was lost."""
        if self._problem is not None:
            return self._problem
        line = f"the stream ended: {reason or 'no reason given'} ({code})"
        if code is None or code in _CLOSED_FOR_NOW:
            return NoAnswerError("the stream's connection was lost" if code is None else line, sent=True)
        if code == CLOSE_REFUSED:
            return UnauthenticatedError(line)
        return StreamEndedError(line, close_code=code)


def _chunks(names: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), ACCOUNTS_A_MESSAGE_MAX):
        yield list(names[first : first + ACCOUNTS_A_MESSAGE_MAX])


def _read(text: Any, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise UnreadableAnswerError(f"the stream's message is not what this client reads: {error}") from error
