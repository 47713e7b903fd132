"""`oms submit`, `cancel`, `watch`, `explain`: a trader's commands on the running stack."""

import contextlib
import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.desk_api import ORDERS, whole_order_id
from oms_tools.cli.options import always_json_option, data_option, json_option, user_option
from oms_tools.cli.outcome import WORKING, await_outcome
from oms_tools.cli.story import print_story
from oms_tools.cli.tables import say

WAIT_S: Final = 10.0
console = Console()

_ORDER_OPTIONS: Final = (
    click.option("--account", default="ACC-INST-001", show_default=True),
    click.option("--symbol", required=True),
    click.option("--side", type=click.Choice(["BUY", "SELL"], case_sensitive=False), required=True),
    click.option("--quantity", type=int, required=True, help="Whole shares."),
    click.option("--min-quantity", type=int, help="The fewest shares that a venue may trade of it at once."),
    click.option("--limit", "limit_price", help="Limit price in dollars; without it a market order."),
    click.option(
        "--tif", type=click.Choice(["DAY", "GTC", "IOC", "FOK"], case_sensitive=False), default="DAY"
    ),
    click.option("--profile", help="A routing profile; default: the account's, or the default one."),
    click.option("--avoid", multiple=True, help="A venue not to use; may be given several times."),
    click.option("--prefer", multiple=True, help="A venue to prefer; may be given several times."),
)


def order_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe an order."""
    for option in reversed(_ORDER_OPTIONS):
        command = option(command)
    return command


def order_body(
    *,
    account: str,
    symbol: str,
    side: str,
    quantity: int,
    min_quantity: int | None,
    limit_price: str | None,
    tif: str,
    profile: str | None,
    avoid: tuple[str, ...],
    prefer: tuple[str, ...],
) -> dict[str, Any]:
    """Return an order as REST takes it, without its clientOrderId."""
    body: dict[str, Any] = {
        "accountId": account,
        "symbol": symbol.upper(),
        "side": side.upper(),
        "orderType": "MARKET" if limit_price is None else "LIMIT",
        "quantity": quantity,
        "timeInForce": tif.upper(),
    }
    if min_quantity is not None:
        body["minQuantity"] = min_quantity
    if limit_price is not None:
        body["limitPrice"] = limit_price
    routing = {"profile": profile, "avoid": list(avoid), "prefer": list(prefer)}
    if any(routing.values()):
        body["routing"] = {name: value for name, value in routing.items() if value}
    return body


@click.command()
@data_option
@user_option
@order_options
@click.option("--client-order-id", help="Your own id; the same id again is the same order.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value=WAIT_S,
    metavar="[SECONDS]",
    help=f"Wait so long for what becomes of it, {WAIT_S:g} s when not said.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the answer, or with --wait the order.")
def submit(
    data: Path, user: str, client_order_id: str | None, wait_s: float | None, as_json: bool, **order: Any
) -> None:
    """Send one order and print the answer; with --wait a line of what became of it.

    \b
    With --wait it exits with
      0  it is filled, or it rests at a venue as a limit order for the day or until canceled may;
         a part that was filled before the rest was over counts
      1  it was denied, rejected, canceled or expired, and nothing of it was filled
      2  it still works when the wait ends, or what became of it is not known
    """
    body = {"clientOrderId": client_order_id or f"cli-{uuid.uuid4().hex[:12]}", **order_body(**order)}
    client = ApiClient.of_stack(data.resolve(), user)
    try:
        answer = client.post(ORDERS, body, {"X-OMS-Channel": "CLI"})
    except ApiError as error:
        if error.refused:
            raise
        said = (
            f"{error}. Whether the order was taken is not known: with --client-order-id"
            f" {body['clientOrderId']} the same order is asked for again, and made once"
        )
        if wait_s is None:
            raise ApiError(said) from error
        click.echo(f"error: {said}", err=True)
        sys.exit(WORKING)
    if wait_s is None:
        click.echo(json.dumps(answer, indent=1))
        return
    outcome = await_outcome(client, str(answer["orderId"]), wait_s)
    if as_json:
        click.echo(json.dumps(outcome.order, indent=1))
    else:
        say(console, f"{outcome.line}  [{answer['orderId']}]")
    sys.exit(outcome.exit_code)


@click.command()
@data_option
@user_option
@always_json_option
@click.argument("order_id")
def cancel(data: Path, user: str, order_id: str) -> None:
    """Ask to cancel an order.

    It is named by its id or by the id's last 8 characters.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.delete(f"{ORDERS}/{whole_order_id(client, order_id)}")
    click.echo(json.dumps(answer, indent=1))


@click.command()
@data_option
@user_option
@click.argument("order_id")
@click.option("--all", "every", is_flag=True, help="Every trade and every route card, however many.")
@json_option
def explain(data: Path, user: str, order_id: str, every: bool, as_json: bool) -> None:
    """Tell an order's story: its events, why it was routed as it was, its fills.

    The order is named by its id or by the id's last 8 characters.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    order_id = whole_order_id(client, order_id)
    if as_json:
        parts = {
            name: client.get(f"{ORDERS}/{order_id}/{name}") for name in ("events", "routes", "executions")
        }
        click.echo(json.dumps({"order": client.get(f"{ORDERS}/{order_id}"), **parts}, indent=1))
    else:
        print_story(console, client, order_id, every)


@click.command()
@data_option
@user_option
@click.option(
    "--account", "accounts", multiple=True, help="May be given several times; default ACC-INST-001."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an event a line, as core published it.")
def watch(data: Path, user: str, accounts: tuple[str, ...], as_json: bool) -> None:
    """Print every state change of accounts as it happens, until Ctrl-C.

    An order is shown by the end of its id, times are UTC. Exits with 1 when the stream is refused or ends.
    """
    # Imported here: no other of these commands speaks over a WebSocket.
    from oms_tools.cli.event_watch import HEADING, event_lines, events_of  # noqa: PLC0415

    client = ApiClient.of_stack(data.resolve(), user)
    names = list(accounts) or ["ACC-INST-001"]
    headed = as_json
    account = names[0] if len(names) == 1 else None
    with contextlib.suppress(KeyboardInterrupt):
        for event in events_of(client, names):
            if as_json:
                click.echo(json.dumps(event))
                continue
            if not headed:
                headed = True
                say(console, HEADING)
            if event.get("accountId") not in (None, account):
                account = event["accountId"]
                say(console, f"-- {account}")
            say(console, *event_lines(event, console.width))
