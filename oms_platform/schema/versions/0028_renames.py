"""What accounts hold of a symbol may be held under another one from some moment on."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# RENAME: what account_id holds of the symbol is of terms.to; it has a row of position_changes for either.
RENAMES = """
ALTER TABLE position_actions DROP CONSTRAINT position_actions_kind_check,
    ADD CONSTRAINT position_actions_kind_check CHECK (kind IN ('OPENING', 'SPLIT', 'RENAME'));
-- What fills were charged goes along with what they made.
ALTER TABLE position_changes ADD COLUMN fees numeric(24,6) NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(RENAMES)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
