"""Room on a disk, looked at before it is gone: a message store that is full tears what it writes last."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from oms_platform.errors import OperationalError

# At 1,000 orders a second a FIX store grows by half a MiB a second: this is many looks' worth.
FREE_BYTES_MIN: Final = 16 * 2**20
LOOK_S: Final = 0.2
_MIB: Final = 2**20


class DiskFullError(OperationalError):
    """A disk has too little room left. The work goes on when there is room again."""

    dependency = "disk"


class RoomWatch:
    """Looks at the disk of a folder from time to time; costs one system call each time."""

    def __init__(
        self,
        folder: Path,
        free_bytes_min: int = FREE_BYTES_MIN,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._free_bytes_min = free_bytes_min
        self._clock_s = clock_s
        self._next_look_s = 0.0

    def require_room(self) -> None:
        """Raise DiskFullError when there is too little room; looks at most every LOOK_S."""
        now_s = self._clock_s()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + LOOK_S
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize
        if free < self._free_bytes_min:
            self._next_look_s = 0.0
            raise DiskFullError(
                f"the disk of {self._folder} has {free / _MIB:.1f} MiB free, must be at least"
                f" {self._free_bytes_min / _MIB:.0f}"
            )
