"""What the SOR's handlers need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from oms_platform.messages import Quote, RoutePlan
from sor_engine.domain.routing import Profile, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a decision stands on: venues with today's fees, the routing profile, each symbol's tick."""

    venues: tuple[Venue, ...]
    profile: Profile
    ticks: Mapping[str, Decimal]


class Quotes(Protocol):
    """The live book."""

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote without waiting."""

    def age_s(self, symbol: str) -> float:
        """Return the seconds since that quote came; infinite before the first."""

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int) -> Quote | None:
        """Return a quote no older than `age_ms_max`, asking if need be; the last known if none comes."""


class ReferenceSource(Protocol):
    """Where venues, fees, ticks and the routing profile are kept."""

    def load(self) -> Reference:
        """Read the reference data. Raises ReferenceUnavailableError or InvalidProfileError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRoute:
    """A plan and its bytes as they are stored and published."""

    plan: RoutePlan
    payload: bytes
    traceparent: str


class RouteStore(Protocol):
    """Keeps the first plan of every route, and how far the consumer has come."""

    def store(
        self, routes: Sequence[PlannedRoute], next_offsets: Mapping[tuple[str, int], int], now: datetime
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store new plans and the offsets in one transaction.

        Returns, by (order_id, attempt), the bytes of each plan that was there before: that plan stands.
        Raises UnstorableRouteError.
        """

    def unstorable(self, routes: Sequence[PlannedRoute]) -> Mapping[tuple[UUID, int], str]:
        """Return which of `routes` the database refuses, each with its reason."""


class UnstorableRouteError(ValueError):
    """The database refuses at least one plan of a batch; nothing of the batch was stored."""
