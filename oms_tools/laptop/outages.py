"""A program that is kept down on purpose, until when: the chaos door writes it, the supervisor goes by it.

The law of this file: an outage ends by itself. It has a bound, whatever the file says, and a file that cannot
be read keeps nothing down.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

OUTAGE_S_MAX: Final = 120.0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """Which program is down, from and until when, in seconds of the epoch."""

    program: str
    from_s: float
    until_s: float


class Outages:
    """What the file says now. It is read when it has changed."""

    def __init__(self, file: Path, now_s: Callable[[], float] = time.time) -> None:
        self._file, self._now_s = file, now_s
        self._seen: tuple[int, int] | None = None
        self._outage: Outage | None = None

    def is_down(self, program: str) -> bool:
        """Return whether a program is to be down now."""
        one = self._read()
        if one is None or one.program != program or one.until_s - one.from_s > OUTAGE_S_MAX:
            return False
        return one.from_s <= self._now_s() < one.until_s

    def _read(self) -> Outage | None:
        try:
            found = self._file.stat()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen != self._seen:
                self._seen = seen
                self._outage = msgspec.json.decode(self._file.read_bytes(), type=Outage)
        except (OSError, msgspec.MsgspecError):
            self._outage = None
        return self._outage


def begin_outage(file: Path, outage: Outage) -> None:
    """Replace the file in one step. Raises OSError."""
    partial = file.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(outage))
    partial.rename(file)
