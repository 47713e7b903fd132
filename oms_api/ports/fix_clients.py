"""Clients' FIX sessions, and what these call orders and requests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from oms_api.domain.client_numbers import NumbersChange, StoredNumbers
from oms_api.domain.principal import Principal, Right
from oms_platform.fix.clients import ClientSettings
from oms_platform.messages import CancelOrder, ReplaceOrder
from oms_platform.vocabulary import OrderTerms


class FixClient(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A client's FIX session as operators have set it. version: another one after each change.

    of_firm: the accounts of the firm that it is a drop copy of.
    """

    settings: ClientSettings
    password_hash: str
    enabled: bool
    version: str
    of_firm: tuple[str, ...] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that exist for it."""
        return self.settings.accounts or self.of_firm

    @property
    def principal(self) -> Principal:
        """As whom the session asks."""
        rights = frozenset(Right[name] for name in self.settings.rights)
        return Principal(
            subject=f"fix:{self.settings.comp_id}", rights=rights, accounts=frozenset(self.accounts)
        )


class FixClients(Protocol):
    """Keeps clients' FIX sessions. Every method raises UnavailableError when the store is away."""

    async def client(self, comp_id: str) -> FixClient | None:
        """Return a client's session as it is set, or None."""
        ...

    async def versions(self, comp_ids: Sequence[str]) -> dict[str, str]:
        """Return the version of each of these clients that is enabled."""
        ...

    async def claim(self, comp_id: str, now: datetime) -> StoredNumbers | None:
        """Take a session for this gateway. Returns its numbers; None if another gateway has it."""
        ...

    async def release(self, comp_id: str) -> None:
        """Give a session back. Raises nothing."""
        ...

    async def save(self, change: NumbersChange) -> None:
        """Store what has happened in a session, durably. Raises SessionLostError if it is not ours."""
        ...

    async def sent(
        self, comp_id: str, numbers: int, begin: int, end: int, rows_max: int
    ) -> list[tuple[int, bytes]]:
        """Return application messages that were sent, by their numbers."""
        ...


class Replacement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order became by a replace, and the request, None where that is no more there."""

    order_id: UUID
    terms: OrderTerms
    request: ReplaceOrder | None


class FixOrders(Protocol):
    """Finds orders and requests by what FIX calls them. Every method raises UnavailableError."""

    async def order_id(self, accounts: Sequence[str], cl_ord_id: str) -> UUID | None:
        """Return the order that came over FIX to one of these accounts under a ClOrdID."""
        ...

    async def terms(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderTerms]:
        """Return what was asked for."""
        ...

    async def changes(self, request_ids: Sequence[UUID]) -> dict[UUID, CancelOrder | ReplaceOrder]:
        """Return requests to cancel and to replace."""
        ...

    async def replacements(self, orders: Sequence[tuple[UUID, int]]) -> Sequence[Replacement]:
        """Return what orders were replaced by before a sequence of their events each, the oldest first."""
        ...

    async def cancel_of(self, order_id: UUID) -> CancelOrder | None:
        """Return the request of the cancel that an order ended by or has pending, None for none."""
        ...

    async def has_change(self, order_id: UUID, cl_ord_id: str) -> bool:
        """Return whether an order has a request to cancel or to replace under this ClOrdID."""
        ...
