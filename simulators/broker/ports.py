"""What the exchange and its FIX sessions need of the world outside."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from oms_platform.fix.session import SentNumbers
from simulators.broker.protocol import Command, Kept, Saying


class RecordJournal(Protocol):
    """Keeps records before they are sent."""

    def append(self, records: Iterable[Kept]) -> None:
        """Keep records in their order."""

    def mark_sent(self) -> None:
        """Remember that all that was kept has been sent."""


class ReportSender(Protocol):
    """Carries reports to the counterparty."""

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        """Hand a record over; `possible_resend` says that it may have been sent before."""

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        """Answer a command that the venue failed at."""


class SentMessages(SentNumbers, Protocol):
    """What a FIX session has sent, by number; what is appended, `flush` writes."""

    def flush(self) -> None:
        """Write what was appended, and the number that is expected."""

    def read(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the messages from one number to another, as far as they are there."""

    def forget_newest(self, count: int) -> None:
        """Lose the last messages."""

    def close(self) -> None:
        """Write what is left and let go."""
