"""`oms positions`, `oms pnl`, `oms cash`: what accounts have, what it is worth, what people do about it."""

import json
import re
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.amounts import ABSENT, money, price
from oms_tools.cli.client import ApiClient, ApiError, read
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option, user_option
from oms_tools.cli.order_ids import short_id
from oms_tools.cli.position_file import read_holdings
from oms_tools.cli.tables import aligned, counted, say

console = Console()
risk_option = persona_option("risk1")
admin_option = persona_option("admin1")
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")
# How long orders may take to be out of the market, and how often that is looked at and asked for.
CANCEL_WAIT_S: Final = 15.0
CANCEL_AGAIN_S: Final = 5.0
CANCEL_LOOK_S: Final = 0.2
ORDERS_NAMED_MAX: Final = 5
_RATIO: Final = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
_LINE: Final = re.compile(r"((?:positions|cash)\[\d+\])\.?")


@click.group(invoke_without_command=True)
@data_option
@user_option
@click.option(
    "--account", "accounts", multiple=True, help="May be given several times; default: all that --user sees."
)
@json_option
@click.pass_context
def positions(
    context: click.Context, data: Path, user: str, accounts: tuple[str, ...], as_json: bool
) -> None:
    """Show what accounts hold and what it is worth; load it, and work it out again.

    Shares, their price at average cost, the mark of now, and profit or loss by both, in dollars.

    A mark with a star is of no quote of now: oms pnl says why.
    """
    if context.invoked_subcommand is not None:
        return
    client = ApiClient.of_stack(data.resolve(), user)
    names = list(accounts)
    if not names:
        seen = read(client.accounts(), answers.Accounts).accounts
        names = [account.account_id for account in seen]
    held_by = [client.positions(name) for name in names]
    if as_json:
        click.echo(json.dumps({"accounts": held_by}, indent=1))
        return
    pages = read(held_by, list[answers.Positions])
    rows = [[page.account_id, *_cells(held)] for page in pages for held in page.positions]
    titles = ("account", "symbol", "shares>", "price>", "mark>", "unrealized>", "realized>")
    say(console, *aligned(titles, rows))
    say(console, f"{counted(len(rows), 'position')} in {counted(len(pages), 'account')}")


def _cells(held: answers.Position) -> list[str]:
    return [
        held.symbol,
        f"{held.quantity:,}",
        price(round(held.cost / held.quantity, 4)) if held.quantity else ABSENT,
        f"{price(held.mark)}{'*' if held.stale and held.quantity else ''}",
        _money(held.unrealized_pnl),
        money(held.realized_pnl),
    ]


def _money(amount: Decimal | None) -> str:
    return ABSENT if amount is None else money(amount)


@positions.command("load")
@data_option
@risk_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Also of accounts with open orders, or a trade of today.")
@reason_option
@json_option
def load(data: Path, user: str, file: Path, replace: bool, reason: str, as_json: bool) -> None:
    """Say what accounts hold at a start of day: every line of FILE, or nothing.

    CSV with the columns account, symbol, quantity, cost or averageCost, cash; or JSON, a list of objects of
    these. A line has a position or an account's cash.
    """
    found = read_holdings(file)
    client = ApiClient.of_stack(data.resolve(), user)
    try:
        answer = client.load_positions(found.positions, found.cash, replace=replace, reason=reason)
    except ApiError as error:
        told = [(_LINE.match(one.field), one) for one in error.fields]
        if not any(match for match, _ in told):
            raise
        said = [
            f"{found.places[match[1]]}: {one.field[match.end() :]} {one.message}" if match else str(one)
            for match, one in told
        ]
        raise click.ClickException("\n".join(["nothing was loaded:", *said])) from error
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    done = read(answer, answers.PositionsLoaded)
    if done.refused:
        said = [f"{one.account_id}: {one.why}" for one in done.refused]
        message = "these accounts hold what they held, the others' positions are loaded:"
        raise click.ClickException("\n".join([message, *said]))
    how = "loaded" if done.taken else "stored, and not taken by a core yet: is one up?"
    say(console, f"{counted(done.positions, 'position')} and cash of {counted(done.cash, 'account')} {how}")


