"""`make copies`: two of every service under load, while one of each joins, leaves and is killed with -9.

Runs on a real Apache Kafka: two members of a group need its group coordinator. Both gateways stand behind a
load balancer. After each turn nothing is lost, doubled or stuck, and every invariant holds. Prints a table;
exits with 1 if anything is off. Takes minutes.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, INSTRUMENTS, RETAIL
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.log_in import fetch_token
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import wait_until
from oms_tools.laptop.stack import Stack, http_ready
from tests.faults.balancer import Balancer
from tests.ports import free_port
from tests.stack_rig import StackRig, broken, free_base_port

GROUPED = {"OMS_CORE_KAFKA_ASSIGNMENT": "group", "OMS_SOR_KAFKA_ASSIGNMENT": "group"}
ACCOUNTS = (*INSTITUTIONS, *HEDGE_FUNDS, *RETAIL)
JOINS = "a second joins"
READY_S_MAX = 60.0
STOP_S_MAX = 30.0
BACK_S_MAX = 60.0
LOOK_S = 0.05
# Without a terminal: as wide as the table.
console = Console(width=None if sys.stdout.isatty() else 150)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A service of which there may be one more.

    name: the supervisor's. module: what its process runs. ports: its settings of ports, the first one its
    health's. stands_by: the second copy waits for the first one's end. shares: both are members of a group,
    and one that says nothing for too long is taken for dead.
    """

    name: str
    module: str
    ports: tuple[str, ...]
    first_port: str
    stands_by: bool = False
    shares: bool = False


KINDS = (
    Kind(
        name="oms-core",
        module="oms_core",
        ports=("OMS_CORE_HEALTH_PORT", "OMS_CORE_GRPC_PORT"),
        first_port="core_health",
        shares=True,
    ),
    Kind(
        name="sor-engine",
        module="sor_engine",
        ports=("OMS_SOR_HEALTH_PORT",),
        first_port="sor_health",
        shares=True,
    ),
    Kind(
        name="oms-api",
        module="oms_api",
        ports=("OMS_API_HTTP_PORT", "OMS_API_GRPC_PORT", "OMS_API_HEALTH_PORT"),
        first_port="api_http",
    ),
    Kind(
        name="execution-adapter",
        module="execution_adapter",
        ports=("OMS_ADAPTER_HEALTH_PORT",),
        first_port="adapter_health",
        stands_by=True,
    ),
)


@dataclass(slots=True, kw_only=True)
class Second:
    """The second copy of a service: a process of this run's own, with the stack's settings but its ports."""

    kind: Kind
    rig: StackRig
    ports: Mapping[str, int] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def health_port(self) -> int:
        """Where its health page is."""
        return self.ports[self.kind.ports[0]]

    def join(self) -> None:
        """Start it, if it does not run, and wait until it is ready, or stands by."""
        if self.process is not None:
            return
        self.ports = self.ports or {name: free_port() for name in self.kind.ports}
        stack = Stack(self.rig.layout, self.rig.kafka)
        own = {name: str(port) for name, port in self.ports.items()}
        with (self.rig.layout.logs / f"{self.kind.name}-second.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.kind.module],
                env=os.environ | dict(stack.environment()) | dict(self.rig.environment) | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_up, f"a second {self.kind.name}", READY_S_MAX)

    def is_up(self) -> bool:
        """Whether it is ready, or says that it waits for the other one's end."""
        if self.kind.stands_by and is_ready(self.rig.layout.port(self.kind.first_port)):
            return self.stands_by()
        return is_ready(self.health_port)

    def stands_by(self) -> bool:
        """Whether its readiness says that another one owns what it would."""
        return "standing by" in health_of(self.health_port)

    def leave(self) -> None:
        """Ask it to stop, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with -9."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it where it is, as a machine that hangs does: it does not know that its work is another's."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"a second {self.kind.name} had not stopped within {STOP_S_MAX} s") from None


def is_ready(port: int) -> bool:
    """Whether a service's readiness page says yes."""
    return http_ready(f"http://127.0.0.1:{port}/health/ready")()


def health_of(port: int) -> str:
    """Return what a readiness page says; empty while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        return refusal.read().decode()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What happens in the middle of one load. then: what happens when orders are filled again."""

    kind: Kind
    what: str
    act: Callable[[], None]
    then: Callable[[], None] = lambda: None


@dataclass(slots=True, kw_only=True)
class Copies:
    """A stack, a second copy of each of its services, and the load balancer before the gateways."""

    rig: StackRig
    seconds: Mapping[str, Second]
    balancer: Balancer

    def turns(self) -> Iterator[Turn]:
        """Yield what happens, one turn after the other: first all join, then each kind's copies go."""
        for kind in KINDS:
            second = self.seconds[kind.name]
            if second.process is None:
                yield Turn(kind=kind, what=JOINS, act=second.join)
        for kind in KINDS:
            yield from self._turns_of(kind, self.seconds[kind.name])

    def _turns_of(self, kind: Kind, second: Second) -> Iterator[Turn]:
        who = "the standby" if kind.stands_by else "the second"
        yield Turn(kind=kind, what=f"{who} leaves", act=second.leave)
        yield Turn(kind=kind, what=f"{who} joins again", act=second.join)
        if kind.shares:
            what = f"{who} hangs until the other has its work, and goes on"
            yield Turn(kind=kind, what=what, act=second.freeze, then=second.wake)
        yield Turn(kind=kind, what=f"kill -9 {who}", act=second.kill)
        second.join()
        who = "the owner" if kind.stands_by else "the first"
        yield Turn(kind=kind, what=f"kill -9 {who}", act=lambda: self._kill_first(second))
        if kind.stands_by:
            yield Turn(kind=kind, what="the owner leaves, the other takes over", act=second.leave)
            second.join()

    def _kill_first(self, second: Second) -> None:
        """Kill the supervisor's copy, and wait until it or who took over from it is ready."""
        kind = second.kind
        pid = self.rig.kill(kind.name)
        if kind.stands_by:
            wait_until(lambda: is_ready(second.health_port), f"the standby {kind.name}", READY_S_MAX)
        else:
            self.rig.await_ready_again(kind.name, pid)

    def end(self) -> None:
        """Stop every second copy."""
        self.balancer.stop()
        for second in self.seconds.values():
            second.leave()


