"""A plan that was refused stays refused, whatever its order would allow later."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REFUSED = """
-- Plans of which the adapter stored no child, and of which core was told so: it has asked for another since.
CREATE TABLE refused_plans (
    order_id   uuid NOT NULL,
    attempt    integer NOT NULL CHECK (attempt > 0),
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, attempt)
) PARTITION BY RANGE (order_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REFUSED)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
