"""The in-memory broker's process: where it says that it listens, also when it is killed and started again."""

import os
import signal
import subprocess
from pathlib import Path

from oms_tools.laptop.parts import memory_kafka_part, wait_until


def test_an_address_can_be_read_at_any_time_and_is_ready_only_when_somebody_listens(tmp_path: Path) -> None:
    address = tmp_path / "kafka.address"
    part = memory_kafka_part(address, partitions=1)
    assert not part.ready()
    first = subprocess.Popen(part.command)
    try:
        wait_until(part.ready, "the first broker")
        said = address.read_text()
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert not part.ready()
    second = subprocess.Popen(part.command)
    try:
        seen = {address.read_text()}
        while not part.ready():
            # The supervisor starts other programs meanwhile, which are told the address.
            seen.add(address.read_text())
        assert said in seen
        assert address.read_text() not in ("", said)
    finally:
        second.terminate()
        second.wait()