@positions.command("verify")
@data_option
@json_option
@click.option("--settle", default=10.0, show_default=True, help="Seconds to let pass what is on its way.")
@click.option("--dsn", envvar="OMS_POSTGRES_DSN", help="Of this database instead of the stack that runs.")
def verify(data: Path, as_json: bool, settle: float, dsn: str | None) -> None:
    """Work positions and cash out again from executions. Exits with 0 when all agree, 1 when not."""
    # What every other of these commands starts without.
    from oms_tools.cli.verify_commands import judge_positions, print_report  # noqa: PLC0415

    report = judge_positions(data.resolve(), dsn, settle)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        print_report(report)
    sys.exit(0 if report.clean else 1)


@click.command()
@data_option
@user_option
@click.argument("account")
@json_option
def pnl(data: Path, user: str, account: str, as_json: bool) -> None:
    """Show an account's cash, and its profit and loss by symbol, in dollars."""
    answer = ApiClient.of_stack(data.resolve(), user).pnl(account)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Pnl)
    sums = [
        ("cash", money(found.cash)),
        ("settled", money(found.settled_cash)),
        *((f"settles {one.settles_on}", money(one.amount)) for one in found.unsettled),
        ("gross", _money(found.gross)),
        ("net", _money(found.net)),
        ("realized", money(found.realized_pnl)),
        ("unrealized", _money(found.unrealized_pnl)),
        ("total", _money(found.total_pnl)),
        ("fees", money(found.fees)),
    ]
    say(console, f"{found.account_id} at {found.as_of:%H:%M:%S} UTC", *aligned(("", "dollars>"), sums))
    rows = [[*_cells(held), money(held.fees)] for held in found.positions]
    titles = ("symbol", "shares>", "price>", "mark>", "unrealized>", "realized>", "fees>")
    say(console, *aligned(titles, rows))
    for held in found.positions:
        if held.quantity and held.stale:
            say(console, f"* {held.symbol}: {_why(held)}")


def _why(held: answers.Position) -> str:
    """Return in words of what a mark is that is of no quote of now."""
    quote = f"its quote is {held.mark_reason}"
    if held.mark_source == "STALE" and held.mark_at is not None:
        return f"{quote}, the mark is of {held.mark_at:%Y-%m-%d %H:%M:%S} UTC"
    if held.mark_source == "REFERENCE":
        return f"{quote}, the mark is its reference price"
    return f"{quote}, and there is no price to mark it by"


@click.group()
def cash() -> None:
    """Look at what moved an account's cash beside executions; deposit and withdraw."""


@cash.command("list")
@data_option
@risk_option
@click.argument("account")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@json_option
def list_entries(data: Path, user: str, account: str, limit: int, as_json: bool) -> None:
    """List entries, the newest first."""
    answer = ApiClient.of_stack(data.resolve(), user).cash_entries(account, limit=limit)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.CashEntries).entries
    rows = [
        [f"{one.entered_at:%Y-%m-%d %H:%M}", one.kind, money(one.amount), one.entered_by, one.reason]
        for one in found
    ]
    say(console, *aligned(("entered", "kind", "dollars>", "by", "reason"), rows), counted(len(rows), "entry"))


def _enter(kind: str, data: Path, user: str, account: str, amount: str, reason: str, **more: Any) -> None:
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.enter_cash(account, kind, amount, reason=reason, entry_id=more["entry_id"])
    click.echo(json.dumps(answer, indent=1))


id_option: Final = click.option("--entry-id", help="A UUID under which it is done once.")


@cash.command("deposit")
@data_option
@risk_option
@always_json_option
@click.argument("account")
@click.argument("amount")
@id_option
@reason_option
def deposit(data: Path, user: str, account: str, amount: str, entry_id: str | None, reason: str) -> None:
    """Add AMOUNT dollars to an account's cash."""
    _enter("DEPOSIT", data, user, account, amount, reason, entry_id=entry_id)


@cash.command("withdraw")
@data_option
@risk_option
@always_json_option
@click.argument("account")
@click.argument("amount")
@id_option
@reason_option
def withdraw(data: Path, user: str, account: str, amount: str, entry_id: str | None, reason: str) -> None:
    """Take AMOUNT dollars out of what has settled of an account's cash."""
    _enter("WITHDRAWAL", data, user, account, amount, reason, entry_id=entry_id)


@click.group("corporate-action")
def corporate_action() -> None:
    """Split or rename what all accounts hold of a symbol."""


_cancel_open_option: Final = click.option(
    "--cancel-open", is_flag=True, help="Cancel what is open of it first; not done while any of that is."
)


