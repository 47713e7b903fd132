"""Members of a group on a real Kafka: one that is asked to stop leaves, and the other takes over."""

import os
import signal
import time
from pathlib import Path

from oms_platform.kafka.consumers import SESSION_TIMEOUT_MS
from oms_platform.kafka.settings import PARTITIONS, KafkaSettings
from tests.faults.processes import SERVICES, Running, environment, service
from tests.integration.api_rig import call, wait_for
from tests.ports import free_port


def owned(found: Running, topic: str) -> set[int]:
    """Return the partitions of a topic that a process reads now, as its metrics tell."""
    try:
        page = call(found.port, "GET", "/metrics").body.decode()
    except OSError:
        return set()
    numbers = set()
    for line in page.splitlines():
        if line.startswith("oms_kafka_consumer_lag_records{") and f'topic="{topic}"' in line:
            numbers.add(int(line.partition('partition="')[2].partition('"')[0]))
    return numbers


def test_a_peer_takes_over_from_one_that_stops_without_waiting_for_the_session_timeout(
    memory_kafka: KafkaSettings, dsn: str, tmp_path: Path
) -> None:
    everything = set(range(PARTITIONS))
    shared = environment(tmp_path, dsn, memory_kafka.bootstrap) | {"OMS_KAFKA_ASSIGNMENT": "group"}
    took: dict[str, float] = {}
    with service("market-data-simulator", shared, tmp_path):
        for name, topic, door in (
            ("sor", "orders.validated", ""),
            ("oms-core", "orders.inbound", "OMS_CORE_GRPC_PORT"),
        ):
            other = shared | {each: str(free_port()) for each in (SERVICES[name].port, door) if each}
            (tmp_path / "other").mkdir(exist_ok=True)
            with service(name, shared, tmp_path) as first, service(name, other, tmp_path / "other") as second:

                def shares(first: Running = first, second: Running = second, topic: str = topic) -> bool:
                    return (
                        owned(first, topic) | owned(second, topic) == everything
                        and len(owned(first, topic)) == len(owned(second, topic)) == PARTITIONS // 2
                    )

                wait_for(shares, "two members that share", 60)
                started = time.monotonic()
                os.kill(first.process.pid, signal.SIGTERM)
                wait_for(lambda second=second, topic=topic: owned(second, topic) == everything, "a takeover")
                took[name] = time.monotonic() - started
                assert first.process.wait(20) == 0
    print("seconds until the peer had every partition:", took)
    assert all(seconds < SESSION_TIMEOUT_MS / 1000 for seconds in took.values()), took
