"""The one queue where Kafka's thread and the sessions' meet the main loop. It is bounded."""

import threading
import time

from execution_adapter.ports import Item


class Inbox:
    """Items in the order they came. `weight` counts what an item holds; the sum is bounded."""

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._items: list[Item] = []
        self._weight = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: Item, weight: int = 1) -> None:
        """Add an item, waiting while the inbox is full. After `close` it is dropped."""
        with self._changed:
            while self._weight >= self._weight_max and not self._closed:
                self._changed.wait()
            self._add(item, weight)

    def put_now(self, *items: Item) -> None:
        """Add items without waiting: who does so asks for room before, and reads on only if there is."""
        with self._changed:
            for item in items:
                self._add(item, 1)

    def wait_for_room(self, timeout_s: float) -> bool:
        """Say whether another item would fit, waiting up to `timeout_s` for that."""
        with self._changed:
            if self._weight >= self._weight_max and not self._closed:
                self._changed.wait(timeout_s)
            return self._weight < self._weight_max

    def _add(self, item: Item, weight: int) -> None:
        if not self._closed:
            self._items.append(item)
            self._weight += weight
            self._changed.notify_all()

    def take(self, timeout_s: float) -> list[Item]:
        """Return everything that is there, waiting up to `timeout_s` for a first item."""
        with self._changed:
            if not self._items and timeout_s > 0:
                deadline_s = time.monotonic() + timeout_s
                while not self._items and (left_s := deadline_s - time.monotonic()) > 0:
                    self._changed.wait(left_s)
            taken, self._items, self._weight = self._items, [], 0
            if taken:
                self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let go of everyone who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
