"""What people look after: exceptions, FIX sessions, kill switches, comparisons with venues."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from oms_api.ports.orders import Instant, View
from oms_platform.kill_switches import Stage, TriggerKind, TriggerMode
from oms_platform.scopes import Scope


class ExceptionView(View, frozen=True):
    """What a venue said that could not be applied as it is. raw: in Latin-1, byte for byte, SOH as |.

    order_id, account_id: as far as they are known. last_qty, last_px: of a trade that it speaks of.
    """

    exception_id: UUID
    kind: str
    status: str
    venue_id: str
    order_id: UUID | None
    account_id: str | None
    cl_ord_id: str
    exec_id: str
    symbol: str
    side: str
    last_qty: int | None
    last_px: Decimal | None
    detail: str
    raw: str
    raised_by: str
    raised_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionFilter:
    """Which exceptions a list is asked for, newest first. accounts None: every account, and those of none."""

    limit: int
    accounts: frozenset[str] | None = None
    status: str | None = None
    venue_id: str | None = None
    kind: str | None = None
    order_id: UUID | None = None
    before: datetime | None = None


class ExceptionDesk(Protocol):
    """Reads execution exceptions, and closes them by a person's word. Raises UnavailableError."""

    async def exceptions(self, wanted: ExceptionFilter) -> list[ExceptionView]:
        """Return the exceptions of a filter, newest first."""
        ...

    async def exception(self, exception_id: UUID) -> ExceptionView | None:
        """Return an exception, or None."""
        ...

    async def raw(self, exception_id: UUID) -> bytes:
        """Return the message that an exception is about, as it came."""
        ...

    async def ignore(self, exception_id: UUID, by: str, reason: str) -> ExceptionView | None:
        """Close an open exception without any effect. None when it is not open."""
        ...

    async def claim(self, exception_id: UUID, by: str, reason: str, account_id: str) -> ExceptionView | None:
        """Note that an open exception is to be booked, and to which account. None when it is not open."""
        ...


class FixSessionView(View, frozen=True):
    """A venue's FIX session. reason: why it is down. held_out: why it stays logged out, or empty.

    next_out: the MsgSeqNum that it sends next; null before it was ever up. settings: those in use, which hold
    no secret; settings_version: null while they are the adapter's own.
    """

    venue_id: str
    up: bool | None
    reason: str
    changed_at: Instant | None
    on_purpose: bool
    held_out: str
    next_out: int | None
    numbers_began_at: Instant | None
    settings: dict[str, object] | None
    settings_version: int | None
    settings_changed_at: Instant | None
    settings_changed_by: str | None


class FixCommandView(View, frozen=True):
    """What was asked of a venue's session. outcome: in words, once it is done."""

    command_id: UUID
    venue_id: str
    kind: str
    arguments: dict[str, int]
    requested_by: str
    reason: str
    requested_at: Instant
    done_at: Instant | None
    outcome: str


class FixSessionDesk(Protocol):
    """Reads venues' FIX sessions and notes what is asked of them. Raises UnavailableError."""

    async def sessions(self) -> list[FixSessionView]:
        """Return every venue's session, by venue."""
        ...

    async def commands(self, venue_id: str, rows_max: int) -> list[FixCommandView]:
        """Return what was asked of a session, newest first."""
        ...

    async def ask(
        self, venue_id: str, kind: str, arguments: Mapping[str, int], *, by: str, reason: str
    ) -> FixCommandView:
        """Note what is asked of a session; the adapter does it within seconds."""
        ...

    async def withdraw(self, venue_id: str, command_id: UUID, by: str) -> FixCommandView | None:
        """Take back what was asked. None when it is not there, or done."""
        ...


class SwitchView(View, frozen=True):
    """What somebody has stopped. scope: names by kind, none for everything. stage: BLOCK, CANCEL or FLATTEN.

    raised: each time that its stage was raised: stage, by, reason, at. trigger_id: of what set it by itself.
    """

    switch_id: UUID
    scope: dict[str, str]
    stage: str
    reason: str
    set_by: str
    set_at: Instant
    raised: list[dict[str, str]]
    trigger_id: UUID | None
    released_by: str | None
    release_reason: str | None
    released_at: Instant | None


class EffectView(View, frozen=True):
    """Since when a process goes by a switch at a stage."""

    service: str
    member: str
    stage: str
    since: Instant


class OutstandingView(View, frozen=True):
    """An order that a switch found open and that is not over, or a child: then with its venue.

    open_qty: shares. why: in words.
    """

    order_id: UUID
    cl_ord_id: str
    account_id: str
    venue_id: str
    open_qty: int
    since: Instant
    why: str


