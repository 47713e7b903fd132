"""Which accounts are looked at when, so that all are seen and no look holds up the orders. Pure.

The law of this file: each account that holds something is looked at once a lap, a lap begins once a second at
most, and a slice of it costs a bounded number of positions; an account of which nothing has moved since it
was looked at, neither positions nor open orders nor marks nor limits, is passed over.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from oms_core.domain.account import AccountState
from oms_core.domain.alerts import DEFAULT_LEVELS, Alert, AlertBook, Levels, Owner
from oms_core.domain.desk import Desk
from oms_core.domain.risk.standing import Look, Mark, kinds_in_use, look_at_account, look_at_firm
from oms_core.domain.risk.verdict import Check
from oms_platform.risk_rules import Watched

LAP_EVERY: Final = timedelta(seconds=1)
SLICE_EVERY: Final = timedelta(milliseconds=20)
# What a slice may cost, in positions of which the mark is looked up; measured in docs/post-trade.md.
SLICE_COST_MAX: Final = 3_000
# What it costs beside: an account that is passed over, that is looked at, each symbol that is asked about.
_PASSED, _LOOKED, _SYMBOL = 5, 60, 40
NOBODY: Final = Look([], [], set(), [])


@dataclass(slots=True)
class Seen:
    """What a slice of a lap saw: alerts to be stored, how many accounts, and rules that raised."""

    changed: list[Alert] = field(default_factory=list)
    looked: int = 0
    broken: list[str] = field(default_factory=list)


class LimitWatch:
    """Looks at the accounts of one core in turn. One thread only.

    home: the least partition of this core, whose are the alerts of firms.
    """

    def __init__(
        self,
        alerts: Iterable[Alert],
        now: datetime,
        home: int,
        levels: Levels = DEFAULT_LEVELS,
        *,
        new_id: Callable[[], UUID],
    ) -> None:
        self.book = AlertBook(alerts, levels, home=home, new_id=new_id)
        self._lap: list[str] = []
        self._next_lap = self._next_slice = now
        self._prints: dict[str, tuple[object, ...]] = {}
        # The book of rules as it was when the kinds were found.
        self._rules: tuple[object, ...] = ()
        self._used: frozenset[Watched] = frozenset()

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to look at by now."""
        return now >= self._next_slice and bool(self._lap or now >= self._next_lap)

    def slice(
        self,
        desk: Desk,
        mark: Mark,
        rules: Mapping[str, Check],
        now: datetime,
        cost_max: int = SLICE_COST_MAX,
    ) -> Seen:
        """Look at the next accounts of the lap. mark: what a share of a symbol is worth now, in micros."""
        self._next_slice = now + SLICE_EVERY
        seen = Seen()
        if not self._lap:
            self._begin_lap(desk, rules, now, seen)
        cost = 0
        while self._lap and cost < cost_max:
            cost += self._look(self._lap.pop(), desk, mark, rules, now, seen)
        return seen

    def _begin_lap(self, desk: Desk, rules: Mapping[str, Check], now: datetime, seen: Seen) -> None:
        self._next_lap = now + LAP_EVERY
        state = (id(desk.rules), desk.rules.version, desk.rules_seen, desk.reference_version, desk.share)
        if state != self._rules:
            self._rules, self._used = state, kinds_in_use(desk)
            self._prints.clear()
        self._lap = [account_id for account_id in desk.owned if account_id in desk.states]
        gone = {one.account_id for one in self.book.owners if one.account_id} - set(self._lap)
        self._lap += sorted(gone)
        seen.changed += self.book.drop_doubled(now)
        firms = NOBODY
        if Watched.FIRM in self._used:
            firms = Look([], [], set(), [])
            for firm in desk.firms:
                look = look_at_firm(desk, firm, rules)
                firms.standings.extend(look.standings)
                firms.unknown.update(look.unknown)
                seen.broken += look.broken
        if firms.standings or firms.unknown or self.book.firms in self.book.owners:
            seen.changed += self.book.take(self.book.firms, firms, (), now)

    def _look(
        self,
        account_id: str,
        desk: Desk,
        mark: Mark,
        rules: Mapping[str, Check],
        now: datetime,
        seen: Seen,
    ) -> int:
        """Look at an account, unless nothing of it has moved. Returns what it cost."""
        owner, account = Owner(account_id), desk.accounts.get(account_id)
        state = desk.states.get(account_id)
        if account is None or state is None:
            if owner in self.book.owners:
                seen.changed += self.book.take(owner, NOBODY, (), now)
            return _PASSED
        print_ = _print_of(state, mark)
        cost = _PASSED + len(state.symbols)
        if None not in print_ and print_ == self._prints.get(account_id):
            return cost
        self._prints[account_id] = print_
        look = look_at_account(desk, account, mark, rules, self._used)
        seen.looked += 1
        seen.broken += look.broken
        open_now = [symbol for symbol in look.unmarked if _trades(desk, symbol, now)]
        seen.changed += self.book.take(owner, look, open_now, now)
        by_symbol = bool(self._used & {Watched.SYMBOL, Watched.SECTOR})
        return cost + _LOOKED + len(state.symbols) * (_SYMBOL if by_symbol else 1)


def _print_of(state: AccountState, mark: Mark) -> tuple[object, ...]:
    """Return what a look at an account depends on, beside the rules."""
    found: list[object] = [
        state.gross_cost_micros,
        state.reserved_micros,
        state.buying_micros,
        state.selling_micros,
    ]
    for symbol, one in state.symbols.items():
        if one.position.quantity or one.buys.quantity or one.sells.quantity:
            found += (one.position.quantity, one.buys.quantity, one.sells.quantity, mark(symbol))
    return tuple(found)


def _trades(desk: Desk, symbol: str, now: datetime) -> bool:
    """Whether a symbol's market is open, so that it is to have a mark."""
    phase = desk.phase_of(symbol, now)
    return phase is not None and phase.open
