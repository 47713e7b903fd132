"""What the handlers need from outside, and the shapes in which it comes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from oms_api.domain.client_numbers import NumbersChange, StoredNumbers
from oms_api.domain.idempotency import KeyConflict, StoredOrder
from oms_api.domain.principal import Principal, Right
from oms_api.domain.question_places import QuestionPlaces
from oms_api.domain.refusal import FieldProblem
from oms_platform.errors import OperationalError
from oms_platform.fix.clients import ClientSettings
from oms_platform.market_rules import LONG_STANDING, MarketRules, Ticks
from oms_platform.messages import BookTrade, CancelOrder, RouteRequest, SubmitOrder
from oms_platform.telemetry.tracing import Tracer
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import OrderTerms, Routing


class UnavailableError(OperationalError):
    """Something that a request needs is away: the request may be sent again later.

    what: in words for whoever asks. because: what a library said of it, for the log alone.
    """

    def __init__(self, what: str, because: object = "") -> None:
        super().__init__(f"{what}: {because}" if because else what)
        self.what = what


class BusyError(UnavailableError):
    """Who was asked has too much to answer already."""


class TooLateError(UnavailableError):
    """Who was asked did not answer in time."""


class IntakeFullError(UnavailableError):
    """So many requests wait to be stored that this one cannot."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order on its way into the store. payload: the message as it is stored and published."""

    message: SubmitOrder
    payload: bytes
    trace: str


class NewChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request about an order on its way into the store. payload: as it is stored and published."""

    message: CancelOrder | BookTrade
    payload: bytes
    trace: str


Request = NewOrder | NewChange


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """The store refused this one order; nothing of it was stored."""

    problem: FieldProblem


class OrderIntake(Protocol):
    """Stores what clients ask for, durably, before they are told so."""

    async def submit(self, order: NewOrder) -> StoredOrder | KeyConflict | RowRefused:
        """Store an order once. Returns after the commit.

        Raises IntakeFullError, and UnavailableError when it is not known whether it was stored.
        """
        ...

    async def change(self, change: NewChange) -> None:
        """Store a request about an order. Raises UnavailableError."""
        ...


class CancelDesk(Protocol):
    """Stores requests to cancel, one for each cancel that an order has pending."""

    async def request(self, cancel: NewChange, status: str) -> UUID:
        """Store a request to cancel, unless the order has one pending. status: the order's, as it was read.

        Returns, after the commit, the id of the request that the order has pending. Raises UnavailableError.
        """
        ...


class OrderKeys(Protocol):
    """Knows which orders are stored, by what makes a repeat of one."""

    async def find(self, terms: OrderTerms) -> StoredOrder | KeyConflict | None:
        """Return what the idempotency key of these terms stands for, if anything. Raises UnavailableError."""
        ...


class RequestLine(Protocol):
    """Carries stored requests to the core. One that is lost on the way, the core takes from the log."""

    def publish(self, requests: Sequence[Request]) -> None:
        """Send requests that are durable, in their order, without waiting."""
        ...


class Backlog(Protocol):
    """Whether the core keeps up with what it is asked."""

    def problem(self) -> str:
        """Return why a new order is not taken now; empty when it is taken."""
        ...

    def count_refused(self) -> None:
        """Count a new order that was refused for that."""
        ...


# A time with its zone.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class View(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of what reads answer with: camelCase names, enum member names, prices as decimal text."""


class OrderView(View, frozen=True, kw_only=True):
    """An order as it stands. routing: what it named of profile, avoid and prefer."""

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
    created_at: Instant
    updated_at: Instant
    avg_px: Decimal | None
    min_quantity: int | None
    routing: dict[str, object] | None
    principal: str


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
    """One fill. cl_ord_id: of the venue order. sequence: its place among the order's events."""

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


class PositionView(View, frozen=True):
    """What an account holds of one symbol."""

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal
    updated_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders a list is asked for, by when they were created. None: every one.

    after: the last order of the page before.
    """

    limit: int
    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    closed: bool | None = None
    side: str | None = None
    client_order_id: str | None = None
    channel: str | None = None
    principal: str | None = None
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


class Records(Protocol):
    """Reads, over many orders, what was asked and what was executed. Raises UnavailableError."""

    async def executions(self, wanted: ExecutionFilter) -> list[ExecutionView]:
        """Return the executions of a filter."""
        ...

    async def requests(self, wanted: RequestFilter) -> list[RequestView]:
        """Return the requests of a filter, newest first."""
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

    async def positions(self, account_id: str) -> list[PositionView]:
        """Return an account's positions by symbol."""
        ...


