"""Orders that are good till a time: until when, beside their time in force."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders DROP CONSTRAINT orders_time_in_force_check,
    ADD COLUMN expire_at timestamptz,
    ADD CHECK (time_in_force IN ('DAY', 'GTC', 'IOC', 'FOK', 'GTD')),
    ADD CHECK ((time_in_force = 'GTD') = (expire_at IS NOT NULL));
"""


def upgrade() -> None:
    """Apply."""
    op.execute(ORDERS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
