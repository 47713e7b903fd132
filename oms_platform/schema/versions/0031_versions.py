"""Accounts and instruments have a version, and say who changed them last, and why."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

VERSIONS = """
-- Whoever writes the row, psql included: what the audit is told of the writer stands in the row too.
CREATE FUNCTION note_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- What changes nothing is no change; a change of what is kept beside the row moves its version.
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    NEW.version := CASE TG_OP WHEN 'UPDATE' THEN OLD.version + 1 ELSE 1 END;
    NEW.changed_by := coalesce(nullif(current_setting('oms.actor', true), ''), session_user);
    NEW.reason := coalesce(current_setting('oms.reason', true), '');
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END $$;
"""
# Of the rows that are there nobody knows any more who wrote them.
COLUMNS = """
ALTER TABLE {table}
    ADD COLUMN version    integer NOT NULL DEFAULT 1,
    ADD COLUMN changed_by text NOT NULL DEFAULT '',
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
CREATE TRIGGER versioned BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION note_version();
"""


def upgrade() -> None:
    """Apply."""
    op.execute(VERSIONS)
    for table in ("accounts", "instruments"):
        op.execute(COLUMNS.format(table=table))


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
