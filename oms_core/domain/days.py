"""What accounts have won or lost since their day began, and the most that they had won.

The law of this file: what an account is worth is the cash of its trades and its positions at their marks. Its
day begins with what it is worth when core first looks, and that is stored, so that a core that begins anew
goes on from it. Amounts are micros.
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


def cash_of(position: Position) -> int:
    """Return what a position's trades have brought, less what they cost and were charged."""
    return position.net_cash_micros - position.fees_micros


class AccountDay(Struct, frozen=True, kw_only=True, gc=False):
    """An account's day. opening_micros: what it was worth at first. peak_micros: the most that it had won.

    pnl_micros: what it had won when core last looked.
    """

    trade_date: date
    opening_micros: int
    peak_micros: int = 0
    pnl_micros: int = 0


class Days:
    """The day of each account that core looks after. firms: what each firm's accounts had won together."""

    __slots__ = ("_days", "_stored", "_trade_date", "firms")

    def __init__(self) -> None:
        self._trade_date: date | None = None
        self._days: dict[str, AccountDay] = {}
        # The peak that is stored of each, and since when.
        self._stored: dict[str, tuple[int, datetime]] = {}
        self.firms: defaultdict[str, int] = defaultdict(int)

    @property
    def trade_date(self) -> date | None:
        """The day that it is, None before anybody has said."""
        return self._trade_date

    def begin(self, trade_date: date) -> None:
        """Say what day it is; by another one nothing is known of the one before."""
        if trade_date != self._trade_date:
            if self._trade_date is not None:
                self._days = {}
                self._stored = {}
                self.firms.clear()
            self._trade_date = trade_date

    def load(self, account_id: str, day: AccountDay, stored_at: datetime) -> None:
        """Take an account's day from the store."""
        self._days[account_id] = day
        self._stored[account_id] = day.peak_micros, stored_at

    def of(self, account_id: str) -> AccountDay | None:
        """Return an account's day, None where core has not looked at it yet."""
        found = self._days.get(account_id)
        return None if found is None or found.trade_date != self._trade_date else found

    def look(self, account_id: str, worth_micros: int, now: datetime) -> AccountDay | None:
        """See what an account is worth. Returns its day where that is to be stored, else None."""
        if self._trade_date is None:
            return None
        before = self.of(account_id)
        if before is None:
            day = AccountDay(trade_date=self._trade_date, opening_micros=worth_micros)
            self._days[account_id] = day
            self._stored[account_id] = 0, now
            return day
        pnl = worth_micros - before.opening_micros
        peak = max(before.peak_micros, pnl)
        day = self._days[account_id] = replace(before, pnl_micros=pnl, peak_micros=peak)
        stored, at = self._stored.get(account_id, (0, now))
        if peak - stored < PEAK_GROWN_MIN or now - at < PEAK_STORED_EVERY:
            return None
        self._stored[account_id] = peak, now
        return day

    def move_opening(self, account_id: str, micros: int) -> AccountDay | None:
        """Let a day begin with more, or less, that nobody has won today. Returns it, None for no day."""
        before = self.of(account_id)
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
