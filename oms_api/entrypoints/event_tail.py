"""orders.events as it comes, read in a thread of its own while somebody listens or awaits an outcome."""

import threading
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from confluent_kafka import KafkaException

from oms_api.ports import EncodedEvent, StreamedEvent
from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.consumers import EncodedRecord, TailReader
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.wire import Topic

RETRY_S: Final = 1.0
STOP_S_MAX: Final = 2.0
# A stop is noticed that late.
POLL_S: Final = 0.25

_decode: Final = msgspec.json.Decoder(StreamedEvent).decode
log = structlog.get_logger()


def read_event(record: EncodedRecord) -> EncodedEvent | None:
    """Return a record as clients get it; None, and a line in the log, for one that is no event."""
    try:
        event, text = _decode(record.payload), record.payload.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("unreadable_event", type=record.type_name, reason=str(error))
        return None
    return EncodedEvent(event, text, record.trace)


class EventTail:
    """Calls `on_opened` when at the topic's end, then `on_events` with each batch, from its thread."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        on_opened: Callable[[], None],
        on_events: Callable[[list[EncodedEvent]], None],
    ) -> None:
        self._settings = settings
        self._on_opened = on_opened
        self._on_events = on_events
        self._wanted = threading.Event()
        self._stopped = False
        self._generation = 0
        self._thread = threading.Thread(target=self._run, name="event-tail", daemon=True)

    def start(self) -> None:
        """Start the thread; it reads nothing before it is wanted."""
        self._thread.start()

    def set_wanted(self, wanted: bool) -> None:
        """Say whether anybody needs the events."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def reopen(self) -> None:
        """Begin again at the topic's end: the broker was away and may have lost its data."""
        self._generation += 1

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wanted.set()
        self._thread.join(STOP_S_MAX)

    def _run(self) -> None:
        while self._wanted.wait() and not self._stopped:
            try:
                self._read()
            except (KafkaUnavailableError, KafkaException, RuntimeError) as error:
                log.warning("event_tail_reopening", error=str(error))
                threading.Event().wait(RETRY_S)

    def _read(self) -> None:
        generation = self._generation
        reader = TailReader(self._settings, Topic.EVENTS, "oms-api-events")
        try:
            self._on_opened()
            while self._wanted.is_set() and not self._stopped and generation == self._generation:
                read = [read_event(record) for record in reader.poll_encoded(POLL_S)]
                events = [item for item in read if item is not None]
                if events:
                    # Partitions are by order: sorting puts an account's events into order within a batch.
                    events.sort(key=lambda item: item.event.stream_sequence)
                    self._on_events(events)
        finally:
            reader.close()
