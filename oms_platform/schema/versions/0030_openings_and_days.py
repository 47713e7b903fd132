"""Openings that core refused, since something had come in between; what accounts were last seen worth."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

REFUSALS = """
-- Actions on positions that core has refused, and why; each is in position_changes or here, once it is taken.
-- Of an OPENING, terms.after is the event of the account's stream after which it was checked.
CREATE TABLE position_refusals (
    action_id  uuid PRIMARY KEY REFERENCES position_actions,
    account_id text NOT NULL,
    why        text NOT NULL CHECK (why <> ''),
    refused_at timestamptz NOT NULL
);
"""


DAYS = """
-- What the account was worth when core last stored it, where the next day begins; null of days of before.
ALTER TABLE account_days ADD COLUMN last_micros bigint;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REFUSALS)
    op.execute(DAYS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
