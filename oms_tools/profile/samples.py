"""Samples of stacks as py-spy writes them in its raw format with threads: a line a stack, with its count."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from oms_tools.profile.lines_of_work import Frame, is_parked, line_of

_THREAD: Final = re.compile(r"^thread \((\d+)\)(?:: (.*))?$")
_FRAME: Final = re.compile(r"^(.*) \((.*?)(?::\d+)?\)$")


@dataclass(slots=True)
class ThreadSamples:
    """One thread's samples by line of work, those apart that found it where it waits.

    A thread that waits for a core counts as running, and mostly stands where it has just been woken.
    """

    name: str = ""
    lines: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How often it was found."""
        return self.lines.total() + self.parked.total()

    def shares(self, expected: float) -> dict[str, float]:
        """Return the share of each line of work in the thread's CPU.

        expected: how often the thread would have been found if only running counted: its CPU seconds times
        samples a second. What samples elsewhere leave of that belongs to its waits, and no more.
        """
        running, parked = self.lines.total(), self.parked.total()
        of_waits = min(float(parked), max(0.0, expected - running))
        if running + of_waits == 0:
            running, of_waits = 0, float(parked)
        weights: dict[str, float] = {line: float(count) for line, count in self.lines.items()}
        for line, count in self.parked.items():
            weights[line] = weights.get(line, 0.0) + of_waits * count / parked
        total = running + of_waits
        return {line: weight / total for line, weight in weights.items()}


def read_samples(text: str) -> dict[int, ThreadSamples]:
    """Return each thread's samples, by the system's id of the thread.

    A thread that Python has no name for is a C library's, which calls Python now and then: it has none.
    """
    threads: dict[int, ThreadSamples] = defaultdict(ThreadSamples)
    for entry in text.splitlines():
        stack, _, count = entry.rpartition(" ")
        parts = [part for part in stack.split(";") if not part.startswith("process ")]
        found = _THREAD.match(parts[0]) if parts and count.isdecimal() else None
        if found is None or not found[2] or len(parts) == 1:
            continue
        thread = threads[int(found[1])]
        thread.name = found[2]
        frames = _frames(parts[1:])
        counts = thread.parked if frames and is_parked(frames[-1]) else thread.lines
        counts[line_of(frames)] += int(count)
    return dict(threads)


def _frames(parts: Iterable[str]) -> list[Frame]:
    matches = (_FRAME.match(part) for part in parts)
    return [Frame(match[1], match[2]) for match in matches if match is not None]
