"""What a new order, or a request about one, is stored as: by the gateway that takes it, or by core.

The law of this file: an order's key, its row and its request go in by one statement, together or not at all;
a key that is there already keeps what came under it out of the other tables.
"""

from typing import Final

from oms_platform.messages import SubmitOrder
from oms_platform.postgres import ArrayStatement
from oms_platform.prices import dollars_of

# Of a request about an order, the columns that only an order has are empty; those of its key, where it has
# none.
COLUMNS: Final = (
    ("kind", "text"),
    ("request_id", "uuid"),
    ("order_id", "uuid"),
    ("account_id", "text"),
    ("principal", "text"),
    ("payload", "json"),
    ("traceparent", "text"),
    ("received_at", "timestamptz"),
    ("channel", "text"),
    ("client_order_id", "text"),
    ("symbol", "text"),
    ("side", "text"),
    ("order_type", "text"),
    ("time_in_force", "text"),
    ("quantity", "int"),
    ("limit_price", "numeric"),
    ("stop_price", "numeric"),
    ("expire_at", "timestamptz"),
    ("basket_id", "text"),
)
# One statement is one transaction and one round trip. Keys go in by their order, so that two gateways cannot
# deadlock.
STORE: Final = ArrayStatement(
    COLUMNS,
    """WITH row AS MATERIALIZED (SELECT * FROM {rows}),
    fresh AS (
        INSERT INTO order_keys (account_id, channel, client_order_id, order_id)
        SELECT DISTINCT ON (account_id, channel, client_order_id)
               account_id, channel, client_order_id, order_id
        FROM row WHERE client_order_id IS NOT NULL
        ORDER BY account_id, channel, client_order_id
        ON CONFLICT DO NOTHING RETURNING account_id, channel, client_order_id),
    kept AS (
        INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side, order_type,
                            time_in_force, quantity, limit_price, stop_price, expire_at, basket_id, status,
                            leaves_qty, created_at, updated_at)
        SELECT order_id, account_id, channel, client_order_id, symbol, side, order_type, time_in_force,
               quantity, limit_price, stop_price, expire_at, basket_id, 'NEW', quantity, received_at,
               received_at
        FROM row JOIN fresh USING (account_id, channel, client_order_id) WHERE kind = 'NEW'),
    logged AS (
        INSERT INTO order_requests (request_id, kind, order_id, account_id, principal, payload, traceparent,
                                    received_at)
        SELECT request_id, kind, order_id, account_id, principal, payload, traceparent, received_at
        FROM row LEFT JOIN fresh USING (account_id, channel, client_order_id)
        WHERE row.client_order_id IS NULL OR fresh.client_order_id IS NOT NULL)
    SELECT count(*) FROM fresh""",
)


def new_order_row(order: SubmitOrder, payload: bytes, traceparent: str) -> tuple[object, ...]:
    """Return the row of a new order. payload: its message as it is published."""
    terms, price, stop = order.terms, order.terms.limit_price_micros, order.terms.stop_price_micros
    return (
        "NEW",
        order.order_id,
        order.order_id,
        terms.account_id,
        terms.principal,
        payload.decode(),
        traceparent,
        order.received_at,
        terms.channel,
        terms.client_order_id,
        terms.symbol,
        terms.side.name,
        terms.order_type.name,
        terms.time_in_force.name,
        terms.quantity,
        None if price is None else dollars_of(price),
        None if stop is None else dollars_of(stop),
        terms.expire_at,
        terms.basket_id,
    )
