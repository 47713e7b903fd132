"""`oms alerts`: limits that positions and marks have brought near or beyond, and who has seen them."""

import json
from pathlib import Path

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import ApiClient, read
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, say

console = Console()
_LEVELS = ("WARNING", "BREACH")
risk_option = persona_option("risk1")


@click.group()
def alerts() -> None:
    """Look at limits that are near or passed, and say that they were seen."""


@alerts.command("list")
@data_option
@risk_option
@click.option("--all", "every", is_flag=True, help="Those that are over, too.")
@click.option("--account", help="Only of this account.")
@click.option("--rule", help="Only of this rule.")
@click.option("--level", type=click.Choice(_LEVELS, case_sensitive=False), help="Only of this level.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000))
@json_option
def list_alerts(
    data: Path,
    user: str,
    every: bool,
    account: str | None,
    rule: str | None,
    level: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List alerts, the newest first: those that are not over unless --all."""
    client = ApiClient.of_stack(data.resolve(), user)
    found: list[object] = []
    for state in (None,) if every else ("OPEN", "ACKNOWLEDGED"):
        answer = client.risk_alerts(
            state=state, account=account, rule=rule, level=level and level.upper(), limit=limit
        )
        found += answer["alerts"]
    if as_json:
        click.echo(json.dumps({"alerts": found}, indent=1))
        return
    shown = read(found, list[answers.RiskAlert])
    titles = ("id", "since", "level", "state", "rule", "of", "value>", "limit>", "worst>")
    for line in aligned(titles, [_cells(one) for one in shown]):
        say(console, line)
    say(console, counted(len(shown), "alert"))


def _cells(one: answers.RiskAlert) -> tuple[str, ...]:
    narrow = [one.scope[kind] for kind in ("symbol", "sector") if kind in one.scope]
    of = " ".join([one.account_id or f"firm {one.scope.get('firm', '')}", *narrow[:1]])
    state = one.state if one.acknowledged_by is None else f"{one.state} by {one.acknowledged_by}"
    return (
        str(one.alert_id),
        f"{one.first_seen:%Y-%m-%d %H:%M:%S}Z",
        one.level,
        state,
        one.rule,
        of,
        one.value,
        one.bound,
        one.worst,
    )


@alerts.command("ack")
@data_option
@risk_option
@always_json_option
@click.argument("alert_id")
@click.option("--note", required=True, help="What was found out, or is done; it is kept with your name.")
@click.option("--times-raised", type=click.IntRange(min=1), help="As you saw it; refused if it got worse.")
def acknowledge(data: Path, user: str, alert_id: str, note: str, times_raised: int | None) -> None:
    """Say that an alert was seen; it stays until its limit is kept, and comes again if it gets worse."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.acknowledge_risk_alert(alert_id, note=note, times_raised=times_raised)
    click.echo(json.dumps(answer, indent=1))
