"""What is asked of the router and of risk, and how routing is set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import msgspec

from oms_api.ports.orders import Instant, View
from oms_platform.messages import RouteRequest
from oms_platform.vocabulary import OrderChange, OrderTerms, Routing


class RiskView(View, frozen=True):
    """The verdict that an order would get now. denial: `CODE: key=value`, empty when accepted.

    checks: of each rule, its value and bound, how far within that it is (headroom), what came of it (outcome:
    PASSED, WARNED, SHADOWED, OVERRIDDEN, DENIED), of which scope the bound is, and who let it pass
    (overriddenBy).
    """

    accepted: bool
    denial: str
    checks: list[dict[str, object]]


class ScorecardView(View, frozen=True):
    """What our own fills say of a venue; see docs/scorecards.md."""

    venue_id: str
    closed_reason: str
    closed_until: Instant | None
    updated_at: Instant | None
    scorecard: msgspec.Raw


class Explained(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route's explanation as JSON; None: its inputs are no more there."""

    explanation: bytes | None
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityQuestion:
    """Of which orders execution quality is asked, by what cut. None: all that there are."""

    since: datetime
    until: datetime
    accounts: frozenset[str] | None
    symbols: frozenset[str] | None
    side: str | None
    cut: str
    lines_max: int


class QualityRow(View, frozen=True, kw_only=True):
    """A figure of a line. name, orders to avg_px: the line's; of single orders symbol, side and strategy too.

    The last line is the total, named all. gain: whether more of it is better for us. bps: basis points of the
    notional, share-weighted; bps_low, bps_high: its 95 % interval over `orders_known` orders, null of fewer
    than 10. shares: for which it is known; missing_shares: for which it is not; short_shares: those of them
    that a naive router would not have found displayed. Amounts are dollars.
    """

    name: str
    symbol: str | None
    side: str | None
    strategy: str | None
    orders: int
    shares_wanted: int
    shares_filled: int
    fills: int
    fill_rate: Decimal | None
    notional: Decimal
    arrival_mid: Decimal | None
    avg_px: Decimal | None
    figure: str
    gain: bool
    bps: Decimal | None
    bps_low: Decimal | None
    bps_high: Decimal | None
    orders_known: int
    dollars: Decimal | None
    per_share: Decimal | None
    shares: int
    missing_shares: int
    short_shares: int


class QualityView(View, frozen=True, kw_only=True):
    """Execution quality of so many orders. refused: by risk. lines_left_out: over the limit."""

    cut: str
    since: Instant = msgspec.field(name="from")
    until: Instant = msgspec.field(name="to")
    orders: int
    refused: int
    lines_left_out: int
    rows: list[QualityRow]


class Router(Protocol):
    """Asks the SOR what changes nothing. Raises UnavailableError, or RoutingRefusedError with its words."""

    async def preview(self, request: RouteRequest) -> msgspec.Raw:
        """Return the plan that an order would get now with its explanation, as JSON."""
        ...

    async def what_if(self, question: "WhatIf") -> dict[str, msgspec.Raw]:
        """Return a decision as `stored`, decided `again`, and `changed`, as JSON.

        Each is a plan; those that are decided now have their explanation in it.
        """
        ...

    async def explain(self, order_id: UUID) -> dict[int, Explained]:
        """Return the explanations of an order's routes, by attempt."""
        ...

    async def inputs(self, order_id: UUID, attempt: int) -> dict[str, msgspec.Raw]:
        """Return a decision's `request`, `book` and `reference` as JSON."""
        ...

    async def scorecards(self) -> list[ScorecardView]:
        """Return every venue's scorecard."""
        ...

    async def quality(self, question: QualityQuestion) -> QualityView:
        """Return what orders cost against the quotes of their time."""
        ...

    async def profile_problems(self, name: str, settings: dict[str, object]) -> list[str]:
        """Return what is wrong with a routing profile's settings."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A stored decision and what is to be changed. fees: venue, then dollars a share to add and to remove."""

    order_id: UUID
    attempt: int
    profile: str = ""
    strategy: str = ""
    weights: dict[str, object] | None = None
    without: tuple[str, ...] = ()
    fees: tuple[tuple[str, str, str], ...] = ()


class RiskDesk(Protocol):
    """Asks the core for a risk verdict. Raises UnavailableError."""

    async def verdict(self, terms: OrderTerms) -> RiskView:
        """Return the verdict that an order would get now."""
        ...

    async def verdict_of_change(self, account_id: str, order_id: UUID, change: OrderChange) -> RiskView:
        """Return the verdict that an order's replace would get now. Raises RoutingRefusedError."""
        ...

    async def verdicts(self, account_id: str, orders: Sequence[OrderTerms]) -> list[RiskView]:
        """Return the verdicts that orders of one account would get if they came now, one after the other."""
        ...


class ProfileView(View, frozen=True):
    """A version of a routing profile. created_by, reason: who added it and why; retired_by: who ended it."""

    profile: str
    version: int
    active: bool
    settings: dict[str, object]
    created_at: Instant
    created_by: str
    reason: str
    retired_at: Instant | None
    retired_by: str | None
    retired_reason: str | None


class AccountRouting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account's routing preferences. changed_at: None: they were never set."""

    routing: Routing
    changed_at: datetime | None = None


class RoutingAdmin(Protocol):
    """Reads and changes routing profiles and accounts' preferences. Raises UnavailableError."""

    async def profiles(self) -> list[ProfileView]:
        """Return the newest active version of every profile."""
        ...

    async def profile_versions(self, name: str) -> list[ProfileView]:
        """Return the newest versions of a profile, at most 200, the newest first; none of an unknown one."""
        ...

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
        ...

    async def retire_profile(self, name: str, *, by: str, reason: str, expected: int | None = None) -> bool:
        """Make every version of a profile inactive. Returns whether any was active.

        expected: the newest version; nothing is retired, and False returned, if it is another.
        """
        ...

    async def account_routing(self, account_id: str) -> AccountRouting:
        """Return an account's routing preferences."""
        ...

    async def set_account_routing(
        self, account_id: str, routing: Routing, by: str, *, expected: AccountRouting | None = None
    ) -> AccountRouting | None:
        """Replace an account's routing preferences. None, and no change, if they are not those expected."""
        ...
