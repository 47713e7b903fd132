"""Executions are charged fees, cash settles on a date, and people move cash in and out of accounts."""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

FEES = """
-- Dollars a share that was routed on, or traded in an auction; NULL: as for removing.
ALTER TABLE fee_schedules ADD COLUMN routed_fee numeric(18,6), ADD COLUMN auction_fee numeric(18,6);
-- What executions are charged beside the venues' fees, each from its date until the next row of its name or
-- ends_on. account_id, venue_id, side: NULL for every one. a_share, least, most: dollars. An account's own
-- COMMISSION stands in place of everybody's.
CREATE TABLE charges (
    charge         text NOT NULL CHECK (charge <> ''),
    effective_from date NOT NULL,
    ends_on        date CHECK (ends_on > effective_from),
    kind           text NOT NULL CHECK (kind IN ('COMMISSION', 'REGULATORY')),
    account_id     text REFERENCES accounts,
    venue_id       text REFERENCES venues,
    side           text CHECK (side IN ('BUY', 'SELL')),
    a_share        numeric(18,6) NOT NULL DEFAULT 0,
    basis_points   numeric(12,6) NOT NULL DEFAULT 0,
    least          numeric(18,6) NOT NULL DEFAULT 0 CHECK (least >= 0),
    most           numeric(18,6) CHECK (most >= least),
    PRIMARY KEY (charge, effective_from)
);
INSERT INTO reference_versions VALUES ('fees', 1);
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON charges
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('fees');
CREATE TRIGGER fees_moved AFTER INSERT OR UPDATE OR DELETE ON fee_schedules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('fees');
-- After how many sessions the cash of a trade settles.
ALTER TABLE calendars ADD COLUMN settlement_days integer NOT NULL DEFAULT 1
    CHECK (settlement_days BETWEEN 0 AND 10);
"""

CASH = """
-- opened: the cost that actions brought in from elsewhere, so that net_cash + cost = realized_pnl + opened.
ALTER TABLE positions ADD COLUMN fees numeric(24,6) NOT NULL DEFAULT 0,
    ADD COLUMN opened numeric(24,6) NOT NULL DEFAULT 0;
-- What executions moved, less their fees, by the date on which it settles.
CREATE TABLE cash_settlements (
    account_id text NOT NULL,
    settles_on date NOT NULL,
    amount     numeric(24,6) NOT NULL,
    PRIMARY KEY (account_id, settles_on)
) WITH (fillfactor = 50);
-- What moved an account's cash beside executions; rows are never changed.
CREATE TABLE cash_entries (
    entry_id   uuid PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts,
    kind       text NOT NULL CHECK (kind IN ('DEPOSIT', 'WITHDRAWAL', 'OPENING')),
    amount     numeric(24,6) NOT NULL CHECK (
        CASE kind WHEN 'DEPOSIT' THEN amount > 0 WHEN 'WITHDRAWAL' THEN amount < 0 ELSE amount <> 0 END),
    settles_on date NOT NULL,
    entered_by text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    entered_at timestamptz NOT NULL
);
CREATE INDEX cash_entries_of ON cash_entries (account_id, entry_id);
CREATE TRIGGER not_changed BEFORE UPDATE OR DELETE ON cash_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

ACTIONS = """
-- What changes positions beside executions; rows are never changed. OPENING: account_id holds terms.quantity
-- shares at terms.cost dollars in all. SPLIT: terms.numerator shares for every terms.denominator; a part of a
-- share is paid out at terms.price.
CREATE TABLE position_actions (
    action_id  uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('OPENING', 'SPLIT')),
    account_id text NOT NULL REFERENCES accounts,
    symbol     text NOT NULL REFERENCES instruments,
    terms      jsonb NOT NULL CHECK (jsonb_typeof(terms) = 'object'),
    entered_by text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    entered_at timestamptz NOT NULL
);
CREATE TRIGGER not_changed BEFORE UPDATE OR DELETE ON position_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
INSERT INTO reference_versions VALUES ('positions', 1);
CREATE TRIGGER moved AFTER INSERT ON position_actions
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('positions');
-- What an action changed of a position, and after which event of its account's stream.
CREATE TABLE position_changes (
    action_id       uuid NOT NULL REFERENCES position_actions,
    account_id      text NOT NULL,
    symbol          text NOT NULL,
    stream_sequence integer NOT NULL,
    quantity        bigint NOT NULL,
    cost            numeric(24,6) NOT NULL,
    realized_pnl    numeric(24,6) NOT NULL,
    net_cash        numeric(24,6) NOT NULL,
    opened          numeric(24,6) NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (action_id, account_id, symbol)
);
"""

EXECUTIONS = """
CREATE OR REPLACE VIEW executions AS
    SELECT t.order_id, t.venue_id, t.exec_id, t.account_id, t.cl_ord_id, t.symbol, t.side,
           coalesce(c.last_qty, t.last_qty) AS last_qty,
           ((coalesce(c.last_px_micros, t.last_px_micros))::numeric / 1000000)::numeric(18,6) AS last_px,
           t.transact_time, t.received_at, t.recorded_at, t.venue_order_id, t.trade_date, t.sequence,
           t.stream_sequence,
           ((coalesce(c.fee_micros, t.fee_micros))::numeric / 1000000)::numeric(18,6) AS fee,
           t.settles_on, t.last_liquidity
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
                 coalesce(payload->'tradeApplied'->>'tradeDate', '') AS trade_date,
                 coalesce((payload->'tradeApplied'->>'feeMicros')::bigint, 0) AS fee_micros,
                 (payload->'tradeApplied'->>'settlesOn')::date AS settles_on,
                 coalesce((payload->'tradeApplied'->>'lastLiquidity')::int, 0) AS last_liquidity
          FROM order_events WHERE type = 'TradeApplied') t
    LEFT JOIN LATERAL (
        SELECT coalesce((payload->'tradeCorrected'->>'lastQty')::int, 0) AS last_qty,
               coalesce((payload->'tradeCorrected'->>'lastPxMicros')::bigint, 0) AS last_px_micros,
               coalesce((payload->'tradeCorrected'->>'feeMicros')::bigint, 0) AS fee_micros
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
    for script in (FEES, CASH, ACTIONS, EXECUTIONS):
        op.execute(script)
    op.execute(begin_to_audit("charges", ("charge", "effective_from")))
    op.execute(begin_to_audit("cash_entries", ("entry_id",)))
    op.execute(begin_to_audit("position_actions", ("action_id",)))


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
