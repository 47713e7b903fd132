"""`oms account`: open an account, suspend and close it, and say who may trade for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import ApiClient, read
from oms_tools.cli.options import data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
PERMISSION: Final = "TRADER_NOT_PERMITTED"
admin_option = persona_option("admin1")
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")
version_option: Final = click.option(
    "--version", type=click.IntRange(min=1), help="As it was read: another one is not changed."
)
F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def account() -> None:
    """Open an account, suspend and close it, and say who may trade for it."""


@account.command("show")
@data_option
@admin_option
@click.argument("account_id")
@json_option
def show(data: Path, user: str, account_id: str, as_json: bool) -> None:
    """Show an account, with who changed it last and why."""
    _tell(ApiClient.of_stack(data.resolve(), user).account(account_id), as_json)


@account.command("open")
@data_option
@admin_option
@click.argument("account_id")
@click.option("--name", required=True, help="Whose it is.")
@click.option("--kind", required=True, type=click.Choice(["INSTITUTION", "HEDGE_FUND", "RETAIL"], False))
@click.option("--firm", required=True, help="By which limits and kill switches may name it.")
@click.option("--desk", required=True, help="By which limits and kill switches may name it.")
@reason_option
@json_option
def open_account(data: Path, user: str, account_id: str, as_json: bool, **given: Any) -> None:
    """Open an account; it trades within a second, for whoever has it in a token."""
    _tell(ApiClient.of_stack(data.resolve(), user).open_account(account_id, **given), as_json)


@account.command("change")
@data_option
@admin_option
@click.argument("account_id")
@click.option("--name", help="Whose it is.")
@click.option("--firm", help="By which limits and kill switches may name it.")
@click.option("--desk", help="By which limits and kill switches may name it.")
@reason_option
@version_option
@json_option
def change(data: Path, user: str, account_id: str, as_json: bool, **changes: Any) -> None:
    """Change an account's name, firm or desk; what is left out stays as it is."""
    _tell(ApiClient.of_stack(data.resolve(), user).change_account(account_id, **changes), as_json)


def _of_status(name: str, status: str, said: str) -> None:
    @account.command(name, help=said)
    @data_option
    @admin_option
    @click.argument("account_id")
    @reason_option
    @version_option
    @json_option
    def command(data: Path, user: str, account_id: str, as_json: bool, **why: Any) -> None:
        client = ApiClient.of_stack(data.resolve(), user)
        _tell(client.change_account(account_id, status=status, **why), as_json)  # type: ignore[arg-type]


_of_status(
    "suspend",
    "SUSPENDED",
    "Deny an account's new orders and replaces from now on; what is open goes on, and can be canceled. Of a"
    " closed account: the way back.",
)
_of_status("resume", "ACTIVE", "Let a suspended account trade again.")
_of_status("close", "CLOSED", "Close a suspended account that has no open order and no position.")


@account.command("traders")
@data_option
@admin_option
@click.argument("account_id")
@json_option
def traders(data: Path, user: str, account_id: str, as_json: bool) -> None:
    """Show what is set of who may trade for an account; whoever is not named may, unless it says so."""
    client = ApiClient.of_stack(data.resolve(), user)
    found = list(client.limits(rule=PERMISSION, account=account_id, most=None))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _tell_permissions(found)


def _permission(name: str, permitted: bool, said: str) -> None:
    @account.command(name, help=said)
    @data_option
    @admin_option
    @click.argument("account_id")
    @click.argument("trader", required=False)
    @reason_option
    @json_option
    def command(
        data: Path, user: str, account_id: str, trader: str | None, reason: str, as_json: bool
    ) -> None:
        scope = {"account": account_id} | ({} if trader is None else {"trader": trader})
        found = ApiClient.of_stack(data.resolve(), user).set_limit(
            PERMISSION, limit_scope=scope, parameters={"permitted": permitted}, reason=reason
        )
        if as_json:
            click.echo(json.dumps(found, indent=1))
            return
        _tell_permissions([found])


_permission("permit", True, "Let TRADER trade for an account, or everybody; in effect within a second.")
_permission(
    "forbid",
    False,
    "Deny the orders of TRADER for an account, or of everybody but those who are permitted by name.",
)


def _tell_permissions(found: Any) -> None:
    rows = []
    for one in (read(given, answers.Limit) for given in found):
        beside = [f"{kind} {name}" for kind, name in one.scope.items() if kind not in ("trader", "account")]
        may = "yes" if one.parameters.get("permitted") else "no"
        who = one.scope.get("trader", "everybody")
        rows.append([who, may, ", ".join(beside), one.changed_by, one.reason])
    say(console, *aligned(("trader", "may", "of", "by", "why"), rows), counted(len(rows), "permission"))


def _tell(answer: object, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    one = read(answer, answers.Account)
    where = f"{one.kind}  {one.firm}/{one.desk}"
    say(console, f"{one.account_id}  {one.status}  {one.name}  {where}  version {one.version}")
    if one.changed_by:
        say(console, *folded(f"{one.changed_by}: {one.reason}", console.width))
