"""What may be asked about an order that is there: one table, which every door reads.

The law of this file: a kind of request is a line of RULES, and by that line it is let in, refused, stored and
answered, whichever door it comes by. What is refused here is what can be said for sure of an order as it was
read; whatever happens to it from then on, core decides, and its event is the outcome.
"""

import enum
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from oms_api.domain.algo_terms import read_algo
from oms_api.domain.order_times import EXPIRY_FIELDS, expiry_problem, read_expiry
from oms_api.domain.peg_terms import read_peg
from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, shown
from oms_api.domain.terms import (
    CLIENT_ORDER_ID_LENGTH_MAX,
    client_order_id_problem,
    fit_problem,
    read_display_quantity,
    read_price,
    read_quantity,
)
from oms_platform.market_rules import Ticks
from oms_platform.order_types import (
    BOUNDED,
    LIMITED,
    STOPS,
    Instructions,
    forces_after,
    problem_of_parameters,
    unfit,
)
from oms_platform.prices import micros_of
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import (
    Algo,
    AlgoStrategy,
    OrderChange,
    OrderStatus,
    OrderType,
    Peg,
    Side,
    TimeInForce,
)

CHANGE_FIELDS: Final = (
    "quantity",
    "limitPrice",
    "stopPrice",
    "timeInForce",
    *EXPIRY_FIELDS,
    "displayQty",
    "algo",
    "peg",
)
# The header that carries a request's own id, and what it is called in refusals.
KEY_FIELD: Final = "Idempotency-Key"
# Of one request about many orders.
ORDERS_SELECTED_MAX: Final = 1_000
# A year of seconds: no order that lives is older.
OLDER_THAN_S_MAX: Final = 31_536_000
_TIMES_IN_FORCE: Final = {member.name: member for member in TimeInForce}
_OPEN: Final = frozenset(
    (
        OrderStatus.NEW,
        OrderStatus.ACKNOWLEDGED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_REPLACE,
        OrderStatus.SUSPENDED,
    )
)


class RequestKind(enum.Enum):
    """A kind of request about an order that is there, as the request log names it."""

    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"


class Rule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a kind of request is taken.

    said: of one that is stored. refused: why one is not, by an open order's status. selects: the statuses of
    orders that one about many orders is about.
    """

    right: Right
    said: str
    refused: Mapping[OrderStatus, str]
    selects: frozenset[OrderStatus]


_CANCELS: Final = "a cancel is pending, which ends it"
_NOT_SUSPENDED: Final = "it is not suspended"
RULES: Final[Mapping[RequestKind, Rule]] = {
    RequestKind.CANCEL: Rule(
        right=Right.CANCEL,
        said="cancel requested",
        refused={},
        selects=_OPEN - {OrderStatus.PENDING_CANCEL},
    ),
    RequestKind.REPLACE: Rule(
        right=Right.TRADE,
        said="replace requested",
        refused={
            OrderStatus.PENDING_CANCEL: _CANCELS,
            OrderStatus.PENDING_REPLACE: "a replace is pending: ask again once it is done",
        },
        selects=frozenset(),
    ),
    RequestKind.SUSPEND: Rule(
        right=Right.CANCEL,
        said="suspend requested: what is in the market is taken back, nothing is sent until it is resumed",
        refused={
            OrderStatus.PENDING_CANCEL: _CANCELS,
            OrderStatus.SUSPENDED: "it is suspended already",
        },
        selects=_OPEN - {OrderStatus.PENDING_CANCEL, OrderStatus.SUSPENDED},
    ),
    RequestKind.RESUME: Rule(
        right=Right.TRADE,
        said="resume requested: it is worked again",
        refused={
            OrderStatus.NEW: _NOT_SUSPENDED,
            OrderStatus.ACKNOWLEDGED: _NOT_SUSPENDED,
            OrderStatus.PARTIALLY_FILLED: _NOT_SUSPENDED,
            OrderStatus.PENDING_CANCEL: _CANCELS,
        },
        selects=frozenset((OrderStatus.SUSPENDED,)),
    ),
}


class OrderState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order is, as far as it decides what may be asked of it. Quantities: shares."""

    order_id: UUID
    status: OrderStatus
    closed: bool
    cum_qty: int
    order_type: OrderType
    time_in_force: TimeInForce
    min_quantity: int
    side: Side
    quantity: int
    locate_id: str = ""
    display_quantity: int = 0
    post_only: bool = False
    limit_price_micros: int | None = None
    algo_strategy: AlgoStrategy | None = None
    peg: Peg | None = None


