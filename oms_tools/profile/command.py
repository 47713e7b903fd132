"""`oms profile`: what an order costs in each process of the running stack, and what for."""

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import psutil
from rich.console import Console

from oms_platform.clock import utc_now
from oms_tools.bench.order_mix import read_mix
from oms_tools.bench.run import Bench
from oms_tools.cli.dsn import stack_dsn
from oms_tools.cli.log_in import fetch_token
from oms_tools.cli.options import data_option
from oms_tools.laptop.layout import running_layout, stack_kafka
from oms_tools.profile.page import check_page, section_of, write_section
from oms_tools.profile.run import Plan, take_profile
from oms_tools.profile.samplers import PTRACE_SCOPE, may_sample, py_spy
from oms_tools.profile.tables import print_tables, tables_of

# Wide enough for a column a line of work, where no terminal says how wide it is.
WIDTH: Final = 180
progress = Console(stderr=True)


@click.command()
@data_option
@click.option("--rate", type=click.FloatRange(1), default=500.0, show_default=True, help="Orders a second.")
@click.option(
    "--seconds",
    type=click.FloatRange(5),
    default=40.0,
    show_default=True,
    help="How long the load takes that is counted; the one that is sampled takes half as long.",
)
@click.option(
    "--idle-seconds",
    type=click.FloatRange(1),
    default=20.0,
    show_default=True,
    help="How long the stack is watched without orders.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the order mix.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures to this file."
)
@click.option(
    "--markdown",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the tables to this page, between its two marker comments.",
)
def profile(
    data: Path,
    rate: float,
    seconds: float,
    idle_seconds: float,
    seed: int,
    json_file: Path | None,
    page: Path | None,
) -> None:
    """Say what an order costs in each process, by line of work, and what wakes up without any."""
    py_spy()
    if not may_sample():
        progress.print(
            f"[yellow]no stack can be sampled:[/] run as root, or set {PTRACE_SCOPE.name} to 0;"
            " what follows is by process only",
            highlight=False,
        )
    if page is not None:
        check_page(page)
    layout, state = running_layout(data.resolve())
    dsn = stack_dsn(layout)

    kafka = stack_kafka(layout, state["kafka"])
    bench = Bench(layout, dsn, kafka, fetch_token(layout.issuer_url, "desk"), seed, read_mix("cancels=0"))
    plan = Plan(rate=rate, seconds=seconds, idle_s=idle_seconds)
    machine = _machine(state["kafka"])
    with progress.status("") as status:
        figures = take_profile(bench, dsn, plan, status.update) | machine
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))
    tables, said = tables_of(figures), summary_of(figures)
    out = Console()
    out = out if out.is_terminal else Console(width=WIDTH)
    for line in said:
        out.print(line, highlight=False, soft_wrap=True)
    print_tables(out, tables)
    if page is not None:
        write_section(page, section_of("The last profile", said, tables))


def _machine(kafka: str) -> dict[str, Any]:
    return {
        "taken_at": utc_now().isoformat(timespec="seconds"),
        "kafka_is": kafka if kafka in {"memory", "apache"} else "elsewhere",
        "python": platform.python_version(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(psutil.getloadavg()[0], 1),
    }


def summary_of(figures: Mapping[str, Any]) -> list[str]:
    """Return the sentences that stand before a run's tables: what was run, and what became of it."""
    ack, filled = figures["ack_ms"]["p99"], figures["filled_ms"]["p99"]
    times = [f"{name} p99 {ms:,.0f} ms" for name, ms in (("ack", ack), ("filled", filled)) if ms is not None]
    return [
        f"Taken at {figures['taken_at']} with Python {figures['python']} on {figures['cores']} cores and"
        f" {figures['memory_gib']} GiB, the load average before it {figures['load_before']:g}, Kafka:"
        f" {figures['kafka_is']}."
        f" {figures['idle_seconds']:g} s without orders, {figures['seconds']:g} s at {figures['rate']:g}/s"
        f" counted, {figures['sampled_seconds']:g} s at the same rate sampled; seed {figures['seed']}.",
        f"Of the load that was counted: {figures['acked']:,} acked at {figures['rate_achieved']:g}/s,"
        f" lost {figures['lost']}, duplicates {figures['duplicates']};"
        f" {', '.join(times) or 'nothing timed'}.",
    ]
