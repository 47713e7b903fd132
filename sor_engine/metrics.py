"""The SOR's metrics."""

from typing import Final

from prometheus_client import Counter, Histogram

_DECISION_BUCKETS_S: Final = (
    0.00002,
    0.00005,
    0.0001,
    0.0002,
    0.0003,
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.05,
)
_QUOTE_AGE_BUCKETS_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60)
_SCORE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

decisions_total = Counter("sor_decisions_total", "Route plans decided", ["outcome"])
repeated_total = Counter(
    "sor_repeated_requests_total", "Route requests answered with the plan that was stored before"
)
legs_total = Counter("sor_legs_total", "Legs planned", ["venue"])
unplaced_total = Counter("sor_unplaced_total", "Plans without legs", ["reason"])
decision_seconds = Histogram("sor_decision_seconds", "Time to decide one route", buckets=_DECISION_BUCKETS_S)
quote_age_seconds = Histogram(
    "sor_quote_age_seconds", "Age of the quote decided on", buckets=_QUOTE_AGE_BUCKETS_S
)
quote_wait_seconds = Histogram("sor_quote_wait_seconds", "Time spent asking for a fresh quote")
best_score = Histogram("sor_best_score", "Score of the best venue of a plan", buckets=_SCORE_BUCKETS)
reference_failures_total = Counter(
    "sor_reference_failures_total", "Refreshes that kept the reference data of before"
)
