"""Queries on a real standby of Postgres: who answers what, what its lag and its loss mean, and its return."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from oms_api.adapters.replica_reader import LagMeter
from oms_platform.kafka.settings import KafkaSettings
from oms_tools.doctor.database import check_replica
from oms_tools.laptop.parts import Part, _postgres_bin, postgres_dsn, postgres_part
from tests.conftest import database_folder, running
from tests.integration.api_rig import Gateway, gateway, wait_for
from tests.ports import free_port


@pytest.fixture(scope="module")
def standby(postgres_port: int) -> Iterator[tuple[Part, Path]]:
    """How to run a standby of the tests' Postgres, and where its log goes."""
    with database_folder() as folder:
        # The part makes a cluster of its own, which gives us its user; the primary's copy goes beside it.
        part = postgres_part(folder / "unused", free_port())
        command = [str(_postgres_bin() / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(postgres_port)]
        data = folder / "standby"
        data.mkdir(mode=0o700)
        if part.user is not None:
            subprocess.run(["chown", part.user, str(data)], check=True)
        subprocess.run(
            [*command, "-U", "postgres", "-D", str(data), "--write-recovery-conf", "--checkpoint=fast"],
            check=True,
            user=part.user,
            cwd="/",
        )
        moved = [str(data) if text == str(folder / "unused") else text for text in part.command]
        yield replace(part, command=moved), folder / "standby.log"


@contextmanager
def standing(part: Part, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the standby until the block ends, also while clients are connected."""
    with running(part, log) as process:
        try:
            yield process
        finally:
            process.send_signal(part.stop_signal)


@contextmanager
def on_replica(
    part: Part, dsn: str, kafka: KafkaSettings, redis_port: int, folder: Path, **settings: str
) -> Iterator[Gateway]:
    """Run a gateway that reads from the standby."""
    port, database = int(part.command[part.command.index("-p") + 1]), dsn.rpartition("/")[2]
    address = f"postgresql://postgres@127.0.0.1:{port}/{database}"
    with gateway(folder, dsn, kafka.bootstrap, redis_port, OMS_API_READ_DSN=address, **settings) as api:
        yield api


def listed(api: Gateway, query: str = "") -> set[str]:
    reply = api.call("GET", f"/api/v1/orders{query}")
    assert reply.status == 200, reply.body
    return {order["orderId"] for order in reply.json["orders"]}


def used(api: Gateway) -> bool:
    return api.metric("oms_api_replica_used") == 1


def events(api: Gateway, name: str) -> int:
    return sum(f'"event": "{name}"' in line for line in api.log.read_text().splitlines())


def pausing(part: Part, pause: bool) -> None:
    port = int(part.command[part.command.index("-p") + 1])
    with psycopg.connect(postgres_dsn(port, "postgres"), autocommit=True) as connection:
        connection.execute(f"SELECT pg_wal_replay_{'pause' if pause else 'resume'}()")


def test_lists_come_from_the_replica_and_what_must_be_fresh_does_not_until_it_lags_too_much(
    standby: tuple[Part, Path], dsn: str, memory_kafka: KafkaSettings, redis_port: int, tmp_path: Path
) -> None:
    part, log = standby
    with (
        standing(part, log),
        on_replica(part, dsn, memory_kafka, redis_port, tmp_path, OMS_API_READ_LAG_MS_MAX="4000") as api,
    ):
        wait_for(lambda: used(api), "the replica in use")
        first = api.place().json["orderId"]
        wait_for(lambda: first in listed(api), "the order on the replica")
        assert api.metric('oms_api_reads_total{source="replica"}') > 0

        pausing(part, True)
        reply = api.place(clientOrderId="fresh-1")
        second = reply.json["orderId"]
        assert second not in listed(api)
        assert api.call("GET", f"/api/v1/orders/{second}").status == 200
        assert listed(api, "?clientOrderId=fresh-1") == {second}
        assert listed(api, "?principal=trader1") == {first}
        assert api.place(clientOrderId="fresh-1").json["orderId"] == second
        assert api.call("DELETE", f"/api/v1/orders/{second}").status == 202

        wait_for(lambda: not used(api), "a replica given up for its lag")
        assert second in listed(api)
        assert api.metric("oms_api_replica_lag_seconds") > 4
        assert api.metric('oms_api_replica_fallbacks_total{reason="lag"}') == 1
        assert events(api, "replica_not_used") == 1
        assert api.ready()

        pausing(part, False)
        wait_for(lambda: used(api), "the replica in use again")
        wait_for(lambda: second in listed(api), "the order on the replica")


def test_a_replica_that_is_away_costs_a_warning_and_no_answer_and_is_used_again_when_it_is_back(
    standby: tuple[Part, Path], dsn: str, memory_kafka: KafkaSettings, redis_port: int, tmp_path: Path
) -> None:
    part, log = standby
    with on_replica(part, dsn, memory_kafka, redis_port, tmp_path) as api:
        order_id = api.place().json["orderId"]
        wait_for(lambda: events(api, "replica_not_used"), "a warning")
        assert listed(api) == {order_id}
        with standing(part, log) as process:
            wait_for(lambda: used(api), "the replica in use")
            wait_for(lambda: order_id in listed(api), "the order on the replica")
            os.kill(process.pid, signal.SIGQUIT)
            process.wait(20)
            for _ in range(20):
                assert listed(api) == {order_id}
            wait_for(lambda: not used(api), "a replica given up")
        assert events(api, "replica_not_used") == 2
        assert api.metric('oms_api_replica_fallbacks_total{reason="away"}') == 2
        with standing(part, log):
            wait_for(lambda: used(api), "the replica in use again")


def test_the_doctor_sees_a_replica_that_keeps_up_that_lags_and_that_is_away(
    standby: tuple[Part, Path], dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, log = standby
    port = int(part.command[part.command.index("-p") + 1])
    address = postgres_dsn(port, dsn.rpartition("/")[2])
    monkeypatch.setattr("oms_tools.doctor.database.REPLICA_LAG_S_MAX", 1.0)
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert not check_replica(connection, address).well
        with standing(part, log):
            found = wait_for(lambda: (c := check_replica(connection, address)).well and c, "well")
            assert "s behind, must be at most 1" in found.detail
            pausing(part, True)
            connection.execute("UPDATE accounts SET status = status")
            lagging = check_replica(connection, address)
            assert (lagging.well, lagging.detail) == (False, "more than 1 s behind")
            pausing(part, False)


@pytest.mark.parametrize(
    ("looks", "lags"),
    [
        ([(0.0, 10, 10), (1.0, 20, 20)], [0, 0]),
        ([(0.0, 10, 10), (1.0, 20, 10), (2.0, 30, 10), (3.0, 30, 20)], [0, 0, 1, 1]),
        ([(0.0, 20, 10), (5.0, None, 10), (6.0, None, 20)], [0, 5, 0]),
    ],
    ids=["it keeps up", "it stands still and moves on", "the primary is away"],
)
def test_lag_is_the_age_of_the_oldest_position_that_was_not_replayed(
    looks: list[tuple[float, int | None, int]], lags: list[float]
) -> None:
    note: Callable[[float, int | None, int], float] = LagMeter().note
    assert [note(*look) for look in looks] == lags
