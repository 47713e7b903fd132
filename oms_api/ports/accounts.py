"""What accounts have: cash, and positions at what they are worth; and what people do about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import msgspec

from oms_api.domain.marks import Mark
from oms_api.ports.orders import HeldPosition, Instant, PositionView, View


class UnsettledView(View, frozen=True):
    """Cash that settles on a day to come, below 0 for what is to be paid."""

    settles_on: date
    amount: Decimal


class PnlView(View, frozen=True, kw_only=True):
    """How an account stands, in dollars. cash: settledCash and everything unsettled.

    gross, net: of positions at their marks. unrealizedPnl, totalPnl, gross, net: null where a position has no
    mark. fees: in no profit or loss. stale: some mark is of no quote of now.
    """

    account_id: str
    as_of: Instant
    cash: Decimal
    settled_cash: Decimal
    unsettled: list[UnsettledView]
    gross: Decimal | None
    net: Decimal | None
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    total_pnl: Decimal | None
    fees: Decimal
    stale: bool
    positions: list[PositionView]


class CashEntryView(View, frozen=True, kw_only=True):
    """What moved an account's cash beside executions. amount: dollars, below 0 for what was taken out."""

    entry_id: UUID
    account_id: str
    kind: str
    amount: Decimal
    settles_on: date
    entered_by: str
    reason: str
    entered_at: Instant


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account's cash and positions at one instant. unsettled: by the date on which it settles."""

    cash: Decimal
    unsettled: tuple[tuple[date, Decimal], ...]
    held: tuple[HeldPosition, ...]

    @property
    def settled(self) -> Decimal:
        """Cash that is there."""
        return self.cash - sum((amount for _, amount in self.unsettled), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A deposit, or a withdrawal with its amount below 0."""

    entry_id: UUID
    account_id: str
    kind: str
    amount: Decimal
    settles_on: date


class OtherEntry(msgspec.Struct, frozen=True, gc=False):
    """The entry's id stands for another one."""


class TooLittleCash(msgspec.Struct, frozen=True, gc=False):
    """More is to be withdrawn than has settled."""

    settled: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLine:
    """What an account is to hold of a symbol: signed shares and their signed cost in dollars; or, without a
    symbol, its cash.
    """

    account_id: str
    symbol: str = ""
    quantity: int = 0
    amount: Decimal


class BusyAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account has open orders, or has traded on a day, so that nothing is loaded. index: of the line."""

    index: int
    open_orders: int
    traded: int


class NotTakenView(View, frozen=True, kw_only=True):
    """Positions of an account that its core has not taken, and why: something happened in it meanwhile."""

    account_id: str
    why: str


class LoadedView(View, frozen=True, kw_only=True):
    """What was loaded. taken: whether the cores have taken all of it already, as they do within a second.

    refused: the accounts whose positions are as they were.
    """

    positions: int
    cash: int
    taken: bool
    refused: list[NotTakenView]


class SplitLineView(View, frozen=True, kw_only=True):
    """What a split makes of a position. paid: dollars for a part of a share, below 0 where short."""

    account_id: str
    quantity: int
    quantity_after: int
    paid: Decimal


class SplitView(View, frozen=True, kw_only=True):
    """A split: numerator shares for every denominator, parts of a share paid out at a price.

    done: false for one that was only checked. taken: whether the cores have taken all of it already.
    """

    symbol: str
    numerator: int
    denominator: int
    price: Decimal
    reference_price: Decimal
    positions: list[SplitLineView]
    done: bool
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSplit:
    """A split that is asked for. price_micros None: the reference price after it. check: only look."""

    symbol: str
    numerator: int
    denominator: int
    price_micros: int | None
    check: bool


class NotSplit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a symbol is not split, or renamed: it trades, or has open orders, of which some are named."""

    halted: bool
    open_orders: int = 0
    order_ids: tuple[str, ...] = ()


class RenameLineView(View, frozen=True, kw_only=True):
    """What is held under the new symbol of an account: shares, what they cost, what was made and charged."""

    account_id: str
    quantity: int
    cost: Decimal
    realized_pnl: Decimal
    fees: Decimal


class RenameView(View, frozen=True, kw_only=True):
    """What all accounts hold of a symbol is held under another one, and the old one is INACTIVE.

    done: false for one that was only checked. taken: whether the cores have taken all of it already.
    """

    symbol: str
    new_symbol: str
    positions: list[RenameLineView]
    done: bool
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRename:
    """A change of a symbol that is asked for. check: only look."""

    symbol: str
    new_symbol: str
    check: bool


class NotRenamed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why nothing can be held under the new symbol: its status, or accounts that hold both, some of them."""

    status: str
    holders: int = 0
    account_ids: tuple[str, ...] = ()


class AccountBooks(Protocol):
    """Reads and changes what accounts have. Raises UnavailableError."""

    async def standing(self, account_id: str, today: date) -> Standing:
        """Return an account's cash, what of it settles after a day, and its positions, at one instant."""
        ...

    async def entries(self, account_id: str, rows_max: int) -> list[CashEntryView]:
        """Return what moved an account's cash beside executions, the newest first."""
        ...

    async def enter(
        self, entry: NewEntry, today: date, now: datetime, *, by: str, reason: str
    ) -> CashEntryView | OtherEntry | TooLittleCash:
        """Move cash, once for its id: the same again returns the first."""
        ...

    async def load(
        self,
        lines: Sequence[OpeningLine],
        today: date,
        now: datetime,
        *,
        by: str,
        reason: str,
        replaces: bool,
    ) -> BusyAccount | list[UUID]:
        """Say what accounts hold, all of it or nothing. Returns the actions that cores are to take.

        replaces: also of accounts that have open orders, or have traded today.
        """
        ...

    async def split(
        self, asked: NewSplit, now: datetime, *, by: str, reason: str
    ) -> tuple[SplitView, list[UUID]] | NotSplit:
        """Split what all accounts hold of a symbol that is known, with its reference price and its bands.

        Returns it as it is before cores have taken it, and the actions that they are to take.
        """
        ...

    async def rename(
        self, asked: NewRename, now: datetime, *, by: str, reason: str
    ) -> tuple[RenameView, list[UUID]] | NotSplit | NotRenamed:
        """Hold what all accounts have of a symbol under another one; both are known. The old one ends.

        Returns it as it is before cores have taken it, and the actions that they are to take.
        """
        ...

    async def taken(self, actions: Sequence[UUID]) -> list[NotTakenView] | None:
        """Return what cores have refused of these actions, by account; None while they wait for a core."""
        ...


class Marks(Protocol):
    """What shares are worth now."""

    async def marks(self, symbols: Iterable[str]) -> Mapping[str, Mark]:
        """Return the mark of each symbol. Raises UnavailableError where reference prices cannot be read."""
        ...
