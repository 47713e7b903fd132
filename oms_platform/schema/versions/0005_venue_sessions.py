"""Venues' FIX sessions are data: settings, what operators ask of them, and the ids of children at venues."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SESSIONS = """
-- settings: of the venue's session, as docs/sessions.md says; no secret is in them. A venue without a row has
-- the adapter's own settings.
CREATE TABLE venue_sessions (
    venue_id   text PRIMARY KEY REFERENCES venues,
    settings   jsonb NOT NULL,
    version    integer NOT NULL DEFAULT 1 CHECK (version > 0),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    reason     text NOT NULL
);
-- held_out: why a session stays logged out until somebody logs it on, in words; empty when it does not.
-- on_purpose: it is down because of that, or outside its schedule.
-- numbers_began_at: when both sides' numbers last began at 1. in_use: the settings that the adapter uses.
ALTER TABLE fix_sessions ADD COLUMN held_out text NOT NULL DEFAULT '',
    ADD COLUMN on_purpose boolean NOT NULL DEFAULT false,
    ADD COLUMN numbers_began_at timestamptz, ADD COLUMN in_use jsonb;
"""

COMMANDS = """
-- What operators ask of sessions, each with its outcome. arguments: of RESEND the numbers from and to, of
-- SETTINGS the settings as they became.
CREATE TABLE fix_commands (
    command_id   uuid PRIMARY KEY,
    venue_id     text NOT NULL REFERENCES venues,
    kind         text NOT NULL CHECK (kind IN ('LOGOUT', 'LOGON', 'RESET', 'RESEND', 'SETTINGS',
                                                'RECONCILE')),
    arguments    jsonb NOT NULL DEFAULT '{}',
    requested_by text NOT NULL,
    reason       text NOT NULL,
    requested_at timestamptz NOT NULL,
    done_at      timestamptz,
    outcome      text NOT NULL DEFAULT ''
);
CREATE INDEX fix_commands_open ON fix_commands (requested_at) WHERE done_at IS NULL;
"""

CHILDREN = """
-- wire_id: the ClOrdID that the venue knows a child by, NULL where that is cl_ord_id.
ALTER TABLE child_orders ADD COLUMN wire_id text;
CREATE INDEX child_orders_wire ON child_orders (venue_id, wire_id) WHERE wire_id IS NOT NULL;
"""


def upgrade() -> None:
    for script in (SESSIONS, COMMANDS, CHILDREN):
        op.execute(script)


def downgrade() -> None:
    raise ConfigurationError("who asked what of a session is not thrown away: the schema does not go back")
