"""The SOR's metrics."""

from functools import cache
from typing import Final

from prometheus_client import Counter

from oms_platform.telemetry.metrics import BatchHistogram, hop

_QUOTE_AGE_BUCKETS_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60)
_SCORE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

decisions_total = Counter("oms_sor_decisions_total", "Route plans decided", ["outcome"])
repeated_total = Counter(
    "oms_sor_repeated_requests_total", "Route requests answered with the plan that was stored before"
)
legs_total = Counter("oms_sor_legs_total", "Legs planned", ["venue"])
unplaced_total = Counter("oms_sor_unplaced_total", "Plans without children", ["reason"])
batch_seconds = BatchHistogram("oms_sor_batch_seconds", "Time to decide, store and queue one batch")
quote_age_seconds = BatchHistogram(
    "oms_sor_quote_age_seconds", "Age of the quote decided on", (), _QUOTE_AGE_BUCKETS_S
)
best_score = BatchHistogram("oms_sor_best_score", "Score of the best venue of a plan", (), _SCORE_BUCKETS)
venue_score = BatchHistogram(
    "oms_sor_venue_score", "Score of each venue that a plan could have used", ["venue"], _SCORE_BUCKETS
)
core_to_sor: Final = hop("core_to_sor")
decision: Final = hop("decision")
quote_wait: Final = hop("quote")
reference_failures_total = Counter(
    "oms_sor_reference_failures_total", "Refreshes that kept the reference data of before"
)
placed: Final = decisions_total.labels("placed")
unplaced: Final = decisions_total.labels("unplaced")
# Their labels are looked up once: a plan counts several.
legs_to = cache(legs_total.labels)
score_of = cache(venue_score.labels)
unplaced_because = cache(unplaced_total.labels)
