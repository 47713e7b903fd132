"""`oms orders`, `positions`, `accounts`, `quote`: what a desk asks about, from the REST API."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_platform.vocabulary import OrderStatus
from oms_tools.cli import desk_api
from oms_tools.cli.amounts import ABSENT, money, price
from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import data_option, json_option, user_option
from oms_tools.cli.reasons import in_words
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
_STATUSES: Final = [status.name for status in OrderStatus]


@click.command()
@data_option
@user_option
@click.option("--account", help="Only of this account.")
@click.option("--symbol", help="Only of this symbol.")
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
    statuses: tuple[str, ...],
    only_open: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List orders, the newest first.

    An id is shown by its end, by which `oms explain` and `oms cancel` take it too.
    """
    answer = desk_api.fetch_orders(
        ApiClient.of_stack(data.resolve(), user),
        account=account,
        symbol=None if symbol is None else symbol.upper(),
        statuses=[status.upper() for status in statuses],
        only_open=only_open,
        limit=limit,
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = desk_api.read(answer, desk_api.OrderPage).orders
    titles = ("id", "account", "side", "symbol", "quantity>", "price>", "status", "filled>")
    heading, *lines = aligned(titles, [_order_cells(order) for order in found])
    say(console, heading)
    for order, line in zip(found, lines, strict=True):
        say(console, line, *folded(in_words(order.text), console.width) if order.text else ())
    say(console, counted(len(found), "order"))


def _order_cells(order: desk_api.Order) -> list[str]:
    return [
        desk_api.short_id(order.order_id),
        order.account_id,
        order.side,
        order.symbol,
        f"{order.quantity:,}",
        "market" if order.limit_price is None else price(order.limit_price),
        order.status,
        f"{order.cum_qty:,}",
    ]


@click.command()
@data_option
@user_option
@click.option(
    "--account", "accounts", multiple=True, help="May be given several times; default: all that --user sees."
)
@json_option
def positions(data: Path, user: str, accounts: tuple[str, ...], as_json: bool) -> None:
    """Show what accounts hold: shares, cost, realized profit or loss, in dollars."""
    client = ApiClient.of_stack(data.resolve(), user)
    names = list(accounts)
    if not names:
        seen = desk_api.read(desk_api.fetch_accounts(client), desk_api.AccountPage).accounts
        names = [account.account_id for account in seen]
    answers = [desk_api.fetch_positions(client, name) for name in names]
    if as_json:
        click.echo(json.dumps({"accounts": answers}, indent=1))
        return
    pages = [desk_api.read(answer, desk_api.PositionPage) for answer in answers]
    rows = [
        [
            page.account_id,
            held.symbol,
            f"{held.quantity:,}",
            price(round(held.cost / held.quantity, 4)) if held.quantity else ABSENT,
            money(held.cost),
            money(held.realized_pnl),
        ]
        for page in pages
        for held in page.positions
    ]
    say(console, *aligned(("account", "symbol", "shares>", "price>", "cost>", "realized>"), rows))
    say(console, f"{counted(len(rows), 'position')} in {counted(len(pages), 'account')}")


@click.command()
@data_option
@user_option
@json_option
def accounts(data: Path, user: str, as_json: bool) -> None:
    """List the accounts that a persona sees."""
    answer = desk_api.fetch_accounts(ApiClient.of_stack(data.resolve(), user))
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = desk_api.read(answer, desk_api.AccountPage).accounts
    rows = [[one.account_id, one.name, one.status, one.kind] for one in found]
    say(console, *aligned(("account", "name", "status", "kind"), rows), counted(len(rows), "account"))


@click.command()
@data_option
@user_option
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@json_option
def quote(data: Path, user: str, symbols: tuple[str, ...], as_json: bool) -> None:
    """Show the national best bid and offer of symbols; times are UTC."""
    wanted = [symbol.upper() for symbol in symbols]
    answer: Any = desk_api.fetch_quotes(ApiClient.of_stack(data.resolve(), user), wanted)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = desk_api.read(answer, desk_api.QuotePage).quotes
    titles = ("symbol", "size>", "bid>", "offer>", "size>", "spread>", "time")
    say(console, *aligned(titles, [_quote_cells(one) for one in found]))


def _quote_cells(one: desk_api.Quote) -> list[str]:
    spread = None if one.bid is None or one.ask is None else Decimal(one.ask - one.bid)
    return [
        one.symbol,
        ABSENT if one.bid_size is None else f"{one.bid_size:,}",
        price(one.bid),
        price(one.ask),
        ABSENT if one.ask_size is None else f"{one.ask_size:,}",
        price(spread),
        ABSENT if one.quoted_at is None else f"{one.quoted_at:%H:%M:%S.%f}"[:-3],
    ]
