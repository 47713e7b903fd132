"""Plans and offsets in Postgres, reference data from it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg

from oms_platform.errors import OperationalError
from oms_platform.postgres import ArrayStatement, Connection, save_offsets
from sor_engine.domain.routing import InvalidProfileError, Profile, Venue
from sor_engine.ports import PlannedRoute, Reference, UnstorableRouteError

GROUP: Final = "sor-engine"
_INSERT: Final = ArrayStatement.insert(
    "route_audit",
    (
        ("order_id", "uuid"),
        ("attempt", "int"),
        ("route_id", "uuid"),
        ("account_id", "text"),
        ("plan", "bytea"),
        ("received_at", "timestamptz"),
        ("decided_at", "timestamptz"),
    ),
    "ON CONFLICT DO NOTHING RETURNING order_id, attempt",
)
_SELECT: Final = ArrayStatement(
    (("order_id", "uuid"), ("attempt", "int")),
    "SELECT kept.order_id, kept.attempt, kept.plan FROM {rows}"
    " JOIN route_audit kept ON kept.order_id = row.order_id AND kept.attempt = row.attempt",
)
_VENUES: Final = """
SELECT DISTINCT ON (venue_id) venue_id, kind = 'LIT', status = 'ACTIVE', latency_us,
       coalesce(add_fee, 0), coalesce(remove_fee, 0)
FROM venues LEFT JOIN (
    SELECT * FROM fee_schedules WHERE effective_from <= (now() AT TIME ZONE 'UTC')::date
) fees USING (venue_id)
ORDER BY venue_id, effective_from DESC
"""


class ReferenceUnavailableError(OperationalError):
    """The reference data is not there yet."""


class PostgresRouteStore:
    """RouteStore on the table `route_audit`."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        self._connection = connection
        self._incarnation = incarnation

    def store(
        self, routes: Sequence[PlannedRoute], next_offsets: Mapping[tuple[str, int], int], now: datetime
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store new plans and the offsets in one transaction, and return the plans that were there before."""
        if not routes and not next_offsets:
            return {}
        inserted = self._connection.cursor()
        try:
            with (
                self._connection.pipeline(),
                self._connection.transaction(),
                self._connection.cursor() as cursor,
            ):
                _INSERT.execute(inserted, [_row(route) for route in routes])
                save_offsets(cursor, GROUP, self._incarnation, next_offsets, now)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise UnstorableRouteError(str(error).strip()) from error
        new = {(order_id, attempt) for order_id, attempt in inserted.fetchall()} if routes else set()
        old = [key for route in routes if (key := (route.plan.order_id, route.plan.attempt)) not in new]
        return self._read(old)

    def _read(self, keys: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], bytes]:
        if not keys:
            return {}
        with self._connection.cursor() as cursor:
            _SELECT.execute(cursor, keys)
            return {(order_id, attempt): bytes(plan) for order_id, attempt, plan in cursor.fetchall()}

    def unstorable(self, routes: Sequence[PlannedRoute]) -> Mapping[tuple[UUID, int], str]:
        """Try each plan by itself, keeping nothing, and return those that are refused."""
        refused: dict[tuple[UUID, int], str] = {}
        for route in routes:
            try:
                with self._connection.transaction(force_rollback=True), self._connection.cursor() as cursor:
                    _INSERT.execute(cursor, [_row(route)])
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                refused[route.plan.order_id, route.plan.attempt] = str(error).strip()
        return refused


def _row(route: PlannedRoute) -> tuple[object, ...]:
    plan = route.plan
    return (
        plan.order_id,
        plan.attempt,
        plan.route_id,
        plan.account_id,
        route.payload,
        plan.received_at,
        plan.decided_at,
    )


class PostgresReference:
    """ReferenceSource on the reference tables."""

    def __init__(self, connection: Connection, profile: str) -> None:
        self._connection = connection
        self._profile = profile

    def load(self) -> Reference:
        """Read venues with today's fees, ticks, and the active profile's newest version."""
        venues = self._connection.execute(_VENUES).fetchall()
        ticks = self._connection.execute("SELECT symbol, tick_size FROM instruments").fetchall()
        found = self._connection.execute(
            "SELECT version, settings FROM routing_profiles WHERE profile = %s AND active"
            " ORDER BY version DESC LIMIT 1",
            (self._profile,),
        ).fetchone()
        if found is None or not venues:
            raise ReferenceUnavailableError(
                f"expected an active routing profile {self._profile!r} and venues, found {len(venues)} venues"
            )
        return Reference(
            venues=tuple(
                Venue(
                    venue_id=name,
                    lit=lit,
                    active=active,
                    latency_us=latency_us,
                    add_fee=add,
                    remove_fee=remove,
                )
                for name, lit, active, latency_us, add, remove in venues
            ),
            profile=profile_from_settings(self._profile, found[0], found[1]),
            ticks=dict(ticks),
        )


def profile_from_settings(name: str, version: int, settings: Mapping[str, Any]) -> Profile:
    """Read a profile's JSON settings. Raises InvalidProfileError."""
    try:
        weights = settings["weights"]
        return Profile(
            name=name,
            version=version,
            price=Decimal(str(weights["price"])),
            liquidity=Decimal(str(weights["liquidity"])),
            fill_rate=Decimal(str(weights["fill_rate"])),
            cost=Decimal(str(weights["cost"])),
            fill_rates={venue: Decimal(str(rate)) for venue, rate in settings.get("fill_rates", {}).items()},
            fill_rate_prior=Decimal(str(settings.get("fill_rate_prior", "0.9"))),
            aggression_bps=int(settings.get("aggression_bps", 10)),
            market_collar_bps=int(settings.get("market_collar_bps", 100)),
        )
    except (KeyError, TypeError, ArithmeticError, AttributeError) as error:
        raise InvalidProfileError(f"routing profile {name} version {version}: {error!r}") from error
