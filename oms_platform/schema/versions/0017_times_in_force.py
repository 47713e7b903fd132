"""Orders are good till a date or for an auction; who holds auctions, and when orders for them are sent."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_time_in_force_check,
    ADD COLUMN expire_at timestamptz,
    ADD CHECK (time_in_force IN ('DAY', 'GTC', 'IOC', 'FOK', 'GTD', 'OPG', 'CLO')),
    ADD CHECK ((time_in_force = 'GTD') = (expire_at IS NOT NULL));
"""

AUCTIONS = """
-- The venue that holds an instrument's opening and closing auction; NULL: none that is known.
ALTER TABLE instruments ADD COLUMN auction_venue text REFERENCES venues;
-- Orders for the opening auction are sent so long before the opening; those for the closing one are taken
-- until so long before the close.
ALTER TABLE calendars
    ADD COLUMN opening_lead_s integer NOT NULL DEFAULT 120 CHECK (opening_lead_s > 0),
    ADD COLUMN closing_cutoff_s integer NOT NULL DEFAULT 600 CHECK (closing_cutoff_s >= 0);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(ORDERS)
    op.execute(AUCTIONS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
