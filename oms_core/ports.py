"""What the core's handlers and its loop need from outside, as Protocols."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct

from oms_core.domain.alerts import Alert
from oms_core.domain.days import AccountDay
from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects
from oms_core.domain.flatten import Closing, Flattened
from oms_core.domain.locates import LocateKey
from oms_core.domain.order import FIELD_OF, Event, Order
from oms_core.domain.positions import Position
from oms_core.domain.touch import TouchPrices
from oms_platform.errors import BrokenInvariantError, OperationalError
from oms_platform.exceptions import ExecutionException
from oms_platform.kill_switches import KillSwitch
from oms_platform.messages import (
    BookTrade,
    CancelOrder,
    OrderEvent,
    ReplaceOrder,
    ResumeOrder,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.vocabulary import Message
from oms_platform.wire import Topic


class UnstorableError(Exception):
    """The database refuses something of a batch, and nothing of it was stored."""


class AccountLostError(OperationalError):
    """Another core writes an account that this one believed to own: it has to find out what it owns."""

    dependency = "ownership"


def event_of(message: OrderEvent) -> Event:
    """Return the change that an event message carries. Raises BrokenInvariantError if it carries none."""
    found: Event | None = getattr(message, FIELD_OF.get(message.type, ""), None)
    if found is None:
        raise BrokenInvariantError(
            f"event {message.event_id} of order {message.order_id} carries no {message.type}"
        )
    return found


class StoredEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One row of order_events: the message, and its bytes as they are stored, published and forwarded.

    trace: of the message that led to it (oms_platform.telemetry).
    """

    message: OrderEvent
    payload: bytes
    trace: str = ""


class RiskTaken(Struct, frozen=True, kw_only=True, gc=False):
    """When an order's risk was checked, in microseconds, and what it was denied for, if it was."""

    began_us: int
    took_us: int
    denial: str


class Outgoing(Struct, frozen=True, kw_only=True, gc=False):
    """A message to be published after the commit."""

    topic: Topic
    key: str
    order_id: UUID
    event_id: UUID
    message: Message
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What somebody says an account holds of a symbol: signed shares, and their signed cost in micros.

    after: the event of the account's stream after which it was looked at; None where it is to hold whatever
    comes after that.
    """

    action_id: UUID
    account_id: str
    symbol: str
    quantity: int
    cost_micros: int
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A split of what an account holds of a symbol: numerator shares for every denominator.

    price_micros: at which a part of a share is paid out, of a share after the split.
    """

    action_id: UUID
    account_id: str
    symbol: str
    numerator: int
    denominator: int
    price_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """What an account holds of a symbol is of another one from now on."""

    action_id: UUID
    account_id: str
    symbol: str
    new_symbol: str


PositionAction = Opening | Split | Rename


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange:
    """What an action made of a position, after which event of its account's stream."""

    action_id: UUID
    account_id: str
    symbol: str
    stream_sequence: int
    before: Position
    after: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Originated:
    """An order of core's own, which closes a position for a kill switch. payload: its request, as stored."""

    message: SubmitOrder
    payload: bytes
    closing: Closing


