"""Walking along a chain: each row is held to the one before it, and what is wrong has the row's name.

After a row that is wrong the walk goes on from what that row says, so that one fault is told once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from oms_platform.audit_chain import GENESIS
from oms_tools.audit.rows import Change, Event, Request

FAULTS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a row. key: which row of the table."""

    table: str
    key: str
    what: str

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.table} {self.key}: {self.what}"


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a walk has seen. faults: the first FAULTS_MAX; faulty: how many there are.

    unchained: events from before the audit began. uncovered: requests without an outcome yet, the oldest of
    which was received at uncovered_since.
    """

    events: int = 0
    requests: int = 0
    changes: int = 0
    anchors: int = 0
    unchained: int = 0
    uncovered: int = 0
    uncovered_since: datetime | None = None
    faulty: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, table: str, key: object, what: str) -> None:
        """Note a fault."""
        self.faulty += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(table=table, key=str(key), what=what))


class StreamWalk:
    """Walks along one account's events, in the order of the stream, from behind `begin` with `link`."""

    def __init__(self, findings: Findings, account: str, begin: int, link: bytes = GENESIS) -> None:
        self._findings = findings
        self.account = account
        self.begin = self.at = begin
        # None: of a row that has none, so that the next one cannot be held to it.
        self.link: bytes | None = link

    def event(self, event: Event) -> None:
        """Hold an event to the one before it."""
        found, number = self._findings, event.stream_sequence
        key = f"{self.account} {number} (order {event.order_id})"
        found.events += 1
        if number <= self.at:
            found.add("order_events", key, "forged: the stream has another event of this number")
            return
        if number > self.at + 1:
            missing = f"{self.account} {self.at + 1}" + (f" to {number - 1}" if number > self.at + 2 else "")
            found.add("order_events", missing, f"removed: the next event is {number}")
        elif event.chain is None:
            found.add("order_events", key, "forged or changed: it has no link")
        elif self.link is not None and event.link(self.link) != event.chain:
            found.add("order_events", key, _why(event))
        self.at, self.link = number, event.chain

    def request(self, event: Event, request: Request | None) -> None:
        """Hold the request whose outcome an event is to the digest that the event has of it."""
        found, key = self._findings, event.request_id
        found.requests += 1
        outcome = f"event {event.stream_sequence} of {self.account} is its outcome"
        if request is None:
            found.add("order_requests", key, f"removed: {outcome}")
        elif request.digest() != event.request_digest:
            found.add("order_requests", key, f"changed: kind or payload; {outcome}")
        elif differing := request.differing_columns():
            found.add("order_requests", key, f"changed: {', '.join(differing)}; the payload says another")

    def end(self, head: int | None, link: bytes | None) -> None:
        """Hold the last event to the stream's head; head None: there is no such row.

        A stream that has not moved since the audit began has no link yet.
        """
        if head is None:
            self._findings.add("account_streams", self.account, f"removed: the stream ends at {self.at}")
        elif head > self.at:
            missing = f"{self.account} {self.at + 1}" + (f" to {head}" if head > self.at + 1 else "")
            self._findings.add("order_events", missing, f"removed: the stream's head is {head}")
        elif head < self.at:
            self._findings.add(
                "account_streams", self.account, f"changed: head is {head}, the stream ends at {self.at}"
            )
        elif self.link is not None and link != self.link and not (link is None and self.at == self.begin):
            self._findings.add("account_streams", self.account, f"changed: chain is not that of event {head}")


def _why(event: Event) -> str:
    try:
        said = msgspec.json.decode(event.payload).get("streamSequence")
    except (msgspec.DecodeError, AttributeError):
        said = None
    if isinstance(said, int) and said != event.stream_sequence:
        return f"out of order or changed: it says that it is event {said}"
    return "changed: its link is not that of this row behind the one before it"


class LogWalk:
    """Walks along `audit_log`, from behind `begin` with `link`."""

    def __init__(self, findings: Findings, begin: int, link: bytes) -> None:
        self._findings = findings
        self.at = begin
        self.link = link

    def change(self, change: Change) -> None:
        """Hold a row to the one before it."""
        found = self._findings
        found.changes += 1
        key = f"{change.sequence} ({change.operation} {change.table_name} {change.key})"
        if change.sequence <= self.at:
            found.add("audit_log", key, "forged: the log has another row of this number, or begins behind it")
            return
        if change.sequence > self.at + 1:
            last = change.sequence - 1
            missing = f"{self.at + 1}" + (f" to {last}" if last > self.at + 1 else "")
            found.add("audit_log", missing, f"removed: the next row is {change.sequence}")
        elif change.link(self.link) != change.chain:
            found.add("audit_log", key, "changed or out of order: its link is not that of this row")
        self.at, self.link = change.sequence, change.chain

    def end(self, head: int | None, link: bytes | None) -> None:
        """Hold the last row to the log's head; None: there is no such row."""
        if head is None:
            self._findings.add("audit_head", "", f"removed: the log ends at {self.at}")
        elif head > self.at:
            missing = f"{self.at + 1}" + (f" to {head}" if head > self.at + 1 else "")
            self._findings.add("audit_log", missing, f"removed: the log's head is {head}")
        elif head < self.at:
            self._findings.add("audit_head", "", f"changed: sequence is {head}, the log ends at {self.at}")
        elif link != self.link:
            self._findings.add("audit_head", "", f"changed: chain is not that of row {head}")
