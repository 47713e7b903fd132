"""What the doors do about requests that change orders, of one or of many: plain functions to an answer.

The law of this file: a client's own id is looked up before its request is refused for how an order stands, so
that a repeat gets the first answer whatever has happened since.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from oms_api.domain.idempotency import Key
from oms_api.domain.kill_refusals import refusal_of_change
from oms_api.domain.order_requests import (
    KEY_FIELD,
    ORDERS_SELECTED_MAX,
    RULES,
    OrderState,
    RequestKind,
    Selection,
    key_problem,
    read_change,
    refusal_of_state,
    selection_problem,
    what_will_happen,
)
from oms_api.domain.peg_terms import read_peg
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import (
    FieldProblem,
    Refusal,
    RefusalCode,
    changed_meanwhile,
    invalid,
    no_such_order,
    shown,
)
from oms_api.domain.terms import channel_problem
from oms_api.handlers import handle_get_order
from oms_api.ports import (
    KINDS,
    MESSAGES,
    ChangeMessage,
    NewChange,
    OrderFilter,
    OrderView,
    Ports,
    RiskView,
    RoutingRefusedError,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.kill_switches import NO_NAME, Owner
from oms_platform.messages import BookTrade, ReplaceOrder
from oms_platform.prices import micros_of
from oms_platform.scopes import STRATEGY_TAG
from oms_platform.vocabulary import (
    AlgoStrategy,
    OrderChange,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from oms_platform.wire import encode

# Of a request that its caller gives an id and no channel.
CHANNEL_DEFAULT: Final = "API"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller asks about one order. content: of a replace, decoded JSON with exact numbers.

    request_key: the request's own id, under which it is stored once; empty: it has none. cl_ord_id: what a
    door calls a request that has no such id. as_read: whether the order is what the caller takes it for; what
    happens to it from now on, it does not say.
    """

    kind: RequestKind
    order_id: str
    content: Mapping[str, object]
    channel: str | None
    request_key: str = ""
    cl_ord_id: str = ""
    as_read: Callable[[OrderView], bool] = lambda _order: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A request about an order that is stored; `status` is the order's at that moment.

    created: false when it was stored before, and this is its answer again. will: what it will do.
    """

    kind: RequestKind
    order_id: UUID
    request_id: UUID
    status: str
    created: bool
    will: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What came of one order of many. order_id None, client_order_id: of one that is named and not there."""

    order_id: UUID | None
    outcome: Requested | Refusal
    client_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedOfMany:
    """What came of a request about many orders: its request of each, or why there is none.

    more: there are more such orders. created: false when it was stored before; then no order is looked for.
    """

    kind: RequestKind
    lines: list[Line]
    more: bool
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfMany:
    """What a caller asks about many orders; request_key as of one. accounts: of which; None for every one."""

    kind: RequestKind
    selection: Selection
    channel: str | None
    request_key: str
    accounts: frozenset[str] | None


def state_of(order: OrderView) -> OrderState:
    """Return what decides what may be asked of an order."""
    return OrderState(
        order_id=order.order_id,
        status=OrderStatus[order.status],
        closed=order.closed,
        cum_qty=order.cum_qty,
        order_type=OrderType[order.order_type],
        time_in_force=TimeInForce[order.time_in_force],
        min_quantity=order.min_quantity or 0,
        side=Side[order.side],
        quantity=order.quantity,
        locate_id=order.locate_id or "",
        display_quantity=order.display_qty or 0,
        post_only=order.post_only,
        limit_price_micros=None if order.limit_price is None else micros_of(order.limit_price),
        algo_strategy=None if order.algo is None else AlgoStrategy[str(order.algo["strategy"])],
        peg=read_peg(order.peg, []),
    )


def _names_problem(channel: str | None, request_key: str) -> Refusal | None:
    problems = [
        problem
        for problem in (
            None if channel is None else channel_problem(channel),
            key_problem(request_key) if request_key else None,
        )
        if problem is not None
    ]
    return invalid(*problems) if problems else None


