"""`oms dlq`: what was set aside because it could not be read, handled or stored, and sending it again."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from rich.console import Console

from oms_platform.kafka.consumers import take
from oms_platform.kafka.settings import KafkaSettings, client_config, kafka_of_environment
from oms_platform.kafka.topics import dead_letter_topic, topic_of_dead_letters
from oms_platform.wire import Topic
from oms_tools.cli.options import data_option, json_option
from oms_tools.laptop.layout import StackError, running_layout, stack_kafka

console = Console()
ANSWER_S_MAX: Final = 10.0
GATHER_S: Final = 0.05
BATCH_MAX: Final = 500
# What a dead letter has beside the headers that its record came with.
_ADDED: Final = ("reason", "offset")
_TOPICS: Final = [topic.value for topic in Topic]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record that was set aside. topic: where it came from; place: of the letter, as commands name it."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    payload: bytes
    headers: list[tuple[str, bytes | None]]

    @property
    def place(self) -> str:
        """How commands name it."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def header(self, name: str) -> str:
        """Return a header's text, empty if it has none of the name."""
        value = dict(self.headers).get(name)
        return "" if value is None else value.decode(errors="replace")

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values; bytes that are no UTF-8 are escaped."""
        return {
            "place": self.place,
            "at": self.at.isoformat(),
            "key": (self.key or b"").decode(errors="backslashreplace"),
            "headers": {name: self.header(name) for name, _ in self.headers},
            "payload": self.payload.decode(errors="backslashreplace"),
        }


def read_letters(kafka: KafkaSettings, topics: list[str]) -> Iterator[DeadLetter]:
    """Yield every dead letter that the broker keeps of these topics, the oldest of a partition first."""
    consumer = Consumer(
        client_config(kafka) | {"group.id": "oms-dlq", "enable.auto.commit": False, "log_level": 0}
    )
    with closing(consumer):
        # Asked before anything is fetched: a broker answers a connection's requests one after the other, so
        # each would wait for a fetch that waits for records.
        spans = {
            (dead_letter_topic(topic), number): consumer.get_watermark_offsets(
                TopicPartition(dead_letter_topic(topic), number), timeout=ANSWER_S_MAX
            )
            for topic in topics
            for number in range(kafka.partitions)
        }
        ends = {place: high for place, (low, high) in spans.items() if low < high}
        consumer.assign([TopicPartition(*place, spans[place][0]) for place in ends])
        while ends:
            items = take(consumer, BATCH_MAX, ANSWER_S_MAX, GATHER_S)
            if not items:
                raise StackError(f"the broker did not give its dead letters in {ANSWER_S_MAX:g} s")
            for item in items:
                if item.error() is not None:
                    raise KafkaException(item.error())
                letter = _letter(item)
                yield letter
                place = (item.topic() or "", letter.partition)
                if letter.offset + 1 >= ends.get(place, 0):
                    ends.pop(place, None)


def _letter(item: KafkaMessage) -> DeadLetter:
    return DeadLetter(
        topic=topic_of_dead_letters(item.topic() or ""),
        partition=item.partition() or 0,
        offset=item.offset() or 0,
        at=datetime.fromtimestamp(item.timestamp()[1] / 1000, UTC),
        key=item.key(),
        payload=item.value() or b"",
        headers=[
            (name, value.encode() if isinstance(value, str) else value)
            for name, value in item.headers() or []
        ],
    )


def replay_letters(kafka: KafkaSettings, letters: list[DeadLetter]) -> int:
    """Publish letters to the topics that they came from, as they came. Returns how many the broker took.

    A message whose effect was had already has none again.
    """
    producer = Producer(client_config(kafka) | {"acks": "all", "partitioner": "murmur2_random"})
    for letter in letters:
        headers = [(name, value) for name, value in letter.headers if name not in _ADDED]
        producer.produce(letter.topic, letter.payload, letter.key, headers=headers)
    left: int = producer.flush(ANSWER_S_MAX)
    return len(letters) - left


def _kafka(data: Path, address: str | None) -> KafkaSettings:
    if address is not None:
        return kafka_of_environment(address)
    layout, state = running_layout(data.resolve())
    return stack_kafka(layout, state["kafka"])


kafka_option = click.option(
    "--kafka", envvar="OMS_KAFKA_BOOTSTRAP", help="A broker's address; default: that of the stack that runs."
)


@click.group()
def dlq() -> None:
    """Look at what was set aside because it could not be read, handled or stored; send it again."""


@dlq.command("list")
@data_option
@kafka_option
@click.option("--topic", type=click.Choice(_TOPICS), help="Only what came from this topic.")
@json_option
def list_letters(data: Path, kafka: str | None, topic: str | None, as_json: bool) -> None:
    """List every dead letter: its place, when it was set aside, its type, and why.

    With --json each is a line.
    """
    count = 0
    for letter in read_letters(_kafka(data, kafka), [topic] if topic else _TOPICS):
        count += 1
        if as_json:
            click.echo(json.dumps(letter.as_json()))
            continue
        head = f"{letter.place}  {letter.at:%Y-%m-%d %H:%M:%S}Z  {letter.header('type')}"
        console.print(f"{head}  {letter.header('reason')}", highlight=False, markup=False, soft_wrap=True)
    if not as_json:
        console.print(f"{count} dead letters", highlight=False)


@dlq.command("show")
@data_option
@kafka_option
@click.argument("place")
@json_option
def show_letter(data: Path, kafka: str | None, place: str, as_json: bool) -> None:
    """Print one dead letter whole: its headers, then its content as it came."""
    (letter,) = _found(_kafka(data, kafka), [place])
    if as_json:
        click.echo(json.dumps(letter.as_json(), indent=1))
        return
    for name, _ in letter.headers:
        click.echo(f"{name}: {letter.header(name)}")
    click.echo(f"key: {(letter.key or b'').decode(errors='replace')}")
    click.echo("")
    click.echo(letter.payload.decode(errors="backslashreplace"))


@dlq.command("replay")
@data_option
@kafka_option
@click.argument("places", nargs=-1)
@click.option("--topic", type=click.Choice(_TOPICS), help="Send all that came from this topic.")
def replay(data: Path, kafka: str | None, places: tuple[str, ...], topic: str | None) -> None:
    """Send dead letters again to where they came from, once what was wrong with them is mended."""
    if bool(places) == bool(topic):
        raise click.UsageError("name the letters' places, or --topic for all of one topic")
    settings = _kafka(data, kafka)
    letters = list(read_letters(settings, [topic])) if topic else _found(settings, list(places))
    taken = replay_letters(settings, letters)
    console.print(f"{taken} of {len(letters)} sent again", highlight=False)
    sys.exit(0 if taken == len(letters) else 1)


def _found(kafka: KafkaSettings, places: list[str]) -> list[DeadLetter]:
    topics = sorted({place.split("/")[0] for place in places})
    unknown = [topic for topic in topics if topic not in _TOPICS]
    if unknown:
        raise click.BadParameter(
            f"expected TOPIC/PARTITION/OFFSET as `oms dlq list` shows it, found {places}"
        )
    found = {letter.place: letter for letter in read_letters(kafka, topics)}
    missing = [place for place in places if place not in found]
    if missing:
        raise click.BadParameter(f"no dead letter at {', '.join(missing)}")
    return [found[place] for place in places]
