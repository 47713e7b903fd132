"""What every process measures in the same way: hops of an order's way, transactions, batches, lag.

The law of this file: names and units by Prometheus' conventions, every name begins with `oms_`, and no label
takes a value that a client chooses. The hot path observes with a bisect and two additions.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Metric,
    disable_created_metrics,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

# When a counter began is of no use to us, and doubles what a scrape reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

LATENCY_BUCKETS_S: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
FINE_BUCKETS_S: Final = (
    0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0003, 0.0005, *LATENCY_BUCKETS_S[1:],
)  # fmt: skip
BATCH_BUCKETS: Final = (1, 2, 3, 5, 10, 20, 50, 100, 200, 350, 500)


class Series:
    """One label set of a BatchHistogram. One thread observes; a scrape may see it one observation apart."""

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        # The last traced order of each bucket.
        self.exemplars: dict[int, Exemplar] = {}

    def observe(self, value: float, trace_id: str = "") -> None:
        """Count one value; one below 0, which two clocks can make, counts as 0.

        trace_id: of an order that is traced, to be shown beside its bucket.
        """
        if value < 0:
            value = 0.0
        bucket = bisect_left(self.bounds, value)
        self.counts[bucket] += 1
        self.sum += value
        if trace_id:
            self.exemplars[bucket] = Exemplar({"trace_id": trace_id}, value, time.time())


class BatchHistogram(Collector):
    """A histogram that costs a sixth of prometheus_client's, for what is observed once an order.

    It has no lock: every label set has one thread that observes.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = (),
        buckets: Sequence[float] = LATENCY_BUCKETS_S,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self.name, self.documentation, self.labelnames = name, documentation, tuple(labelnames)
        self._bounds = tuple(float(bound) for bound in buckets)
        self._series: dict[tuple[str, ...], Series] = {}
        if not labelnames:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Series:
        """Return the series of these label values, in the order of the names; keep it on the hot path."""
        if len(values) != len(self.labelnames):
            raise ValueError(f"{self.name} has the labels {self.labelnames}, found the values {values}")
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = Series(self._bounds)
        return series

    def observe(self, value: float) -> None:
        """Count one value of a histogram without labels."""
        self._series[()].observe(value)

    def describe(self) -> Iterable[Metric]:
        """Name the family without its values."""
        return [HistogramMetricFamily(self.name, self.documentation, labels=self.labelnames)]

    def collect(self) -> Iterable[Metric]:
        """Return the family with every label set's cumulative buckets."""
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.labelnames)
        for values, series in list(self._series.items()):
            total = 0
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            for number, count in enumerate(list(series.counts)):
                total += count
                bound = repr(self._bounds[number]) if number < len(self._bounds) else "+Inf"
                exemplar = series.exemplars.get(number)
                buckets.append((bound, total) if exemplar is None else (bound, total, exemplar))
            family.add_metric(values, buckets=buckets, sum_value=series.sum)
        return [family]


class HopTarget(NamedTuple):
    """One hop of an order's way. p99_s: the time within which 99 of 100 are to pass, in seconds."""

    begins: str
    ends: str
    p99_s: float


# Times of two processes are compared, so their clocks must agree: `oms doctor` looks.
HOPS: Final = {
    "ack": HopTarget("POST /api/v1/orders comes in", "its answer is sent", 0.05),
    "api_to_core": HopTarget("the order is received", "core's verdict is stored and published", 0.15),
    "risk": HopTarget("the risk check begins", "its verdict", 0.001),
    "core_to_sor": HopTarget("core asks for a route", "the router takes the request up", 0.1),
    "quote": HopTarget("the router needs a quote", "it has one that is fresh enough", 0.005),
    "decision": HopTarget("the router has its inputs", "the plan is made", 0.002),
    "sor_to_adapter": HopTarget("the plan is made", "its children are stored, and sent", 0.1),
    "order_to_venue": HopTarget("the order is received", "its first children are stored, and sent", 0.25),
    "adapter_to_venue": HopTarget("a child is sent", "the venue's first answer to it is read", 0.05),
    "venue_to_core": HopTarget("the venue trades", "the fill is applied, stored and published", 0.15),
    "core_to_client": HopTarget("an event happens in core", "it is given to the WebSockets", 0.15),
}

build_info = Gauge(
    "oms_build_info", "1; the labels say which program of which version", ["service", "version"]
)
hop_seconds = BatchHistogram(
    "oms_hop_seconds", "Time of one hop of an order's way; docs/metrics.md says from where to where", ["hop"],
    FINE_BUCKETS_S,
)  # fmt: skip
hop_target_seconds = Gauge(
    "oms_hop_target_seconds", "Time within which 99 of 100 orders are to pass a hop", ["hop"]
)
transaction_seconds = BatchHistogram(
    "oms_postgres_transaction_seconds", "Time of one batch's statements and commit", ["operation"]
)
kafka_flush_seconds = BatchHistogram(
    "oms_kafka_flush_seconds", "Time until the broker had everything that was queued"
)
kafka_transit_seconds = BatchHistogram(
    "oms_kafka_transit_seconds", "From a record's production to its reading", ["group", "topic"]
)
kafka_batch_records = BatchHistogram(
    "oms_kafka_batch_records", "Records taken at once", ["group"], BATCH_BUCKETS
)
kafka_passed_over_total = Counter(
    "oms_kafka_passed_over_total", "Records of the first edition that were passed over", ["topic"]
)
kafka_lag_records = Gauge(
    "oms_kafka_consumer_lag_records",
    "Records of an owned partition not read yet",
    ["group", "topic", "partition"],
)
kafka_failures_total = Counter(
    "oms_kafka_delivery_failures_total", "Flushes that the broker did not take whole"
)
ready = Gauge("oms_ready", "1 while the readiness page says UP")


def hop(name: str) -> Series:
    """Return the series of one of HOPS, and tell its target."""
    hop_target_seconds.labels(name).set(HOPS[name].p99_s)
    return hop_seconds.labels(name)


def program_version() -> str:
    """Return the version that is installed."""
    try:
        return version("oms-sor")
    except PackageNotFoundError:
        return "unknown"


def announce(service: str) -> None:
    """Say which program this is, in which version."""
    build_info.labels(service, program_version()).set(1)


def metrics_page(accept: str) -> tuple[bytes, str]:
    """Return the metrics page and its content type: OpenMetrics, with exemplars, for who accepts that."""
    encode, content_type = choose_encoder(accept)
    return encode(REGISTRY), content_type


@contextmanager
def timed_transaction(operation: str) -> Iterator[None]:
    """Measure a batch's work in the database; what fails is not counted."""
    started = time.perf_counter()
    yield
    transaction_seconds.labels(operation).observe(time.perf_counter() - started)