def key_problem(key: str) -> FieldProblem | None:
    """Return what is wrong with a request's own id, or None. It is of the form of a clientOrderId."""
    problem = client_order_id_problem(key)
    if problem is None:
        return None
    return FieldProblem(field=KEY_FIELD, message=problem)


def refusal_of_state(kind: RequestKind, order: OrderState, change: OrderChange | None) -> Refusal | None:
    """Return why a request is not taken of an order as it is, None if it is taken.

    A filled order may be replaced by more than is done (FIX 4.4, appendix D, C.3); any other end is one.
    """
    if order.closed:
        if (
            kind is RequestKind.REPLACE
            and order.status is OrderStatus.FILLED
            and _asks_for_more(order, change)
        ):
            return None
        return _refused(RefusalCode.ORDER_CLOSED, order, f"order {order.order_id} is {order.status.name}")
    why = RULES[kind].refused.get(order.status)
    if why is None:
        return None
    return _refused(RefusalCode.CONFLICT, order, f"order {order.order_id} is {order.status.name}: {why}")


def _asks_for_more(order: OrderState, change: OrderChange | None) -> bool:
    return change is not None and change.quantity is not None and change.quantity > order.cum_qty


def _refused(code: RefusalCode, order: OrderState, message: str) -> Refusal:
    return Refusal(code=code, message=message, status=order.status.name)


def what_will_happen(kind: RequestKind, order: OrderState, change: OrderChange | None) -> str:
    """Say what a request that is stored will do to an order as it is."""
    said = RULES[kind].said
    asked = None if change is None else change.quantity
    if asked is not None and asked <= order.cum_qty:
        return f"{said}: {order.cum_qty} shares are done, so that it is over at {order.cum_qty}"
    if kind is RequestKind.REPLACE and order.status is OrderStatus.SUSPENDED:
        return f"{said}: it stays suspended"
    return said


def read_change(
    content: Mapping[str, object],
    order: OrderState,
    ticks: Ticks | None,
    calendar: Calendar | None,
    now: datetime,
    round_lot_of: Callable[[int], int] = lambda _price: 1,
) -> OrderChange | tuple[FieldProblem, ...]:
    """Check what a replace asks for, decoded JSON with exact numbers. Returns it, or every problem found.

    What is left out, or null, stays as it is; something has to be given. ticks: the grid of its symbol's
    prices; None: any. calendar: of its symbol, None where none is known. round_lot_of: the shares of its
    symbol's round lot at a price in micros.
    """
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a field of a replace")
        for name in content
        if name not in CHANGE_FIELDS
    ]
    given = {name: value for name, value in content.items() if value is not None}
    quantity = read_quantity(given["quantity"], "quantity", problems) if "quantity" in given else None
    if quantity and quantity < order.min_quantity:
        message = f"must be at least the order's minQuantity {order.min_quantity}, was {quantity}"
        problems.append(FieldProblem(field="quantity", message=message))
    limit, stop = (
        _price(given, field, kinds, order, ticks, problems)
        for field, kinds in (("limitPrice", LIMITED | BOUNDED), ("stopPrice", STOPS))
    )
    time_in_force = _time_in_force(given["timeInForce"], order, problems) if "timeInForce" in given else None
    force = order.time_in_force if "timeInForce" not in given else time_in_force
    becomes_gtd = force is TimeInForce.GTD and order.time_in_force is not TimeInForce.GTD
    expire_at, wrong = read_expiry(given, force, calendar, required=becomes_gtd)
    problems += wrong
    if expire_at is not None and calendar is not None:
        late = expiry_problem(expire_at, given, calendar, now)
        problems += [] if late is None else [late]
    display = read_display_quantity(given.get("displayQty"), problems, least=0)
    algo = _algo(given["algo"], order, problems) if "algo" in given else None
    peg = read_peg(given.get("peg"), problems)
    if not any(name in given for name in CHANGE_FIELDS) and not problems:
        message = f"must give at least one of {', '.join(CHANGE_FIELDS)}, was none of them"
        problems.append(FieldProblem(field="quantity", message=message))
    if not problems:
        price = order.limit_price_micros if limit is None else micros_of(limit)
        becomes = Instructions(
            side=order.side,
            order_type=order.order_type,
            time_in_force=time_in_force or order.time_in_force,
            quantity=quantity or order.quantity,
            min_quantity=order.min_quantity,
            display_quantity=display if "displayQty" in given else order.display_quantity,
            post_only=order.post_only,
            locate_id=order.locate_id,
            algo=order.algo_strategy is not None,
            peg=order.peg if peg is None else peg,
            round_lot=1 if price is None else round_lot_of(price),
        )
        problems += [fit_problem(one) for one in unfit(becomes)]
    if problems:
        return tuple(problems)
    return OrderChange(
        quantity=quantity,
        limit_price_micros=None if limit is None else micros_of(limit),
        stop_price_micros=None if stop is None else micros_of(stop),
        time_in_force=time_in_force,
        expire_at=expire_at,
        display_quantity=display if "displayQty" in given else None,
        algo=algo,
        peg=peg,
    )


