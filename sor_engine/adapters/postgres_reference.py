"""Reference data from Postgres: venues, fees and market rules of today, profiles, preferences, measurements.

A profile whose newest version cannot be used goes on with the last version that could; without one its orders
wait, with the reason.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import Gauge

from oms_platform.clock import Clock
from oms_platform.market_rows import read_market_rules
from oms_platform.market_rules import DayRules, rules_date
from oms_platform.postgres import Connection, reference_versions
from oms_platform.vocabulary import Routing
from sor_engine.domain.censored import Censored
from sor_engine.domain.market import DarkBelief, Venue, VenueStats, micros
from sor_engine.domain.profile import InvalidProfileError, Profile, read_profile
from sor_engine.domain.scorecard import Scorecard, stats_of
from sor_engine.ports import Reference, ReferenceContent, ReferenceUnavailableError, StoredProfile

log = structlog.get_logger()
unusable_profiles = Gauge("oms_sor_unusable_profiles", "Routing profiles whose newest version cannot be used")
_VENUES: Final = """
SELECT DISTINCT ON (venue_id) venue_id, kind = 'LIT', status = 'ACTIVE', latency_us,
       add_fee, remove_fee, lot_size, min_quantity, midpoint_orders, reserve_orders, post_only_orders,
       auction_orders
FROM venues LEFT JOIN (
    SELECT * FROM fee_schedules WHERE effective_from <= (now() AT TIME ZONE 'UTC')::date
) fees USING (venue_id)
ORDER BY venue_id, effective_from DESC
"""
_PROFILES: Final = """
SELECT DISTINCT ON (profile) profile, version, settings FROM routing_profiles WHERE active
ORDER BY profile, version DESC
"""

# The status of an instrument that trades.
_TRADES: Final = "ACTIVE"
# A closure whose wait has been over for so long is no closure: the scorekeeper is away.
OVERDUE: Final = timedelta(seconds=10)
_CLOSURES: Final = """
SELECT venue_id,
       'DOWN: since=' || to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')
FROM fix_sessions WHERE NOT up
UNION ALL
SELECT venue_id, closed_reason FROM venue_scorecards
WHERE closed_until > %s AND venue_id NOT IN (SELECT venue_id FROM fix_sessions WHERE NOT up)
"""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What stays as it was read while its version does. stored: names of profiles that can be used."""

    key: tuple[date, date, int, int]
    venues: tuple[Venue, ...]
    stored: set[str]
    unusable: dict[str, str]
    accounts: dict[str, Routing]
    rules: DayRules
    not_traded: dict[str, str]
    reference_micros: dict[str, int]
    listing_venues: dict[str, str]


