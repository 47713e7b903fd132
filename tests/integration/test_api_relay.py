"""The outbox relay on a real Postgres and Kafka: in order, at least once, one at a time."""

import uuid
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from oms_api.config import RelaySettings
from oms_api.entrypoints import relay as relay_module
from oms_platform.clock import utc_now
from oms_platform.health import Health
from oms_platform.ids import uuid7
from oms_platform.kafka.connection import KafkaDataLostError
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.outbox import INSERT_OUTBOX, NOTIFY_CHANNEL, OutboxRow
from oms_platform.wire import Topic, encode
from oms_platform.worker import StopFlag
from oms_tools.laptop.parts import free_port, memory_kafka_part
from tests.conftest import running
from tests.integration.api_rig import call, ready, relay, wait_for


def store_order(dsn: str, account_id: str, *, closed: bool = False) -> uuid.UUID:
    order_id = uuid7()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO orders (order_id, account_id, channel, client_order_id, principal, symbol, side,"
            " order_type,"
            " time_in_force, quantity, status, closed, leaves_qty, created_at, updated_at)"
            " VALUES (%s, %s, 'API', %s, 'p', 'AAPL', 'BUY', 'MARKET', 'DAY', 10, %s, %s, %s, now(), now())",
            (
                order_id,
                account_id,
                str(order_id),
                "CANCELED" if closed else "NEW",
                closed,
                0 if closed else 10,
            ),
        )
    return order_id


def store_cancels(dsn: str, order_ids: list[uuid.UUID], account_id: str = "ACC-HF-001") -> list[uuid.UUID]:
    """Put a message of each order into the outbox. Returns their request ids."""
    now = utc_now()
    made = []
    rows = []
    for order_id in order_ids:
        message = CancelOrder(request_id=uuid7(), order_id=order_id, account_id=account_id, received_at=now)
        made.append(message.request_id)
        rows.append(
            OutboxRow(
                outbox_id=uuid7(),
                writer="api",
                order_id=order_id,
                topic=Topic.INBOUND.value,
                key=account_id,
                type="CancelOrder",
                payload=encode(message),
                trace="00-t",
                created_at=now,
            ).values()
        )
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        INSERT_OUTBOX.execute(cursor, rows)
        cursor.execute(f"NOTIFY {NOTIFY_CHANNEL}")
    return made


def unpublished(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM outbox WHERE published_at IS NULL").fetchone()
    return -1 if row is None else int(row[0])


class Inbound:
    """Everything in orders.inbound so far."""

    def __init__(self, kafka: KafkaSettings) -> None:
        ensure_topics(kafka)
        self.found: list[uuid.UUID] = []
        self._consumer = BatchConsumer(
            kafka,
            group="test",
            topics=[Topic.INBOUND],
            incarnation=read_incarnation(kafka),
            load_offsets=lambda _name, _places: {},
        )

    def read(self) -> list[uuid.UUID]:
        batch = self._consumer.poll(timeout_s=0.05)
        self.found += [
            record.message.request_id for record in batch.records if isinstance(record.message, CancelOrder)
        ]
        return self.found

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def inbound(memory_kafka: KafkaSettings, cleanup: ExitStack) -> Inbound:
    made = Inbound(memory_kafka)
    cleanup.callback(made.close)
    return made


def test_what_is_stored_is_published_in_its_order_and_marked(
    dsn: str, memory_kafka: KafkaSettings, inbound: Inbound, tmp_path: Path
) -> None:
    with relay(tmp_path, dsn, memory_kafka.bootstrap) as (_, port):
        wait_for(lambda: ready(port), "a ready relay")
        sent = store_cancels(dsn, [uuid7() for _ in range(700)])
        sent += store_cancels(dsn, [uuid7() for _ in range(10)])
        wait_for(lambda: len(inbound.read()) >= len(sent), "all messages")
        assert inbound.found == sent
        wait_for(lambda: unpublished(dsn) == 0, "all marks")
        wait_for(
            lambda: b'oms_relay_outbox_rows{writer="api"} 0.0' in call(port, "GET", "/metrics").body,
            "a measured depth",
        )


def test_a_relay_killed_between_publishing_and_marking_publishes_again(
    dsn: str, memory_kafka: KafkaSettings, inbound: Inbound, tmp_path: Path
) -> None:
    with psycopg.connect(dsn) as holder:
        sent = store_cancels(dsn, [uuid7() for _ in range(5)])
        holder.execute("SELECT 1 FROM outbox FOR UPDATE")
        with relay(tmp_path, dsn, memory_kafka.bootstrap) as (process, _):
            wait_for(lambda: inbound.read() == sent, "the first publication", 30)
            process.kill()
            process.wait(5)
        # The mark may be at the server already, waiting for the lock; it must be as if it was never sent.
        holder.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'oms-api-relay' AND datname = current_database()"
        )
        holder.rollback()
    assert unpublished(dsn) == 5
    with relay(tmp_path, dsn, memory_kafka.bootstrap):
        wait_for(lambda: inbound.read() == sent + sent, "the second publication", 30)
        wait_for(lambda: unpublished(dsn) == 0, "all marks")


