"""A second person's leave for an order that risk denied; how each account's day began, and its peak."""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# request_id: what was denied, an order or a replace; order_id: of the order that the replace is about, null
# for a new one. trader: who asked. terms, checks: what was asked for, and the rules that are let pass as they
# stood then. used_by: the request that passed by it. What was denied is granted once, unless that is revoked.
OVERRIDES = """
CREATE TABLE risk_overrides (
    override_id   uuid PRIMARY KEY,
    request_id    uuid NOT NULL,
    order_id      uuid,
    account_id    text NOT NULL REFERENCES accounts,
    trader        text NOT NULL,
    terms         jsonb NOT NULL CHECK (jsonb_typeof(terms) = 'object'),
    checks        jsonb NOT NULL CHECK (jsonb_typeof(checks) = 'array' AND jsonb_array_length(checks) > 0),
    granted_by    text NOT NULL CHECK (granted_by <> '' AND granted_by <> trader
                                       AND granted_by <> (terms->>'principal')),
    reason        text NOT NULL CHECK (reason <> ''),
    granted_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL CHECK (expires_at > granted_at),
    revoked_by    text CHECK (revoked_by <> ''),
    revoke_reason text CHECK (revoke_reason <> ''),
    revoked_at    timestamptz,
    used_by       uuid UNIQUE,
    used_at       timestamptz,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoke_reason IS NULL)),
    CHECK ((used_at IS NULL) = (used_by IS NULL)),
    CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE UNIQUE INDEX risk_overrides_once ON risk_overrides (request_id) WHERE revoked_at IS NULL;
CREATE INDEX risk_overrides_unused ON risk_overrides (expires_at)
    WHERE revoked_at IS NULL AND used_at IS NULL;
CREATE INDEX risk_overrides_newest ON risk_overrides (granted_at DESC, override_id DESC);

-- What was granted stays as it was: it may be used, or revoked, once.
CREATE FUNCTION keep_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.used_at IS NOT NULL OR OLD.revoked_at IS NOT NULL
       OR (to_jsonb(NEW) - '{used_by,used_at,revoked_by,revoke_reason,revoked_at}'::text[])
          <> (to_jsonb(OLD) - '{used_by,used_at,revoked_by,revoke_reason,revoked_at}'::text[]) THEN
        RAISE EXCEPTION 'override % is kept as it is', OLD.override_id USING ERRCODE = '23000';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON risk_overrides
    FOR EACH ROW EXECUTE FUNCTION keep_override();

-- Core's, in the transaction that stores what passes by it: who finds it used or revoked stores nothing.
CREATE FUNCTION use_override(id uuid, request uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE risk_overrides SET used_by = request, used_at = at
        WHERE override_id = id AND used_at IS NULL AND revoked_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'override % is used or revoked', id USING ERRCODE = '23000';
    END IF;
END $$;

INSERT INTO reference_versions VALUES ('overrides', 1);
CREATE TRIGGER moved AFTER INSERT OR UPDATE OF revoked_at ON risk_overrides
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('overrides');
"""

# Micros: what the account was worth (its cash of trades and its positions at their marks) when core first
# looked that day, and the most that it has gained since.
DAYS = """
CREATE TABLE account_days (
    account_id     text NOT NULL REFERENCES accounts,
    trade_date     date NOT NULL,
    opening_micros bigint NOT NULL,
    peak_micros    bigint NOT NULL CHECK (peak_micros >= 0),
    opened_at      timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, trade_date)
) WITH (fillfactor = 50);
"""

TRIGGERS = """
ALTER TABLE kill_triggers DROP CONSTRAINT kill_triggers_kind_check;
ALTER TABLE kill_triggers ADD CONSTRAINT kill_triggers_kind_check CHECK (kind IN
    ('REJECT_RATE', 'VENUE_SILENCE', 'EXCEPTIONS', 'MESSAGE_RATE', 'LOSS'));
"""


def upgrade() -> None:
    """Apply."""
    for script in (OVERRIDES, DAYS, TRIGGERS, begin_to_audit("risk_overrides", ("override_id",))):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
