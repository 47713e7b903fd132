"""Hold all that the audit covers to its chains, in one look at the database, with bounded memory.

What an outsider could do is looked for in this order: rows of a chain that are changed, removed, forged or
out of order; heads that do not match; requests; rows of audited tables that are not as the log says; and what
the anchors say, which whoever rewrites a whole chain cannot make fit.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import psycopg

from oms_platform.audit_chain import GENESIS
from oms_platform.schema.audited import AUDITED
from oms_tools.audit.anchors import Anchor
from oms_tools.audit.rows import CHANGE_COLUMNS, EVENT_COLUMNS, REQUEST_COLUMNS, Change, event_and_request
from oms_tools.audit.walks import Findings, LogWalk, StreamWalk

ROWS_AT_ONCE: Final = 2_000
Connection = psycopg.Connection[Any]
_FIRST: Final = (
    "SELECT account_id, min(stream_sequence) AS first FROM order_events WHERE occurred_at >= %(since)s"
    " GROUP BY account_id"
)
_REQUEST_OF: Final = (
    "LEFT JOIN order_requests r ON e.request_digest IS NOT NULL AND r.request_id = e.request_id"
)
# From the event before the first of the time on, whose link is where the walk begins.
_EVENTS: Final = (
    f"SELECT {EVENT_COLUMNS}, {REQUEST_COLUMNS} FROM order_events e {_REQUEST_OF} {{since}}"
    " WHERE (%(account)s::text IS NULL OR e.account_id = %(account)s)"
    " ORDER BY e.account_id, e.stream_sequence, e.order_id, e.sequence"
)
_UNCOVERED: Final = """
SELECT count(*), min(received_at) FROM order_requests r
LEFT JOIN audit_begins b ON b.stream = 'account:' || r.account_id
WHERE (%(account)s::text IS NULL OR r.account_id = %(account)s) AND NOT EXISTS (
    SELECT FROM order_events e WHERE e.order_id = r.order_id AND e.request_id = r.request_id
    AND (e.request_digest IS NOT NULL OR e.stream_sequence <= b.sequence))
"""
# Rows of the log that do not go on from the row before them about the same.
_BROKEN_OFF: Final = """
SELECT sequence, table_name, key::text FROM (
    SELECT sequence, table_name, key, lag(after) OVER same AS was, lag(sequence) OVER same AS previous,
           CASE operation WHEN 'KEPT' THEN after ELSE before END AS said,
           operation = 'COLUMNS' AND EXISTS (
               SELECT FROM jsonb_each(before) b JOIN jsonb_each(after) a USING (key)
               WHERE b.value <> a.value) AS differs
    FROM audit_log WHERE operation <> 'ANCHOR'
    WINDOW same AS (PARTITION BY table_name, key ORDER BY sequence)) rows
WHERE (previous IS NOT NULL AND said IS DISTINCT FROM was) OR differs ORDER BY sequence
"""
_NOT_AS_LOGGED: Final = """
SELECT coalesce(r.table_name, l.table_name), coalesce(r.key, l.key)::text, r.image IS NULL, l.after IS NULL,
       ARRAY(SELECT coalesce(n.key, o.key) FROM jsonb_each(r.image) n
             FULL JOIN jsonb_each(l.after) o USING (key) WHERE n.value IS DISTINCT FROM o.value ORDER BY 1)
FROM audited_rows() r FULL JOIN (
    SELECT DISTINCT ON (table_name, key) table_name, key, after FROM audit_log WHERE operation <> 'ANCHOR'
    ORDER BY table_name, key, sequence DESC) l ON l.table_name = r.table_name AND l.key = r.key
WHERE r.image IS DISTINCT FROM l.after ORDER BY 1, 2
"""
_UNGUARDED: Final = """
SELECT name FROM unnest(%s::text[]) name WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = to_regclass(name) AND tgname = 'audited' AND tgenabled IN ('O', 'A'))
"""
_ANCHORED: Final = """
SELECT a.sequence, h.key, h.value->>0, e.stream_sequence IS NULL
FROM audit_log a CROSS JOIN LATERAL jsonb_each(a.after) h
LEFT JOIN order_events e ON e.account_id = h.key AND e.stream_sequence = (h.value->>0)::int
WHERE a.operation = 'ANCHOR' AND encode(e.chain, 'hex') IS DISTINCT FROM h.value->>1
ORDER BY a.sequence, h.key
"""


def verify_database(
    connection: Connection,
    *,
    since: datetime | None = None,
    account: str | None = None,
    anchor: Anchor | None = None,
) -> Findings:
    """Hold what is stored to its chains.

    since: only events from then on, and accounts that have any. account: only this account's events and
    requests, and nothing of the log. anchor: what the log's head was. The connection must be in autocommit
    mode; services go on meanwhile.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return verify_snapshot(connection, since=since, account=account, anchor=anchor)


