"""Disks that are full need the right to mount one; the other faults need nothing."""

import subprocess
import tempfile


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        try:
            if subprocess.run(mount, capture_output=True, check=False).returncode:
                return False
        except FileNotFoundError:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


collect_ignore = [] if _may_mount() else ["test_full_disk.py"]
