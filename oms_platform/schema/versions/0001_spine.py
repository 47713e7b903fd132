"""The spine: reference data, orders and their events, outbox, executions, positions, routes, children.

Growing tables are partitioned by the time inside their UUIDv7 key, so `order_id` alone is primary key and
partition key.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFERENCE = """
CREATE TABLE accounts (
    account_id text PRIMARY KEY,
    name       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('INSTITUTION', 'HEDGE_FUND', 'RETAIL')),
    status     text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED', 'CLOSED'))
);
CREATE TABLE instruments (
    symbol          text PRIMARY KEY,
    name            text NOT NULL,
    status          text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'HALTED', 'INACTIVE')),
    tick_size       numeric(18,6) NOT NULL CHECK (tick_size > 0),
    lot_size        integer NOT NULL DEFAULT 1 CHECK (lot_size > 0),
    reference_price numeric(18,6) NOT NULL CHECK (reference_price > 0)
);
CREATE TABLE venues (
    venue_id   text PRIMARY KEY,
    name       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('LIT', 'DARK')),
    status     text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE')),
    latency_us integer NOT NULL CHECK (latency_us >= 0)
);
-- Fees are dollars a share, rebates negative.
CREATE TABLE fee_schedules (
    venue_id       text NOT NULL REFERENCES venues,
    effective_from date NOT NULL,
    add_fee        numeric(18,6) NOT NULL,
    remove_fee     numeric(18,6) NOT NULL,
    PRIMARY KEY (venue_id, effective_from)
);
CREATE TABLE risk_limits (
    account_id         text PRIMARY KEY REFERENCES accounts,
    order_qty_max      integer NOT NULL CHECK (order_qty_max > 0),
    order_notional_max numeric(20,6) NOT NULL CHECK (order_notional_max > 0),
    price_collar_bps   integer NOT NULL CHECK (price_collar_bps > 0),
    buying_power       numeric(20,6) NOT NULL CHECK (buying_power >= 0)
);
CREATE TABLE routing_profiles (
    profile  text NOT NULL,
    version  integer NOT NULL CHECK (version > 0),
    active   boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL,
    PRIMARY KEY (profile, version)
);
"""

ORDERS = """
CREATE TABLE order_keys (
    account_id      text NOT NULL REFERENCES accounts,
    channel         text NOT NULL,
    client_order_id text NOT NULL,
    order_id        uuid NOT NULL,
    content_hash    bytea NOT NULL,
    PRIMARY KEY (account_id, channel, client_order_id)
);
CREATE TABLE orders (
    order_id        uuid PRIMARY KEY,
    account_id      text NOT NULL,
    channel         text NOT NULL,
    client_order_id text NOT NULL,
    principal       text NOT NULL,
    symbol          text NOT NULL,
    side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    order_type      text NOT NULL CHECK (order_type IN ('MARKET', 'LIMIT')),
    time_in_force   text NOT NULL CHECK (time_in_force IN ('DAY', 'GTC', 'IOC', 'FOK')),
    quantity        integer NOT NULL CHECK (quantity > 0),
    limit_price     numeric(18,6) CHECK (limit_price > 0),
    status          text NOT NULL CHECK (status IN ('NEW', 'ACKNOWLEDGED', 'PARTIALLY_FILLED', 'FILLED',
                                                    'CANCELED', 'REJECTED', 'EXPIRED', 'PENDING_CANCEL')),
    closed          boolean NOT NULL DEFAULT false,
    cum_qty         integer NOT NULL DEFAULT 0,
    leaves_qty      integer NOT NULL,
    filled_notional numeric(20,6) NOT NULL DEFAULT 0,
    text            text NOT NULL DEFAULT '',
    sequence        integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK ((order_type = 'LIMIT') = (limit_price IS NOT NULL)),
    CHECK (cum_qty BETWEEN 0 AND quantity),
    CHECK (CASE WHEN closed THEN leaves_qty = 0 ELSE cum_qty + leaves_qty = quantity END),
    CHECK (closed = (status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))),
    CHECK (status <> 'FILLED' OR cum_qty = quantity),
    CHECK ((cum_qty = 0) = (filled_notional = 0))
) PARTITION BY RANGE (order_id);
CREATE INDEX orders_by_account ON orders (account_id, order_id DESC);
CREATE INDEX orders_open ON orders (account_id) WHERE NOT closed;

CREATE TABLE order_events (
    order_id        uuid NOT NULL,
    sequence        integer NOT NULL CHECK (sequence > 0),
    event_id        uuid NOT NULL,
    account_id      text NOT NULL,
    stream_sequence integer CHECK (stream_sequence > 0),
    type            text NOT NULL,
    status          text NOT NULL,
    payload         jsonb NOT NULL,
    occurred_at     timestamptz NOT NULL,
    PRIMARY KEY (order_id, sequence)
) PARTITION BY RANGE (order_id);
CREATE INDEX order_events_by_stream ON order_events (account_id, stream_sequence);
CREATE INDEX order_events_by_time ON order_events USING brin (occurred_at);

