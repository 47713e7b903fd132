"""Kafka's thread: batches of `orders.routed` into the inbox."""

import threading
from collections.abc import Callable

from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.ports import ReaderFailed, Routed
from oms_platform.kafka.consumers import BatchConsumer

STOP_TIMEOUT_S = 10.0


class RoutedReader:
    """Polls a consumer from a thread of its own until stopped; an error ends it and goes into the inbox.

    before_poll: is called before each poll; what it raises is such an error.
    """

    def __init__(
        self, consumer: BatchConsumer, inbox: Inbox, before_poll: Callable[[], None] = lambda: None
    ) -> None:
        self._consumer = consumer
        self._inbox = inbox
        self._before_poll = before_poll
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="routed", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._before_poll()
                batch = self._consumer.poll()
                if batch.next_offsets:
                    self._inbox.put(Routed(batch), weight=len(batch.raw) + len(batch.unreadable))
        except Exception as error:
            self._inbox.put_now(ReaderFailed(error))

    def stop(self) -> None:
        """Stop polling and wait for the thread. The inbox must be open or closed, not full and unread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)
