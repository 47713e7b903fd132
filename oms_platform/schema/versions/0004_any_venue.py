"""What venues send is kept raw, and what cannot be applied is an exception that a person sees.

Children may be filled beyond their quantity, and be in states that only an unkind venue makes.
"""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JOURNAL = """
-- FIX application messages as they were on the wire, a row for many. lengths: of each message in
-- `messages`, in bytes. It is only ever added to. The view fix_messages has a row for each message.
CREATE TABLE fix_journal (
    block_id  uuid PRIMARY KEY,
    venue_ids text[] NOT NULL,
    inbound   boolean[] NOT NULL,
    msg_seqs  bigint[] NOT NULL,
    times     timestamptz[] NOT NULL,
    lengths   integer[] NOT NULL,
    messages  bytea NOT NULL
) PARTITION BY RANGE (block_id);
ALTER TABLE fix_journal ALTER COLUMN messages SET STORAGE EXTERNAL;
CREATE VIEW fix_messages AS
    SELECT block_id, venue_id, inbound, msg_seq, at,
           substring(messages FROM (ends - length + 1)::int FOR length) AS raw
    FROM (SELECT block_id, messages, line.*,
                 sum(line.length) OVER (PARTITION BY block_id ORDER BY line.ordinality) AS ends
          FROM fix_journal, unnest(venue_ids, inbound, msg_seqs, times, lengths)
               WITH ORDINALITY AS line(venue_id, inbound, msg_seq, at, length, ordinality)) AS lines;
"""

EXCEPTIONS = """
-- What a venue said that could not be applied as it is, until a person has booked or ignored it. identity:
-- the same message raises the same exception once, however often it is resent. raw: the FIX message, or the
-- message between services that it is about. order_id, account_id: as far as they are known.
CREATE TABLE execution_exceptions (
    exception_id uuid PRIMARY KEY,
    identity     text NOT NULL UNIQUE,
    kind         text NOT NULL,
    raised_by    text NOT NULL,
    venue_id     text NOT NULL,
    order_id     uuid,
    account_id   text,
    cl_ord_id    text NOT NULL DEFAULT '',
    exec_id      text NOT NULL DEFAULT '',
    symbol       text NOT NULL DEFAULT '',
    side         text NOT NULL DEFAULT '',
    last_qty     bigint,
    last_px      numeric(18,6),
    detail       text NOT NULL,
    raw          bytea NOT NULL,
    raised_at    timestamptz NOT NULL,
    status       text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'BOOKED', 'IGNORED')),
    closed_at    timestamptz,
    closed_by    text,
    reason       text,
    CHECK ((status = 'OPEN') = (closed_at IS NULL))
);
CREATE INDEX execution_exceptions_open ON execution_exceptions (raised_at) WHERE status = 'OPEN';
"""

CHILDREN = """
-- in_seq: MsgSeqNum of the last report that changed the child: what is resent from before it changes nothing.
-- missing_qty: shares that the venue's CumQty counts and of which no report came.
ALTER TABLE child_orders DROP CONSTRAINT child_orders_check, DROP CONSTRAINT child_orders_check1,
    DROP CONSTRAINT child_orders_status_check,
    ADD COLUMN in_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN missing_qty integer NOT NULL DEFAULT 0,
    ADD CHECK (status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'REJECTED',
                          'EXPIRED',
                          'DONE_FOR_DAY', 'SUSPENDED', 'STOPPED', 'UNRESOLVED')),
    ADD CHECK (cum_qty >= 0 AND leaves_qty >= 0);
"""

SESSIONS = """
-- reason: why a session is down, in words. out_seq: from here on no outbound MsgSeqNum was ever used;
-- out_before: how many were used before the numbers last began anew.
ALTER TABLE fix_sessions ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD COLUMN out_seq bigint NOT NULL DEFAULT 1, ADD COLUMN out_before bigint NOT NULL DEFAULT 0;
"""

ORDERS = """
-- excess_qty: shares that venues executed beyond the order's quantity: CumQty ends at OrderQty, they are in
-- the position and in filled_notional. AvgPx = filled_notional / (cum_qty + excess_qty).
ALTER TABLE orders ADD COLUMN excess_qty bigint NOT NULL DEFAULT 0,
    ADD CHECK (excess_qty = 0 OR (excess_qty > 0 AND cum_qty = quantity));
"""

VIEWS = """
-- Every trade as its venue last said it was: one that was taken back is not there, one that was corrected
-- has what it was corrected to.
DROP VIEW executions;
CREATE VIEW executions AS
    SELECT order_id, venue_id, exec_id, t.account_id, cl_ord_id, t.symbol, t.side,
           coalesce(c.last_qty, t.last_qty) AS last_qty,
           ((coalesce(c.last_px_micros, t.last_px_micros))::numeric / 1000000)::numeric(18,6) AS last_px,
           t.transact_time, t.received_at, t.recorded_at, venue_order_id, trade_date
    FROM (SELECT order_id,
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
    LEFT JOIN (
        SELECT DISTINCT ON (order_id, venue_id, exec_id, trade_date, venue_order_id, cl_ord_id) *
        FROM (SELECT order_id, sequence,
                     payload->'tradeCorrected'->>'venueId' AS venue_id,
                     payload->'tradeCorrected'->>'execRefId' AS exec_id,
                     coalesce(payload->'tradeCorrected'->>'refTradeDate', '') AS trade_date,
                     coalesce(payload->'tradeCorrected'->>'refVenueOrderId', '') AS venue_order_id,
                     payload->'tradeCorrected'->>'clOrdId' AS cl_ord_id,
                     coalesce((payload->'tradeCorrected'->>'lastQty')::int, 0) AS last_qty,
                     coalesce((payload->'tradeCorrected'->>'lastPxMicros')::bigint, 0) AS last_px_micros
              FROM order_events WHERE type = 'TradeCorrected') e
        ORDER BY order_id, venue_id, exec_id, trade_date, venue_order_id, cl_ord_id, sequence DESC) c
        USING (order_id, venue_id, exec_id, trade_date, venue_order_id, cl_ord_id)
    WHERE coalesce(c.last_qty, t.last_qty) > 0;
"""


def upgrade() -> None:
    for script in (JOURNAL, EXCEPTIONS, CHILDREN, SESSIONS, ORDERS, VIEWS):
        op.execute(script)


def downgrade() -> None:
    raise ConfigurationError("what venues sent is not thrown away: the schema does not go back")
