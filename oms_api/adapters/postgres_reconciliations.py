"""Comparisons with venues in Postgres, as the adapter stored them."""

from datetime import datetime
from typing import Final
from uuid import UUID

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import BreakView, ReconciliationView

_RUNS: Final = (
    "SELECT run_id, venue_id, occasion, began_at, ended_at, asked, agreed, over FROM reconciliations"
    " WHERE ended_at < %s AND (%s::text IS NULL OR venue_id = %s) AND (NOT %s OR EXISTS ("
    " SELECT FROM reconciliation_breaks b WHERE b.run_id = reconciliations.run_id))"
    " ORDER BY ended_at DESC, run_id LIMIT %s"
)
_BREAKS: Final = (
    "SELECT run_id, cl_ord_id, order_id, ours, theirs, settled FROM reconciliation_breaks"
    " WHERE run_id = ANY(%s) ORDER BY run_id, settled, cl_ord_id"
)


class PostgresReconciliations:
    """The Reconciliations on `reconciliations` and `reconciliation_breaks`."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def reconciliations(
        self, *, venue_id: str | None, broken: bool, before: datetime, rows_max: int
    ) -> list[ReconciliationView]:
        """Return the runs that ended before a time, the newest first, each with its breaks."""
        rows = await self._pool.run(_RUNS, (before, venue_id, venue_id, broken, rows_max))
        breaks: dict[UUID, list[BreakView]] = {}
        if rows:
            for run_id, *found in await self._pool.run(_BREAKS, ([row[0] for row in rows],)):
                breaks.setdefault(run_id, []).append(BreakView(*found))
        return [ReconciliationView(*(*row, breaks.get(row[0], []))) for row in rows]
