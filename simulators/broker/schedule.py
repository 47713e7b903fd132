"""What is to be done later: messages on their way to a slow venue, and decisions that are pending."""

import heapq
from itertools import count

from simulators.broker.handlers import Directed


class Schedule:
    """Commands by the time they are due; what is due at one time keeps its order.

    Times in monotonic seconds.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Directed]] = []
        self._counter = count()

    def put(self, due_s: float, command: Directed) -> None:
        """Add a command."""
        heapq.heappush(self._waiting, (due_s, next(self._counter), command))

    def due(self, now_s: float) -> list[Directed]:
        """Take out and return what is due."""
        commands = []
        while self._waiting and self._waiting[0][0] <= now_s:
            commands.append(heapq.heappop(self._waiting)[2])
        return commands

    def wait_s(self, now_s: float, longest_s: float) -> float:
        """Return how long to wait for the next command that is due, at most `longest_s`."""
        return min(longest_s, max(0.0, self._waiting[0][0] - now_s)) if self._waiting else longest_s