async def handle_change(
    ports: Ports, clock: Clock, principal: Principal, asked: Asked, *, trace: str
) -> Requested | Refusal:
    """Store a request about an order. Returns after it is durable. Raises UnavailableError.

    It is taken whatever the core and Kafka are doing: whoever wants out is never told to wait.
    """
    refusal = _names_problem(asked.channel, asked.request_key)
    if refusal is not None:
        return refusal
    order = await handle_get_order(ports, principal, asked.order_id)
    if isinstance(order, Refusal):
        return order
    change: OrderChange | None = None
    if asked.kind is RequestKind.REPLACE:
        found = _read_change(ports, clock, order, asked.content)
        if isinstance(found, Refusal):
            return found
        change = found
    message = _message(
        asked.kind, order, clock, principal, asked.channel, asked.request_key or asked.cl_ord_id, change
    )
    key = _key(order.account_id, asked.channel, asked.request_key)
    if key is not None:
        message = msgspec.structs.replace(message, channel=key[1])
    if not asked.as_read(order):
        refusal = changed_meanwhile(f"order {order.order_id}")
    else:
        refusal = _not_taken(ports, asked.kind, order, change)
    if refusal is not None:
        return await _repeat(ports, order, message, key) or refusal
    stored = await _store(
        ports, NewChange(message=message, payload=encode(message), trace=trace, key=key), order
    )
    if stored is None:
        return await _repeat(ports, order, message, key) or _key_taken(key, order.order_id)
    return _requested(message, order, request_id=stored, created=stored == message.request_id)


async def handle_preview_change(
    ports: Ports, clock: Clock, principal: Principal, order_id: str, content: Mapping[str, object]
) -> RiskView | Refusal:
    """Return the risk verdict of a replace that is not sent, or why it would not be taken."""
    order = await handle_get_order(ports, principal, order_id)
    if isinstance(order, Refusal):
        return order
    change = _read_change(ports, clock, order, content)
    if isinstance(change, Refusal):
        return change
    refusal = _not_taken(ports, RequestKind.REPLACE, order, change)
    if refusal is not None:
        return refusal
    try:
        return await ports.risk.verdict_of_change(order.account_id, order.order_id, change)
    except RoutingRefusedError:
        # Core does not know it yet, or any more.
        return no_such_order(order_id)


def _read_change(
    ports: Ports, clock: Clock, order: OrderView, content: Mapping[str, object]
) -> OrderChange | Refusal:
    symbol, known = order.symbol, ports.reference
    ticks, calendar = known.ticks(symbol), known.calendar(symbol)
    found = read_change(
        content, state_of(order), ticks, calendar, clock(), lambda price: known.round_lot(symbol, price)
    )
    return found if isinstance(found, OrderChange) else invalid(*found)


def _not_taken(
    ports: Ports, kind: RequestKind, order: OrderView, change: OrderChange | None
) -> Refusal | None:
    """Return why a request about an order is not taken: for how the order stands, or for a kill switch."""
    state, kills = state_of(order), ports.kills.known()
    strategy = (order.tags or {}).get(STRATEGY_TAG) or (order.algo or {}).get("strategy") or NO_NAME
    thing = kills.thing(order.account_id, order.symbol, Owner(order.principal or NO_NAME, str(strategy)))
    return refusal_of_state(kind, state, change) or refusal_of_change(kills, kind, state, thing, change)


async def _store(ports: Ports, change: NewChange, order: OrderView) -> UUID | None:
    """Store a request about one order. Returns its id, or of the cancel pending; None: its key is taken."""
    if change.key is None and KINDS[type(change.message)] is RequestKind.CANCEL:
        return await ports.cancels.request(change, order.status)
    return change.message.request_id if await ports.intake.change(change) else None


def _key(account_id: str, channel: str | None, request_key: str) -> Key | None:
    return (account_id, channel or CHANNEL_DEFAULT, request_key) if request_key else None


def _message(
    kind: RequestKind,
    order: OrderView,
    clock: Clock,
    principal: Principal,
    channel: str | None,
    cl_ord_id: str,
    change: OrderChange | None = None,
) -> ChangeMessage:
    made = MESSAGES[kind] if change is None else partial(ReplaceOrder, change=change)
    return made(  # type: ignore[call-arg]
        request_id=uuid7(),
        order_id=order.order_id,
        account_id=order.account_id,
        principal=principal.subject,
        received_at=clock(),
        channel=channel or "",
        cl_ord_id=cl_ord_id,
    )


def _requested(message: ChangeMessage, order: OrderView, *, request_id: UUID, created: bool) -> Requested:
    kind = KINDS[type(message)]
    change = message.change if isinstance(message, ReplaceOrder) else None
    return Requested(
        kind=kind,
        order_id=order.order_id,
        request_id=request_id,
        status=order.status,
        created=created,
        will=what_will_happen(kind, state_of(order), change),
    )


