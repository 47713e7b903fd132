"""A child's state says what replaces have made of its ClOrdID at its venue."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REPLACES = """
-- replaces: a JSON array of the ClOrdID since the last 35=G that its venue took, the ClOrdID of one that has
-- no answer, and the OrderQty that it asks for. Empty: it was never replaced.
ALTER TABLE child_orders ADD COLUMN replaces text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REPLACES)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