@dataclass(slots=True, kw_only=True)
class UnitOfWork:
    """Everything that one batch changes, stored in one transaction and then published.

    streams: the stream sequences, before the batch, of every account that it is about. shown: what the
    orders' rows showed before it. replaced: orders whose terms are others since.
    reopened: orders that were over and are not any more. bookings: of each exception that a person wanted to
    book, why it was not; empty if it was. requests: the digests of the requests that came in it.
    overrides: by the override that was used, the request that passed by it. days: of accounts, that have
    begun or whose peak has grown.
    alerts: those that were raised, have changed or are cleared. originated: orders of core's own. flattened:
    positions that switches close, as they stand.
    cash: what executions moved, less fees, in micros by account and the date on which it settles. changes: of
    positions, by actions. refusals: of actions, with their accounts and why. draws: shares that orders have
    drawn more of locates, below 0 given back.
    """

    now: datetime
    events: list[StoredEvent] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    orders: dict[UUID, Order] = field(default_factory=dict)
    shown: dict[UUID, tuple[object, ...]] = field(default_factory=dict)
    positions: set[tuple[str, str]] = field(default_factory=set)
    changes: list[PositionChange] = field(default_factory=list)
    refusals: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    cash: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    streams: dict[str, int] = field(default_factory=dict)
    draws: defaultdict[LocateKey, int] = field(default_factory=lambda: defaultdict(int))
    risks: dict[UUID, RiskTaken] = field(default_factory=dict)
    exceptions: list[ExecutionException] = field(default_factory=list)
    bookings: dict[UUID, str] = field(default_factory=dict)
    replaced: set[UUID] = field(default_factory=set)
    reopened: list[UUID] = field(default_factory=list)
    requests: dict[UUID, bytes] = field(default_factory=dict)
    overrides: dict[UUID, UUID] = field(default_factory=dict)
    days: dict[str, AccountDay] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    originated: list[Originated] = field(default_factory=list)
    flattened: dict[tuple[UUID, str, str], Flattened] = field(default_factory=dict)

    def changed_orders(self) -> Iterator[Order]:
        """Yield the orders whose rows have to change: most events change nothing that a row shows."""
        for order_id, order in self.orders.items():
            if self.shown[order_id] != order.shown:
                yield order

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (
            self.events
            or self.exceptions
            or self.days
            or self.alerts
            or self.changes
            or self.refusals
            or self.flattened
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedOrder:
    """An order as its request and its events make it, and what had its effect on it."""

    order: Order
    effects: Effects


Request = SubmitOrder | CancelOrder | ReplaceOrder | SuspendOrder | ResumeOrder | BookTrade
# What the log calls each kind of request.
KIND_OF_REQUEST: Final[Mapping[type, str]] = {
    SubmitOrder: "NEW",
    CancelOrder: "CANCEL",
    ReplaceOrder: "REPLACE",
    SuspendOrder: "SUSPEND",
    ResumeOrder: "RESUME",
    BookTrade: "BOOK",
}


class OrderStore(Protocol):
    """Durable state: what Postgres keeps."""

    def load_reference(self, desk: Desk) -> None:
        """Read accounts with their limits, instruments and the markets' hours into the desk."""

    def ensure_partitions(self, now: datetime) -> None:
        """Make the coming weeks' partitions of every growing table."""

    def load_desk(self, partitions: set[int]) -> Desk:
        """Rebuild the desk of the accounts whose keys fall into these partitions."""

    def load_days(self, desk: Desk, today: date, now: datetime) -> None:
        """Read how the day of each of the desk's accounts has begun, of those that have begun."""
        ...

    def waiting_actions(self, accounts: Iterable[str]) -> Sequence[PositionAction]:
        """Return the actions on accounts' positions that were not taken yet, the oldest first."""

    def announce(self, partitions: Iterable[int], address: str, now: datetime) -> None:
        """Note at which address the core is that has these partitions' accounts."""

    def load_orders(self, order_ids: Iterable[UUID]) -> Mapping[UUID, LoadedOrder]:
        """Rebuild orders, closed or not; those that were never stored are left out."""

    def unanswered_requests(
        self, accounts: Iterable[str], after: datetime | None, before: datetime, rows_max: int
    ) -> Sequence[tuple[Request, str]]:
        """Return the requests received in a span that have had no outcome, with their traceparents.

        after None: however long ago they were received.
        """

    def stream_ends(self, accounts: Iterable[str]) -> Sequence[OrderEvent]:
        """Return the last event of each account that has one."""

    def commit(self, unit: UnitOfWork, desk: Desk, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Store a batch and the offsets after it, in one transaction.

        Raises UnstorableError when a row is refused, and AccountLostError when another writer has moved an
        account's stream on.
        """

    def note_kills(
        self,
        switches: Sequence[KillSwitch],
        covered: Sequence[tuple[UUID, UUID, str]],
        member: str,
        now: datetime,
    ) -> None:
        """Say that a core goes by switches, and what they found open there; what was said stays as it is.

        covered: (switch, order, ClOrdID of a child, or empty for the order).
        """

    def flattened(self, switch_ids: Iterable[UUID], accounts: Iterable[str]) -> Sequence[Flattened]:
        """Return how accounts' positions stand that these switches close."""

    def load_alerts(
        self, accounts: Iterable[str], partitions: Iterable[int], since: datetime
    ) -> Sequence[Alert]:
        """Return the alerts of accounts, and of firms as the cores of partitions saw them.

        Those that are open, and those that were cleared since a time.
        """

    def require_streams(self, heads: Mapping[str, int]) -> None:
        """Raise AccountLostError when another writer has moved one of these accounts' streams on."""

    def read_up_to(self, group: str, topic: Topic) -> Mapping[int, int]:
        """Return the next offset that a consumer group will read, by partition."""


class QuoteBoard(Protocol):
    """The national best bid and offer of each symbol."""

    def touch(self, symbol: str) -> TouchPrices:
        """Return the newest touch; None for a side that nobody quotes or whose quote is too old."""


class StoredExecution(NamedTuple):
    """An execution, a correction or a bust as its event is stored."""

    account_id: str
    sequence: int
    event_id: UUID
    payload: bytes


class CopyStore(Protocol):
    """What the copies stand on. Raises OperationalError or psycopg.Error."""

    def behind(self, accounts: Sequence[str]) -> Mapping[str, int]:
        """Return the accounts with events beyond what is copied, and where their streams end."""
        ...

    def places(self, accounts: Sequence[str]) -> Mapping[str, int]:
        """Return up to which sequence accounts are copied, 0 for nothing."""
        ...

    def executions(self, places: Mapping[str, int], rows_max: int) -> Sequence[StoredExecution]:
        """Return what follows these places, by account and sequence, so many rows of each at most."""
        ...

    def keep(self, places: Mapping[str, int]) -> None:
        """Store how far accounts are copied; it never goes back."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it is taken again when it is needed."""
        ...


class CopySink(Protocol):
    """Where copies go."""

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        """Queue a record."""
        ...

    def flush(self) -> None:
        """Return when Kafka has all that is queued. Raises OperationalError."""
        ...
