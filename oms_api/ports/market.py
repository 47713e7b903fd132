"""What there is to trade, for whom and where, and how it is quoted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from oms_api.domain.reference_changes import AccountStanding, InstrumentStanding
from oms_api.domain.refusal import Refusal
from oms_api.ports.orders import Instant, View
from oms_platform.market_rules import LONG_STANDING, MarketRules, Ticks
from oms_platform.trading_calendar import Calendar, Session


class AccountView(View, frozen=True):
    """Who trades, for which desk of which firm. status: ACTIVE, SUSPENDED, CLOSED.

    version: counts its changes; changed_by, reason, changed_at: of the last one, and empty of one from before
    they were kept.
    """

    account_id: str
    name: str
    kind: str
    status: str
    firm: str
    desk: str
    version: int
    changed_by: str
    reason: str
    changed_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account that is to be opened."""

    account_id: str
    name: str
    kind: str
    firm: str
    desk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What is to be another of an account; None: as it is."""

    name: str | None = None
    status: str | None = None
    firm: str | None = None
    desk: str | None = None


class InstrumentView(View, frozen=True):
    """What is traded, today. tick_size: dollars, at its reference price. lot_size: shares of a round lot.

    calendar_id: of its hours. halt_reason: why it is halted; null when it is not. listing_venue: who holds
    its auctions; null for nobody that is known. version: counts its changes; changed_by, reason, changed_at:
    of the last one, and empty of one from before they were kept.
    """

    symbol: str
    name: str
    status: str
    tick_size: Decimal
    lot_size: int
    reference_price: Decimal
    calendar_id: str
    halt_reason: str | None
    sector: str
    listing_venue: str | None
    version: int
    changed_by: str
    reason: str
    changed_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentChange:
    """What is to be another of an instrument, from today on; None: as it is. tick_size: dollars."""

    name: str | None = None
    status: str | None = None
    sector: str | None = None
    listing_venue: str | None = None
    tick_size: Decimal | None = None
    lot_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstrument:
    """An instrument that is to be listed. tick_size, lot_size: None for those that everybody has.

    average_volume: shares of a day; sigma_bps: a day's volatility; None where nobody knows.
    """

    symbol: str
    name: str
    reference_price: Decimal
    calendar_id: str
    sector: str
    listing_venue: str | None
    tick_size: Decimal | None
    lot_size: int | None
    average_volume: int | None
    sigma_bps: int | None


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
    """Reads what there is to trade, for whom and where, and changes it. Raises UnavailableError."""

    async def accounts(self) -> list[AccountView]:
        """Return every account, by id."""
        ...

    async def instruments(self) -> list[InstrumentView]:
        """Return every instrument, by symbol."""
        ...

    async def venues(self) -> list[VenueView]:
        """Return every venue, by id."""
        ...

    async def open_account(self, new: NewAccount, *, by: str, reason: str) -> AccountView | None:
        """Open an account, which is active from now on. None when there is one of this id."""
        ...

    async def change_account(
        self,
        account_id: str,
        change: AccountChange,
        problem: Callable[[AccountStanding], Refusal | None],
        *,
        by: str,
        reason: str,
    ) -> AccountView | Refusal | None:
        """Change an account unless `problem` says why not, of how it stands when nobody else changes it.

        None when there is no such account.
        """
        ...

    async def add_instrument(
        self, new: NewInstrument, today: date, *, by: str, reason: str
    ) -> InstrumentView | None:
        """List an instrument, which is active from now on. None when there is one of this symbol."""
        ...

    async def change_instrument(
        self,
        symbol: str,
        change: InstrumentChange,
        today: date,
        problem: Callable[[InstrumentStanding], Refusal | None],
        *,
        by: str,
        reason: str,
    ) -> InstrumentView | Refusal | None:
        """Change an instrument unless `problem` says why not, of how it stands when nobody else changes it.

        today: from which its tick and round lot count. None when there is no such instrument.
        """
        ...


class QuoteView(View, frozen=True):
    """The national best bid and offer of a symbol over the lit venues, and what was traded of it anywhere.

    Sizes: shares there in all. last_price, last_size: of the newest trade, whose time is not told; null
    before the first, and where the feed tells of none. volume: shares that were traded since the feed began
    to count, so that it falls where the feed counts anew; null where it does not count.
    """

    symbol: str
    sequence: int
    bid: Decimal | None
    bid_size: int
    ask: Decimal | None
    ask_size: int
    quoted_at: Instant
    last_price: Decimal | None
    last_size: int | None
    volume: int | None


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
    """What requests may name, and the rules of the market. profiles: the active ones.

    symbols: with the id of each one's calendar.
    """

    accounts: frozenset[str] = frozenset()
    symbols: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    rules: MarketRules = LONG_STANDING
    profiles: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


class ReferenceData(Protocol):
    """Accounts, instruments, routing profiles and venues, in memory."""

    def account_exists(self, account_id: str) -> bool:
        """Return whether the account is known."""
        ...

    def ticks(self, symbol: str) -> Ticks | None:
        """Return the grid of a known symbol's prices today, else None."""
        ...

    def calendar(self, symbol: str) -> Calendar | None:
        """Return by which calendar a symbol trades; None where none is known."""
        ...

    def round_lot(self, symbol: str, price_micros: int) -> int:
        """Return the shares of a symbol's round lot today, at a price in micros."""
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


class HaltView(View, frozen=True):
    """A symbol whose trading was halted, by whom and why; lifted_at null: it still is."""

    symbol: str
    reason: str
    set_by: str
    set_at: Instant
    lifted_by: str | None
    lift_reason: str | None
    lifted_at: Instant | None


class MarketDesk(Protocol):
    """Reads when the market trades, and sets it for a day; sets and lifts halts. Raises UnavailableError."""

    async def calendars(self, first: date | None = None) -> tuple[Calendar, ...]:
        """Return every calendar, with its sessions from `first` on, or from the last days on."""
        ...

    async def set_session(
        self, calendar_id: str, was: Session | None, wanted: Session | None, *, by: str, reason: str
    ) -> bool:
        """Make a day's session another one; None for none. Returns whether it was still as `was` says."""
        ...

    async def halts(self, *, lifted: bool, rows_max: int) -> list[HaltView]:
        """Return the halts that are set, and those that were lifted if wanted, the newest first."""
        ...

    async def halt(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Halt a symbol. None when it is halted already."""
        ...

    async def lift(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Let a symbol trade again. None when it is not halted."""
        ...
