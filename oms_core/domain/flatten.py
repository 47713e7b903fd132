"""How kill switches close positions: what may be sold or bought of each, when, and what it waits for. Pure.

The law of this file: a closing order goes the other way than the position and has no more shares than are
held when it is decided, less what other open orders may still trade that way. Of an account and symbol there
is one at a time, whatever number of switches cover it. What changes the position meanwhile takes it back
where it has become too much, and the next round goes on from what is held then.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from oms_core.domain.desk import Desk
from oms_core.domain.order import Order
from oms_core.domain.order_times import Standing
from oms_core.domain.touch import TouchPrices
from oms_platform.kill_switches import Kills
from oms_platform.sides import far, is_buy
from oms_platform.vocabulary import Side

# A position is left alone so long after a switch has found it: every service goes by the switch then.
SETTLE: Final = timedelta(seconds=1)
# How long what is open of an account and symbol is waited for before the rest is closed beside it.
PATIENCE: Final = timedelta(seconds=30)
# After a round that traded something, and after the first that traded nothing; that doubles.
NEXT_ROUND: Final = timedelta(milliseconds=250)
EMPTY_ROUND_FIRST: Final = timedelta(seconds=1)
EMPTY_ROUND_MAX: Final = timedelta(seconds=60)
# A round has no more shares: far below what the gate takes for a mistake.
ROUND_SHARES_MAX: Final = 100_000
LOOK_EVERY: Final = timedelta(milliseconds=250)
ACCOUNTS_PER_LOOK_MAX: Final = 500

Pair = tuple[str, str]


class PositionState(enum.Enum):
    """How a position stands that a switch closes. WAITS: `why` says for what. CLOSING: an order is out."""

    WAITS = "WAITS"
    CLOSING = "CLOSING"
    FLAT = "FLAT"


class Flattened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a switch makes of a position. found_qty: signed shares when it was first seen, at found_at.

    rounds: how many orders were made to close it, order_id the last. why: in words.
    """

    switch_id: UUID
    account_id: str
    symbol: str
    found_qty: int
    found_at: datetime
    state: PositionState = PositionState.WAITS
    why: str = ""
    rounds: int = 0
    order_id: UUID | None = None

    @property
    def key(self) -> tuple[UUID, str, str]:
        """What it is of."""
        return self.switch_id, self.account_id, self.symbol


class Closing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order by which a switch closes a position, as it was decided.

    held: signed shares then; others: what other open orders could trade the same way; stream_sequence: the
    last event of the account's stream before.
    """

    order_id: UUID
    switch_id: UUID
    account_id: str
    symbol: str
    round: int
    side: Side
    quantity: int
    held: int
    others: int
    stream_sequence: int


class Look(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is looked at of a position. held: signed shares. closing: the order that is out to close it.

    others_open: shares of other open orders of the account and symbol, others: those of them that go the same
    way as what closes. not_before: when the next round may begin, and why not sooner.
    """

    now: datetime
    held: int
    found_at: datetime
    standing: Standing
    touch: TouchPrices
    closing: Order | None = None
    others_open: int = 0
    others: int = 0
    not_before: datetime | None = None
    last_round: str = ""


class Close(msgspec.Struct, frozen=True, gc=False):
    """Trade so many shares the other way, at the market."""

    side: Side
    quantity: int


class TakeBack(msgspec.Struct, frozen=True, gc=False):
    """Take the closing order out of the market. why: in words."""

    why: str


class Rest(msgspec.Struct, frozen=True, gc=False):
    """Leave things as they are."""

    state: PositionState
    why: str = ""


Step = Close | TakeBack | Rest
_FLAT: Final = Rest(PositionState.FLAT)


def closing_side(held: int) -> Side:
    """Return the side that closes a position of signed shares."""
    return Side.SELL if held > 0 else Side.BUY


def next_step(look: Look) -> Step:
    """Return what is to be done about a position now."""
    left = max(0, abs(look.held) - look.others)
    if look.closing is not None:
        return _step_of_closing(look, look.closing, left)
    if not look.held:
        return _FLAT
    why = _waits_for(look, left)
    if why:
        return Rest(PositionState.WAITS, why)
    return Close(closing_side(look.held), min(left, ROUND_SHARES_MAX))


def _step_of_closing(look: Look, closing: Order, left: int) -> Step:
    if closing.cancel is not None:
        kept = "and its venue keeps it: " if closing.is_kept else ""
        return Rest(PositionState.CLOSING, f"its order is taken back {kept}{closing.text}".rstrip(" :"))
    out = closing.leaves_qty
    if not look.held or closing.terms.side is not closing_side(look.held) or out > left:
        return TakeBack(f"{out} shares are out to close, {look.held} are held and {left} of them are left")
    if not look.standing.may_route:
        return Rest(PositionState.CLOSING, _closed_market(look.standing))
    return Rest(PositionState.CLOSING, closing.waits_for or closing.text)


