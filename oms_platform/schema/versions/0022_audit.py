"""The audit: account streams and the log of what people change are chains of hashes; rows only ever come.

An account's chain begins behind the events that it has when this is applied: `audit_begins` says where.
"""

from alembic import op

from oms_platform.errors import ConfigurationError
from oms_platform.schema.audited import begin_to_audit

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# What is audited from here on; a later table begins in the migration that makes it.
TABLES = {
    "accounts": ("account_id",),
    "risk_rules": ("change_id",),
    "instruments": ("symbol",),
    "venues": ("venue_id",),
    "fee_schedules": ("venue_id", "effective_from"),
    "routing_profiles": ("profile", "version"),
    "account_routing": ("account_id",),
    "kill_switches": ("switch_id",),
    "halts": ("halt_id",),
    "execution_exceptions": ("exception_id",),
    "venue_sessions": ("venue_id",),
    "fix_commands": ("command_id",),
    "fix_clients": ("comp_id",),
    "calendars": ("calendar_id",),
    "calendar_sessions": ("calendar_id", "session_date"),
    "auction_rules": ("calendar_id", "auction", "effective_from"),
    "market_rules": ("effective_from",),
    "round_lot_tiers": ("effective_from", "price_from"),
    "instrument_rules": ("symbol", "effective_from"),
    "reconciliations": ("run_id",),
    "reconciliation_breaks": ("run_id", "cl_ord_id"),
    "audit_begins": ("stream",),
}

EVENTS = """
-- request_digest: of the request that the event is the outcome of. chain: the link over the event before it
-- in its account's stream and this row; NULL in rows from before the audit.
ALTER TABLE order_events ADD COLUMN request_digest bytea, ADD COLUMN chain bytea;
ALTER TABLE account_streams ADD COLUMN chain bytea;
-- Where a chain begins: behind sequence, with the link chain. stream: account:NAME, or audit_log.
CREATE TABLE audit_begins (
    stream   text PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    chain    bytea NOT NULL CHECK (octet_length(chain) = 32),
    reason   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
INSERT INTO audit_begins (stream, sequence, chain, reason)
    SELECT 'account:' || account_id, head, decode(repeat('00', 32), 'hex'), 'the audit began'
    FROM account_streams UNION ALL
    SELECT 'audit_log', 0, decode(repeat('00', 32), 'hex'), 'the audit began';
CREATE FUNCTION order_event_link(before bytea, e order_events) RETURNS bytea STABLE LANGUAGE sql AS $$
    SELECT sha256(before
        || set_byte('\\x00'::bytea, 0, (e.request_id IS NOT NULL)::int)
        || uuid_send(e.order_id) || int4send(e.sequence) || int4send(e.stream_sequence)
        || coalesce(uuid_send(e.request_id), decode(repeat('00', 16), 'hex'))
        || int8send((extract(epoch FROM e.occurred_at) * 1000000)::bigint)
        || int4send(coalesce(octet_length(e.request_digest), -1))
        || int4send(octet_length(e.account_id)) || int4send(octet_length(e.type))
        || coalesce(e.request_digest, '') || convert_to(e.account_id, 'UTF8') || convert_to(e.type, 'UTF8')
        || convert_to(e.payload::text, 'UTF8'))
$$;
-- new_chain: the link of the event new_head; NULL where no event is written.
DROP FUNCTION move_stream(text, integer, integer);
CREATE FUNCTION move_stream(account text, known_head integer, new_head integer, new_chain bytea DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF new_head = 0 THEN
        -- Nothing is written; that nobody else has written is all there is to find out.
        PERFORM WHERE NOT EXISTS (SELECT FROM account_streams WHERE account_id = account);
    ELSIF known_head = 0 THEN
        INSERT INTO account_streams (account_id, head, chain) VALUES (account, new_head, new_chain)
            ON CONFLICT DO NOTHING;
    ELSE
        UPDATE account_streams SET head = new_head, chain = coalesce(new_chain, chain)
            WHERE account_id = account AND head = known_head;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % has a writer that moved its stream on from %', account, known_head
            USING ERRCODE = 'OM001';
    END IF;
END $$;
"""

