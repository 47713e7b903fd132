"""Exceptions can be booked, or be settled by what comes later; what must not be sent is data."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

EXCEPTIONS = """
-- BOOKING: a person has asked to book it, at booking_at, and core has not done so yet. SETTLED: what was
-- missing came.
ALTER TABLE execution_exceptions ADD COLUMN booking_at timestamptz,
    DROP CONSTRAINT execution_exceptions_status_check,
    DROP CONSTRAINT execution_exceptions_check,
    ADD CHECK (status IN ('OPEN', 'BOOKING', 'BOOKED', 'IGNORED', 'SETTLED')),
    ADD CHECK ((status IN ('OPEN', 'BOOKING')) = (closed_at IS NULL));
CREATE INDEX execution_exceptions_child ON execution_exceptions (cl_ord_id) WHERE status = 'OPEN';
"""

STOPS = """
-- What a person has stopped: no order of the scope leaves for a venue until it is released. name: of the
-- venue, account or symbol, empty for the firm. cancels: what was open of it was canceled, too. Rows stay.
CREATE TABLE kill_switches (
    switch_id      uuid PRIMARY KEY,
    scope          text NOT NULL CHECK (scope IN ('FIRM', 'VENUE', 'ACCOUNT', 'SYMBOL')),
    name           text NOT NULL,
    cancels        boolean NOT NULL,
    reason         text NOT NULL,
    set_by         text NOT NULL,
    set_at         timestamptz NOT NULL,
    released_by    text,
    release_reason text,
    released_at    timestamptz,
    CHECK ((scope = 'FIRM') = (name = '')),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE UNIQUE INDEX kill_switches_set ON kill_switches (scope, name) WHERE released_at IS NULL;
INSERT INTO reference_versions VALUES ('switches', 1);
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON kill_switches
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('switches');
-- What the adapter holds every plan to: the gateway wrote it, and neither core nor the router can change it.
CREATE VIEW client_orders AS
    SELECT order_id, account_id, symbol, side, quantity, limit_price, closed FROM orders;
"""


RECONCILIATIONS = """
-- Each comparison of a venue's open orders with what the venue says of them. asked: orders; agreed: both said
-- the same; over: ended before the answer. The others are breaks. settled: the venue's word was taken.
CREATE TABLE reconciliations (
    run_id   uuid PRIMARY KEY,
    venue_id text NOT NULL,
    occasion text NOT NULL CHECK (occasion IN ('LOGON', 'SCHEDULE', 'REQUEST')),
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    asked    integer NOT NULL,
    agreed   integer NOT NULL,
    over     integer NOT NULL
);
CREATE INDEX reconciliations_ended ON reconciliations (ended_at);
CREATE TABLE reconciliation_breaks (
    run_id    uuid NOT NULL REFERENCES reconciliations ON DELETE CASCADE,
    cl_ord_id text NOT NULL,
    order_id  uuid NOT NULL,
    ours      text NOT NULL,
    theirs    text NOT NULL,
    settled   boolean NOT NULL,
    PRIMARY KEY (run_id, cl_ord_id)
);
"""


def upgrade() -> None:
    for script in (EXCEPTIONS, STOPS, RECONCILIATIONS):
        op.execute(script)


def downgrade() -> None:
    raise ConfigurationError("what was booked is not thrown away: the schema does not go back")
