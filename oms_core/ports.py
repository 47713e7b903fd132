"""What the core's handlers need from outside, as Protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from oms_core.domain.desk import Desk
from oms_core.domain.order import Order
from oms_core.domain.risk import TouchPrices
from oms_platform.messages import OrderEvent
from oms_platform.outbox import OutboxRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One row of order_events: the message that clients get, and the event that rebuilds the order.

    trace: of the message that led to it (oms_platform.telemetry.tracing).
    """

    message: OrderEvent
    data: bytes
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExecution:
    """One row of executions."""

    order_id: UUID
    venue_id: str
    exec_id: str
    account_id: str
    cl_ord_id: str
    symbol: str
    side: str
    last_qty: int
    last_px: Decimal
    transact_time: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTaken:
    """When an order's risk was checked, in microseconds, and what it was denied for, if it was."""

    began_us: int
    took_us: int
    denial: str


@dataclass(slots=True, kw_only=True)
class UnitOfWork:
    """Everything that one batch changes, stored in one transaction and then published."""

    now: datetime
    events: list[StoredEvent] = field(default_factory=list)
    executions: list[StoredExecution] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    orders: dict[UUID, Order] = field(default_factory=dict)
    positions: set[tuple[str, str]] = field(default_factory=set)
    risks: dict[UUID, RiskTaken] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not self.events


class OrderStore(Protocol):
    """Durable state: what Postgres keeps."""

    def load_reference(self, desk: Desk) -> None:
        """Read accounts with their limits, and instruments, into the desk."""

    def ensure_partitions(self, now: datetime) -> None:
        """Make the coming weeks' partitions of every growing table."""

    def load_desk(self, partitions: set[int]) -> Desk:
        """Rebuild the desk of the accounts whose keys fall into these partitions."""

    def load_order(self, order_id: UUID) -> Order | None:
        """Rebuild one order, closed or not; None when it was never stored."""

    def commit(
        self,
        unit: UnitOfWork,
        desk: Desk,
        next_offsets: Mapping[tuple[str, int], int],
        published: Sequence[UUID],
    ) -> None:
        """Store a batch, the offsets after it and which outbox rows Kafka has by now, in one transaction."""


class QuoteBoard(Protocol):
    """The national best bid and offer of each symbol."""

    def touch(self, symbol: str) -> TouchPrices:
        """Return the newest touch; None for a side that nobody quotes."""
