"""What the API answers, as frozen Structs: shares are int, dollars Decimal, times datetime in UTC.

The law of this file: a field is what /openapi.json says of it, which tests/contract/test_client.py holds. A
field that an answer has beside these is let pass. Names of states and kinds are text, since there may be new
ones.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of answers."""


class Placed(Answer, frozen=True):
    """An order that is stored. created: false when it was there before, by its client_order_id."""

    order_id: UUID
    client_order_id: str
    status: str
    created: bool
    message: str
    timestamp: datetime


class CancelRequested(Answer, frozen=True):
    """A cancel that is stored. request_id: of the event that will be its outcome."""

    order_id: UUID
    request_id: UUID
    status: str
    message: str


class Requested(Answer, frozen=True):
    """A request about an order that is stored. request_id: of the event that will be its outcome.

    status: the order's as it was read. created: false when it was stored before, by its own id. message: what
    it will do.
    """

    order_id: UUID
    request_id: UUID
    status: str
    created: bool
    message: str


class WrongField(Answer, frozen=True):
    """What is wrong with one field."""

    field: str
    message: str


class Refused(Answer, frozen=True):
    """Why nothing was stored of one of many. status: of the order that it is about, else empty."""

    code: str
    message: str
    fields: list[WrongField]
    status: str = ""


class RequestedLine(Answer, frozen=True):
    """What came of one order of many: `request`, or in `error` why there is none.

    order_id: None of a client_order_id that was named and is of no order there.
    """

    order_id: UUID | None
    client_order_id: str
    request: Requested | None
    error: Refused | None


class RequestedMany(Answer, frozen=True):
    """What came of a request about many orders. more: there are more such; ask again, after the last.

    created: false when it was stored before, by its own id: then these are the orders of that time.
    """

    orders: list[RequestedLine]
    more: bool
    created: bool


class Problem(Answer, frozen=True):
    """Why an order of a batch was not placed, by RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    fields: list[WrongField]
    order_status: str
    request_id: str
    error: Refused


class PlacedLine(Answer, frozen=True):
    """What an order of a batch came to. status: the HTTP status that it would have alone.

    placed, problem: both None of an order that was checked only, and would be placed. risk: of such an order,
    the verdict that it would get after those before it; None where core cannot be asked.
    """

    status: int
    placed: Placed | None
    problem: Problem | None
    risk: "Risk | None" = None


class PlacedMany(Answer, frozen=True):
    """What the orders of a batch came to, in their order."""

    orders: list[PlacedLine]


class Order(Answer, frozen=True):
    """An order as it stands. limit_price None: of an order at the market. stop_price None: of one that waits
    for none. expire_at: until when it is good; None: not GTD. avg_px None: nothing is filled.

    filled_notional: dollars. routing: what it named of profile, avoid and prefer. text: why it is as it is.
    display_qty: shares that are shown at once where it rests, None for all. locate_id: of the shares that a
    short sale borrows. tags: its client's own words about it, by name. algo: how it is worked over time.
    peg: what the price of a pegged order follows. basket_id: the list that it was sent with.
    """

    order_id: UUID
    account_id: str
    channel: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    expire_at: datetime | None
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
    created_at: datetime
    updated_at: datetime
    avg_px: Decimal | None
    min_quantity: int | None
    routing: dict[str, Any] | None
    algo: dict[str, Any] | None
    peg: dict[str, str] | None
    basket_id: str | None
    principal: str
    capacity: str
    display_qty: int | None
    post_only: bool
    locate_id: str | None
    tags: dict[str, str] | None


class AlgoSlice(Answer, frozen=True):
    """One slice of an algo order's plan; shares are in all, with those before.

    released_qty, released_at None: not let go yet. done_qty: by the time of the next slice, or by now; None
    while it is not due.
    """

    slice: int
    due_at: datetime
    planned_qty: int
    released_qty: int | None
    released_at: datetime | None
    done_qty: int | None


class AlgoProgress(Answer, frozen=True):
    """An algo order's plan against what was done. planned_at None: its time has not begun.

    base_qty: done or at work when the plan was made. counted_volume: of the market's, what counts for the
    participation. held: why nothing is released that is due, else empty.
    """

    order_id: UUID
    algo: dict[str, Any]
    status: str
    quantity: int
    cum_qty: int
    released_qty: int
    planned_at: datetime | None
    base_qty: int
    counted_volume: int
    held: str
    slices: list[AlgoSlice]


class OrderPage(Answer, frozen=True):
    """A page of orders, the newest first. next_cursor None: the last page."""

    orders: list[Order]
    next_cursor: str | None


class Event(Answer, frozen=True):
    """One entry of an order's audit trail. payload: the SubmitOrder, or the OrderEvent, as published."""

    sequence: int
    event_id: UUID
    stream_sequence: int | None
    event_type: str
    status: str
    occurred_at: datetime
    payload: dict[str, Any]


