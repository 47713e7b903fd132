"""`oms demo`: start everything, tell the first order's story, open the page, send orders until Ctrl-C."""

import time
from pathlib import Path
from typing import Any, Final

import click
import psycopg
from rich.console import Console
from rich.table import Table

from oms_platform.market_data import QuoteFeed
from oms_tools.bench.hops import measure_hops
from oms_tools.bench.order_mix import OrderMix
from oms_tools.cli.amounts import price
from oms_tools.cli.browser import open_page
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.dsn import stack_dsn
from oms_tools.cli.options import data_hint, data_option
from oms_tools.cli.reasons import in_words
from oms_tools.cli.stack_commands import broken_off_by_signals, start_stack, stop_stack
from oms_tools.cli.story import print_story
from oms_tools.cli.tables import lines_with_words, say
from oms_tools.laptop.layout import DEFAULT_PORT, Layout

FIRST_FILL_TIMEOUT_S: Final = 30.0
REPORT_S: Final = 5.0
FIRST_ORDER: Final[dict[str, Any]] = {
    "account": "ACC-INST-001",
    "symbol": "AAPL",
    "side": "BUY",
    "quantity": 4000,
}
console = Console()


@click.command()
@data_option
@click.option("--port", type=click.IntRange(1024, 65000), default=DEFAULT_PORT, show_default=True)
@click.option("--kafka", default="memory", show_default=True, help="memory, apache or HOST:PORT.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the order flow.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 50), default=5.0, show_default=True, help="Orders a second."
)
@click.option("--seconds", type=float, help="End by itself after so long.")
def demo(data: Path, port: int, kafka: str, seed: int, rate: float, seconds: float | None) -> None:
    """Run the whole thing and show an order from REST to its explained fill."""
    with broken_off_by_signals():
        _demo(data, port, kafka, seed, rate, seconds)


def _demo(data: Path, port: int, kafka: str, seed: int, rate: float, seconds: float | None) -> None:
    began = time.monotonic()
    console.print("[bold]Starting the stack[/] (PostgreSQL, Redis, Kafka, four services, two simulators)")
    layout = start_stack(data, port, kafka, chaos=True)
    try:
        _run(layout, data_hint(data), seed, rate, seconds, began)
    except KeyboardInterrupt:
        console.print()
    finally:
        with console.status("stopping the stack"):
            stop_stack(data)
        say(
            console,
            f"Stopped. Everything it stored is in {layout.data};"
            f" `oms up{data_hint(data)}` goes on from there.",
        )


def _run(layout: Layout, hint: str, seed: int, rate: float, seconds: float | None, began: float) -> None:
    client = ApiClient.of_stack(layout.data, "desk")
    feed = QuoteFeed("127.0.0.1", layout.port("market_data_grpc"))
    feed.start()
    mix = OrderMix(seed, f"demo-{seed}-{int(time.time())}", feed.quote)
    ends_at = None if seconds is None else time.monotonic() + seconds
    first = _first_order(client)
    _await_fill(client, first)
    print_story(console, client, first)
    say(console, "", f"From the command to this fill, explained: {time.monotonic() - began:.0f} s.")
    _point_to_page(client.url)
    _print_strategies(client)
    _print_hops(layout, first)
    say(
        console,
        "",
        f"gRPC is at 127.0.0.1:{layout.port('api_grpc')}.",
        f"Logs are in {layout.logs}.",
        "In another terminal:",
        f"  oms watch{hint}",
        f"  oms submit --symbol AAPL --side BUY --quantity 100 --wait{hint}",
        f"  oms explain ORDER_ID{hint}",
        f"  oms token --user trader1{hint}",
    )
    console.print(f"Orders go on at {rate:g}/s, seed {seed}. Ctrl-C ends it.\n", highlight=False)
    try:
        _flow(client, mix, rate, ends_at)
    finally:
        feed.stop()


def _point_to_page(url: str) -> None:
    """Open the page, or say where it is; its guide says the rest."""
    opened = open_page(f"{url}/")
    say(
        console,
        f"The page is {'open' if opened else 'at'} {url}/: log in as admin1. Its guide leads through the"
        " first minute: an order, its fill, why, what if, and a service that is killed and loses nothing.",
    )


def _first_order(client: ApiClient) -> str:
    name = f"demo-first-{int(time.time() * 1000)}"
    return str(client.place(**FIRST_ORDER, client_order_id=name)["orderId"])


def _print_strategies(client: ApiClient) -> None:
    """Show what each routing profile would do with the first order on the book as it is; nothing is sent."""
    rows, sent = [], []
    for profile in client.profiles()["profiles"]:
        plan = client.preview(**FIRST_ORDER, profile=profile["profile"])["plan"]
        card = plan["explanation"]
        children = ", ".join(
            f"{child['quantity']} {child['venueId']}{' held' if child.get('holdMs') else ''}"
            for child in plan.get("children", [])
        )
        rows.append(
            [
                profile["profile"],
                f"{card.get('expectedQuantity', 0):,}",
                price(card.get("expectedFee")),
                price(card.get("expectedCost")),
                price(card.get("expectedCostBps")),
            ]
        )
        sent.append(f"{card.get('stage', '')}: {children or in_words(plan.get('reason', ''))}")
    titles = ("profile", "at once>", "fees>", "beyond mid>", "bps>", "first")
    say(console, "", "The same order by every strategy, not sent")
    say(console, *lines_with_words(titles, rows, sent, console.width))


def _await_fill(client: ApiClient, order_id: str) -> None:
    deadline = time.monotonic() + FIRST_FILL_TIMEOUT_S
    with console.status("waiting for the first order's fill"):
        while time.monotonic() < deadline:
            if client.order(order_id)["closed"]:
                return
            time.sleep(0.02)
    raise ApiError(
        f"order {order_id} was not done within {FIRST_FILL_TIMEOUT_S:.0f} s; see `oms status` and the logs"
    )


def _print_hops(layout: Layout, order_id: str) -> None:
    with psycopg.connect(stack_dsn(layout), autocommit=True) as connection:
        hops = measure_hops(connection, [order_id])
    table = Table("hop", "ms", box=None, title="Latency by hop", title_justify="left")
    for hop, values in hops.items():
        if values["max"] is not None:
            table.add_row(hop.replace("_", " "), f"{values['max']:.2f}")
    console.print(table)


def _flow(client: ApiClient, mix: OrderMix, rate: float, ends_at: float | None) -> None:
    sent = 0
    next_report = time.monotonic() + REPORT_S
    while ends_at is None or time.monotonic() < ends_at:
        planned = mix.next_order()
        try:
            client.post("/api/v1/orders", planned.body)
            sent += 1
        except ApiError as error:
            console.print(f"[yellow]{planned.client_order_id}: {error}[/]", highlight=False)
        if time.monotonic() >= next_report:
            next_report += REPORT_S
            _print_latest(client, sent)
        time.sleep(1 / rate)


def _print_latest(client: ApiClient, sent: int) -> None:
    orders: list[dict[str, Any]] = list(client.orders(most=200))
    counts: dict[str, int] = {}
    for order in orders:
        counts[order["status"]] = counts.get(order["status"], 0) + 1
    latest = "  ".join(f"{status} {count}" for status, count in sorted(counts.items()))
    console.print(f"sent {sent}; the latest {len(orders)}: {latest}", highlight=False)
