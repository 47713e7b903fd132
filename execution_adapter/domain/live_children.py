"""The children of this run: those that are live, those that wait for an answer, and those that are over.

The law of this file: a child is live or over, never both. A live one is found by its ClOrdID and by its
order. One that is over is remembered, as reports come in any order, until too many newer ones are. What waits
for an answer is live, or is over while its venue is asked for trades that are missing.
"""

from collections import OrderedDict
from typing import Final, TypeVar
from uuid import UUID

from execution_adapter.domain.live_child import LiveChild

OVER_REMEMBERED_MAX: Final = 10_000
KeyT = TypeVar("KeyT", UUID, tuple[str, str])


class LiveChildren:
    """Children by ClOrdID, in the order in which they came. One thread only."""

    def __init__(self) -> None:
        self._live: dict[str, LiveChild] = {}
        self._by_order: dict[UUID, dict[str, LiveChild]] = {}
        # Of each account at each venue.
        self._by_account: dict[tuple[str, str], dict[str, LiveChild]] = {}
        # Those that wait for a venue's answer: to a 35=D, a 35=F or a 35=H.
        self._waiting: dict[str, LiveChild] = {}
        # The newest last.
        self._over: OrderedDict[str, LiveChild] = OrderedDict()

    def __len__(self) -> int:
        """How many are live."""
        return len(self._live)

    # ---- who there is

    def get(self, cl_ord_id: str) -> LiveChild | None:
        """Return a child that is live, or was in this run."""
        return self._live.get(cl_ord_id) or self._over.get(cl_ord_id)

    def live(self, cl_ord_id: str) -> LiveChild | None:
        """Return a live child."""
        return self._live.get(cl_ord_id)

    def is_live(self, cl_ord_id: str) -> bool:
        """Say whether a child is live."""
        return cl_ord_id in self._live

    def all_live(self) -> list[LiveChild]:
        """Return every live child."""
        return list(self._live.values())

    def of_order(self, order_id: UUID) -> list[LiveChild]:
        """Return the live children of an order."""
        return list(self._by_order.get(order_id, {}).values())

    def of_venue(self, venue_id: str) -> list[LiveChild]:
        """Return the live children of a venue."""
        return [live for live in self._live.values() if live.child.venue_id == venue_id]

    def open_at(self, account_id: str, venue_id: str) -> int:
        """Return how many of an account's children a venue has, or may have."""
        return sum(
            [live.maybe_at_venue for live in self._by_account.get((account_id, venue_id), {}).values()]
        )

    def over_of_venue(self, venue_id: str) -> list[LiveChild]:
        """Return the children of a venue that are over and remembered."""
        return [live for live in self._over.values() if live.child.venue_id == venue_id]

    # ---- who comes and goes

    def add(self, live: LiveChild) -> None:
        """A child is live; it waits while no venue has answered for it."""
        cl_ord_id = live.child.cl_ord_id
        self._over.pop(cl_ord_id, None)
        self._live[cl_ord_id] = live
        self._by_order.setdefault(live.child.order_id, {})[cl_ord_id] = live
        self._by_account.setdefault((live.child.account_id, live.child.venue_id), {})[cl_ord_id] = live
        if live.unacked:
            self._waiting[cl_ord_id] = live

    def drop(self, live: LiveChild) -> None:
        """A child is over; it waits on while trades are missing that a person was not shown."""
        child = live.child
        self._live.pop(child.cl_ord_id, None)
        if live.state.missing_qty == live.missing_shown:
            self._waiting.pop(child.cl_ord_id, None)
        self.remember(live)
        self._over.move_to_end(child.cl_ord_id)
        _drop(self._by_order, child.order_id, child.cl_ord_id)
        _drop(self._by_account, (child.account_id, child.venue_id), child.cl_ord_id)

    def remember(self, live: LiveChild) -> None:
        """Keep a child that is over among those that reports may come for."""
        self._over[live.child.cl_ord_id] = live
        if len(self._over) > OVER_REMEMBERED_MAX:
            self._over.popitem(last=False)

    # ---- who waits

    @property
    def unacked(self) -> int:
        """How many wait for the first answer of their venue."""
        return sum(live.unacked for live in self._waiting.values())

    @property
    def unanswered(self) -> int:
        """How many wait for an answer of their venue, those left aside that are a person's."""
        return sum(not live.unresolved for live in self._waiting.values())

    def waiting(self) -> list[LiveChild]:
        """Return those that wait for an answer."""
        return list(self._waiting.values())

    def is_waiting(self, live: LiveChild) -> bool:
        """Return whether an answer about a child is awaited."""
        return live.child.cl_ord_id in self._waiting

    def await_answer(self, live: LiveChild) -> None:
        """A child's venue was sent something that it has to answer."""
        self._waiting[live.child.cl_ord_id] = live

    def stop_waiting(self, live: LiveChild) -> None:
        """Nothing is awaited for a child any more."""
        self._waiting.pop(live.child.cl_ord_id, None)


def _drop(children: dict[KeyT, dict[str, LiveChild]], key: KeyT, cl_ord_id: str) -> None:
    siblings = children.get(key)
    if siblings is not None:
        siblings.pop(cl_ord_id, None)
        if not siblings:
            del children[key]
