"""orders.events as it comes, read in a thread of its own while somebody listens."""

import threading
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from confluent_kafka import KafkaException

from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.consumers import TailReader
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.messages import OrderEvent
from oms_platform.wire import Topic

RETRY_S: Final = 1.0
STOP_S_MAX: Final = 2.0

log = structlog.get_logger()


class EventTail:
    """Calls `on_opened` when at the topic's end, then `on_events` with each batch, from its thread.

    With the events come the traces that are known of their orders, by event id.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        on_opened: Callable[[], None],
        on_events: Callable[[list[OrderEvent], dict[UUID, str]], None],
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
        """Say whether anybody listens."""
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
                events: list[OrderEvent] = []
                traces: dict[UUID, str] = {}
                for record in reader.poll():
                    if isinstance(record.message, OrderEvent):
                        events.append(record.message)
                        if record.trace:
                            traces[record.message.event_id] = record.trace
                if events:
                    # Partitions are by order: sorting puts an account's events into order within a batch.
                    events.sort(key=lambda event: event.stream_sequence)
                    self._on_events(events, traces)
        finally:
            reader.close()
