"""What is stored of orders, in the shapes in which it is read."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

# A time with its zone.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class View(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of what reads answer with: camelCase names, enum member names, prices as decimal text."""


class OrderView(View, frozen=True, kw_only=True):
    """An order as it stands. routing: what it named of profile, avoid and prefer.

    expire_at: until when a GTD order is good; null of any other. display_qty: shares that are shown at once
    where it rests. locate_id: of the shares that a short sale borrows. tags: the client's own words about it,
    by name. algo: how it is worked over time. basket_id: the list of orders that it was sent with.
    """

    order_id: UUID
    account_id: str
    channel: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    expire_at: Instant | None
    quantity: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    status: str
    closed: bool
    cum_qty: int
    leaves_qty: int
    filled_notional: Decimal
    text: str
    sequence: int
    created_at: Instant
    updated_at: Instant
    avg_px: Decimal | None
    min_quantity: int | None
    routing: dict[str, object] | None
    algo: dict[str, object] | None
    peg: dict[str, str] | None
    basket_id: str | None
    principal: str
    capacity: str
    display_qty: int | None
    post_only: bool
    locate_id: str | None
    tags: dict[str, str] | None


class EventView(View, frozen=True, kw_only=True):
    """One entry of an order's audit trail: the first is its request, the others are what came of it.

    payload: the SubmitOrder, or the OrderEvent, as it was published.
    """

    sequence: int
    event_id: UUID
    stream_sequence: int | None
    event_type: str
    status: str
    occurred_at: Instant
    payload: msgspec.Raw


class ExecutionView(View, frozen=True):
    """One fill. cl_ord_id: of the venue order. sequence: its place among the order's events.

    fee: dollars that it was charged, below 0 a rebate. settles_on: of its cash; null in trades of before fees
    were charged. last_liquidity: FIX 851, 0 where the venue does not say.
    """

    order_id: UUID
    sequence: int
    account_id: str
    venue_id: str
    exec_id: str
    cl_ord_id: str
    symbol: str
    side: str
    last_qty: int
    last_px: Decimal
    transact_time: Instant
    received_at: Instant
    recorded_at: Instant
    fee: Decimal
    settles_on: date | None
    last_liquidity: int


class ChildView(View, frozen=True, kw_only=True):
    """One venue order of a route."""

    attempt: int
    leg: int
    cl_ord_id: str
    venue_id: str
    venue_order_id: str
    quantity: int
    min_quantity: int | None
    limit_price: Decimal
    time_in_force: str
    status: str
    cum_qty: int
    leaves_qty: int
    created_at: Instant
    acked_at: Instant | None
    updated_at: Instant


class StoredRoute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One routing decision as it was stored, and the children that came of it. plan: JSON."""

    attempt: int
    route_id: UUID
    decided_at: datetime
    plan: bytes
    children: list[ChildView]


def plan_with_explanation(plan: bytes, explanation: bytes | None) -> msgspec.Raw:
    """Return a plan's JSON with one field more: its explanation, or null."""
    return msgspec.Raw(plan.rstrip()[:-1] + b',"explanation":' + (explanation or b"null") + b"}")


class RouteView(View, frozen=True, kw_only=True):
    """One routing decision, explained, and the children that came of it.

    plan: the plan as it was stored, with its explanation, or null there and in explanationProblem why.
    proven: the explanation is of what was decided then: both have the same digest.
    """

    attempt: int
    route_id: UUID
    decided_at: Instant
    plan: msgspec.Raw
    proven: bool | None
    explanation_problem: str
    children: list[ChildView]


class HeldPosition(msgspec.Struct, frozen=True, gc=False):
    """What an account holds of one symbol, as it is stored. opened: the cost that was brought in."""

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal
    updated_at: datetime
    fees: Decimal
    opened: Decimal
    account_id: str = ""


