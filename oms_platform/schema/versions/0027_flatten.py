"""A kill switch may close positions, by orders of core's own, which the gate knows by their rows."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# The stage of a trigger stays BLOCK or CANCEL: a person decides that positions are closed.
SWITCHES = """
ALTER TABLE kill_switches DROP CONSTRAINT kill_switches_stage_check,
    ADD CHECK (stage IN ('BLOCK', 'CANCEL', 'FLATTEN'));
-- What a switch that flattens makes of a position, by the core of its account. found_qty: signed shares, when
-- it was first seen. rounds: how many orders were made to close it; order_id: the last. why: in words, what
-- it waits for.
CREATE TABLE kill_switch_positions (
    switch_id  uuid NOT NULL REFERENCES kill_switches,
    account_id text NOT NULL,
    symbol     text NOT NULL,
    found_qty  bigint NOT NULL CHECK (found_qty <> 0),
    found_at   timestamptz NOT NULL,
    state      text NOT NULL CHECK (state IN ('WAITS', 'CLOSING', 'FLAT')),
    why        text NOT NULL,
    rounds     integer NOT NULL CHECK (rounds >= 0),
    order_id   uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (switch_id, account_id, symbol),
    CHECK ((rounds = 0) = (order_id IS NULL))
) WITH (fillfactor = 50);
-- Each order by which a switch closes a position, written by core in the transaction that accepts it; rows
-- are never changed. held: signed shares then, after event stream_sequence of the account's stream; others:
-- shares that other open orders could trade the same way.
CREATE TABLE kill_switch_closings (
    order_id        uuid PRIMARY KEY,
    switch_id       uuid NOT NULL REFERENCES kill_switches,
    account_id      text NOT NULL,
    symbol          text NOT NULL,
    round           integer NOT NULL CHECK (round > 0),
    side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity        integer NOT NULL CHECK (quantity > 0),
    held            bigint NOT NULL,
    others          bigint NOT NULL CHECK (others >= 0),
    stream_sequence integer NOT NULL,
    decided_at      timestamptz NOT NULL,
    UNIQUE (switch_id, account_id, symbol, round),
    -- It closes, and no more than is held.
    CHECK (CASE side WHEN 'SELL' THEN held ELSE -held END >= quantity + others)
);
CREATE TRIGGER not_changed BEFORE UPDATE OR DELETE ON kill_switch_closings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# As before, and of an order that closes a position for a switch: which, what was held then and what is now,
# and how much of what it has executed is in that.
GATE = """
CREATE OR REPLACE VIEW client_orders AS
    SELECT o.order_id, o.account_id, o.symbol, o.side,
           CASE WHEN o.replaced THEN least(o.quantity, asked.quantity) ELSE o.quantity END AS quantity,
           (CASE WHEN NOT o.replaced OR (o.limit_price IS NULL AND asked.limits[1] IS NULL)
                      OR (o.limit_price * 1000000)::bigint = ANY (asked.limits)
                 THEN o.limit_price
                 ELSE asked.limits[1]::numeric / 1000000 END)::numeric(18,6) AS limit_price,
           o.closed, o.order_type, closing.switch_id AS closes_for, closing.held AS closes_of,
           CASE WHEN closing.order_id IS NOT NULL THEN (
               SELECT p.quantity FROM positions p WHERE p.account_id = o.account_id AND p.symbol = o.symbol)
           END AS held, o.cum_qty
    FROM orders o
    LEFT JOIN kill_switch_closings closing ON closing.order_id = o.order_id
    LEFT JOIN LATERAL (
        SELECT max(quantity) AS quantity, array_agg(limit_micros ORDER BY first DESC) AS limits FROM (
            SELECT true AS first, (r.payload->'terms'->>'quantity')::int AS quantity,
                   (r.payload->'terms'->>'limitPriceMicros')::bigint AS limit_micros
            FROM order_requests r WHERE o.replaced AND r.request_id = o.order_id
            UNION ALL
            SELECT false, (r.payload->'change'->>'quantity')::int,
                   (r.payload->'change'->>'limitPriceMicros')::bigint
            FROM order_requests r WHERE o.replaced AND r.order_id = o.order_id AND r.kind = 'REPLACE'
        ) requests) asked ON true;
-- For an adapter that begins: which of the orders that it has live are a switch's.
CREATE VIEW closing_orders AS SELECT order_id, switch_id FROM kill_switch_closings;
"""


def upgrade() -> None:
    """Apply."""
    for script in (SWITCHES, GATE):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
