"""A dark venue says whether it takes orders that are pegged to the middle of the market."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

VENUES = "ALTER TABLE venues ADD COLUMN midpoint_orders boolean NOT NULL DEFAULT true;"


def upgrade() -> None:
    """Apply."""
    op.execute(VENUES)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
