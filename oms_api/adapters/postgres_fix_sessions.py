"""Venues' FIX sessions in Postgres, and what the desk asks of them: the adapter notes what came of it."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import FixCommandView, FixSessionView
from oms_platform.clock import Clock
from oms_platform.ids import uuid7

_SESSIONS: Final = """
SELECT v.venue_id, s.up, coalesce(s.reason, ''), s.changed_at, coalesce(s.on_purpose, false),
       coalesce(s.held_out, ''), s.out_seq, s.numbers_began_at, coalesce(s.in_use, k.settings),
       k.version, k.changed_at, k.changed_by
FROM venues v LEFT JOIN fix_sessions s USING (venue_id) LEFT JOIN venue_sessions k USING (venue_id)
ORDER BY v.venue_id
"""
# What settings became is with the settings.
_COMMAND: Final = (
    "command_id, venue_id, kind, CASE kind WHEN 'RESEND' THEN arguments ELSE '{}' END, requested_by, reason,"
    " requested_at, done_at, outcome"
)


class PostgresFixSessions:
    """The FixSessionDesk on `fix_sessions`, `venue_sessions` and `fix_commands`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def sessions(self) -> list[FixSessionView]:
        """Return every venue's session, by venue."""
        return [FixSessionView(*row) for row in await self._pool.run(_SESSIONS)]

    async def commands(self, venue_id: str, rows_max: int) -> list[FixCommandView]:
        """Return what was asked of a session, newest first."""
        rows = await self._pool.run(
            f"SELECT {_COMMAND} FROM fix_commands WHERE venue_id = %s ORDER BY command_id DESC LIMIT %s",
            (venue_id, rows_max),
        )
        return [FixCommandView(*row) for row in rows]

    async def ask(
        self, venue_id: str, kind: str, arguments: Mapping[str, int], *, by: str, reason: str
    ) -> FixCommandView:
        """Note what is asked of a session; the adapter does it within seconds."""
        rows = await self._pool.run(
            "INSERT INTO fix_commands (command_id, venue_id, kind, arguments, requested_by, reason,"
            f" requested_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COMMAND}",
            (uuid7(), venue_id, kind, Jsonb(dict(arguments)), by, reason, self._clock()),
            by=by,
            reason=reason,
        )
        return FixCommandView(*rows[0])

    async def withdraw(self, venue_id: str, command_id: UUID, by: str) -> FixCommandView | None:
        """Take back what was asked. None when it is not there, or done."""
        rows = await self._pool.run(
            "UPDATE fix_commands SET done_at = %s, outcome = %s WHERE venue_id = %s AND command_id = %s"
            f" AND done_at IS NULL RETURNING {_COMMAND}",
            (self._clock(), f"withdrawn by {by}", venue_id, command_id),
            by=by,
        )
        return FixCommandView(*rows[0]) if rows else None
