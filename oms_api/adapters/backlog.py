"""When new orders are refused because the core, or what is behind it, is too far behind.

Every gateway judges by the orders that it published itself. Outcomes come with orders.events; those that
Kafka did not bring are looked for in Postgres before an order counts as late, so that a refusal always stands
on what is stored.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from oms_api.domain.unanswered import OUTCOMES, Unanswered
from oms_api.ports import EncodedEvent, NewOrder, OutcomeStore, Request, UnavailableError

LOOK_S: Final = 0.2
STORE_LOOK_MS: Final = 500
ORDERS_ASKED_MAX: Final = 2_000
# An order without an outcome for so long says nothing of the others any more: it is the core's log's.
SET_ASIDE_MS: Final = 60_000
# How long orders.events is read on after the last outcome.
LISTEN_S: Final = 30.0

log = structlog.get_logger()
oldest_gauge = Gauge(
    "oms_api_oldest_unanswered_seconds", "Age of the oldest order of this gateway without an outcome"
)
unanswered_gauge = Gauge("oms_api_unanswered_orders", "Orders of this gateway without an outcome")
shed_total = Counter("oms_api_orders_shed_total", "New orders refused because the oldest one waits too long")
set_aside_total = Counter(
    "oms_api_orders_set_aside_total", "Orders that are no longer awaited here: core has them in the log"
)


class OutcomeBacklog:
    """The Backlog on the events that come and the store of record. `run` is its background task.

    on_awaiting: called with whether orders.events is needed.
    """

    def __init__(
        self,
        store: OutcomeStore,
        *,
        shed_age_s: float,
        on_awaiting: Callable[[bool], None] = lambda _awaiting: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._shed_age_ms = int(shed_age_s * 1000)
        self._on_awaiting = on_awaiting
        self._monotonic = monotonic
        self._unanswered = Unanswered()
        self._problem = ""
        self._awake = asyncio.Event()
        self._store_asked_ms = 0

    def problem(self) -> str:
        """Return why a new order is not taken now; empty when it is taken."""
        return self._problem

    def count_refused(self) -> None:
        """Count a new order that was refused for that."""
        shed_total.inc()

    def on_published(self, requests: Sequence[Request]) -> None:
        """Await the outcome of new orders."""
        now_ms = self._now_ms()
        for request in requests:
            if isinstance(request, NewOrder):
                self._unanswered.note(str(request.message.order_id), now_ms)
        self._awake.set()

    def on_events(self, events: Sequence[EncodedEvent]) -> None:
        """Take the outcomes among events."""
        if self._unanswered:
            self._unanswered.answer(
                item.event.order_id for item in events if item.event.type in OUTCOMES or item.event.waits
            )

    async def run(self) -> None:
        """Look how old the oldest order is while there is one, until cancelled."""
        while True:
            self._awake.clear()
            if not self._unanswered:
                await self._awake.wait()
            self._on_awaiting(True)
            idle_since_s = self._monotonic()
            while self._monotonic() - idle_since_s < LISTEN_S:
                await asyncio.sleep(LOOK_S)
                await self.look()
                if self._unanswered:
                    idle_since_s = self._monotonic()
            self._on_awaiting(False)

    async def look(self) -> None:
        """Measure the backlog, and decide whether new orders are taken until the next look."""
        now_ms = self._now_ms()
        if self._unanswered.oldest_ms(now_ms) > self._shed_age_ms // 2:
            await self._ask_store(now_ms)
            self._set_aside(now_ms)
        oldest_ms = self._unanswered.oldest_ms(now_ms)
        oldest_gauge.set(oldest_ms / 1000)
        unanswered_gauge.set(len(self._unanswered))
        # It ends at half the age that it began at, so that it does not begin again with the next order.
        if oldest_ms > self._shed_age_ms and not self._problem:
            bound_s = self._shed_age_ms / 1000
            self._problem = f"orders wait for more than {bound_s:g} s: new ones are not taken"
            log.warning("new_orders_refused", oldest_ms=oldest_ms, unanswered=len(self._unanswered))
        elif oldest_ms <= self._shed_age_ms // 2 and self._problem:
            self._problem = ""
            log.info("new_orders_taken_again", unanswered=len(self._unanswered))

    def _now_ms(self) -> int:
        return int(self._monotonic() * 1000)

    async def _ask_store(self, now_ms: int) -> None:
        """Let go what has its outcome in the store, though Kafka did not bring it."""
        if now_ms - self._store_asked_ms < STORE_LOOK_MS:
            return
        self._store_asked_ms = now_ms
        late = self._unanswered.older_than(self._shed_age_ms // 2, now_ms, ORDERS_ASKED_MAX)
        try:
            self._unanswered.answer(await self._store.answered(late, OUTCOMES))
        except UnavailableError as error:
            log.warning("outcomes_not_read", error=str(error))

    def _set_aside(self, now_ms: int) -> None:
        aside = self._unanswered.older_than(SET_ASIDE_MS, now_ms, ORDERS_ASKED_MAX)
        if aside:
            log.warning("orders_set_aside", count=len(aside), first=aside[0])
            set_aside_total.inc(len(aside))
            self._unanswered.answer(aside)
