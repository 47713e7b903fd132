"""What venues are asked of our own accord: what they have not answered in time, and how open orders are.

The law of this file: a question without an answer is asked again, each time after twice as long as before,
and after TRIES_MAX times it is a person's. Questions that nobody waits for leave a few at a time.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from execution_adapter import metrics
from execution_adapter.child_outcomes import DOWN_TEXT, ChildOutcomes
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import TRIES_MAX, LiveChild
from execution_adapter.domain.live_children import LiveChildren
from execution_adapter.domain.reconciliation import Occasion, Reconciler
from execution_adapter.domain.venue_states import VenueStates
from execution_adapter.order_sending import OrderSender

log = structlog.get_logger()
# A child whose venue has not been there yet in this run waits so long for it.
UNSENT_S_MAX: Final = 5.0
# Questions that nobody waits for, a second.
ASKS_A_TIME: Final = 200


class VenueQuestions:
    """Asks venues in time. reconcile_s: how often each venue's orders are compared, 0 for never."""

    def __init__(
        self,
        children: LiveChildren,
        states: VenueStates,
        sender: OrderSender,
        outcomes: ChildOutcomes,
        ledger: Ledger,
        reconciler: Reconciler,
        *,
        status_timeout_s: float,
        reconcile_s: float,
        new_id: Callable[[], UUID],
    ) -> None:
        self._children, self._states, self._sender, self._outcomes = children, states, sender, outcomes
        self._ledger, self._reconciler = ledger, reconciler
        self._status_timeout_s, self._reconcile_s, self._new_id = status_timeout_s, reconcile_s, new_id
        # Who is to be asked about, a few at a time.
        self._to_ask: deque[str] = deque()
        # When each venue's orders were last compared with its own.
        self._compared_s: dict[str, float] = {}

    def ask_soon(self, live: LiveChild) -> None:
        """Ask a child's venue how it is, when there is time."""
        self._to_ask.append(live.child.cl_ord_id)

    def ask_overdue(self, now: datetime, now_s: float) -> None:
        """Ask about every child that its venue has not answered for in time, and what else is to be asked."""
        for live in self._children.waiting():
            if self._states.is_up(live.child.venue_id):
                self._ask_if_overdue(live, now, now_s)
            else:
                self._close_if_unsent(live, now, now_s)
        self._compare_in_time(now, now_s)
        for _ in range(min(len(self._to_ask), ASKS_A_TIME)):
            found = self._children.live(self._to_ask.popleft())
            if found is not None and self._states.is_up(found.child.venue_id) and not found.unacked:
                self._children.await_answer(found)
                self._sender.ask(found, now_s)

    def _ask_if_overdue(self, live: LiveChild, now: datetime, now_s: float) -> None:
        """Ask about a child that has no answer, or leave it to a person."""
        if live.unresolved or not live.maybe_at_venue or self._sender.waits_for_turn(live):
            return
        if now_s - live.last_try_s <= self._status_timeout_s * 2.0**live.tries:
            return
        live.tries += 1
        if live.tries > (1 if self._states.is_mute(live.child.venue_id) else TRIES_MAX):
            self._outcomes.give_up(live, f"no answer to {live.tries} questions", b"", now)
        else:
            self._sender.ask(live, now_s)

    def _close_if_unsent(self, live: LiveChild, now: datetime, now_s: float) -> None:
        """Have a child that its venue will not get go elsewhere."""
        known = self._states.is_known(live.child.venue_id)
        if not live.maybe_at_venue and (known or now_s - live.last_try_s > UNSENT_S_MAX):
            self._outcomes.close_unsent(live, now, DOWN_TEXT)

    # ---- comparing

    def compare(self, venue_id: str, occasion: Occasion, now: datetime, now_s: float) -> None:
        """Ask a venue how each of its open orders is, and note where it says something else than we hold."""
        self._compared_s[venue_id] = now_s
        asked = [
            live for live in self._children.of_venue(venue_id) if not live.unacked and not live.canceling
        ]
        if not asked:
            return
        self._reconciler.begin(self._new_id(), venue_id, occasion, [live.child for live in asked], now)
        if self._states.is_mute(venue_id):
            self._reconciler.interrupt(venue_id, "the venue answers no 35=H", now)
            if occasion is Occasion.LOGON and self._states.is_silent_on_cancels(venue_id):
                self._show_maybe_canceled(asked, now)
            return
        for live in asked:
            live.tries = 0
            self.ask_soon(live)

    def _show_maybe_canceled(self, known: Sequence[LiveChild], now: datetime) -> None:
        """Leave to a person what a venue may have canceled meanwhile, and does not say."""
        for live in known:
            self._outcomes.except_child(
                live,
                "the venue cancels on disconnect and answers no 35=H: the order may be over",
                f"after logon {now:%Y%m%d-%H:%M:%S.%f}",
                b"",
                now,
            )

    def _compare_in_time(self, now: datetime, now_s: float) -> None:
        """Compare with the venues whose time has come, and let what has ended be stored."""
        if self._reconcile_s:
            for venue_id in sorted(self._states.up):
                if now_s - self._compared_s[venue_id] >= self._reconcile_s:
                    self.compare(venue_id, Occasion.SCHEDULE, now, now_s)
        ended = self._reconciler.take_ended()
        for run in ended:
            log.info(
                "reconciled",
                venue=run.venue_id,
                occasion=run.occasion.name,
                asked=run.asked,
                agreed=run.agreed,
                over=run.over,
                settled=sum(one.settled for one in run.breaks),
                open=sum(not one.settled for one in run.breaks),
            )
            metrics.count_run(run)
        self._ledger.compared(ended)
