"""Clients' FIX sessions: who may log on, the numbers that come next, and what was sent."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CLIENTS = """
-- comp_id: the client's CompID. password_hash: scheme, costs, salt and hash. schedule: NULL for any time.
CREATE TABLE fix_clients (
    comp_id       text PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('ORDERS', 'DROP_COPY')),
    accounts      text[] NOT NULL CHECK (cardinality(accounts) > 0),
    rights        text[] NOT NULL CHECK (rights <@ ARRAY['READ', 'TRADE', 'CANCEL']),
    username      text NOT NULL,
    password_hash text NOT NULL,
    schedule      jsonb,
    enabled       boolean NOT NULL DEFAULT true,
    version       integer NOT NULL DEFAULT 1 CHECK (version > 0),
    changed_at    timestamptz NOT NULL,
    changed_by    text NOT NULL
);
-- numbers: counts how often both sides' numbers have begun at 1. next_in, next_out: the MsgSeqNum that is
-- expected next, and the next that is sent. streams: of each account the last stream_sequence that was
-- reported or passed over. A row is moved on from where its writer knew it to be.
CREATE TABLE fix_client_sessions (
    comp_id  text PRIMARY KEY REFERENCES fix_clients,
    numbers  integer NOT NULL CHECK (numbers > 0),
    next_in  bigint NOT NULL CHECK (next_in > 0),
    next_out bigint NOT NULL CHECK (next_out > 0),
    began_at timestamptz NOT NULL,
    streams  json NOT NULL
) WITH (fillfactor = 50);
"""

MESSAGES = """
-- Application messages as they were sent, by their MsgSeqNum (seq). account_id, stream_sequence: of the event
-- that one reports, NULL for an answer.
CREATE TABLE fix_client_messages (
    message_id      uuid PRIMARY KEY,
    comp_id         text NOT NULL,
    numbers         integer NOT NULL,
    seq             bigint NOT NULL,
    account_id      text,
    stream_sequence integer,
    raw             bytea NOT NULL
) PARTITION BY RANGE (message_id);
CREATE INDEX fix_client_messages_by_number ON fix_client_messages (comp_id, numbers, seq);
"""


def upgrade() -> None:
    """Apply."""
    for script in (CLIENTS, MESSAGES):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
