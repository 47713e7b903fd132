"""The adapter's metrics."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge

from execution_adapter.domain.reconciliation import EndedRun
from oms_platform.exceptions import ExceptionKind
from oms_platform.telemetry.metrics import BATCH_BUCKETS, BatchHistogram, hop

session_up = Gauge("oms_adapter_fix_session_up", "1 while the venue's session is logged on", ["venue"])
session_out = Gauge(
    "oms_adapter_fix_session_out",
    "1 while the venue's session is down on purpose: logged out by somebody, or outside its schedule",
    ["venue"],
)
in_seq = Gauge("oms_adapter_fix_in_seq", "Highest inbound sequence that is durable", ["venue"])
out_seq = Gauge("oms_adapter_fix_out_seq", "Next outbound sequence", ["venue"])
orders_sent_total = Counter("oms_adapter_orders_sent_total", "35=D sent", ["venue"])
cancels_sent_total = Counter("oms_adapter_cancels_sent_total", "35=F sent", ["venue"])
replaces_sent_total = Counter("oms_adapter_replaces_sent_total", "35=G sent", ["venue"])
status_requests_total = Counter("oms_adapter_status_requests_total", "35=H sent", ["venue"])
reports_total = Counter("oms_adapter_reports_total", "35=8 received, by ExecType", ["venue", "exec_type"])
filled_shares_total = Counter(
    "oms_adapter_filled_shares_total", "Shares that venues reported as traded", ["venue"]
)
sent_shares_total = Counter("oms_adapter_sent_shares_total", "Shares of the children sent", ["venue"])
logons_total = Counter("oms_adapter_fix_logons_total", "Times the venue's session logged on", ["venue"])
logouts_total = Counter("oms_adapter_fix_logouts_total", "Times the venue's session ended", ["venue"])
resend_requests_total = Counter(
    "oms_adapter_fix_resend_requests_total", "35=2 sent by us or by the venue", ["venue", "sent_by"]
)
resent_total = Counter("oms_adapter_resent_reports_total", "Reports that came with PossDupFlag", ["venue"])
rejects_total = Counter("oms_adapter_rejects_total", "35=9, 35=3 and 35=j received", ["venue", "msg_type"])
throttled_total = Counter(
    "oms_adapter_throttled_total",
    "Messages that had to wait, orders that found the queue full, refusals of a venue that got too much",
    ["venue", "how"],
)
exceptions_total = Counter(
    "oms_adapter_execution_exceptions_total",
    "What a venue sent that a person has to look at, by kind",
    ["venue", "kind"],
)
gate_refusals_total = Counter(
    "oms_adapter_gate_refusals_total",
    "Plans and children that the last gate did not let out",
    ["code"],
)
venue_limits_watched_total = Counter(
    "oms_adapter_venue_limits_watched_total",
    "Orders to venues that a watched limit of risk would have held back",
    ["rule"],
)
reconciled_total = Counter(
    "oms_adapter_reconciled_total",
    "Open orders compared with their venue's word",
    ["venue", "outcome"],
)
routes_total = Counter("oms_adapter_routes_total", "Route plans handled", ["outcome"])
killed_children = Gauge(
    "oms_adapter_killed_children", "Children that a kill switch is to cancel and that are still live"
)
live_children = Gauge("oms_adapter_live_children", "Children with quantity left at a venue")
pending_children = Gauge("oms_adapter_pending_children", "Children that no venue has acknowledged yet")
inbox_items = BatchHistogram(
    "oms_adapter_batch_items", "Kafka batches and FIX messages worked on at once", (), BATCH_BUCKETS
)
batch_seconds = BatchHistogram("oms_adapter_batch_seconds", "Time to work on one batch")
sor_to_adapter: Final = hop("sor_to_adapter")
order_to_venue: Final = hop("order_to_venue")
venue_ack: Final = hop("adapter_to_venue")


class VenueCounts:
    """One venue's counters, their labels looked up once: the hot path counts several times an order."""

    def __init__(self, venue_id: str) -> None:
        self.orders_sent = orders_sent_total.labels(venue_id)
        self.sent_shares = sent_shares_total.labels(venue_id)
        self.filled_shares = filled_shares_total.labels(venue_id)
        self.resent = resent_total.labels(venue_id)


of_venue = cache(VenueCounts)


@cache
def reports_of(venue_id: str, exec_type: str) -> Counter:
    """Return the counter of a venue's reports of one kind."""
    return reports_total.labels(venue_id, exec_type)


def know_venues(venue_ids: Iterable[str]) -> None:
    """Begin every venue's counts at 0, so that a rate sees their first step."""
    for venue_id in venue_ids:
        of_venue(venue_id)
        session_up.labels(venue_id).set(0)
        session_out.labels(venue_id).set(0)
        for counter in (
            cancels_sent_total,
            replaces_sent_total,
            status_requests_total,
            logons_total,
            logouts_total,
        ):
            counter.labels(venue_id)
        for sent_by in ("us", "venue"):
            resend_requests_total.labels(venue_id, sent_by)
        for msg_type in ("9", "3", "j"):
            rejects_total.labels(venue_id, msg_type)
        for how in ("WAITS", "FULL", "REFUSED"):
            throttled_total.labels(venue_id, how)
        for kind in ExceptionKind:
            exceptions_total.labels(venue_id, kind.name)


def count_run(run: EndedRun) -> None:
    """Count a comparison with a venue."""
    settled = sum(one.settled for one in run.breaks)
    for outcome, count in (
        ("agreed", run.agreed),
        ("over", run.over),
        ("settled", settled),
        ("open", len(run.breaks) - settled),
    ):
        reconciled_total.labels(run.venue_id, outcome).inc(count)
