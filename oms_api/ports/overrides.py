"""A second person's leave for orders that risk denied: granted, looked at and taken back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from oms_api.ports.orders import Instant, View
from oms_platform.vocabulary import OrderTerms, RiskCheck


class RuleLetPass(View, frozen=True):
    """A rule that denied: what it found, and the limit. It may find no worse, and its limit be no tighter."""

    rule: str
    value: str
    limit: str


class OverrideView(View, frozen=True, kw_only=True):
    """Leave for one order to pass rules that denied it. status: OPEN, USED, REVOKED or EXPIRED.

    order_id: that was denied, or of the replace that was (kind REPLACE). trader: who asked, and may ask
    again: for just this order, of at most this quantity and at no worse a limit. used_by: the order, or the
    request to replace, that passed by it.
    """

    override_id: UUID
    status: str
    kind: str
    order_id: UUID
    request_id: UUID
    account_id: str
    trader: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: int
    limit_price: Decimal | None
    rules: list[RuleLetPass]
    granted_by: str
    reason: str
    granted_at: Instant
    expires_at: Instant
    used_by: UUID | None
    used_at: Instant | None
    revoked_by: str | None
    revoke_reason: str | None
    revoked_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """What risk denied last of an order: the order itself, or a replace of it.

    order_id: of the order that the replace is about, None of an order itself. asked_by: everybody who asked
    for it.
    """

    request_id: UUID
    order_id: UUID | None
    terms: OrderTerms
    trader: str
    asked_by: frozenset[str]
    checks: tuple[RiskCheck, ...]
    overridable: bool
    denied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOverride:
    """Leave that is to be given."""

    override_id: UUID
    denied: Denied
    checks: tuple[RiskCheck, ...]
    by: str
    reason: str
    granted_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOrder:
    """An order by its id, or by its client's own and its account; both, if both are given.

    accounts: among these, None for every one.
    """

    order_id: UUID | None
    account_id: str | None
    client_order_id: str | None
    accounts: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideFilter:
    """Which leave, the newest first. accounts: of these, None for every one. before: granted before then."""

    limit: int
    accounts: frozenset[str] | None
    account_id: str | None = None
    order_id: UUID | None = None
    open_at: datetime | None = None
    before: datetime | None = None


class OverrideDesk(Protocol):
    """Gives leave, and takes it back. Raises UnavailableError."""

    async def order_id(self, named: NamedOrder) -> UUID | None:
        """Return the order that is meant, None where there is none."""
        ...

    async def denied(self, order_id: UUID) -> Denied | None:
        """Return what risk denied last of an order, None where it denied nothing."""
        ...

    async def grant(self, override: NewOverride) -> OverrideView | None:
        """Give leave. None where there is leave for the same denial already."""
        ...

    async def overrides(self, wanted: OverrideFilter, now: datetime) -> list[OverrideView]:
        """Return leave that was given, the newest first."""
        ...

    async def revoke(self, order_id: UUID, *, by: str, reason: str, now: datetime) -> list[OverrideView]:
        """Take back what leave of an order is not used, expired or not. Returns it."""
        ...
