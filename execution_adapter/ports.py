"""What the adapter's handlers need from outside."""

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec

from execution_adapter.domain.child import ChildState
from execution_adapter.domain.fix.session import (
    BeganAnew,
    LoggedOff,
    LoggedOn,
    Noticed,
    Received,
    Refused,
    ResendAsked,
    SessionEvent,
)
from execution_adapter.domain.fix.wire import Field
from execution_adapter.domain.gate import Instrument, Parent
from execution_adapter.domain.ledger import Offsets, Settled, States
from execution_adapter.domain.reconciliation import EndedRun
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.domain.session_settings import SessionSettings
from oms_platform.exceptions import ExecutionException
from oms_platform.kafka.ports import Batch
from oms_platform.kill_switches import KillSwitch, Owner
from oms_platform.messages import CancelChildren
from oms_platform.vocabulary import ChildTerms, Message

# Before anything began.
NEVER: Final = datetime.min.replace(tzinfo=UTC)


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


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A FIX application message as it was on the wire. at: when it came, or was handed to the session.

    msg_seq: 0 of one that the session has passed over.
    """

    venue_id: str
    inbound: bool
    msg_seq: int
    at: datetime
    raw: bytes


class RefusedPlan(NamedTuple):
    """A plan of which no child is stored, and why."""

    order_id: UUID
    attempt: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Writes:
    """What one batch stores, in one transaction."""

    # With whether its plan continues.
    children: list[tuple[ChildTerms, bool]] = field(default_factory=list)
    cancels: list[CancelChildren] = field(default_factory=list)
    refused: list[RefusedPlan] = field(default_factory=list)
    states: States = field(default_factory=dict)
    offsets: Offsets = field(default_factory=dict)
    journal: Sequence[JournalLine] = ()
    exceptions: Sequence[ExecutionException] = ()
    settled: Sequence[Settled] = ()
    runs: Sequence[EndedRun] = ()


class OutNumbers(NamedTuple):
    """A session's outbound numbers. before: how many were used before they last began at 1 again."""

    next_seq: int = 1
    before: int = 0

    @property
    def unique(self) -> int:
        """A number that the next message has and no message of the session had before."""
        return self.before + self.next_seq


class Stops(NamedTuple):
    """What a market, or who watches it, has stopped."""

    instruments: Mapping[str, Instrument]


class HeldTo(NamedTuple):
    """Kill switches that live children were held to, and what each of the new ones found live.

    covered: (switch, order, ClOrdID).
    """

    switches: list[KillSwitch]
    covered: list[tuple[UUID, UUID, str]]


