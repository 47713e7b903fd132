"""A venue's day: the trades that we hold, those that the venue says it made, and where they differ.

Theirs are read out of what the venue sent, byte by byte as it was kept, or out of the venue's own file. A
trade that was taken back is in neither; one that was corrected is as it was corrected last.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any, Final, TextIO

from oms_platform.ids import uuid7_floor
from oms_platform.postgres import Connection
from oms_tools.verify.fix_reader import first_values, id_text

_MICRO: Final = Decimal("0.000001")
_SIDES: Final = {b"1": "BUY", b"2": "SELL", b"5": "SELL_SHORT", b"6": "SELL_SHORT_EXEMPT"}
# A report may be kept long before or after its trade date, by the venue's zone and by how late it came.
_AROUND: Final = timedelta(days=2)
_COLUMNS: Final = ("execId", "symbol", "side", "lastQty", "lastPx")
_OURS: Final = """
SELECT exec_id, symbol, side, sum(last_qty)::bigint, sum(last_qty * last_px) FROM executions
WHERE venue_id = %s AND trade_date = %s GROUP BY exec_id, symbol, side
"""
_THEIRS: Final = """
SELECT at, raw FROM fix_messages WHERE inbound AND venue_id = %s AND block_id BETWEEN %s AND %s
ORDER BY block_id, at
"""


class UnreadableFileError(ValueError):
    """A venue's file of trades cannot be read."""


@dataclass(frozen=True, slots=True)
class Trade:
    """Shares and dollars of one ExecID. dollars: shares times price, all of them."""

    symbol: str
    side: str
    shares: int
    dollars: Decimal

    def __str__(self) -> str:
        price = (self.dollars / self.shares).quantize(_MICRO).normalize() if self.shares else Decimal(0)
        return f"{self.side} {self.shares} {self.symbol} at {price:f}"


@dataclass(slots=True)
class VenueDay:
    """One venue's trades of one trade date. differences: by ExecID, what we hold and what the venue says."""

    venue_id: str
    day: date
    ours: dict[str, Trade] = field(default_factory=dict)
    theirs: dict[str, Trade] = field(default_factory=dict)

    @property
    def differences(self) -> dict[str, tuple[Trade | None, Trade | None]]:
        """Every ExecID of which the two do not say the same."""
        names = sorted(self.ours.keys() | self.theirs.keys())
        return {
            name: (self.ours.get(name), self.theirs.get(name))
            for name in names
            if self.ours.get(name) != self.theirs.get(name)
        }

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "venueId": self.venue_id,
            "tradeDate": self.day.isoformat(),
            "ours": _sums(self.ours.values()),
            "theirs": _sums(self.theirs.values()),
            "differences": [
                {
                    "execId": name,
                    "ours": None if ours is None else str(ours),
                    "theirs": None if theirs is None else str(theirs),
                }
                for name, (ours, theirs) in self.differences.items()
            ],
        }


def _sums(trades: Iterable[Trade]) -> dict[str, Any]:
    found = list(trades)
    dollars = sum((one.dollars for one in found), Decimal(0))
    return {"trades": len(found), "shares": sum(one.shares for one in found), "notional": str(dollars)}


def venue_day(connection: Connection, venue_id: str, day: date, file: TextIO | None = None) -> VenueDay:
    """Compare a venue's trades of a trade date with ours. file: the venue's own, else what it sent.

    Raises UnreadableFileError.
    """
    found = VenueDay(venue_id=venue_id, day=day)
    stamp = f"{day:%Y%m%d}"
    for exec_id, symbol, side, shares, dollars in connection.execute(_OURS, (venue_id, stamp)):
        found.ours[exec_id] = Trade(symbol, side, shares, dollars)
    found.theirs = trades_of_file(file) if file is not None else _as_sent(connection, venue_id, day)
    return found


def _as_sent(connection: Connection, venue_id: str, day: date) -> dict[str, Trade]:
    began = datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00")
    span = (uuid7_floor(began - _AROUND), uuid7_floor(began + timedelta(days=1) + _AROUND))
    with connection.transaction(), connection.cursor(name="venue_day") as cursor:
        cursor.execute(_THEIRS, (venue_id, *span))
        return net_trades(((at, bytes(raw)) for at, raw in cursor), f"{day:%Y%m%d}")


