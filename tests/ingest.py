"""Stores orders the way ingest does, for tests that begin after it."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.messages import (
    CancelOrder,
    OrderEvent,
    ReplaceOrder,
    ResumeOrder,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.prices import dollars_of, micros_of
from oms_platform.vocabulary import (
    OrderStatus,
    OrderTerms,
    OrderType,
    Side,
    TimeInForce,
    TradeApplied,
)
from oms_platform.wire import encode

PRICE = 100_000_000
# A request about an order that is stored, and the kind that the log calls it.
Change = CancelOrder | ReplaceOrder | SuspendOrder | ResumeOrder
KINDS = {CancelOrder: "CANCEL", ReplaceOrder: "REPLACE", SuspendOrder: "SUSPEND", ResumeOrder: "RESUME"}


def store_order(connection: psycopg.Connection[Any], order: SubmitOrder) -> None:
    """Insert the order with its key and its request."""
    terms, now = order.terms, order.received_at
    price = terms.limit_price_micros
    with connection.transaction():
        connection.execute(
            "INSERT INTO order_keys VALUES (%s, %s, %s, %s)",
            (terms.account_id, terms.channel, terms.client_order_id, order.order_id),
        )
        connection.execute(
            "INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side,"
            " order_type, time_in_force, expire_at, quantity, limit_price, status, leaves_qty, created_at,"
            " updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'NEW', %s, %s, %s)",
            (
                order.order_id, terms.account_id, terms.channel, terms.client_order_id, terms.symbol,
                terms.side.name, terms.order_type.name, terms.time_in_force.name,
                terms.expire_at, terms.quantity,
                None if price is None else dollars_of(price), terms.quantity, now, now,
            ),
        )  # fmt: skip
        _store_request(connection, "NEW", order.order_id, order, terms.account_id, terms.principal)


def store_change(connection: psycopg.Connection[Any], change: Change) -> None:
    """Insert a request about an order that is stored."""
    kind = KINDS[type(change)]
    _store_request(connection, kind, change.request_id, change, change.account_id, change.principal)


def _store_request(
    connection: psycopg.Connection[Any],
    kind: str,
    request_id: UUID,
    request: SubmitOrder | Change,
    account_id: str,
    principal: str,
) -> None:
    connection.execute(
        "INSERT INTO order_requests"
        " (request_id, kind, order_id, account_id, principal, payload, received_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            request_id, kind, request.order_id, account_id, principal, encode(request).decode(),
            request.received_at,
        ),
    )  # fmt: skip


def submit_order(**changes: Any) -> SubmitOrder:
    """Return a SubmitOrder for 100 AAPL at 100, with changes of its terms."""
    order_id = uuid7()
    values: dict[str, Any] = {
        "account_id": "ACC-INST-001",
        "channel": "TEST",
        "client_order_id": f"c-{order_id}",
        "principal": "trader1",
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 100,
        "limit_price_micros": PRICE,
        "time_in_force": TimeInForce.DAY,
    }
    received_at = changes.pop("received_at", utc_now())
    return SubmitOrder(order_id=order_id, received_at=received_at, terms=OrderTerms(**(values | changes)))


def store_trade(
    connection: psycopg.Connection[Any],
    order_id: UUID,
    *,
    account_id: str,
    venue_id: str,
    exec_id: str,
    cl_ord_id: str,
    symbol: str,
    side: str,
    quantity: int,
    price: Decimal,
    at: datetime,
    sequence: int,
) -> None:
    """Insert the event that a trade is, as the core does; sequence is its account's stream's too."""
    trade = TradeApplied(
        venue_id=venue_id,
        exec_id=exec_id,
        cl_ord_id=cl_ord_id,
        last_qty=quantity,
        last_px_micros=micros_of(price),
        transact_time=at,
        received_at=at,
    )
    event = OrderEvent(
        event_id=uuid7(),
        order_id=order_id,
        account_id=account_id,
        client_order_id="c",
        sequence=sequence,
        stream_sequence=sequence,
        type="TradeApplied",
        status=OrderStatus.PARTIALLY_FILLED,
        symbol=symbol,
        side=Side[side],
        quantity=quantity,
        occurred_at=at,
        last_qty=quantity,
        last_px=price,
        venue_id=venue_id,
        trade_applied=trade,
    )
    connection.execute(
        "INSERT INTO order_events VALUES (%s, %s, %s, %s, 'TradeApplied', NULL, %s, %s)",
        (order_id, sequence, account_id, sequence, encode(event).decode(), at),
    )
