"""The services' stores in memory, shown to the auditor, with a crossing before and after a transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain.gate import Parent
from execution_adapter.domain.ledger import Offsets
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.ports import StoredChild, Writes
from oms_core.adapters.memory_store import InMemoryOrderStore
from oms_core.domain.desk import Desk
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.ports import UnitOfWork
from oms_platform.kill_switches import Owner
from oms_platform.risk_rules import RuleRow
from oms_platform.trading_calendar import Calendar
from sor_engine.adapters.memory_routes import InMemoryRouteStore
from sor_engine.ports import PlannedRoute


class Watcher(Protocol):
    """Who is shown what was stored, after it was."""

    def committed(self, unit: UnitOfWork, desk: Desk) -> None:
        """Look at a batch of the core."""

    def children_stored(self, writes: Writes, new: frozenset[str]) -> None:
        """Look at a batch of the adapter."""


Cross = Callable[[str], None]


class SimulatedOrderStore(InMemoryOrderStore):
    """The core's store. cross: of whichever component works now."""

    def __init__(
        self,
        accounts: Mapping[str, AccountTerms],
        instruments: Mapping[str, InstrumentTerms],
        partition_of: Callable[[str], int],
        cross: Cross,
        watcher: Watcher,
        calendar: Calendar,
        rules: Iterable[RuleRow],
    ) -> None:
        super().__init__(accounts, instruments, partition_of, calendars=(calendar,), rules=rules)
        self._cross = cross
        self._watcher = watcher

    def commit(self, unit: UnitOfWork, desk: Desk, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Store a batch and the offsets after it, or nothing of it."""
        self._cross("commit")
        super().commit(unit, desk, next_offsets)
        self._watcher.committed(unit, desk)
        self._cross("committed")

    @property
    def has_unanswered(self) -> bool:
        """Whether a request has had no outcome."""
        return bool(self._unanswered)


class SimulatedRouteStore(InMemoryRouteStore):
    """The router's store."""

    def __init__(self, cross: Cross) -> None:
        super().__init__()
        self._cross = cross

    def store(
        self, routes: Sequence[PlannedRoute], next_offsets: Offsets, now: datetime
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store new plans and the offsets, all or nothing."""
        self._cross("commit")
        before = super().store(routes, next_offsets, now)
        self._cross("committed")
        return before


class SimulatedChildStore(InMemoryChildStore):
    """The adapter's store, which finds children by their keys without looking at all of them."""

    def __init__(
        self,
        *,
        open_orders: Callable[[], frozenset[UUID]],
        parent_of: Callable[[UUID], Parent | None],
        owner_of: Callable[[UUID], Owner | None],
        core: Callable[[], Mapping[tuple[str, int], int]],
        cross: Cross,
        watcher: Watcher,
    ) -> None:
        super().__init__(open_orders=open_orders, parent_of=parent_of, owner_of=owner_of, core=core)
        self._cross = cross
        self._watcher = watcher
        self._by_route: dict[tuple[UUID, int], list[str]] = {}

    def write(self, writes: Writes, now: datetime) -> frozenset[str]:
        """Store a batch, all or nothing."""
        self._cross("commit")
        new = super().write(writes, now)
        for child, _ in writes.children:
            if child.cl_ord_id in new:
                self._by_route.setdefault((child.order_id, child.attempt), []).append(child.cl_ord_id)
        self._watcher.children_stored(writes, new)
        self._cross("committed")
        return new

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets."""
        self._cross("checkpoint")
        super().write_checkpoints(checkpoints, offsets, now)
        self._cross("checkpointed")

    def find(self, places: Sequence[tuple[UUID, str]]) -> list[StoredChild]:
        """Return the children of these (order_id, ClOrdID) that exist."""
        return self._ordered([self._children[key] for key in set(places) if key in self._children])

    def of_routes(self, routes: Sequence[tuple[UUID, int]]) -> list[StoredChild]:
        """Return the children of these (order_id, attempt), by leg."""
        return self._ordered(
            [self._children[key[0], name] for key in set(routes) for name in self._by_route.get(key, ())]
        )

    def _ordered(self, found: Sequence[StoredChild]) -> list[StoredChild]:
        marked = [replace(stored, canceled_by=self._canceled_by(stored.child)) for stored in found]
        return sorted(marked, key=lambda one: (one.child.order_id, one.child.attempt, one.child.leg))

    @property
    def children(self) -> Mapping[tuple[UUID, str], StoredChild]:
        """Every child by (order_id, ClOrdID)."""
        return self._children