class PostgresReference:
    """ReferenceSource on the reference tables and the scorecards."""

    def __init__(self, connection: Connection, default_profile: str, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._default_profile = default_profile
        self._usable: dict[str, tuple[StoredProfile, Profile]] = {}
        self._content: ReferenceContent | None = None
        self._kept: _Kept | None = None

    def load(self) -> Reference:
        """Read what may have changed; equal content is the same object as before.

        Measurements change by themselves. All else is read again when its version says so, or the day does,
        from which fees count.
        """
        version = reference_versions(self._connection)
        now = self._clock()
        # Fees count from a date of UTC, the market's rules from one of New York.
        key = (now.date(), rules_date(now), version["routing"], version["instruments"])
        if self._kept is None or self._kept.key != key:
            self._kept = self._read_kept(key)
        venues, stored, unusable = self._kept.venues, self._kept.stored, self._kept.unusable
        stats, closed, beliefs = self._measured({venue.venue_id: venue.latency_us for venue in venues})
        content = ReferenceContent(
            venues=venues,
            profiles={name: kept for name, (kept, _) in self._usable.items() if name in stored},
            stats=stats,
            closed=closed,
            beliefs=beliefs,
        )
        if content != self._content:
            self._content = content
        return Reference(
            content=self._content or content,
            profiles={name: profile for name, (_, profile) in self._usable.items() if name in stored},
            unusable=unusable,
            default_profile=self._default_profile,
            accounts=self._kept.accounts,
            rules=self._kept.rules,
            not_traded=self._kept.not_traded,
            reference_micros=self._kept.reference_micros,
            listing_venues=self._kept.listing_venues,
        )

    def _read_kept(self, key: tuple[date, date, int, int]) -> "_Kept":
        venues = self._venues()
        stored, unusable = self._profiles()
        if self._default_profile not in {*stored, *unusable} or not venues:
            raise ReferenceUnavailableError(
                f"expected an active routing profile {self._default_profile!r} and venues,"
                f" found {len(venues)} venues"
            )
        instruments = self._connection.execute(
            "SELECT i.symbol, CASE WHEN h.symbol IS NULL THEN i.status ELSE 'HALTED' END,"
            " i.reference_price, i.listing_venue FROM instruments i"
            " LEFT JOIN halts h ON h.symbol = i.symbol AND h.lifted_at IS NULL"
        ).fetchall()
        accounts = self._connection.execute("SELECT account_id, routing FROM account_routing").fetchall()
        return _Kept(
            key=key,
            venues=venues,
            stored=stored,
            unusable=unusable,
            accounts={account: msgspec.convert(routing, Routing) for account, routing in accounts},
            rules=read_market_rules(self._connection).on(key[1]),
            not_traded={row[0]: row[1] for row in instruments if row[1] != _TRADES},
            reference_micros={symbol: micros(price) for symbol, _, price, _ in instruments},
            listing_venues={symbol: venue for symbol, _, _, venue in instruments if venue is not None},
        )

    def _venues(self) -> tuple[Venue, ...]:
        return tuple(
            Venue(
                venue_id=name,
                lit=lit,
                active=active,
                latency_us=latency_us,
                add_fee=add,
                remove_fee=remove,
                lot_size=lot_size,
                min_quantity=min_quantity,
                midpoint_orders=midpoint_orders,
                reserve_orders=reserve_orders,
                post_only_orders=post_only_orders,
                auction_orders=auction_orders,
            )
            for (
                name,
                lit,
                active,
                latency_us,
                add,
                remove,
                lot_size,
                min_quantity,
                midpoint_orders,
                reserve_orders,
                post_only_orders,
                auction_orders,
            ) in self._connection.execute(_VENUES).fetchall()
        )

    def _profiles(self) -> tuple[set[str], dict[str, str]]:
        """Read the newest versions. Returns the names that can be used, and why others cannot."""
        usable: set[str] = set()
        unusable: dict[str, str] = {}
        broken = 0
        for name, version, settings in self._connection.execute(_PROFILES).fetchall():
            kept = self._usable.get(name)
            if kept is None or kept[0].version != version:
                try:
                    profile = read_profile(name, version, settings)
                    self._usable[name] = (StoredProfile(version, settings), profile)
                except InvalidProfileError as error:
                    broken += 1
                    log.warning("profile_unusable", profile=name, version=version, error=str(error))
                    if kept is None:
                        unusable[name] = "; ".join(error.problems)
                        continue
            usable.add(name)
        unusable_profiles.set(broken)
        return usable, unusable

    def _measured(
        self, latencies_us: dict[str, int]
    ) -> tuple[dict[str, VenueStats], dict[str, str], dict[str, DarkBelief]]:
        stats: dict[str, VenueStats] = {}
        beliefs: dict[str, DarkBelief] = {}
        rows: list[tuple[str, dict[str, Any]]] = self._connection.execute(
            "SELECT venue_id, state FROM venue_scorecards"
        ).fetchall()
        for venue_id, state in rows:
            if venue_id not in latencies_us:
                continue
            stats[venue_id] = stats_of(Scorecard.from_state(state), latencies_us[venue_id])
            if "dark" in state:
                beliefs[venue_id] = Censored.from_state(state["dark"]).belief()
        return stats, read_closures(self._connection, self._clock()), beliefs


def read_closures(connection: Connection, now: datetime) -> dict[str, str]:
    """Return the venues that take nothing now, each with the reason.

    Sessions are read from where the adapter writes them, and a closure whose wait has long been over does not
    count: a scorekeeper that is away closes nothing for good.
    """
    return dict(connection.execute(_CLOSURES, (now - OVERDUE,)).fetchall())
