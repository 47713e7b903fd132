"""What there is to trade, for whom and where, and how it is quoted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from oms_api.ports.orders import Instant, View


class AccountView(View, frozen=True):
    """Who trades."""

    account_id: str
    name: str
    kind: str
    status: str


class InstrumentView(View, frozen=True):
    """What is traded. tick_size, reference_price: dollars. lot_size: shares."""

    symbol: str
    name: str
    status: str
    tick_size: Decimal
    lot_size: int
    reference_price: Decimal


class VenueView(View, frozen=True):
    """Where orders go. add_fee, remove_fee: dollars a share today, below 0 a rebate; null without a schedule.

    latency_us: expected until an acknowledgement. closed_reason: why the router passes it over, or empty.
    session_up: its FIX session; null before it was ever up. session_reason: why it is down.
    """

    venue_id: str
    name: str
    kind: str
    status: str
    latency_us: int
    lot_size: int
    min_quantity: int
    add_fee: Decimal | None
    remove_fee: Decimal | None
    closed_reason: str
    closed_until: Instant | None
    session_up: bool | None
    session_reason: str
    session_changed_at: Instant | None


class Catalog(Protocol):
    """Reads what there is to trade, for whom and where. Raises UnavailableError."""

    async def accounts(self) -> list[AccountView]:
        """Return every account, by id."""
        ...

    async def instruments(self) -> list[InstrumentView]:
        """Return every instrument, by symbol."""
        ...

    async def venues(self) -> list[VenueView]:
        """Return every venue, by id."""
        ...


class QuoteView(View, frozen=True):
    """The national best bid and offer of a symbol over the lit venues. Sizes: shares there in all."""

    symbol: str
    sequence: int
    bid: Decimal | None
    bid_size: int
    ask: Decimal | None
    ask_size: int
    quoted_at: Instant


class LevelView(View, frozen=True):
    """One displayed price."""

    price: Decimal
    size: int


class VenueBookView(View, frozen=True):
    """One venue's displayed book, best level first."""

    venue_id: str
    bids: list[LevelView]
    asks: list[LevelView]


class BookView(View, frozen=True):
    """Every venue's displayed book of a symbol at one instant."""

    symbol: str
    sequence: int
    bid: Decimal | None
    ask: Decimal | None
    venues: list[VenueBookView]
    quoted_at: Instant


class MarketData(Protocol):
    """Asks the market data service. Raises UnavailableError."""

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteView]:
        """Return the newest quote of each symbol, in their order; without those that nobody quotes."""
        ...

    async def book(self, symbol: str) -> BookView | None:
        """Return every venue's displayed book of a symbol; None when nobody quotes it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What requests may name. tick_sizes: dollars by symbol. profiles: the active ones."""

    accounts: frozenset[str] = frozenset()
    tick_sizes: Mapping[str, Decimal] = field(default_factory=dict)
    profiles: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


class ReferenceData(Protocol):
    """Accounts, instruments, routing profiles and venues, in memory."""

    def account_exists(self, account_id: str) -> bool:
        """Return whether the account is known."""
        ...

    def tick_size(self, symbol: str) -> Decimal | None:
        """Return the tick size of a known symbol, else None."""
        ...

    def profile_exists(self, profile: str) -> bool:
        """Return whether an active routing profile has this name."""
        ...

    def venue_exists(self, venue_id: str) -> bool:
        """Return whether the venue is known."""
        ...

    async def refresh(self) -> None:
        """Read again what is stored, if that was not done just now."""
        ...

    async def reload(self) -> None:
        """Read again what is stored: something of it was just changed."""
        ...
