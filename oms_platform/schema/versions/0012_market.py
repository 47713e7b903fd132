"""The market as data: dated rules, calendars with their sessions, and halts."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RULES = """
-- What is in force for every instrument from a day on, by the date in New York; round lots by the price.
CREATE TABLE market_rules (
    effective_from       date PRIMARY KEY,
    tick_size            numeric(18,6) NOT NULL CHECK (tick_size > 0 AND mod(1, tick_size) = 0),
    sub_dollar_tick_size numeric(18,6) NOT NULL
                         CHECK (sub_dollar_tick_size > 0 AND mod(1, sub_dollar_tick_size) = 0),
    access_fee_cap       numeric(18,6) NOT NULL CHECK (access_fee_cap >= 0),
    sub_dollar_cap_ppm   integer NOT NULL CHECK (sub_dollar_cap_ppm BETWEEN 0 AND 1000000),
    order_protection     boolean NOT NULL,
    source               text NOT NULL
);
CREATE TABLE round_lot_tiers (
    effective_from date NOT NULL REFERENCES market_rules ON DELETE CASCADE,
    price_from     numeric(18,6) NOT NULL CHECK (price_from >= 0),
    round_lot      integer NOT NULL CHECK (round_lot > 0),
    PRIMARY KEY (effective_from, price_from)
);
-- Every set of rules has a tier for the lowest price: a row of it is stored with the set.
CREATE FUNCTION require_lowest_tier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM market_rules WHERE effective_from NOT IN (
                   SELECT effective_from FROM round_lot_tiers WHERE price_from = 0)) THEN
        RAISE EXCEPTION 'each row of market_rules needs a row of round_lot_tiers with price_from 0'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lowest_tier AFTER INSERT OR UPDATE ON market_rules DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION require_lowest_tier();
CREATE CONSTRAINT TRIGGER lowest_tier AFTER UPDATE OR DELETE ON round_lot_tiers DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION require_lowest_tier();
-- What one instrument has of its own from a day on; NULL: as everybody has it.
CREATE TABLE instrument_rules (
    symbol         text NOT NULL REFERENCES instruments ON DELETE CASCADE,
    effective_from date NOT NULL,
    tick_size      numeric(18,6) CHECK (tick_size > 0 AND mod(1, tick_size) = 0),
    round_lot      integer CHECK (round_lot > 0),
    PRIMARY KEY (symbol, effective_from)
);
INSERT INTO market_rules VALUES
    ('2007-08-20', 0.01, 0.0001, 0.003, 3000, true, 'Regulation NMS (Rel. 34-51808): Rules 610(c), 611, 612'),
    ('2025-11-03', 0.01, 0.0001, 0.003, 3000, true, 'Round lots by price tier (Rel. 34-90610, 34-101070)'),
    ('2026-11-02', 0.01, 0.0001, 0.001, 1000, true,
     'Access fees of 10 mils, half pennies by assignment (Rel. 34-101070)');
INSERT INTO round_lot_tiers VALUES
    ('2007-08-20', 0, 100),
    ('2025-11-03', 0, 100), ('2025-11-03', 250.01, 40),
    ('2025-11-03', 1000.01, 10), ('2025-11-03', 10000.01, 1),
    ('2026-11-02', 0, 100), ('2026-11-02', 250.01, 40),
    ('2026-11-02', 1000.01, 10), ('2026-11-02', 10000.01, 1);
INSERT INTO instrument_rules (symbol, effective_from, tick_size)
    SELECT symbol, '2007-08-20', tick_size FROM instruments WHERE tick_size <> 0.01;
ALTER TABLE instruments DROP COLUMN tick_size, DROP COLUMN lot_size;
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON market_rules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON round_lot_tiers
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON instrument_rules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
"""

CALENDARS = """
-- When a market trades. continuous_from: it never closes, and its day turns at this time of the zone; NULL:
-- its sessions are rows, which `oms calendar load` fills.
CREATE TABLE calendars (
    calendar_id     text PRIMARY KEY,
    zone            text NOT NULL,
    continuous_from time
);
CREATE TABLE calendar_sessions (
    calendar_id  text NOT NULL REFERENCES calendars ON DELETE CASCADE,
    session_date date NOT NULL,
    opens_at     timestamptz NOT NULL,
    closes_at    timestamptz NOT NULL CHECK (closes_at > opens_at),
    early_close  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (calendar_id, session_date)
);
INSERT INTO calendars VALUES ('XNYS', 'America/New_York', NULL), ('SIM', 'UTC', '00:00');
-- What was traded before had no calendar: at any hour it goes on, until somebody says otherwise.
ALTER TABLE instruments ADD COLUMN calendar_id text NOT NULL DEFAULT 'SIM' REFERENCES calendars;
ALTER TABLE instruments ALTER COLUMN calendar_id SET DEFAULT 'XNYS';
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON calendars
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON calendar_sessions
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
"""

HALTS = """
-- A row is set once and lifted once, and stays.
CREATE TABLE halts (
    halt_id     uuid PRIMARY KEY,
    symbol      text NOT NULL REFERENCES instruments,
    reason      text NOT NULL CHECK (reason <> ''),
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL,
    lifted_by   text,
    lift_reason text,
    lifted_at   timestamptz,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE UNIQUE INDEX halts_set ON halts (symbol) WHERE lifted_at IS NULL;
-- A halt has one place: it is no status of an instrument any more.
INSERT INTO halts (halt_id, symbol, reason, set_by, set_at)
    SELECT gen_random_uuid(), symbol, 'halted before halts were kept', 'migration 0012', now()
    FROM instruments WHERE status = 'HALTED';
UPDATE instruments SET status = 'ACTIVE' WHERE status = 'HALTED';
ALTER TABLE instruments DROP CONSTRAINT instruments_status_check;
ALTER TABLE instruments ADD CHECK (status IN ('ACTIVE', 'INACTIVE'));
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON halts
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
"""


def upgrade() -> None:
    """Apply."""
    op.execute(RULES)
    op.execute(CALENDARS)
    op.execute(HALTS)


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
