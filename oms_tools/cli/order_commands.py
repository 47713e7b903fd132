"""`oms submit`, `cancel`, `watch`, `explain`: a trader's commands on the running stack."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
from rich.console import Console

from oms_tools.cli.client import ApiClient
from oms_tools.cli.stack_commands import data_option
from oms_tools.cli.story import print_story, short_name

console = Console()
user_option = click.option("--user", default="trader1", show_default=True, help="The demo persona to act as.")


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
def submit(data: Path, user: str, client_order_id: str | None, **order: Any) -> None:
    """Send one order and print the answer."""
    body = {"clientOrderId": client_order_id or f"cli-{uuid.uuid4().hex[:12]}", **order_body(**order)}
    answer = ApiClient.of_stack(data.resolve(), user).post("/api/v1/orders", body, {"X-OMS-Channel": "CLI"})
    click.echo(json.dumps(answer, indent=1))


@click.command()
@data_option
@user_option
@click.argument("order_id")
def cancel(data: Path, user: str, order_id: str) -> None:
    """Ask to cancel an order."""
    answer = ApiClient.of_stack(data.resolve(), user).delete(f"/api/v1/orders/{order_id}")
    click.echo(json.dumps(answer, indent=1))


@click.command()
@data_option
@user_option
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(data: Path, user: str, order_id: str, as_json: bool) -> None:
    """Tell an order's story: its events, why it was routed as it was, its fills."""
    client = ApiClient.of_stack(data.resolve(), user)
    if as_json:
        parts = {
            name: client.get(f"/api/v1/orders/{order_id}/{name}")
            for name in ("events", "routes", "executions")
        }
        click.echo(json.dumps({"order": client.get(f"/api/v1/orders/{order_id}"), **parts}, indent=1))
    else:
        print_story(console, client, order_id)


@click.command()
@data_option
@user_option
@click.option(
    "--account", "accounts", multiple=True, help="May be given several times; default ACC-INST-001."
)
def watch(data: Path, user: str, accounts: tuple[str, ...]) -> None:
    """Print every state change of accounts as it happens, until Ctrl-C."""
    client = ApiClient.of_stack(data.resolve(), user)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(client, list(accounts) or ["ACC-INST-001"]))


async def _watch(client: ApiClient, accounts: list[str]) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}
    url = client.url.replace("http", "ws", 1) + "/api/v1/stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as stream:
        await stream.send_json({"type": "subscribe", "accounts": accounts})
        async for frame in stream:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                console.print(f"the stream ended: {frame.extra or frame.data}")
                return
            _print_frame(json.loads(frame.data))


def _print_frame(frame: dict[str, Any]) -> None:
    if frame.get("type") != "events":
        console.print(frame, highlight=False)
        return
    for event in frame["events"]:
        _print_event(event)


def _print_event(event: dict[str, Any]) -> None:
    fill = f" {event['lastQty']} @ {event['lastPx']} on {event['venueId']}" if event.get("lastQty") else ""
    console.print(
        f"{event['occurredAt']} {event['accountId']} #{event['streamSequence']} {event['orderId']} "
        f"{event['type']} [bold]{short_name(event['status'])}[/] "
        f"{event.get('cumQty', 0)}/{event['quantity']} {event['symbol']}{fill} {event.get('text', '')}",
        highlight=False,
        soft_wrap=True,
    )
