"""`oms replace`, `suspend`, `resume`, `cancel-all` and their like: changes of orders that are there."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import PATIENT, ApiClient, read
from oms_tools.cli.options import SIDES, always_json_option, data_option, json_option, user_option
from oms_tools.cli.order_commands import PEG_TYPES, TIMES_IN_FORCE, expiry
from oms_tools.cli.order_ids import short_id, whole_order_id
from oms_tools.cli.tables import aligned, counted, folded, say

# 1,000 orders a request: whoever has more open than these hundred thousand asks again.
ROUNDS_MAX: Final = 100
CHANNEL: Final = "CLI"
console = Console()
Command = Callable[..., None]

_request_id_option: Final = click.option(
    "--request-id", help="The request's own id; the same one again is the same request."
)
_version_option: Final = click.option(
    "--sequence", "version", type=int, help="Only if the order's sequence is still this."
)
_SELECTION_OPTIONS: Final = (
    click.option("--account", "accounts", multiple=True, help="May be given several times."),
    click.option("--symbol", "symbols", multiple=True, help="May be given several times."),
    click.option("--side", type=click.Choice(SIDES, case_sensitive=False)),
    click.option("--basket", "basket_id", help="Sent with this list."),
    click.option("--venue", "venues", multiple=True, help="With a live order there."),
    click.option("--older-than", type=click.IntRange(min=0), metavar="SECONDS", help="Since it was created."),
    click.option("--order-id", "order_ids", multiple=True, help="This order; may be given several times."),
    click.option("--client-order-id", "client_order_ids", multiple=True, help="Likewise, by your own id."),
    _request_id_option,
    json_option,
)


def _selection_options(command: Command) -> Command:
    for option in reversed(_SELECTION_OPTIONS):
        command = option(command)
    return command


@click.command()
@data_option
@user_option
@click.argument("order_id")
@click.option("--quantity", type=int, help="Shares in all, with what is done.")
@click.option("--limit", "limit_price", help="Limit price in dollars.")
@click.option("--stop", "stop_price", help="Stop price in dollars, while the order waits for it.")
@click.option("--peg", type=click.Choice(PEG_TYPES, case_sensitive=False), help="Of a pegged order.")
@click.option("--peg-offset", help="Dollars beside what it follows, with --peg; without it 0.")
@click.option("--tif", type=click.Choice(TIMES_IN_FORCE, case_sensitive=False))
@click.option(
    "--until", help="Until when it is good, of an order that is GTD or becomes it: a date or a time."
)
@click.option("--display", "display_qty", type=int, help="Shares that are shown at once, 0 for all.")
@click.option("--check", is_flag=True, help="Show what risk would say, and ask for nothing.")
@_version_option
@_request_id_option
@always_json_option
def replace(
    data: Path,
    user: str,
    order_id: str,
    quantity: int | None,
    limit_price: str | None,
    stop_price: str | None,
    peg: str | None,
    peg_offset: str | None,
    tif: str | None,
    until: str | None,
    display_qty: int | None,
    check: bool,
    version: int | None,
    request_id: str | None,
) -> None:
    """Ask to change an order's quantity, prices, display or time in force.

    What is left out stays as it is. The order is named by its id or by the id's last 8 characters. With
    --check it exits with 1 when risk would deny the change.
    """
    if peg_offset is not None and peg is None:
        raise click.UsageError("expected --peg with --peg-offset, found none")
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    change: dict[str, Any] = {
        "quantity": quantity,
        "limit_price": limit_price,
        "stop_price": stop_price,
        "peg": peg and peg.upper(),
        "peg_offset": peg_offset,
        "time_in_force": None if tif is None else tif.upper(),
        **expiry(until),
        "display_qty": display_qty,
    }
    named = whole_order_id(client, order_id)
    if check:
        previewed = client.preview_replace(named, **change)
        click.echo(json.dumps(previewed, indent=1))
        sys.exit(0 if previewed["risk"]["accepted"] else 1)
    answer = client.replace(named, **change, request_id=request_id, channel=CHANNEL, version=version)
    click.echo(json.dumps(answer, indent=1))


@click.command()
@data_option
@user_option
@click.argument("order_id")
@_version_option
@_request_id_option
@always_json_option
def suspend(data: Path, user: str, order_id: str, version: int | None, request_id: str | None) -> None:
    """Ask to take an order out of the market, to go on with it later.

    It is named by its id or by the id's last 8 characters.
    """
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    answer = client.suspend(
        whole_order_id(client, order_id), request_id=request_id, channel=CHANNEL, version=version
    )
    click.echo(json.dumps(answer, indent=1))


@click.command()
@data_option
@user_option
@click.argument("order_id")
@_version_option
@_request_id_option
@always_json_option
def resume(data: Path, user: str, order_id: str, version: int | None, request_id: str | None) -> None:
    """Ask to go on with a suspended order.

    It is named by its id or by the id's last 8 characters.
    """
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    answer = client.resume(
        whole_order_id(client, order_id), request_id=request_id, channel=CHANNEL, version=version
    )
    click.echo(json.dumps(answer, indent=1))


@click.command("cancel-all")
@data_option
@user_option
@_selection_options
def cancel_all(data: Path, user: str, as_json: bool, request_id: str | None, **selection: Any) -> None:
    """Ask to cancel every open order of a selection.

    At least one of the options that select has to be given; what is given narrows.
    """
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    _ask(client, client.cancel_all, selection, request_id, as_json=as_json)


@click.command("suspend-all")
@data_option
@user_option
@_selection_options
def suspend_all(data: Path, user: str, as_json: bool, request_id: str | None, **selection: Any) -> None:
    """Ask to take every open order of a selection out of the market, to go on with it later.

    At least one of the options that select has to be given; what is given narrows.
    """
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    _ask(client, client.suspend_all, selection, request_id, as_json=as_json)


@click.command("resume-all")
@data_option
@user_option
@_selection_options
def resume_all(data: Path, user: str, as_json: bool, request_id: str | None, **selection: Any) -> None:
    """Ask to go on with every suspended order of a selection.

    At least one of the options that select has to be given; what is given narrows.
    """
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    _ask(client, client.resume_all, selection, request_id, as_json=as_json)


def _ask(
    client: ApiClient,
    operation: Callable[..., Any],
    selection: dict[str, Any],
    request_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Ask until there are no more such orders, and print what came of each.

    Under an id of the caller's it is one request.
    """
    given = {
        "account": list(selection["accounts"]) or None,
        "symbol": [symbol.upper() for symbol in selection["symbols"]] or None,
        "side": None if selection["side"] is None else selection["side"].upper(),
        "venue": list(selection["venues"]) or None,
        "older_than": selection["older_than"],
        "order_ids": [whole_order_id(client, one) for one in selection["order_ids"]] or None,
        "client_order_ids": list(selection["client_order_ids"]) or None,
        "basket_id": selection["basket_id"],
    }
    found: list[Any] = []
    more = False
    after = None
    for _ in range(1 if request_id else ROUNDS_MAX):
        answer = operation(**given, after=after, request_id=request_id, channel=CHANNEL)
        found += answer["orders"]
        more = answer["more"]
        if not more:
            break
        after = max(str(line["orderId"]) for line in answer["orders"])
    if as_json:
        click.echo(json.dumps({"orders": found, "more": more}, indent=1))
    else:
        _show(read(found, list[answers.RequestedLine]), more=more)


def _show(lines: list[answers.RequestedLine], *, more: bool) -> None:
    rows = [_cells(line) for line in lines]
    heading, *told = aligned(("id", "status", "answer"), rows)
    say(console, heading)
    for line, text in zip(lines, told, strict=True):
        say(console, text, *(folded(line.error.message, console.width) if line.error is not None else ()))
    asked = sum(line.request is not None for line in lines)
    say(console, f"{counted(asked, 'order')} of {len(lines)} asked for")
    if more:
        say(console, "There are more such orders: ask again.")


def _cells(line: answers.RequestedLine) -> list[str]:
    name = line.client_order_id if line.order_id is None else short_id(line.order_id)
    if line.request is not None:
        return [name, line.request.status, "asked for"]
    return [
        name,
        "" if line.error is None else line.error.status,
        "" if line.error is None else line.error.code,
    ]
