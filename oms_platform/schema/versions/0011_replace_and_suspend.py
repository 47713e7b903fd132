"""An order may be suspended, wait for its stop price, and its terms change after it was taken."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ADD CHECK (status IN ('NEW', 'ACKNOWLEDGED', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED',
                                         'REJECTED', 'EXPIRED', 'PENDING_CANCEL', 'PENDING_REPLACE',
                                         'SUSPENDED'));
-- replaced: whether quantity, prices and time_in_force are what a replace made them.
ALTER TABLE orders ADD COLUMN replaced boolean NOT NULL DEFAULT false,
    ADD COLUMN stop_price numeric(18,6) CHECK (stop_price > 0),
    DROP CONSTRAINT orders_order_type_check, DROP CONSTRAINT orders_check,
    ADD CHECK (order_type IN ('MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT')),
    ADD CHECK ((order_type IN ('LIMIT', 'STOP_LIMIT')) = (limit_price IS NOT NULL)),
    ADD CHECK ((order_type IN ('STOP', 'STOP_LIMIT')) = (stop_price IS NOT NULL));
"""

GATE = """
CREATE INDEX order_requests_replaces ON order_requests (order_id) WHERE kind = 'REPLACE';
-- What the adapter holds every plan to: what a client asked for, as the gateway wrote it, and neither core
-- nor the router can change. Of an order that core says is replaced, no more shares than the client ever
-- asked for, and a limit that it asked for, or else the first.
CREATE OR REPLACE VIEW client_orders AS
    SELECT o.order_id, o.account_id, o.symbol, o.side,
           CASE WHEN o.replaced THEN least(o.quantity, asked.quantity) ELSE o.quantity END AS quantity,
           (CASE WHEN NOT o.replaced OR o.limit_price IS NULL
                      OR (o.limit_price * 1000000)::bigint = ANY (asked.limits)
                 THEN o.limit_price
                 ELSE asked.limits[1]::numeric / 1000000 END)::numeric(18,6) AS limit_price,
           o.closed
    FROM orders o LEFT JOIN LATERAL (
        SELECT max(quantity) AS quantity, array_agg(limit_micros ORDER BY first DESC) AS limits FROM (
            SELECT true AS first, (r.payload->'terms'->>'quantity')::int AS quantity,
                   (r.payload->'terms'->>'limitPriceMicros')::bigint AS limit_micros
            FROM order_requests r WHERE o.replaced AND r.request_id = o.order_id
            UNION ALL
            SELECT false, (r.payload->'change'->>'quantity')::int,
                   (r.payload->'change'->>'limitPriceMicros')::bigint
            FROM order_requests r WHERE o.replaced AND r.order_id = o.order_id AND r.kind = 'REPLACE'
        ) requests) asked ON true;
"""


def upgrade() -> None:
    """Apply."""
    for script in (ORDERS, GATE):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
