"""Nothing that a venue executed is lost: each report of it on the wire is applied, or an exception."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from typing import Any, Final

from oms_platform.postgres import Connection
from oms_tools.verify.fix_reader import first_values, id_text
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000
_TRADES: Final = frozenset((b"F", b"1", b"2"))
_CORRECTIONS: Final = frozenset((b"G", b"H"))
# FIX 4.2's ExecTransType: 1 takes a trade back, 2 corrects it, 3 only tells of it.
_EXEC_TRANS_TYPES: Final = frozenset((b"1", b"2"))
_STATUS: Final = b"3"
_MICRO: Final = Decimal("0.000001")
# Shares and price as they were reported.
Content = tuple[int, Decimal]


def check_inbound(connection: Connection) -> Finding:
    """Hold every execution that came over FIX to what was applied and to the exceptions."""
    finding = Finding(invariant="every execution that came over FIX is applied as it came, or an exception")
    applied = _applied(connection)
    told: set[tuple[str, str]] = set()
    raws: set[bytes] = set()
    for venue_id, exec_id, raw in connection.execute(
        "SELECT venue_id, exec_id, raw FROM execution_exceptions"
    ):
        if exec_id:
            told.add((venue_id, exec_id))
        raws.add(bytes(raw))
    for venue_id, msg_seq, raw in _messages(connection):
        fields = first_values(raw)
        if not _is_execution(fields):
            continue
        finding.examined += 1
        exec_id = id_text(fields.get(17, b""))
        if raw in raws or (venue_id, exec_id) in told:
            continue
        subject = f"{venue_id} {msg_seq} {exec_id}".strip()
        contents = applied.get((venue_id, exec_id))
        if contents is None:
            finding.violate(subject, "came over FIX, is not applied and is no exception")
            continue
        content = _content(fields)
        if content is not None and content not in contents:
            finding.violate(subject, f"came as {content[0]} at {content[1]}, applied are {sorted(contents)}")
    return finding


def _messages(connection: Connection) -> Iterator[tuple[str, int, bytes]]:
    with connection.transaction(), connection.cursor(name="inbound") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute("SELECT venue_id, msg_seq, raw FROM fix_messages WHERE inbound")
        for venue_id, msg_seq, raw in cursor:
            yield venue_id, msg_seq, bytes(raw)


def _applied(connection: Connection) -> dict[tuple[str, str], set[Content]]:
    found: dict[tuple[str, str], set[Content]] = {}
    with connection.transaction(), connection.cursor(name="applied") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(
            "SELECT coalesce(payload->'tradeApplied', payload->'tradeCorrected') FROM order_events"
            " WHERE type IN ('TradeApplied', 'TradeCorrected')"
        )
        for (change,) in cursor:
            if change is not None:
                content = _content_of_event(change)
                found.setdefault((change["venueId"], change["execId"]), set()).add(content)
    return found


def _content_of_event(change: dict[str, Any]) -> Content:
    return change.get("lastQty", 0), Decimal(change.get("lastPxMicros", 0)) * _MICRO


def _is_execution(fields: dict[int, bytes]) -> bool:
    if fields.get(35) != b"8" or fields.get(20) == _STATUS:
        return False
    return fields.get(150) in _TRADES | _CORRECTIONS or fields.get(20) in _EXEC_TRANS_TYPES


def _content(fields: dict[int, bytes]) -> Content | None:
    """Return what a trade's report says was traded, None if it is no trade or cannot be read."""
    if fields.get(150) not in _TRADES or fields.get(20) in _EXEC_TRANS_TYPES:
        return None
    try:
        shares, price = Decimal(fields[32].decode()), Decimal(fields[31].decode())
        if shares != int(shares):
            return None
        return int(shares), price.quantize(_MICRO, ROUND_HALF_EVEN)
    except (KeyError, ValueError, OverflowError, DecimalException):
        return None
