"""What the loop does about kill switches: live children are held to new ones, and what they found is noted.

The gate asks the switches for each child by itself; here is what has to be done once when one changes.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import ChildStore


class KillWatch:
    """Follows the switches. One thread only."""

    def __init__(self, store: ChildStore, manager: ChildOrderManager) -> None:
        self._store, self._manager = store, manager
        self._asked_for_owners = False

    def look(self, now: datetime, now_s: float) -> None:
        """Hold live children to what has changed of the switches, if anything has."""
        self._follow_owners()
        held = self._manager.handle_kills(now, now_s)
        if held.switches:
            self._store.note_kills(held, now)

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
