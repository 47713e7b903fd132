"""What the SOR's handlers need from outside, and the shapes in which a decision's inputs are kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from oms_platform.errors import OperationalError
from oms_platform.market_rules import DayRules
from oms_platform.messages import Quote, RoutePlan, RouteRequest
from oms_platform.venue_limits import VenueBound
from oms_platform.vocabulary import Routing
from sor_engine.domain.market import ACCESS_FEE_CAP_MICROS, DarkBelief, Venue, VenueStats
from sor_engine.domain.profile import Profile
from sor_engine.domain.quality_evidence import Evidence, Tape


class StoredProfile(msgspec.Struct, frozen=True, gc=False):
    """A version of a routing profile as it is stored."""

    version: int
    settings: dict[str, Any]


class ReferenceContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every decision stands on until it changes; kept with the audit. closed: venue to reason."""

    venues: tuple[Venue, ...]
    profiles: dict[str, StoredProfile]
    stats: dict[str, VenueStats] = {}
    closed: dict[str, str] = {}
    beliefs: dict[str, DarkBelief] = {}


class FrozenInputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What only this decision stood on, beside its book and its reference; kept with the audit.

    request: as it came. routing: the effective preferences of order and account, and the profile that was
    used. not_traded: the symbol's status while it does not trade. reference_micros: its price where nobody
    displays both sides. quote_clock_us: what was added to the quote's time to have it by our clock. taken,
    outflows: see `Market`. tick_micros: from a dollar on, None for a symbol that is not known;
    sub_dollar_tick_micros: below a dollar, 0 for the same. access_fee_cap_micros: at the order's price.
    order_protection: as the day's rules have it. round_lot: of an order that shows a part of itself.
    listing_venue: of an order for an auction, who holds it; empty for nobody. killed: the kill switch that
    lets nothing of it be placed, or that nobody can read them. stopped: venues that one keeps it from, why.
    bounds: what limits let it have at venues of which they say anything.
    """

    request: RouteRequest
    routing: Routing
    tick_micros: int | None
    quote_age_us: int
    quote_age_us_max: int
    taken: dict[str, int] = {}
    outflows: dict[str, tuple[int, ...]] = {}
    not_traded: str = ""
    reference_micros: int | None = None
    quote_clock_us: int = 0
    sub_dollar_tick_micros: int = 0
    access_fee_cap_micros: int = ACCESS_FEE_CAP_MICROS
    order_protection: bool = True
    round_lot: int = 1
    listing_venue: str = ""
    killed: str = ""
    stopped: dict[str, str] = {}
    bounds: dict[str, VenueBound] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The content, read: profiles by name, or why one cannot be used; and what needs no keeping.

    rules: of today. not_traded: by symbol, the status of each that does not trade. reference_micros: of every
    known symbol, a price where there is no quote. listing_venues: of each symbol that has one.
    """

    content: ReferenceContent
    profiles: Mapping[str, Profile]
    unusable: Mapping[str, str] = field(default_factory=dict)
    default_profile: str
    accounts: Mapping[str, Routing]
    rules: DayRules
    not_traded: Mapping[str, str] = field(default_factory=dict)
    reference_micros: Mapping[str, int]
    listing_venues: Mapping[str, str] = field(default_factory=dict)


class Quotes(Protocol):
    """The live book."""

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote without waiting."""

    def age_s(self, symbol: str) -> float:
        """Return the seconds since that quote came; infinite before the first."""

    def silent_s(self, symbol: str) -> float:
        """Return for how many seconds nothing has said that it still stands; infinite before the first."""

    def is_change(self, symbol: str) -> bool:
        """Return whether it came when it was made, and not as what stood: as a stream began, or asked for."""

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        """Return a quote that stood `age_ms_max` ago, asking if need be; the last known if none comes."""

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        """Return samples of what left each venue's queue within the horizon, on the side of a buy or sell."""


class ReferenceUnavailableError(OperationalError):
    """The reference data is not there yet."""


class ReferenceSource(Protocol):
    """Where venues, fees, ticks, routing profiles, preferences and measurements are kept."""

    def load(self) -> Reference:
        """Read all of it. Raises ReferenceUnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A plan with everything that it stood on, as it is kept. quote: None when nobody quoted the symbol.

    digest: of what was decided, see `digest_of`. quote_wait_us, decision_us: how long it took.
    """

    plan: RoutePlan
    inputs: FrozenInputs
    quote: Quote | None
    content: ReferenceContent
    digest: bytes
    quote_wait_us: int = 0
    decision_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRoute:
    """A decision with the bytes of its plan and its inputs, as they are stored; the plan's are published."""

    decided: Decided
    payload: bytes
    inputs: bytes
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRoute:
    """A route of the audit. decided: None when what it stood on is no more there."""

    plan: RoutePlan
    digest: bytes
    decided: Decided | None


class RouteStore(Protocol):
    """Keeps the first plan of every route with its inputs, and how far the consumer has come."""

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


class InputsNotKeptError(ValueError):
    """A decision's plan is stored, but not what it stood on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueScorecard:
    """A venue's scorecard as people read it; see docs/scorecards.md."""

    venue_id: str
    closed_reason: str
    closed_until: datetime | None
    updated_at: datetime | None
    scorecard: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityScope:
    """Orders created from `since` on and before `until`. None: of every account, every symbol, both sides."""

    since: datetime
    until: datetime
    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    side: str | None = None


class QualityEvidence(Protocol):
    """What a report of execution quality stands on. Raises TimeoutError when reading it takes too long."""

    def orders(self, most: int) -> int:
        """Return how many orders there are, no more than `most`."""

    def batches(self) -> Iterator[tuple[Evidence, Tape]]:
        """Yield the evidence of so many orders at a time, with the quotes that it asks for."""

    def refused(self) -> int:
        """Return how many orders risk refused, which are in no batch."""


class QualityReader(Protocol):
    """Opens the evidence of a scope."""

    def evidence(self, scope: QualityScope) -> AbstractContextManager[QualityEvidence]:
        """Open what a report of a scope stands on."""


class SorReader(Protocol):
    """Reads what is stored, from any thread. Raises OperationalError while the store is away."""

    def decided(self, order_id: UUID, attempt: int) -> Decided | None:
        """Return a stored decision; None when there is none. Raises InputsNotKeptError."""

    def routes(self, order_id: UUID) -> list[KeptRoute]:
        """Return every route of an order, by attempt."""

    def scorecards(self) -> list[VenueScorecard]:
        """Return every venue's scorecard, empty for one that was never used."""
