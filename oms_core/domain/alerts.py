"""Alerts: a limit that is near or passed, and what becomes of it while marks go up and down. Pure.

The law of this file: of one rule and scope there is one alert at most that is open. It is raised when its
value reaches a share of the bound, raised again when it reaches a higher one, and it goes down, or is
cleared, only when the value has left that share by a margin; so a value that wobbles about a share raises it
once. What could not be told leaves an alert as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from oms_core.domain.risk.standing import Look, Standing
from oms_platform.prices import MICROS
from oms_platform.risk_rules import Unit, shown_value
from oms_platform.scopes import Scope

INPUT_MISSING: Final = "INPUT_MISSING"
WARNING: Final = "WARNING"
BREACH: Final = "BREACH"
BREACH_PCT: Final = 100
WARN_PCTS: Final = (80, 90)
# Points below a share at which a value has left it.
MARGIN_PCT: Final = 5
# A value that changes within its share is stored again after so long, and at once when it is the worst by
# such a part of the bound.
STORED_EVERY: Final = timedelta(seconds=10)
WORSE_PCT: Final = 1
NOTHING_HELD: Final = "no limit is set any more, or nothing is held"
WITHIN: Final = "within the limit again"
MARKED: Final = "every mark is known again, or its market is closed"
NOT_OURS: Final = "another alert says the same"


class Alert(Struct, frozen=True, kw_only=True, gc=False):
    """An alert as it is stored. value, bound, worst: in the unit, dollars in micros; a text has no bound.

    account_id: empty for a firm's, whose partition says which core has it. share_pct: that was reached.
    times_raised: how often it was raised; version: how often it was stored.
    """

    alert_id: UUID
    rule: str
    scope: Scope
    account_id: str
    partition: int | None
    share_pct: int
    value: int | str
    bound: int | str
    worst: int | str
    unit: Unit
    set_for: str
    times_raised: int
    version: int
    first_seen: datetime
    last_seen: datetime
    cleared_at: datetime | None = None
    why_cleared: str = ""

    @property
    def level(self) -> str:
        """Whether the limit is near, or passed."""
        return BREACH if self.share_pct == BREACH_PCT else WARNING

    @property
    def headroom(self) -> str:
        """How far within the bound it is, empty where that has no sense."""
        if not isinstance(self.value, int) or not isinstance(self.bound, int):
            return ""
        return shown_value(self.unit, self.bound - self.value)

    def shown(self, value: int | str) -> str:
        """Return one of its values as people write it."""
        return shown_value(self.unit, value)


def read_value(unit: Unit, text: str) -> int | str:
    """Return a value as `shown` wrote it. Raises ValueError."""
    if unit is Unit.TEXT:
        return text
    if unit is not Unit.DOLLARS:
        return int(text)
    whole, _, part = text.removeprefix("-").partition(".")
    micros = int(whole) * MICROS + int(part.ljust(6, "0"))
    return -micros if text.startswith("-") else micros


class Owner(NamedTuple):
    """Whose alerts they are: an account, or, empty, the firms as the core of a partition sees them."""

    account_id: str
    partition: int | None = None


class Levels(Struct, frozen=True):
    """At which shares of a bound an alert is raised, in percent, the last one 100; and the margin."""

    shares: tuple[int, ...] = (*WARN_PCTS, BREACH_PCT)
    margin: int = MARGIN_PCT

    def reached(self, value: int, bound: int) -> int:
        """Return the highest share that a value has reached, 0 for none; beyond the bound it is 100."""
        return self._at(value, bound, 0)

    def left(self, value: int, bound: int, share: int) -> int:
        """Return the share that stands for a value after one was reached: that one until it is left."""
        return max(self._at(value, bound, 0), min(share, self._at(value, bound, self.margin)))

    def _at(self, value: int, bound: int, less: int) -> int:
        if value <= 0:
            return 0
        for share in reversed(self.shares):
            past = value > bound if share == BREACH_PCT and not less else 100 * value > (share - less) * bound
            if past or (share != BREACH_PCT and 100 * value == (share - less) * bound):
                return share
        return 0


DEFAULT_LEVELS: Final = Levels()


class AlertBook:
    """The alerts that are open here. One thread only.

    home: the partition that this core's alerts of firms are of. new_id: of an alert that is raised.
    """

    def __init__(
        self,
        alerts: Iterable[Alert] = (),
        levels: Levels = DEFAULT_LEVELS,
        *,
        home: int = 0,
        new_id: Callable[[], UUID],
    ) -> None:
        self.firms = Owner("", home)
        self._levels = levels
        self._new_id = new_id
        self._open: dict[Owner, dict[tuple[str, Scope], Alert]] = {}
        self._doubled: list[Alert] = []
        # Each as it was stored last.
        self._stored: dict[UUID, Alert] = {}
        for alert in alerts:
            # A firm's may be of another partition, which is this core's too since it was raised.
            owner = Owner(alert.account_id) if alert.account_id else self.firms
            kept = self._open.setdefault(owner, {})
            if (alert.rule, alert.scope) in kept:
                self._doubled.append(alert)
            else:
                kept[alert.rule, alert.scope] = alert
                self._stored[alert.alert_id] = alert

    @property
    def open(self) -> list[Alert]:
        """Every alert that is open, as it is now."""
        return [alert for alerts in self._open.values() for alert in alerts.values()]

    @property
    def owners(self) -> frozenset[Owner]:
        """Whose alerts are open."""
        return frozenset(self._open)

    def take(self, owner: Owner, look: Look, unmarked: Sequence[str], now: datetime) -> list[Alert]:
        """Take what was seen. Returns the alerts that are to be stored.

        unmarked: the symbols without a mark that a person should know of.
        """
        kept = self._open.get(owner, {})
        seen: dict[tuple[str, Scope], Alert] = {}
        changed: list[Alert] = []
        for standing in look.standings:
            key = standing.rule, standing.scope
            after = self._after(owner, kept.get(key), standing, now)
            if after is not None:
                seen[key] = after
        if unmarked:
            key = INPUT_MISSING, Scope(account=owner.account_id)
            seen[key] = self._unmarked(owner, kept.get(key), unmarked, now)
        for key, alert in kept.items():
            if key not in seen and alert.rule in look.unknown:
                seen[key] = alert
            elif key not in seen:
                changed.append(self._cleared(alert, look, now))
        changed += [alert for alert in seen.values() if self._is_to_be_stored(alert, now)]
        for alert in changed:
            self._note(alert)
        if seen:
            self._open[owner] = seen
        else:
            self._open.pop(owner, None)
        return changed

    def drop_doubled(self, now: datetime) -> list[Alert]:
        """Clear the alerts that say what another says: two cores had parts of one firm. Returns them."""
        found, self._doubled = self._doubled, []
        return [
            replace(alert, cleared_at=now, last_seen=now, why_cleared=NOT_OURS, version=alert.version + 1)
            for alert in found
        ]

    def _note(self, alert: Alert) -> None:
        if alert.cleared_at is None:
            self._stored[alert.alert_id] = alert
        else:
            self._stored.pop(alert.alert_id, None)

    def _after(self, owner: Owner, alert: Alert | None, found: Standing, now: datetime) -> Alert | None:
        value, bound = found.value, found.bound
        if alert is None:
            share = self._levels.reached(value, bound)
            return self._raised(owner, found, share, now) if share else None
        share = self._levels.left(value, bound, alert.share_pct)
        if not share:
            return None
        if (value, bound, share, found.set_for) == (
            alert.value,
            alert.bound,
            alert.share_pct,
            alert.set_for,
        ):
            return alert
        worst = max(value, alert.worst) if isinstance(alert.worst, int) else value
        return replace(
            alert,
            value=value,
            bound=bound,
            worst=worst,
            share_pct=share,
            set_for=found.set_for,
            last_seen=now,
            version=self._stored[alert.alert_id].version + 1,
            times_raised=alert.times_raised + (share > alert.share_pct),
        )

    def _raised(self, owner: Owner, found: Standing, share: int, now: datetime) -> Alert:
        return Alert(
            alert_id=self._new_id(),
            rule=found.rule,
            scope=found.scope,
            account_id=owner.account_id,
            partition=owner.partition,
            share_pct=share,
            value=found.value,
            bound=found.bound,
            worst=found.value,
            unit=found.unit,
            set_for=found.set_for,
            times_raised=1,
            version=1,
            first_seen=now,
            last_seen=now,
        )

    def _unmarked(self, owner: Owner, alert: Alert | None, symbols: Sequence[str], now: datetime) -> Alert:
        value = f"mark of {', '.join(sorted(symbols)[:5])}" + (" and more" if len(symbols) > 5 else "")
        if alert is not None:
            if alert.value == value:
                return alert
            version = self._stored[alert.alert_id].version + 1
            return replace(alert, value=value, worst=value, last_seen=now, version=version)
        return Alert(
            alert_id=self._new_id(),
            rule=INPUT_MISSING,
            scope=Scope(account=owner.account_id),
            account_id=owner.account_id,
            partition=owner.partition,
            share_pct=self._levels.shares[0],
            value=value,
            bound="known",
            worst=value,
            unit=Unit.TEXT,
            set_for="",
            times_raised=1,
            version=1,
            first_seen=now,
            last_seen=now,
        )

    def _cleared(self, alert: Alert, look: Look, now: datetime) -> Alert:
        key = alert.rule, alert.scope
        found = next((one for one in look.standings if (one.rule, one.scope) == key), None)
        why = MARKED if alert.rule == INPUT_MISSING else NOTHING_HELD if found is None else WITHIN
        value, bound = (alert.value, alert.bound) if found is None else (found.value, found.bound)
        return replace(
            alert,
            value=value,
            bound=bound,
            last_seen=now,
            cleared_at=now,
            why_cleared=why,
            version=self._stored[alert.alert_id].version + 1,
        )

    def _is_to_be_stored(self, alert: Alert, now: datetime) -> bool:
        stored = self._stored.get(alert.alert_id)
        if stored is None:
            return True
        if stored == alert:
            return False
        if (stored.share_pct, stored.bound, stored.set_for) != (alert.share_pct, alert.bound, alert.set_for):
            return True
        if not isinstance(alert.worst, int) or not isinstance(stored.worst, int):
            return True
        if not isinstance(alert.bound, int):
            return True
        worse = 100 * (alert.worst - stored.worst) >= WORSE_PCT * alert.bound and alert.worst > stored.worst
        return worse or now - stored.last_seen >= STORED_EVERY
