"""Routing profiles and accounts' preferences in Postgres.

A profile is never changed: a new version is added.
"""

from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import ProfileView
from oms_platform.clock import Clock
from oms_platform.vocabulary import Routing
from oms_platform.wire import encode

_encoder: Final = msgspec.json.Encoder(decimal_format="string")
# Two who add a version at the same time take turns.
_ADD: Final = """
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('routing_profiles')))
INSERT INTO routing_profiles (profile, version, active, settings, created_at, created_by)
SELECT %(name)s, 1 + coalesce((SELECT max(version) FROM routing_profiles WHERE profile = %(name)s), 0), true,
       %(settings)s, %(now)s, %(by)s
FROM turn RETURNING version
"""


def _dumps(value: Any) -> str:
    return _encoder.encode(value).decode()


class PostgresRoutingAdmin:
    """The RoutingAdmin on `routing_profiles` and `account_routing`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def profiles(self) -> list[ProfileView]:
        """Return the newest active version of every profile."""
        rows = await self._pool.run(
            "SELECT DISTINCT ON (profile) profile, version, active, settings, created_at, created_by"
            " FROM routing_profiles WHERE active ORDER BY profile, version DESC",
            (),
        )
        return [ProfileView(*row) for row in rows]

    async def add_profile(self, name: str, settings: dict[str, object], by: str) -> int:
        """Store a new version of a profile, active from now on, and return its number."""
        values = {"name": name, "settings": Jsonb(settings, dumps=_dumps), "now": self._clock(), "by": by}
        return int((await self._pool.run(_ADD, values))[0][0])

    async def retire_profile(self, name: str) -> bool:
        """Make every version of a profile inactive. Returns whether any was active."""
        rows = await self._pool.run(
            "UPDATE routing_profiles SET active = false WHERE profile = %s AND active RETURNING version",
            (name,),
        )
        return bool(rows)

    async def account_routing(self, account_id: str) -> Routing:
        """Return an account's routing preferences."""
        rows = await self._pool.run(
            "SELECT routing FROM account_routing WHERE account_id = %s", (account_id,)
        )
        return msgspec.convert(rows[0][0], Routing) if rows else Routing()

    async def set_account_routing(self, account_id: str, routing: Routing, by: str) -> None:
        """Replace an account's routing preferences."""
        await self._pool.run(
            "INSERT INTO account_routing (account_id, routing, updated_at, updated_by)"
            " VALUES (%s, %s::jsonb, %s, %s) ON CONFLICT (account_id) DO UPDATE SET"
            " routing = EXCLUDED.routing, updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by",
            (account_id, encode(routing).decode(), self._clock(), by),
        )
