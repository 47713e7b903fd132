"""What streams tell: accounts' events, and how things stand."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from oms_api.ports.market import QuoteView
from oms_api.ports.orders import ExecutionView, HeldPosition, Instant, OrderView, PositionView, View

_NULL: Final = msgspec.Raw(b"null")


class Acceptance(msgspec.Struct, frozen=True, gc=False):
    """Whether an order that was accepted asks for a route at once."""

    route: msgspec.Raw = _NULL


class StreamedEvent(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a stream needs to know of an OrderEvent. The rest of it goes on to the clients unread."""

    account_id: str
    stream_sequence: int
    order_id: str
    type: str
    occurred_at: datetime
    order_accepted: Acceptance | None = None

    @property
    def waits(self) -> bool:
        """Whether it says that an order was accepted and is not worked yet: a stop, say."""
        return self.order_accepted is not None and bytes(self.order_accepted.route) == b"null"


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event and the JSON that clients get of it: what core stored and published, to the byte."""

    event: StreamedEvent
    text: str
    trace: str = ""


class AccountSnapshot(msgspec.Struct, frozen=True, gc=False):
    """An account's open orders, and where its stream was at that instant. epoch: which database says so."""

    stream_sequence: int
    epoch: str
    orders: list[OrderView]


class EventStore(Protocol):
    """Reads the accounts' event streams from the store of record. Raises UnavailableError."""

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        """Return the last stream sequence of each account, 0 for one without events."""
        ...

    async def events_after(self, account_id: str, sequence: int, rows_max: int) -> list[tuple[int, str]]:
        """Return the account's next events, in order, each as clients get it."""
        ...

    async def epoch(self) -> str:
        """Return which database this is: another one after it was restored, or a replica took over."""
        ...

    async def snapshot(self, account_id: str, rows_max: int) -> AccountSnapshot:
        """Return the account's open orders, oldest first, and where its stream is, by one consistent read."""
        ...

    async def executions_until(
        self, account_id: str, stream_sequence: int, rows_max: int
    ) -> list[ExecutionView]:
        """Return the account's newest executions up to a sequence of its stream, the oldest of them first."""
        ...


class StreamedPosition(PositionView, frozen=True):
    """A position of an account that is listened to."""

    account_id: str


class AlertView(View, frozen=True):
    """What a person should look at. account_id, venue_id, symbol: as far as it is about one.

    alert_id: of what it is about: an exception, a kill switch, a venue. open: false once it is over.
    """

    alert_id: str
    kind: str
    open: bool
    account_id: str | None
    venue_id: str | None
    symbol: str | None
    raised_at: Instant
    text: str


class DeskState(Protocol):
    """Reads how things stand, for who listens to them. Raises UnavailableError."""

    async def positions(self, accounts: Sequence[str]) -> list[HeldPosition]:
        """Return every position of some accounts."""
        ...

    async def alerts(self) -> list[AlertView]:
        """Return what a person should look at now."""
        ...


class LiveQuotes(Protocol):
    """The newest quotes, kept live while somebody listens."""

    @property
    def live(self) -> bool:
        """Whether the service's stream is up."""
        ...

    async def follow(self) -> None:
        """Keep every symbol's newest quote until cancelled; what is lost on the way is asked for again."""
        ...

    def newest(self, symbol: str) -> QuoteView | None:
        """Return the newest quote of a symbol; None before the first."""
        ...


class OutcomeStore(Protocol):
    """Reads what came of orders from the store of record. Raises UnavailableError."""

    async def answered(self, order_ids: Iterable[str], outcomes: Iterable[str]) -> set[str]:
        """Return which of the orders have one of these events, or were accepted without a route."""
        ...
