"""Accounts belong to a desk of a firm, instruments to a sector, by which limits name them."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SCOPES = """
ALTER TABLE accounts
    ADD COLUMN firm_id text NOT NULL DEFAULT 'FIRM' CHECK (firm_id <> ''),
    ADD COLUMN desk_id text NOT NULL DEFAULT 'DESK' CHECK (desk_id <> '');
ALTER TABLE instruments ADD COLUMN sector text NOT NULL DEFAULT 'UNKNOWN' CHECK (sector <> '');
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SCOPES)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