def verify_snapshot(
    connection: Connection,
    *,
    since: datetime | None = None,
    account: str | None = None,
    anchor: Anchor | None = None,
) -> Findings:
    """Hold what a transaction sees to its chains; see verify_database."""
    findings = Findings()
    _walk_streams(connection, findings, since, account)
    row = connection.execute(_UNCOVERED, {"account": account}).fetchone()
    if row is not None:
        findings.uncovered, findings.uncovered_since = row
    if account is None:
        _walk_log(connection, findings, anchor)
        _hold_tables(connection, findings)
        _hold_anchors(connection, findings)
    return findings


def begins_of(connection: Connection) -> dict[str, tuple[int, bytes]]:
    """Return where each chain begins that does not begin with its first row, by stream."""
    found = connection.execute("SELECT stream, sequence, chain FROM audit_begins")
    return {stream: (sequence, bytes(chain)) for stream, sequence, chain in found}


def _walk_streams(
    connection: Connection, findings: Findings, since: datetime | None, account: str | None
) -> None:
    begins = begins_of(connection)
    heads: dict[str, tuple[int, bytes | None]] = {
        name: (head, chain)
        for name, head, chain in connection.execute(
            "SELECT account_id, head, chain FROM account_streams"
            " WHERE %(account)s::text IS NULL OR account_id = %(account)s",
            {"account": account},
        )
    }
    part = "" if since is None else f"JOIN ({_FIRST}) f ON f.account_id = e.account_id"
    part += "" if since is None else " AND e.stream_sequence >= f.first - 1"
    values = {"since": since, "account": account}
    walk: StreamWalk | None = None
    seen = set()
    for row in _streamed(connection, _EVENTS.format(since=part), values):
        event, request = event_and_request(row)
        begin, link = begins.get(f"account:{event.account_id}", (0, GENESIS))
        if walk is None or walk.account != event.account_id:
            if walk is not None:
                walk.end(*heads.get(walk.account, (None, None)))
            seen.add(event.account_id)
            walk = StreamWalk(findings, event.account_id, begin, link)
            if since is not None and event.stream_sequence > begin and event.chain is not None:
                before = event.occurred_at < since
                if before:
                    walk.at, walk.link = event.stream_sequence, event.chain
                    continue
        if event.stream_sequence <= begin and event.chain is None:
            findings.unchained += 1
            continue
        walk.event(event)
        if event.request_digest is not None:
            walk.request(event, request)
    if walk is not None:
        walk.end(*heads.get(walk.account, (None, None)))
    if since is None:
        for name in sorted(heads.keys() - seen):
            begin, link = begins.get(f"account:{name}", (0, GENESIS))
            StreamWalk(findings, name, begin, link).end(*heads[name])


def _walk_log(connection: Connection, findings: Findings, anchor: Anchor | None) -> None:
    begin, link = begins_of(connection).get("audit_log", (0, GENESIS))
    walk = LogWalk(findings, begin, link)
    anchored = None if anchor is None else begin >= anchor.sequence
    for row in _streamed(connection, f"SELECT {CHANGE_COLUMNS} FROM audit_log ORDER BY sequence", {}):
        change = Change(*row)
        walk.change(change)
        if anchor is not None and change.sequence == anchor.sequence:
            anchored = True
            if change.chain.hex() != anchor.chain:
                what = f"rewritten: at {anchor.at.isoformat()} the anchor had another link of it"
                findings.add("audit_log", change.sequence, what)
    head = connection.execute("SELECT sequence, chain FROM audit_head").fetchone()
    walk.end(*(head or (None, None)))
    if anchor is not None and not anchored:
        what = f"removed: the anchor of {anchor.at.isoformat()} has it, the log ends at {walk.at}"
        findings.add("audit_log", anchor.sequence, what)


def _hold_tables(connection: Connection, findings: Findings) -> None:
    for (table,) in connection.execute(_UNGUARDED, [sorted(AUDITED)]):
        findings.add(table, "", "its changes are not audited: the trigger is missing or disabled")
    for sequence, table, key in connection.execute(_BROKEN_OFF):
        what = f"{table} {key} was changed before it, and the log does not say so"
        findings.add("audit_log", sequence, what)
    for table, key, gone, new, columns in connection.execute(_NOT_AS_LOGGED):
        if gone:
            what = "removed, and the log does not say so"
        elif new:
            what = "forged: added, and the log does not say so"
        else:
            what = f"changed, and the log does not say so: {', '.join(columns)}"
        findings.add(table, key, what)


def _hold_anchors(connection: Connection, findings: Findings) -> None:
    row = connection.execute("SELECT count(*) FROM audit_log WHERE operation = 'ANCHOR'").fetchone()
    findings.anchors = row[0] if row else 0
    for sequence, account, number, gone in connection.execute(_ANCHORED):
        what = "removed" if gone else "rewritten"
        findings.add(
            "order_events", f"{account} {number}", f"{what}: the anchor in row {sequence} of audit_log has it"
        )


def _streamed(connection: Connection, statement: str, values: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    """Yield the rows of a statement, a few thousand of which are in memory."""
    with connection.cursor(name="audit") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement, values)
        yield from cursor
