"""`oms submit`, `cancel`, `watch`, `explain`: a trader's commands on the running stack."""

import contextlib
import json
import sys
import uuid
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_client.stream_session import OrderEvent, Resync
from oms_tools.cli.client import PATIENT, ApiClient, ApiError
from oms_tools.cli.event_watch import HEADING, event_lines
from oms_tools.cli.options import CAPACITIES, SIDES, always_json_option, data_option, json_option, user_option
from oms_tools.cli.order_ids import whole_order_id
from oms_tools.cli.outcome import WORKING, await_outcome
from oms_tools.cli.story import print_story
from oms_tools.cli.tables import say

WAIT_S: Final = 10.0
PEG_TYPES: Final = ("PRIMARY", "MIDPOINT", "MARKET")
TIMES_IN_FORCE: Final = ("DAY", "GTC", "GTD", "IOC", "FOK", "OPG", "CLO")
console = Console()

_ORDER_OPTIONS: Final = (
    click.option("--account", default="ACC-INST-001", show_default=True),
    click.option("--symbol", required=True),
    click.option("--side", type=click.Choice(SIDES, case_sensitive=False), required=True),
    click.option("--quantity", type=int, required=True, help="Whole shares."),
    click.option("--min-quantity", type=int, help="The fewest shares that a venue may trade of it at once."),
    click.option("--limit", "limit_price", help="Limit price in dollars; without it a market order."),
    click.option("--stop", "stop_price", help="Stop price in dollars: wait until the market reaches it."),
    click.option(
        "--peg",
        type=click.Choice(PEG_TYPES, case_sensitive=False),
        help="Follow the best of its own side, of the other side, or the middle; --limit bounds it.",
    ),
    click.option("--peg-offset", help="Dollars beside what it follows, below 0 for lower."),
    click.option(
        "--tif",
        type=click.Choice(TIMES_IN_FORCE, case_sensitive=False),
        default="DAY",
        help="OPG, CLO: in the opening or closing auction, and nowhere else.",
    ),
    click.option(
        "--until", help="Of a GTD order: a session's date (2026-11-30) or a time (2026-11-30T20:30:00Z)."
    ),
    click.option(
        "--algo",
        type=click.Choice(["TWAP", "VWAP", "POV", "IS"], case_sensitive=False),
        help="Work it over time; needs --end-at (docs/algos.md).",
    ),
    click.option("--start-at", help="Of an algo: from when, 2026-11-02T14:30:00Z; else at once."),
    click.option("--end-at", help="Of an algo: until when."),
    click.option("--slices", type=int, help="Of an algo: in how many parts."),
    click.option("--urgency", type=int, help="Of IS: 1 to 10."),
    click.option(
        "--participation-bps", type=int, help="Of an algo: the most of the market's volume, 1000 for 10 %."
    ),
    click.option("--basket", "basket_id", help="Of the list that it is sent with: a name of yours."),
    click.option("--profile", help="A routing profile; default: the account's, or the default one."),
    click.option("--avoid", multiple=True, help="A venue not to use; may be given several times."),
    click.option("--prefer", multiple=True, help="A venue to prefer; may be given several times."),
    click.option("--capacity", type=click.Choice(CAPACITIES, case_sensitive=False), help="For whom."),
    click.option("--tag", "tags", multiple=True, metavar="NAME=TEXT", help="A word of your own about it."),
    click.option("--locate", "locate_id", help="The locate of the shares that a short sale borrows."),
    click.option("--display", "display_qty", type=int, help="Shares that are shown at once where it rests."),
    click.option("--post-only", is_flag=True, help="Take nothing that is displayed."),
)


