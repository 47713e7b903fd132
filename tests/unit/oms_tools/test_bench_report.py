"""What a person reads of a run: every part is named, and what is missing is not invented."""

import io
from typing import Any

from rich.console import Console

from oms_tools.bench.database_counts import DatabaseCounts, TableRows
from oms_tools.bench.knee import Knee, Leg
from oms_tools.bench.processes import ProcessFigures
from oms_tools.bench.report import print_figures, print_knee, refusals
from oms_tools.bench.run import process_figures

NONE = {"p50": None, "p99": None, "max": None}
TIMES = {"p50": 1.5, "p99": 12.25, "max": 13.0}
CANCELS = {
    "sent": 3,
    "answers": {"202": 2, "409": 1},
    "ended": {"CANCELED": 2},
    "without_end": 0,
    "end_ms": TIMES,
}
RECOVERY = {"normal_after_s": 2.5, "normal_means": "ten in a row", "acked": 9, "probes": 10}


def used(grew_mb: float) -> ProcessFigures:
    return ProcessFigures(
        cpu_ms_per_order=0.5,
        switches_per_order=2.0,
        mb_start=100.0,
        mb_end=110.0,
        mb_a_minute=grew_mb,
        grew_mb=grew_mb,
    )


def figures(over_s: float, **changed: Any) -> dict[str, Any]:
    rows = TableRows(inserted=50, updated=100, hot=50, deleted=0, indexes=3)
    counted = DatabaseCounts(tables={"orders": rows}, transactions=20, wal_bytes=10_000)
    whole = {
        "sent": 10,
        "acked": 10,
        "lost": 0,
        "duplicates": 0,
        "rate_achieved": 5.0,
        "seed": 7,
        "yardstick_ms": 4.3,
        "statuses": {"FILLED": 10},
        "stream": {"events": 40, "gaps": 0},
        "sent_late_ms": NONE,
        "waited_for_connection_max": 0,
        "shed": {"answers": 0, "with_retry_after": 0, "orders": 0},
        "not_acked": [],
        "cancels": {"sent": 0},
        "replaces": {"sent": 0},
        "ack_ms": TIMES,
        "routed_ms": NONE,
        "filled_ms": TIMES,
        "hops": {"risk": TIMES},
        "database": counted.figures(10),
        "kafka": {"messages_per_order": {"orders.inbound": 1.0}},
        "recovery": None,
    }
    processes = process_figures({"postgres": used(9), "oms-core": used(1), "bench": used(50)}, over_s)
    return whole | processes | changed


def printed(values: dict[str, Any]) -> str:
    out = io.StringIO()
    print_figures(Console(file=out, width=200), values)
    return out.getvalue()


def test_every_part_of_a_run_is_named() -> None:
    text = printed(figures(300))
    for part in (
        "lost 0  duplicates 0  rate 5.0/s",
        "1.50  12.25  13.00",
        "CPU-ms an order: 1.000 without the bench; memory grows: postgres (over the last 300 s)",
        "15.0 tuple versions, at most 30.0 index entries (computed), 1,000 bytes of WAL, 2.00 transactions",
        "Kafka messages an order: 1.00; orders.inbound 1.0",
    ):
        assert part in text, text
    for part in ("shed", "cancels", "probes", "late", "not acked"):
        assert part not in text


def test_a_short_run_says_nothing_of_memory() -> None:
    assert "too short a run to say whether memory is flat" in printed(figures(10))


def test_what_was_shed_canceled_late_or_probed_is_told_apart() -> None:
    text = printed(
        figures(
            300,
            shed={"answers": 1_200, "with_retry_after": 1_200, "orders": 7},
            cancels=CANCELS,
            recovery=RECOVERY,
            sent_late_ms={"p99": 31.0},
        )
    )
    assert "shed: 1,200 answers of 503 (1,200 with Retry-After), 7 orders were not taken at all" in text
    assert "cancels 3  answered 202 2  409 1  ended: CANCELED 2  without end 0  p99 12 ms" in text
    assert "back to normal 2.5 s after the load's end (ten in a row; 9 of 10 probes acked)" in text
    assert "the load itself was late: p99 31 ms" in text
    assert "not back to normal" in printed(figures(300, recovery=RECOVERY | {"normal_after_s": None}))


def test_the_knee_is_told_with_every_leg() -> None:
    leg = Leg(
        rate=100,
        acked_rate=99.5,
        ack_ms_p99=5.0,
        filled_ms_p99=None,
        backlog_growth=12.0,
        cpu_ms_per_order=1.5,
        why="nothing filled",
    )
    out = io.StringIO()
    print_knee(Console(file=out, width=120), Knee(rate=None, legs=(leg,)))
    print_knee(Console(file=out, width=120), Knee(rate=140.0, legs=()))
    assert "no: nothing filled" in out.getvalue()
    assert "not even the lowest rate was held" in out.getvalue()
    assert "knee: 140 orders/s" in out.getvalue()


def test_refusals_are_shown_once_each_and_a_few_only() -> None:
    assert refusals(["b", "a", "b"]) == ["a", "b"]
    assert len(refusals([str(number) for number in range(50)])) == 5
