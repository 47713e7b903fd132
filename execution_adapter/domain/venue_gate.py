"""What the last gate holds an order to a venue to, of what people have set for venues (docs/risk.md).

The law of this file: an order is held to what is set now, whatever the router stood on. What is only watched
is told and stops nothing. An account's orders are counted at each venue by themselves, and only while
something is set that counts them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from oms_platform.risk_book import Setting
from oms_platform.risk_rules import Mode, Unit, shown_value
from oms_platform.venue_limits import NOTIONAL, QUANTITY, barred_by, bound_of, shown_bound
from oms_platform.vocabulary import ChildTerms

CODE: Final = "GATE_VENUE_LIMIT"
OPEN: Final = "OPEN_ORDERS_EXCEEDED"
ORDER_RATE: Final = "ORDER_RATE_EXCEEDED"
MESSAGE_RATE: Final = "MESSAGE_RATE_EXCEEDED"
_RATES: Final = (ORDER_RATE, MESSAGE_RATE)
# Accounts at venues that are counted until all are forgotten.
_COUNTED_MAX: Final = 50_000
# (rule, account, venue)
_Counted = tuple[str, str, str]


def _nothing_open(_account_id: str, _venue_id: str) -> int:
    return 0


def _tell_nobody(_child: ChildTerms, _found: str) -> None:
    return None


class VenueGate:
    """Holds orders to limits of venues. One thread only.

    open_at: how many orders of an account a venue has, or may have. on_watched: what is told of an order that
    a watched limit would have held back.
    """

    def __init__(self) -> None:
        self.open_at: Callable[[str, str], int] = _nothing_open
        self.on_watched: Callable[[ChildTerms, str], None] = _tell_nobody
        # When the orders of a window were sent, the oldest first.
        self._sent_s: dict[_Counted, deque[float]] = {}

    def refuses(self, child: ChildTerms, asked: Sequence[Setting], now_s: float, *, moves: bool) -> str:
        """Return why a child must not be sent now, as CODE: key=value; empty when it may.

        One that may be sent counts as sent. moves: its venue has it, and it is to get another price.
        """
        for setting in asked:
            found = self._beyond(child, setting, now_s, moves=moves)
            if not found:
                continue
            if setting.mode is Mode.ON:
                return f"{CODE}: {found}"
            self.on_watched(child, found)
        for setting in asked:
            if self._counts(setting, moves=moves):
                self._window(child, setting, now_s).append(now_s)
        return ""

    def _beyond(self, child: ChildTerms, setting: Setting, now_s: float, *, moves: bool) -> str:
        """Return how a child is beyond a limit, empty when it is within."""
        rule, found, limit = setting.spec.name, 0, 0
        if barred := barred_by(setting):
            return barred
        if rule == QUANTITY:
            found, limit = child.quantity, bound_of(setting)
        elif rule == NOTIONAL:
            micros, limit = child.quantity * child.limit_price_micros, bound_of(setting)
            if micros > limit:
                shown = shown_value(Unit.DOLLARS, micros), shown_bound(setting)
                return f"{rule}: notional={shown[0]}, limit={shown[1]}, scope={setting.source}"
        elif rule == OPEN and not moves:
            found, limit = self.open_at(child.account_id, child.venue_id) + 1, bound_of(setting)
        elif self._counts(setting, moves=moves):
            found, limit = len(self._window(child, setting, now_s)) + 1, bound_of(setting)
        return f"{rule}: found={found}, limit={limit}, scope={setting.source}" if found > limit else ""

    @staticmethod
    def _counts(setting: Setting, *, moves: bool) -> bool:
        rule = setting.spec.name
        return rule in _RATES and not (moves and rule == ORDER_RATE)

    def _window(self, child: ChildTerms, setting: Setting, now_s: float) -> deque[float]:
        """Return when the orders that count now were sent."""
        if len(self._sent_s) >= _COUNTED_MAX:
            self._sent_s.clear()
        key = setting.spec.name, child.account_id, child.venue_id
        sent, window_s = self._sent_s.setdefault(key, deque()), setting.values["window_s"]
        while sent and sent[0] <= now_s - int(window_s):
            sent.popleft()
        return sent
