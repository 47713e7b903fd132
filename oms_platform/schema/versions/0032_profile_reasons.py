"""Versions of routing profiles say why they were added, and who retired them, when and why."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

REASONS = """
-- Whoever adds a version, psql included: what the audit is told of the writer stands in the row too.
ALTER TABLE routing_profiles
    ADD COLUMN reason         text NOT NULL DEFAULT coalesce(current_setting('oms.reason', true), ''),
    ADD COLUMN retired_at     timestamptz,
    ADD COLUMN retired_by     text,
    ADD COLUMN retired_reason text;
ALTER TABLE routing_profiles
    ALTER COLUMN created_by
        SET DEFAULT coalesce(nullif(current_setting('oms.actor', true), ''), session_user);
-- A version is changed by its end alone, or, by operators, by its coming back.
CREATE FUNCTION note_retirement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.active AND NOT NEW.active THEN
        NEW.retired_by := coalesce(nullif(current_setting('oms.actor', true), ''), session_user);
        NEW.retired_reason := coalesce(current_setting('oms.reason', true), '');
        NEW.retired_at := clock_timestamp();
    ELSIF NEW.active THEN
        NEW.retired_by := NULL;
        NEW.retired_reason := NULL;
        NEW.retired_at := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER retired BEFORE UPDATE ON routing_profiles
    FOR EACH ROW EXECUTE FUNCTION note_retirement();
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REASONS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
