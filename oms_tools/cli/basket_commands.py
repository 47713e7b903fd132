"""`oms basket`: a list of orders from a file, checked whole, sent together, watched together."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from oms_client import answers
from oms_client.errors import ConflictError, InvalidRequestError
from oms_client.exchange import Policy
from oms_client.stream_session import OrderEvent, Resync, Snapshot
from oms_tools.cli.basket_file import (
    FILE_BYTES_MAX,
    ORDERS_MAX,
    Defaults,
    Found,
    Line,
    Problem,
    name_problem,
    problems_of_refusal,
    read_file,
)
from oms_tools.cli.basket_watch import BasketBook
from oms_tools.cli.client import PATIENT, ApiClient, ApiError, read
from oms_tools.cli.options import data_option, json_option, user_option
from oms_tools.cli.reasons import in_words
from oms_tools.cli.tables import counted, folded, say
from oms_tools.laptop.layout import StackError

BAD_FILE: Final = 2
CHANNEL: Final = "CLI"
SUFFIXES: Final = (".csv", ".json")
# Whoever watches waits for a gateway that starts again.
WATCHING: Final = Policy(timeout_s=15.0, deadline_s=120.0)
REFRESHED_PER_S: Final = 4
# Of the heading, the line of all, that of what is left out, and where one types.
_LINES_BESIDE: Final = 5
console = Console()


@click.command()
@data_option
@user_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Of the list, its basketId; without it the file's name.")
@click.option("--account", default="ACC-INST-001", show_default=True, help="Of orders that name none.")
@click.option(
    "--tif",
    type=click.Choice(["DAY", "GTC", "IOC", "FOK"], case_sensitive=False),
    default="DAY",
    show_default=True,
    help="Of orders that name none.",
)
@click.option("--check", is_flag=True, help="Say what would be refused, and send nothing.")
@click.option("--watch", is_flag=True, help="Show how it goes on until every order is over, or Ctrl-C.")
@json_option
def basket(
    data: Path,
    user: str,
    file: Path,
    name: str | None,
    account: str,
    tif: str,
    check: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Send a list of up to 500 orders from a CSV or JSON file, all of them or none.

    \b
    FILE.csv   its first line names fields of an order as REST does: symbol, side,
               quantity, orderType, limitPrice, stopPrice, timeInForce, accountId, …
               also algo.strategy, routing.avoid, tags.NAME; an empty cell is left out
    FILE.json  a list of orders, each as the body of POST /api/v1/orders

    An order without a clientOrderId gets one of the list's name and its line: the same file with the same
    name again is the same orders. Without an orderType it is what its prices say.

    \b
    Exits with
      0  it is sent; with --check nothing would be refused; with --watch it is over
      1  it was refused for another reason, or whether it was sent is not known; with --check, risk would
         deny one of the orders, each held to what those before it would hold
      2  something is wrong with the file: each problem is named, and nothing was sent
    """
    if check and watch:
        raise click.UsageError("expected --check or --watch, found both")
    list_name = _name_of(file, name)
    content = _read(file)
    is_json = file.suffix.lower() == ".json"
    found = read_file(content, is_json=is_json, defaults=Defaults(list_name, account, tif.upper()))
    if found.problems:
        _refuse(file, [*found.problems, *_also_wrong(data, user, found)])
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    sent = read(_send(client, file, found.lines, check=check), answers.PlacedMany)
    if check:
        _tell_check(list_name, found.lines, sent, as_json=as_json)
        return
    placed = [line.placed for line in sent.orders if line.placed is not None]
    if watch:
        accounts = sorted({str(line.order["accountId"]) for line in found.lines})
        follow(
            ApiClient.of_stack(data.resolve(), user, WATCHING), list_name, accounts, placed, as_json=as_json
        )
    elif as_json:
        lines = [{"where": line.where, "orderId": str(one.order_id), "clientOrderId": one.client_order_id,
                  "created": one.created} for line, one in zip(found.lines, placed, strict=True)]  # fmt: skip
        click.echo(json.dumps({"basketId": list_name, "orders": lines}, indent=1))
    else:
        say(console, _sent_line(list_name, placed))


def _tell_check(name: str, lines: Sequence[Line], checked: answers.PlacedMany, *, as_json: bool) -> None:
    """Say what would become of a list; leave with 1 where risk would deny one of its orders."""
    denials = [
        (line.where, one.risk.denial)
        for line, one in zip(lines, checked.orders, strict=True)
        if one.risk is not None and not one.risk.accepted
    ]
    if as_json:
        told = [{"where": where, "denial": denial} for where, denial in denials]
        click.echo(
            json.dumps({"basketId": name, "checked": len(lines), "denied": told, "orders": []}, indent=1)
        )
    else:
        for where, denial in denials:
            say(console, *folded(f"{where}: would be denied: {in_words(denial)}", console.width, 2))
        unasked = sum(one.risk is None for one in checked.orders)
        if unasked:
            say(
                console,
                f"{counted(unasked, 'order')}: sent before, or core cannot be asked",
            )
        taken = counted(len(lines) - len(denials), "order")
        say(console, f"{taken} of {len(lines):,} would be taken; nothing was sent")
    sys.exit(1 if denials else 0)


