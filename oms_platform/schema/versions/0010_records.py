"""Executions are listed by account and time, each with its place among its order's events."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EXECUTIONS = """
-- An entry for each trade, for lists of an account's executions by time.
CREATE INDEX order_events_trades ON order_events (account_id, occurred_at, order_id, sequence)
    WHERE type = 'TradeApplied';
-- An entry for each bust and correction, which are few: what became of a trade costs one look.
CREATE INDEX order_events_corrections ON order_events (order_id, sequence) WHERE type = 'TradeCorrected';
-- Every trade that was applied, as it stands after corrections; one that was busted is not there.
DROP VIEW executions;
CREATE VIEW executions AS
    SELECT t.order_id, t.venue_id, t.exec_id, t.account_id, t.cl_ord_id, t.symbol, t.side,
           coalesce(c.last_qty, t.last_qty) AS last_qty,
           ((coalesce(c.last_px_micros, t.last_px_micros))::numeric / 1000000)::numeric(18,6) AS last_px,
           t.transact_time, t.received_at, t.recorded_at, t.venue_order_id, t.trade_date, t.sequence,
           t.stream_sequence
    FROM (SELECT order_id, sequence, stream_sequence,
                 payload->'tradeApplied'->>'venueId' AS venue_id,
                 payload->'tradeApplied'->>'execId' AS exec_id,
                 account_id,
                 payload->'tradeApplied'->>'clOrdId' AS cl_ord_id,
                 payload->>'symbol' AS symbol,
                 replace(payload->>'side', 'SIDE_', '') AS side,
                 (payload->'tradeApplied'->>'lastQty')::int AS last_qty,
                 (payload->'tradeApplied'->>'lastPxMicros')::bigint AS last_px_micros,
                 (payload->'tradeApplied'->>'transactTime')::timestamptz AS transact_time,
                 (payload->'tradeApplied'->>'receivedAt')::timestamptz AS received_at,
                 occurred_at AS recorded_at,
                 coalesce(payload->'tradeApplied'->>'venueOrderId', '') AS venue_order_id,
                 coalesce(payload->'tradeApplied'->>'tradeDate', '') AS trade_date
          FROM order_events WHERE type = 'TradeApplied') t
    LEFT JOIN LATERAL (
        SELECT coalesce((payload->'tradeCorrected'->>'lastQty')::int, 0) AS last_qty,
               coalesce((payload->'tradeCorrected'->>'lastPxMicros')::bigint, 0) AS last_px_micros
        FROM order_events e
        WHERE e.order_id = t.order_id AND e.type = 'TradeCorrected'
          AND payload->'tradeCorrected'->>'venueId' = t.venue_id
          AND payload->'tradeCorrected'->>'execRefId' = t.exec_id
          AND coalesce(payload->'tradeCorrected'->>'refTradeDate', '') = t.trade_date
          AND coalesce(payload->'tradeCorrected'->>'refVenueOrderId', '') = t.venue_order_id
          AND payload->'tradeCorrected'->>'clOrdId' = t.cl_ord_id
        ORDER BY e.sequence DESC LIMIT 1) c ON true
    WHERE coalesce(c.last_qty, t.last_qty) > 0;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(EXECUTIONS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
