"""Where shares can be borrowed: the days' easy-to-borrow lists, and locates of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from oms_api.ports.orders import Instant, View


class LocateView(View, frozen=True, kw_only=True):
    """A locate. quantity: shares; drawn: what orders have sold of it and may still sell; left: the rest.

    valid_on: the day of the session that it is good for.
    """

    account_id: str
    symbol: str
    reference: str
    broker: str
    quantity: int
    drawn: int
    left: int
    valid_on: date
    entered_by: str
    reason: str
    entered_at: Instant


class EasyView(View, frozen=True, kw_only=True):
    """The symbols of a day that need no locate, and who said so."""

    symbols: list[str]
    entered_by: str
    reason: str
    entered_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateLine:
    """A locate that is to be loaded."""

    account_id: str
    symbol: str
    reference: str
    broker: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateFilter:
    """Which locates of a day; None where it does not matter. accounts: those that the caller sees."""

    day: date
    accounts: frozenset[str] | None
    account_id: str | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDay:
    """The first line of a load whose reference is known of another day, or of another broker."""

    index: int
    valid_on: date
    broker: str


class LocateDesk(Protocol):
    """Locates, as they are loaded and read."""

    async def load(
        self,
        day: date,
        lines: Sequence[LocateLine],
        easy: Sequence[str] | None,
        now: datetime,
        *,
        by: str,
        reason: str,
    ) -> OtherDay | None:
        """Load locates of a day and its easy-to-borrow list, all of it or nothing.

        easy None: the list stays as it is. Returns the first line that cannot be, None where all is loaded.
        """

    async def locates(self, wanted: LocateFilter) -> list[LocateView]:
        """Return locates of a day, by symbol and account."""
        ...

    async def easy(self, day: date) -> EasyView | None:
        """Return the easy-to-borrow list of a day, None where there is none."""