LOG = """
-- Each change of an audited table. actor, reason: what the writer said (oms.actor, oms.reason), or else the
-- database's user. operation: INSERT, UPDATE, DELETE; BEGIN: a row as it was found; KEPT: as it is, said
-- again because its last row here is dropped; COLUMNS: as it is after a migration; ANCHOR: the heads of the
-- account streams that have moved, by account: sequence and link.
CREATE TABLE audit_log (
    sequence   bigint PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    reason     text NOT NULL,
    table_name text NOT NULL,
    operation  text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE', 'BEGIN', 'KEPT', 'COLUMNS',
                                                  'ANCHOR')),
    key        jsonb NOT NULL,
    before     jsonb,
    after      jsonb,
    chain      bytea NOT NULL CHECK (octet_length(chain) = 32)
);
CREATE INDEX audit_log_by_row ON audit_log (table_name, key, sequence);
-- One row: whoever appends to audit_log holds it until the end of the transaction.
CREATE TABLE audit_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    sequence bigint NOT NULL,
    chain    bytea NOT NULL CHECK (octet_length(chain) = 32)
) WITH (fillfactor = 50);
INSERT INTO audit_head (sequence, chain) VALUES (0, decode(repeat('00', 32), 'hex'));
CREATE TABLE audit_anchors (
    account_id text PRIMARY KEY,
    head       integer NOT NULL
);
CREATE FUNCTION audit_text(given text) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN given IS NULL THEN int4send(-1)
                ELSE int4send(octet_length(given)) || convert_to(given, 'UTF8') END
$$;
CREATE FUNCTION audit_link(before bytea, a audit_log) RETURNS bytea STABLE LANGUAGE sql AS $$
    SELECT sha256(before || int8send(a.sequence) || int8send((extract(epoch FROM a.at) * 1000000)::bigint)
        || audit_text(a.actor) || audit_text(a.reason) || audit_text(a.table_name) || audit_text(a.operation)
        || audit_text(a.key::text) || audit_text(a.before::text) || audit_text(a.after::text))
$$;
CREATE FUNCTION append_audit(changed text, what text, named jsonb, was jsonb, is_now jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
    entry audit_log;
BEGIN
    SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
    entry.sequence := head.sequence + 1;
    entry.at := clock_timestamp();
    entry.actor := coalesce(nullif(current_setting('oms.actor', true), ''), session_user);
    entry.reason := coalesce(current_setting('oms.reason', true), '');
    entry.table_name := changed;
    entry.operation := what;
    entry.key := named;
    entry.before := was;
    entry.after := is_now;
    entry.chain := audit_link(head.chain, entry);
    INSERT INTO audit_log SELECT entry.*;
    UPDATE audit_head SET sequence = entry.sequence, chain = entry.chain;
END $$;
-- A row as the log has it, times in UTC whoever writes it: of a secret only that it has changed.
CREATE FUNCTION audit_image(given jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN given ? 'password_hash' THEN given || jsonb_build_object('password_hash',
                'sha256:' || encode(sha256(convert_to(given->>'password_hash', 'UTF8')), 'hex'))
           ELSE given END
$$;
CREATE FUNCTION audit_key(given jsonb, columns text[]) RETURNS jsonb IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT jsonb_object_agg(name, given->name) FROM unnest(columns) name
$$;
-- Runs as the transaction ends, when it holds every other lock that it will: two that wait for the head
-- cannot wait for each other.
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql
SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN audit_image(to_jsonb(OLD)) END;
    is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN audit_image(to_jsonb(NEW)) END;
    old_key jsonb := audit_key(was, TG_ARGV);
    new_key jsonb := audit_key(is_now, TG_ARGV);
BEGIN
    IF TG_OP = 'UPDATE' AND old_key <> new_key THEN
        PERFORM append_audit(TG_TABLE_NAME, 'DELETE', old_key, was, NULL);
        PERFORM append_audit(TG_TABLE_NAME, 'INSERT', new_key, NULL, is_now);
    ELSIF was IS DISTINCT FROM is_now THEN
        PERFORM append_audit(TG_TABLE_NAME, TG_OP, coalesce(new_key, old_key), was, is_now);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- audit_log lets go of its oldest rows, and of nothing else: `forget_audit` does.
CREATE FUNCTION refuse_change_of_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND OLD.sequence <= (SELECT sequence FROM audit_begins WHERE stream = 'audit_log') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_log is only ever added to: % of row % is refused', TG_OP, OLD.sequence
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON order_requests
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_log();
CREATE TRIGGER not_truncated BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Partitions have triggers of statements of their own; those to come get theirs when they are made.
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT relid FROM pg_partition_tree('order_events')
                UNION ALL SELECT relid FROM pg_partition_tree('order_requests')
    LOOP
        EXECUTE format('CREATE TRIGGER not_truncated BEFORE TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', part);
    END LOOP;
END $$;
"""