class AccountView(View, frozen=True):
    """Who trades."""

    account_id: str
    name: str
    kind: str
    status: str


class InstrumentView(View, frozen=True):
    """What is traded, today. tick_size: dollars, at its reference price. lot_size: shares of a round lot.

    calendar_id: of its hours. halt_reason: why it is halted; null when it is not.
    """

    symbol: str
    name: str
    status: str
    tick_size: Decimal
    lot_size: int
    reference_price: Decimal
    calendar_id: str
    halt_reason: str | None


class VenueView(View, frozen=True):
    """Where orders go. add_fee, remove_fee: dollars a share today, below 0 a rebate; null without a schedule.

    latency_us: expected until an acknowledgement. closed_reason: why the router passes it over, or empty.
    session_up: its FIX session; null before it was ever up. session_reason: why it is down.
    """

    venue_id: str
    name: str
    kind: str
    status: str
    latency_us: int
    lot_size: int
    min_quantity: int
    add_fee: Decimal | None
    remove_fee: Decimal | None
    closed_reason: str
    closed_until: Instant | None
    session_up: bool | None
    session_reason: str
    session_changed_at: Instant | None


class Catalog(Protocol):
    """Reads what there is to trade, for whom and where. Raises UnavailableError."""

    async def accounts(self) -> list[AccountView]:
        """Return every account, by id."""
        ...

    async def instruments(self) -> list[InstrumentView]:
        """Return every instrument, by symbol."""
        ...

    async def venues(self) -> list[VenueView]:
        """Return every venue, by id."""
        ...


class QuoteView(View, frozen=True):
    """The national best bid and offer of a symbol over the lit venues. Sizes: shares there in all."""

    symbol: str
    sequence: int
    bid: Decimal | None
    bid_size: int
    ask: Decimal | None
    ask_size: int
    quoted_at: Instant


class LevelView(View, frozen=True):
    """One displayed price."""

    price: Decimal
    size: int


class VenueBookView(View, frozen=True):
    """One venue's displayed book, best level first."""

    venue_id: str
    bids: list[LevelView]
    asks: list[LevelView]


class BookView(View, frozen=True):
    """Every venue's displayed book of a symbol at one instant."""

    symbol: str
    sequence: int
    bid: Decimal | None
    ask: Decimal | None
    venues: list[VenueBookView]
    quoted_at: Instant


class MarketData(Protocol):
    """Asks the market data service. Raises UnavailableError."""

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteView]:
        """Return the newest quote of each symbol, in their order; without those that nobody quotes."""
        ...

    async def book(self, symbol: str) -> BookView | None:
        """Return every venue's displayed book of a symbol; None when nobody quotes it."""
        ...


