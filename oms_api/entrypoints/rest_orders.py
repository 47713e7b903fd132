"""REST about orders: to place and read them, and what became of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.algo_progress import SliceProgress, Step, progress_of
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.domain.terms import (
    CLIENT_ORDER_ID_LENGTH_MAX,
    LOCATE_ID_LENGTH_MAX,
    QUANTITY_MAX,
    TAG_NAME_LENGTH_MAX,
    TAG_TEXT_LENGTH_MAX,
    TAGS_MAX,
    VENUES_NAMED_MAX,
)
from oms_api.entrypoints.answers import (
    Answer,
    PlacedBody,
)
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.http_door import ORDERS_PATH, answer_order
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.paging import LIMIT_DEFAULT, Cursor, Limit, cursor_of, read_cursor
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.handlers import handle_get_order
from oms_api.ports import EventView, ExecutionView, Instant, OrderFilter, OrderView, Ports, RouteView, View
from oms_api.routing_handlers import handle_get_routes
from oms_platform.clock import Clock
from oms_platform.messages import OrderEvent, SubmitOrder
from oms_platform.order_types import PARTICIPATION_BPS_MAX, SLICES_MAX, URGENCY_MAX
from oms_platform.vocabulary import (
    AlgoStrategy,
    OrderCapacity,
    OrderStatus,
    OrderType,
    PegType,
    Side,
    TimeInForce,
)

ORDER_PATH: Final = f"{ORDERS_PATH}/{{orderId}}"
SORTS: Final = ("-createdAt", "createdAt")
TAG: Final = "Orders"
SIDES: Final = tuple(side.name for side in Side)
STATUSES: Final = tuple(status.name for status in OrderStatus)
ORDER_TYPES: Final = tuple(kind.name for kind in OrderType)
TIMES_IN_FORCE: Final = tuple(kind.name for kind in TimeInForce)
ALGO_STRATEGIES: Final = tuple(kind.name for kind in AlgoStrategy)
PEG_TYPES: Final = tuple(kind.name for kind in PegType)
CAPACITIES: Final = tuple(capacity.name for capacity in OrderCapacity)
SideName = Annotated[str, one_of(SIDES, "Side")]
StatusName = Annotated[str, one_of(STATUSES, "OrderStatus")]
# Decimal text, or a JSON number, in dollars.
Price = Annotated[
    Decimal,
    msgspec.Meta(
        extra_json_schema={
            "format": "decimal",
            "pattern": r"^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?$",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 10**12,
        }
    ),
]
# Dollars beside a price.
Offset = Annotated[
    Decimal,
    msgspec.Meta(
        extra_json_schema={"format": "decimal", "pattern": r"^-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?$"}
    ),
]
ExpireDate = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]
ExpireTime = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
# A name, or text; what cannot be stored is not taken.
Text = Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\u0000]+$")]
TagName = Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_NAME_LENGTH_MAX, pattern=r"^[^\u0000]+$")]
TagText = Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_TEXT_LENGTH_MAX, pattern=r"^[^\u0000]+$")]
Names = Annotated[list[Text], msgspec.Meta(max_length=VENUES_NAMED_MAX)]


class RoutingRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How an order wants to be routed: by which profile, and which venues to avoid and to prefer."""

    profile: Annotated[str, msgspec.Meta(pattern=r"^[^\u0000]*$")] | None = None
    avoid: Names | None = None
    prefer: Names | None = None


class AlgoRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How an order is worked over time. start_at: from when; from when it comes, if it is left out.

    participation_bps: no more than this part (hundredths of a percent) of what the market trades; POV has to
    have it. urgency: of IS. slices: in how many parts. seed: what their sizes and times are drawn from.
    """

    strategy: Annotated[str, one_of(ALGO_STRATEGIES, "AlgoStrategy")]
    start_at: Instant | None = None
    end_at: Instant
    participation_bps: Annotated[int, msgspec.Meta(ge=1, le=PARTICIPATION_BPS_MAX)] | None = None
    urgency: Annotated[int, msgspec.Meta(ge=1, le=URGENCY_MAX)] | None = None
    slices: Annotated[int, msgspec.Meta(ge=1, le=SLICES_MAX)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


class PegRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What the price of a PEGGED order follows. PRIMARY: the best of its own side of the market. MARKET: the
    best of the other side. MIDPOINT: the middle, at venues whose orders follow it. offset: dollars beside it,
    below 0 for lower; of a PRIMARY peg away from the market only, of a MIDPOINT peg none.
    """

    type: Annotated[str, one_of(PEG_TYPES, "PegType")]
    offset: Offset | None = None


class PreviewRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The terms of an order. limit_price: of a LIMIT or STOP_LIMIT order, and of a PEGGED one
    that has a bound. stop_price: of a STOP or STOP_LIMIT
    order, which waits until the national best offer (to buy) or bid (to sell) reaches it. min_quantity: at
    least so much, or nothing. time_in_force OPG, CLO: of a MARKET or LIMIT order that trades in its listing
    market's opening or closing auction, and nowhere else. expire_date, expire_time: of a GTD order exactly
    one: the date of a session, with whose close it ends, or a time. capacity: for whom we trade, agency where
    it is not said. tags: words of the client's own, kept with the order and sent to no venue. locate_id: of
    the shares that a SELL_SHORT order borrows. display_qty: of a LIMIT order that rests, the shares that are
    shown at once. post_only: such an order takes nothing that is displayed. algo: of a MARKET or LIMIT order
    that is worked over time. peg: of a PEGGED order. basket_id: of the list of orders that it is sent with.
    """

    client_order_id: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=CLIENT_ORDER_ID_LENGTH_MAX)] | msgspec.UnsetType
    ) = msgspec.UNSET
    account_id: Text
    symbol: Text
    side: SideName
    order_type: Annotated[str, one_of(ORDER_TYPES, "OrderType")]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)]
    min_quantity: Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)] | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    time_in_force: Annotated[str, one_of(TIMES_IN_FORCE, "TimeInForce")] | None = "DAY"
    expire_date: ExpireDate | None = None
    expire_time: ExpireTime | None = None
    routing: RoutingRequest | None = None
    capacity: Annotated[str, one_of(CAPACITIES, "OrderCapacity")] | None = None
    tags: Annotated[dict[TagName, TagText], msgspec.Meta(max_length=TAGS_MAX)] | None = None
    locate_id: (
        Annotated[
            str,
            msgspec.Meta(min_length=1, max_length=LOCATE_ID_LENGTH_MAX, pattern=r"^[!-~]([ -~]*[!-~])?$"),
        ]
        | None
    ) = None
    display_qty: Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)] | None = None
    post_only: bool | None = False
    algo: AlgoRequest | None = None
    peg: PegRequest | None = None
    basket_id: Annotated[str, msgspec.Meta(min_length=1, max_length=CLIENT_ORDER_ID_LENGTH_MAX)] | None = None


class OrderRequest(PreviewRequest, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An order. client_order_id: unique by account and channel; the same one again is the same order."""

    client_order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=CLIENT_ORDER_ID_LENGTH_MAX)]


class OrdersQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which orders. `from` and `to`: of createdAt."""

    account_id: list[Text] | None = None
    symbol: list[Text] | None = None
    status: list[StatusName] | None = None
    open: Annotated[
        bool | None, msgspec.Meta(description="Only orders that are not closed, or only those that are.")
    ] = None
    side: SideName | None = None
    client_order_id: Text | None = None
    basket_id: Annotated[
        Text | None, msgspec.Meta(description="Sent with this list of orders, its basketId.")
    ] = None
    principal: Annotated[
        Text | None, msgspec.Meta(description="Placed by this person or program, as `/api/v1/me` names one.")
    ] = None
    created_from: Annotated[Instant | None, msgspec.Meta(description="Created then or later.")] = (
        msgspec.field(name="from", default=None)
    )
    created_to: Annotated[Instant | None, msgspec.Meta(description="Created before then.")] = msgspec.field(
        name="to", default=None
    )
    sort: Annotated[str, one_of(SORTS, "OrderSort")] = SORTS[0]
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class OrderPage(View, frozen=True):
    """A page of orders. next_cursor: of the page after it; null on the last."""

    orders: list[OrderView]
    next_cursor: str | None


class OrderEvents(View, frozen=True):
    """An order's audit trail, oldest first."""

    order_id: UUID
    events: list[EventView]


