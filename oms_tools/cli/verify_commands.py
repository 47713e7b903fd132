"""`oms verify`: hold every invariant from outside; exit 0 only if none is broken."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Final

import click
import psycopg
from rich.console import Console

from oms_platform.health import Health, serve_health
from oms_platform.telemetry.logs import configure_logging
from oms_platform.worker import StopFlag
from oms_tools.cli.dsn import stack_dsn
from oms_tools.cli.options import data_option, json_option
from oms_tools.laptop.layout import running_layout
from oms_tools.verify.exporter import watch
from oms_tools.verify.judge import Evidence, judge_what_persists, persisting
from oms_tools.verify.positions import check_positions
from oms_tools.verify.report import Report

console = Console()
_FOLDER: Final = click.Path(path_type=Path, file_okay=False, exists=True)


def evidence_of_stack(data: Path) -> Evidence:
    """Return where the running laptop stack keeps what the judge looks at."""
    layout, state = running_layout(data)
    # Venues that run elsewhere keep their books there.
    journal = None if state.get("venues") else data / "broker"
    return Evidence(dsn=stack_dsn(layout), venue_journal=journal)


@click.command()
@data_option
@json_option
@click.option(
    "--settle", default=30.0, show_default=True, help="Seconds to let pass what is still on its way."
)
@click.option("--dsn", envvar="OMS_POSTGRES_DSN", help="Judge this database instead of the stack that runs.")
@click.option(
    "--venue-journal",
    type=_FOLDER,
    envvar="OMS_BROKER_SIM_DATA",
    help="With --dsn: the broker simulator's data.",
)
@click.option("--every", type=float, help="Judge again so many seconds later, and serve metrics meanwhile.")
@click.option("--metrics-port", default=9108, show_default=True, help="Port of the metrics, with --every.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the metrics, with --every.")
def verify(
    data: Path,
    as_json: bool,
    settle: float,
    dsn: str | None,
    venue_journal: Path | None,
    every: float | None,
    metrics_port: int,
    host: str,
) -> None:
    """Hold every invariant. Exits with 0 when none is broken, 1 when one is."""
    if dsn is None:
        evidence = evidence_of_stack(data.resolve())
    else:
        evidence = Evidence(dsn=dsn, venue_journal=venue_journal)
    if every is not None:
        _watch(evidence, settle, every, host, metrics_port)
        return
    report = judge_what_persists(evidence, settle)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        print_report(report)
    sys.exit(0 if report.clean else 1)


def judge_positions(data: Path, dsn: str | None, settle_s: float) -> Report:
    """Hold positions and cash to executions, of the running laptop stack where dsn is None."""
    database = stack_dsn(running_layout(data)[0]) if dsn is None else dsn

    def look() -> Report:
        with contextlib.closing(psycopg.connect(database, autocommit=True)) as connection:
            return Report(findings=check_positions(connection))

    return persisting(look, settle_s)


def _watch(evidence: Evidence, settle_s: float, every_s: float, host: str, port: int) -> None:
    configure_logging("oms-verify")
    stop = StopFlag()
    stop.on_signals()
    health = Health()
    serve_health(health, port, host)
    health.set_started(True)
    watch(lambda: judge_what_persists(evidence, settle_s), every_s, stop)


def print_report(report: Report) -> None:
    """Print a line for each invariant, and the violations found."""
    for finding in report.findings:
        mark = "[red]BROKEN[/]" if finding.broken else "[green]holds[/] "
        console.print(
            f"{mark} {finding.invariant}  [dim]({finding.examined:,} looked at)[/]",
            highlight=False,
            soft_wrap=True,
        )
        for violation in finding.violations:
            console.print(f"         {violation}", highlight=False, soft_wrap=True)
        if len(finding.broken) > len(finding.violations):
            console.print(f"         … {len(finding.broken)} in all", highlight=False)
    for sentence in report.left_out:
        console.print(f"[yellow]left out[/] {sentence}")
