"""What processes, Postgres and Kafka are said to have used, against the real ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Producer

from oms_platform.ids import uuid7
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics
from oms_tools.bench import processes
from oms_tools.bench.database_counts import DatabaseCounts, TableRows, count_database
from oms_tools.bench.kafka_counts import count_messages, messages_since
from oms_tools.bench.load import Load
from oms_tools.bench.processes import ProcessWatch
from oms_tools.bench.run import _Watch
from oms_tools.laptop.parts import memory_kafka_part
from tests.conftest import running
from tests.ports import free_port
from tests.unit.oms_tools.test_layout import dead_pid

BUSY = "x = 0\nwhile True:\n    x += 1\n"


@pytest.fixture
def start_busy() -> Iterator[Callable[[], int]]:
    """A function that starts a process that computes, and returns its pid."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        started.append(subprocess.Popen([sys.executable, "-c", BUSY]))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def used_until(watch: ProcessWatch, name: str, cpu_ms: float) -> float:
    """Look until a process has used so much since the first look. Returns how much."""
    while (used := watch.figures(1)[name].cpu_ms_per_order) < cpu_ms:
        watch.look()
    return used


def test_cpu_counts_since_the_first_look_and_is_0_for_what_is_gone(start_busy: Callable[[], int]) -> None:
    pids = {"busy": start_busy(), "own": os.getpid(), "gone": dead_pid(), "never": None}
    watch = ProcessWatch(lambda: pids)
    watch.look()
    assert watch.figures(1)["own"].cpu_ms_per_order == 0
    used = used_until(watch, "busy", 50)
    figures = watch.figures(1)
    assert figures["own"].mb_start > 5
    assert (figures["gone"].cpu_ms_per_order, figures["never"].mb_end) == (0, 0)
    assert watch.figures(10)["busy"].cpu_ms_per_order == pytest.approx(used / 10, abs=0.001)


def test_a_process_that_was_started_again_counts_with_the_one_before(start_busy: Callable[[], int]) -> None:
    pids: dict[str, int | None] = {"busy": start_busy()}
    watch = ProcessWatch(lambda: pids)
    watch.look()
    before = used_until(watch, "busy", 50)
    pids["busy"] = None
    watch.look_at_memory()
    pids["busy"] = start_busy()
    watch.look_at_memory()
    assert used_until(watch, "busy", before + 30) >= before + 30


def test_who_looks_on_beside_counts_around_what_is_counted_of_processes() -> None:
    seen: list[str] = []

    class Beside:
        def on_start(self) -> None:
            seen.append(f"start {len(processes.figures(1))}")

        def on_second(self, load: Load) -> None:
            seen.append("second")

        def on_end(self) -> None:
            seen.append("end")

    processes = ProcessWatch(lambda: {"own": os.getpid()})
    watch = _Watch(processes, 60, lambda _load: seen.append("shown"), Beside())
    watch.on_start()
    watch.on_second(Load())
    watch.on_end()
    assert seen == ["start 0", "second", "shown", "end"]


def test_memory_is_flat_unless_it_grows_over_the_last_half(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a process really holds is the kernel's to say, which takes idle pages back when it likes.
    holds_mb = [300.0]
    monkeypatch.setattr(processes, "_memory_mb", lambda _members: holds_mb[-1])
    times = iter(range(0, 1_000, 10))
    watch = ProcessWatch(lambda: {"own": os.getpid()}, lambda: float(next(times)))
    watch.look()
    for _ in range(10):
        watch.look_at_memory()
    held = watch.figures(1)["own"]
    assert held.flat
    assert held.grew_mb == pytest.approx(0, abs=1)
    for _ in range(20):
        holds_mb.append(holds_mb[-1] + 2.0)
        watch.look_at_memory()
    grown = watch.figures(1)["own"]
    assert not grown.flat
    assert grown.mb_a_minute == pytest.approx(12)
    assert grown.mb_end == held.mb_end + 40


def test_the_memory_of_a_process_is_what_the_system_says() -> None:
    watch = ProcessWatch(lambda: {"own": os.getpid()})
    watch.look()
    assert watch.figures(1)["own"].mb_end == pytest.approx(
        psutil.Process().memory_info().rss / 2**20, rel=0.2
    )


def test_rows_of_partitions_count_as_their_tables_and_nothing_else_changes(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = settled(connection)
        for _ in range(3):
            connection.execute("INSERT INTO child_cancels VALUES (%s, %s, 1, now())", [uuid7(), uuid7()])
        connection.execute("UPDATE child_cancels SET through_attempt = 2")
        counted = settled(connection).since(before)
    changed = TableRows(inserted=3, updated=3, hot=3, deleted=0, indexes=1)
    assert counted.tables == {"child_cancels": changed}
    assert counted.tables["child_cancels"].index_entries == 3
    assert counted.wal_bytes > 0
    assert counted.transactions >= 4
    figures = counted.figures(3)
    assert figures["per_order"]["tuple_versions"] == 2
    assert figures["rows_per_order"]["child_cancels"]["inserted"] == 1


def test_a_postgres_that_was_killed_and_has_lost_its_counts_counts_from_0() -> None:
    before = DatabaseCounts(tables={"orders": TableRows(inserted=900)}, transactions=500, wal_bytes=1_000)
    after = DatabaseCounts(tables={"orders": TableRows(inserted=40)}, transactions=70, wal_bytes=1_500)
    counted = after.since(before)
    assert (counted.tables["orders"].inserted, counted.transactions, counted.wal_bytes) == (40, 70, 500)


def settled(connection: "psycopg.Connection[tuple[object, ...]]") -> DatabaseCounts:
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT 1")
    return count_database(connection)


def test_messages_of_each_topic_are_counted_and_a_broker_that_lost_all_starts_again(
    memory_kafka: KafkaSettings,
) -> None:
    ensure_topics(memory_kafka)
    before = count_messages(memory_kafka)
    producer = Producer({"bootstrap.servers": memory_kafka.bootstrap})
    for number in range(25):
        producer.produce("orders.events", key=str(number), value=b"x")
    producer.flush(10)
    assert messages_since(before, count_messages(memory_kafka)) == {"orders.events": 25}
    assert messages_since({"a": 10, "b": 5}, {"a": 4, "b": 5, "c": 1}) == {"a": 4, "c": 1}


def test_a_broker_that_is_away_when_a_load_ends_is_counted_once_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    settings = KafkaSettings(bootstrap=f"127.0.0.1:{port}")
    with ThreadPoolExecutor(1) as other:
        counting = other.submit(count_messages, settings, timeout_s=0.3)
        time.sleep(0.5)
        with running(memory_kafka_part(port), tmp_path / "kafka.log"):
            assert counting.result(30)["orders.events"] == 0
