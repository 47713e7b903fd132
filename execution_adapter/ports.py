"""What the adapter's handlers need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from execution_adapter.domain.child import Child, ChildState
from execution_adapter.domain.resumption import Checkpoint
from oms_platform.messages import CancelChildren
from oms_platform.vocabulary import Message

Offsets = Mapping[tuple[str, int], int]


class UnstorableChildError(ValueError):
    """The database refuses at least one child of a batch; nothing of the batch was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChild:
    """A child as the database has it."""

    child: Child
    state: ChildState
    tombstoned: bool = False


@dataclass(slots=True, kw_only=True)
class Writes:
    """What one batch stores, in one transaction."""

    children: list[Child] = field(default_factory=list)
    cancels: list[CancelChildren] = field(default_factory=list)
    states: dict[str, tuple[Child, ChildState]] = field(default_factory=dict)
    offsets: Offsets = field(default_factory=dict)
    # Orders that have a plan in the batch: who of them was tombstoned before it?
    planned_orders: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of it. new: ClOrdIDs of the children that were not there before."""

    new: frozenset[str]
    tombstoned: frozenset[UUID]


class ChildStore(Protocol):
    """Children, tombstones and checkpoints in the database."""

    def write(self, writes: Writes, now: datetime) -> Written:
        """Store a batch in one transaction. Raises UnstorableChildError."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that we sent, found again by its sequence number."""

    msg_type: str
    cl_ord_id: str
    orig_cl_ord_id: str


class Venues(Protocol):
    """The FIX sessions, outbound."""

    def send_order(self, child: Child, at: datetime) -> None:
        """Send 35=D. `at` becomes TransactTime."""

    def send_cancel(self, child: Child, cl_ord_id: str, at: datetime) -> None:
        """Send 35=F."""

    def ask_status(self, child: Child, ask_id: str) -> None:
        """Send 35=H."""

    def next_out_seq(self, venue_id: str) -> int:
        """Return the next outbound sequence number: it never comes again."""

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number; every message below it was given to the inbox."""

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what we sent under a sequence number."""


class Outlet(Protocol):
    """The way to core: `executions.fills`."""

    def send(self, account_id: str, message: Message, trace: str) -> None:
        """Queue a message, in order."""
