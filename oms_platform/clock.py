"""The one place where the time is read. Everything else is handed a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US: Final = 86_400_000_000


def utc_now() -> datetime:
    """Return the time in UTC, microsecond precision."""
    return datetime.now(UTC)


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    since = at - _EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds


def from_microseconds(at_us: int) -> datetime:
    """Return microseconds since 1970 as a time, in UTC."""
    return _EPOCH + timedelta(microseconds=at_us)