@contextmanager
def copies(folder: Path, kafka: str) -> Iterator[Copies]:
    """Run a stack whose cores and routers share their work, until the block ends."""
    layout = Layout(data=folder, base_port=free_base_port())
    rig = StackRig(layout=layout, kafka=kafka, environment=GROUPED)
    seconds = {kind.name: Second(kind=kind, rig=rig) for kind in KINDS}

    def gateways() -> list[int]:
        other = seconds["oms-api"]
        return [layout.port("api_http"), *([other.health_port] if other.process is not None else [])]

    found = Copies(rig=rig, seconds=seconds, balancer=Balancer(gateways))
    try:
        rig.up()
        found.balancer.start()
        yield found
    finally:
        try:
            found.end()
        finally:
            rig.down()


@click.command()
@click.option("--kafka", default="apache", show_default=True, help="apache, or a real broker's address.")
@click.option("--rate", default=200.0, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="How long each turn's load is.")
@click.option("--only", multiple=True, help="Only the turns of these services; all still have two copies.")
@click.option("--what", default="", help="Only the turns that are called so, or in part: `kill -9`, `hangs`.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the stack's folder here.")
def main(
    kafka: str, rate: float, seconds: float, only: tuple[str, ...], what: str, data: Path | None
) -> None:
    """Run every turn."""
    folder = data or Path(tempfile.mkdtemp(prefix="oms-copies-"))
    columns = ("sent", "acked", "lost", "duplicates", "fills again after s", "filled p99 ms")
    table = Table("service", "turn", *columns, "broken invariants", box=None)
    sound = True
    with copies(folder, kafka) as found:
        for turn in found.turns():
            if (only and turn.kind.name not in only) or what not in turn.what:
                if turn.what == JOINS:
                    turn.act()
                continue
            sound &= _run_one(found, turn, rate, seconds, table)
    console.print(table)
    logs = found.rig.layout.logs
    console.print(f"kafka {kafka}, {rate:g}/s for {seconds:g} s each; logs in {logs}", highlight=False)
    sys.exit(0 if sound else 1)


def _run_one(found: Copies, turn: Turn, rate: float, seconds: float, table: Table) -> bool:
    """Run one turn under load, and judge. Returns whether all is well."""
    bench = found.rig.start_bench(rate, seconds, "--url", found.balancer.url)
    bench.await_part(0.25)
    began = time.monotonic()
    turn.act()
    back_s = _fills_again(found, began)
    turn.then()
    figures = bench.figures()
    violations = broken(found.rig.verify())
    sound = not violations and figures["acked"] == figures["sent"]
    sound &= not (figures["lost"] or figures["duplicates"] or figures["cancels"]["without_end"])
    counts = [str(figures[name]) for name in ("sent", "acked", "lost", "duplicates")]
    filled = figures["filled_ms"]
    shown = [*counts, f"{back_s:.1f}", f"{filled['p99']:.0f}" if filled else "–"]
    table.add_row(turn.kind.name, turn.what, *shown, "none" if not violations else violations[0])
    console.print(f"{'ok ' if sound else 'BAD'} {turn.kind.name}, {turn.what}: {shown}", highlight=False)
    for sentence in (*violations, *(f"not acked: {refusal}" for refusal in figures["not_acked"])):
        console.print(f"    {sentence}", highlight=False, soft_wrap=True)
    return bool(sound)


def _fills_again(found: Copies, began: float) -> float:
    """Send an order for each account, in as many symbols, and return after how long all are filled.

    Accounts and symbols lie in every partition, so who has taken over each of them is in it.
    """
    client = ApiClient(found.balancer.url, fetch_token(found.rig.layout.issuer_url, "desk"))
    deadline = time.monotonic() + BACK_S_MAX
    waiting = [_place(client, place, deadline) for place in range(len(INSTRUMENTS))]
    while waiting:
        waiting = [order_id for order_id in waiting if not _is_filled(client, order_id)]
        if time.monotonic() > deadline:
            return float("inf")
        time.sleep(LOOK_S)
    return time.monotonic() - began


def _place(client: ApiClient, place: int, deadline: float) -> str:
    body: dict[str, Any] = {
        "clientOrderId": f"probe-{time.time_ns()}",
        "accountId": ACCOUNTS[place % len(ACCOUNTS)],
        "symbol": INSTRUMENTS[place][0],
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 1,
    }
    while True:
        try:
            return str(client.post("/api/v1/orders", body)["orderId"])
        except ApiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)


def _is_filled(client: ApiClient, order_id: str) -> bool:
    try:
        return bool(client.get(f"/api/v1/orders/{order_id}")["status"] == "FILLED")
    except ApiError:
        return False


if __name__ == "__main__":
    main()
