"""Stores orders the way ingest does, for tests that begin after it."""

from decimal import Decimal
from uuid import UUID

import psycopg

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import OrderType, Side, TimeInForce
from oms_platform.wire import encode


def store_order(connection: psycopg.Connection, order: SubmitOrder, *, published: bool = True) -> UUID:
    """Insert the order with its key, first event and outbox row. Returns the outbox id."""
    outbox_id, now = uuid7(), order.received_at
    with connection.transaction():
        connection.execute(
            "INSERT INTO order_keys VALUES (%s, %s, %s, %s, %s)",
            (order.account_id, order.channel, order.client_order_id, order.order_id, b"hash"),
        )
        connection.execute(
            "INSERT INTO orders (order_id, account_id, channel, client_order_id, principal, symbol, side,"
            " order_type, time_in_force, quantity, limit_price, status, leaves_qty, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'NEW', %s, %s, %s)",
            (
                order.order_id, order.account_id, order.channel, order.client_order_id, order.principal,
                order.symbol, order.side.name, order.order_type.name, order.time_in_force.name,
                order.quantity, order.limit_price, order.quantity, now, now,
            ),
        )  # fmt: skip
        connection.execute(
            "INSERT INTO order_events"
            " (order_id, sequence, event_id, account_id, type, status, payload, occurred_at)"
            " VALUES (%s, 1, %s, %s, 'OrderReceived', 'NEW', '{}', %s)",
            (order.order_id, uuid7(), order.account_id, now),
        )
        connection.execute(
            "INSERT INTO outbox"
            " (outbox_id, writer, order_id, topic, key, type, payload, created_at, published_at)"
            " VALUES (%s, 'api', %s, 'orders.inbound', %s, 'SubmitOrder', %s, %s, %s)",
            (outbox_id, order.order_id, order.account_id, encode(order), now, now if published else None),
        )
    return outbox_id


def submit_order(**changes: object) -> SubmitOrder:
    """Return a SubmitOrder for 100 AAPL at 100, with changes."""
    order_id = uuid7()
    values: dict[str, object] = {
        "order_id": order_id,
        "account_id": "ACC-INST-001",
        "channel": "TEST",
        "client_order_id": f"c-{order_id}",
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 100,
        "limit_price": Decimal(100),
        "time_in_force": TimeInForce.DAY,
        "received_at": utc_now(),
        "principal": "trader1",
    }
    return SubmitOrder(**(values | changes))  # type: ignore[arg-type]
