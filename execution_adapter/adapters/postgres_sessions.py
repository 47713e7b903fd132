"""Venues' session settings, what operators ask of sessions, and the ids that venues know children by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from execution_adapter.domain.session_settings import SessionSettings, read_settings
from execution_adapter.ports import FixCommand, StoredSession
from oms_platform.postgres import Connection

_SESSIONS: Final = """
SELECT venue_id, settings, coalesce(held_out, ''), numbers_began_at
FROM venues LEFT JOIN venue_sessions USING (venue_id) LEFT JOIN fix_sessions USING (venue_id)
"""
_COMMANDS: Final = """
SELECT command_id, venue_id, kind, CASE kind WHEN 'RESEND' THEN arguments ELSE '{}' END, requested_by, reason,
       requested_at
FROM fix_commands WHERE done_at IS NULL ORDER BY requested_at, command_id
"""
_WIRE_IDS: Final = """
SELECT cl_ord_id, coalesce(wire_id, cl_ord_id) FROM child_orders WHERE venue_id = %s AND leaves_qty > 0
"""
_CHILDREN_WITH: Final = """
SELECT DISTINCT ON (wire_id) wire_id, cl_ord_id FROM child_orders
WHERE venue_id = %s AND wire_id = ANY(%s) ORDER BY wire_id, order_id DESC
"""


class PostgresSessionStore:
    """SessionStore on venue_sessions, fix_sessions and fix_commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sessions(self) -> Mapping[str, StoredSession]:
        """Return what is stored of each venue's session."""
        found: dict[str, StoredSession] = {}
        for venue_id, raw, held_out, began_at in self._connection.execute(_SESSIONS):
            settings, problem = None, ""
            if raw is not None:
                try:
                    settings = read_settings(raw)
                except ValueError as error:
                    problem = f"its settings cannot be used: {error}"
            found[venue_id] = StoredSession(
                settings=settings, problem=problem, held_out=held_out, numbers_began_at=began_at
            )
        return found

    def hold_out(self, venue_id: str, why: str) -> None:
        """Note that a venue stays logged out, and why; an empty text: that it does not."""
        self._connection.execute("UPDATE fix_sessions SET held_out = %s WHERE venue_id = %s", [why, venue_id])

    def note_in_use(self, settings: Mapping[str, SessionSettings]) -> None:
        """Note the settings that sessions have, for who looks at them."""
        for venue_id, one in settings.items():
            self._connection.execute(
                "UPDATE fix_sessions SET in_use = %s WHERE venue_id = %s",
                [Jsonb(msgspec.to_builtins(one)), venue_id],
            )

    def commands(self) -> list[FixCommand]:
        """Return what was asked for and has no outcome, the oldest first."""
        return [
            FixCommand(
                command_id=command_id,
                venue_id=venue_id,
                kind=kind,
                arguments=arguments,
                requested_by=requested_by,
                reason=reason,
                requested_at=requested_at,
            )
            for command_id, venue_id, kind, arguments, requested_by, reason, requested_at in (
                self._connection.execute(_COMMANDS)
            )
        ]

    def done(self, command_id: UUID, outcome: str, now: datetime) -> None:
        """Note what came of a command."""
        self._connection.execute(
            "UPDATE fix_commands SET done_at = %s, outcome = %s WHERE command_id = %s AND done_at IS NULL",
            [now, outcome, command_id],
        )

    def wire_ids(self, venue_id: str) -> Mapping[str, str]:
        """Return, by ClOrdID, which id the venue knows each child with quantity left by."""
        return dict(self._connection.execute(_WIRE_IDS, [venue_id]).fetchall())

    def children_with(self, venue_id: str, wire_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the ClOrdID of the children that a venue knows by these ids, as far as there are any."""
        return dict(self._connection.execute(_CHILDREN_WITH, [venue_id, list(wire_ids)]).fetchall())
