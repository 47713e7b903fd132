"""`oms orders`, `accounts`, `quote`: what a desk asks about, from the REST API."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from oms_client import answers
from oms_platform.vocabulary import OrderStatus
from oms_tools.cli.amounts import ABSENT, price
from oms_tools.cli.client import ApiClient, read
from oms_tools.cli.options import data_option, json_option, user_option
from oms_tools.cli.order_ids import short_id, whole_order_id
from oms_tools.cli.reasons import in_words, peg_in_words
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
_STATUSES: Final = [status.name for status in OrderStatus]


@click.command()
@data_option
@user_option
@click.option("--account", help="Only of this account.")
@click.option("--symbol", help="Only of this symbol.")
@click.option("--basket", "basket_id", help="Only those that were sent with this list.")
@click.option("--principal", help="Only those that this person or program placed, as `oms whoami` names one.")
@click.option("--mine", is_flag=True, help="Only those that you placed.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(_STATUSES, case_sensitive=False),
    multiple=True,
    help="Only of this status; may be given several times.",
)
@click.option("--open", "only_open", is_flag=True, help="Only those that are not over.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most."
)
@json_option
def orders(
    data: Path,
    user: str,
    account: str | None,
    symbol: str | None,
    basket_id: str | None,
    principal: str | None,
    mine: bool,
    statuses: tuple[str, ...],
    only_open: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List orders, the newest first.

    An id is shown by its end, by which `oms explain` and `oms cancel` take it too.
    """
    if mine and principal is not None:
        raise click.UsageError("expected --mine or --principal, found both")
    client = ApiClient.of_stack(data.resolve(), user)
    if mine:
        principal = read(client.me(), answers.Me).subject
    listed = client.orders(
        account=account,
        symbol=None if symbol is None else symbol.upper(),
        basket_id=basket_id,
        principal=principal,
        status=[status.upper() for status in statuses] or None,
        is_open=True if only_open else None,
        most=limit,
    )
    if as_json:
        click.echo(json.dumps({"orders": list(listed)}, indent=1))
        return
    found = read(list(listed), list[answers.Order])
    titles = ("id", "account", "side", "symbol", "quantity>", "price>", "status", "filled>")
    heading, *lines = aligned(titles, [_order_cells(order) for order in found])
    say(console, heading)
    for order, line in zip(found, lines, strict=True):
        say(console, line, *folded(in_words(order.text), console.width) if order.text else ())
    say(console, counted(len(found), "order"))


def _order_cells(order: answers.Order) -> list[str]:
    return [
        short_id(order.order_id),
        order.account_id,
        order.side,
        order.symbol,
        f"{order.quantity:,}",
        _prices(order),
        order.status,
        f"{order.cum_qty:,}",
    ]


def _prices(order: answers.Order) -> str:
    """Return an order's limit, or what its price follows, or the stop price that it waits or waited for."""
    if order.peg is not None:
        return peg_in_words(order.peg, order.limit_price)
    if order.limit_price is not None:
        return price(order.limit_price)
    return "market" if order.stop_price is None else f"stop {price(order.stop_price)}"


@click.command()
@data_option
@user_option
@json_option
def accounts(data: Path, user: str, as_json: bool) -> None:
    """List the accounts that a persona sees."""
    answer = ApiClient.of_stack(data.resolve(), user).accounts()
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Accounts).accounts
    rows = [[one.account_id, one.name, one.status, one.kind] for one in found]
    say(console, *aligned(("account", "name", "status", "kind"), rows), counted(len(rows), "account"))


@click.command()
@data_option
@user_option
@click.argument("order_id")
@json_option
def algo(data: Path, user: str, order_id: str, as_json: bool) -> None:
    """Show the plan of an order that is worked over time against what was done.

    The order is named by its id or by the id's last 8 characters. Shares are in all, with those of the slices
    before; times are UTC.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.algo_progress(whole_order_id(client, order_id))
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.AlgoProgress)
    rows = [
        [
            str(one.slice),
            f"{one.due_at:%H:%M:%S}",
            f"{one.planned_qty:,}",
            ABSENT if one.released_at is None else f"{one.released_at:%H:%M:%S}",
            ABSENT if one.released_qty is None else f"{one.released_qty:,}",
            ABSENT if one.done_qty is None else f"{one.done_qty:,}",
        ]
        for one in found.slices
    ]
    done = f"{found.cum_qty:,} of {found.quantity:,} done, {found.released_qty:,} released"
    say(
        console,
        f"{found.algo['strategy']} {short_id(order_id)} {found.status}: {done}",
        *([f"held: {in_words(found.held)}"] if found.held else []),
        *(
            aligned(("slice>", "due", "planned>", "released", "shares>", "done>"), rows)
            if rows
            else ["its time has not begun"]
        ),
    )


@click.command()
@data_option
@user_option
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@json_option
def quote(data: Path, user: str, symbols: tuple[str, ...], as_json: bool) -> None:
    """Show the national best bid and offer of symbols, their last trade and volume; times are UTC."""
    wanted = [symbol.upper() for symbol in symbols]
    answer = ApiClient.of_stack(data.resolve(), user).quotes(wanted)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Quotes).quotes
    titles = ("symbol", "size>", "bid>", "offer>", "size>", "spread>", "last>", "volume>", "time")
    say(console, *aligned(titles, [_quote_cells(one) for one in found]))


def _quote_cells(one: answers.Quote) -> list[str]:
    spread = None if one.bid is None or one.ask is None else Decimal(one.ask - one.bid)
    return [
        one.symbol,
        ABSENT if one.bid is None else f"{one.bid_size:,}",
        price(one.bid),
        price(one.ask),
        ABSENT if one.ask is None else f"{one.ask_size:,}",
        price(spread),
        price(one.last_price),
        ABSENT if one.volume is None else f"{one.volume:,}",
        f"{one.quoted_at:%H:%M:%S.%f}"[:-3],
    ]
