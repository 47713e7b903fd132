"""Routing profiles and accounts' preferences in Postgres.

A profile is never changed: a new version is added.
"""

from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import AccountRouting, ProfileView, UnavailableError
from oms_platform.clock import Clock
from oms_platform.vocabulary import Routing
from oms_platform.wire import encode

_encoder: Final = msgspec.json.Encoder(decimal_format="string")
# So many versions of a profile are told, the newest first.
VERSIONS_MAX: Final = 200
_COLUMNS: Final = (
    "profile, version, active, settings, created_at, created_by, reason,"
    " retired_at, retired_by, retired_reason"
)
# Of two who add a version at the same time, one finds its number taken, and tries the next.
ADD_TRIES: Final = 10
_ADD: Final = """
INSERT INTO routing_profiles (profile, version, active, settings, created_at, created_by)
SELECT %(name)s, 1 + newest.version, true, %(settings)s, %(now)s, %(by)s
FROM (SELECT coalesce(max(version), 0) AS version FROM routing_profiles WHERE profile = %(name)s) newest
WHERE coalesce(%(expected)s, newest.version) = newest.version
ON CONFLICT DO NOTHING RETURNING version
"""
_RETIRE: Final = """
UPDATE routing_profiles SET active = false
WHERE profile = %(name)s AND active AND (
    %(expected)s::integer IS NULL
    OR %(expected)s = (SELECT max(version) FROM routing_profiles WHERE profile = %(name)s)
)
RETURNING version
"""
_SET: Final = """
INSERT INTO account_routing AS kept (account_id, routing, updated_at, updated_by)
SELECT %(account)s, %(routing)s::jsonb, %(now)s, %(by)s
WHERE NOT %(conditional)s OR %(expected)s::timestamptz IS NOT NULL
    OR NOT EXISTS (SELECT FROM account_routing WHERE account_id = %(account)s)
ON CONFLICT (account_id) DO UPDATE SET
    routing = EXCLUDED.routing, updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by
    WHERE NOT %(conditional)s OR kept.updated_at = %(expected)s::timestamptz
RETURNING updated_at
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
            f"SELECT DISTINCT ON (profile) {_COLUMNS}"
            " FROM routing_profiles WHERE active ORDER BY profile, version DESC",
            (),
        )
        return [ProfileView(*row) for row in rows]

    async def profile_versions(self, name: str) -> list[ProfileView]:
        """Return the newest versions of a profile, at most 200, the newest first; none of an unknown one."""
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM routing_profiles WHERE profile = %s ORDER BY version DESC LIMIT %s",
            (name, VERSIONS_MAX),
        )
        return [ProfileView(*row) for row in rows]

    async def add_profile(
        self,
        name: str,
        settings: dict[str, object],
        *,
        by: str,
        reason: str,
        expected: int | None = None,
    ) -> int | None:
        """Store a new version of a profile, active from now on, and return its number.

        expected: the newest version, 0 for none; None is returned, and nothing stored, if it is another.
        """
        stored = Jsonb(settings, dumps=_dumps)
        values = {"name": name, "settings": stored, "now": self._clock(), "by": by, "expected": expected}
        for _ in range(1 if expected is not None else ADD_TRIES):
            if rows := await self._pool.run(_ADD, values, by=by, reason=reason):
                return int(rows[0][0])
        if expected is not None:
            return None
        raise UnavailableError(f"others are adding versions of routing profile {name}")

    async def retire_profile(self, name: str, *, by: str, reason: str, expected: int | None = None) -> bool:
        """Make every version of a profile inactive. Returns whether any was active.

        expected: the newest version; nothing is retired, and False returned, if it is another.
        """
        values = {"name": name, "expected": expected}
        return bool(await self._pool.run(_RETIRE, values, by=by, reason=reason))

    async def account_routing(self, account_id: str) -> AccountRouting:
        """Return an account's routing preferences."""
        rows = await self._pool.run(
            "SELECT routing, updated_at FROM account_routing WHERE account_id = %s", (account_id,)
        )
        if not rows:
            return AccountRouting(routing=Routing())
        return AccountRouting(routing=msgspec.convert(rows[0][0], Routing), changed_at=rows[0][1])

    async def set_account_routing(
        self, account_id: str, routing: Routing, by: str, *, expected: AccountRouting | None = None
    ) -> AccountRouting | None:
        """Replace an account's routing preferences. None, and no change, if they are not those expected."""
        values = {
            "account": account_id,
            "routing": encode(routing).decode(),
            "now": self._clock(),
            "by": by,
            "conditional": expected is not None,
            "expected": None if expected is None else expected.changed_at,
        }
        rows = await self._pool.run(_SET, values, by=by)
        return AccountRouting(routing=routing, changed_at=rows[0][0]) if rows else None
