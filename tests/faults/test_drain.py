"""A stop that is asked for, under flow and with real processes: who leaves says so, and nothing is lost."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import aiohttp
import psycopg
import pytest

from oms_platform.kafka.settings import KafkaSettings
from oms_tools.laptop.layout import Layout
from tests.integration.api_rig import Gateway, call, gateway, terms, wait_for
from tests.stack_rig import StackRig, broken, free_base_port

# What the chart gives a pod after SIGTERM, less what preStop may take of it.
GRACE_S = 45.0
# Python hears a signal when what it waits for in C is over: a poll, a flush. Seconds in which a process waits
# for a processor do not count: what answers questions gives way to all others.
NOTICED_S_MAX = 0.5
RATE = 120.0
SECONDS = 45.0
HEALTH = {
    "oms-api": "api_health",
    "oms-core": "core_health",
    "sor-engine": "sor_health",
    "scorekeeper": "scorekeeper_health",
    "sor-answers": "answers_health",
    "execution-adapter": "adapter_health",
    "broker": "broker_health",
    "market-data": "market_data_health",
}


def logged_out(rig: StackRig) -> set[str]:
    """Return the venues whose Logout the adapter has heard, or that have answered its own."""
    lines = (rig.layout.logs / "execution-adapter.log").read_text().splitlines()
    downs = [json.loads(line) for line in lines if '"fix_session_down"' in line]
    return {
        down["venue"]
        for down in downs
        if down["reason"].startswith(("the adapter stops", "the venue logged out"))
    }


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackRig]:
    made = StackRig(
        layout=Layout(data=tmp_path_factory.mktemp("drain"), base_port=free_base_port()), kafka="memory"
    )
    made.up()
    try:
        yield made
    finally:
        made.down()


def waited_s(pid: int) -> float:
    """Return the seconds that a process's threads waited for a processor; 0 once it has ended."""
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            nanoseconds += int(thread.read_text().split()[1])
    return nanoseconds / 1e9


def stop_and_watch(rig: StackRig, name: str) -> float:
    """Ask a process to stop. Returns the seconds until it had ended; holds that it was soon ready no more."""
    pid, port = int(rig.program(name)["pid"]), rig.layout.port(HEALTH[name])
    waited, started = waited_s(pid), time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists():
        asked = time.monotonic() - started
        try:
            status = call(port, "GET", "/health/ready").status
        except (OSError, HTTPException):
            status = 0  # it closed its door, or ended in the middle of the answer
        # A process that answers after a long moment may be the next one.
        if Path(f"/proc/{pid}").exists():
            starved = max(0.0, waited_s(pid) - waited)
            assert status != 200 or asked - starved < NOTICED_S_MAX, (
                f"{name} was ready {asked:.2f} s after SIGTERM, {starved:.2f} s of them without a processor"
            )
        assert asked < GRACE_S, f"{name} did not stop within {GRACE_S} s"
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.mark.long
@pytest.mark.timeout(420)
def test_every_service_is_stopped_under_flow_and_nothing_is_lost_or_doubled(rig: StackRig) -> None:
    bench = rig.start_bench(RATE, SECONDS)
    bench.await_part(0.05)
    took: dict[str, float] = {}
    for name in HEALTH:
        pid = int(rig.program(name)["pid"])
        took[name] = stop_and_watch(rig, name)
        rig.await_ready_again(name, pid)
        assert rig.program(name)["last_exit"] == 0, f"{name} ended with {rig.program(name)['last_exit']}"
    figures = bench.figures()
    print("seconds from SIGTERM to the end:", {name: round(value, 2) for name, value in took.items()})
    assert (figures["lost"], figures["duplicates"], figures["not_acked"]) == (0, 0, []), figures
    assert figures["acked"] == figures["sent"]
    # Each side answers the other's Logout: neither just closes the connection.
    assert logged_out(rig) == {"XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK"}
    assert broken(rig.verify()) == []


def test_a_gateway_that_stops_answers_what_came_refuses_what_comes_and_closes_streams_with_1012(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int
) -> None:
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port) as api:
        codes: list[int | None] = []
        listening = threading.Event()

        async def listen() -> None:
            url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token()}"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                await socket.send_json({"type": "subscribe", "accounts": ["ACC-HF-001"]})
                await socket.receive()
                listening.set()
                while (await socket.receive()).type != aiohttp.WSMsgType.CLOSE:
                    pass
                codes.append(socket.close_code)

        listener = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
        listener.start()
        assert listening.wait(20)
        assert api.metric("oms_api_websocket_clients") == 1
        with ThreadPoolExecutor(40) as pool, psycopg.connect(dsn) as blocker:
            blocker.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
            contents = [terms() for _ in range(30)]
            token = {"Authorization": f"Bearer {api.token()}"}
            sent = [pool.submit(api.call, "POST", "/api/v1/orders", one, None, **token) for one in contents]
            wait_for(lambda: waiting(dsn), "a commit that waits")
            time.sleep(0.3)  # until the others are in the gateway's queue
            api.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not api.ready(), "a gateway that is not ready")
            assert refused(api)
            blocker.rollback()
            statuses = [answer.result(20).status for answer in sent]
        assert statuses == [201] * len(contents)
        assert api.process.wait(20) == 0
        listener.join(20)
        assert codes == [1012]
        with psycopg.connect(dsn) as connection:
            stored = {row[0] for row in connection.execute("SELECT client_order_id FROM orders")}
        assert {one["clientOrderId"] for one in contents} == stored


def waiting(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row != (0,)


def refused(api: Gateway) -> bool:
    """Return whether a new order is refused, with a wait or at the door."""
    try:
        reply = api.place()
    except OSError:
        return True
    return reply.status == 503 and int(reply.headers["retry-after"]) >= 1