def net_trades(messages: Iterable[tuple[datetime, bytes]], stamp: str) -> dict[str, Trade]:
    """Return the trades of a trade date (YYYYMMDD) by ExecID, out of a venue's messages with their times.

    A trade without a readable quantity or a price above 0 says nothing that could be compared.
    """
    found: dict[str, Trade] = {}
    # The date of each trade, and the trade that a correction is about.
    days: dict[str, str] = {}
    about: dict[str, str] = {}
    for at, fields in _reports(messages):
        kind, exec_id = _kind(fields), id_text(fields.get(17, b""))
        if kind == "TRADE":
            if exec_id in days:
                continue
            days[exec_id] = _trade_date(fields, at)
            if (trade := _trade(fields)) is not None:
                found[exec_id] = trade
        elif kind:
            reference = id_text(fields.get(19, b""))
            named = about[exec_id] = about.get(reference, reference)
            if kind == "BUST":
                found.pop(named, None)
            elif (trade := _trade(fields)) is not None and named in days:
                found[named] = trade
    return {name: trade for name, trade in found.items() if days[name] == stamp}


def _reports(messages: Iterable[tuple[datetime, bytes]]) -> Iterator[tuple[datetime, dict[int, bytes]]]:
    seen: set[tuple[bytes, bytes, bytes]] = set()
    for at, raw in messages:
        fields = first_values(raw)
        if fields.get(35) != b"8":
            continue
        # The same report again: of a resend it has the same ExecID and says the same.
        key = (fields.get(17, b""), fields.get(150, b""), fields.get(20, b""))
        if key[0] not in (b"", b"0") and key in seen:
            continue
        seen.add(key)
        yield at, fields


def _kind(fields: dict[int, bytes]) -> str:
    transaction, exec_type = fields.get(20, b"0"), fields.get(150, b"")
    if transaction == b"3" or exec_type == b"I":
        return ""
    if exec_type == b"H" or transaction == b"1":
        return "BUST"
    if exec_type == b"G" or transaction == b"2":
        return "CORRECTION"
    return "TRADE" if exec_type in (b"F", b"1", b"2") else ""


def _trade_date(fields: dict[int, bytes], at: datetime) -> str:
    date_said = fields.get(75, b"")
    if len(date_said) == 8 and date_said.isdigit():
        return date_said.decode()
    time_said = fields.get(60, b"")[:8]
    return time_said.decode() if len(time_said) == 8 and time_said.isdigit() else f"{at:%Y%m%d}"


def _trade(fields: dict[int, bytes]) -> Trade | None:
    try:
        shares, price = Decimal(fields[32].decode()), Decimal(fields[31].decode()).quantize(_MICRO)
    except (KeyError, ValueError, DecimalException):
        return None
    if shares != int(shares) or shares <= 0 or price <= 0:
        return None
    symbol, side = id_text(fields.get(55, b"")), _SIDES.get(fields.get(54, b""), "")
    return Trade(symbol, side, int(shares), int(shares) * price)


def trades_of_file(file: TextIO) -> dict[str, Trade]:
    """Read a venue's own trades, CSV with a header. Raises UnreadableFileError."""
    rows = csv.DictReader(file)
    if rows.fieldnames is None or not set(_COLUMNS) <= set(rows.fieldnames):
        raise UnreadableFileError(f"expected the columns {', '.join(_COLUMNS)}, found {rows.fieldnames}")
    found: dict[str, Trade] = {}
    for row in rows:
        try:
            shares, price = int(row["lastQty"]), Decimal(row["lastPx"])
            trade = Trade(row["symbol"], row["side"], shares, shares * price.quantize(_MICRO))
        except (TypeError, ValueError, DecimalException) as error:
            raise UnreadableFileError(f"line {rows.line_num}: {error!r}") from error
        if row["execId"] in found:
            raise UnreadableFileError(f"line {rows.line_num}: {row['execId']} is there a second time")
        found[row["execId"]] = trade
    return found
