"""`oms override`: a second person's leave for one order that risk denied; its trader sends it again."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from oms_platform.overrides import MINUTES_DEFAULT, MINUTES_MAX
from oms_tools.cli.amounts import large, price
from oms_tools.cli.client import ApiClient
from oms_tools.cli.limit_commands import reason_option, risk_option
from oms_tools.cli.options import data_option, json_option
from oms_tools.cli.order_ids import short_id, whole_order_id
from oms_tools.cli.tables import counted, folded, say

console = Console()


@click.group()
def override() -> None:
    """Let an order pass once that risk denied, look at such leave, or take it back."""


@override.command("grant")
@data_option
@risk_option
@click.argument("order_id")
@click.option("--rule", "rules", multiple=True, help="Of the rules that denied; without it all of them.")
@click.option(
    "--minutes",
    type=click.IntRange(1, MINUTES_MAX),
    default=MINUTES_DEFAULT,
    show_default=True,
    help="So long the order may be sent again.",
)
@reason_option
@json_option
def grant(
    data: Path, user: str, order_id: str, rules: tuple[str, ...], minutes: int, reason: str, as_json: bool
) -> None:
    """Let an order pass once, or the replace of it that was denied last.

    It is named by its id or by the id's last 8 characters. Whoever asked for it sends the same again: as many
    shares or fewer, at that limit or a better one.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    found = client.grant_override(
        order=whole_order_id(client, order_id),
        rules=list(rules) or None,
        expires_minutes=minutes,
        reason=reason,
    )
    _tell([found], as_json, found)


@override.command("list")
@data_option
@risk_option
@click.option("--account", help="Of this account.")
@click.option("--order", "order_id", help="Of this order, by its id or the id's last 8 characters.")
@click.option("--all", "every", is_flag=True, help="Also what was used, revoked, or has expired.")
@json_option
def list_overrides(
    data: Path, user: str, account: str | None, order_id: str | None, every: bool, as_json: bool
) -> None:
    """List leave that was given, the newest first."""
    client = ApiClient.of_stack(data.resolve(), user)
    order = None if order_id is None else whole_order_id(client, order_id)
    answer = client.overrides(account=account, order=order, every=True if every else None)
    _tell(answer["overrides"], as_json, answer)
    if not as_json:
        say(console, counted(len(answer["overrides"]), "override"))


@override.command("revoke")
@data_option
@risk_option
@click.argument("order_id")
@reason_option
@json_option
def revoke(data: Path, user: str, order_id: str, reason: str, as_json: bool) -> None:
    """Take back the leave of an order that is not used."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.revoke_override(whole_order_id(client, order_id), reason=reason)
    _tell(answer["overrides"], as_json, answer)


def _tell(rows: list[dict[str, Any]], as_json: bool, answer: object) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in rows:
        limit = "" if one["limitPrice"] is None else f" at {price(one['limitPrice'])}"
        what = f"{one['side']} {large(str(one['quantity']))} {one['symbol']}{limit}"
        kind = "replace of " if one["kind"] == "REPLACE" else ""
        head = (
            f"{kind}{short_id(one['orderId'])}  {one['status']}  {one['accountId']}  {what}  {one['trader']}"
        )
        say(console, head)
        rules = ", ".join(
            f"{rule['rule']} {large(rule['value'])} of {large(rule['limit'])}" for rule in one["rules"]
        )
        say(console, *folded(rules, console.width))
        until = f"until {one['expiresAt'][:19]}Z by {one['grantedBy']}: {one['reason']}"
        say(console, *folded(until, console.width))
        if one["usedAt"]:
            say(console, *folded(f"used {one['usedAt'][:19]}Z by {short_id(one['usedBy'])}", console.width))
        if one["revokedAt"]:
            said = f"revoked {one['revokedAt'][:19]}Z by {one['revokedBy']}: {one['revokeReason']}"
            say(console, *folded(said, console.width))
