"""What the handlers need from outside, and the shapes in which it comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import msgspec

from oms_api.domain.principal import Principal
from oms_api.domain.refusal import FieldProblem
from oms_api.domain.terms import RoutingTerms, Terms
from oms_platform.errors import OperationalError
from oms_platform.messages import OrderEvent, RouteRequest
from oms_platform.telemetry.tracing import Tracer


class UnavailableError(OperationalError):
    """Something that a request needs is away: the request may be sent again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order on its way into the store, with the ids and messages that are stored with it."""

    order_id: UUID
    event_id: UUID
    outbox_id: UUID
    terms: Terms
    content_hash: bytes
    principal: str
    received_at: datetime
    payload: bytes
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """The order that an idempotency key stands for: the new one, or the first of that key."""

    order_id: UUID
    created_at: datetime
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConflict:
    """The idempotency key stands for an order with other terms."""

    order_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """The store refused this one order; nothing of it was stored."""

    problem: FieldProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCancel:
    """A cancel request on its way into the outbox."""

    request_id: UUID
    outbox_id: UUID
    order_id: UUID
    account_id: str
    received_at: datetime
    payload: bytes
    trace: str


class OrderIntake(Protocol):
    """Stores what clients ask for, durably, before they are told so."""

    async def submit(self, order: NewOrder) -> StoredOrder | KeyConflict | RowRefused:
        """Store an order once. Returns after the commit; raises UnavailableError if that is not known."""
        ...

    async def cancel(self, cancel: NewCancel) -> None:
        """Store a cancel request. Raises UnavailableError."""
        ...


class View(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of what reads answer with: camelCase names, enum member names, prices as decimal text."""


class OrderView(View, frozen=True):
    """An order as it stands."""

    order_id: UUID
    account_id: str
    channel: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: int
    limit_price: Decimal | None
    status: str
    closed: bool
    cum_qty: int
    leaves_qty: int
    filled_notional: Decimal
    text: str
    sequence: int
    created_at: datetime
    updated_at: datetime
    avg_px: Decimal | None = None


class EventView(View, frozen=True):
    """One entry of an order's audit trail."""

    sequence: int
    event_id: UUID
    stream_sequence: int | None
    event_type: str
    status: str
    occurred_at: datetime
    payload: msgspec.Raw


class ExecutionView(View, frozen=True):
    """One fill."""

    venue_id: str
    exec_id: str
    cl_ord_id: str
    symbol: str
    side: str
    last_qty: int
    last_px: Decimal
    transact_time: datetime
    received_at: datetime


class ChildView(View, frozen=True):
    """One venue order of a route."""

    attempt: int
    leg: int
    cl_ord_id: str
    venue_id: str
    venue_order_id: str
    quantity: int
    limit_price: Decimal
    time_in_force: str
    status: str
    cum_qty: int
    leaves_qty: int
    created_at: datetime
    acked_at: datetime | None
    updated_at: datetime


class RouteView(View, frozen=True):
    """One routing decision as it was stored, and the children that came of it."""

    attempt: int
    route_id: UUID
    decided_at: datetime
    plan: msgspec.Raw
    children: list[ChildView]


class PositionView(View, frozen=True):
    """What an account holds of one symbol."""

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders a list is asked for, newest first. accounts None: every account."""

    limit: int
    accounts: frozenset[str] | None = None
    symbol: str | None = None
    status: str | None = None
    side: str | None = None
    client_order_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    before: UUID | None = None


class OrderReader(Protocol):
    """Reads what is stored. Every method raises UnavailableError when the store is away."""

    async def order(self, order_id: UUID) -> OrderView | None:
        """Return an order, or None."""
        ...

    async def orders(self, wanted: OrderFilter) -> list[OrderView]:
        """Return the orders of a filter, newest first."""
        ...

    async def events(self, order_id: UUID) -> list[EventView]:
        """Return an order's audit trail, oldest first."""
        ...

    async def executions(self, order_id: UUID) -> list[ExecutionView]:
        """Return an order's fills, oldest first."""
        ...

    async def routes(self, order_id: UUID) -> list[RouteView]:
        """Return an order's routing decisions, first attempt first."""
        ...

    async def positions(self, account_id: str) -> list[PositionView]:
        """Return an account's positions by symbol."""
        ...


class EventStore(Protocol):
    """Reads the accounts' event streams from the store of record. Raises UnavailableError."""

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        """Return the last stream sequence of each account, 0 for one without events."""
        ...

    async def events_after(
        self, account_id: str, sequence: int, rows_max: int
    ) -> list[tuple[int, OrderEvent | None]]:
        """Return the account's next events, in order; None for one that cannot be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What requests may name. tick_sizes: dollars by symbol. profiles: the active ones."""

    accounts: frozenset[str] = frozenset()
    tick_sizes: Mapping[str, Decimal] = field(default_factory=dict)
    profiles: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