class OrderExecutions(View, frozen=True):
    """An order's fills, oldest first."""

    order_id: UUID
    executions: list[ExecutionView]


class AlgoProgress(View, frozen=True, kw_only=True):
    """An algo order's plan against what was done. Shares of slices are in all, with those before.

    planned_at: null until it has begun. base_qty: done or at work when the plan was made. held: why nothing
    is released that is due, else empty. counted_volume: of the market's, what counts for the participation.
    """

    order_id: UUID
    algo: dict[str, object]
    status: str
    quantity: int
    cum_qty: int
    released_qty: int
    planned_at: Instant | None
    base_qty: int
    counted_volume: int
    held: str
    slices: list[SliceProgress]


class OrderRoutes(View, frozen=True):
    """An order's routing decisions, first attempt first."""

    order_id: UUID
    routes: list[RouteView]


_event_decoder: Final = msgspec.json.Decoder(OrderEvent)


def _step(event: OrderEvent) -> Step:
    of_plan = event.algo_planned or event.shares_released or event.algo_held or event.order_replaced
    return Step(event.occurred_at, event.cum_qty, of_plan)


EXAMPLE: Final = {
    "clientOrderId": "example-1",
    "accountId": "ACC-INST-001",
    "symbol": "AAPL",
    "side": "BUY",
    "orderType": "LIMIT",
    "quantity": 100,
    "limitPrice": "230.00",
    "timeInForce": "DAY",
    "routing": {"profile": "default", "avoid": ["EDGX"]},
}


def order_filter(query: OrdersQuery, principal: Principal) -> OrderFilter | Refusal:
    """Return which orders to read. Accounts that the caller does not see match nothing."""
    key = read_cursor(query.cursor, 16)
    if isinstance(key, Refusal):
        return key
    return OrderFilter(
        limit=query.limit,
        accounts=visible_accounts(query.account_id, principal),
        symbols=_set(query.symbol),
        statuses=_set(query.status),
        closed=None if query.open is None else not query.open,
        side=query.side,
        client_order_ids=None if query.client_order_id is None else frozenset((query.client_order_id,)),
        basket=query.basket_id,
        principal=query.principal,
        created_from=query.created_from,
        created_to=query.created_to,
        oldest_first=query.sort == SORTS[1],
        after=None if key is None else UUID(bytes=key),
    )


def visible_accounts(named: Sequence[str] | None, principal: Principal) -> frozenset[str] | None:
    """Return the accounts of a list: of those named, or of all, what the caller sees; None for every one."""
    if named is None:
        return principal.visible
    return frozenset(name for name in named if principal.sees(name))


