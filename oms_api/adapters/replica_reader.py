"""Queries on a read replica of Postgres: what may be slightly old is read there, the rest from the primary.

From the primary always: an order by its id (a client asks right after its ack, and a cancel looks here), the
list of one clientOrderId (how a client learns what became of an order whose answer it did not see), lists
that somebody acts on, what requests may name, and the event streams, which heal what Kafka did not bring.
While the replica is away, or further behind than the bound, everything is read from the primary.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from oms_api.adapters.postgres_reader import PostgresReader
from oms_api.ports import (
    EventView,
    ExecutionView,
    HeldPosition,
    OrderFilter,
    OrderView,
    StoredRoute,
    UnavailableError,
)

LOOK_S: Final = 1.0
SAMPLES_MAX: Final = 600
AnswerT = TypeVar("AnswerT")
Read = Callable[[PostgresReader], Awaitable[AnswerT]]

log = structlog.get_logger()
lag_gauge = Gauge("oms_api_replica_lag_seconds", "How far the read replica is behind the primary")
used_gauge = Gauge("oms_api_replica_used", "Whether queries are read from the replica now")
fallbacks_total = Counter("oms_api_replica_fallbacks_total", "Times the replica was given up", ["reason"])
reads_total = Counter("oms_api_reads_total", "Queries that may be slightly old, by who answered", ["source"])
for _reason in ("away", "lag"):
    fallbacks_total.labels(_reason)
for _source in ("primary", "replica"):
    reads_total.labels(_source)


class LagMeter:
    """How far a replica is behind: the age of the oldest position of the primary that it has not replayed.

    Positions in the log, not times: a replica that has lost its primary has replayed all that it received,
    and would take itself for up to date.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MAX)

    def note(self, now_s: float, primary: int | None, replica: int) -> float:
        """Take the positions of both, the primary's None when it is away. Returns the lag in seconds."""
        if primary is not None:
            self._waiting.append((now_s, primary))
        while self._waiting and self._waiting[0][1] <= replica:
            self._waiting.popleft()
        return now_s - self._waiting[0][0] if self._waiting else 0.0


class ReplicaReader:
    """The OrderReader on a replica where that is good enough, else on the primary. `run` watches it."""

    def __init__(self, primary: PostgresReader, replica: PostgresReader, lag_s_max: float) -> None:
        self._primary = primary
        self._replica = replica
        self._lag_s_max = lag_s_max
        self._meter = LagMeter()
        self._usable = False
        self._reason = ""
        used_gauge.set(0)

    async def open(self) -> None:
        """Start to connect to the replica in the background."""
        await self._replica.open()

    async def close(self) -> None:
        """Close the connections to the replica."""
        await self._replica.close()

    async def run(self) -> None:
        """Look at the replica once a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Measure the lag, and decide who answers until the next look."""
        try:
            replayed = await self._replica.replayed_position()
        except UnavailableError as error:
            self._give_up("away", str(error))
            return
        try:
            written = await self._primary.written_position()
        except UnavailableError:
            written = None
        lag_s = self._meter.note(time.monotonic(), written, replayed)
        lag_gauge.set(lag_s)
        if lag_s > self._lag_s_max:
            self._give_up("lag", f"{lag_s:.1f} s behind, must be at most {self._lag_s_max:g}")
        elif not self._usable:
            self._usable, self._reason = True, ""
            used_gauge.set(1)
            log.info("replica_used", lag_s=round(lag_s, 3))

    def _give_up(self, reason: str, detail: str) -> None:
        if self._reason != reason:
            # Once for each reason: it may last for hours.
            log.warning("replica_not_used", reason=reason, detail=detail)
            fallbacks_total.labels(reason).inc()
        self._usable, self._reason = False, reason
        used_gauge.set(0)

    async def _read(self, read: Read[AnswerT]) -> AnswerT:
        if self._usable:
            try:
                answer = await read(self._replica)
            except UnavailableError as error:
                self._give_up("away", str(error))
            else:
                reads_total.labels("replica").inc()
                return answer
        reads_total.labels("primary").inc()
        return await read(self._primary)

    async def order(self, order_id: UUID, visible: frozenset[str] | None) -> OrderView | None:
        """Return an order of the visible accounts, or None, from the primary."""
        return await self._primary.order(order_id, visible)

    async def orders(self, wanted: OrderFilter) -> list[OrderView]:
        """Return the orders of a filter, newest first; by clientOrderId, or to act on, from the primary."""
        if wanted.as_of_now or wanted.client_order_ids is not None:
            return await self._primary.orders(wanted)
        return await self._read(lambda reader: reader.orders(wanted))

    async def events(self, order_id: UUID) -> list[EventView]:
        """Return an order's audit trail, oldest first."""
        return await self._read(lambda reader: reader.events(order_id))

    async def executions(self, order_id: UUID) -> list[ExecutionView]:
        """Return an order's fills, oldest first."""
        return await self._read(lambda reader: reader.executions(order_id))

    async def routes(self, order_id: UUID) -> list[StoredRoute]:
        """Return an order's routing decisions, first attempt first."""
        return await self._read(lambda reader: reader.routes(order_id))

    async def positions(self, account_id: str) -> list[HeldPosition]:
        """Return an account's positions by symbol."""
        return await self._read(lambda reader: reader.positions(account_id))
