"""`oms verify`: hold every invariant from outside; exit 0 only if none is broken."""

import json
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from oms_platform.cli.stack_commands import data_option
from oms_platform.kafka import KafkaSettings
from oms_platform.laptop.layout import Layout, running_layout
from oms_platform.verify.judge import Evidence, judge, wait_until_quiet
from oms_platform.verify.report import Report

console = Console()
NOT_QUIET_EXIT: Final = 2


def stack_dsn(layout: Layout) -> str:
    """Return the address of the stack's database."""
    return f"postgresql://postgres@127.0.0.1:{layout.port('postgres')}/oms"


def evidence_of_stack(data: Path) -> Evidence:
    """Return where the running laptop stack keeps what the judge looks at."""
    layout, state = running_layout(data)
    if state["kafka"] == "memory":
        kafka = KafkaSettings(bootstrap=layout.kafka_address_file.read_text())
    else:
        address = f"127.0.0.1:{layout.port('kafka')}" if state["kafka"] == "apache" else state["kafka"]
        kafka = KafkaSettings(bootstrap=address, fetch_wait_ms=100)
    return Evidence(
        dsn=stack_dsn(layout), kafka=kafka, fix_store=data / "fix-adapter", venue_journal=data / "broker"
    )


@click.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--settle", default=30.0, show_default=True, help="Seconds to wait for the flow to come to rest."
)
def verify(data: Path, as_json: bool, settle: float) -> None:
    """Hold every invariant. Exits with 0 if none is broken, 1 if one is, 2 if the flow does not rest."""
    evidence = evidence_of_stack(data.resolve())
    if not wait_until_quiet(evidence.dsn, settle):
        console.print(f"[red]the flow did not come to rest within {settle:.0f} s[/]; stop what sends orders")
        sys.exit(NOT_QUIET_EXIT)
    report = judge(evidence)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        print_report(report)
    sys.exit(0 if report.clean else 1)


def print_report(report: Report) -> None:
    """Print a line for each invariant, and the violations found."""
    for finding in report.findings:
        mark = "[red]BROKEN[/]" if finding.count else "[green]holds[/] "
        console.print(
            f"{mark} {finding.invariant}  [dim]({finding.examined:,} looked at)[/]", highlight=False
        )
        for violation in finding.violations:
            console.print(f"         {violation}", highlight=False, soft_wrap=True)
        if finding.count > len(finding.violations):
            console.print(f"         … {finding.count} in all", highlight=False)
    for sentence in report.left_out:
        console.print(f"[yellow]left out[/] {sentence}")
