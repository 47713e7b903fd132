"""The adapter's metrics."""

from prometheus_client import Counter, Gauge, Histogram

session_up = Gauge("adapter_fix_session_up", "1 while the venue's session is logged on", ["venue"])
in_seq = Gauge("adapter_fix_in_seq", "Highest inbound sequence that is durable", ["venue"])
out_seq = Gauge("adapter_fix_out_seq", "Next outbound sequence", ["venue"])
orders_sent_total = Counter("adapter_orders_sent_total", "35=D sent", ["venue"])
cancels_sent_total = Counter("adapter_cancels_sent_total", "35=F sent", ["venue"])
status_requests_total = Counter("adapter_status_requests_total", "35=H sent", ["venue"])
reports_total = Counter("adapter_reports_total", "35=8 received, by ExecType", ["exec_type"])
resent_total = Counter("adapter_resent_reports_total", "Reports that came with PossDupFlag", ["venue"])
rejects_total = Counter("adapter_rejects_total", "35=9, 35=3 and 35=j received", ["venue", "msg_type"])
unhandled_total = Counter(
    "adapter_unhandled_reports_total", "FIX messages that belong to nothing known", ["reason"]
)
routes_total = Counter("adapter_routes_total", "Route plans handled", ["outcome"])
live_children = Gauge("adapter_live_children", "Children with quantity left at a venue")
pending_children = Gauge("adapter_pending_children", "Children that no venue has acknowledged yet")
batch_seconds = Histogram("adapter_batch_seconds", "Time to work on one batch")