def _set(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def order_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations."""

    async def place(call: Call[NoQuery]) -> Answer:
        headers = dict(call.request.scope["headers"])
        traced = RequestTrace(ports.tracer, headers.get(b"traceparent"), SubmitOrder.__name__)
        return await answer_order(ports, clock, headers, call.request.receive, traced)  # type: ignore[arg-type]

    async def moved(_call: Call[NoQuery]) -> Answer:
        return Answer(status=308, body=b"", headers=(("location", ORDERS_PATH),))

    async def list_orders(call: Call[OrdersQuery]) -> OrderPage | Refusal:
        wanted = order_filter(call.query, call.principal)
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.reader.orders(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        return OrderPage(page, cursor_of(page[-1].order_id.bytes) if len(found) > len(page) else None)

    async def get_order(call: Call[NoQuery]) -> OrderView | Refusal:
        return await handle_get_order(ports, call.principal, call.path["orderId"])

    async def detail(
        call: Call[NoQuery],
        read: Callable[[UUID], Awaitable[object]],
        shape: Callable[[UUID, object], object],
    ) -> object:
        found = await handle_get_order(ports, call.principal, call.path["orderId"])
        if isinstance(found, Refusal):
            return found
        return shape(found.order_id, await read(found.order_id))

    async def events(call: Call[NoQuery]) -> object:
        return await detail(call, ports.reader.events, OrderEvents)  # type: ignore[arg-type]

    async def executions(call: Call[NoQuery]) -> object:
        return await detail(call, ports.reader.executions, OrderExecutions)  # type: ignore[arg-type]

    async def routes(call: Call[NoQuery]) -> object:
        async def read(order_id: UUID) -> list[RouteView]:
            return await handle_get_routes(ports.reader, ports.router, order_id)

        return await detail(call, read, OrderRoutes)  # type: ignore[arg-type]

    async def algo(call: Call[NoQuery]) -> AlgoProgress | Refusal:
        order = await handle_get_order(ports, call.principal, call.path["orderId"])
        if isinstance(order, Refusal):
            return order
        if order.algo is None:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"order {order.order_id} has no algo")
        found = await ports.reader.events(order.order_id)
        changes = [_event_decoder.decode(event.payload) for event in found[1:]]
        progress = progress_of(map(_step, changes), clock())
        return AlgoProgress(
            order_id=order.order_id,
            algo=order.algo,
            status=order.status,
            quantity=order.quantity,
            cum_qty=order.cum_qty,
            **msgspec.structs.asdict(progress),
        )

    return [
        Operation(
            method="POST", path=ORDERS_PATH, name="placeOrder", tag=TAG, right=Right.TRADE, serve=place,
            summary="Place an order", body=OrderRequest, noun="an order", own_reader=True, example=EXAMPLE,
            answers={201: PlacedBody, 200: PlacedBody}, refusals=[RefusalCode.DUPLICATE_ORDER_ID],
            channeled=True,
        ),
        Operation(
            method="POST", path="/api/orders", name="ordersMoved", tag=TAG, right=Right.READ, serve=moved,
            summary="Moved to /api/v1/orders", answers={308: None},
        ),
        Operation(
            method="GET", path=ORDERS_PATH, name="listOrders", tag=TAG, right=Right.READ, serve=list_orders,
            summary="List orders, newest first", query=OrdersQuery, answers={200: OrderPage},
            table=Table("orders", OrderView),
        ),
        Operation(
            method="GET", path=ORDER_PATH, name="getOrder", tag=TAG, right=Right.READ, serve=get_order,
            summary="Get an order", answers={200: OrderView}, version=lambda order: order.sequence,
        ),
        Operation(
            method="GET", path=f"{ORDER_PATH}/events", name="getOrderEvents", tag=TAG, right=Right.READ,
            serve=events, summary="An order's audit trail", answers={200: OrderEvents},
        ),
        Operation(
            method="GET", path=f"{ORDER_PATH}/algo", name="getOrderAlgo", tag=TAG, right=Right.READ,
            serve=algo, summary="An algo order's plan against what was done", answers={200: AlgoProgress},
        ),
        Operation(
            method="GET", path=f"{ORDER_PATH}/executions", name="getOrderExecutions", tag=TAG,
            right=Right.READ, serve=executions, summary="An order's fills", answers={200: OrderExecutions},
            table=Table("executions", ExecutionView),
        ),
        Operation(
            method="GET", path=f"{ORDER_PATH}/routes", name="getOrderRoutes", tag=TAG, right=Right.READ,
            serve=routes, summary="An order's routing decisions, explained", answers={200: OrderRoutes},
            question=True,
        ),
    ]  # fmt: skip