class ClosedPositionView(View, frozen=True, kw_only=True):
    """A position that a switch closes. foundQty, held: signed shares when it was found, and now.

    state: WAITS, CLOSING, FLAT, or RELEASED with its switch; why: what it waits for. rounds: how many
    orders were made to close it; orderId, openQty: the last of them, and what is open of it.
    """

    account_id: str
    symbol: str
    found_qty: int
    held: int
    state: str
    why: str
    rounds: int
    order_id: UUID | None
    open_qty: int
    since: Instant


class CoveredPositionView(View, frozen=True, kw_only=True):
    """A position that a switch of a scope would close now. quantity: signed shares; side: of what closes it.

    mark, value: dollars a share and in all; null where nobody knows a mark, stale where it is none of now.
    """

    account_id: str
    symbol: str
    quantity: int
    side: str
    mark: Decimal | None
    stale: bool
    value: Decimal | None


class HeldShares(NamedTuple):
    """Signed shares of an account's position that is not flat."""

    account_id: str
    symbol: str
    quantity: int


class SwitchDetail(View, frozen=True):
    """A switch with its effect: who goes by it, what it found open, how much of that is over, what is not.

    positions: of a switch that flattens, those that are not flat first; how many it found, how many are flat.
    """

    kill_switch: SwitchView
    in_effect: list[EffectView]
    orders_covered: int
    orders_over: int
    children_covered: int
    children_over: int
    outstanding: list[OutstandingView]
    positions_found: int
    positions_flat: int
    positions: list[ClosedPositionView]


class TriggerView(View, frozen=True):
    """What sets a switch by itself. threshold: in the unit of its kind."""

    trigger_id: UUID
    kind: str
    scope: dict[str, str]
    threshold: int
    window_s: int
    stage: str
    mode: str
    changed_by: str
    reason: str
    changed_at: Instant


class SwitchDesk(Protocol):
    """Sets, raises and releases kill switches. Raises UnavailableError."""

    async def switches(
        self, *, released: bool, accounts: frozenset[str] | None, rows_max: int
    ) -> list[SwitchView]:
        """Return the switches that are set, and those that were released if wanted, the newest first.

        accounts: of which accounts' own switches; None for every account.
        """
        ...

    async def switch(
        self, switch_id: UUID, accounts: frozenset[str] | None, rows_max: int
    ) -> SwitchDetail | None:
        """Return a switch with its effect on these accounts. None when there is none to be seen."""
        ...

    async def set(self, scope: Scope, stage: Stage, *, by: str, reason: str) -> SwitchView | None:
        """Stop a scope. None when it is stopped already."""
        ...

    async def set_already(self, scope: Scope) -> SwitchView | None:
        """Return the switch that stops just this scope, None when none does."""
        ...

    async def raise_to(self, switch_id: UUID, stage: Stage, *, by: str, reason: str) -> SwitchView | None:
        """Raise a switch. None when no such switch is set at a stage below."""
        ...

    async def release(self, switch_id: UUID, by: str, reason: str) -> SwitchView | None:
        """Let a scope trade again. None when there is no such switch that is set."""
        ...

    async def held(self, account_id: str, symbol: str) -> list[HeldShares]:
        """Return the positions that are not flat, of an account and a symbol where they are not empty."""
        ...

    async def triggers(self) -> list[TriggerView]:
        """Return every trigger, by kind and age."""
        ...

    async def put_trigger(
        self,
        kind: TriggerKind,
        scope: Scope,
        *,
        threshold: int,
        window_s: int,
        stage: Stage,
        mode: TriggerMode,
        by: str,
        reason: str,
    ) -> TriggerView:
        """Make a trigger of a kind and scope, or make the one that is there another."""
        ...


class BreakView(View, frozen=True):
    """An open order of which we and its venue did not say the same. settled: the venue's word was taken."""

    cl_ord_id: str
    order_id: UUID
    ours: str
    theirs: str
    settled: bool


class ReconciliationView(View, frozen=True):
    """A comparison of a venue's open orders with its word. over: ended before the venue answered."""

    run_id: UUID
    venue_id: str
    occasion: str
    began_at: Instant
    ended_at: Instant
    asked: int
    agreed: int
    over: int
    breaks: list[BreakView]


class Reconciliations(Protocol):
    """Reads comparisons with venues. Raises UnavailableError."""

    async def reconciliations(
        self, *, venue_id: str | None, broken: bool, before: datetime, rows_max: int
    ) -> list[ReconciliationView]:
        """Return the runs that ended before a time, the newest first, each with its breaks.

        broken: only those that have any.
        """
        ...