KEPT = """
-- Every row of every audited table as it is now, as the log would have it.
CREATE FUNCTION audited_rows() RETURNS TABLE (table_name text, key jsonb, image jsonb)
STABLE LANGUAGE plpgsql SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT c.relname, string_to_array(encode(t.tgargs, 'escape'), '\\000') AS names
               FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
               WHERE t.tgname = 'audited' AND c.relnamespace = current_schema::regnamespace ORDER BY 1
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %L, audit_key(to_jsonb(r), $1), audit_image(to_jsonb(r)) FROM %I r ORDER BY 2',
            one.relname, one.relname) USING array_remove(one.names, '');
    END LOOP;
END $$;
CREATE FUNCTION audit_as_they_are(changed text, VARIADIC columns text[]) RETURNS bigint LANGUAGE plpgsql
SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    found bigint;
BEGIN
    EXECUTE format('SELECT count(append_audit(%L, ''BEGIN'', audit_key(to_jsonb(r), $1), NULL,'
        ' audit_image(to_jsonb(r))) IS NULL) FROM %I r', changed, changed) INTO found USING columns;
    RETURN found;
END $$;
-- After a migration: the rows that have other columns than their last row in the log.
CREATE FUNCTION audit_columns() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(append_audit(r.table_name, 'COLUMNS', r.key, l.after, r.image) IS NULL)
    FROM audited_rows() r CROSS JOIN LATERAL (
        SELECT after FROM audit_log a WHERE a.table_name = r.table_name AND a.key = r.key
        ORDER BY sequence DESC LIMIT 1) l
    WHERE ARRAY(SELECT jsonb_object_keys(r.image) ORDER BY 1)
          <> ARRAY(SELECT jsonb_object_keys(l.after) ORDER BY 1)
$$;
-- Notes the heads of the account streams that have moved since the last anchor. Returns the log's head, which
-- stands for all of them.
CREATE FUNCTION anchor_audit() RETURNS audit_head LANGUAGE plpgsql AS $$
DECLARE
    heads jsonb;
    head audit_head;
BEGIN
    WITH streams AS MATERIALIZED (
        SELECT account_id, s.head, chain FROM account_streams s WHERE chain IS NOT NULL),
    moved AS (
        INSERT INTO audit_anchors AS known SELECT account_id, streams.head FROM streams ORDER BY account_id
        ON CONFLICT (account_id) DO UPDATE SET head = EXCLUDED.head WHERE known.head < EXCLUDED.head
        RETURNING account_id)
    SELECT jsonb_object_agg(account_id, jsonb_build_array(streams.head, encode(chain, 'hex'))) INTO heads
        FROM streams JOIN moved USING (account_id);
    IF heads IS NOT NULL THEN
        PERFORM append_audit('account_streams', 'ANCHOR', '{}', NULL, heads);
    END IF;
    SELECT * INTO STRICT head FROM audit_head;
    RETURN head;
END $$;
-- Drops the rows of audit_log from before a time. What they say of a row that is still there is said again
-- first. Returns how many went.
CREATE FUNCTION forget_audit(before_time timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_gone audit_log;
    gone bigint;
BEGIN
    PERFORM FROM audit_head FOR UPDATE;
    SELECT * INTO last_gone FROM audit_log WHERE sequence = (
        SELECT min(sequence) - 1 FROM audit_log WHERE at >= before_time);
    IF last_gone.sequence IS NULL THEN
        SELECT * INTO last_gone FROM audit_log
            WHERE NOT EXISTS (SELECT FROM audit_log WHERE at >= before_time) ORDER BY sequence DESC LIMIT 1;
    END IF;
    IF last_gone.sequence IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM append_audit(r.table_name, 'KEPT', r.key, r.image, r.image) FROM audited_rows() r
        CROSS JOIN LATERAL (
            SELECT sequence FROM audit_log a WHERE a.table_name = r.table_name AND a.key = r.key
            ORDER BY sequence DESC LIMIT 1) l
        WHERE l.sequence <= last_gone.sequence;
    UPDATE audit_begins SET sequence = last_gone.sequence, chain = last_gone.chain, at = now(),
        reason = 'older rows were dropped' WHERE stream = 'audit_log';
    DELETE FROM audit_log WHERE sequence <= last_gone.sequence;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
"""


def upgrade() -> None:
    """Apply."""
    for script in (EVENTS, LOG, KEPT):
        op.execute(script)
    for table, key in TABLES.items():
        op.execute(begin_to_audit(table, key))


def downgrade() -> None:
    """Refused: there is no way back."""
    raise ConfigurationError("there is no downgrade")
