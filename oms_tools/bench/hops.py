"""Latency by hop, from the times that each service stored. One machine, one clock."""

from typing import Final

from oms_platform.postgres import Connection
from oms_tools.bench.figures import percentiles

SAMPLE_MAX: Final = 20_000
_RUN: Final = "WITH run AS (SELECT order_id, created_at FROM orders WHERE order_id = ANY(%s))"
_MS: Final = "extract(epoch FROM {}) * 1000"
# hop -> the SQL after _RUN that yields its milliseconds, one row an order or a fill
_QUESTIONS: Final = {
    "api_to_core": "SELECT " + _MS.format("e.occurred_at - r.created_at")
    + " FROM run r JOIN order_events e USING (order_id) WHERE e.sequence = 2",
    "risk": "SELECT (payload->'orderAccepted'->>'riskUs')::float / 1000 FROM run"
    " JOIN order_events USING (order_id) WHERE type = 'OrderAccepted'",
    "quote": "SELECT quote_wait_us::float / 1000 FROM run JOIN route_audit USING (order_id)",
    "core_to_sor": "SELECT " + _MS.format("a.received_at - e.occurred_at")
    + " FROM run JOIN route_audit a USING (order_id) JOIN order_events e USING (order_id)"
    " WHERE a.attempt = 1 AND e.sequence = 2",
    "sor_to_adapter": "SELECT " + _MS.format("c.created_at - a.decided_at")
    + " FROM run JOIN route_audit a USING (order_id) JOIN child_orders c USING (order_id, attempt)"
    " WHERE c.leg = 1",
    "adapter_to_venue": "SELECT " + _MS.format("c.acked_at - c.created_at")
    + " FROM run JOIN child_orders c USING (order_id) WHERE c.acked_at IS NOT NULL",
    "venue_to_core": "SELECT " + _MS.format("x.recorded_at - x.transact_time")
    + " FROM run JOIN executions x USING (order_id)",
}  # fmt: skip


def measure_hops(connection: Connection, order_ids: list[str]) -> dict[str, dict[str, float | None]]:
    """Return p50, p99 and max in milliseconds of each hop the database knows, over a sample of orders."""
    step = max(1, len(order_ids) // SAMPLE_MAX)
    sample = order_ids[::step]
    hops = {}
    for hop, question in _QUESTIONS.items():
        rows = connection.execute(f"{_RUN} {question}", [sample]).fetchall()
        hops[hop] = percentiles([float(row[0]) for row in rows])
    return hops