class PositionView(View, frozen=True):
    """What an account holds of one symbol, and what that is worth now. Fees are in no profit or loss.

    opened: the cost that was brought in from elsewhere: netCash + cost = realizedPnl + opened. mark: dollars
    a share; null, and what follows from it, where nobody knows. markSource: QUOTE is one of now; any other is
    stale, and markReason says why: missing, crossed, old or absurd.
    """

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal
    updated_at: Instant
    fees: Decimal
    opened: Decimal
    mark: Decimal | None
    mark_source: str
    mark_at: Instant | None
    mark_reason: str
    stale: bool
    unrealized_pnl: Decimal | None
    total_pnl: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders a list is asked for, by when they were created. None: every one.

    after: the last order of the page before. venues: with a live child at one of these. basket: sent with
    this list. principal: placed by this caller. as_of_now: whoever acts on the list needs it as it stands;
    for reading, one that is slightly old will do.
    """

    limit: int
    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    closed: bool | None = None
    side: str | None = None
    order_ids: frozenset[UUID] | None = None
    client_order_ids: frozenset[str] | None = None
    venues: frozenset[str] | None = None
    basket: str | None = None
    channel: str | None = None
    principal: str | None = None
    as_of_now: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    oldest_first: bool = False
    after: UUID | None = None


# An execution's place in every list: when it was recorded, its order, its place among the order's events.
ExecutionKey = tuple[datetime, UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions a list is asked for, by when they were recorded. None: every one.

    after: the last execution of the page before.
    """

    limit: int
    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    venues: frozenset[str] | None = None
    side: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    oldest_first: bool = False
    after: ExecutionKey | None = None


class RequestView(View, frozen=True):
    """One request of the log: who asked what of which order. payload: the message as it was published."""

    request_id: UUID
    kind: str
    order_id: UUID
    account_id: str
    principal: str
    channel: str
    received_at: Instant
    payload: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests a list is asked for, newest first, of those received from a time on and before another.

    accounts None: of every account. after: the last request of the page before.
    """

    limit: int
    received_from: datetime
    received_to: datetime
    accounts: frozenset[str] | None = None
    principals: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    order_id: UUID | None = None
    after: UUID | None = None


class ChangeView(View, frozen=True):
    """One change of limits, settings, halts and what else the audit has.

    actor, reason: who made it, and why, as far as it was said. table, key: of which row. operation: INSERT,
    UPDATE, DELETE, or what the audit notes by itself: BEGIN, KEPT, COLUMNS, ANCHOR. before, after: the row's
    columns, of a secret only whether it is another; null where there was or is no row. chain: the link over
    the change before it, in hexadecimal.
    """

    sequence: int
    at: Instant
    actor: str
    reason: str
    table: str
    operation: str
    key: msgspec.Raw
    before: msgspec.Raw | None
    after: msgspec.Raw | None
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes a list is asked for, newest first. None: every one.

    accounts: only those that name one of these. key: one of the values that name the row. after: the last
    change of the page before.
    """

    limit: int
    accounts: frozenset[str] | None = None
    tables: frozenset[str] | None = None
    actors: frozenset[str] | None = None
    key: str | None = None
    made_from: datetime | None = None
    made_to: datetime | None = None
    after: int | None = None


class Records(Protocol):
    """Reads, over many orders, what was asked, executed, and changed by people. Raises UnavailableError."""

    async def executions(self, wanted: ExecutionFilter) -> list[ExecutionView]:
        """Return the executions of a filter."""
        ...

    async def requests(self, wanted: RequestFilter) -> list[RequestView]:
        """Return the requests of a filter, newest first."""
        ...

    async def changes(self, wanted: ChangeFilter) -> list[ChangeView]:
        """Return the changes of a filter, newest first."""
        ...


class OrderReader(Protocol):
    """Reads what is stored. Every method raises UnavailableError when the store is away."""

    async def order(self, order_id: UUID, visible: frozenset[str] | None) -> OrderView | None:
        """Return an order, or None. visible: of which accounts; None for every one.

        An order of another account costs what one that is not there does: no row of it is read back.
        """
        ...

    async def orders(self, wanted: OrderFilter) -> list[OrderView]:
        """Return the orders of a filter."""
        ...

    async def events(self, order_id: UUID) -> list[EventView]:
        """Return an order's audit trail, oldest first."""
        ...

    async def executions(self, order_id: UUID) -> list[ExecutionView]:
        """Return an order's fills, oldest first."""
        ...

    async def routes(self, order_id: UUID) -> list[StoredRoute]:
        """Return an order's routing decisions, first attempt first."""
        ...

    async def positions(self, account_id: str) -> list[HeldPosition]:
        """Return an account's positions by symbol."""
        ...
