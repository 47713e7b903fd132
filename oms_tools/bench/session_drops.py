"""Cuts sessions of the simulated venues while a load runs."""

import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence

from oms_tools.bench.load import Load

ANSWER_S_MAX = 1.0


class SessionDrops:
    """Each second the connection of one venue may be cut, on average once in `every_s`; it comes again.

    drop: cuts one, and says whether it was. cut: how often each venue's was.
    """

    def __init__(
        self, venue_ids: Sequence[str], every_s: float, seed: int, drop: Callable[[str], bool]
    ) -> None:
        self._venue_ids, self._every_s, self._drop = venue_ids, every_s, drop
        self._random = random.Random(seed + 3)  # noqa: S311
        self.cut: Counter[str] = Counter()

    def on_start(self) -> None:
        """Nothing is cut yet."""

    def on_second(self, _load: Load) -> None:
        """Cut one, or none."""
        if self._random.random() * self._every_s < 1:
            venue_id = self._random.choice(self._venue_ids)
            self.cut[venue_id] += self._drop(venue_id)

    def on_end(self) -> None:
        """Nothing is cut any more."""


def drop_by_control(port: int) -> Callable[[str], bool]:
    """Return what cuts a venue's connection through the broker simulator's control port."""

    def drop(venue_id: str) -> bool:
        url = f"http://127.0.0.1:{port}/control/venues/{venue_id}/faults/DROP"
        request = urllib.request.Request(url, data=b"{}", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S_MAX):  # noqa: S310
                return True
        except (urllib.error.URLError, TimeoutError):
            return False

    return drop