class StreamedEvent(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a stream needs to know of an OrderEvent. The rest of it goes on to the clients unread."""

    account_id: str
    stream_sequence: int
    order_id: str
    type: str
    occurred_at: datetime


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

    account_id: str = ""


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

    async def positions(self, accounts: Sequence[str]) -> list[StreamedPosition]:
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
        """Return which of the orders have an event of one of these types."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What requests may name, and the rules of the market. profiles: the active ones."""

    accounts: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    rules: MarketRules = LONG_STANDING
    profiles: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


class ReferenceData(Protocol):
    """Accounts, instruments, routing profiles and venues, in memory."""

    def account_exists(self, account_id: str) -> bool:
        """Return whether the account is known."""
        ...

    def ticks(self, symbol: str) -> Ticks | None:
        """Return the grid of a known symbol's prices today, else None."""
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
    closed_until: Instant | None
    updated_at: Instant | None
    scorecard: msgspec.Raw


class Explained(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route's explanation as JSON; None: its inputs are no more there."""

    explanation: bytes | None
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityQuestion:
    """Of which orders execution quality is asked, by what cut. None: all that there are."""

    since: datetime
    until: datetime
    accounts: frozenset[str] | None
    symbols: frozenset[str] | None
    side: str | None
    cut: str
    lines_max: int


class QualityRow(View, frozen=True, kw_only=True):
    """A figure of a line. name, orders to avg_px: the line's; of single orders symbol, side and strategy too.

    The last line is the total, named all. gain: whether more of it is better for us. bps: basis points of the
    notional, share-weighted; bps_low, bps_high: its 95 % interval over `orders_known` orders, null of fewer
    than 10. shares: for which it is known; missing_shares: for which it is not. Amounts are dollars.
    """

    name: str
    symbol: str | None
    side: str | None
    strategy: str | None
    orders: int
    shares_wanted: int
    shares_filled: int
    fills: int
    fill_rate: Decimal | None
    notional: Decimal
    arrival_mid: Decimal | None
    avg_px: Decimal | None
    figure: str
    gain: bool
    bps: Decimal | None
    bps_low: Decimal | None
    bps_high: Decimal | None
    orders_known: int
    dollars: Decimal | None
    per_share: Decimal | None
    shares: int
    missing_shares: int


class QualityView(View, frozen=True, kw_only=True):
    """Execution quality of so many orders. refused: by risk. lines_left_out: over the limit."""

    cut: str
    since: Instant = msgspec.field(name="from")
    until: Instant = msgspec.field(name="to")
    orders: int
    refused: int
    lines_left_out: int
    rows: list[QualityRow]


class Router(Protocol):
    """Asks the SOR what changes nothing. Raises UnavailableError, or RoutingRefusedError with its words."""

    async def preview(self, request: RouteRequest) -> msgspec.Raw:
        """Return the plan that an order would get now with its explanation, as JSON."""
        ...

    async def what_if(self, question: "WhatIf") -> dict[str, msgspec.Raw]:
        """Return a decision as `stored`, decided `again`, and `changed`, as JSON.

        Each is a plan; those that are decided now have their explanation in it.
        """
        ...

    async def explain(self, order_id: UUID) -> dict[int, Explained]:
        """Return the explanations of an order's routes, by attempt."""
        ...

    async def inputs(self, order_id: UUID, attempt: int) -> dict[str, msgspec.Raw]:
        """Return a decision's `request`, `book` and `reference` as JSON."""
        ...

    async def scorecards(self) -> list[ScorecardView]:
        """Return every venue's scorecard."""
        ...

    async def quality(self, question: QualityQuestion) -> QualityView:
        """Return what orders cost against the quotes of their time."""
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

    async def verdict(self, terms: OrderTerms) -> RiskView:
        """Return the verdict that an order would get now."""
        ...


class ProfileView(View, frozen=True):
    """A version of a routing profile."""

    profile: str
    version: int
    active: bool
    settings: dict[str, object]
    created_at: Instant
    created_by: str


class AccountRouting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account's routing preferences. changed_at: None: they were never set."""

    routing: Routing
    changed_at: datetime | None = None


class RoutingAdmin(Protocol):
    """Reads and changes routing profiles and accounts' preferences. Raises UnavailableError."""

    async def profiles(self) -> list[ProfileView]:
        """Return the newest active version of every profile."""
        ...

    async def add_profile(
        self, name: str, settings: dict[str, object], by: str, *, expected: int | None = None
    ) -> int | None:
        """Store a new version of a profile, active from now on, and return its number.

        expected: the newest version, 0 for none; None is returned, and nothing stored, if it is another.
        """
        ...

    async def retire_profile(self, name: str) -> bool:
        """Make every version of a profile inactive. Returns whether any was active."""
        ...

    async def account_routing(self, account_id: str) -> AccountRouting:
        """Return an account's routing preferences."""
        ...

    async def set_account_routing(
        self, account_id: str, routing: Routing, by: str, *, expected: AccountRouting | None = None
    ) -> AccountRouting | None:
        """Replace an account's routing preferences. None, and no change, if they are not those expected."""
        ...


class ExceptionView(View, frozen=True):
    """What a venue said that could not be applied as it is. raw: in Latin-1, byte for byte, SOH as |.

    order_id, account_id: as far as they are known. last_qty, last_px: of a trade that it speaks of.
    """

    exception_id: UUID
    kind: str
    status: str
    venue_id: str
    order_id: UUID | None
    account_id: str | None
    cl_ord_id: str
    exec_id: str
    symbol: str
    side: str
    last_qty: int | None
    last_px: Decimal | None
    detail: str
    raw: str
    raised_by: str
    raised_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionFilter:
    """Which exceptions a list is asked for, newest first. accounts None: every account, and those of none."""

    limit: int
    accounts: frozenset[str] | None = None
    status: str | None = None
    venue_id: str | None = None
    kind: str | None = None
    order_id: UUID | None = None
    before: datetime | None = None


class ExceptionDesk(Protocol):
    """Reads execution exceptions, and closes them by a person's word. Raises UnavailableError."""

    async def exceptions(self, wanted: ExceptionFilter) -> list[ExceptionView]:
        """Return the exceptions of a filter, newest first."""
        ...

    async def exception(self, exception_id: UUID) -> ExceptionView | None:
        """Return an exception, or None."""
        ...

    async def raw(self, exception_id: UUID) -> bytes:
        """Return the message that an exception is about, as it came."""
        ...

    async def ignore(self, exception_id: UUID, by: str, reason: str) -> ExceptionView | None:
        """Close an open exception without any effect. None when it is not open."""
        ...

    async def claim(self, exception_id: UUID, by: str, reason: str, account_id: str) -> ExceptionView | None:
        """Note that an open exception is to be booked, and to which account. None when it is not open."""
        ...


class FixSessionView(View, frozen=True):
    """A venue's FIX session. reason: why it is down. held_out: why it stays logged out, or empty.

    next_out: the MsgSeqNum that it sends next; null before it was ever up. settings: those in use, which hold
    no secret; settings_version: null while they are the adapter's own.
    """

    venue_id: str
    up: bool | None
    reason: str
    changed_at: Instant | None
    on_purpose: bool
    held_out: str
    next_out: int | None
    numbers_began_at: Instant | None
    settings: dict[str, object] | None
    settings_version: int | None
    settings_changed_at: Instant | None
    settings_changed_by: str | None


class FixCommandView(View, frozen=True):
    """What was asked of a venue's session. outcome: in words, once it is done."""

    command_id: UUID
    venue_id: str
    kind: str
    arguments: dict[str, int]
    requested_by: str
    reason: str
    requested_at: Instant
    done_at: Instant | None
    outcome: str


class FixSessionDesk(Protocol):
    """Reads venues' FIX sessions and notes what is asked of them. Raises UnavailableError."""

    async def sessions(self) -> list[FixSessionView]:
        """Return every venue's session, by venue."""
        ...

    async def commands(self, venue_id: str, rows_max: int) -> list[FixCommandView]:
        """Return what was asked of a session, newest first."""
        ...

    async def ask(
        self, venue_id: str, kind: str, arguments: Mapping[str, int], *, by: str, reason: str
    ) -> FixCommandView:
        """Note what is asked of a session; the adapter does it within seconds."""
        ...

    async def withdraw(self, venue_id: str, command_id: UUID, by: str) -> FixCommandView | None:
        """Take back what was asked. None when it is not there, or done."""
        ...


class SwitchView(View, frozen=True):
    """What a person has stopped. name: of the venue, account or symbol; empty for the firm."""

    switch_id: UUID
    scope: str
    name: str
    cancels: bool
    reason: str
    set_by: str
    set_at: Instant
    released_by: str | None
    release_reason: str | None
    released_at: Instant | None


class SwitchDesk(Protocol):
    """Sets and releases kill switches. Raises UnavailableError."""

    async def switches(
        self, *, released: bool, accounts: frozenset[str] | None, rows_max: int
    ) -> list[SwitchView]:
        """Return the switches that are set, and those that were released if wanted, the newest first.

        accounts: of which accounts' own switches; None for every account.
        """
        ...

    async def set(self, scope: str, name: str, *, cancels: bool, by: str, reason: str) -> SwitchView | None:
        """Stop a scope. None when it is stopped already."""
        ...

    async def release(self, switch_id: UUID, by: str, reason: str) -> SwitchView | None:
        """Let a scope trade again. None when there is no such switch that is set."""
        ...


class HaltView(View, frozen=True):
    """A symbol whose trading was halted, by whom and why; lifted_at null: it still is."""

    symbol: str
    reason: str
    set_by: str
    set_at: Instant
    lifted_by: str | None
    lift_reason: str | None
    lifted_at: Instant | None


class MarketDesk(Protocol):
    """Reads when the market trades; sets and lifts halts. Raises UnavailableError."""

    async def calendars(self, first: date | None = None) -> tuple[Calendar, ...]:
        """Return every calendar, with its sessions from `first` on, or from the last days on."""
        ...

    async def halts(self, *, lifted: bool, rows_max: int) -> list[HaltView]:
        """Return the halts that are set, and those that were lifted if wanted, the newest first."""
        ...

    async def halt(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Halt a symbol. None when it is halted already."""
        ...

    async def lift(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Let a symbol trade again. None when it is not halted."""
        ...


class BreakView(View, frozen=True):
    """An open order of which we and its venue did not say the same. settled: the venue's word was taken."""

    cl_ord_id: str
    order_id: UUID
    ours: str
    theirs: str
    settled: bool


class ReconciliationView(View, frozen=True):
    """A comparison of a venue's open orders with its word. over: ended before the venue answered."""

    run_id: UUID
    venue_id: str
    occasion: str
    began_at: Instant
    ended_at: Instant
    asked: int
    agreed: int
    over: int
    breaks: list[BreakView]


class Reconciliations(Protocol):
    """Reads comparisons with venues. Raises UnavailableError."""

    async def reconciliations(
        self, *, venue_id: str | None, broken: bool, before: datetime, rows_max: int
    ) -> list[ReconciliationView]:
        """Return the runs that ended before a time, the newest first, each with its breaks.

        broken: only those that have any.
        """
        ...


class RateStanding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a principal may still ask for: quota requests at once, refilled over window_s.

    left: of them, as far as this gateway knows. full_in_s: until all of them are there again.
    """

    policy: str
    quota: int
    window_s: int
    left: int
    full_in_s: int


class RateLimiter(Protocol):
    """A token bucket per principal."""

    def standing(self, principal: str) -> RateStanding | None:
        """Return what is left to a principal, as far as is known here; None before it has taken any."""
        ...

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
    cancels: CancelDesk
    keys: OrderKeys
    backlog: Backlog
    reader: OrderReader
    reference: ReferenceData
    limiter: RateLimiter
    cancel_limiter: RateLimiter
    question_limiter: RateLimiter
    authenticator: Authenticator
    router: Router
    risk: RiskDesk
    routing_admin: RoutingAdmin
    exceptions: ExceptionDesk
    switches: SwitchDesk
    market: MarketDesk
    reconciliations: Reconciliations
    catalog: Catalog
    records: Records
    fix_sessions: FixSessionDesk
    market_data: MarketData
    tracer: Tracer = field(default_factory=Tracer)
    question_places: QuestionPlaces = field(default_factory=QuestionPlaces)


class FixClient(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A client's FIX session as operators have set it. version: another one after each change."""

    settings: ClientSettings
    password_hash: str
    enabled: bool
    version: int

    @property
    def principal(self) -> Principal:
        """As whom the session asks."""
        rights = frozenset(Right[name] for name in self.settings.rights)
        return Principal(
            subject=f"fix:{self.settings.comp_id}", rights=rights, accounts=frozenset(self.settings.accounts)
        )


class SessionLostError(OperationalError):
    """A session's numbers were moved on by somebody else, or another gateway has it."""


class FixClients(Protocol):
    """Keeps clients' FIX sessions. Every method raises UnavailableError when the store is away."""

    async def client(self, comp_id: str) -> FixClient | None:
        """Return a client's session as it is set, or None."""
        ...

    async def versions(self, comp_ids: Sequence[str]) -> dict[str, int]:
        """Return the version of each of these clients that is enabled."""
        ...

    async def claim(self, comp_id: str, now: datetime) -> StoredNumbers | None:
        """Take a session for this gateway. Returns its numbers; None if another gateway has it."""
        ...

    async def release(self, comp_id: str) -> None:
        """Give a session back. Raises nothing."""
        ...

    async def save(self, change: NumbersChange) -> None:
        """Store what has happened in a session, durably. Raises SessionLostError if it is not ours."""
        ...

    async def sent(
        self, comp_id: str, numbers: int, begin: int, end: int, rows_max: int
    ) -> list[tuple[int, bytes]]:
        """Return application messages that were sent, by their numbers."""
        ...


class FixOrders(Protocol):
    """Finds orders and requests by what FIX calls them. Every method raises UnavailableError."""

    async def order_id(self, accounts: Sequence[str], cl_ord_id: str) -> UUID | None:
        """Return the order that came over FIX to one of these accounts under a ClOrdID."""
        ...

    async def terms(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderTerms]:
        """Return what was asked for."""
        ...

    async def cancels(self, request_ids: Sequence[UUID]) -> dict[UUID, CancelOrder]:
        """Return requests to cancel."""
        ...

    async def cancel_of(self, order_id: UUID) -> CancelOrder | None:
        """Return the request of the cancel that an order ended by or has pending, None for none."""
        ...

    async def has_cancel(self, order_id: UUID, cl_ord_id: str) -> bool:
        """Return whether an order has a request to cancel under this ClOrdID."""
        ...
