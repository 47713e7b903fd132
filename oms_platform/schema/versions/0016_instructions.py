"""Short sales, and what of an order is shown."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SIDES = """
ALTER TABLE orders DROP CONSTRAINT orders_side_check,
    ADD CONSTRAINT orders_side_check CHECK (side IN ('BUY', 'SELL', 'SELL_SHORT', 'SELL_SHORT_EXEMPT'));
"""

# Of an order that was replaced: the shares that it shows at once from then on, 0 for all. Null while it is as
# it was asked for, which its request says.
DISPLAY = "ALTER TABLE orders ADD COLUMN display_quantity integer CHECK (display_quantity >= 0);"

# Whether a venue takes MaxFloor (111), and orders that take nothing (18=6).
VENUES = """
ALTER TABLE venues ADD COLUMN reserve_orders boolean NOT NULL DEFAULT true,
    ADD COLUMN post_only_orders boolean NOT NULL DEFAULT true;
"""


def upgrade() -> None:
    """Apply."""
    for script in (SIDES, DISPLAY, VENUES):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
