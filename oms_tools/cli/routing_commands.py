"""`oms preview` and `oms whatif`: what routing would do, and what it would have done."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from oms_tools.cli.client import ApiClient
from oms_tools.cli.order_commands import order_body, order_options, user_option
from oms_tools.cli.stack_commands import data_option
from oms_tools.cli.story import print_route

console = Console()


@click.command()
@data_option
@user_option
@order_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def preview(data: Path, user: str, as_json: bool, **order: Any) -> None:
    """Show the plan, its cost and the risk verdict of an order that is not sent."""
    body = order_body(**order)
    answer = ApiClient.of_stack(data.resolve(), user).post("/api/v1/routes/preview", body)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    risk = answer["risk"]
    verdict = f"accepted, {len(risk['checks'])} checks" if risk["accepted"] else risk["denial"]
    console.print(f"Not sent. Risk: {verdict}.", highlight=False)
    print_route(console, answer["plan"])


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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    changes = {
        "weights": _json_object(weights, "--weights"),
        "without": list(without) or None,
        "fees": _json_object(fees.read_text(), str(fees)) if fees is not None else None,
        "profile": profile,
        "strategy": strategy,
    }
    body = {name: value for name, value in changes.items() if value is not None}
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.post(f"/api/v1/orders/{order_id}/routes/{attempt}/whatif", body)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    console.print("[bold]As it was decided[/]")
    print_route(console, answer["stored"])
    if answer["again"].get("children") != answer["stored"].get("children"):
        console.print(
            "[yellow]Decided again on the same inputs it comes out otherwise: the rules have changed.[/]"
        )
    console.print("\n[bold]With the changes[/]")
    print_route(console, answer["changed"])
    _print_difference(answer["stored"], answer["changed"])


def _print_difference(stored: dict[str, Any], changed: dict[str, Any]) -> None:
    before, after = _by_venue(stored), _by_venue(changed)
    table = Table("", "as decided", "changed", box=None, title="The difference", title_justify="left")
    for venue in sorted(before.keys() | after.keys()):
        table.add_row(f"shares to {venue}", f"{before.get(venue, 0):,}", f"{after.get(venue, 0):,}")
    for name, title in (
        ("expectedQuantity", "shares to be taken at once"),
        ("expectedFee", "fees, dollars"),
        ("expectedCost", "cost beyond the mid, dollars"),
        ("expectedCostBps", "the same, basis points"),
    ):
        values = [str((plan["explanation"] or {}).get(name, "–")) for plan in (stored, changed)]
        table.add_row(title, *values)
    console.print(table)


def _by_venue(plan: dict[str, Any]) -> dict[str, int]:
    shares: dict[str, int] = {}
    for child in plan.get("children", []):
        shares[child["venueId"]] = shares.get(child["venueId"], 0) + child["quantity"]
    return shares