def _waits_for(look: Look, left: int) -> str:
    """Return what the next round waits for, empty when it may begin."""
    if look.now < look.found_at + SETTLE:
        return "every service is to go by the switch first"
    if look.others_open and look.now < look.found_at + PATIENCE:
        return "orders of the account and symbol are not over yet"
    if not left:
        return "orders of the account and symbol that are not over may close all of it"
    if look.not_before is not None and look.now < look.not_before:
        return look.last_round
    if not look.standing.may_route:
        return _closed_market(look.standing)
    side = closing_side(look.held)
    if far(side, look.touch.bid_micros, look.touch.offer_micros) is None:
        return f"nobody knows a fresh {'offer' if is_buy(side) else 'bid'} to {side.name.lower()} at"
    return ""


def _closed_market(standing: Standing) -> str:
    return standing.waits_for or "the symbol is halted, or not traded"


class FlattenWatch:
    """Which positions are to be looked at, and what was made of each so far. One thread only."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._rows: dict[tuple[UUID, str, str], Flattened] = {}
        # The symbols of an account that are, or were, closed.
        self._symbols: dict[str, set[str]] = {}
        self._loaded: set[UUID] = set()
        self._closings: dict[Pair, UUID] = {}
        # When the next round of a position may begin, how many ended without a trade, what the last came to.
        self._pauses: dict[Pair, tuple[datetime, int, str]] = {}
        self._accounts: list[str] = []
        self._next_look: datetime | None = None
        for order in orders:
            self.note(order)

    def note(self, order: Order) -> None:
        """Take note of an order that is open, if it closes a position."""
        if order.terms.closes_for is not None:
            pair = order.terms.account_id, order.terms.symbol
            self._closings[pair] = order.order_id
            self._symbols.setdefault(order.terms.account_id, set()).add(order.terms.symbol)

    def unknown(self, kills: Kills) -> list[UUID]:
        """Return the switches that flatten and of which it is not known what was made of positions before."""
        flattening = {one.switch_id for one in kills.switches if one.flattens}
        self._loaded &= flattening
        return sorted(flattening - self._loaded)

    def load(self, switch_ids: Iterable[UUID], rows: Iterable[Flattened]) -> None:
        """Take what was made of positions for switches."""
        self._loaded.update(switch_ids)
        for row in rows:
            self.keep(row)

    def keep(self, row: Flattened) -> bool:
        """Take how a position stands. Returns whether that is new."""
        if self._rows.get(row.key) == row:
            return False
        self._rows[row.key] = row
        self._symbols.setdefault(row.account_id, set()).add(row.symbol)
        return True

    def row(self, switch_id: UUID, account_id: str, symbol: str) -> Flattened | None:
        """Return how a position stands, None for one that the switch has not found."""
        return self._rows.get((switch_id, account_id, symbol))

    def due(self, kills: Kills, desk: Desk, now: datetime) -> Sequence[str]:
        """Return the accounts whose positions are to be looked at now, some at a time."""
        if not self._accounts:
            if self._next_look is not None and now < self._next_look:
                return ()
            self._next_look = now + LOOK_EVERY
            named = {one.scope.account for one in kills.switches if one.flattens}
            owned = desk.owned if "" in named else desk.owned & named
            self._accounts = sorted(owned & (desk.states.keys() | self._symbols.keys()))
        found, self._accounts = (
            self._accounts[:ACCOUNTS_PER_LOOK_MAX],
            self._accounts[ACCOUNTS_PER_LOOK_MAX:],
        )
        return found

    def symbols(self, account_id: str, held: Mapping[str, int]) -> Sequence[str]:
        """Return the symbols of an account that are to be looked at. held: its positions, none flat."""
        return sorted(held.keys() | self._symbols.get(account_id, set()))

    def closing(self, desk: Desk, account_id: str, symbol: str, now: datetime) -> Order | None:
        """Return the order that is out to close a position. One that has ended sets when the next begins."""
        pair = account_id, symbol
        order_id = self._closings.get(pair)
        if order_id is None:
            return None
        order = desk.orders.get(order_id)
        if order is None:
            del self._closings[pair]
            self._pause(pair, desk.order(order_id), now)
        return order

    def _pause(self, pair: Pair, ended: Order | None, now: datetime) -> None:
        if ended is not None and ended.executed_qty:
            self._pauses[pair] = now + NEXT_ROUND, 0, "the next round is about to begin"
            return
        _, empty, _ = self._pauses.get(pair, (now, 0, ""))
        pause = min(EMPTY_ROUND_FIRST * 2 ** min(empty, 10), EMPTY_ROUND_MAX)
        said = "" if ended is None else f": {ended.text or ended.status.name}"
        self._pauses[pair] = now + pause, empty + 1, f"the last round traded nothing{said}"

    def pause(self, account_id: str, symbol: str) -> tuple[datetime | None, str]:
        """Return when the next round of a position may begin, and what the last came to."""
        found = self._pauses.get((account_id, symbol))
        return (None, "") if found is None else (found[0], found[2])


def found(switch_id: UUID, account_id: str, symbol: str, held: int, now: datetime) -> Flattened:
    """Return a position as a switch finds it."""
    return Flattened(switch_id=switch_id, account_id=account_id, symbol=symbol, found_qty=held, found_at=now)


def stands(row: Flattened, rest: Rest) -> Flattened:
    """Return a position that stands so."""
    return replace(row, state=rest.state, why=rest.why)