async def _repeat(
    ports: Ports, order: OrderView, message: ChangeMessage, key: Key | None
) -> Requested | Refusal | None:
    """Return the answer of a request that is stored under the same key, None when none is."""
    if key is None:
        return None
    account_id, channel, request_key = key
    for found in await ports.request_keys.find(frozenset((account_id,)), channel, request_key):
        if found.message is None or not same_request(found.message, message):
            return _key_taken(key, found.order_id)
        return _requested(found.message, order, request_id=found.message.request_id, created=False)
    return None


def same_request(stored: ChangeMessage, asked: ChangeMessage) -> bool:
    """Return whether two requests about orders ask for the same, whoever asked and whenever."""
    if type(stored) is not type(asked):
        return False
    return asked == msgspec.structs.replace(
        stored, request_id=asked.request_id, principal=asked.principal, received_at=asked.received_at
    )


def _key_taken(key: Key | None, order_id: UUID) -> Refusal:
    request_key = "" if key is None else key[2]
    return Refusal(
        code=RefusalCode.DUPLICATE_REQUEST_ID,
        message=f"{KEY_FIELD} {request_key} is that of another request, about order {order_id}",
    )


# ---- many orders


async def handle_change_many(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    kind: RequestKind,
    selection: Selection,
    *,
    channel: str | None,
    request_key: str,
    trace: str,
) -> RequestedOfMany | Refusal:
    """Store a request about each order of a selection, together. Raises UnavailableError.

    A repeat under the same id is answered with what is stored, and no order is looked for anew.
    """
    refusal = _names_problem(channel, request_key)
    problem = selection_problem(selection)
    if refusal is not None:
        return refusal
    if problem is not None:
        return invalid(problem)
    accounts = principal.visible
    if selection.accounts is not None:
        accounts = frozenset(name for name in selection.accounts if principal.sees(name))
    asked = AskedOfMany(
        kind=kind, selection=selection, channel=channel, request_key=request_key, accounts=accounts
    )
    if request_key and (found := await _found_of_many(ports, asked)) is not None:
        return found
    orders, more = await _selected(ports, clock, asked)
    if not orders and (problems := await _unknown_names(ports, selection)):
        return invalid(*problems)
    lines: list[Line] = []
    taken: list[tuple[OrderView, ChangeMessage]] = []
    for order in orders:
        refused = _not_taken(ports, kind, order, None)
        if refused is not None:
            lines.append(Line(order_id=order.order_id, outcome=refused))
        else:
            message = _message(kind, order, clock, principal, channel, request_key)
            taken.append((order, _selected_by(message, asked)))
    stored = await _store_many(ports, asked, taken, trace)
    if stored is None:
        found = await _found_of_many(ports, asked)
        return found or _key_taken(("", "", request_key), taken[0][0].order_id)
    lines += stored
    return RequestedOfMany(kind=kind, lines=[*lines, *_unknown(selection, orders)], more=more, created=True)


async def _unknown_names(ports: Ports, selection: Selection) -> list[FieldProblem]:
    """Return the symbols and venues of a selection that nobody knows.

    Asked where no order fits: what is open is asked for, whatever else is named.
    """
    named = [("symbol", name) for name in sorted(selection.symbols or ())]
    named += [("venue", name) for name in sorted(selection.venues or ())]

    def unknown() -> list[FieldProblem]:
        knows = {
            "symbol": lambda name: ports.reference.ticks(name) is not None,
            "venue": ports.reference.venue_exists,
        }
        return [
            FieldProblem(field=field, message=f"must be a known {field}, was {shown(name)}")
            for field, name in named
            if not knows[field](name)
        ]

    if not unknown():
        return []
    # One may be known since a moment ago.
    await ports.reference.refresh()
    return unknown()


def _selected_by(message: ChangeMessage, asked: AskedOfMany) -> ChangeMessage:
    channel = (asked.channel or CHANNEL_DEFAULT) if asked.request_key else message.channel
    return msgspec.structs.replace(message, channel=channel, selected_by=asked.selection.text)


