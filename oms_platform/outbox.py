"""The outbox: a message is stored in the transaction of what it tells of, then published, at least once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from oms_platform.kafka.publisher import Publisher
from oms_platform.postgres import ArrayStatement, Connection, Cursor
from oms_platform.telemetry.order_trace import traceparent_of

NOTIFY_CHANNEL: Final = "outbox_api"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One message on its way to Kafka. outbox_id is a UUIDv7: its order is the order of publication.

    trace: of its order (oms_platform.telemetry.tracing); what is stored is its traceparent.
    """

    outbox_id: UUID
    writer: str
    order_id: UUID
    topic: str
    key: str
    type: str
    payload: bytes
    trace: str
    created_at: datetime

    def values(self) -> tuple[object, ...]:
        """Return the row in the order of `INSERT_OUTBOX`."""
        return (
            self.outbox_id,
            self.writer,
            self.order_id,
            self.topic,
            self.key,
            self.type,
            self.payload,
            traceparent_of(self.trace),
            self.created_at,
        )


INSERT_OUTBOX: Final = ArrayStatement.insert(
    "outbox",
    (
        ("outbox_id", "uuid"),
        ("writer", "text"),
        ("order_id", "uuid"),
        ("topic", "text"),
        ("key", "text"),
        ("type", "text"),
        ("payload", "bytea"),
        ("traceparent", "text"),
        ("created_at", "timestamptz"),
    ),
)
_MARK: Final = ArrayStatement(
    (("outbox_id", "uuid"), ("published_at", "timestamptz")),
    "UPDATE outbox SET published_at = row.published_at FROM {rows} WHERE outbox.outbox_id = row.outbox_id",
)


def read_unpublished(connection: Connection, writer: str, rows_max: int) -> list[OutboxRow]:
    """Return the oldest rows of a writer that are not marked as published."""
    found = connection.execute(
        "SELECT outbox_id, writer, order_id, topic, key, type, payload, traceparent, created_at FROM outbox"
        " WHERE writer = %s AND published_at IS NULL ORDER BY outbox_id LIMIT %s",
        (writer, rows_max),
    ).fetchall()
    names = (
        "outbox_id",
        "writer",
        "order_id",
        "topic",
        "key",
        "type",
        "payload",
        "trace",
        "created_at",
    )
    return [OutboxRow(**dict(zip(names, row, strict=True))) for row in found]


def publish(
    publisher: Publisher,
    rows: Iterable[OutboxRow],
    trace_of: Callable[[OutboxRow], str] = lambda row: row.trace,
) -> None:
    """Queue rows to Kafka in their order, each with its order's trace as it goes on; the caller flushes."""
    for row in rows:
        publisher.send_encoded(
            row.topic, row.key, row.type, row.payload, event_id=row.outbox_id, trace=trace_of(row)
        )


def mark_published(cursor: Cursor, outbox_ids: Sequence[UUID], now: datetime) -> None:
    """Mark rows as published, in the caller's transaction."""
    _MARK.execute(cursor, [(outbox_id, now) for outbox_id in outbox_ids])


def reopen_for_incarnation(connection: Connection, writer: str, incarnation: str, now: datetime) -> int:
    """When Kafka is a new incarnation, mark every row of a live order as unpublished, once. Returns how many.

    Every consumer's effect is idempotent, so publishing what was seen before changes nothing.
    """
    with connection.transaction():
        first = connection.execute(
            "INSERT INTO consumer_offsets VALUES (%s, %s, 'outbox', 0, 0, %s) ON CONFLICT DO NOTHING",
            (incarnation, f"outbox-{writer}", now),
        ).rowcount
        if not first:
            return 0
        return connection.execute(
            "UPDATE outbox SET published_at = NULL FROM orders"
            " WHERE outbox.writer = %s AND outbox.published_at IS NOT NULL"
            " AND orders.order_id = outbox.order_id AND NOT orders.closed",
            (writer,),
        ).rowcount