class ReferenceData(Protocol):
    """Accounts, instruments, routing profiles and venues, in memory."""

    def account_exists(self, account_id: str) -> bool:
        """Return whether the account is known."""
        ...

    def tick_size(self, symbol: str) -> Decimal | None:
        """Return the tick size of a known symbol, else None."""
        ...

    def profile_exists(self, profile: str) -> bool:
        """Return whether an active routing profile has this name."""
        ...

    def venue_exists(self, venue_id: str) -> bool:
        """Return whether the venue is known."""
        ...

    async def refresh(self) -> None:
        """Read again what is stored, if that was not done just now."""
        ...

    async def reload(self) -> None:
        """Read again what is stored: something of it was just changed."""
        ...


class RoutingRefusedError(Exception):
    """The router refuses a question; its text says what was expected and found.

    `missing`: nothing is there.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class RiskView(View, frozen=True):
    """The verdict that an order would get now. denial: `CODE: key=value`, empty when accepted."""

    accepted: bool
    denial: str
    checks: list[dict[str, object]]


class ScorecardView(View, frozen=True):
    """What our own fills say of a venue; see docs/scorecards.md."""

    venue_id: str
    closed_reason: str
    closed_until: datetime | None
    updated_at: datetime | None
    scorecard: msgspec.Raw


class Router(Protocol):
    """Asks the SOR what changes nothing. Raises UnavailableError, or RoutingRefusedError with its words."""

    async def preview(self, request: RouteRequest) -> msgspec.Raw:
        """Return the RoutePlan that an order would get now, as JSON."""
        ...

    async def what_if(self, question: "WhatIf") -> dict[str, msgspec.Raw]:
        """Return a decision as `stored`, decided `again`, and `changed`, each a RoutePlan as JSON."""
        ...

    async def inputs(self, order_id: UUID, attempt: int) -> dict[str, msgspec.Raw]:
        """Return a decision's `request`, `book` and `reference` as JSON."""
        ...

    async def scorecards(self) -> list[ScorecardView]:
        """Return every venue's scorecard."""
        ...

    async def profile_problems(self, name: str, settings: dict[str, object]) -> list[str]:
        """Return what is wrong with a routing profile's settings."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A stored decision and what is to be changed. fees: venue, then dollars a share to add and to remove."""

    order_id: UUID
    attempt: int
    profile: str = ""
    strategy: str = ""
    weights: dict[str, object] | None = None
    without: tuple[str, ...] = ()
    fees: tuple[tuple[str, str, str], ...] = ()


class RiskDesk(Protocol):
    """Asks the core for a risk verdict. Raises UnavailableError."""

    async def verdict(self, terms: Terms) -> RiskView:
        """Return the verdict that an order would get now."""
        ...


class ProfileView(View, frozen=True):
    """A version of a routing profile."""

    profile: str
    version: int
    active: bool
    settings: dict[str, object]
    created_at: datetime
    created_by: str


class RoutingAdmin(Protocol):
    """Reads and changes routing profiles and accounts' preferences. Raises UnavailableError."""

    async def profiles(self) -> list[ProfileView]:
        """Return the newest active version of every profile."""
        ...

    async def add_profile(self, name: str, settings: dict[str, object], by: str) -> int:
        """Store a new version of a profile, active from now on, and return its number."""
        ...

    async def retire_profile(self, name: str) -> bool:
        """Make every version of a profile inactive. Returns whether any was active."""
        ...

    async def account_routing(self, account_id: str) -> RoutingTerms:
        """Return an account's routing preferences."""
        ...

    async def set_account_routing(self, account_id: str, routing: RoutingTerms, by: str) -> None:
        """Replace an account's routing preferences."""
        ...


class RateLimiter(Protocol):
    """A token bucket per principal."""

    def take_leased(self, principal: str) -> bool:
        """Take one token of those that are here already. Returns whether there was one."""
        ...

    async def take(self, principal: str) -> float:
        """Take one token. Returns 0, or the seconds until there will be one."""
        ...


class Authenticator(Protocol):
    """Verifies bearer tokens."""

    def cached(self, token: str) -> Principal | None:
        """Return the caller of a token that was verified before and is still good."""
        ...

    async def authenticate(self, token: str) -> Principal | str:
        """Return the caller, or why the token is refused. Raises UnavailableError before keys are known."""
        ...


class BrokerState(Protocol):
    """Whether Kafka can be reached."""

    @property
    def available(self) -> bool:
        """Whether the last look found the broker."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything that the handlers need, put together by bootstrap."""

    intake: OrderIntake
    reader: OrderReader
    reference: ReferenceData
    limiter: RateLimiter
    authenticator: Authenticator
    broker: BrokerState
    router: Router
    risk: RiskDesk
    routing_admin: RoutingAdmin
    tracer: Tracer = field(default_factory=Tracer)