def _sent_line(name: str, placed: Sequence[answers.Placed]) -> str:
    before = sum(not one.created for one in placed)
    said = f"{counted(len(placed), 'order')} sent as basket {name}"
    return f"{said}, {before:,} of them before" if before else said


def _name_of(file: Path, name: str | None) -> str:
    if file.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"expected a name that ends in .csv or .json, was {file}", param_hint="FILE")
    found = file.stem if name is None else name
    problem = name_problem(found)
    if problem is not None:
        hint = "; it is the file's, and --name gives another" if name is None else ""
        raise click.BadParameter(f"a list's name {problem}{hint}", param_hint="--name")
    return found


def _read(file: Path) -> bytes:
    """Return a file's bytes, one more than may be where there are more."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise click.BadParameter(
            f"expected a file that can be read, was {file}: {why}", param_hint="FILE"
        ) from error


def _refuse(file: Path, problems: Iterable[Problem]) -> None:
    """Tell what is wrong with a file, and leave."""
    told = list(problems)
    for problem in told:
        click.echo(f"{file.name}: {problem}", err=True)
    click.echo(f"{counted(len(told), 'problem')}: nothing was sent", err=True)
    sys.exit(BAD_FILE)


def _also_wrong(data: Path, user: str, found: Found) -> list[Problem]:
    """Return what the API would refuse of a file that is wrong already, where one can be asked."""
    wrong = {problem.where for problem in found.problems}
    lines = [line for line in found.lines if line.where not in wrong][:ORDERS_MAX]
    if not lines:
        return []
    try:
        ApiClient.of_stack(data.resolve(), user).place_bodies(
            [line.order for line in lines], channel=CHANNEL, check_only=True
        )
    except (InvalidRequestError, ConflictError) as error:
        return problems_of_refusal(lines, error.fields)
    except (ApiError, StackError):
        return []
    return []


def _send(client: ApiClient, file: Path, lines: Sequence[Line], *, check: bool) -> Any:
    try:
        return client.place_bodies([line.order for line in lines], channel=CHANNEL, check_only=check)
    except (InvalidRequestError, ConflictError) as error:
        problems = problems_of_refusal(lines, error.fields)
        if not any(problem.where for problem in problems):
            raise
        _refuse(file, problems)
    except ApiError as error:
        if error.refused or check:
            raise
        raise ApiError(
            f"{error}. Whether the list was taken is not known: the same command again sends it once"
        ) from error


def follow(
    client: ApiClient,
    name: str,
    accounts: Sequence[str],
    placed: Sequence[answers.Placed],
    *,
    as_json: bool,
) -> None:
    """Show how a list goes on until it is over, or Ctrl-C; at last how it ended."""
    book = BasketBook(one.order_id for one in placed)
    moves = _moves(client, book, name, accounts)
    if not as_json:
        say(console, _sent_line(name, placed))
    with contextlib.suppress(KeyboardInterrupt):
        if console.is_terminal and not as_json:
            _show_live(book, moves)
        else:
            _show_lines(book, moves, name if as_json else "")
    if not as_json:
        say(console, *book.table(len(placed)))


def _moves(client: ApiClient, book: BasketBook, name: str, accounts: Sequence[str]) -> Iterator[datetime]:
    """Yield when the list went on, until it is over.

    What a snapshot leaves out, as it is over, is read: as a list, which may be slightly old, and then one by
    one what that does not have as over.
    """
    with client.stream(accounts, reconnect_s_max=WATCHING.deadline_s) as stream:
        for item in stream:
            match item:
                case Resync():
                    book.forget(item.accounts)
                case Snapshot():
                    rows = list(client.orders(account=item.account_id, basket_id=name))
                    news = list(filter(book.stands, [*item.orders, *read(rows, list[answers.Order])]))
                    late = [client.order(one) for one in book.unsure(item.account_id, item.orders)]
                    news += filter(book.stands, read(late, list[answers.Order]))
                    if news:
                        yield max(order.updated_at for order in news)
                case OrderEvent():
                    if book.happened(item):
                        yield item.occurred_at
            if book.is_over:
                return


def _show_live(book: BasketBook, moves: Iterator[datetime]) -> None:
    shown = Text("")

    def now() -> Text:
        return shown

    with Live(get_renderable=now, console=console, refresh_per_second=REFRESHED_PER_S, transient=True):
        for _ in moves:
            rows_max = max(1, console.height - _LINES_BESIDE)
            shown = Text("\n".join(book.table(rows_max)), no_wrap=True)


def _show_lines(book: BasketBook, moves: Iterator[datetime], as_json_of: str) -> None:
    """Print a line whenever a number of orders of a status changes. as_json_of: a list's name, or empty."""
    before = None
    for at in moves:
        if book.counts == before:
            continue
        before = book.counts
        if not as_json_of:
            say(console, book.line(at))
            continue
        done, wanted = book.done
        told = {"basketId": as_json_of, "at": at.isoformat(), "statuses": dict(before), "done": done,
                "quantity": wanted, "notional": str(book.notional), "over": book.is_over}  # fmt: skip
        click.echo(json.dumps(told))
