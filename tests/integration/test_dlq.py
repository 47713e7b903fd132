"""`oms dlq` on a broker: what is listed, shown and sent again."""

import pytest
from click.testing import CliRunner, Result

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.wire import Topic
from oms_tools.cli.dlq_commands import dlq


@pytest.fixture
def kafka(memory_kafka: KafkaSettings) -> KafkaSettings:
    """Return a broker on which one message was set aside."""
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    cancel = CancelOrder(request_id=uuid7(), order_id=uuid7(), account_id="ACC-1", received_at=utc_now())
    publisher.send(Topic.INBOUND.value, "ACC-1", cancel, event_id=cancel.request_id)
    publisher.flush()
    consumer = reader(memory_kafka)
    raw = first(consumer).raw[0]
    consumer.close()
    publisher.send_dead_letter(raw, "UnknownOrderError: no such order is stored")
    publisher.flush()
    return memory_kafka


def reader(kafka: KafkaSettings) -> BatchConsumer:
    return BatchConsumer(
        kafka,
        group="g",
        topics=[Topic.INBOUND],
        incarnation=read_incarnation(kafka),
        load_offsets=lambda _name, _places: {},
    )


def first(consumer: BatchConsumer) -> object:
    for _ in range(50):
        batch = consumer.poll(timeout_s=0.5)
        if batch.records:
            return batch
    pytest.fail("nothing came")


def run(kafka: KafkaSettings, *words: str) -> Result:
    return CliRunner().invoke(dlq, [*words, "--kafka", kafka.bootstrap], env={"COLUMNS": "300"})


def place_of(kafka: KafkaSettings) -> str:
    listed = run(kafka, "list").output
    return next(word for word in listed.split() if word.startswith("orders.inbound/"))


def test_a_dead_letter_is_listed_with_its_place_its_type_and_why(kafka: KafkaSettings) -> None:
    listed = run(kafka, "list")
    assert listed.exit_code == 0
    assert "CancelOrder" in listed.output
    assert "UnknownOrderError: no such order is stored" in listed.output
    assert "1 dead letters" in listed.output
    assert "0 dead letters" in run(kafka, "list", "--topic", "orders.routed").output


def test_a_dead_letter_is_shown_whole(kafka: KafkaSettings) -> None:
    shown = run(kafka, "show", place_of(kafka)).output
    assert '"accountId":"ACC-1"' in shown
    assert "key: ACC-1" in shown
    assert "reason: UnknownOrderError" in shown


def test_what_is_sent_again_comes_as_the_message_that_was_set_aside(kafka: KafkaSettings) -> None:
    before = reader(kafka)
    seen = len(first(before).records)  # type: ignore[attr-defined]
    replayed = run(kafka, "replay", place_of(kafka))
    assert (replayed.exit_code, replayed.output.strip()) == (0, "1 of 1 sent again")
    batch = first(before)
    before.close()
    assert seen == 1
    (record,) = batch.records  # type: ignore[attr-defined]
    assert isinstance(record.message, CancelOrder)
    assert dict(batch.raw[0].headers()).keys() == {"type", "v", "id"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nonsense"), "expected TOPIC/PARTITION/OFFSET"),
        (("show", "orders.inbound/0/999"), "no dead letter at"),
        (("replay",), "name the letters' places"),
        (("replay", "orders.inbound/0/0", "--topic", "orders.inbound"), "name the letters' places"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_was_expected(
    kafka: KafkaSettings, words: tuple[str, ...], said: str
) -> None:
    result = run(kafka, *words)
    assert result.exit_code == 2
    assert said in result.output
