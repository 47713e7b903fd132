"""Disks that are full, small ones that are really mounted: who stands on them says so, waits, and goes on."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.disk import FREE_BYTES_MIN
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_platform.worker import EXIT_TEMPORARY
from oms_tools.laptop.parts import ensure_database, postgres_dsn, postgres_part
from tests.conftest import running
from tests.faults.processes import environment, service
from tests.faults.test_bad_input import waits
from tests.integration.api_rig import Reply, gateway, wait_for
from tests.ports import free_port

MIB = 2**20


@contextmanager
def small_disk(folder: Path, size_mib: int) -> Iterator[Path]:
    """Mount a disk of so many MiB, in memory, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=755", "tmpfs", str(folder)], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def may_mount() -> bool:
    """Whether this machine lets a disk be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return True
        except (FileNotFoundError, subprocess.CalledProcessError):
            return False


# Said in the summary where it cannot be: a run without these tests has not shown what they show.
pytestmark = pytest.mark.skipif(not may_mount(), reason="a small disk cannot be mounted here")


def fill(folder: Path, leave_bytes: int) -> Path:
    """Leave only so many bytes of the folder's disk. Returns the file that takes the rest."""
    free = int(subprocess.check_output(["df", "--output=avail", "-B1", str(folder)]).split()[-1])
    taken = folder / "filler"
    with taken.open("wb") as file:
        for _ in range((free - leave_bytes) // 4096):
            file.write(bytes(4096))
    return taken


@pytest.mark.timeout(300)
def test_a_gateway_on_a_postgres_without_room_acks_nothing_that_is_not_stored_and_goes_on_by_itself(
    cleanup: ExitStack, memory_kafka: KafkaSettings, redis_port: int, tmp_path: Path
) -> None:
    folder = Path(cleanup.enter_context(_open_folder()))
    disk = cleanup.enter_context(small_disk(folder / "disk", 512))
    port = free_port()
    part = postgres_part(disk / "data", port)
    part.command.extend(["-c", "max_wal_size=64MB", "-c", "wal_recycle=off"])
    cleanup.enter_context(running(part, tmp_path / "postgres.log"))
    ensure_database(port)
    dsn = postgres_dsn(port)
    migrate(dsn, utc_now())
    seed(dsn)
    api = cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))
    acked = [api.place().json["orderId"]]
    taken = fill(disk, leave_bytes=0)

    def place() -> Reply:
        reply = api.place()
        if reply.status == 201:
            acked.append(reply.json["orderId"])
        return reply

    # What is in the files that are there already still fits.
    deadline = time.monotonic() + 120
    while (reply := place()).status == 201 and time.monotonic() < deadline:
        pass
    assert reply.status == 503, f"still acked after {len(acked)} orders"
    log = (tmp_path / "postgres.log").read_text()
    assert "No space left on device" in log + api.log.read_text()
    assert api.process.poll() is None
    taken.unlink()
    wait_for(lambda: place().status == 201, "an order that is taken again", 60)
    with psycopg.connect(dsn) as connection:
        stored = {str(row[0]) for row in connection.execute("SELECT order_id FROM orders")}
    assert set(acked) <= stored


@contextmanager
def _open_folder() -> Iterator[str]:
    made = subprocess.check_output(["mktemp", "-d", "/tmp/oms-disk-XXXXXX"], text=True).strip()
    Path(made).chmod(0o755)
    try:
        yield made
    finally:
        subprocess.run(["rm", "-rf", made], check=True)


def test_a_broker_without_room_for_its_journal_ends_with_a_code_and_waits_at_the_next_start(
    dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    settings = environment(tmp_path, dsn, memory_kafka.bootstrap)
    with (
        small_disk(tmp_path / "broker", 24) as disk,
        service("market-data-simulator", settings, tmp_path),
    ):
        with service("broker-simulator", settings, tmp_path) as broker:
            wait_for(lambda: broker.ready, "the venue", 60)
            taken = fill(disk, FREE_BYTES_MIN - MIB)
            assert broker.process.wait(30) == EXIT_TEMPORARY
            assert broker.said("broker_ends")["dependency"] == "disk"
        with service("broker-simulator", settings, tmp_path) as broker:
            waits(broker, "disk", "MiB free, must be at least 16")
            taken.unlink()
            wait_for(lambda: broker.ready, "a venue that is ready again", 60)
            assert broker.stop() == 0