CREATE TABLE outbox (
    outbox_id    uuid PRIMARY KEY,
    writer       text NOT NULL CHECK (writer IN ('api', 'core')),
    order_id     uuid NOT NULL,
    topic        text NOT NULL,
    key          text NOT NULL,
    type         text NOT NULL,
    payload      bytea NOT NULL,
    traceparent  text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    published_at timestamptz
) PARTITION BY RANGE (outbox_id);
CREATE INDEX outbox_unpublished ON outbox (writer, outbox_id) WHERE published_at IS NULL;
CREATE INDEX outbox_by_order ON outbox (order_id);
"""

EXECUTION = """
CREATE TABLE executions (
    order_id      uuid NOT NULL,
    venue_id      text NOT NULL,
    exec_id       text NOT NULL,
    account_id    text NOT NULL,
    cl_ord_id     text NOT NULL,
    symbol        text NOT NULL,
    side          text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    last_qty      integer NOT NULL CHECK (last_qty > 0),
    last_px       numeric(18,6) NOT NULL CHECK (last_px > 0),
    transact_time timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (order_id, venue_id, exec_id)
) PARTITION BY RANGE (order_id);
CREATE TABLE positions (
    account_id   text NOT NULL,
    symbol       text NOT NULL,
    quantity     bigint NOT NULL,
    cost         numeric(24,6) NOT NULL,
    realized_pnl numeric(24,6) NOT NULL,
    net_cash     numeric(24,6) NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol)
);
CREATE TABLE reservations (
    order_id   uuid PRIMARY KEY,
    account_id text NOT NULL,
    symbol     text NOT NULL,
    side       text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity   integer NOT NULL CHECK (quantity > 0),
    price      numeric(18,6) NOT NULL CHECK (price > 0)
);
CREATE TABLE consumer_offsets (
    incarnation    text NOT NULL,
    consumer_group text NOT NULL,
    topic          text NOT NULL,
    partition      integer NOT NULL,
    next_offset    bigint NOT NULL CHECK (next_offset >= 0),
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (incarnation, consumer_group, topic, partition)
);
CREATE TABLE route_audit (
    order_id    uuid NOT NULL,
    attempt     integer NOT NULL CHECK (attempt > 0),
    route_id    uuid NOT NULL,
    account_id  text NOT NULL,
    plan        bytea NOT NULL,
    received_at timestamptz NOT NULL,
    decided_at  timestamptz NOT NULL,
    PRIMARY KEY (order_id, attempt)
) PARTITION BY RANGE (order_id);
-- The plan is JSON that nobody filters by; compressing it would cost more than it saves.
ALTER TABLE route_audit ALTER COLUMN plan SET STORAGE EXTERNAL;
CREATE TABLE child_orders (
    order_id       uuid NOT NULL,
    cl_ord_id      text NOT NULL,
    route_id       uuid NOT NULL,
    attempt        integer NOT NULL CHECK (attempt > 0),
    leg            integer NOT NULL CHECK (leg > 0),
    account_id     text NOT NULL,
    venue_id       text NOT NULL,
    venue_order_id text NOT NULL DEFAULT '',
    symbol         text NOT NULL,
    side           text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity       integer NOT NULL CHECK (quantity > 0),
    limit_price    numeric(18,6) NOT NULL CHECK (limit_price > 0),
    time_in_force  text NOT NULL CHECK (time_in_force IN ('DAY', 'GTC', 'IOC', 'FOK')),
    status         text NOT NULL CHECK (status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED', 'FILLED',
                                                   'CANCELED', 'REJECTED', 'EXPIRED')),
    cum_qty        integer NOT NULL DEFAULT 0,
    leaves_qty     integer NOT NULL,
    created_at     timestamptz NOT NULL,
    acked_at       timestamptz,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (order_id, cl_ord_id),
    CHECK (cum_qty BETWEEN 0 AND quantity),
    CHECK (leaves_qty BETWEEN 0 AND quantity - cum_qty)
) PARTITION BY RANGE (order_id);
CREATE INDEX child_orders_live ON child_orders (venue_id) WHERE leaves_qty > 0;
CREATE TABLE child_cancels (
    order_id     uuid NOT NULL,
    request_id   uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, request_id)
) PARTITION BY RANGE (order_id);
-- The adapter's FIX sessions: every report up to in_seq is in Kafka below `offsets` (partition: next offset).
CREATE TABLE fix_checkpoints (
    venue_id    text NOT NULL,
    in_seq      integer NOT NULL CHECK (in_seq >= 0),
    incarnation text NOT NULL,
    offsets     jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (venue_id, recorded_at)
);
"""


def upgrade() -> None:
    for script in (REFERENCE, ORDERS, EXECUTION):
        op.execute(script)


def downgrade() -> None:
    op.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
