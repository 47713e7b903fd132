"""Pegged orders: what their price follows, a limit that they may have, and their kind for the gate."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# peg: of an order that was replaced; of any other its request has it.
ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_order_type_check, DROP CONSTRAINT orders_check,
    ADD COLUMN peg json,
    ADD CHECK (order_type IN ('MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT', 'PEGGED')),
    ADD CHECK (order_type = 'PEGGED' OR (order_type IN ('LIMIT', 'STOP_LIMIT')) = (limit_price IS NOT NULL));
"""

# Of an order that core says is replaced, a limit that the client asked for, or else the first; none only
# where the client gave none.
GATE = """
CREATE OR REPLACE VIEW client_orders AS
    SELECT o.order_id, o.account_id, o.symbol, o.side,
           CASE WHEN o.replaced THEN least(o.quantity, asked.quantity) ELSE o.quantity END AS quantity,
           (CASE WHEN NOT o.replaced OR (o.limit_price IS NULL AND asked.limits[1] IS NULL)
                      OR (o.limit_price * 1000000)::bigint = ANY (asked.limits)
                 THEN o.limit_price
                 ELSE asked.limits[1]::numeric / 1000000 END)::numeric(18,6) AS limit_price,
           o.closed, o.order_type
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
