"""The scorekeeper's metrics."""

from prometheus_client import Counter, Gauge

active = Gauge("oms_sor_scorekeeper_active", "Whether this scorekeeper holds the lock")
partitions_dropped_total = Counter(
    "oms_sor_scorekeeper_partitions_dropped_total", "Partitions dropped by retention"
)
messages_total = Counter("oms_sor_scorekeeper_messages_total", "Messages read")
unreadable_total = Counter(
    "oms_sor_scorekeeper_unreadable_total", "Messages passed over: they cannot be read"
)
saves_total = Counter(
    "oms_sor_scorekeeper_saves_total", "Transactions that stored scorecards, quotes or offsets"
)
tape_rows_total = Counter("oms_sor_scorekeeper_tape_rows_total", "Changes of a best bid or offer stored")
tape_refused_total = Counter("oms_sor_scorekeeper_tape_refused_total", "Quotes that the tape does not take")
closures_total = Counter(
    "oms_sor_scorekeeper_closures_total", "Times a venue was closed", ["venue", "reason"]
)
open_children = Gauge("oms_sor_scorekeeper_open_children", "Children that are watched")
fill_ratio = Gauge(
    "oms_sor_scorekeeper_venue_fill_ratio",
    "Shares filled over shares sent, by the scorecard's fading memory",
    ["venue"],
)
venue_closed = Gauge("oms_sor_scorekeeper_venue_closed", "1 while nothing is routed to the venue", ["venue"])
