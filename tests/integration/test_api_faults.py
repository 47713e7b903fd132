"""The gateway while what it stands on is away: nothing is acked that is not stored, and it comes back."""

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_platform.worker import EXIT_CONFIGURATION
from oms_tools.laptop.parts import ensure_database, memory_kafka_part, postgres_dsn, postgres_part, wait_until
from tests.conftest import database_folder, running
from tests.integration.api_rig import Gateway, call, event, gateway, store_events, terms, wait_for
from tests.integration.test_api import Listener, send
from tests.ports import free_port


def children(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += children(int(child))
    return found


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process and its children for the block."""
    pids = children(pid)
    for each in pids:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(pids):
            os.kill(each, signal.SIGCONT)


def refused_with_retry(api: Gateway) -> bool:
    reply = api.place()
    if reply.status != 503:
        return False
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.json["error"]["code"] == "UNAVAILABLE"
    return True


def test_a_postgres_that_stands_still_or_is_gone_means_503_and_the_order_is_stored_once_after_it_is_back(
    tmp_path: Path, cleanup: ExitStack, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    folder = cleanup.enter_context(database_folder())
    port = free_port()
    part = postgres_part(folder / "data", port)
    dsn = postgres_dsn(port)

    def start() -> subprocess.Popen[bytes]:
        log = (tmp_path / "postgres.log").open("ab")
        cleanup.callback(log.close)
        process = subprocess.Popen(part.command, user=part.user, stdout=log, stderr=log)
        wait_until(part.ready, "postgres")
        return process

    first = start()
    ensure_database(port)
    migrate(dsn, utc_now())
    seed(dsn)
    api = cleanup.enter_context(
        gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, OMS_API_COMMIT_TIMEOUT_MS="700")
    )
    acked = api.place().json["orderId"]
    content = terms()
    with stopped(first.pid):
        began = time.monotonic()
        unknown = api.call("POST", "/api/v1/orders", content)
        assert (unknown.status, time.monotonic() - began < 10) == (503, True)
        assert int(unknown.headers["retry-after"]) >= 1
        assert refused_with_retry(api)
        assert api.call("GET", "/api/v1/orders").status == 503
        assert not api.ready()
    wait_for(api.ready, "a gateway that is ready again")
    assert api.call("POST", "/api/v1/orders", content).status in (200, 201)

    first.send_signal(signal.SIGINT)
    first.wait(20)
    wait_for(lambda: refused_with_retry(api), "a refusal")
    second = start()
    cleanup.callback(second.wait, 20)
    cleanup.callback(second.send_signal, signal.SIGINT)
    wait_for(api.ready, "a gateway that is ready again")
    assert api.place().status == 201
    assert api.call("GET", f"/api/v1/orders/{acked}").status == 200
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT count(*) FROM orders WHERE client_order_id = %s", (content["clientOrderId"],)
        ).fetchone()
    assert found == (1,)


def stored_orders(dsn: str) -> list[uuid.UUID]:
    with psycopg.connect(dsn) as connection:
        return [order_id for (order_id,) in connection.execute("SELECT order_id FROM orders")]


def test_without_kafka_cancels_and_repeats_are_taken_new_orders_only_while_the_oldest_is_young(
    tmp_path: Path, dsn: str, redis_port: int
) -> None:
    port = free_port()
    with ExitStack() as stack:
        kafka = stack.enter_context(running(memory_kafka_part(port), tmp_path / "kafka.log"))
        api = stack.enter_context(
            gateway(tmp_path, dsn, f"127.0.0.1:{port}", redis_port, OMS_API_SHED_AGE_S="1.0")
        )
        content = terms()

        async def scenario() -> None:
            url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token()}"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                listener = Listener(socket)
                await listener.subscribe("ACC-HF-001")
                kafka.kill()
                await asyncio.to_thread(wait_for, lambda: api.metric("oms_api_kafka_up") == 0, "no Kafka")
                first = await asyncio.to_thread(api.call, "POST", "/api/v1/orders", content)
                assert first.status == 201
                await asyncio.to_thread(store_events, api, event("ACC-HF-001", 1), event("ACC-HF-001", 2))
                assert await listener.sequences(2) == [1, 2]

        asyncio.run(scenario())
        wait_for(lambda: refused_with_retry(api), "a refusal")
        assert api.metric("oms_api_oldest_unanswered_seconds") > 1
        assert api.metric("oms_api_orders_shed_total") >= 1
        again = api.call("POST", "/api/v1/orders", content)
        assert (again.status, again.json["created"]) == (200, False)
        order_id = again.json["orderId"]
        assert api.call("POST", "/api/v1/orders", content | {"quantity": 7}).status == 409
        canceled = api.call("DELETE", f"/api/v1/orders/{order_id}")
        assert canceled.status == 202
        assert api.call("GET", f"/api/v1/orders/{order_id}").status == 200
        assert api.ready()
        with psycopg.connect(dsn) as connection:
            found = connection.execute(
                "SELECT kind FROM order_requests WHERE order_id = %s ORDER BY request_id", (order_id,)
            ).fetchall()
        assert found == [("NEW",), ("CANCEL",)]
        # The core had them from the log: their outcomes are stored, and Kafka never tells of them.
        deferred = [
            event("ACC-INST-001", number, order_id=order_id, type="RouteDeferred")
            for number, order_id in enumerate(stored_orders(dsn), start=1)
        ]
        store_events(api, *deferred)
        wait_for(lambda: api.place().status == 201, "new orders taken again")


def test_an_order_whose_outcome_comes_with_the_events_is_no_backlog(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, OMS_API_SHED_AGE_S="1.0") as api:
        wait_for(lambda: refused_with_retry(api), "a refusal")
        outcomes = [
            event("ACC-INST-001", number, order_id=order_id, type="RoutePlaced")
            for number, order_id in enumerate(stored_orders(dsn), start=1)
        ]
        send(memory_kafka, *outcomes)
        wait_for(lambda: api.place().status == 201, "new orders taken again")


def test_a_principal_over_its_rate_is_429_with_retry_after_and_others_are_not(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with gateway(
        tmp_path,
        dsn,
        memory_kafka.bootstrap,
        redis_port,
        OMS_API_RATE_PER_S="1",
        OMS_API_RATE_BURST="5",
    ) as api:
        replies = [api.call("GET", "/api/v1/orders", user="viewer1") for _ in range(12)]
        statuses = [reply.status for reply in replies]
        assert 5 <= statuses.count(200) <= 8
        limited = next(reply for reply in replies if reply.status == 429)
        assert int(limited.headers["retry-after"]) >= 1
        assert limited.json["error"]["code"] == "RATE_LIMITED"
        assert api.call("GET", "/api/v1/orders", user="risk1").status == 200
        assert api.metric("oms_api_rate_limited_total") >= 1


def test_without_redis_the_rate_holds_locally_and_the_gateway_stays_ready(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings
) -> None:
    with gateway(
        tmp_path,
        dsn,
        memory_kafka.bootstrap,
        free_port(),
        OMS_API_RATE_PER_S="1",
        OMS_API_RATE_BURST="5",
    ) as api:
        statuses = [api.call("GET", "/api/v1/orders").status for _ in range(12)]
        assert 5 <= statuses.count(200) <= 8
        assert 429 in statuses
        assert api.ready()
        assert api.metric("oms_api_rate_local_total") >= 1


def test_a_gateway_without_its_issuer_is_not_ready_and_says_why(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    with gateway(
        tmp_path, dsn, memory_kafka.bootstrap, redis_port, wait_ready=False, OMS_API_OIDC_ISSUER=away
    ) as api:

        def problems() -> dict[str, str] | None:
            try:
                return dict(call(api.health_port, "GET", "/health/ready").json["problems"])
            except OSError:
                return None

        wait_for(lambda: list(problems() or ()) == ["oidc"], "only the issuer to be missing")
        assert api.place().status == 503
        assert call(api.http_port, "GET", "/health/live").status == 200


def test_a_database_of_an_older_schema_keeps_the_gateway_from_being_ready_and_from_taking_orders(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        (kept,) = connection.execute("UPDATE alembic_version SET version_num = '0002' RETURNING 1").fetchall()
        assert kept
        with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, wait_ready=False) as api:
            wait_for(lambda: "schema_not_ready" in api.log.read_text(), "a complaint")
            assert "schema revision must be" in api.log.read_text()
            assert not api.ready()
            wait_for(lambda: refused_with_retry(api), "a refusal, once tokens can be verified")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_a_database_of_a_newer_schema_ends_the_gateway_with_the_reason(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, wait_ready=False) as api:
        assert api.process.wait(30) == EXIT_CONFIGURATION
        assert "was 9999, which this version does not know" in api.log.read_text()


def test_a_killed_gateway_leaves_no_process_behind_and_a_stopped_one_ends_by_itself(
    tmp_path: Path, make_database: Callable[[], str], redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with gateway(tmp_path, make_database(), memory_kafka.bootstrap, redis_port) as api:
        assert children(api.process.pid) == [api.process.pid]
        api.process.kill()
        assert api.process.wait(5) == -signal.SIGKILL
        with pytest.raises(OSError):
            call(api.http_port, "GET", "/health/live")
    with gateway(tmp_path, make_database(), memory_kafka.bootstrap, redis_port) as api:
        api.process.terminate()
        assert api.process.wait(15) == 0
        assert "gateway_stopped" in api.log.read_text()
