"""A child's state says which executions it has counted."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNTED = """
-- executions: the last that were counted, in their order: a JSON array of ExecID, shares, price in micros and
-- the ExecID of the trade that a bust or a correction is about. Empty: none.
ALTER TABLE child_orders ADD COLUMN executions text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(COUNTED)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
