"""Risk rules are set by scope, each change a row that stays; what an instrument's rules look at is data."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# What is set of a rule for a scope: names by kind, {} for everything. null and parameters that are not there
# come from wider scopes. removed: nothing of it holds any more. Rows stay: they say who changed what, and
# why.
RULES = """
CREATE TABLE risk_rules (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule       text NOT NULL CHECK (rule <> ''),
    scope      jsonb NOT NULL CHECK (jsonb_typeof(scope) = 'object'),
    removed    boolean NOT NULL DEFAULT false,
    mode       text CHECK (mode IN ('OFF', 'SHADOW', 'ON')),
    severity   text CHECK (severity IN ('HARD', 'SOFT', 'OVERRIDE')),
    on_missing text CHECK (on_missing IN ('DENY', 'PASS')),
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    changed_by text NOT NULL CHECK (changed_by <> ''),
    reason     text NOT NULL CHECK (reason <> ''),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX risk_rules_newest ON risk_rules (rule, scope, change_id DESC);
CREATE VIEW risk_rules_in_force AS
    SELECT * FROM (
        SELECT DISTINCT ON (rule, scope) * FROM risk_rules ORDER BY rule, scope, change_id DESC
    ) AS newest WHERE NOT removed;
INSERT INTO reference_versions VALUES ('rules', 1);
-- One change at a time: a reader that has seen a change has seen all that have smaller numbers.
CREATE FUNCTION lock_risk_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM reference_versions WHERE subject = 'rules' FOR UPDATE;
    RETURN NULL;
END $$;
CREATE TRIGGER one_at_a_time BEFORE INSERT ON risk_rules
    FOR EACH STATEMENT EXECUTE FUNCTION lock_risk_rules();
CREATE TRIGGER moved AFTER INSERT ON risk_rules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('rules');
"""

LIMITS = """
INSERT INTO risk_rules (rule, scope, parameters, changed_by, reason)
SELECT rule, jsonb_build_object('account', account_id), parameters, 'migration', 'from the limits of accounts'
FROM risk_limits, LATERAL (VALUES
    ('ORDER_QTY_EXCEEDS_MAX', jsonb_build_object('quantity_max', order_qty_max)),
    ('ORDER_NOTIONAL_EXCEEDS_MAX', jsonb_build_object('notional_max', order_notional_max::text)),
    ('PRICE_OUTSIDE_COLLAR', jsonb_build_object('collar_bps', price_collar_bps)),
    ('BUYING_POWER_EXCEEDED', jsonb_build_object('buying_power', buying_power::text))
) AS rules (rule, parameters);
DROP TABLE risk_limits;
"""

# average_volume: shares of a day. sigma_bps: a day's volatility, basis points of the price.
# lower_band, upper_band: the dollars between which it may trade, null for no bands.
INSTRUMENTS = """
ALTER TABLE instruments
    ADD COLUMN average_volume bigint CHECK (average_volume > 0),
    ADD COLUMN sigma_bps integer CHECK (sigma_bps > 0),
    ADD COLUMN lower_band numeric(18,6) CHECK (lower_band > 0),
    ADD COLUMN upper_band numeric(18,6) CHECK (upper_band > lower_band);
"""


def upgrade() -> None:
    """Apply."""
    for script in (RULES, LIMITS, INSTRUMENTS):
        op.execute(script)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