class OrderEvents(Answer, frozen=True):
    """An order's audit trail, oldest first."""

    order_id: UUID
    events: list[Event]


class Execution(Answer, frozen=True):
    """One fill. last_px: dollars a share. received_at: by the platform. cl_ord_id: of the venue order.

    sequence: its place among the order's events. recorded_at: when it was applied. fee: dollars that it was
    charged, below 0 a rebate; settles_on: of its cash, None in trades of before fees were charged.
    last_liquidity: FIX 851, 0 where the venue does not say.
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
    transact_time: datetime
    received_at: datetime
    recorded_at: datetime
    fee: Decimal
    settles_on: date | None
    last_liquidity: int


class ExecutionPage(Answer, frozen=True):
    """A page of executions. next_cursor None: the last page."""

    executions: list[Execution]
    next_cursor: str | None


class Request(Answer, frozen=True):
    """One request of the log: who asked what of which order. payload: the message as it was published."""

    request_id: UUID
    kind: str
    order_id: UUID
    account_id: str
    principal: str
    channel: str
    received_at: datetime
    payload: dict[str, Any]


class RequestPage(Answer, frozen=True):
    """A page of requests. next_cursor None: the last page."""

    requests: list[Request]
    next_cursor: str | None


class Change(Answer, frozen=True):
    """One change of limits, settings, halts and what else the audit has: who changed which row to what.

    before, after: the row's columns; None where there was or is no row. chain: the link over the change
    before it, in hexadecimal.
    """

    sequence: int
    at: datetime
    actor: str
    reason: str
    table: str
    operation: str
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    chain: str


class ChangePage(Answer, frozen=True):
    """A page of changes. next_cursor None: the last page."""

    changes: list[Change]
    next_cursor: str | None


class OrderExecutions(Answer, frozen=True):
    """An order's fills, oldest first."""

    order_id: UUID
    executions: list[Execution]


class Child(Answer, frozen=True):
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
    created_at: datetime
    acked_at: datetime | None
    updated_at: datetime


class Route(Answer, frozen=True):
    """One routing decision. plan: with its `explanation`, or null there and in explanation_problem why.

    proven: decided again on the stored inputs it comes out the same; None where that cannot be said.
    """

    attempt: int
    route_id: UUID
    decided_at: datetime
    plan: dict[str, Any]
    proven: bool | None
    explanation_problem: str
    children: list[Child]


class OrderRoutes(Answer, frozen=True):
    """An order's routing decisions, first attempt first."""

    order_id: UUID
    routes: list[Route]


class Risk(Answer, frozen=True):
    """The verdict that an order would get now. denial: `CODE: key=value`, empty when accepted."""

    accepted: bool
    denial: str
    checks: list[dict[str, Any]]


class Preview(Answer, frozen=True):
    """What an order that is not sent would meet."""

    plan: dict[str, Any]
    risk: Risk
    sent: bool


class ReplacePreview(Answer, frozen=True):
    """What a replace that is not sent would meet."""

    risk: Risk
    sent: bool


class WhatIf(Answer, frozen=True):
    """A decision as it was stored, decided again as it was, and with the changes. Each is a plan."""

    stored: dict[str, Any]
    again: dict[str, Any]
    changed: dict[str, Any]


class RouteInputs(Answer, frozen=True):
    """What a decision stood on."""

    request: dict[str, Any]
    book: dict[str, Any]
    reference: dict[str, Any]


class Scorecard(Answer, frozen=True):
    """What our own fills say of a venue. closed_reason: why the router passes it over, or empty."""

    venue_id: str
    closed_reason: str
    closed_until: datetime | None
    updated_at: datetime | None
    scorecard: dict[str, Any]


