"""The audit as a file: a line a row with its link, where each chain begins, and a manifest at the end.

Whoever has the file can hold it to its chains without the database.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from oms_platform.audit_chain import GENESIS
from oms_platform.errors import ConfigurationError
from oms_tools.audit.anchors import Anchor
from oms_tools.audit.rows import (
    CHANGE_COLUMNS,
    EVENT_COLUMNS,
    REQUEST_COLUMNS,
    Change,
    Event,
    Request,
    as_line,
    event_and_request,
    of_line,
)
from oms_tools.audit.verification import ROWS_AT_ONCE, Connection, begins_of
from oms_tools.audit.walks import Findings, LogWalk, StreamWalk

_encode: Final = msgspec.json.Encoder().encode
_EVENTS: Final = f"""
SELECT {EVENT_COLUMNS}, {REQUEST_COLUMNS} FROM order_events e
JOIN (SELECT account_id, min(stream_sequence) AS first, max(stream_sequence) AS last FROM order_events
      WHERE occurred_at >= %(since)s AND occurred_at < %(until)s AND chain IS NOT NULL
      AND (%(account)s::text IS NULL OR account_id = %(account)s) GROUP BY account_id) f
    ON f.account_id = e.account_id AND e.stream_sequence BETWEEN f.first - 1 AND f.last
LEFT JOIN order_requests r ON e.request_digest IS NOT NULL AND r.request_id = e.request_id
ORDER BY e.account_id, e.stream_sequence
"""
_CHANGES: Final = f"""
SELECT {CHANGE_COLUMNS} FROM audit_log WHERE sequence BETWEEN
    (SELECT min(sequence) - 1 FROM audit_log WHERE at >= %(since)s AND at < %(until)s)
    AND (SELECT max(sequence) FROM audit_log WHERE at >= %(since)s AND at < %(until)s)
ORDER BY sequence
"""


def export_lines(
    connection: Connection, since: datetime, until: datetime, account: str | None, anchor: Anchor
) -> Iterator[bytes]:
    """Yield the lines of an export: of each account its events of the time, each with its request; the log.

    account: its events only, and no log. The last line is the manifest, with the SHA-256 of all before it.
    """
    digest, count = sha256(), 0
    for line in _lines(connection, since, until, account):
        encoded = _encode(line) + b"\n"
        digest.update(encoded)
        count += 1
        yield encoded
    manifest = {
        "row": "manifest",
        "since": since,
        "until": until,
        "account": account,
        "lines": count,
        "sha256": digest.hexdigest(),
        "anchor": anchor,
    }
    yield _encode(manifest) + b"\n"


def _lines(
    connection: Connection, since: datetime, until: datetime, account: str | None
) -> Iterator[dict[str, Any]]:
    values = {"since": since, "until": until, "account": account}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        begins = begins_of(connection)
        before: tuple[str, int, bytes] | None = None
        with connection.cursor(name="audit_events") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            for row in cursor.execute(_EVENTS, values):
                event, request = event_and_request(row)
                begin, link = begins.get(f"account:{event.account_id}", (0, GENESIS))
                if before is None or before[0] != event.account_id:
                    first = event.stream_sequence == begin + 1
                    if first:
                        before = (event.account_id, begin, link)
                    else:
                        before = (event.account_id, event.stream_sequence, event.chain or link)
                    yield {"row": "stream", "stream": f"account:{before[0]}", "sequence": before[1],
                           "chain": before[2].hex()}  # fmt: skip
                    if not first:
                        continue
                yield as_line(event)
                if request is not None:
                    yield as_line(request)
        if account is None:
            yield from _changes(connection, values, begins.get("audit_log", (0, GENESIS)))


def _changes(
    connection: Connection, values: Mapping[str, Any], begin: tuple[int, bytes]
) -> Iterator[dict[str, Any]]:
    begun = False
    with connection.cursor(name="audit_changes") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        for row in cursor.execute(_CHANGES, values):
            change = Change(*row)
            if not begun:
                begun = True
                first = change.sequence == begin[0] + 1
                sequence, chain = begin if first else (change.sequence, change.chain)
                yield {"row": "stream", "stream": "audit_log", "sequence": sequence, "chain": chain.hex()}
                if not first:
                    continue
            yield as_line(change)


def verify_file(path: Path) -> Findings:
    """Hold an export to its chains and its manifest. Raises ConfigurationError for what is no export."""
    findings, digest, count = Findings(), sha256(), 0
    walk: StreamWalk | LogWalk | None = None
    waiting: Event | None = None
    manifest: dict[str, Any] | None = None
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if manifest is not None:
                raise ConfigurationError(f"{path} must end with its manifest, goes on with line {number}")
            try:
                line = json.loads(raw)
                if line["row"] == "manifest":
                    manifest = line
                    continue
                digest.update(raw)
                count += 1
                if line["row"] == "stream":
                    _await_no_request(walk, waiting)
                    waiting = None
                    walk = _begun(findings, line)
                    continue
                row = of_line(line)
                if isinstance(row, Request) != (waiting is not None):
                    _await_no_request(walk, waiting)
                    waiting = None
                if isinstance(row, Event) and isinstance(walk, StreamWalk):
                    walk.event(row)
                    waiting = row if row.request_digest is not None else None
                elif isinstance(row, Request) and isinstance(walk, StreamWalk) and waiting is not None:
                    walk.request(waiting, row)
                    waiting = None
                elif isinstance(row, Change) and isinstance(walk, LogWalk):
                    walk.change(row)
                else:
                    raise ConfigurationError(f"{path} line {number} must not be where it is: {line['row']}")
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigurationError(
                    f"{path} line {number} must be a row of an export: {error}"
                ) from error
    _await_no_request(walk, waiting)
    if manifest is None:
        raise ConfigurationError(f"{path} must end with its manifest, has none: it is not whole")
    if manifest["sha256"] != digest.hexdigest() or manifest["lines"] != count:
        findings.add("manifest", path.name, f"the {count} lines before it are not those that it was made of")
    return findings


def _begun(findings: Findings, line: Mapping[str, Any]) -> StreamWalk | LogWalk:
    sequence, link = int(line["sequence"]), bytes.fromhex(line["chain"])
    stream: str = line["stream"]
    if stream == "audit_log":
        return LogWalk(findings, sequence, link)
    return StreamWalk(findings, stream.removeprefix("account:"), sequence, link)


def _await_no_request(walk: StreamWalk | LogWalk | None, event: Event | None) -> None:
    """Note that an event's request is missing, if one was to come."""
    if event is not None and isinstance(walk, StreamWalk):
        walk.request(event, None)