class ChildStore(Protocol):
    """Children, cancels and checkpoints in the database."""

    def parents(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Parent]:
        """Return the orders that clients placed, of these, with what became of their children."""

    def owners(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Owner]:
        """Return who asked for each of these orders, and by what strategy, as far as that is known."""

    def closings(self, order_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Return, by order, the switch for which it closes a position, of those of these that close one."""

    def note_kills(self, held: HeldTo, now: datetime) -> None:
        """Say that the adapter goes by switches, and what they found live; what was said stays as it is."""

    def write(self, writes: Writes, now: datetime) -> frozenset[str]:
        """Store a batch in one transaction. A child of a canceled attempt is not stored.

        Returns the ClOrdIDs of the children that were not there before. Raises UnstorableChildError.
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

    def write_sessions(self, sessions: "Mapping[str, SessionUp | SessionDown]", now: datetime) -> None:
        """Store which venues' sessions are up, and why one is not."""

    def core_offsets(self) -> Mapping[tuple[str, int], int]:
        """Return how far core has read the fills, by (incarnation, partition)."""

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets in one transaction; drop checkpoints that nothing can need."""

    def begin_numbers(self, venue_id: str, at: datetime) -> None:
        """Note that a venue's numbers began again: its checkpoints pass none, its children heard none."""

    def journaled(self, since: Mapping[str, datetime | None]) -> Iterable[JournalLine]:
        """Return what came from these venues and was stored from a time on, in its order.

        since: by venue; None for all that there is.
        """

    def out_numbers(self) -> Mapping[str, OutNumbers]:
        """Return, by venue, from where on no outbound number was ever used; no venue without any."""

    def reserve_out(self, numbers: Mapping[str, OutNumbers]) -> None:
        """Note, by venue, from where on no outbound number will have been used when this process ends."""

    def look(self) -> Stops | None:
        """Return what must not be sent now, if that has changed since the last look.

        Raises OperationalError when the database is away, and with it the right to the sessions.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that we sent, found again by its sequence number."""

    msg_type: str
    cl_ord_id: str


class Venues(Protocol):
    """The FIX sessions, outbound. What is sent is on the wire after `flush`.

    Each send says whether the session was up and took it. Nothing is ever sent a second time by itself.
    named: the child's ClOrdID at its venue since a replace, empty as it was sent.
    """

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D. `at` becomes TransactTime."""

    def send_cancel(self, child: ChildTerms, named: str, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""

    def send_replace(self, child: ChildTerms, named: str, cl_ord_id: str, quantity: int, at: datetime) -> str:
        """Send 35=G, to a venue that takes it.

        Returns the request's id as the venue sees it, empty when it was not sent.
        """

    def ask_status(self, child: ChildTerms, named: str, ask_id: str) -> bool:
        """Send 35=H."""

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j: a type of message that nobody here reads."""

    def flush(self) -> None:
        """Put what was sent on the wire."""

    def take_sent(self) -> list[JournalLine]:
        """Return the application messages that were sent since the last call."""

    def out_numbers(self, venue_id: str) -> OutNumbers:
        """Return the next outbound sequence number, and how many came before the numbers began anew."""

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number; every message below it was given to the inbox."""

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what we sent under a sequence number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSession:
    """A venue's session as it starts. held_out: why it stays logged out, in words; empty when it does not.

    numbers_began_at: when its numbers last began at 1.
    """

    settings: SessionSettings
    held_out: str = ""
    numbers_began_at: datetime = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueConnection:
    """A connection to a venue. logon: fields of the Logon that the settings ask for; secret: what of them no
    log may show."""

    socket: socket.socket
    logon: bytes = b""
    secret: str = ""


class Connector(Protocol):
    """The way to a venue."""

    def connect(self, settings: SessionSettings) -> VenueConnection:
        """Connect, with TLS where the settings ask for it. Raises OSError, whose text says what is wrong."""


class SessionControl(Protocol):
    """The FIX sessions as operators see them. What is asked for is under way when a method returns."""

    def change(self, venue_id: str, settings: SessionSettings) -> None:
        """Go on with other settings: log out, and log on with them."""

    def hold_out(self, venue_id: str, why: str) -> None:
        """Log out and stay out. why: in words."""

    def let_in(self, venue_id: str) -> None:
        """Log on, unless the schedule says otherwise."""

    def reset(self, venue_id: str, why: str) -> None:
        """Begin the numbers at 1 on both sides: log out, and log on with 141=Y."""

    def ask_again(self, venue_id: str, begin: int, end: int) -> bool:
        """Send 35=2 and hand on what comes. Returns whether the session is up. end: 0 for all."""

    def state(self, venue_id: str) -> "SessionState":
        """Return how a session is."""


class SessionState(NamedTuple):
    """How a session is. reason: why it is down. stays_out: why it is not to be up, empty when it is.

    logons, failures, resets: how often it logged on, could not, and began its numbers at 1 in this run.
    in_use: the settings that it has now.
    """

    up: bool
    reason: str
    stays_out: str
    logons: int
    failures: int
    resets: int
    in_use: SessionSettings


class FixCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator asks of a session. kind: LOGOUT, LOGON, RESET, RESEND or SETTINGS."""

    command_id: UUID
    venue_id: str
    kind: str
    arguments: dict[str, int]
    requested_by: str
    reason: str
    requested_at: datetime


class SessionStore(Protocol):
    """The sessions' settings and what operators ask of them, in the database."""

    def sessions(self) -> Mapping[str, "StoredSession"]:
        """Return what is stored of each venue's session."""

    def hold_out(self, venue_id: str, why: str) -> None:
        """Note that a venue stays logged out, and why; an empty text: that it does not."""

    def note_in_use(self, settings: Mapping[str, SessionSettings]) -> None:
        """Note the settings that sessions have, for who looks at them."""

    def commands(self) -> list[FixCommand]:
        """Return what was asked for and has no outcome, the oldest first."""

    def done(self, command_id: UUID, outcome: str, now: datetime) -> None:
        """Note what came of a command."""

    def wire_ids(self, venue_id: str) -> Mapping[str, str]:
        """Return, by ClOrdID, which id the venue knows each child with quantity left by."""

    def children_with(self, venue_id: str, wire_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the ClOrdID of the children that a venue knows by these ids, as far as there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """What the database has of a session. settings: None where the adapter's own count."""

    settings: SessionSettings | None
    problem: str
    held_out: str
    numbers_began_at: datetime | None


class Sessions(Venues, Protocol):
    """The FIX sessions before they start."""

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""

    def resume(self, venue_id: str, next_in_seq: int, out: OutNumbers) -> None:
        """Set the numbers that a session goes on with."""


class Outlet(Protocol):
    """The way to core, and of what tells it nothing to the scorekeeper."""

    def send(self, account_id: str, message: Message, trace: str) -> None:
        """Queue a message, in order."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A batch of `orders.routed`."""

    batch: Batch


class FixMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A FIX application message or session-level reject as it came, and the session that it came on.

    fields: None when it has pieces that are no fields.
    """

    venue_id: str
    raw: bytes
    fields: list[Field] | None
    msg_seq: int
    poss_dup: bool
    at: datetime


class FixRefused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that the session has passed over: garbled for good, or answered by 35=3."""

    venue_id: str
    raw: bytes
    msg_seq: int
    reason: str
    garbled: bool
    at: datetime


class NumbersBegan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A venue's numbers began again at 1, with the Logon `raw`; that it is up comes next."""

    venue_id: str
    raw: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionUp:
    """A venue's session has logged on."""

    venue_id: str


@dataclass(frozen=True, slots=True)
class SessionDown:
    """A venue's session has ended, or could not be had; why, in words.

    on_purpose: it stays down until somebody, or its schedule, lets it in again.
    """

    venue_id: str
    reason: str = ""
    on_purpose: bool = False


@dataclass(frozen=True, slots=True)
class ResendWanted:
    """A venue has missed messages of ours, and got a gap fill for them."""

    venue_id: str


@dataclass(frozen=True, slots=True)
class ReaderFailed:
    """Kafka's thread has ended with an error."""

    error: BaseException


Item = Routed | FixMessage | FixRefused | NumbersBegan | SessionUp | SessionDown | ResendWanted | ReaderFailed


def session_item(event: SessionEvent, venue_id: str, at: datetime) -> Item | None:
    """Return what a venue's session hands to the loop of an event; None of what is only for a log."""
    match event:
        case Received(raw, fields, msg_seq, poss_dup):
            return FixMessage(
                venue_id=venue_id, raw=raw, fields=fields, msg_seq=msg_seq, poss_dup=poss_dup, at=at
            )
        case Refused(raw, msg_seq, reason, garbled):
            return FixRefused(
                venue_id=venue_id, raw=raw, msg_seq=msg_seq, reason=reason, garbled=garbled, at=at
            )
        case BeganAnew(raw):
            return NumbersBegan(venue_id=venue_id, raw=raw, at=at)
        case LoggedOn():
            return SessionUp(venue_id)
        case LoggedOff(reason):
            return SessionDown(venue_id, reason)
        case ResendAsked():
            return ResendWanted(venue_id)
        case Noticed():
            return None


class Inlet(Protocol):
    """Where the sessions put what comes from venues."""

    def put_now(self, *items: Item) -> None:
        """Add items without waiting."""

    def wait_for_room(self, timeout_s: float) -> bool:
        """Say whether another item would fit, waiting up to `timeout_s` for that."""


class Arrivals(Protocol):
    """What came from Kafka and from the venues, in the order in which it came."""

    def take(self, timeout_s: float) -> Sequence[Item]:
        """Return everything that is there, waiting up to `timeout_s` for a first item."""