class Scorecards(Answer, frozen=True):
    """Every venue's scorecard."""

    venues: list[Scorecard]


class QualityRow(Answer, frozen=True):
    """A figure of a line of a report. name, orders to avg_px: the line's; the last line is the total, all.

    gain: whether more of it is better for us. bps: basis points of the notional, share-weighted; bps_low,
    bps_high: its 95 % interval over orders_known orders, None of fewer than 10. shares: for which it is
    known; missing_shares: for which it is not; short_shares: those of them that a naive router would not have
    found displayed. symbol, side, strategy, arrival_mid, avg_px: of single orders.
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
    short_shares: int


class ExecutionQuality(Answer, frozen=True):
    """What so many orders cost. refused: those that risk refused. lines_left_out: those over the limit."""

    cut: str
    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    orders: int
    refused: int
    lines_left_out: int
    rows: list[QualityRow]


class Profile(Answer, frozen=True):
    """A version of a routing profile. created_by, reason: who added it and why; retired_by: who ended it."""

    profile: str
    version: int
    active: bool
    settings: dict[str, Any]
    created_at: datetime
    created_by: str
    reason: str
    retired_at: datetime | None
    retired_by: str | None
    retired_reason: str | None


class ProfileVersions(Answer, frozen=True):
    """The newest versions of a routing profile, at most 200, the newest first."""

    versions: list[Profile]


class Profiles(Answer, frozen=True):
    """The newest active version of every routing profile."""

    profiles: list[Profile]


class ProfileAdded(Answer, frozen=True):
    """A version of a profile that is active from now on."""

    profile: str
    version: int


class ProfileRetired(Answer, frozen=True):
    """A profile that is used no more."""

    profile: str
    active: bool


class Preferences(Answer, frozen=True):
    """How an account wants to be routed. version: of these preferences, 0 before they were ever set."""

    profile: str
    avoid: list[str]
    prefer: list[str]
    version: int


class Me(Answer, frozen=True):
    """Who the token speaks for. accounts: `*` alone is every account."""

    subject: str
    rights: list[str]
    accounts: list[str]


class Account(Answer, frozen=True):
    """Who trades. kind: INSTITUTION, HEDGE_FUND, RETAIL. status: ACTIVE, SUSPENDED, CLOSED.

    version: counts its changes; changed_by, reason, changed_at: of the last one.
    """

    account_id: str
    name: str
    kind: str
    status: str
    firm: str
    desk: str
    version: int
    changed_by: str
    reason: str
    changed_at: datetime


class Accounts(Answer, frozen=True):
    """The accounts that the caller sees, by id."""

    accounts: list[Account]


class Position(Answer, frozen=True):
    """What an account holds of a symbol: shares, below 0 sold short; dollars. Fees are in no profit or loss.

    opened: the cost that was brought in from elsewhere: net_cash + cost = realized_pnl + opened. mark: of a
    share; None, and what follows from it, where nobody knows. mark_source: QUOTE, STALE, REFERENCE or NONE;
    stale: it is of no quote of now, and mark_reason says why.
    """

    symbol: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    net_cash: Decimal
    updated_at: datetime
    fees: Decimal
    opened: Decimal
    mark: Decimal | None
    mark_source: str
    mark_at: datetime | None
    mark_reason: str
    stale: bool
    unrealized_pnl: Decimal | None
    total_pnl: Decimal | None


class Positions(Answer, frozen=True):
    """An account's positions, by symbol."""

    account_id: str
    positions: list[Position]


class Unsettled(Answer, frozen=True):
    """Cash that settles on a day to come, below 0 for what is to be paid."""

    settles_on: date
    amount: Decimal


class Pnl(Answer, frozen=True):
    """How an account stands, in dollars. cash: settled_cash and everything unsettled.

    gross, net: of positions at their marks. They, unrealized_pnl and total_pnl are None where a position has
    no mark. fees: in no profit or loss. stale: some mark is of no quote of now.
    """

    account_id: str
    as_of: datetime
    cash: Decimal
    settled_cash: Decimal
    unsettled: list[Unsettled]
    gross: Decimal | None
    net: Decimal | None
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    total_pnl: Decimal | None
    fees: Decimal
    stale: bool
    positions: list[Position]


