"""Kill switches in Postgres. A row is set once and released once, and stays."""

from typing import Any, Final
from uuid import UUID

import psycopg

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import SwitchView
from oms_platform.clock import Clock
from oms_platform.ids import uuid7

_COLUMNS: Final = (
    "switch_id, scope, name, cancels, reason, set_by, set_at, released_by, release_reason, released_at"
)
_SWITCHES: Final = (
    f"SELECT {_COLUMNS} FROM kill_switches WHERE (%s OR released_at IS NULL)"
    " AND (%s::text[] IS NULL OR scope <> 'ACCOUNT' OR name = ANY(%s))"
    " ORDER BY set_at DESC, switch_id LIMIT %s"
)


class PostgresSwitchDesk:
    """The SwitchDesk on `kill_switches`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def switches(
        self, *, released: bool, accounts: frozenset[str] | None, rows_max: int
    ) -> list[SwitchView]:
        """Return the switches that are set, and those that were released if wanted, the newest first."""
        visible = None if accounts is None else sorted(accounts)
        rows = await self._pool.run(_SWITCHES, (released, visible, visible, rows_max))
        return [SwitchView(*row) for row in rows]

    async def set(self, scope: str, name: str, *, cancels: bool, by: str, reason: str) -> SwitchView | None:
        """Stop a scope. None when it is stopped already."""
        values: tuple[Any, ...] = (uuid7(), scope, name, cancels, reason, by, self._clock())
        try:
            rows = await self._pool.run(
                "INSERT INTO kill_switches (switch_id, scope, name, cancels, reason, set_by, set_at)"
                f" VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                values,
                by=by,
                reason=reason,
            )
        except psycopg.errors.UniqueViolation:
            return None
        return SwitchView(*rows[0])

    async def release(self, switch_id: UUID, by: str, reason: str) -> SwitchView | None:
        """Let a scope trade again. None when there is no such switch that is set."""
        rows = await self._pool.run(
            "UPDATE kill_switches SET released_by = %s, release_reason = %s, released_at = %s"
            f" WHERE switch_id = %s AND released_at IS NULL RETURNING {_COLUMNS}",
            (by, reason, self._clock(), switch_id),
            by=by,
            reason=reason,
        )
        return SwitchView(*rows[0]) if rows else None
