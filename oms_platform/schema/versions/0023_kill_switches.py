"""A kill switch stops a scope of any names, by stages; what it covered, who goes by it, what triggers it."""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SWITCHES = """
-- scope: names by kind (oms_platform/scopes.py), none for everything. raised: each time that its stage was
-- raised, as {stage, by, reason, at}. trigger_id: of what set it by itself.
DROP INDEX kill_switches_set;
ALTER TABLE kill_switches ADD COLUMN names jsonb,
    ADD COLUMN stage text NOT NULL DEFAULT 'BLOCK' CHECK (stage IN ('BLOCK', 'CANCEL')),
    ADD COLUMN raised jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(raised) = 'array'),
    ADD COLUMN trigger_id uuid;
UPDATE kill_switches SET
    names = CASE scope WHEN 'FIRM' THEN '{}' ELSE jsonb_build_object(lower(scope), name) END,
    stage = CASE WHEN cancels THEN 'CANCEL' ELSE 'BLOCK' END;
ALTER TABLE kill_switches DROP COLUMN scope, DROP COLUMN name, DROP COLUMN cancels;
ALTER TABLE kill_switches RENAME COLUMN names TO scope;
ALTER TABLE kill_switches ALTER COLUMN scope SET NOT NULL, ALTER COLUMN stage DROP DEFAULT,
    ADD CHECK (jsonb_typeof(scope) = 'object');
CREATE UNIQUE INDEX kill_switches_set ON kill_switches (scope) WHERE released_at IS NULL;
CREATE INDEX kill_switches_triggered ON kill_switches (trigger_id) WHERE trigger_id IS NOT NULL;

-- Since when each process goes by a switch at a stage.
CREATE TABLE kill_switch_effects (
    switch_id uuid NOT NULL REFERENCES kill_switches,
    stage     text NOT NULL,
    service   text NOT NULL,
    member    text NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (switch_id, stage, service, member)
);
-- What a switch found open when it came into effect: core's orders (cl_ord_id empty), the adapter's children.
CREATE TABLE kill_switch_covered (
    switch_id  uuid NOT NULL REFERENCES kill_switches,
    order_id   uuid NOT NULL,
    cl_ord_id  text NOT NULL,
    covered_at timestamptz NOT NULL,
    PRIMARY KEY (switch_id, order_id, cl_ord_id)
);
"""

TRIGGERS = """
-- What sets a switch by itself. threshold: in the unit of its kind (oms_platform/kill_switches.py).
CREATE TABLE kill_triggers (
    trigger_id uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN
               ('REJECT_RATE', 'VENUE_SILENCE', 'EXCEPTIONS', 'MESSAGE_RATE')),
    scope      jsonb NOT NULL CHECK (jsonb_typeof(scope) = 'object'),
    threshold  bigint NOT NULL CHECK (threshold > 0),
    window_s   integer NOT NULL CHECK (window_s > 0),
    stage      text NOT NULL CHECK (stage IN ('BLOCK', 'CANCEL')),
    mode       text NOT NULL CHECK (mode IN ('ON', 'SHADOW', 'OFF')),
    changed_by text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL,
    UNIQUE (kind, scope)
);
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON kill_triggers
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('switches');
"""

# What the client of an order asked for at first, for who has to know who asked and by what strategy.
GATE = """
CREATE VIEW client_terms AS
    SELECT r.request_id AS order_id, r.payload->'terms' AS terms FROM order_requests r WHERE r.kind = 'NEW';
"""


def upgrade() -> None:
    """Apply."""
    for script in (SWITCHES, TRIGGERS, GATE, begin_to_audit("kill_triggers", ("trigger_id",))):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