class CashEntry(Answer, frozen=True):
    """What moved an account's cash beside executions. amount: dollars, below 0 for what was taken out."""

    entry_id: UUID
    account_id: str
    kind: str
    amount: Decimal
    settles_on: date
    entered_by: str
    reason: str
    entered_at: datetime


class CashEntries(Answer, frozen=True):
    """What moved an account's cash beside executions, the newest first."""

    entries: list[CashEntry]


class SplitLine(Answer, frozen=True):
    """What a split makes of a position. paid: dollars for a part of a share, below 0 where short."""

    account_id: str
    quantity: int
    quantity_after: int
    paid: Decimal


class Split(Answer, frozen=True):
    """A split: numerator shares for every denominator, parts of a share paid out at a price.

    done: False for one that was only checked. taken: whether the cores have taken all of it already.
    """

    symbol: str
    numerator: int
    denominator: int
    price: Decimal
    reference_price: Decimal
    positions: list[SplitLine]
    done: bool
    taken: bool


class RenameLine(Answer, frozen=True):
    """What is held under a new symbol of an account: shares, what they cost, what was made and charged."""

    account_id: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    fees: Decimal


class Rename(Answer, frozen=True):
    """What all accounts hold of a symbol is held under another one, and the old one is INACTIVE.

    done: False for one that was only checked. taken: whether the cores have taken all of it already.
    """

    symbol: str
    new_symbol: str
    positions: list[RenameLine]
    done: bool
    taken: bool


class PositionsRefused(Answer, frozen=True):
    """Positions of an account that its core has not taken, and why: something happened in it meanwhile."""

    account_id: str
    why: str


class PositionsLoaded(Answer, frozen=True):
    """What was loaded. taken: whether the cores have taken all of it already, as they do within a second.

    refused: the accounts whose positions are as they were.
    """

    positions: int
    cash: int
    taken: bool
    refused: list[PositionsRefused]


class Instrument(Answer, frozen=True):
    """What is traded, today. tick_size: dollars, at its reference price. lot_size: shares of a round lot.

    calendar_id: of its hours. halt_reason: why it is halted; None when it is not. listing_venue: who holds
    its auctions; None for nobody that is known. version: counts its changes; changed_by, reason, changed_at:
    of the last one, and empty of one from before they were kept.
    """

    symbol: str
    name: str
    status: str
    tick_size: Decimal
    lot_size: int
    reference_price: Decimal
    calendar_id: str
    halt_reason: str | None
    sector: str
    listing_venue: str | None
    version: int
    changed_by: str
    reason: str
    changed_at: datetime


class Instruments(Answer, frozen=True):
    """What is traded, by symbol."""

    instruments: list[Instrument]


class Venue(Answer, frozen=True):
    """Where orders go. add_fee, remove_fee: dollars a share today, below 0 a rebate.

    session_up: its FIX session; None before it was ever up.
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
    closed_until: datetime | None
    session_up: bool | None
    session_reason: str
    session_changed_at: datetime | None


class Venues(Answer, frozen=True):
    """Where orders go, by id."""

    venues: list[Venue]


class Quote(Answer, frozen=True):
    """A symbol's national best bid and offer, dollars; None on a side that nobody quotes. Sizes: shares.

    last_price, last_size: of the newest trade at any venue; None where the feed has told of none. volume:
    shares that were traded since the feed began to count; None where it does not count.
    """

    symbol: str
    sequence: int
    bid: Decimal | None
    bid_size: int
    ask: Decimal | None
    ask_size: int
    quoted_at: datetime
    last_price: Decimal | None = None
    last_size: int | None = None
    volume: int | None = None


class Quotes(Answer, frozen=True):
    """The newest quotes, in the order that was asked for; a symbol that nobody quotes is left out."""

    quotes: list[Quote]


class Level(Answer, frozen=True):
    """One displayed price and the shares there."""

    price: Decimal
    size: int


class VenueBook(Answer, frozen=True):
    """One venue's displayed book, best level first."""

    venue_id: str
    bids: list[Level]
    asks: list[Level]


class Book(Answer, frozen=True):
    """Every venue's displayed book of a symbol at one instant."""

    symbol: str
    sequence: int
    bid: Decimal | None
    ask: Decimal | None
    venues: list[VenueBook]
    quoted_at: datetime


