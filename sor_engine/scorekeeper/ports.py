"""What the scorekeeper needs from outside."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sor_engine.scorekeeper.domain.child_watch import VenueRecord
from sor_engine.scorekeeper.domain.touches import QuoteChange


class ScoreStore(Protocol):
    """Where scorecards, closures, the tape and the offsets are kept, and what the adapter has stored."""

    def sessions(self) -> Mapping[str, tuple[bool, int]]:
        """Return, by venue, whether its session is up, and since when in microseconds since the epoch."""

    def dark_venues(self) -> frozenset[str]:
        """Return the venues that display nothing."""

    def unanswered(self, cl_ord_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these children no venue has answered."""

    def save(
        self,
        records: Iterable[VenueRecord],
        tape: Sequence[QuoteChange],
        next_offsets: Mapping[tuple[str, int], int],
        now: datetime,
    ) -> None:
        """Store all in one transaction. Raises psycopg.errors.CheckViolation without a tape partition."""