def test_a_new_kafka_gets_the_messages_of_live_orders_again(
    dsn: str, memory_kafka: KafkaSettings, inbound: Inbound, tmp_path: Path
) -> None:
    live, closed = store_order(dsn, "ACC-HF-001"), store_order(dsn, "ACC-HF-001", closed=True)
    of_live, of_closed = store_cancels(dsn, [live, closed])
    with relay(tmp_path, dsn, memory_kafka.bootstrap):
        wait_for(lambda: inbound.read() == [of_live, of_closed], "both messages", 30)
        wait_for(lambda: unpublished(dsn) == 0, "all marks")
    address = tmp_path / "second.address"
    with running(memory_kafka_part(address), tmp_path / "second.log"):
        kafka = KafkaSettings(bootstrap=address.read_text())
        second = Inbound(kafka)
        try:
            with relay(tmp_path, dsn, kafka.bootstrap):
                wait_for(second.read, "a message", 30)
                wait_for(lambda: unpublished(dsn) == 0, "all marks")
                assert second.read() == [of_live]
        finally:
            second.close()


def test_a_second_relay_stands_by_and_takes_over(
    dsn: str, memory_kafka: KafkaSettings, inbound: Inbound, tmp_path: Path
) -> None:
    with relay(tmp_path, dsn, memory_kafka.bootstrap) as (first, first_port):
        wait_for(lambda: b"oms_relay_active 1.0" in metrics(first_port), "an active relay", 30)
        with relay(tmp_path, dsn, memory_kafka.bootstrap) as (_, second_port):
            wait_for(lambda: ready(second_port), "a standby")
            assert b"oms_relay_active 0.0" in metrics(second_port)
            first.kill()
            first.wait(5)
            wait_for(lambda: b"oms_relay_active 1.0" in metrics(second_port), "a takeover")
            sent = store_cancels(dsn, [uuid7()])
            wait_for(lambda: inbound.read() == sent, "the message")


def metrics(port: int) -> bytes:
    try:
        return call(port, "GET", "/metrics").body
    except OSError:
        return b""


def test_a_kafka_that_was_wiped_under_a_running_relay_is_noticed(
    dsn: str, memory_kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(["first", "second"])
    monkeypatch.setattr(relay_module, "read_incarnation", lambda _settings: next(names))
    monkeypatch.setattr(relay_module, "INCARNATION_LOOK_S", 0.2)
    settings = RelaySettings(
        postgres_dsn=dsn, kafka_bootstrap=memory_kafka.bootstrap, relay_health_port=free_port()
    )
    with pytest.raises(KafkaDataLostError, match="started with incarnation first, found second"):
        relay_module.Relay(settings, Health()).run(StopFlag())
