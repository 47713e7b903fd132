"""What became of a load's orders and cancels, by the database: lost, doubled, canceled, left open."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from oms_platform.ids import uuid7_floor
from oms_platform.postgres import Connection
from oms_tools.bench.figures import percentiles
from oms_tools.bench.load import Load, Sent

CHUNK: Final = 20_000
CLOCK_SLACK: Final = timedelta(minutes=1)
_UNKNOWN: Final = "NEW"
_TAKEN: Final = 202
_ENDED: Final = ("CANCELED", "FILLED", "EXPIRED", "REJECTED")


def stored_statuses(connection: Connection, order_ids: Sequence[str]) -> dict[str, str]:
    """Return the status of each of these orders that is stored."""
    found: dict[str, str] = {}
    for start in range(0, len(order_ids), CHUNK):
        found |= dict(
            connection.execute(
                "SELECT order_id::text, status FROM orders WHERE order_id = ANY(%s)",
                [list(order_ids[start : start + CHUNK])],
            ).fetchall()
        )
    return found


def count_doubled(connection: Connection, load: Load) -> int:
    """Return how many client order ids of the load are stored more than once."""
    since = uuid7_floor(datetime.fromtimestamp(load.started_at, UTC) - CLOCK_SLACK)
    row = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM orders WHERE order_id >= %s AND client_order_id = ANY(%s)"
        " GROUP BY account_id, channel, client_order_id HAVING count(*) > 1) d",
        [since, list(load.sent)],
    ).fetchone()
    return row[0] if row else 0


def count_outcomes(connection: Connection, load: Load) -> dict[str, Any]:
    """Return what was sent, acked, lost and doubled, where orders stand, and what changes came to."""
    acked = load.acked
    order_ids = [sent.order_id for sent in acked if sent.order_id is not None]
    statuses = stored_statuses(connection, order_ids)
    lost = [sent for sent in acked if statuses.get(sent.order_id or "", _UNKNOWN) == _UNKNOWN]
    return {
        "sent": len(load.sent),
        "acked": len(acked),
        "lost": len(lost),
        "duplicates": count_doubled(connection, load) + len(order_ids) - len(set(order_ids)),
        "statuses": dict(Counter(statuses.values())),
        "cancels": cancel_outcomes(list(load.sent.values()), statuses),
        "replaces": replace_outcomes(list(load.sent.values())),
    }


def cancel_outcomes(orders: Sequence[Sent], statuses: dict[str, str]) -> dict[str, Any]:
    """Return what cancels were answered, and how the orders ended whose cancel was taken.

    without_end: the order is open and nothing said that the cancel was refused.
    """
    asked = [sent for sent in orders if sent.cancel_sent is not None]
    taken = [sent for sent in asked if sent.cancel_status == _TAKEN]
    ended = Counter(_end_of_cancel(sent, statuses.get(sent.order_id or "", "")) for sent in taken)
    times = [
        (sent.closed - sent.cancel_sent) * 1000
        for sent in taken
        if sent.closed is not None and sent.cancel_sent is not None
    ]
    return {
        "sent": len(asked),
        "answers": {str(status): count for status, count in Counter(s.cancel_status for s in asked).items()},
        "ended": {name: count for name, count in sorted(ended.items()) if name != "without_end"},
        "without_end": ended["without_end"],
        "end_ms": percentiles(times),
    }


def replace_outcomes(orders: Sequence[Sent]) -> dict[str, Any]:
    """Return what replaces were answered, and how those ended that were taken.

    without_end: nothing said that the order was replaced, or was not.
    """
    asked = [sent for sent in orders if sent.replace_sent is not None]
    taken = [sent for sent in asked if sent.replace_status == _TAKEN]
    ended = Counter(sent.replace_end or "without_end" for sent in taken)
    times = [
        (sent.replace_ended - sent.replace_sent) * 1000
        for sent in taken
        if sent.replace_ended is not None and sent.replace_sent is not None
    ]
    return {
        "sent": len(asked),
        "answers": {str(status): count for status, count in Counter(s.replace_status for s in asked).items()},
        "ended": {name: count for name, count in sorted(ended.items()) if name != "without_end"},
        "without_end": ended["without_end"],
        "end_ms": percentiles(times),
    }


def _end_of_cancel(sent: Sent, status: str) -> str:
    if status in _ENDED:
        return status
    return "refused" if sent.cancel_rejected else "without_end"