class ExecutionException(Answer, frozen=True):
    """What a venue said that could not be applied as it is. raw: Latin-1, byte for byte, SOH as |."""

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
    raised_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None


class ExecutionExceptions(Answer, frozen=True):
    """Exceptions, the newest first."""

    exceptions: list[ExecutionException]


class BookingTaken(Answer, frozen=True):
    """A booking that is stored. request_id: of the event on order_id that will be its outcome."""

    exception_id: UUID
    order_id: UUID
    request_id: UUID
    status: str


class RuleParameter(Answer, frozen=True):
    """A parameter of a rule of risk, from least to most, or one of choices. default None: no limit."""

    name: str
    unit: str
    meaning: str
    least: str | None
    most: str | None
    choices: list[str]
    default: str | None


class RiskRule(Answer, frozen=True):
    """A rule of pre-trade risk. facts: nothing of it can be set. required: without its parameters orders are
    denied. controls: what it is for. at_venue: what it is of an order that is sent to a venue, None where a
    scope must not name one.
    """

    name: str
    meaning: str
    controls: list[str]
    facts: bool
    required: bool
    on_missing: str
    parameters: list[RuleParameter]
    at_venue: str | None


class RiskRules(Answer, frozen=True):
    """Every rule of risk, by precedence."""

    rules: list[RiskRule]


class Limit(Answer, frozen=True):
    """What is set of a rule for a scope, names by kind; None, and what is not in parameters, comes from wider
    scopes. version: of the change that set it.
    """

    rule: str
    scope: dict[str, str]
    mode: str | None
    severity: str | None
    on_missing: str | None
    parameters: dict[str, Any]
    version: int
    changed_by: str
    reason: str
    changed_at: datetime


class LimitChange(Limit, frozen=True):
    """A change of what is set of a rule for a scope. removed: nothing is any more."""

    removed: bool


class LimitPage(Answer, frozen=True):
    """A page of what is set, the newest first. next_cursor None: the last page."""

    limits: list[Limit]
    next_cursor: str | None


class LimitHistory(Answer, frozen=True):
    """A page of changes, the newest first. next_cursor None: the last page."""

    changes: list[LimitChange]
    next_cursor: str | None


class EffectiveLimit(Answer, frozen=True):
    """What holds of a rule for an order. scope: the closest that says something of it, or `default`. lacks:
    required parameters that nobody has set.
    """

    rule: str
    mode: str
    severity: str
    on_missing: str
    parameters: dict[str, Any]
    scope: str
    lacks: list[str]


class EffectiveLimits(Answer, frozen=True):
    """What holds for an order of these names, by precedence of the rules."""

    names: dict[str, str]
    limits: list[EffectiveLimit]


class LimitsSet(Answer, frozen=True):
    """What holds of each row that was set."""

    limits: list[Limit]


class RuleLetPass(Answer, frozen=True):
    """A rule that denied: what it found, and the limit. It may find no worse, and its limit be no tighter."""

    rule: str
    value: str
    limit: str


class Override(Answer, frozen=True):
    """Leave for one order to pass rules that denied it. status: OPEN, USED, REVOKED or EXPIRED.

    order_id: that was denied, or of the replace that was (kind REPLACE). trader: who asked, and may ask again
    for as much or less at no worse a limit. used_by: the order, or the request to replace, that passed by it.
    """

    override_id: UUID
    status: str
    kind: str
    order_id: UUID
    request_id: UUID
    account_id: str
    trader: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: int
    limit_price: Decimal | None
    rules: list[RuleLetPass]
    granted_by: str
    reason: str
    granted_at: datetime
    expires_at: datetime
    used_by: UUID | None
    used_at: datetime | None
    revoked_by: str | None
    revoke_reason: str | None
    revoked_at: datetime | None


class Overrides(Answer, frozen=True):
    """Leave that was given, the newest first."""

    overrides: list[Override]


class Locate(Answer, frozen=True):
    """A locate. quantity: shares; drawn: what orders have sold of it and may still sell; left: the rest.

    valid_on: the day of the session that it is good for.
    """

    account_id: str
    symbol: str
    reference: str
    broker: str
    quantity: int
    drawn: int
    left: int
    valid_on: date
    entered_by: str
    reason: str
    entered_at: datetime


