"""`oms doctor`: is a running deployment well? It only reads; exit 0 only if every check passes."""

import json
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from oms_platform.kafka.settings import kafka_of_environment
from oms_tools.cli.options import data_option, json_option
from oms_tools.doctor.check import Check, Deployment
from oms_tools.doctor.examination import examine
from oms_tools.laptop.layout import running_layout, stack_kafka

# Each process of the laptop stack and the port that its health is on.
HEALTH_PORTS: Final = {
    "oms-api": "api_health",
    "oms-core": "core_health",
    "sor-engine": "sor_health",
    "scorekeeper": "scorekeeper_health",
    "sor-answers": "answers_health",
    "execution-adapter": "adapter_health",
    "market-data": "market_data_health",
    "broker": "broker_health",
}
console = Console()


def deployment_of_stack(data: Path) -> Deployment:
    """Return where the running laptop stack is. Raises StackError when none runs in `data`."""
    layout, state = running_layout(data)
    return Deployment(
        dsn=f"postgresql://postgres@127.0.0.1:{layout.port('postgres')}/oms",
        kafka=stack_kafka(layout, state["kafka"]),
        endpoints={
            name: f"http://127.0.0.1:{layout.port(port)}"
            for name, port in HEALTH_PORTS.items()
            if name != "broker" or not state.get("venues")
        },
        disk=data,
    )


def _endpoints(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    wrong = [text for text in given if not text.partition("=")[2].startswith(("http://", "https://"))]
    if wrong:
        raise click.BadParameter(f"expected NAME=http(s)://HOST:PORT, found {', '.join(wrong)}")
    return {name: address for name, _, address in (text.partition("=") for text in given)}


@click.command()
@data_option
@click.option(
    "--dsn", envvar="OMS_POSTGRES_DSN", help="Look at this database instead of the stack that runs."
)
@click.option("--kafka", envvar="OMS_KAFKA_BOOTSTRAP", help="The broker that goes with --dsn.")
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    callback=_endpoints,
    envvar="OMS_ENDPOINTS",
    help="A process's health, NAME=http(s)://HOST:PORT; may be given often, with --dsn.",
)
@click.option(
    "--disk",
    type=click.Path(path_type=Path, exists=True),
    help="A folder of the disk to look at, with --dsn.",
)
@click.option("--read-dsn", envvar="OMS_API_READ_DSN", help="The read replica's address, with --dsn.")
@click.option("--issuer", envvar="OMS_API_OIDC_ISSUER", help="The OIDC issuer's address, with --dsn.")
@json_option
def doctor(
    data: Path,
    dsn: str | None,
    kafka: str | None,
    endpoints: dict[str, str],
    disk: Path | None,
    read_dsn: str | None,
    issuer: str | None,
    as_json: bool,
) -> None:
    """Check a running deployment. Exits with 0 if all is well, 1 if something is not."""
    if dsn is None:
        deployment = deployment_of_stack(data.resolve())
    elif kafka is None:
        raise click.UsageError("--dsn needs --kafka")
    else:
        deployment = Deployment(
            dsn=dsn,
            kafka=kafka_of_environment(kafka),
            endpoints=endpoints,
            disk=disk,
            read_dsn=read_dsn or "",
            issuer=issuer or "",
        )
    checks = examine(deployment)
    well = all(check.well is not False for check in checks)
    if as_json:
        found = [{"check": check.name, "well": check.well, "detail": check.detail} for check in checks]
        click.echo(json.dumps({"well": well, "checks": found}, indent=1))
    else:
        _show(checks)
    sys.exit(0 if well else 1)


def _show(checks: list[Check]) -> None:
    table = Table(box=None, show_header=False)
    marks = {True: "[green]well[/]", False: "[red]ILL[/]", None: "[yellow]unknown[/]"}
    for check in checks:
        table.add_row(marks[check.well], check.name, check.detail)
    console.print(table, highlight=False)
