"""One account's event stream in order: what comes early waits, what comes again is dropped, gaps are seen."""

from typing import Final, Generic, TypeVar

PENDING_MAX: Final = 10_000

EventT = TypeVar("EventT")


class OrderedStream(Generic[EventT]):
    """Puts events into the order of their stream sequence.

    `head` is the sequence up to which everything was given out. Before `open`, all events wait.
    """

    def __init__(self) -> None:
        self.head = -1
        self._pending: dict[int, EventT] = {}

    @property
    def opened(self) -> bool:
        """Whether the head is known."""
        return self.head >= 0

    @property
    def has_gap(self) -> bool:
        """Whether events wait for one that has not come."""
        return self.opened and bool(self._pending)

    def open(self, head: int) -> list[tuple[int, EventT]]:
        """Say up to which sequence everything is known. Returns what follows without a gap."""
        self._move_to(head)
        return self._take()

    def offer(self, sequence: int, event: EventT) -> list[tuple[int, EventT]]:
        """Take an event that may be early or come again. Returns what is now in order, with sequences."""
        if self.opened and sequence <= self.head:
            return []
        if self.opened and sequence == self.head + 1:
            self.head = sequence
            return [(sequence, event), *self._take()]
        if len(self._pending) < PENDING_MAX:
            self._pending[sequence] = event
        return []

    def heal(self, sequence: int, event: EventT) -> list[tuple[int, EventT]]:
        """Take the next event from the store of record, which has no gap."""
        if sequence <= self.head:
            return []
        self._move_to(sequence)
        return [(sequence, event), *self._take()]

    def _move_to(self, head: int) -> None:
        if head == self.head + 1:
            self._pending.pop(head, None)
        else:
            self._pending = {sequence: event for sequence, event in self._pending.items() if sequence > head}
        self.head = head

    def _take(self) -> list[tuple[int, EventT]]:
        given: list[tuple[int, EventT]] = []
        while self._pending and (event := self._pending.pop(self.head + 1, None)) is not None:
            self.head += 1
            given.append((self.head, event))
        return given
