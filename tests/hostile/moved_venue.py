"""A venue that moves to a port of its own, with session settings of its own, and back."""

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from oms_tools.cli.fix_commands import fix
from tests.hostile.floor import Floor
from tests.ports import free_port
from tests.venues.fix_bytes import Fields
from tests.venues.raw_venue import COUNTERPARTY, RawVenues, Venue


def oms_fix(floor: Floor, *words: str, ends_with: int | None = 0) -> Result:
    """Run an `oms fix` command on the floor's database. ends_with: the code, None for any."""
    result = CliRunner().invoke(fix, [*words, "--dsn", floor.dsn], env={"COLUMNS": "400"})
    assert ends_with in (None, result.exit_code), (result.output, result.exception)
    return result


def set_settings(floor: Floor, venue_id: str, settings: dict[str, Any], ends_with: int | None = 0) -> Result:
    """Store settings of a venue's session by the command."""
    path = Path(floor.secrets.parent) / f"{venue_id}.json"
    path.write_text(json.dumps(settings))
    return oms_fix(
        floor,
        "settings",
        venue_id,
        "--set",
        str(path),
        "--reason",
        "test",
        "--by",
        "ops",
        ends_with=ends_with,
    )


def settings_at(port: int, venue_id: str, **more: Any) -> dict[str, Any]:
    """Return the settings of a session with a venue on a port of this machine."""
    at = {"host": "127.0.0.1", "port": port, "sender_comp_id": COUNTERPARTY, "target_comp_id": venue_id}
    return at | {"heartbeat_s": 10} | more


@contextmanager
def moved(
    floor: Floor,
    venue_id: str,
    *,
    under: ssl.SSLContext | None = None,
    prepare: Callable[[Venue], None] = lambda _venue: None,
    ends_with: int | None = 0,
    **settings: Any,
) -> Iterator[Venue]:
    """Move a venue of the floor, which begins its numbers anew.

    under: its side of TLS. ends_with: the code of the command that does it.
    """
    old = floor.venues.venues[venue_id]
    with RawVenues(free_port(), (venue_id,), under) as venues:
        new = floor.venues.venues[venue_id] = venues[venue_id]
        new.session.forgets_at_logon = True
        prepare(new)
        try:
            set_settings(floor, venue_id, settings_at(venues.port, venue_id, **settings), ends_with)
            yield new
        finally:
            floor.venues.venues[venue_id] = old
            old.session.forgets_at_logon = True
            oms_fix(floor, "logon", venue_id, "--reason", "test over", ends_with=None)
            oms_fix(floor, "settings", venue_id, "--clear", "--reason", "test over", ends_with=None)
            old.session.await_logon()
            floor.logons[venue_id] = old.session.logons


def restart_adapter(floor: Floor, *, without: str = "") -> None:
    """End the adapter with -9 and wait until it is back, and every session but one."""
    killed = floor.rig.kill("execution-adapter")
    floor.rig.await_ready_again("execution-adapter", killed)
    floor.restarts["execution-adapter"] += 1
    for venue_id, venue in floor.venues.venues.items():
        if venue_id != without:
            venue.session.await_logon()
            floor.logons[venue_id] = venue.session.logons


def shown_session(floor: Floor, venue_id: str) -> str:
    """Return what `oms fix sessions` says of a venue, as one line."""
    lines = oms_fix(floor, "sessions").output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(venue_id))
    words = itertools.takewhile(lambda line: line.startswith(" "), lines[first + 1 :])
    return " ".join([lines[first], *(line.strip() for line in words)])


def as_fix42(msg_type: str, body: Fields) -> Fields:
    """Return a report as FIX 4.2 has it: with ExecTransType, and a trade by what it leaves."""
    if msg_type != "8":
        return body
    values = dict(body)
    exec_type, status = values[150], values[39]
    transaction = {"H": 1, "G": 2, "I": 3}.get(str(exec_type), 0)
    told = status if exec_type in {"F", "H", "G", "I"} else exec_type
    return [(20, transaction), *[(tag, told if tag == 150 else value) for tag, value in body if tag != 790]]


def speaks_fix42(venue: Venue) -> None:
    """Let a venue speak FIX 4.2."""
    venue.session.begin_string = b"FIX.4.2"
    venue.session.rewrite = as_fix42


def wall(at: datetime) -> str:
    """Write a time as a schedule has it."""
    return f"{at:%H:%M:%S}"
