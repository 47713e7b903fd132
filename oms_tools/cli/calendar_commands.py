"""`oms calendar`: the sessions of exchanges, loaded into the table that services read, shown, and changed."""

import getpass
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.errors import ConfigurationError
from oms_tools.cli.client import ApiClient
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import (
    always_json_option,
    data_option,
    json_option,
    persona_option,
    user_option,
)
from oms_tools.cli.times import DAY
from oms_tools.laptop.layout import StackError

LOADED_BEFORE = timedelta(days=30)
LOADED_AFTER = timedelta(days=550)
SHOWN = timedelta(days=14)
console = Console()
admin_option = persona_option("admin1")
reason_option = click.option("--reason", required=True, help="Why; it is kept with your name.")


@click.group()
def calendar() -> None:
    """Load the sessions of an exchange, show when markets trade, and change a day."""


@calendar.command("load")
@data_option
@dsn_option
@always_json_option
@click.argument("name")
@click.option("--from", "first", type=DAY, help="The first day. Default: 30 days ago.")
@click.option("--through", "last", type=DAY, help="The last day. Default: in 550 days.")
def load(data: Path, dsn: str | None, name: str, first: datetime | None, last: datetime | None) -> None:
    """Load the sessions of the exchange NAME (its MIC: XNYS, XLON) from the library exchange_calendars.

    What was loaded for these days before is replaced: holidays, half days and exceptional closures as the
    library knows them now. Services take it up within seconds.
    """
    try:
        # Imported here: no other command needs pandas.
        from oms_tools.cli.exchange_sessions import exchange_calendar, store_calendar  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise StackError(f"{error.name} is not installed: pip install 'oms-sor[reports]'") from None
    today = utc_now().date()
    begin = (today - LOADED_BEFORE) if first is None else first.date()
    end = (today + LOADED_AFTER) if last is None else last.date()
    if end < begin:
        raise click.UsageError(f"--through must not be before --from {begin}, was {end}")
    try:
        loaded = exchange_calendar(name, begin, end)
    except ConfigurationError as error:
        raise StackError(str(error)) from None
    store_calendar(dsn_or_stack(dsn, data), loaded, begin, end, getpass.getuser())
    answer = {
        "calendarId": loaded.calendar_id,
        "zone": loaded.zone,
        "from": begin.isoformat(),
        "through": end.isoformat(),
        "sessions": len(loaded.sessions),
        "earlyCloses": [one.session_date.isoformat() for one in loaded.sessions if one.early_close],
    }
    click.echo(json.dumps(answer, indent=1))


@calendar.command("show")
@data_option
@user_option
@click.argument("name", required=False)
@click.option("--from", "first", type=DAY, help="The first day. Default: today.")
@click.option("--through", "last", type=DAY, help="The last day. Default: 14 days later.")
@json_option
def show(
    data: Path, user: str, name: str | None, first: datetime | None, last: datetime | None, as_json: bool
) -> None:
    """Show what every calendar says of now, or the sessions of the calendar NAME; times are UTC."""
    client = ApiClient.of_stack(data.resolve(), user)
    if name is None:
        answer: dict[str, Any] = client.calendars()
        lines = [_line(one) for one in answer["calendars"]]
    else:
        begin: date = utc_now().date() if first is None else first.date()
        end = begin + SHOWN if last is None else last.date()
        answer = client.calendar(name, first=begin, last=end)
        lines = [_line(answer["calendar"]), *[_session(one) for one in answer["sessions"]]]
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


@calendar.command("set")
@data_option
@admin_option
@click.argument("name")
@click.argument("day", type=DAY)
@click.option("--opens", help="By the clock of the calendar's zone, 09:30; as it is without.")
@click.option("--closes", help="By the clock of the calendar's zone, 13:00; as it is without.")
@click.option("--early-close", is_flag=True, help="It closes earlier than usual.")
@reason_option
@json_option
def set_day(data: Path, user: str, name: str, day: datetime, as_json: bool, **times: Any) -> None:
    """Set when the calendar NAME trades on a day: an early close, or a day that was not loaded."""
    client = ApiClient.of_stack(data.resolve(), user)
    _tell(client.set_session(name, day.date(), **times), as_json)


@calendar.command("close")
@data_option
@admin_option
@click.argument("name")
@click.argument("day", type=DAY)
@reason_option
@json_option
def close(data: Path, user: str, name: str, day: datetime, reason: str, as_json: bool) -> None:
    """Close the calendar NAME for a day that has not begun; prints the session that there was."""
    client = ApiClient.of_stack(data.resolve(), user)
    gone = client.remove_session(name, day.date(), reason=reason)
    line = json.dumps(gone, indent=1) if as_json else f"{name} is closed on {_day_of(gone)}"
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    line = json.dumps(answer, indent=1) if as_json else _session(answer)
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(one: dict[str, Any]) -> str:
    if one["isOpen"]:
        state = f"open until {one['until'][:16]}Z"
    else:
        state = "closed" + (f" until {one['until'][:16]}Z" if one["until"] else ", no session is loaded")
    return f"{one['calendarId']}  {one['zone']}  {state}"


def _day_of(gone: dict[str, Any]) -> str:
    day, _, hours = _session(gone).partition("  ")
    return f"{day}; it was open {hours}"


def _session(one: dict[str, Any]) -> str:
    early = "  early close" if one["earlyClose"] else ""
    return f"{one['sessionDate']}  {one['opensAt'][:16]}Z to {one['closesAt'][:16]}Z{early}"
