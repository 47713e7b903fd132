"""`make kill-drill`: everything is killed in the middle of a load, and it stays so whatever is taken away.

Measured: the last new order at any venue after the call, since when each service goes by the switch, what was
open and how soon that was over. Then everything ends with -9, Postgres stands still, Kafka's data is wiped:
after each nothing new has left. Exits with 1 if anything is off. Takes minutes.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console

from oms_client.errors import ApiError
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn, wait_until
from tests.stack_rig import StackRig, broken, free_base_port

PATH = "/api/v1/kill-switches"
WAIT_S = 120.0
LATE_S_MAX = 1.0
STANDS_STILL_S = 6.0
ORDER = {
    "accountId": "ACC-INST-001", "symbol": "AAPL", "side": "BUY", "orderType": "MARKET", "quantity": 10,
    "timeInForce": "DAY",
}  # fmt: skip
console = Console(width=None if sys.stdout.isatty() else 150)


@click.command()
@click.option("--kafka", default="memory", show_default=True)
@click.option("--rate", default=1000.0, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="Of load before the kill.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the stack's folder here.")
def main(kafka: str, rate: float, seconds: float, data: Path | None) -> None:
    """Kill everything under load, then take everything away."""
    folder = data or Path(tempfile.mkdtemp(prefix="oms-kill-"))
    rig = StackRig(layout=Layout(data=folder, base_port=free_base_port()), kafka=kafka)
    rig.up()
    try:
        problems = _drill(rig, rate, seconds)
    finally:
        rig.down()
    for problem in problems:
        console.print(f"OFF: {problem}", highlight=False)
    sys.exit(bool(problems))


def _drill(rig: StackRig, rate: float, seconds: float) -> list[str]:
    problems: list[str] = []
    bench = rig.start_bench(rate, 2 * seconds)
    bench.await_part(0.5)
    called_at = datetime.now(UTC)
    client = rig.client("admin1")
    switch_id = client.post(PATH, {"everything": True, "stage": "CANCEL", "reason": "drill"})["switchId"]
    over = _until_over(rig, switch_id)
    late_s = (_last_sent(rig) - called_at).total_seconds()
    console.print(f"last 35=D {late_s:+.3f} s after the call")
    for one in over["inEffect"]:
        since_s = (datetime.fromisoformat(one["since"]) - called_at).total_seconds()
        console.print(f"{one['service']} {one['member']} goes by it after {since_s:.3f} s".replace("  ", " "))
    console.print(
        f"orders over {over['ordersOver']} of {over['ordersCovered']}, children {over['childrenOver']} of"
        f" {over['childrenCovered']}, outstanding {len(over['outstanding'])},"
        f" after {(datetime.now(UTC) - called_at).total_seconds():.1f} s"
    )
    bench.stop()
    if late_s > LATE_S_MAX:
        problems.append(f"the last 35=D left {late_s:.3f} s after the call, limit {LATE_S_MAX:g}")
    if over["outstanding"]:
        problems.append(f"{len(over['outstanding'])} are outstanding, the first: {over['outstanding'][0]}")
    before = _last_sent(rig)
    for what, take_away in (
        ("-9 of everything", _end_everything),
        (f"Postgres stood still for {STANDS_STILL_S:g} s", _stop_postgres),
        ("Kafka wiped", StackRig.wipe_kafka),
    ):
        take_away(rig)
        answer = _try_order(rig)
        left = _last_sent(rig) != before
        console.print(f"{what}: a new order is answered with {answer}; anything left: {left}")
        if answer != "KILLED" or left:
            problems.append(f"after {what} an order was answered with {answer}, anything left: {left}")
    rig.client("admin1").post(f"{PATH}/{switch_id}/release", {"reason": "the drill is over"})
    # Core may hear of the release a little later than the gateway, and deny what that takes.
    wait_until(
        lambda: _try_order(rig) == "taken" and _last_sent(rig) != before,
        "a new order at a venue after the release",
        WAIT_S,
    )
    report = rig.verify()
    return problems + broken(report)


def _until_over(rig: StackRig, switch_id: str) -> dict[str, Any]:
    """Wait until everything that was open is over, or so long. Returns how it stands then."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found: dict[str, Any] = rig.client("admin1").get(f"{PATH}/{switch_id}")
        counted = {"oms-core", "adapter"} <= {one["service"] for one in found["inEffect"]}
        if (counted and not found["outstanding"]) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _last_sent(rig: StackRig) -> datetime:
    """Return when the adapter handed its last 35=D to a session."""
    dsn = postgres_dsn(rig.layout.port("postgres"))
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
        row = connection.execute(
            "SELECT max(at) FROM fix_messages WHERE NOT inbound AND position(%s IN raw) > 0",
            (b"\x0135=D\x01",),
        ).fetchone()
    if row is None or row[0] is None:
        raise RuntimeError("expected a 35=D in the journal, found none")
    at: datetime = row[0]
    return at


def _try_order(rig: StackRig) -> str:
    """Place an order as soon as the gateway knows what is stopped. Returns the refusal's code, or "taken"."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            rig.client().post("/api/v1/orders", ORDER | {"clientOrderId": f"drill-{time.time_ns()}"})
            return "taken"
        except ApiError as error:
            if error.status not in (0, 503) or time.monotonic() > deadline:
                return error.code
        time.sleep(0.2)


def _end_everything(rig: StackRig) -> None:
    ended = {name: rig.kill(name) for name, one in rig.programs().items() if one["pid"]}
    for name, pid in ended.items():
        rig.await_ready_again(name, pid, WAIT_S)


def _stop_postgres(rig: StackRig) -> None:
    pids = list(_family(int(rig.program("postgres")["pid"])))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(STANDS_STILL_S)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and those that it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


if __name__ == "__main__":
    main()
