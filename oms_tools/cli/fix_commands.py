"""`oms fix`: the venues' sessions, and what went over them about an order, decoded."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
import psycopg
from rich.console import Console

from oms_platform.ids import uuid7_floor
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.fix_names import CODES, MESSAGES, TAGS
from oms_tools.cli.options import data_option, json_option
from oms_tools.cli.order_ids import stored_order_id
from oms_tools.cli.session_commands import COMMANDS
from oms_tools.cli.tables import lines_with_words, say
from oms_tools.verify.fix_reader import id_text, read_fields

console = Console()
# Of the standard header and trailer: what every message has, and says nothing of the order.
_FRAME: Final = frozenset((8, 9, 10, 34, 35, 49, 50, 52, 56, 57, 115, 128))
# How long before a child was stored and after it last changed messages about it may have come.
AROUND: Final = timedelta(minutes=10)
_SESSIONS: Final = """
SELECT venue_id, up, reason, changed_at, out_seq,
       (SELECT in_seq FROM fix_checkpoints c WHERE c.venue_id = s.venue_id ORDER BY recorded_at DESC LIMIT 1),
       in_use
FROM fix_sessions s ORDER BY venue_id
"""
_MESSAGES: Final = """
SELECT at, inbound, venue_id, msg_seq, raw FROM fix_messages
WHERE block_id BETWEEN %s AND %s AND venue_id = ANY(%s) ORDER BY block_id, at
"""


def decoded(raw: bytes) -> str:
    """Return a message in FIX's words, without what every message has."""
    fields = list(read_fields(raw))
    kind = next((id_text(value) for tag, value in fields if tag == 35), "?")
    words = [MESSAGES.get(kind, f"35={kind}")]
    for tag, value in fields:
        if tag in _FRAME:
            continue
        text = id_text(value)
        meaning = CODES.get(tag, {}).get(text)
        words.append(f"{TAGS.get(tag, tag)}={text}" + (f" ({meaning})" if meaning else ""))
    return "  ".join(words)


def messages_of(connection: psycopg.Connection[Any], order_id: UUID) -> Iterator[tuple[Any, ...]]:
    """Yield (time, whether it came in, venue, MsgSeqNum, bytes) of each message about an order's children."""
    children = connection.execute(
        "SELECT coalesce(wire_id, cl_ord_id), venue_id, created_at, updated_at FROM child_orders"
        " WHERE order_id = %s",
        [order_id],
    ).fetchall()
    if not children:
        return
    names = [_common_part(name).encode() for name, *_ in children]
    first: datetime = min(created_at for *_, created_at, _ in children) - AROUND
    last: datetime = max(updated_at for *_, updated_at in children) + AROUND
    venues = sorted({venue_id for _, venue_id, *_ in children})
    for row in connection.execute(_MESSAGES, [uuid7_floor(first), uuid7_floor(last), venues]):
        if any(name in bytes(row[4]) for name in names):
            yield row


def _common_part(name: str) -> str:
    """Return what a child's id at its venue and those of its requests have in common.

    A derived one ends in zeros where its requests' have their number.
    """
    return name if "-" in name else name.rstrip("0")


def _place(in_use: dict[str, Any] | None) -> str:
    """Write where a session is, who logs on to whom, and when."""
    if in_use is None:
        return ""
    who = f"{in_use['sender_comp_id']} to {in_use['target_comp_id']}"
    tls = " TLS" if in_use.get("tls") else ""
    schedule = in_use.get("schedule")
    hours = "always"
    if schedule is not None:
        hours = f"{'+'.join(schedule['days'])} {schedule['start']}-{schedule['end']} {schedule['zone']}"
    return f"{in_use['dialect']}{tls} {in_use['host']}:{in_use['port']} {who}, {hours}"


def _session(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row of _SESSIONS as JSON values."""
    venue_id, up, reason, changed_at, out_seq, in_seq, in_use = row
    return {
        "venueId": venue_id,
        "up": up,
        "reason": reason,
        "changedAt": changed_at.isoformat(),
        "outSeq": out_seq,
        "inSeq": in_seq,
        "settings": in_use,
    }


def readable(raw: bytes) -> str:
    """Return a message's bytes as text, SOH as |."""
    return raw.decode("latin-1").replace("\x01", "|")


def _message(at: datetime, inbound: bool, venue_id: str, msg_seq: int, raw: bytes) -> dict[str, Any]:
    """Return a row of _MESSAGES as JSON values; raw has SOH as |."""
    return {
        "at": at.isoformat(),
        "inbound": inbound,
        "venueId": venue_id,
        "msgSeqNum": msg_seq,
        "raw": readable(raw),
    }


@click.group()
def fix() -> None:
    """Look at the venues' FIX sessions and at what went over them, and ask things of them."""


@fix.command("sessions")
@data_option
@dsn_option
@json_option
def sessions(data: Path, dsn: str | None, as_json: bool) -> None:
    """Show each venue's session: whether it is up, since when, its numbers, where and when it is, why not."""
    with closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True)) as connection:
        rows = connection.execute(_SESSIONS).fetchall()
    if as_json:
        click.echo(json.dumps([_session(row) for row in rows], indent=1))
        return
    cells = [
        (venue_id, "up" if up else "down", f"{changed_at:%m-%d %H:%M:%S}", str(in_seq or 0), str(out_seq))
        for venue_id, up, _, changed_at, out_seq, in_seq, _ in rows
    ]
    words = [", ".join(filter(None, (reason, _place(in_use)))) for _, _, reason, _, _, _, in_use in rows]
    titles = ("venue", "state", "since (UTC)", "in>", "out below>", "why, and where")
    for line in lines_with_words(titles, cells, words, console.width):
        say(console, line)


@fix.command("log")
@data_option
@dsn_option
@click.option("--raw", "as_raw", is_flag=True, help="The bytes, SOH as |, in place of FIX's words.")
@json_option
@click.argument("order_id")
def log(data: Path, dsn: str | None, as_raw: bool, as_json: bool, order_id: str) -> None:
    """Print every FIX message about an order's children, in the order in which they came and went.

    The order is named by its id or by the id's last 8 characters. With --json each message is a line.
    """
    count = 0
    with closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True)) as connection:
        for at, inbound, venue_id, msg_seq, raw in messages_of(
            connection, stored_order_id(connection, order_id)
        ):
            count += 1
            if as_json:
                click.echo(json.dumps(_message(at, inbound, venue_id, msg_seq, bytes(raw))))
                continue
            shown = readable(bytes(raw)) if as_raw else decoded(bytes(raw))
            arrow = "<-" if inbound else "->"
            say(console, f"{at:%H:%M:%S.%f} {arrow} {venue_id} {msg_seq}  {shown}")
    if not as_json:
        say(console, f"{count} messages")


for command in COMMANDS:
    fix.add_command(command)
