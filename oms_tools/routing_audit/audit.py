"""`oms retention`, `oms export-routes`: how long the audit of routes is kept, and how it leaves."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from oms_platform.clock import utc_now
from oms_platform.postgres import Connection, connect
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import data_option, json_option
from oms_tools.cli.times import UTC_TIME
from oms_tools.routing_audit.route_export import export_routes
from sor_engine.scorekeeper.adapters.postgres_retention import DAYS_MIN, apply_retention, expired

console = Console()


@contextmanager
def database(data: Path, dsn: str | None) -> Iterator[Connection]:
    """Connect to a database, or to that of the stack that runs in `data`."""
    connection = connect(dsn_or_stack(dsn, data), "oms-audit")
    try:
        yield connection
    finally:
        connection.close()


@click.command()
@data_option
@dsn_option
@click.option(
    "--days",
    type=click.IntRange(min=DAYS_MIN),
    default=DAYS_MIN,
    show_default=True,
    help="Days that a route is kept from its decision on.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and drop nothing.")
@json_option
def retention(data: Path, dsn: str | None, days: int, dry_run: bool, as_json: bool) -> None:
    """Drop the partitions of routes, of what they were decided on, and of quotes that are old enough."""
    with database(data, dsn) as connection:
        now = utc_now()
        gone = expired(connection, days, now) if dry_run else apply_retention(connection, days, now)
    if as_json:
        parts = [
            {
                "table": part.table,
                "partition": part.name,
                "from": f"{part.start:%Y-%m-%d}",
                "to": f"{part.end:%Y-%m-%d}",
            }
            for part in gone
        ]
        click.echo(json.dumps({"dropped": not dry_run, "partitions": parts}, indent=1))
        return
    if not gone:
        console.print(f"nothing is older than {days} days")
        return
    table = Table("table", "partition", "from", "to", box=None)
    for part in gone:
        table.add_row(part.table, part.name, f"{part.start:%Y-%m-%d}", f"{part.end:%Y-%m-%d}")
    console.print(table)
    console.print(f"{len(gone)} partitions {'would go' if dry_run else 'dropped'}")


@click.command("export-routes")
@data_option
@dsn_option
@click.option("--since", type=UTC_TIME, required=True, help="First decision, UTC.")
@click.option("--until", type=UTC_TIME, help="First decision that is left out; now without it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, JSON lines.",
)
def export_routes_command(
    data: Path, dsn: str | None, since: datetime, until: datetime | None, out: Path
) -> None:
    """Write every route of a time, with its inputs, plan, book and reference, as JSON lines."""
    until = utc_now() if until is None else until
    if since >= until:
        raise click.UsageError(f"--since must be before --until, found {since} and {until}")
    # The file appears when it is whole.
    partial = out.with_name(f"{out.name}.part")
    routes = 0
    with database(data, dsn) as connection, partial.open("wb") as file:
        for line in export_routes(connection, since, until):
            file.write(line)
            routes += 1
        file.flush()
        os.fsync(file.fileno())
    partial.replace(out)
    console.print(f"{routes:,} routes in {out}", highlight=False, soft_wrap=True)