def order_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe an order."""
    for option in reversed(_ORDER_OPTIONS):
        command = option(command)
    return command


def expiry(until: str | None) -> dict[str, Any]:
    """Return until when an order is good as the client takes it, of a date or a time. Raises UsageError."""
    if until is None:
        return {}
    try:
        if len(until) == len("2026-11-30"):
            return {"expire_date": date.fromisoformat(until)}
        time = datetime.fromisoformat(until)
    except ValueError:
        raise click.UsageError(f"--until must be a date or a time with its zone, was {until}") from None
    if time.tzinfo is None:
        raise click.UsageError(f"--until must be a time with its zone, was {until}")
    return {"expire_time": time}


def order_terms(
    *,
    account: str,
    symbol: str,
    side: str,
    quantity: int,
    min_quantity: int | None,
    limit_price: str | None,
    stop_price: str | None,
    tif: str,
    until: str | None,
    algo: str | None = None,
    start_at: str | None = None,
    end_at: str | None = None,
    slices: int | None = None,
    urgency: int | None = None,
    participation_bps: int | None = None,
    basket_id: str | None = None,
    profile: str | None,
    avoid: tuple[str, ...],
    prefer: tuple[str, ...],
    capacity: str | None,
    tags: tuple[str, ...],
    locate_id: str | None,
    display_qty: int | None,
    post_only: bool,
    peg: str | None = None,
    peg_offset: str | None = None,
) -> dict[str, Any]:
    """Return an order's terms as the client's `place` and `preview` take them."""
    given = {
        "startAt": start_at,
        "endAt": end_at,
        "slices": slices,
        "urgency": urgency,
        "participationBps": participation_bps,
    }
    worked = {name: value for name, value in given.items() if value is not None}
    if peg_offset is not None and peg is None:
        raise click.UsageError("expected --peg with --peg-offset, found none")
    if worked and algo is None:
        raise click.UsageError("expected --algo with what says how it works, found none")
    return {
        "account": account,
        "symbol": symbol.upper(),
        "side": side.upper(),
        "quantity": quantity,
        "limit_price": limit_price,
        "stop_price": stop_price,
        "time_in_force": tif.upper(),
        **expiry(until),
        "min_quantity": min_quantity,
        "algo": None if algo is None else {"strategy": algo.upper(), **worked},
        "basket_id": basket_id,
        "profile": profile or None,
        "avoid": avoid,
        "prefer": prefer,
        "capacity": capacity and capacity.upper(),
        "tags": dict(map(_tag, tags)) or None,
        "locate_id": locate_id,
        "display_qty": display_qty,
        "post_only": post_only,
        "peg": peg and peg.upper(),
        "peg_offset": peg_offset,
    }


def _tag(given: str) -> tuple[str, str]:
    name, equals, text = given.partition("=")
    if not equals:
        raise click.BadParameter(f"expected NAME=TEXT, was {given}", param_hint="--tag")
    return name, text


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
    own_id = client_order_id or f"cli-{uuid.uuid4().hex[:12]}"
    client = ApiClient.of_stack(data.resolve(), user, PATIENT)
    try:
        answer = client.place(**order_terms(**order), client_order_id=own_id, channel="CLI")
    except ApiError as error:
        if error.refused:
            raise
        said = (
            f"{error}. Whether the order was taken is not known: with --client-order-id"
            f" {own_id} the same order is asked for again, and made once"
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
    answer = client.cancel(whole_order_id(client, order_id))
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
            "order": client.order(order_id),
            "events": client.order_events(order_id),
            "routes": client.order_routes(order_id),
            "executions": client.order_executions(order_id),
        }
        click.echo(json.dumps(parts, indent=1))
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

    An order is shown by the end of its id, times are UTC. When the connection is lost or the gateway stops,
    it connects again and goes on after the last event. Exits with 1 when the stream is refused, or has been
    away for minutes.
    """
    names = list(accounts) or ["ACC-INST-001"]
    account = names[0] if len(names) == 1 else ""
    headed = False
    stream = ApiClient.of_stack(data.resolve(), user).stream(names, snapshot=False)
    with contextlib.suppress(KeyboardInterrupt), stream:
        for item in stream:
            if isinstance(item, Resync):
                click.echo(f"The database was restored; {', '.join(item.accounts)} begins anew.", err=True)
            if not isinstance(item, OrderEvent):
                continue
            if as_json:
                click.echo(json.dumps(item.published))
                continue
            if not headed:
                headed = True
                say(console, HEADING)
            if item.account_id != account:
                account = item.account_id
                say(console, f"-- {account}")
            say(console, *event_lines(item.published, console.width))