class EasyToBorrow(Answer, frozen=True):
    """The symbols of a day that need no locate, and who said so."""

    symbols: list[str]
    entered_by: str
    reason: str
    entered_at: datetime


class Locates(Answer, frozen=True):
    """Locates of a day, by symbol and account, and its easy-to-borrow list, None where none is loaded."""

    day: date
    locates: list[Locate]
    easy_to_borrow: EasyToBorrow | None


class KillSwitch(Answer, frozen=True):
    """What somebody has stopped. scope: names by kind, none for everything. stage: BLOCK, CANCEL or FLATTEN.

    raised: each time that its stage was raised. trigger_id: of what set it by itself.
    """

    switch_id: UUID
    scope: dict[str, str]
    stage: str
    reason: str
    set_by: str
    set_at: datetime
    raised: list[dict[str, str]]
    trigger_id: UUID | None
    released_by: str | None
    release_reason: str | None
    released_at: datetime | None


class KillSwitches(Answer, frozen=True):
    """Kill switches, the newest first."""

    kill_switches: list[KillSwitch]


class KillEffect(Answer, frozen=True):
    """Since when a process goes by a switch at a stage."""

    service: str
    member: str
    stage: str
    since: datetime


class KillOutstanding(Answer, frozen=True):
    """An order, or with a cl_ord_id a child, that a switch found open and that is not over; and why."""

    order_id: UUID
    cl_ord_id: str
    account_id: str
    venue_id: str
    open_qty: int
    since: datetime
    why: str


class ClosedPosition(Answer, frozen=True):
    """A position that a switch closes. found_qty, held: signed shares when it was found, and now.

    state: WAITS, CLOSING, FLAT or RELEASED; why: what it waits for. rounds: how many orders were made to
    close it; order_id, open_qty: the last of them, and what is open of it.
    """

    account_id: str
    symbol: str
    found_qty: int
    held: int
    state: str
    why: str
    rounds: int
    order_id: UUID | None
    open_qty: int
    since: datetime


class CoveredPosition(Answer, frozen=True):
    """A position that a switch would close. quantity: signed shares; side: of what closes it.

    mark, value: dollars a share and in all; null where nobody knows a mark, stale where it is none of now.
    """

    account_id: str
    symbol: str
    quantity: int
    side: str
    mark: Decimal | None
    stale: bool
    value: Decimal | None


class FlattenPreview(Answer, frozen=True):
    """What a switch of a scope would close if it were set now: how many positions, and the first of them."""

    scope: dict[str, str]
    positions_covered: int
    positions: list[CoveredPosition]


class KillSwitchDetail(Answer, frozen=True):
    """A switch with its effect: who goes by it, what it found open, how much of that is over, what is not.

    positions: of a switch that flattens, those that are not flat first; how many it found, how many are flat.
    """

    kill_switch: KillSwitch
    in_effect: list[KillEffect]
    orders_covered: int
    orders_over: int
    children_covered: int
    children_over: int
    outstanding: list[KillOutstanding]
    positions_found: int
    positions_flat: int
    positions: list[ClosedPosition]


class KillTrigger(Answer, frozen=True):
    """What sets a switch by itself. threshold: in the unit of its kind."""

    trigger_id: UUID
    kind: str
    scope: dict[str, str]
    threshold: int
    window_s: int
    stage: str
    mode: str
    changed_by: str
    reason: str
    changed_at: datetime


class KillTriggers(Answer, frozen=True):
    """What sets kill switches by itself."""

    kill_triggers: list[KillTrigger]


class Calendar(Answer, frozen=True):
    """A market's hours. until: when it closes, or opens next; None when no session is known.

    is_continuous: it never closes; its day ends all the same.
    """

    calendar_id: str
    zone: str
    is_continuous: bool
    is_open: bool
    until: datetime | None
    last_close: datetime | None


class Calendars(Answer, frozen=True):
    """Every calendar, by id."""

    calendars: list[Calendar]


class Session(Answer, frozen=True):
    """A day's trading, from opens_at on and up to closes_at."""

    session_date: date
    opens_at: datetime
    closes_at: datetime
    early_close: bool


