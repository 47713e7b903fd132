"""`oms up`, `down`, `status`, `migrate`: the laptop stack as supervised processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from oms_tools.cli.options import data_hint, data_option, json_option
from oms_tools.cli.tables import say
from oms_tools.laptop.layout import (
    DEFAULT_PORT,
    Layout,
    StackError,
    is_alive,
    last_state,
    python_environment,
    read_state,
    running_layout,
    venue_address,
)

START_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 90.0
console = Console()


def _venues(_context: click.Context, _option: click.Parameter, given: str) -> str:
    if given:
        try:
            venue_address(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return given


@contextmanager
def broken_off_by_signals() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, break the block off as Ctrl-C does, once.

    After SIGHUP nothing more is printed: a closed terminal takes nothing. What is ignored, as by nohup,
    stays so.
    """
    taken = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]

    def break_off(number: int, _frame: FrameType | None) -> None:
        for one in taken:
            signal.signal(one, signal.SIG_IGN)
        if number == signal.SIGHUP:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for output in (1, 2):
                os.dup2(nowhere, output)
            os.close(nowhere)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, break_off) for one in taken}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def start_stack(data: Path, port: int, kafka: str, venues: str = "", *, chaos: bool = False) -> Layout:
    """Start a supervisor in the background and return when all is ready, showing it. Raises StackError.

    venues: HOST:PORT of FIX venues that run elsewhere, empty for the broker simulator. chaos: with the panel
    of the desk page that breaks things on purpose.
    """
    # Imported here: the embedded parts are an extra, and the other commands do without.
    from oms_tools.laptop.stack import Stack, check_can_start  # noqa: PLC0415

    data = data.resolve()
    layout = Layout(data=data, base_port=port)
    try:
        layout.logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"expected a folder that can be made, was {data}: {error.strerror}") from error
    check_can_start(Stack(layout, kafka, venues=venues, chaos=chaos))
    layout.state_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "oms_tools.laptop.stack"]
    command += ["--data", str(data), "--port", str(port), "--kafka", kafka, "--venues", venues]
    command += ["--chaos"] if chaos else []
    with (layout.logs / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | python_environment(),
        )
    try:
        _await_running(layout, supervisor)
    except BaseException:
        # Who breaks the start off, or waits no longer, is left with nothing that runs.
        with console.status("stopping what was started"):
            supervisor.terminate()
            supervisor.wait(STOP_TIMEOUT_S)
        raise
    return layout


def _await_running(layout: Layout, supervisor: subprocess.Popen[bytes]) -> None:
    shown: set[str] = set()
    started = time.monotonic()
    with console.status("starting") as progress:
        while time.monotonic() - started < START_TIMEOUT_S:
            state = last_state(layout.data)
            programs = state.get("programs", {})
            for name, program in programs.items():
                if program["ready"] and name not in shown:
                    shown.add(name)
                    console.print(
                        f"  [green]ready[/] {name:<18} {time.monotonic() - started:5.1f} s", highlight=False
                    )
            waiting = [name for name in programs if name not in shown]
            progress.update(f"starting {', '.join(waiting)}")
            if state.get("phase") == "running":
                return
            if str(state.get("phase", "")).startswith("failed"):
                raise StackError(f"{state['phase']}\n{_log_ends(layout, waiting)}")
            if supervisor.poll() is not None:
                raise StackError(f"the supervisor ended with code {supervisor.returncode}; see {layout.logs}")
            time.sleep(0.1)
    raise StackError(f"not running after {START_TIMEOUT_S:.0f} s; see {layout.logs}")


