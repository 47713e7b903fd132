"""Plans and children for tests of the adapter."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from execution_adapter.domain.gate import Parent
from oms_platform.ids import uuid7
from oms_platform.messages import CancelChildren, RoutePlan
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_platform.vocabulary import ChildTerms, OrderTerms, OrderType, Side, TimeInForce

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMIT = 10_010_000


def child(order_id: UUID | None = None, *, attempt: int = 1, leg: int = 1, **changes: Any) -> ChildTerms:
    order_id = order_id or uuid7()
    made = ChildTerms(
        order_id=order_id,
        cl_ord_id=child_cl_ord_id(order_id, attempt, leg),
        attempt=attempt,
        leg=leg,
        account_id="ACC",
        venue_id="XNYS",
        symbol="AAPL",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=100,
        limit_price_micros=LIMIT,
    )
    return msgspec.structs.replace(made, **changes)


def plan(
    legs: int = 1, *, order_id: UUID | None = None, attempt: int = 1, hold_ms: int = 0, **changes: Any
) -> RoutePlan:
    order_id = order_id or uuid7()
    made = RoutePlan(
        route_id=route_id(order_id, attempt),
        order_id=order_id,
        attempt=attempt,
        quantity=100 * max(1, legs),
        received_at=NOW,
        decided_at=NOW,
        continues=hold_ms > 0,
        terms=OrderTerms(
            account_id="ACC",
            channel="REST",
            client_order_id="c",
            symbol="AAPL",
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            quantity=1_000,
            limit_price_micros=LIMIT,
        ),
        children=tuple(
            child(order_id, attempt=attempt, leg=leg, hold_ms=hold_ms) for leg in range(1, legs + 1)
        ),
    )
    return msgspec.structs.replace(made, **changes)


def cancel_of(
    order: RoutePlan, *, through: int | None = None, request_id: UUID | None = None
) -> CancelChildren:
    return CancelChildren(
        request_id=request_id or uuid7(),
        order_id=order.order_id,
        account_id="ACC",
        requested_at=NOW,
        through_attempt=order.attempt if through is None else through,
    )


def parent_of(order: RoutePlan) -> Parent:
    """Return the client's order that a plan says it is of."""
    terms = order.terms
    return Parent(
        account_id=terms.account_id,
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        limit_price_micros=terms.limit_price_micros,
    )
