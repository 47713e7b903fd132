"""`oms exceptions`: what venues said that could not be applied, and a person's word on it."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from oms_platform.exceptions import ExceptionKind
from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import SIDES, always_json_option, data_option, json_option, persona_option

console = Console()
desk_option = persona_option("desk")


@click.group()
def exceptions() -> None:
    """Look at what venues said that could not be applied as it is, and close it."""


@exceptions.command("list")
@data_option
@desk_option
@click.option("--all", "every", is_flag=True, help="Those that were closed, too.")
@click.option("--venue", help="Only of this venue.")
@click.option("--order", help="Only of this order.")
@click.option("--kind", type=click.Choice([kind.name for kind in ExceptionKind]), help="Only of this kind.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500))
@json_option
def list_exceptions(
    data: Path,
    user: str,
    every: bool,
    venue: str | None,
    order: str | None,
    kind: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List exceptions, the newest first: open ones unless --all."""
    answer = ApiClient.of_stack(data.resolve(), user).exceptions(
        status=None if every else "OPEN", venue=venue, order_id=order, kind=kind, limit=limit
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in answer["exceptions"]:
        _print_line(one)
    console.print(f"{len(answer['exceptions'])} exceptions", highlight=False)


def _print_line(one: dict[str, Any]) -> None:
    about = one["clOrdId"] or one["orderId"] or ""
    console.print(
        f"{one['exceptionId']}  {one['raisedAt'][:19]}Z  {one['status']:7} {one['venueId']:5} {one['kind']}"
        f"  {about}  {one['detail']}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@exceptions.command("show")
@data_option
@desk_option
@always_json_option
@click.argument("exception_id")
def show_exception(data: Path, user: str, exception_id: str) -> None:
    """Print one exception whole, with the message as it came."""
    answer = ApiClient.of_stack(data.resolve(), user).exception(exception_id)
    click.echo(json.dumps(answer, indent=1, ensure_ascii=False))


@exceptions.command("book")
@data_option
@desk_option
@always_json_option
@click.argument("exception_id")
@click.option("--reason", required=True, help="Why it is booked so; it is kept with your name.")
@click.option("--qty", type=click.IntRange(min=1), help="Shares, if not as the exception says.")
@click.option("--px", help="Dollars a share, if not as the exception says.")
@click.option("--account", help="The account, if the exception names none.")
@click.option("--symbol", help="The symbol, if not as the order or the exception says.")
@click.option("--side", type=click.Choice(SIDES), help="The side, if not as they say.")
def book_exception(
    data: Path,
    user: str,
    exception_id: str,
    reason: str,
    qty: int | None,
    px: str | None,
    account: str | None,
    symbol: str | None,
    side: Any,
) -> None:
    """Book the trade that an exception is of: on its order, or on a record of its own in an account."""
    answer = ApiClient.of_stack(data.resolve(), user).book_exception(
        exception_id, reason=reason, last_qty=qty, last_px=px, account=account, symbol=symbol, side=side
    )
    click.echo(json.dumps(answer, indent=1))


@exceptions.command("ignore")
@data_option
@desk_option
@always_json_option
@click.argument("exception_id")
@click.option("--reason", required=True, help="Why nothing has to be done; it is kept with your name.")
def ignore_exception(data: Path, user: str, exception_id: str, reason: str) -> None:
    """Close an exception: nothing has to be done about it."""
    answer = ApiClient.of_stack(data.resolve(), user).ignore_exception(exception_id, reason=reason)
    click.echo(json.dumps(answer, indent=1, ensure_ascii=False))
