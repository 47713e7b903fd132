"""Orders that are worked over time, and lists of orders that are sent and watched together."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# algo: of an order whose algo was replaced; of any other its request has it.
ORDERS = """
ALTER TABLE orders ADD COLUMN algo json;
ALTER TABLE orders ADD COLUMN basket_id text NOT NULL DEFAULT '';
CREATE INDEX orders_by_basket ON orders (basket_id, order_id) WHERE basket_id <> '';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(ORDERS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