def _cancel_open(client: ApiClient, symbol: str) -> None:
    """Cancel every open order of a halted symbol. Raises ClickException for what is still open in the end."""
    known = read(client.instruments(), answers.Instruments).instruments
    if not any(one.symbol == symbol and one.halt_reason is not None for one in known):
        raise click.ClickException(f"nothing is canceled: {symbol} is not halted (oms halt {symbol})")
    until, asked_last_s = time.monotonic() + CANCEL_WAIT_S, float("-inf")
    while opened := _open_orders(client, symbol):
        if time.monotonic() > until:
            named = ", ".join(f"{short_id(one.order_id)} {one.status}" for one in opened[:ORDERS_NAMED_MAX])
            still = f"{counted(len(opened), 'order')} of {symbol} still open"
            raise click.ClickException(f"nothing is done: after {CANCEL_WAIT_S:g} s {still}: {named}")
        # Asked again in case something came in meanwhile, and no more often than cancels take.
        if time.monotonic() - asked_last_s > CANCEL_AGAIN_S:
            asked_last_s = time.monotonic()
            client.cancel_all(symbol=symbol)
        time.sleep(CANCEL_LOOK_S)


def _open_orders(client: ApiClient, symbol: str) -> list[answers.Order]:
    return read(list(client.orders(symbol=symbol, is_open=True, most=None)), list[answers.Order])


@corporate_action.command("rename")
@data_option
@admin_option
@click.argument("symbol")
@click.argument("new_symbol", metavar="NEW")
@click.option("--check", is_flag=True, help="Only say what it would do.")
@_cancel_open_option
@reason_option
@json_option
def rename(
    data: Path,
    user: str,
    symbol: str,
    new_symbol: str,
    check: bool,
    cancel_open: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Hold what all accounts have of SYMBOL under NEW: shares, their cost, what was made and charged.

    SYMBOL has to be halted (oms halt), without open orders, and is INACTIVE then. NEW is an active instrument
    that nobody holds who holds SYMBOL. Executions, limits and switches stay with SYMBOL.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    if cancel_open and not check:
        _cancel_open(client, symbol.upper())
    answer = client.rename(symbol.upper(), new_symbol.upper(), check=check, reason=reason)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    done = read(answer, answers.Rename)
    rows = [
        [one.account_id, f"{one.quantity:,}", money(one.cost), money(one.realized_pnl), money(one.fees)]
        for one in done.positions
    ]
    say(console, *aligned(("account", "shares>", "cost>", "realized>", "fees>"), rows))
    say(console, f"{done.symbol} to {done.new_symbol} {_how(done)}")


def _how(done: answers.Split | answers.Rename) -> str:
    return "checked, nothing is done" if not done.done else "done" if done.taken else "stored, not taken yet"


@corporate_action.command("split")
@data_option
@admin_option
@click.argument("symbol")
@click.argument("ratio", metavar="NEW:OLD")
@click.option(
    "--price", "paid_at", help="At which a part of a share is paid out; default: the reference price."
)
@click.option("--check", is_flag=True, help="Only say what it would do.")
@_cancel_open_option
@reason_option
@json_option
def split(
    data: Path,
    user: str,
    symbol: str,
    ratio: str,
    paid_at: str | None,
    check: bool,
    cancel_open: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Split SYMBOL, NEW shares for every OLD ones: 3:2 makes 150 of 100.

    It has to be halted (oms halt), without open orders. Its reference price and bands are divided, too.
    """
    found = _RATIO.fullmatch(ratio)
    if found is None:
        raise click.UsageError(f"expected shares as NEW:OLD, such as 3:2, was {ratio!r}")
    client = ApiClient.of_stack(data.resolve(), user)
    if cancel_open and not check:
        _cancel_open(client, symbol.upper())
    answer = client.split(
        symbol.upper(), int(found[1]), int(found[2]), price=paid_at, check=check, reason=reason
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    done = read(answer, answers.Split)
    rows = [
        [one.account_id, f"{one.quantity:,}", f"{one.quantity_after:,}", money(one.paid)]
        for one in done.positions
    ]
    say(console, *aligned(("account", "shares>", "after>", "paid>"), rows))
    say(console, f"{done.symbol} {ratio} {_how(done)}; reference price {price(done.reference_price)}")
