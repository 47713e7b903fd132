"""What the adapter's handlers need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from execution_adapter.domain.child import ChildState
from execution_adapter.domain.ledger import Offsets, States
from execution_adapter.domain.resumption import Checkpoint
from oms_platform.kafka.ports import Batch
from oms_platform.messages import CancelChildren
from oms_platform.vocabulary import ChildTerms, Message


class UnstorableChildError(ValueError):
    """The database refuses at least one child of a batch; nothing of the batch was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChild:
    """A child as the database has it.

    continues: what its plan's children leave is meant to be routed again at once. canceled_by: the newest
    cancel of its attempt, None when there is none.
    """

    child: ChildTerms
    state: ChildState
    continues: bool = False
    canceled_by: UUID | None = None


@dataclass(slots=True, kw_only=True)
class Writes:
    """What one batch stores, in one transaction."""

    # With whether its plan continues.
    children: list[tuple[ChildTerms, bool]] = field(default_factory=list)
    cancels: list[CancelChildren] = field(default_factory=list)
    states: States = field(default_factory=dict)
    offsets: Offsets = field(default_factory=dict)
    # The orders that have a plan in the batch: up to which attempt was each of them canceled before it?
    planned_orders: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of it. new: ClOrdIDs of the children that were not there before.

    canceled_through: of the planned orders, up to which attempt a cancel was taken before this batch.
    """

    new: frozenset[str]
    canceled_through: Mapping[UUID, int]


class ChildStore(Protocol):
    """Children, cancels and checkpoints in the database."""

    def write(self, writes: Writes, now: datetime) -> Written:
        """Store a batch in one transaction. A child of a canceled attempt is not stored.

        Raises UnstorableChildError.
        """

    def unstorable(self, writes: Writes, now: datetime) -> Mapping[str | UUID, str]:
        """Return, by ClOrdID or cancel request_id, why the database refuses it, for those that it refuses."""

    def find(self, places: Sequence[tuple[UUID, str]]) -> list[StoredChild]:
        """Return the children of these (order_id, ClOrdID) that exist."""

    def of_routes(self, routes: Sequence[tuple[UUID, int]]) -> list[StoredChild]:
        """Return the children of these (order_id, attempt)."""

    def live(self) -> list[StoredChild]:
        """Return every child that has quantity left."""

    def of_open_orders(self) -> list[StoredChild]:
        """Return every child whose parent order is not closed."""

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint kept."""

    def write_sessions(self, sessions: Mapping[str, bool], now: datetime) -> None:
        """Store which venues' sessions are up."""

    def core_offsets(self) -> Mapping[tuple[str, int], int]:
        """Return how far core has read the fills, by (incarnation, partition)."""

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets in one transaction; drop checkpoints that nothing can need."""

    def require_lock(self) -> None:
        """Raise OperationalError when the database is away, and with it the right to the sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that we sent, found again by its sequence number."""

    msg_type: str
    cl_ord_id: str


class Venues(Protocol):
    """The FIX sessions, outbound."""

    def send_order(self, child: ChildTerms, at: datetime) -> None:
        """Send 35=D. `at` becomes TransactTime."""

    def send_cancel(self, child: ChildTerms, cl_ord_id: str, at: datetime) -> None:
        """Send 35=F."""

    def ask_status(self, child: ChildTerms, ask_id: str) -> None:
        """Send 35=H."""

    def next_out_seq(self, venue_id: str) -> int:
        """Return the next outbound sequence number: it never comes again."""

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number; every message below it was given to the inbox."""

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what we sent under a sequence number."""


class Sessions(Venues, Protocol):
    """The FIX sessions before they start."""

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""

    def resume_from(self, venue_id: str, next_in_seq: int) -> None:
        """Set the inbound sequence that a session asks for next."""


class Outlet(Protocol):
    """The way to core, and of what tells it nothing to the scorekeeper."""

    def send(self, account_id: str, message: Message, trace: str) -> None:
        """Queue a message, in order."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A batch of `orders.routed`."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class FixMessage:
    """A FIX message as it came, fields separated by SOH."""

    raw: str


@dataclass(frozen=True, slots=True)
class SessionUp:
    """A venue's session has logged on."""

    venue_id: str


@dataclass(frozen=True, slots=True)
class SessionDown:
    """A venue's session has ended."""

    venue_id: str


@dataclass(frozen=True, slots=True)
class ReaderFailed:
    """Kafka's thread has ended with an error."""

    error: BaseException


Item = Routed | FixMessage | SessionUp | SessionDown | ReaderFailed


class Arrivals(Protocol):
    """What came from Kafka and from the venues, in the order in which it came."""

    def take(self, timeout_s: float) -> Sequence[Item]:
        """Return everything that is there, waiting up to `timeout_s` for a first item."""
