"""Identifiers: time-ordered UUIDs for what is born, derived ids for what a replay must make again."""

import os
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

_lock = threading.Lock()
_last_ms = 0
_counter = 0
_COUNTER_MAX = 0xFFF
_ROUTE_NAMESPACE = uuid.UUID("7f1b5a0e-0d51-5f0b-9d6e-3f1c2f6a9b10")


def uuid7() -> uuid.UUID:
    """Make a UUIDv7 (RFC 9562), greater than every earlier one of this process."""
    global _last_ms, _counter  # noqa: PLW0603  (the process-wide clock of identifiers)
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _counter = now_ms, 0
        else:
            _counter += 1
            if _counter > _COUNTER_MAX:
                _last_ms, _counter = _last_ms + 1, 0
        timestamp_ms, counter = _last_ms, _counter
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(int=timestamp_ms << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random)


def uuid7_floor(at: datetime) -> uuid.UUID:
    """Return the smallest UUIDv7 of the millisecond `at`: the bound of a time partition."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


def uuid7_time(value: uuid.UUID) -> datetime:
    """Return the UTC time that a UUIDv7 carries, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value.int >> 80)


def route_id(order_id: uuid.UUID, attempt: int) -> uuid.UUID:
    """Derive the id of an order's route attempt, so that a replay asks for the same route."""
    return uuid.uuid5(_ROUTE_NAMESPACE, f"{order_id.hex}/{attempt}")


def child_cl_ord_id(order_id: uuid.UUID, attempt: int, leg: int) -> str:
    """Derive a child's FIX ClOrdID (tag 11), so that a replay makes the same child and the venue can tell."""
    return f"{order_id.hex}-{attempt}-{leg}"


def cancel_cl_ord_id(child: str, sequence: int) -> str:
    """Derive the ClOrdID of the n-th cancel request of a child."""
    return f"{child}-C{sequence}"


def order_id_of_child(cl_ord_id: str) -> uuid.UUID:
    """Return the parent of a child's ClOrdID. Raises ValueError when the id is not one of ours."""
    return uuid.UUID(hex=cl_ord_id.split("-", 1)[0])