async def _store_many(
    ports: Ports, asked: AskedOfMany, taken: Sequence[tuple[OrderView, ChangeMessage]], trace: str
) -> list[Line] | None:
    """Store requests about orders. Returns what came of each, None when their key is taken.

    A cancel without an id of its own, and one of an order that has a cancel pending, is that of the order.
    """
    pending: list[tuple[OrderView, NewChange]] = []
    together: list[tuple[OrderView, NewChange]] = []
    for order, message in taken:
        waits = order.status == OrderStatus.PENDING_CANCEL.name
        own = asked.kind is RequestKind.CANCEL and (waits or not asked.request_key)
        key = None if own else _key(order.account_id, asked.channel, asked.request_key)
        change = NewChange(message=message, payload=encode(message), trace=trace, key=key)
        (pending if own else together).append((order, change))
    stored = await ports.intake.change_all([change for _, change in together])
    if len(stored) < len(together):
        return None
    ids = await asyncio.gather(*(ports.cancels.request(change, order.status) for order, change in pending))
    of_order = [(order, change, change.message.request_id) for order, change in together]
    of_order += [(order, change, one) for (order, change), one in zip(pending, ids, strict=True)]
    return [
        Line(
            order_id=order.order_id,
            outcome=_requested(
                _changing(change), order, request_id=one, created=one == change.message.request_id
            ),
        )
        for order, change, one in of_order
    ]


def _changing(change: NewChange) -> ChangeMessage:
    message = change.message
    if isinstance(message, BookTrade):
        raise TypeError(f"expected a request that changes an order, found {message}")
    return message


def _unknown(selection: Selection, orders: Sequence[OrderView]) -> list[Line]:
    """Answer for ids that are of no order that the caller sees and that fits the selection."""
    known = {order.order_id for order in orders}
    named = {order.client_order_id for order in orders}
    return [
        *(
            Line(order_id=order_id, outcome=no_such_order(str(order_id)))
            for order_id in selection.order_ids
            if order_id not in known
        ),
        *(
            Line(order_id=None, outcome=no_such_order(name), client_order_id=name)
            for name in selection.client_order_ids
            if name not in named
        ),
    ]


async def _selected(ports: Ports, clock: Clock, asked: AskedOfMany) -> tuple[list[OrderView], bool]:
    """Return the orders of a selection, the oldest first, and whether there are more."""
    selection = asked.selection
    older = selection.older_than_s
    wanted = OrderFilter(
        limit=ORDERS_SELECTED_MAX + 1,
        accounts=asked.accounts,
        symbols=selection.symbols,
        side=selection.side,
        venues=selection.venues,
        basket=selection.basket,
        created_to=None if older is None else clock() - timedelta(seconds=older),
        after=selection.after,
        oldest_first=True,
        as_of_now=True,
    )
    if selection.named:
        filters = [
            replace(wanted, order_ids=frozenset(selection.order_ids)),
            replace(wanted, client_order_ids=frozenset(selection.client_order_ids)),
        ]
        filters = [one for one in filters if one.order_ids or one.client_order_ids]
    else:
        statuses = frozenset(status.name for status in RULES[asked.kind].selects)
        filters = [replace(wanted, closed=False, statuses=statuses)]
    found = {order.order_id: order for one in filters for order in await ports.reader.orders(one)}
    orders = [found[order_id] for order_id in sorted(found)]
    return orders[:ORDERS_SELECTED_MAX], len(orders) > ORDERS_SELECTED_MAX


async def _found_of_many(ports: Ports, asked: AskedOfMany) -> RequestedOfMany | Refusal | None:
    """Return the answer of a request about many orders that is stored under an id, None when none is."""
    channel = asked.channel or CHANNEL_DEFAULT
    found = await ports.request_keys.find(asked.accounts, channel, asked.request_key)
    if not found:
        return None
    messages: dict[UUID, ChangeMessage] = {}
    for one in found:
        if one.message is None or not _is_of(one.message, asked):
            return _key_taken(("", channel, asked.request_key), one.order_id)
        messages[one.order_id] = one.message
    views = await ports.reader.orders(
        OrderFilter(limit=len(messages), order_ids=frozenset(messages), oldest_first=True, as_of_now=True)
    )
    lines = [
        Line(
            order_id=order.order_id,
            outcome=_requested(
                messages[order.order_id], order, request_id=messages[order.order_id].request_id, created=False
            ),
        )
        for order in views
    ]
    return RequestedOfMany(kind=asked.kind, lines=lines, more=False, created=False)


def _is_of(message: ChangeMessage, asked: AskedOfMany) -> bool:
    if isinstance(message, ReplaceOrder) or KINDS[type(message)] is not asked.kind:
        return False
    return message.selected_by == asked.selection.text
