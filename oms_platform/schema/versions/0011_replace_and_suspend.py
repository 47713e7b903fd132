"""An order may be suspended, and its terms change after it was taken."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ADD CHECK (status IN ('NEW', 'ACKNOWLEDGED', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED',
                                         'REJECTED', 'EXPIRED', 'PENDING_CANCEL', 'PENDING_REPLACE',
                                         'SUSPENDED'));
"""


def upgrade() -> None:
    """Apply."""
    op.execute(ORDERS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