def _log_ends(layout: Layout, names: list[str]) -> str:
    ends = []
    for name in names:
        log = layout.logs / f"{name}.log"
        if log.exists():
            ends.append(f"--- {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:]))
    return "\n".join(ends)


def stop_stack(data: Path) -> bool:
    """Stop the stack in `data` and wait until it is gone. Returns False when none ran. Raises StackError."""
    state = read_state(data.resolve())
    if state is None:
        return False
    pid = int(state["pid"])
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while is_alive(pid):
        if time.monotonic() > deadline:
            raise StackError(f"process {pid} did not stop within {STOP_TIMEOUT_S:.0f} s")
        time.sleep(0.1)
    return True


def print_next_steps(layout: Layout, data: Path) -> None:
    """Print where a stack that has started is reached, and what to type next, to be copied as it is."""
    hint = data_hint(data)
    steps = (
        ("page", f"{layout.api_url}/"),
        ("token", f"oms token --user trader1{hint}"),
        ("order", f"oms submit --symbol AAPL --side BUY --quantity 100 --wait{hint}"),
        ("gRPC", f"127.0.0.1:{layout.port('api_grpc')}"),
        ("FIX", f"127.0.0.1:{layout.port('api_fix')} (49=DEMO, 56=OMS; docs/fix-in.md)"),
        ("logs", str(layout.logs)),
        ("stop", f"oms down{hint}"),
    )
    say(console, *(f"  {what:<6} {how}" for what, how in steps))


@click.command()
@data_option
@click.option(
    "--port",
    type=click.IntRange(1024, 65000),
    default=DEFAULT_PORT,
    show_default=True,
    help="The API's port.",
)
@click.option(
    "--kafka",
    default="memory",
    show_default=True,
    help="memory, apache (from its jars, Java 17+), or HOST:PORT.",
)
@click.option(
    "--venues",
    default="",
    callback=_venues,
    metavar="HOST:PORT",
    help="Trade with FIX venues that listen there, each by its own CompID; the broker simulator is left out.",
)
@click.option(
    "--chaos",
    is_flag=True,
    help="With the page's panel that kills processes and makes venues unkind, to try.",
)
@click.option("--detach", is_flag=True, help="Come back when all is ready; stop it with `oms down`.")
def up(data: Path, port: int, kafka: str, venues: str, chaos: bool, detach: bool) -> None:
    """Start the whole stack on this machine."""
    with broken_off_by_signals():
        layout = start_stack(data, port, kafka, venues, chaos=chaos)
        print_next_steps(layout, data)
        if detach:
            return
        console.print("Ctrl-C stops it.")
        try:
            while read_state(layout.data) is not None:
                time.sleep(0.5)
            raise StackError(f"the stack ended by itself; see {layout.logs}")
        except KeyboardInterrupt:
            with console.status("stopping"):
                stop_stack(data)


@click.command()
@data_option
def down(data: Path) -> None:
    """Stop the stack. What it stored stays in its folder."""
    with console.status("stopping"):
        stopped = stop_stack(data)
    console.print("stopped" if stopped else f"no stack runs in {data}")


@click.command()
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Show every process of the stack. Exits with 1 unless all are ready."""
    layout, state = running_layout(data.resolve())
    programs = state["programs"]
    if as_json:
        click.echo(json.dumps(state, indent=1))
    else:
        table = Table("process", "pid", "ready", "restarts", "last exit", box=None)
        for name, program in programs.items():
            ready = "[green]yes[/]" if program["ready"] else "[red]no[/]"
            last_exit = "" if program["last_exit"] is None else str(program["last_exit"])
            table.add_row(name, str(program["pid"] or ""), ready, str(program["restarts"]), last_exit)
        console.print(table)
        console.print(f"API {layout.api_url}   Kafka {state['kafka']}   logs {layout.logs}", highlight=False)
    sys.exit(0 if programs and all(program["ready"] for program in programs.values()) else 1)


@click.command("migrate")
@click.option(
    "--dsn", envvar="OMS_POSTGRES_DSN", required=True, help="Address of the database [OMS_POSTGRES_DSN]."
)
@click.option(
    "--demo-data",
    is_flag=True,
    help="Also store the demo's accounts, instruments and venues that are missing.",
)
def migrate_command(dsn: str, demo_data: bool) -> None:
    """Bring a database to this version's schema."""
    # Imported here: no other command needs the schema, which takes longer to import than they take to run.
    from oms_platform.clock import utc_now  # noqa: PLC0415
    from oms_platform.schema.demo_data import seed  # noqa: PLC0415
    from oms_platform.schema.migrate import migrate  # noqa: PLC0415

    migrate(dsn, utc_now())
    console.print("the schema is up to date")
    if demo_data:
        console.print(f"demo data: {seed(dsn)} new rows")
