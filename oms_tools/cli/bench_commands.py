"""`oms bench`: an open-loop load on the running stack, measured."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
import psycopg
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.schema.demo_data import VENUES
from oms_tools.bench.knee import search_knee
from oms_tools.bench.load import RETRY_S, Load, Schedule
from oms_tools.bench.order_mix import MixSpec, MixSpecError, read_mix
from oms_tools.bench.preload import PreloadError, await_settled, read_pattern, write_copies
from oms_tools.bench.report import print_figures, print_knee
from oms_tools.bench.run import Bench
from oms_tools.bench.session_drops import SessionDrops, drop_by_control
from oms_tools.cli.client import ApiClient
from oms_tools.cli.dsn import stack_dsn
from oms_tools.cli.log_in import fetch_token
from oms_tools.cli.options import data_option
from oms_tools.laptop.layout import Layout, StackError, running_layout, stack_kafka

SECONDS: Final = 30.0
LEG_SECONDS: Final = 15.0
FILLED_MS_MAX: Final = 1000.0
PATTERN_TIMEOUT_S: Final = 30.0
_PATTERN: Final[dict[str, Any]] = {
    "account": "ACC-INST-001",
    "symbol": "AAPL",
    "side": "BUY",
    "quantity": 10,
}
console = Console(stderr=True)


class _Mix(click.ParamType[MixSpec]):
    """A mix such as `cancels=0.1`."""

    name = "mix"

    def convert(
        self, value: str | MixSpec, param: click.Parameter | None, ctx: click.Context | None
    ) -> MixSpec:
        """Read the text."""
        if isinstance(value, MixSpec):
            return value
        try:
            return read_mix(value)
        except MixSpecError as error:
            self.fail(str(error), param, ctx)


@click.command()
@data_option
@click.option(
    "--rate",
    type=click.FloatRange(1),
    default=100.0,
    show_default=True,
    help="Orders a second; with --find-knee the first rate that is tried.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    help=f"How long; with --find-knee each leg. [default: {SECONDS:g}, a leg {LEG_SECONDS:g}]",
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="How long, instead of --seconds."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the order mix.")
@click.option(
    "--mix",
    type=_Mix(),
    default="cancels=0",
    help="cancels=SHARE,replaces=SHARE: of the orders that wait in a book, how many are canceled and replaced"
    " a little later; waits=SHARE: of the limit orders, how many wait; kinds=SHARE: of all orders, how many"
    " are of other kinds (stops, GTD, IOC, post-only, algos, …).",
)
@click.option(
    "--drop-sessions",
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="Cut the session of a simulated venue, on average once in so many seconds.",
)
@click.option(
    "--preload",
    type=click.IntRange(1),
    metavar="N",
    help="First write N closed orders in bulk into the database.",
)
@click.option("--find-knee", is_flag=True, help="Find the highest rate that is held, by short legs of load.")
@click.option(
    "--filled-max",
    type=click.FloatRange(1),
    metavar="MS",
    help="With --find-knee: a rate is held while p99 from sending to fill is at most this."
    f" [default: {FILLED_MS_MAX:g}]",
)
@click.option("--no-retry", is_flag=True, help="Send no order again that is refused with 429 or 5xx.")
@click.option(
    "--retry-for",
    type=click.FloatRange(1),
    metavar="SECONDS",
    default=RETRY_S,
    show_default=True,
    help="How long an order without an answer, or refused so, is sent again.",
)
@click.option(
    "--probe",
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="After the load send a trickle of probe orders for so long; say when all was back to normal.",
)
@click.option(
    "--url", help="Send to this address in place of the stack's gateway: a load balancer before several."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures to this file."
)
def bench(
    data: Path,
    rate: float,
    seconds: float | None,
    minutes: float | None,
    seed: int,
    mix: MixSpec,
    drop_sessions: float | None,
    preload: int | None,
    find_knee: bool,
    filled_max: float | None,
    no_retry: bool,
    retry_for: float,
    probe: float | None,
    url: str | None,
    json_file: Path | None,
) -> None:
    """Send orders at a constant rate; report latency by hop, what an order cost, what was lost or doubled.

    Exits with 1 when an order was lost or doubled, or a cancel or a replace that was taken has no end.
    """
    _refuse_contradictions(seconds, minutes, find_knee, filled_max, probe)
    layout, state = running_layout(data.resolve())
    token = fetch_token(layout.issuer_url, "desk")
    dsn = stack_dsn(layout)
    if preload is not None:
        _preload(layout, dsn, token, preload)
    runner = Bench(layout, dsn, stack_kafka(layout, state["kafka"]), token, seed, mix, url)
    if find_knee:
        _find_knee(runner, rate, seconds or LEG_SECONDS, filled_max or FILLED_MS_MAX, json_file)
        return
    seconds = minutes * 60 if minutes is not None else seconds or SECONDS
    schedule = Schedule(
        rate=rate, seconds=seconds, probe_s=probe or 0.0, retry=not no_retry, retry_s=retry_for
    )
    drops = None
    if drop_sessions is not None:
        drop = drop_by_control(layout.port("broker_control"))
        drops = SessionDrops([venue[0] for venue in VENUES], drop_sessions, seed, drop)
    figures = runner.measure(schedule, _progress(f"{rate:g}/s for {seconds:g} s"), drops)
    figures["dropped_sessions"] = {} if drops is None else dict(sorted(drops.cut.items()))
    _show("")
    figures["hops"]["core_to_client"] = figures["core_to_client_ms"]
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))
    print_figures(Console(), figures)
    broken = figures["lost"] or figures["duplicates"]
    broken = broken or figures["cancels"]["without_end"] or figures["replaces"]["without_end"]
    sys.exit(1 if broken else 0)


def _refuse_contradictions(
    seconds: float | None,
    minutes: float | None,
    find_knee: bool,
    filled_max: float | None,
    probe: float | None,
) -> None:
    """Raise UsageError for options that do not go together."""
    if seconds is not None and minutes is not None:
        raise click.UsageError("--seconds and --minutes contradict each other: give one of them")
    if find_knee and minutes is not None:
        raise click.UsageError("--find-knee runs short legs: give their length with --seconds, not --minutes")
    if find_knee and probe is not None:
        raise click.UsageError("--probe looks at what follows one load; --find-knee runs many")
    if filled_max is not None and not find_knee:
        raise click.UsageError("--filled-max says when a rate is held: it goes with --find-knee")


def _show(line: str) -> None:
    """Show a line in the place of the last, on a terminal only."""
    if console.is_terminal:
        console.print(f"\r{line:<78}", end="", highlight=False)


def _progress(what: str) -> Callable[[Load], None]:
    """Return what shows a load's counts each second."""
    return lambda load: _show(
        f"{what}: sent {load.orders_sent:,}  acked {load.acked_count:,}  filled {load.filled_count:,}"
    )


