"""`oms preview` and `oms whatif`: what routing would do, and what it would have done."""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_tools.cli.amounts import grouped
from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import data_option, json_option, user_option
from oms_tools.cli.order_commands import order_options, order_terms
from oms_tools.cli.order_ids import whole_order_id
from oms_tools.cli.reasons import checks_in_words, in_words
from oms_tools.cli.story import print_route
from oms_tools.cli.tables import aligned, folded, say

LEFT_OUT: Final = "left out by this what-if (--without)"
console = Console()


@click.command()
@data_option
@user_option
@order_options
@json_option
def preview(data: Path, user: str, as_json: bool, **order: Any) -> None:
    """Show the plan, its cost and the risk verdict of an order that is not sent.

    Exits with 1, and shows no plan, when risk would deny the order.
    """
    answer = ApiClient.of_stack(data.resolve(), user).preview(**order_terms(**order))
    risk = answer["risk"]
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    elif risk["accepted"]:
        passed = f"Not sent. Risk: accepted, {len(risk['checks'])} checks: {checks_in_words(risk['checks'])}"
        say(console, *folded(passed, console.width, 0))
        print_route(console, answer["plan"])
    else:
        say(
            console,
            *folded(f"Denied: {in_words(risk['denial'])}", console.width, 0),
            "Not sent, and not routed.",
        )
    sys.exit(0 if risk["accepted"] else 1)


def _json_object(text: str | None, what: str) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{what} must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.BadParameter(f"{what} must be a JSON object")
    return value


@click.command()
@data_option
@user_option
@click.argument("order_id")
@click.option("--attempt", type=click.IntRange(1), default=1, show_default=True, help="Which of its routes.")
@click.option("--weights", help='JSON, such as {"price": 0.7, "cost": 0.3}; replaces single weights.')
@click.option("--without", multiple=True, help="A venue to leave out; may be given several times.")
@click.option(
    "--fees",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='A JSON file, such as {"XNAS": {"add": "-0.0020", "remove": "0.0030"}}, dollars a share.',
)
@click.option("--profile", help="Another routing profile.")
@click.option("--strategy", help="Another strategy: best, sweep, split, staged, passive or dark.")
@json_option
def whatif(
    data: Path,
    user: str,
    order_id: str,
    attempt: int,
    weights: str | None,
    without: tuple[str, ...],
    fees: Path | None,
    profile: str | None,
    strategy: str | None,
    as_json: bool,
) -> None:
    """Decide a stored route again with other weights, fees, venues or profile; show the difference."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.what_if(
        whole_order_id(client, order_id),
        attempt,
        profile=profile,
        strategy=strategy,
        weights=_json_object(weights, "--weights"),
        without=without,
        fees=_json_object(fees.read_text(), str(fees)) if fees is not None else None,
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    else:
        print_what_if(console, answer, without)


def print_what_if(to: Console, answer: dict[str, Any], without: Sequence[str]) -> None:
    """Print a decision as it was, as it would have been, and the difference.

    without: the venues that the question left out, whose rows name it as the cause.
    """
    stored, changed = answer["stored"], _with_cause(answer["changed"], answer["stored"], without)
    say(to, "As it was decided")
    print_route(to, stored)
    if answer["again"].get("children") != stored.get("children"):
        say(
            to,
            "Decided again on the same inputs it comes out otherwise: the rules have changed.",
            style="yellow",
        )
    rows = _differences(stored, changed)
    if not rows:
        same = "No difference: the same shares go to the same venues, at the same expected cost."
        say(to, "", *folded(same, to.width, 0))
        return
    say(to, "", "With the changes")
    print_route(to, changed)
    say(to, "", "The difference", *aligned(("", "as decided>", "changed>"), rows))


def _with_cause(changed: dict[str, Any], stored: dict[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """Return a changed plan whose venues that were left out say so, with their fees as they are."""
    card = changed["explanation"]
    if card is None:
        return changed
    known = {venue["venueId"]: venue for venue in (stored["explanation"] or {}).get("venues", [])}
    venues = []
    for venue in card.get("venues", []):
        if venue["venueId"] in without:
            fee = known.get(venue["venueId"], venue).get("feePerShare", "0")
            venues.append(venue | {"reason": LEFT_OUT, "feePerShare": fee})
        else:
            venues.append(venue)
    return changed | {"explanation": card | {"venues": venues}}


def _differences(stored: dict[str, Any], changed: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the figures in which two plans differ, or all that are known of plans that do."""
    before, after = _by_venue(stored), _by_venue(changed)
    rows = [
        (f"shares to {venue}", f"{before.get(venue, 0):,}", f"{after.get(venue, 0):,}")
        for venue in sorted(before.keys() | after.keys())
    ]
    cards = (stored["explanation"] or {}, changed["explanation"] or {})
    for name, title in (
        ("expectedQuantity", "shares to be taken at once"),
        ("expectedFee", "fees, dollars"),
        ("expectedCost", "cost beyond the mid, dollars"),
        ("expectedCostBps", "the same, basis points"),
    ):
        values = [card.get(name) for card in cards]
        if any(value is not None for value in values):
            rows.append((title, _figure(values[0]), _figure(values[1])))
    alike = all(was == now for _, was, now in rows) and _sent(stored) == _sent(changed)
    return [] if alike else rows


def _figure(value: Any) -> str:
    return grouped(Decimal(value) if isinstance(value, str) else value)


def _sent(plan: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what a plan sends, without the ids of its children."""
    names = ("venueId", "quantity", "limitPriceMicros", "timeInForce", "minQuantity", "holdMs")
    return [tuple(child.get(name) for name in names) for child in plan.get("children", [])]


def _by_venue(plan: dict[str, Any]) -> dict[str, int]:
    shares: dict[str, int] = {}
    for child in plan.get("children", []):
        shares[child["venueId"]] = shares.get(child["venueId"], 0) + child["quantity"]
    return shares