class CalendarSessions(Answer, frozen=True):
    """A calendar and its sessions, the earliest first."""

    calendar: Calendar
    sessions: list[Session]


class Halt(Answer, frozen=True):
    """A symbol whose trading was halted, by whom and why; lifted_at None: it still is."""

    symbol: str
    reason: str
    set_by: str
    set_at: datetime
    lifted_by: str | None
    lift_reason: str | None
    lifted_at: datetime | None


class Halts(Answer, frozen=True):
    """Halts, the newest first."""

    halts: list[Halt]


class RiskAlert(Answer, frozen=True):
    """A limit that is near or passed. account_id: None for a firm's. share_pct: of the bound, reached.

    value, bound, headroom, worst: in the unit. set_for: the scope that the bound is from. times_raised: each
    time at a higher share; acknowledged_by, note and acknowledged_at are of the last.
    """

    alert_id: UUID
    account_id: str | None
    scope: dict[str, str]
    rule: str
    level: str
    state: str
    share_pct: int
    value: str
    bound: str
    headroom: str
    worst: str
    unit: str
    set_for: str
    times_raised: int
    first_seen: datetime
    last_seen: datetime
    cleared_at: datetime | None
    why_cleared: str
    acknowledged_by: str | None
    note: str | None
    acknowledged_at: datetime | None


class RiskAlerts(Answer, frozen=True):
    """Alerts, the newest first."""

    alerts: list[RiskAlert]


class SurveillanceReport(Answer, frozen=True):
    """A run of surveillance over a day. parameters: by pattern. digest: of all that was looked at."""

    report_id: UUID
    day: date
    patterns: list[str]
    parameters: dict[str, dict[str, int]]
    orders: int
    executions: int
    digest: str
    findings: int
    run_by: str
    run_at: datetime


class SurveillanceReports(Answer, frozen=True):
    """Reports, the newest first."""

    reports: list[SurveillanceReport]


class Finding(Answer, frozen=True):
    """Orders that look like a pattern, and why. identity: the same for the same orders in a later run."""

    finding_id: UUID
    report_id: UUID
    day: date
    identity: str
    pattern: str
    state: str
    firm: str
    accounts: list[str]
    symbol: str
    orders: list[UUID]
    began_at: datetime
    ended_at: datetime
    figures: dict[str, int]
    why: str
    reviewed_by: str | None
    note: str | None
    reviewed_at: datetime | None


class Findings(Answer, frozen=True):
    """Findings, the latest day first."""

    findings: list[Finding]


class Break(Answer, frozen=True):
    """An open order of which we and its venue did not say the same. settled: the venue's word was taken."""

    cl_ord_id: str
    order_id: UUID
    ours: str
    theirs: str
    settled: bool


class Reconciliation(Answer, frozen=True):
    """A comparison of a venue's open orders with its word. over: ended before the venue answered."""

    run_id: UUID
    venue_id: str
    occasion: str
    began_at: datetime
    ended_at: datetime
    asked: int
    agreed: int
    over: int
    breaks: list[Break]


class Reconciliations(Answer, frozen=True):
    """Comparisons, the newest first."""

    reconciliations: list[Reconciliation]


class FixSession(Answer, frozen=True):
    """A venue's FIX session. reason: why it is down. held_out: why it stays logged out, or empty.

    next_out: the MsgSeqNum that it sends next. settings: in use; settings_version None: the adapter's own.
    """

    venue_id: str
    up: bool | None
    reason: str
    changed_at: datetime | None
    on_purpose: bool
    held_out: str
    next_out: int | None
    numbers_began_at: datetime | None
    settings: dict[str, Any] | None
    settings_version: int | None
    settings_changed_at: datetime | None
    settings_changed_by: str | None


class FixSessions(Answer, frozen=True):
    """Every venue's FIX session."""

    fix_sessions: list[FixSession]


class FixCommand(Answer, frozen=True):
    """What was asked of a venue's session. outcome: in words, once it is done."""

    command_id: UUID
    venue_id: str
    kind: str
    arguments: dict[str, int]
    requested_by: str
    reason: str
    requested_at: datetime
    done_at: datetime | None
    outcome: str


class FixCommands(Answer, frozen=True):
    """What was asked of a session, the newest first."""

    commands: list[FixCommand]
