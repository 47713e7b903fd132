"""What every process measures in the same way."""

import random
from uuid import uuid4

import psycopg
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.telemetry import metrics
from oms_platform.telemetry.metrics import HOPS, BatchHistogram, hop, metrics_page
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag
from oms_tools.verify import exporter
from oms_tools.verify.report import Finding, Report


def shown(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_batch_histogram_shows_what_prometheus_own_would() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    buckets = (0.001, 0.05, 1, 10)
    mine = BatchHistogram("x_seconds", "Time", ["hop"], buckets, ours).labels("a")
    other = Histogram("x_seconds", "Time", ["hop"], buckets=buckets, registry=theirs).labels("a")
    seed = 20_240_917
    chance = random.Random(seed)
    values = [chance.choice((0.0, 0.001, 0.05, 1, 10, chance.expovariate(2))) for _ in range(500)]
    for value in values:
        mine.observe(value)
        other.observe(value)
    assert shown(ours) == shown(theirs), f"seed {seed}"


def test_a_batch_histogram_counts_a_negative_time_as_none() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("y_seconds", "Time", registry=registry)
    histogram.observe(-0.5)
    assert registry.get_sample_value("y_seconds_sum") == 0
    assert registry.get_sample_value("y_seconds_bucket", {"le": "0.0005"}) == 1


def test_a_batch_histogram_refuses_labels_that_it_does_not_have() -> None:
    histogram = BatchHistogram("z_seconds", "Time", ["hop"], registry=CollectorRegistry())
    with pytest.raises(ValueError, match=r"has the labels \('hop',\), found the values \('a', 'b'\)"):
        histogram.labels("a", "b")


def test_a_bucket_shows_its_last_traced_order_to_who_reads_openmetrics() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("e_seconds", "Time", ["hop"], (0.001, 0.1), registry).labels("a")
    histogram.observe(0.05, "first")
    histogram.observe(0.06, "second")
    histogram.observe(0.07)
    histogram.observe(5, "third")
    page = openmetrics.generate_latest(registry).decode()
    found = {
        sample.labels["le"]: sample.exemplar
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "e_seconds_bucket"
    }
    assert found["0.001"] is None
    assert (found["0.1"].labels, found["0.1"].value) == ({"trace_id": "second"}, 0.06)
    assert found["+Inf"].labels == {"trace_id": "third"}
    assert "trace_id" not in generate_latest(registry).decode()


def test_a_page_is_what_the_reader_accepts() -> None:
    assert metrics_page("")[1].startswith("text/plain")
    body, media_type = metrics_page("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert media_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert b"_created" not in body


def test_every_hop_tells_its_target_and_no_other_name_is_one() -> None:
    for name, of in HOPS.items():
        hop(name)
        assert REGISTRY.get_sample_value("oms_hop_target_seconds", {"hop": name}) == of.p99_s
        assert of.p99_s in metrics.FINE_BUCKETS_S, "a budget is counted by a bucket's bound"
    with pytest.raises(KeyError):
        hop("elsewhere")


def lag_shown(group: str) -> list[float]:
    found = [sample for metric in metrics.kafka_lag_records.collect() for sample in metric.samples]
    return [sample.value for sample in found if sample.labels["group"] == group]


def test_lag_counts_from_the_stored_offset_and_goes_with_the_consumer(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    for _ in range(20):
        message = CancelOrder(request_id=uuid4(), order_id=uuid7(), account_id="one", received_at=utc_now())
        publisher.send(Topic.INBOUND.value, "one", message, event_id=uuid4())
    publisher.flush()
    (partition,) = publisher.next_offsets(Topic.INBOUND.value)
    consumer = BatchConsumer(
        memory_kafka,
        group="lag-test",
        topics=[Topic.INBOUND],
        incarnation=read_incarnation(memory_kafka),
        load_offsets=lambda _name, _places: {(Topic.INBOUND.value, partition): 15},
    )
    try:
        taken = 0
        while taken < 2:
            taken += len(consumer.poll(records_max=2 - taken, timeout_s=5).records)
        assert consumer.lag()[Topic.INBOUND.value, partition] == 3
        while taken < 5:
            taken += len(consumer.poll(timeout_s=5).records)
        assert sum(consumer.lag().values()) == 0
        assert len(lag_shown("lag-test")) == len(consumer.lag())
    finally:
        consumer.close()
    assert lag_shown("lag-test") == []


def test_the_judge_on_watch_tells_each_invariant_and_goes_on_when_something_is_away() -> None:
    broken = Finding(invariant="each execution once", examined=7)
    broken.violate("XNYS/1", "applied twice")
    stop, answers = StopFlag(), [psycopg.OperationalError("away"), Report(findings=[broken])]

    def judge() -> Report:
        answer = answers.pop(0)
        if not answers:
            stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    failures = REGISTRY.get_sample_value("oms_verify_failures_total") or 0
    exporter.watch(judge, 0, stop)
    labels = {"invariant": "each execution once"}
    assert REGISTRY.get_sample_value("oms_verify_violations", labels) == 1
    assert REGISTRY.get_sample_value("oms_verify_examined", labels) == 7
    assert REGISTRY.get_sample_value("oms_verify_failures_total") == failures + 1
    assert REGISTRY.get_sample_value("oms_verify_last_run_timestamp_seconds") is not None
