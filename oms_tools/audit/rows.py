"""The rows that the audit links, as they are in the database and as lines of an export."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from oms_platform.audit_chain import audit_link, event_link, request_digest


class Event(NamedTuple):
    """A row of `order_events`. payload: as it is stored."""

    account_id: str
    stream_sequence: int
    order_id: UUID
    sequence: int
    type_name: str
    request_id: UUID | None
    payload: str
    occurred_at: datetime
    request_digest: bytes | None
    chain: bytes | None

    def link(self, before: bytes) -> bytes:
        """Return the link that it should have."""
        return event_link(
            before,
            order_id=self.order_id,
            sequence=self.sequence,
            account_id=self.account_id,
            stream_sequence=self.stream_sequence,
            type_name=self.type_name,
            request_id=self.request_id,
            digest=self.request_digest,
            payload=self.payload.encode(),
            occurred_at=self.occurred_at,
        )


class Request(NamedTuple):
    """A row of `order_requests`, without its trace, which is telemetry. payload: as it is stored."""

    request_id: UUID
    kind: str
    order_id: UUID
    account_id: str
    principal: str
    received_at: datetime
    payload: str

    def digest(self) -> bytes:
        """Return the digest that its outcome should name."""
        return request_digest(self.kind, self.payload.encode())

    def differing_columns(self) -> list[str]:
        """Return the columns that say another thing than the payload, which the digest covers."""
        content: dict[str, Any] = msgspec.json.decode(self.payload)
        terms = content.get("terms", content) if self.kind == "NEW" else content
        said = (
            content.get("orderId" if self.kind == "NEW" else "requestId"),
            content.get("orderId"),
            terms.get("accountId", ""),
            terms.get("principal", ""),
            datetime.fromisoformat(content["receivedAt"]),
        )
        stored = (
            str(self.request_id),
            str(self.order_id),
            self.account_id,
            self.principal,
            self.received_at,
        )
        names = ("request_id", "order_id", "account_id", "principal", "received_at")
        return [name for name, one, other in zip(names, said, stored, strict=True) if one != other]


class Change(NamedTuple):
    """A row of `audit_log`. key, before, after: JSON as Postgres writes it."""

    sequence: int
    at: datetime
    actor: str
    reason: str
    table_name: str
    operation: str
    key: str
    before: str | None
    after: str | None
    chain: bytes

    def link(self, before: bytes) -> bytes:
        """Return the link that it should have."""
        return audit_link(before, self.sequence, self.at, self[2:9])


EVENT_COLUMNS: Final = (
    "e.account_id, e.stream_sequence, e.order_id, e.sequence, e.type, e.request_id, e.payload::text,"
    " e.occurred_at, e.request_digest, e.chain"
)
REQUEST_COLUMNS: Final = (
    "r.request_id, r.kind, r.order_id, r.account_id, r.principal, r.received_at, r.payload::text"
)
CHANGE_COLUMNS: Final = (
    "sequence, at, actor, reason, table_name, operation, key::text, before::text, after::text, chain"
)
_WIDTH: Final = len(Event._fields)
Row = Event | Request | Change
_KINDS: Final[Mapping[str, type[Row]]] = {"event": Event, "request": Request, "change": Change}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def event_and_request(row: Sequence[Any]) -> tuple[Event, Request | None]:
    """Take EVENT_COLUMNS and REQUEST_COLUMNS of a joined row apart."""
    request = None if row[_WIDTH] is None else Request(*row[_WIDTH:])
    return Event(*row[:_WIDTH]), request


def as_line(row: Row) -> dict[str, Any]:
    """Return a row as the object that a line of an export is: hashes in hexadecimal, times in UTC."""
    return {"row": _NAMES[type(row)]} | {
        name: value.hex() if isinstance(value, bytes) else value for name, value in row._asdict().items()
    }


def of_line(line: Mapping[str, Any]) -> Row:
    """Return the row of a line. Raises ValueError, KeyError or TypeError for one that holds none."""
    kind = _KINDS[line["row"]]
    return kind(**{name: _value(name, line[name]) for name in kind._fields})


def _value(name: str, given: Any) -> Any:
    if given is None:
        return None
    if name in ("chain", "request_digest"):
        return bytes.fromhex(given)
    if name in ("occurred_at", "received_at", "at"):
        return datetime.fromisoformat(given)
    return UUID(given) if name in ("order_id", "request_id") else given
