"""After the trade: limits that are watched, a copy of every execution, what surveillance found."""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ALERTS = """
-- A limit that positions, open orders or marks have brought near, or beyond; or a mark that nobody knows.
-- scope: names by kind. account_id: NULL for a firm's. share_pct: of the limit, that was reached.
-- value, bound, worst: in the words of the rule's unit. times_raised: it was raised that often, first and
-- each time that it reached a higher share. cleared_at: NULL while it is open.
-- partition: of a firm's alert, the partition whose core has it; NULL for an account's.
CREATE TABLE risk_alerts (
    alert_id     uuid PRIMARY KEY,
    rule         text NOT NULL,
    scope        jsonb NOT NULL CHECK (jsonb_typeof(scope) = 'object'),
    account_id   text,
    partition    integer,
    level        text NOT NULL CHECK (level IN ('WARNING', 'BREACH')),
    share_pct    integer NOT NULL CHECK (share_pct BETWEEN 1 AND 100),
    value        text NOT NULL,
    bound        text NOT NULL,
    headroom     text NOT NULL,
    worst        text NOT NULL,
    unit         text NOT NULL,
    set_for      text NOT NULL,
    times_raised integer NOT NULL CHECK (times_raised > 0),
    version      integer NOT NULL CHECK (version > 0),
    first_seen   timestamptz NOT NULL,
    last_seen    timestamptz NOT NULL,
    cleared_at   timestamptz,
    why_cleared  text NOT NULL DEFAULT '',
    CHECK ((account_id IS NULL) = (partition IS NOT NULL))
);
CREATE UNIQUE INDEX risk_alerts_open ON risk_alerts (rule, scope, coalesce(partition, -1))
    WHERE cleared_at IS NULL;
CREATE INDEX risk_alerts_by_time ON risk_alerts (first_seen);
CREATE INDEX risk_alerts_changed ON risk_alerts (last_seen);
-- A person has seen an alert, as it was raised the so-manieth time.
CREATE TABLE risk_alert_acks (
    alert_id     uuid NOT NULL REFERENCES risk_alerts,
    times_raised integer NOT NULL,
    by           text NOT NULL,
    note         text NOT NULL CHECK (note <> ''),
    at           timestamptz NOT NULL,
    PRIMARY KEY (alert_id, times_raised)
);
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON risk_alert_acks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

COPIES = """
-- How far drop.copy has the executions of an account: the stream sequence of the last one.
CREATE TABLE drop_copy_places (
    account_id text PRIMARY KEY,
    sequence   integer NOT NULL CHECK (sequence >= 0),
    copied_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
-- Copies begin here: of an account that has no row later, everything is copied.
INSERT INTO drop_copy_places (account_id, sequence) SELECT account_id, head FROM account_streams;
-- firm: a drop copy of every account of a firm, whichever it has then; NULL for the accounts that are named.
ALTER TABLE fix_clients ADD COLUMN firm text, ADD CHECK (firm IS NULL OR kind = 'DROP_COPY');
ALTER TABLE fix_clients DROP CONSTRAINT fix_clients_accounts_check,
    ADD CHECK ((cardinality(accounts) > 0) <> (firm IS NOT NULL));
"""

SURVEILLANCE = """
-- A run over a day. parameters: by pattern, what it was held to. digest: of what was looked at.
CREATE TABLE surveillance_reports (
    report_id  uuid PRIMARY KEY,
    day        date NOT NULL,
    patterns   text[] NOT NULL,
    parameters jsonb NOT NULL,
    orders     integer NOT NULL,
    executions integer NOT NULL,
    digest     text NOT NULL,
    run_by     text NOT NULL,
    run_at     timestamptz NOT NULL
);
CREATE INDEX surveillance_reports_by_day ON surveillance_reports (day, run_at);
-- identity: the same for the same orders in a later run. figures: numbers by name. why: in words.
CREATE TABLE surveillance_findings (
    finding_id uuid PRIMARY KEY,
    report_id  uuid NOT NULL REFERENCES surveillance_reports,
    identity   text NOT NULL,
    pattern    text NOT NULL,
    firm_id    text NOT NULL,
    accounts   text[] NOT NULL,
    symbol     text NOT NULL,
    orders     uuid[] NOT NULL,
    began_at   timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    figures    jsonb NOT NULL,
    why        text NOT NULL,
    UNIQUE (report_id, identity)
);
CREATE INDEX surveillance_findings_by_identity ON surveillance_findings (identity);
-- What a person found of the same orders, whichever run has found them. The last word holds.
CREATE TABLE surveillance_reviews (
    review_id uuid PRIMARY KEY,
    identity  text NOT NULL,
    by        text NOT NULL,
    note      text NOT NULL CHECK (note <> ''),
    at        timestamptz NOT NULL
);
CREATE INDEX surveillance_reviews_by_identity ON surveillance_reviews (identity, at);
"""
_ONLY_ADDED = ("surveillance_reports", "surveillance_findings", "surveillance_reviews")


def upgrade() -> None:
    """Apply."""
    for script in (ALERTS, COPIES, SURVEILLANCE):
        op.execute(script)
    for table in _ONLY_ADDED:
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(begin_to_audit("risk_alert_acks", ("alert_id", "times_raised")))
    op.execute(begin_to_audit("surveillance_reports", ("report_id",)))
    op.execute(begin_to_audit("surveillance_reviews", ("review_id",)))


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
