"""`oms verify`: hold every invariant from outside; exit 0 only if none is broken."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from oms_platform.cli.stack_commands import data_option
from oms_platform.kafka import KafkaSettings
from oms_platform.laptop.layout import Layout, running_layout
from oms_platform.verify.judge import Evidence, judge_what_persists
from oms_platform.verify.report import Report

console = Console()


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
    "--settle", default=30.0, show_default=True, help="Seconds to let pass what is still on its way."
)
def verify(data: Path, as_json: bool, settle: float) -> None:
    """Hold every invariant. Exits with 0 when none is broken, 1 when one is."""
    report = judge_what_persists(evidence_of_stack(data.resolve()), settle)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        print_report(report)
    sys.exit(0 if report.clean else 1)


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