def _find_knee(
    runner: Bench, first_rate: float, seconds: float, filled_max: float, json_file: Path | None
) -> None:
    knee = search_knee(
        lambda rate: runner.leg(rate, seconds, filled_max, _progress(f"{rate:g}/s for {seconds:g} s")),
        first_rate,
    )
    _show("")
    if json_file is not None:
        legs = [asdict(leg) for leg in knee.legs]
        json_file.write_text(json.dumps({"knee": knee.rate, "legs": legs}, indent=1))
    print_knee(Console(), knee)
    sys.exit(0 if knee.rate is not None else 1)


def _preload(layout: Layout, dsn: str, token: str, count: int) -> None:
    """Have one order filled, and write copies of it into past weeks."""
    client = ApiClient(layout.api_url, token)
    name = f"preload-pattern-{time.time_ns() // 1_000_000}"
    order_id = UUID(client.place(**_PATTERN, client_order_id=name)["orderId"])
    deadline = time.monotonic() + PATTERN_TIMEOUT_S
    while (found := client.order(order_id))["status"] != "FILLED":
        if found["closed"] or time.monotonic() > deadline:
            raise StackError(
                f"expected order {order_id} to be filled as the pattern, found {found['status']}"
            )
        time.sleep(0.1)
    now = utc_now()
    journals = layout.data / "broker"
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            await_settled(connection, order_id)
            pattern = read_pattern(connection, order_id, journals / "journal.jsonl")
            written = write_copies(
                connection,
                pattern,
                count,
                now,
                journal=journals / f"preload-{int(now.timestamp())}.jsonl",
                on_batch=lambda done: _show(f"written {done:,} of {count:,}"),
            )
        except PreloadError as error:
            raise StackError(f"orders were not preloaded: {error}") from error
    _show("")
    console.print(f"{written:,} closed orders were written first", highlight=False)
