"""`oms login`, `logout`, `whoami`, `token`: who acts, and with what token."""

import json
from pathlib import Path
from typing import Final

import click

from oms_tools.cli.client import ISSUER_VARIABLE, ApiClient
from oms_tools.cli.log_in import DEFAULT_CLIENT_ID, DEFAULT_SCOPE, forget, issuer_of, log_in, token_source
from oms_tools.cli.options import data_option, json_option, user_option

issuer_option: Final = click.option(
    "--issuer", envvar=ISSUER_VARIABLE, show_envvar=True, help="The issuer; else that of the stack that runs."
)


@click.command()
@data_option
@issuer_option
@click.option(
    "--client-id",
    envvar="OMS_LOGIN_CLIENT_ID",
    show_envvar=True,
    default=DEFAULT_CLIENT_ID,
    show_default=True,
    help="As which client the issuer knows this program.",
)
@click.option(
    "--scope",
    envvar="OMS_LOGIN_SCOPE",
    show_envvar=True,
    default=DEFAULT_SCOPE,
    show_default=True,
    help="What to ask the issuer for.",
)
@click.option("--browser", is_flag=True, help="In a browser of this machine, without a code to confirm.")
def login(data: Path, issuer: str | None, client_id: str, scope: str, browser: bool) -> None:
    """Log in at the issuer, for every later command that does not name a --user."""
    place = issuer.rstrip("/") if issuer else issuer_of(data.resolve())
    log_in(place, client_id, click.echo, scope=scope, browser=browser)
    click.echo(f"logged in at {place}")


@click.command()
@data_option
@issuer_option
def logout(data: Path, issuer: str | None) -> None:
    """End the log-in, here and at the issuer."""
    place = issuer.rstrip("/") if issuer else issuer_of(data.resolve())
    click.echo(f"logged out at {place}" if forget(place) else f"nobody was logged in at {place}")


@click.command()
@data_option
@user_option
@json_option
def whoami(data: Path, user: str, as_json: bool) -> None:
    """Say who acts, with which rights, for which accounts."""
    me = ApiClient.of_stack(data.resolve(), user).get("/api/v1/me")
    if as_json:
        click.echo(json.dumps(me, indent=1))
        return
    click.echo(f"{me['subject']} may {', '.join(me['rights']) or 'do nothing'}")
    click.echo(f"accounts: {', '.join(me['accounts']) or 'none'}")


@click.command()
@data_option
@user_option
def token(data: Path, user: str) -> None:
    """Print an access token of who is logged in, or of a demo persona."""
    click.echo(token_source(data.resolve(), user)())
