"""`oms tca`: what orders cost against the quotes of their time, as a table, CSV and a page with plots."""

import json
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.postgres import connect
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import data_option, json_option
from oms_tools.cli.times import UTC_TIME
from oms_tools.execution_quality.csv_report import (
    report_json,
    rule_606_path,
    write_lines,
    write_rule_606,
)
from oms_tools.execution_quality.table import ORDERS_MAX, print_report
from sor_engine.adapters.postgres_quality import PostgresQuality
from sor_engine.domain.quality import measure
from sor_engine.domain.quality_report import Cut, Gathered, Report, Tally
from sor_engine.ports import QualityScope

console = Console()
_SINCE: Final = timedelta(days=1)
_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@data_option
@dsn_option
@click.option("--since", type=UTC_TIME, help="First order, UTC; a day before --until without it.")
@click.option("--until", type=UTC_TIME, help="First order that is left out, and the report's end; or now.")
@click.option(
    "--by",
    type=click.Choice([cut.value for cut in Cut]),
    default="venue",
    show_default=True,
    help="What a line is.",
)
@click.option("--html", "page", type=_file, help="Also write a page with tables and plots.")
@click.option(
    "--csv", "sheet", type=_file, help="Also write the lines, and the Rule 606 table as …-rule606.csv."
)
@click.option("--wide", is_flag=True, help="Every column, in place of those that fit 120.")
@json_option
def tca(
    data: Path,
    dsn: str | None,
    since: datetime | None,
    until: datetime | None,
    by: str,
    page: Path | None,
    sheet: Path | None,
    wide: bool,
    as_json: bool,
) -> None:
    """Show execution quality: spreads, price improvement, fees, markouts, implementation shortfall."""
    until = utc_now() if until is None else until
    since = until - _SINCE if since is None else since
    if since >= until:
        raise click.UsageError(f"--since must be before --until, found {since} and {until}")
    gathered = Gathered(ORDERS_MAX)
    connection = connect(dsn_or_stack(dsn, data), "oms-tca")
    try:
        past = PostgresQuality(connection, QualityScope(since=since, until=until))
        orders = _measured(past, gathered)
        if by == "order" and sheet is not None:
            write_lines(sheet, by, orders)
        else:
            deque(orders, maxlen=0)
        refused = past.refused()
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error
    finally:
        connection.close()
    report = gathered.report()
    if as_json:
        click.echo(json.dumps(report_json(report, by, refused), indent=1))
    else:
        print_report(report, by, console, wide)
        if refused:
            console.print(f"{refused:,} orders that risk refused are left out", style="dim")
    try:
        if sheet is not None:
            if by != "order":
                write_lines(sheet, by, report.lines(Cut(by)))
            write_rule_606(rule_606_path(sheet), report)
            _say(f"{sheet} and {rule_606_path(sheet)} written")
        if page is not None:
            _write_page(page, report, since, until, refused)
            _say(f"{page} written")
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error


def _write_page(page: Path, report: Report, since: datetime, until: datetime, refused: int) -> None:
    # matplotlib takes a second that a table should not wait for, and is an extra of this package.
    try:
        from oms_tools.execution_quality.html_report import Heading, write_page  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"needs {error.name}, of the extra `reports` of this package"
        raise click.ClickException(message) from error
    write_page(page, report, Heading(since, until, refused))


def _say(text: str) -> None:
    click.echo(text, err=True)


def _measured(past: PostgresQuality, gathered: Gathered) -> Iterator[Tally]:
    """Measure batch by batch, and yield every order's line once it is gathered."""
    for evidence, tape in past.batches():
        report = measure(evidence, tape)
        gathered.add(report)
        yield from report.orders
