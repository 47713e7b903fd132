"""What accounts have won or lost since their day began, and the most that they had won.

The law of this file: what an account is worth is the cash of its trades and its positions at their marks. Its
day begins with what it was last seen worth on a day before, so that each gain and loss is of one day, also a
gap over night; of an account that was not seen lately, with what it is worth when core first looks. That is
stored, so that a core that begins anew goes on from it. Amounts are micros.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from oms_core.domain.positions import Position
from oms_platform.kill_switches import Trigger
from oms_platform.prices import MICROS

# A peak that has grown is stored when it has grown by so much, and then no sooner than so long after the last
# time: so much, or the growth of so long, may be lost with a core.
PEAK_GROWN_MIN: Final = 100 * MICROS
PEAK_STORED_EVERY: Final = timedelta(seconds=5)
# What an account is worth is stored when it has changed and is so old: the next day of one whose core is away
# then begins with what it was worth so long before it was last seen, at most.
WORTH_STORED_EVERY: Final = timedelta(seconds=60)
# A day that is longer ago says nothing of the next one.
DAY_BEFORE_MAX: Final = timedelta(days=10)


def cash_of(position: Position) -> int:
    """Return what a position's trades have brought, less what they cost and were charged."""
    return position.net_cash_micros - position.fees_micros


class AccountDay(Struct, frozen=True, kw_only=True, gc=False):
    """An account's day. opening_micros: what it begins with. peak_micros: the most that it had won.

    pnl_micros: what it had won when core last looked.
    """

    trade_date: date
    opening_micros: int
    peak_micros: int = 0
    pnl_micros: int = 0

    @property
    def last_micros(self) -> int:
        """What the account was worth when core last looked."""
        return self.opening_micros + self.pnl_micros


class Days:
    """The day of each account that core looks after. firms: what each firm's accounts had won together."""

    __slots__ = ("_before", "_days", "_stored", "_trade_date", "firms")

    def __init__(self) -> None:
        self._trade_date: date | None = None
        self._days: dict[str, AccountDay] = {}
        # What each was last seen worth on a day before.
        self._before: dict[str, int] = {}
        # The peak and the worth that are stored of each, and since when.
        self._stored: dict[str, tuple[int, int, datetime]] = {}
        self.firms: defaultdict[str, int] = defaultdict(int)

    @property
    def trade_date(self) -> date | None:
        """The day that it is, None before anybody has said."""
        return self._trade_date

    def begin(self, trade_date: date) -> None:
        """Say what day it is; of the one before it is known what accounts were last seen worth."""
        if trade_date != self._trade_date:
            if self._trade_date is not None:
                self._before |= {account_id: day.last_micros for account_id, day in self._days.items()}
                self._days = {}
                self._stored = {}
                self.firms.clear()
            self._trade_date = trade_date

    def load(self, account_id: str, day: AccountDay, stored_at: datetime) -> None:
        """Take an account's day from the store, its newest one; one of before says where the next begins."""
        if day.trade_date != self._trade_date:
            # What this core has seen itself is newer.
            self._before.setdefault(account_id, day.last_micros)
            return
        self._days[account_id] = day
        self._stored[account_id] = day.peak_micros, day.last_micros, stored_at

    def of(self, account_id: str) -> AccountDay | None:
        """Return an account's day, None where core has not looked at it yet."""
        found = self._days.get(account_id)
        return None if found is None or found.trade_date != self._trade_date else found

    def look(self, account_id: str, worth_micros: int, now: datetime) -> AccountDay | None:
        """See what an account is worth. Returns its day where that is to be stored, else None."""
        if self._trade_date is None:
            return None
        before = self.of(account_id)
        is_new = before is None
        if before is None:
            opening = self._before.get(account_id, worth_micros)
            before = AccountDay(trade_date=self._trade_date, opening_micros=opening)
        pnl = worth_micros - before.opening_micros
        peak = max(before.peak_micros, pnl)
        day = self._days[account_id] = replace(before, pnl_micros=pnl, peak_micros=peak)
        if not (is_new or self._is_to_be_stored(day, account_id, now)):
            return None
        self._stored[account_id] = peak, worth_micros, now
        return day

    def _is_to_be_stored(self, day: AccountDay, account_id: str, now: datetime) -> bool:
        peak, worth, at = self._stored.get(account_id, (0, day.last_micros, now))
        if day.peak_micros - peak >= PEAK_GROWN_MIN and now - at >= PEAK_STORED_EVERY:
            return True
        return day.last_micros != worth and now - at >= WORTH_STORED_EVERY

    def move_opening(self, account_id: str, micros: int) -> AccountDay | None:
        """Let a day begin with more, or less, that nobody has won today. Returns it, None for no day.

        One that nobody has looked at yet begins by it, so that a core that begins anew knows of it.
        """
        before = self.of(account_id)
        if before is None and self._trade_date is not None and account_id in self._before:
            before = AccountDay(trade_date=self._trade_date, opening_micros=self._before[account_id])
        if before is None or not micros:
            return None
        day = replace(before, opening_micros=before.opening_micros + micros)
        self._days[account_id] = day
        return day

    def recount(self, firm_of: Callable[[str], str]) -> None:
        """Sum up what each firm's accounts had won when core last looked at them."""
        self.firms.clear()
        for account_id, day in self._days.items():
            if day.trade_date == self._trade_date:
                self.firms[firm_of(account_id)] += day.pnl_micros

    def sum_of(self, accounts: Iterable[str]) -> int:
        """Return what accounts had won together when core last looked at them."""
        found = (self.of(account_id) for account_id in accounts)
        return sum(day.pnl_micros for day in found if day is not None)


class LossWatch:
    """Holds losses to the triggers of kill switches: what was lost today, or since its switch was released.

    What was lost before a release counts no more, so that releasing is enough to go on. A core that begins
    anew after a release of the same day counts from there.
    """

    __slots__ = ("_bases",)

    def __init__(self) -> None:
        self._bases: dict[tuple[Trigger, date], int] = {}

    def lost(self, trigger: Trigger, pnl_micros: int, today: date, released_on: date | None) -> int:
        """Return the micros that count for a trigger. released_on: the day its last switch was, or None."""
        base = 0
        if released_on == today:
            key = replace(trigger, is_set=False), today
            if key not in self._bases:
                self._bases = {one: value for one, value in self._bases.items() if one[1] == today}
                self._bases[key] = min(0, pnl_micros)
            base = self._bases[key]
        return base - pnl_micros
