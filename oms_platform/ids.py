"""Identifiers: time-ordered UUIDs for what is born, derived ids for what a replay must make again."""

import os
import random
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

from oms_platform.order_ids import uuid_of

_lock = threading.Lock()
_last_ms = 0
_counter = 0
_COUNTER_MAX = 0xFFF
_VARIANT = 0b10 << 62
# An identifier has to be unique, not a secret: one seed of the system's for the process, not one a call.
_random = random.Random(os.urandom(32))  # noqa: S311  (no secret)
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


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
    return uuid_of((timestamp_ms << 16 | 0x7000 | counter) << 64 | _VARIANT | _random.getrandbits(62))


def uuid7_floor(at: datetime) -> uuid.UUID:
    """Return the smallest UUIDv7 of the millisecond `at`: the bound of a time partition."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


def uuid7_time(value: uuid.UUID) -> datetime:
    """Return the UTC time that a UUIDv7 carries, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value.int >> 80)
