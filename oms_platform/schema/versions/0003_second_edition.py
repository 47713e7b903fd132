"""The second edition: requests as a log, events as they are published, children with their terms whole.

Gone: outbox (what is owed follows from the requests and the orders), reservations (nobody needed them),
content hashes (terms are compared), the first edition's columns for what the stored terms say.
"""

from alembic import op
from sqlalchemy import text

from oms_platform.errors import ConfigurationError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ORDERS = """
DROP TABLE outbox, reservations, executions, order_events, child_orders, child_cancels, route_audit;
ALTER TABLE order_keys DROP COLUMN content_hash;
ALTER TABLE orders DROP COLUMN routing, DROP COLUMN principal;
ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ADD CHECK (status IN ('NEW', 'ACKNOWLEDGED', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED',
                                         'REJECTED', 'EXPIRED', 'PENDING_CANCEL', 'PENDING_REPLACE'));
-- Every request as it was taken, before it had any effect: the first a new order's, whose request_id is its
-- order_id. payload: the message that was published. It is only ever added to; an order_events row with the
-- same request_id is its outcome.
CREATE TABLE order_requests (
    request_id  uuid PRIMARY KEY,
    kind        text NOT NULL,
    order_id    uuid NOT NULL,
    account_id  text NOT NULL,
    principal   text NOT NULL,
    payload     json NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL
) PARTITION BY RANGE (request_id);
CREATE INDEX order_requests_changes ON order_requests (request_id) WHERE kind <> 'NEW';
-- payload: the OrderEvent as clients get it. The first event of an order has sequence 2; its request is 1.
CREATE TABLE order_events (
    order_id        uuid NOT NULL,
    sequence        integer NOT NULL CHECK (sequence > 1),
    account_id      text NOT NULL,
    stream_sequence integer NOT NULL CHECK (stream_sequence > 0),
    type            text NOT NULL,
    request_id      uuid,
    payload         json NOT NULL,
    occurred_at     timestamptz NOT NULL,
    PRIMARY KEY (order_id, sequence)
) PARTITION BY RANGE (order_id);
CREATE INDEX order_events_by_stream ON order_events (account_id, stream_sequence);
-- The last stream_sequence of each account. Whoever writes events moves it on from where it knew it to be: a
-- writer that has lost the account finds it elsewhere, and nothing of its batch is stored.
CREATE TABLE account_streams (
    account_id text PRIMARY KEY,
    head       integer NOT NULL CHECK (head > 0)
) WITH (fillfactor = 50);
-- Where the core is that has the accounts of a partition: whom to ask for an account's risk.
CREATE TABLE core_owners (
    partition integer PRIMARY KEY CHECK (partition >= 0),
    address   text NOT NULL,
    taken_at  timestamptz NOT NULL
);
CREATE FUNCTION move_stream(account text, known_head integer, new_head integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF known_head = 0 THEN
        INSERT INTO account_streams VALUES (account, new_head) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE account_streams SET head = new_head WHERE account_id = account AND head = known_head;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % has a writer that moved its stream on from %', account, known_head
            USING ERRCODE = 'OM001';
    END IF;
END $$;
"""

