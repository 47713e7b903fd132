"""Is there room on the disk?"""

import shutil
from pathlib import Path
from typing import Final

from oms_tools.doctor.check import Check

DISK_FREE_RATIO_MIN: Final = 0.1


def check_disk(folder: Path) -> Check:
    """Look how much of the disk is free."""
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    detail = f"{free:.0%} of {usage.total / 2**30:,.0f} GiB free, must be at least {DISK_FREE_RATIO_MIN:.0%}"
    return Check(name="disk", well=free >= DISK_FREE_RATIO_MIN, detail=detail)
