"""Orders for an auction: who holds it, when orders for it are sent and taken, and which venues take them."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_time_in_force_check,
    ADD CONSTRAINT orders_time_in_force_check
        CHECK (time_in_force IN ('DAY', 'GTC', 'IOC', 'FOK', 'GTD', 'OPG', 'CLO'));
"""

# auction_orders: whether a venue takes orders for its auctions (59=2, 59=7). listing_venue: who holds an
# instrument's auctions; null: nobody that is known.
VENUES = """
ALTER TABLE venues ADD COLUMN auction_orders boolean NOT NULL DEFAULT false;
UPDATE venues SET auction_orders = true WHERE venue_id IN ('XNYS', 'XNAS');
ALTER TABLE instruments ADD COLUMN listing_venue text REFERENCES venues;
"""

# In sessions from a date on, by the day in the calendar's zone. A calendar without rows has no auctions.
RULES = """
CREATE TABLE auction_rules (
    calendar_id    text NOT NULL REFERENCES calendars ON DELETE CASCADE,
    auction        text NOT NULL CHECK (auction IN ('OPENING', 'CLOSING')),
    effective_from date NOT NULL,
    lead_s         integer NOT NULL,
    cutoff_s       integer NOT NULL CHECK (cutoff_s >= 0),
    source         text NOT NULL,
    PRIMARY KEY (calendar_id, auction, effective_from),
    CHECK (lead_s > cutoff_s)
);
INSERT INTO auction_rules VALUES
    ('XNYS', 'OPENING', '2007-08-20', 3600, 120, 'the earlier of the listing markets'' cut-offs (9:28)'),
    ('XNYS', 'CLOSING', '2007-08-20', 3600, 600, 'the earlier of the listing markets'' cut-offs (15:50)');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON auction_rules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
"""


def upgrade() -> None:
    """Apply."""
    for script in (ORDERS, VENUES, RULES):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