ROUTES = """
-- plan: the RoutePlan. digest: of what was decided; the same inputs decided again give the same, or the code
-- decides otherwise by now.
CREATE TABLE route_audit (
    order_id      uuid NOT NULL,
    attempt       integer NOT NULL CHECK (attempt > 0),
    account_id    text NOT NULL,
    plan          bytea NOT NULL,
    digest        bytea NOT NULL,
    inputs        bytea NOT NULL,
    book_id       uuid,
    reference_id  uuid NOT NULL,
    received_at   timestamptz NOT NULL,
    decided_at    timestamptz NOT NULL,
    quote_wait_us integer NOT NULL,
    decision_us   integer NOT NULL,
    PRIMARY KEY (order_id, attempt)
) PARTITION BY RANGE (order_id);
ALTER TABLE route_audit ALTER COLUMN plan SET STORAGE EXTERNAL, ALTER COLUMN inputs SET STORAGE EXTERNAL;
-- terms: the ChildTerms. continues: of the plan that it is a line of.
CREATE TABLE child_orders (
    order_id       uuid NOT NULL,
    cl_ord_id      text NOT NULL,
    attempt        integer NOT NULL CHECK (attempt > 0),
    leg            integer NOT NULL CHECK (leg > 0),
    venue_id       text NOT NULL,
    quantity       integer NOT NULL CHECK (quantity > 0),
    terms          json NOT NULL,
    continues      boolean NOT NULL,
    status         text NOT NULL CHECK (status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED', 'FILLED',
                                                   'CANCELED', 'REJECTED', 'EXPIRED')),
    cum_qty        integer NOT NULL DEFAULT 0,
    leaves_qty     integer NOT NULL,
    venue_order_id text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    acked_at       timestamptz,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (order_id, cl_ord_id),
    CHECK (cum_qty BETWEEN 0 AND quantity),
    CHECK (leaves_qty BETWEEN 0 AND quantity - cum_qty)
) PARTITION BY RANGE (order_id);
CREATE INDEX child_orders_live ON child_orders (venue_id) WHERE leaves_qty > 0;
-- A plan of an attempt up to through_attempt is refused.
CREATE TABLE child_cancels (
    order_id        uuid NOT NULL,
    request_id      uuid NOT NULL,
    through_attempt integer NOT NULL CHECK (through_attempt >= 0),
    requested_at    timestamptz NOT NULL,
    PRIMARY KEY (order_id, request_id)
) PARTITION BY RANGE (order_id);
"""

REFERENCE = """
-- A counter that each change of reference data moves on: who keeps it in memory reads one row to know
-- whether to read the rest again.
CREATE TABLE reference_versions (
    subject text PRIMARY KEY,
    version bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO reference_versions VALUES ('accounts', 1), ('instruments', 1), ('routing', 1);
CREATE FUNCTION move_reference_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reference_versions SET version = version + 1 WHERE subject = TG_ARGV[0];
    RETURN NULL;
END $$;
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('accounts');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON risk_limits
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('accounts');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON instruments
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('instruments');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON venues
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('routing');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON fee_schedules
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('routing');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON routing_profiles
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('routing');
CREATE TRIGGER moved AFTER INSERT OR UPDATE OR DELETE ON account_routing
    FOR EACH STATEMENT EXECUTE FUNCTION move_reference_version('routing');
"""

VIEWS = """
-- What a service may read of another's tables.
-- How far each group has read each topic: core asks before it says anything again, the adapter before it
-- drops a checkpoint.
CREATE VIEW reader_progress AS
    SELECT consumer_group, incarnation, topic, partition, next_offset FROM consumer_offsets;
-- Every trade that was applied: a line of an order's events.
CREATE VIEW executions AS
    SELECT order_id,
           payload->'tradeApplied'->>'venueId' AS venue_id,
           payload->'tradeApplied'->>'execId' AS exec_id,
           account_id,
           payload->'tradeApplied'->>'clOrdId' AS cl_ord_id,
           payload->>'symbol' AS symbol,
           replace(payload->>'side', 'SIDE_', '') AS side,
           (payload->'tradeApplied'->>'lastQty')::int AS last_qty,
           ((payload->'tradeApplied'->>'lastPxMicros')::numeric / 1000000)::numeric(18,6) AS last_px,
           (payload->'tradeApplied'->>'transactTime')::timestamptz AS transact_time,
           (payload->'tradeApplied'->>'receivedAt')::timestamptz AS received_at,
           occurred_at AS recorded_at
    FROM order_events WHERE type = 'TradeApplied';
-- The orders that are not over, as the adapter looks at them after Kafka has lost its data.
CREATE VIEW open_orders AS SELECT order_id FROM orders WHERE NOT closed;
"""


def upgrade() -> None:
    held = op.get_bind().execute(text("SELECT count(*) FROM orders")).scalar_one()
    if held:
        raise ConfigurationError(
            f"the database holds {held} orders of the first edition, whose events the second edition does not"
            " read: keep it for its history, and give the second edition a database of its own"
            " (`oms migrate --dsn … --demo-data` fills an empty one)"
        )
    for script in (ORDERS, ROUTES, REFERENCE, VIEWS):
        op.execute(script)


def downgrade() -> None:
    raise ConfigurationError("the second edition's schema does not go back to the first edition's")