def _algo(value: object, order: OrderState, problems: list[FieldProblem]) -> Algo | None:
    """Read how an order is worked over time from here on: by the same strategy as before."""
    if order.algo_strategy is None:
        message = f"must be left out of an order's replace that has none, was {shown(value)}"
        problems.append(FieldProblem(field="algo", message=message))
        return None
    algo = read_algo(value, problems)
    if algo is not None and algo.strategy is not order.algo_strategy:
        message = f"must be the order's {order.algo_strategy.name}, was {algo.strategy.name}"
        problems.append(FieldProblem(field="algo.strategy", message=message))
        return None
    wrong = None if algo is None else problem_of_parameters(algo)
    if wrong is not None:
        problems.append(FieldProblem(field=wrong[0], message=wrong[1]))
    return algo


def _time_in_force(value: object, order: OrderState, problems: list[FieldProblem]) -> TimeInForce | None:
    """Read a time in force: what it is, or of an order that rests another one that lets it rest."""
    has_algo = order.algo_strategy is not None
    allowed = [one.name for one in forces_after(order.time_in_force, has_algo=has_algo)]
    if isinstance(value, str) and value in allowed:
        return _TIMES_IN_FORCE[value]
    message = f"must be one of {', '.join(allowed)}, was {shown(value)}"
    problems.append(FieldProblem(field="timeInForce", message=message))
    return None


def _price(
    given: Mapping[str, object],
    field: str,
    kinds: frozenset[OrderType],
    order: OrderState,
    ticks: Ticks | None,
    problems: list[FieldProblem],
) -> Decimal | None:
    if field not in given:
        return None
    if order.order_type not in kinds:
        message = f"must be left out of a {order.order_type.name} order's replace, was {shown(given[field])}"
        problems.append(FieldProblem(field=field, message=message))
        return None
    return read_price(given[field], field, ticks, problems)


class Selection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which orders a request about many is about; None, and empty ids: any.

    older_than_s: seconds since they were created. order_ids, client_order_ids: these, open or not. venues:
    with a live child at one of these. basket: sent with this list. after: the orders that follow this one.
    """

    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    side: str | None = None
    venues: frozenset[str] | None = None
    basket: str | None = None
    older_than_s: int | None = None
    order_ids: tuple[UUID, ...] = ()
    client_order_ids: tuple[str, ...] = ()
    after: UUID | None = None

    @property
    def named(self) -> bool:
        """Whether orders are named by their ids."""
        return bool(self.order_ids or self.client_order_ids)

    @property
    def text(self) -> str:
        """The selection as REST's query: by it a repeat is known, and an auditor reads who was meant."""
        parts = {
            "accountId": self.accounts,
            "symbol": self.symbols,
            "side": None if self.side is None else (self.side,),
            "venue": self.venues,
            "basketId": None if self.basket is None else (self.basket,),
            "olderThan": None if self.older_than_s is None else (str(self.older_than_s),),
            "orderId": tuple(map(str, self.order_ids)) or None,
            "clientOrderId": self.client_order_ids or None,
            "after": None if self.after is None else (str(self.after),),
        }
        return urlencode(
            {name: sorted(values) for name, values in parts.items() if values is not None}, doseq=True
        )


def selection_problem(selection: Selection) -> FieldProblem | None:
    """Return what is wrong with a selection, or None."""
    if not msgspec.structs.replace(selection, after=None).text:
        message = (
            "must give at least one of accountId, symbol, side, venue, basketId, olderThan, orderId,"
            " clientOrderId"
        )
        return FieldProblem(field="accountId", message=message)
    if len(selection.order_ids) + len(selection.client_order_ids) > ORDERS_SELECTED_MAX:
        found = len(selection.order_ids) + len(selection.client_order_ids)
        message = f"must name at most {ORDERS_SELECTED_MAX} orders, named {found}"
        return FieldProblem(field="orderId", message=message)
    too_long = [one for one in selection.client_order_ids if len(one) > CLIENT_ORDER_ID_LENGTH_MAX]
    if too_long:
        message = f"must be at most {CLIENT_ORDER_ID_LENGTH_MAX} characters each, was {shown(too_long[0])}"
        return FieldProblem(field="clientOrderId", message=message)
    return None
