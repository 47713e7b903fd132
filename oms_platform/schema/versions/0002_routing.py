"""Routing that explains itself: wishes, held children, frozen inputs, the quote tape, scorecards.

A route's inputs are kept once and shared: a book by every route that was decided on it, a reference (venues,
fees, profiles, measurements) by every route until it changes.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WISHES = """
ALTER TABLE orders ADD COLUMN routing jsonb NOT NULL DEFAULT '{}';
ALTER TABLE child_orders ADD COLUMN hold_ms integer NOT NULL DEFAULT 0 CHECK (hold_ms >= 0);
-- {"profile": name, "avoid": [venue], "prefer": [venue]}, each may be left out; an order's own wishes come
-- first.
CREATE TABLE account_routing (
    account_id text PRIMARY KEY REFERENCES accounts,
    routing    jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL
);
ALTER TABLE venues
    ADD COLUMN lot_size     integer NOT NULL DEFAULT 1 CHECK (lot_size > 0),
    ADD COLUMN min_quantity integer NOT NULL DEFAULT 1 CHECK (min_quantity > 0);
ALTER TABLE routing_profiles
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN created_by text NOT NULL DEFAULT '';
"""

AUDIT = """
-- inputs: the request with its effective wishes, and what else only this decision stood on, as JSON.
-- book_id is NULL where nobody quoted the symbol. Rows of before this version have no inputs and cannot be
-- decided again.
ALTER TABLE route_audit
    ADD COLUMN inputs       bytea,
    ADD COLUMN book_id      uuid,
    ADD COLUMN reference_id uuid;
ALTER TABLE route_audit ALTER COLUMN inputs SET STORAGE EXTERNAL;
-- A Quote with every displayed level, as the JSON of oms.v1.Quote.
CREATE TABLE route_books (
    book_id   uuid PRIMARY KEY,
    symbol    text NOT NULL,
    quoted_at timestamptz NOT NULL,
    quote     bytea NOT NULL
) PARTITION BY RANGE (book_id);
-- Venues, fees, profiles and measurements that decisions stood on, as JSON.
CREATE TABLE route_references (
    reference_id uuid PRIMARY KEY,
    content      bytea NOT NULL,
    created_at   timestamptz NOT NULL
) PARTITION BY RANGE (reference_id);
"""

QUALITY = """
-- The national best bid and offer over time, a row a change.
CREATE TABLE quote_tape (
    symbol    text NOT NULL,
    quoted_at timestamptz NOT NULL,
    bid       numeric(18,6),
    offer     numeric(18,6),
    PRIMARY KEY (symbol, quoted_at)
) PARTITION BY RANGE (quoted_at);
-- What our own fills say of a venue. closed_reason: why it takes nothing now; closed_until: when it is
-- tried again, NULL while that depends on the venue alone.
CREATE TABLE venue_scorecards (
    venue_id      text PRIMARY KEY,
    state         jsonb NOT NULL,
    closed_reason text NOT NULL DEFAULT '',
    closed_until  timestamptz,
    updated_at    timestamptz NOT NULL
);
CREATE TABLE fix_sessions (
    venue_id   text PRIMARY KEY,
    up         boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    for script in (WISHES, AUDIT, QUALITY):
        op.execute(script)


def downgrade() -> None:
    op.execute(
        "DROP TABLE fix_sessions, venue_scorecards, quote_tape, route_references, route_books,"
        " account_routing;"
        "ALTER TABLE orders DROP COLUMN routing;"
        "ALTER TABLE child_orders DROP COLUMN hold_ms;"
        "ALTER TABLE venues DROP COLUMN lot_size, DROP COLUMN min_quantity;"
        "ALTER TABLE routing_profiles DROP COLUMN created_at, DROP COLUMN created_by;"
        "ALTER TABLE route_audit DROP COLUMN inputs, DROP COLUMN book_id, DROP COLUMN reference_id;"
    )
