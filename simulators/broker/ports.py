"""What the exchange needs of the world outside."""

from collections.abc import Iterable
from typing import Protocol

from simulators.broker.protocol import Record


class RecordJournal(Protocol):
    """Keeps records before they are sent."""

    def append(self, records: Iterable[Record]) -> None:
        """Keep records in their order."""

    def mark_sent(self) -> None:
        """Remember that all that was kept has been sent."""


class ReportSender(Protocol):
    """Carries reports to the counterparty."""

    def send(self, record: Record, *, possible_resend: bool) -> None:
        """Hand a record over; `possible_resend` says that it may have been sent before."""
