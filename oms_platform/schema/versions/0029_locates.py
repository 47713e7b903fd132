"""Where shares can be borrowed: lists of a day, locates of accounts, and what orders have drawn of them."""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

LOCATES = """
-- The symbols that need no locate in the session of a day. A list of the day replaces the one before.
CREATE TABLE easy_to_borrow (
    trade_date date PRIMARY KEY,
    symbols    text[] NOT NULL,
    entered_by text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    entered_at timestamptz NOT NULL
);
-- quantity: shares that the lender has set aside for the account, for the session of a day. A reference is of
-- one day for good; its quantity is the last one that was loaded.
CREATE TABLE locates (
    account_id text NOT NULL REFERENCES accounts,
    symbol     text NOT NULL REFERENCES instruments,
    reference  text NOT NULL CHECK (reference <> ''),
    broker     text NOT NULL CHECK (broker <> ''),
    quantity   integer NOT NULL CHECK (quantity >= 0),
    valid_on   date NOT NULL,
    entered_by text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol, reference)
);
CREATE INDEX locates_of_day ON locates (valid_on);
-- drawn: shares that the orders which name a locate have sold, and may still sell; also of a locate that
-- nobody has loaded. Written by core alone, with the events that it follows from.
CREATE TABLE locate_draws (
    account_id text NOT NULL,
    symbol     text NOT NULL,
    reference  text NOT NULL,
    drawn      bigint NOT NULL,
    PRIMARY KEY (account_id, symbol, reference)
);
INSERT INTO reference_versions VALUES ('locates', 1);
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON easy_to_borrow
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('locates');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON locates
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('locates');
"""
# What orders drew before draws were kept, by the same law: what is sold, and what is open of a larger of two.
DRAWN = """
INSERT INTO locate_draws (account_id, symbol, reference, drawn)
SELECT o.account_id, o.symbol, r.payload->'terms'->>'locateId',
       sum(CASE WHEN o.closed THEN o.cum_qty + o.excess_qty
                ELSE greatest(o.quantity, o.cum_qty + o.excess_qty, coalesce(w.quantity, 0)) END)
FROM orders o JOIN order_requests r ON r.request_id = o.order_id
LEFT JOIN LATERAL (
    SELECT max((e.payload->'replaceRequested'->'terms'->>'quantity')::int) AS quantity FROM order_events e
    WHERE e.order_id = o.order_id AND e.type = 'ReplaceRequested' AND NOT EXISTS (
        SELECT FROM order_events d WHERE d.order_id = e.order_id AND d.request_id = e.request_id
        AND d.type IN ('OrderReplaced', 'ReplaceRejected'))) w ON true
WHERE o.side = 'SELL_SHORT' AND o.sequence > 1 AND coalesce(r.payload->'terms'->>'locateId', '') <> ''
GROUP BY 1, 2, 3;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(LOCATES)
    op.execute(DRAWN)
    op.execute(begin_to_audit("easy_to_borrow", ("trade_date",)))
    op.execute(begin_to_audit("locates", ("account_id", "symbol", "reference")))


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
