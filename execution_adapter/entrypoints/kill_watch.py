"""What the loop does about kill switches: live children are held to new ones, and what they found is noted.

The gate asks the switches for each child by itself; here is what has to be done once when one changes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import ChildStore
from oms_platform.exceptions import ExecutionException
from oms_platform.kill_switches import TriggerKind
from oms_platform.kill_triggers import TriggerWatch


class KillWatch:
    """Follows the switches. One thread only."""

    def __init__(self, store: ChildStore, manager: ChildOrderManager) -> None:
        self._store, self._manager = store, manager
        self._asked_for_owners = self._asked_for_closings = False
        # By venue: when it last said anything, and since when it owes an answer.
        self._heard_s: dict[str, float] = {}
        self._owes_since_s: dict[str, float] = {}

    def look(self, now: datetime, now_s: float) -> None:
        """Hold live children to what has changed of the switches, if anything has."""
        self._learn_closings()
        self._follow_owners()
        held = self._manager.handle_kills(now, now_s)
        if held.switches:
            self._store.note_kills(held, now)
        self._look_at_triggers(now_s)

    # ---- what sets switches by itself

    def heard(self, venue_ids: Iterable[str], now_s: float) -> None:
        """Venues have said something."""
        for venue_id in venue_ids:
            self._heard_s[venue_id] = now_s

    def excepted(self, exceptions: Iterable[ExecutionException], now_s: float) -> None:
        """Execution exceptions were raised."""
        triggers = self._manager.triggers
        if not triggers.counts:
            return
        for one in exceptions:
            thing = self._manager.kills.thing(one.account_id or "", one.symbol, venue_id=one.venue_id)
            triggers.note(TriggerKind.EXCEPTIONS, thing, now_s)

    def _look_at_triggers(self, now_s: float) -> None:
        triggers = self._manager.triggers
        triggers.follow(self._manager.kills)
        if triggers.counts:
            self._look_at_silence(triggers, now_s)
            triggers.look(now_s, self._manager.ask_for_switch)

    def _look_at_silence(self, triggers: TriggerWatch, now_s: float) -> None:
        owing = self._manager.venues_that_owe
        since_s = self._owes_since_s
        self._owes_since_s = {venue_id: since_s.get(venue_id, now_s) for venue_id in owing}
        for trigger in triggers.of_kind(TriggerKind.VENUE_SILENCE):
            began_s = self._owes_since_s.get(trigger.scope.venue)
            if began_s is None:
                continue
            silent_s = now_s - max(began_s, self._heard_s.get(trigger.scope.venue, began_s))
            if silent_s >= trigger.threshold:
                said = f"{silent_s:.1f} s without a word of {trigger.scope.venue}, which owes an answer"
                figures = f"{said}, threshold {trigger.threshold}"
                triggers.reached(trigger, figures, now_s, self._manager.ask_for_switch)

    def _learn_closings(self) -> None:
        """Find out once which of the children that an earlier run left live close positions for switches."""
        if not self._asked_for_closings:
            self._asked_for_closings = True
            if order_ids := self._manager.live_orders:
                self._manager.note_closings(self._store.closings(sorted(order_ids)))

    def _follow_owners(self) -> None:
        asks = self._manager.kills.asks_for_owners
        if asks and not self._asked_for_owners:
            self._manager.note_owners(self._store.owners(sorted(self._manager.orders_without_owner)))
        elif self._asked_for_owners and not asks:
            self._manager.forget_owners()
        self._asked_for_owners = asks

    def learn(self, order_ids: Sequence[UUID]) -> None:
        """Find out who asked for orders that are about to be sent, while a switch names anybody."""
        if order_ids and self._manager.kills.asks_for_owners:
            self._manager.note_owners(self._store.owners(order_ids))
