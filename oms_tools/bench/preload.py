"""Closed orders in bulk, so that a load meets tables that are large.

One order that was really filled is the pattern. Its rows are read from every table that has an `order_id`
and written again with ids and times of past weeks. No column list stands here: an id is a column named `…_id`
or a field named `…Id`, it is the order's own unless a table that has no orders has it as its key, and an own
id is replaced wherever it stands.

Copies belong to an account of their own, which trades no more: its stream has no writer but this tool, so no
core that runs is fenced. Each batch moves the stream's head on with its events. Copies come in pairs, the
second with the other side, so that after each pair position, cost and cash are back at nothing. The venue's
own journal gets their lines too, in a file that only the judge reads.
"""

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from psycopg import sql

from oms_platform.audit_chain import GENESIS
from oms_platform.ids import uuid7_time
from oms_platform.postgres import Connection

BATCH: Final = 1_000
SETTLE_S_MAX: Final = 20.0
SETTLE_LOOK_S: Final = 0.5
JOURNAL_TAIL_BYTES: Final = 16 * 1024 * 1024
# An own id of at least so many characters is replaced wherever it stands, a shorter one where it is quoted.
LONG_ENOUGH: Final = 20
ACCOUNT: Final = "ACC-PRELOAD"
_OTHER_SIDE: Final = {"BUY": "SELL", "SELL": "BUY"}
_NULL: Final = "\\N"
_SLOT: Final = re.compile("\x01(i|t|n)([0-9]+)\x02")
_SIDE: Final = re.compile('(?<=")(SIDE_)?(BUY|SELL)(?=")')
_ID_FIELD: Final = re.compile('"([a-z][A-Za-z]*Id)":"([^"]+)"')
_STREAM_FIELD: Final = re.compile('(?<="streamSequence":)[0-9]+')
_INNER_CAPITAL: Final = re.compile("(?=[A-Z])")
# The account's chain begins behind its copies.
_BEGIN_BEHIND: Final = (
    "INSERT INTO audit_begins (stream, sequence, chain, reason) VALUES (%s, %s, %s, 'preloaded by oms bench')"
    " ON CONFLICT (stream) DO UPDATE SET sequence = EXCLUDED.sequence"
)
# Nobody keeps books of them.
_COPIED: Final = (
    "INSERT INTO drop_copy_places (account_id, sequence) VALUES (%s, %s)"
    " ON CONFLICT (account_id) DO UPDATE SET sequence = EXCLUDED.sequence"
)
_BOUND: Final = re.compile(r"FROM \('([0-9a-f-]{36})'\)")


class PreloadError(RuntimeError):
    """The pattern cannot be copied; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTable:
    """A table of orders: its columns in their order, by name with their types."""

    name: str
    columns: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Pattern:
    """An order's rows with slots where ids, times, the side and places in the account's stream stand.

    own: the slot of each id, by the id. times: of each time slot, from the order's birth on. places: in the
    account's stream, first to last. tables: their columns and text. journal: the venue's lines about it.
    """

    order_id: UUID
    account_id: str = ""
    symbols: set[str] = field(default_factory=set)
    own: dict[str, int] = field(default_factory=dict)
    times: list[timedelta] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    tables: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    journal: str = ""


def order_tables(connection: Connection) -> list[OrderTable]:
    """Return every table with an `order_id`, partitioned ones as one."""
    rows = connection.execute(
        "SELECT c.relname::text, a.attname::text, t.typname::text FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        # Copies are no part of the audit: its links are of the order that they are made of.
        " AND a.attname NOT IN ('request_digest', 'chain')"
        " AND a.attgenerated = '' JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'order_id')"
        " ORDER BY c.relname <> 'orders', c.relname, a.attnum"
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, type_name in rows:
        tables.setdefault(table, {})[column] = type_name
    return [OrderTable(name=name, columns=columns) for name, columns in tables.items()]


def reference_ids(connection: Connection) -> set[str]:
    """Return the key columns of tables without orders: an id of that name refers there."""
    rows = connection.execute(
        "SELECT DISTINCT a.attname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)"
        " WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
        " AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'order_id')"
    )
    return {row[0] for row in rows}


def _column_list(columns: dict[str, str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in columns)


def _read_rows(connection: Connection, table: OrderTable, order_id: UUID) -> list[list[str]]:
    """Return an order's rows as the fields of COPY's text format."""
    question = sql.SQL("COPY (SELECT {} FROM {} WHERE order_id = {} ORDER BY 1, 2) TO STDOUT").format(
        _column_list(table.columns), sql.Identifier(table.name), sql.Literal(str(order_id))
    )
    with connection.cursor() as cursor, cursor.copy(question) as copy:
        text = b"".join(bytes(block) for block in copy).decode()
    return [line.split("\t") for line in text.splitlines()]


def _use_copy_format(connection: Connection) -> None:
    """Have bytes that are text shown as text, so that ids in them are found."""
    connection.execute("SET bytea_output = 'escape'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")


def await_settled(connection: Connection, order_id: UUID) -> None:
    """Wait until an order's rows change no more. Raises PreloadError."""
    _use_copy_format(connection)
    tables = order_tables(connection)
    deadline, before = time.monotonic() + SETTLE_S_MAX, None
    while time.monotonic() < deadline:
        found = [_read_rows(connection, table, order_id) for table in tables]
        if found == before:
            return
        before = found
        time.sleep(SETTLE_LOOK_S)
    raise PreloadError(f"order {order_id} had not settled within {SETTLE_S_MAX:.0f} s")


def read_pattern(connection: Connection, order_id: UUID, journal: Path | None = None) -> Pattern:
    """Read an order as the pattern of copies, with its lines of the venue's journal. Raises PreloadError."""
    _use_copy_format(connection)
    tables, references = order_tables(connection), reference_ids(connection)
    found = {table.name: _read_rows(connection, table, order_id) for table in tables}
    if not found.get("orders"):
        raise PreloadError(f"expected order {order_id} in the database, found none")
    pattern = Pattern(order_id=order_id, own={str(order_id): 0, order_id.hex: 1})
    for table in tables:
        _note_own_ids(pattern, table, found[table.name], references)
        pattern.places += _column(table, found[table.name], "stream_sequence")
        pattern.symbols |= set(_column(table, found[table.name], "symbol"))
        for account_id in _column(table, found[table.name], "account_id"):
            pattern.account_id = account_id
    pattern.places.sort(key=int)
    for table in tables:
        lines = [_slotted_row(pattern, table, row, references) for row in found[table.name]]
        if lines:
            pattern.tables[table.name] = (tuple(table.columns), "".join(f"{line}\n" for line in lines))
    if journal is not None:
        pattern.journal = _slotted(pattern, _journal_lines(journal, order_id))
    return pattern


def _column(table: OrderTable, rows: list[list[str]], name: str) -> list[str]:
    if name not in table.columns:
        return []
    place = list(table.columns).index(name)
    return [row[place] for row in rows]


def _is_own_id(column: str, references: set[str]) -> bool:
    return column.endswith("_id") and column not in references


def _note_own_ids(pattern: Pattern, table: OrderTable, rows: list[list[str]], references: set[str]) -> None:
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            fields = [(_INNER_CAPITAL.sub("_", name).lower(), own) for name, own in _ID_FIELD.findall(value)]
            for name, own in [(column, value), *fields]:
                # A child's id is made of the order's, which is replaced in it.
                made_of_order = pattern.order_id.hex in own or str(pattern.order_id) in own
                if _is_own_id(name, references) and own not in ("", _NULL) and not made_of_order:
                    pattern.own.setdefault(own, len(pattern.own))


def _slotted(pattern: Pattern, text: str) -> str:
    for value, slot in pattern.own.items():
        mark = f"\x01i{slot}\x02"
        if len(value) >= LONG_ENOUGH:
            text = text.replace(value, mark)
        else:
            text = text.replace(f'"{value}"', f'"{mark}"')
    text = text.replace(f'"{pattern.account_id}"', f'"{ACCOUNT}"')
    text = _STREAM_FIELD.sub(lambda found: f"\x01n{pattern.places.index(found[0])}\x02", text)
    return _SIDE.sub(lambda found: f"{found[1] or ''}\x01s{found[2]}\x02", text)


def _slotted_row(pattern: Pattern, table: OrderTable, row: list[str], references: set[str]) -> str:
    cells = []
    for (column, type_name), value in zip(table.columns.items(), row, strict=True):
        if value == _NULL:
            cells.append(value)
        elif column == "stream_sequence":
            cells.append(f"\x01n{pattern.places.index(value)}\x02")
        elif column == "account_id":
            cells.append(ACCOUNT)
        elif type_name == "timestamptz":
            pattern.times.append(datetime.fromisoformat(value) - uuid7_time(pattern.order_id))
            cells.append(f"\x01t{len(pattern.times) - 1}\x02")
        elif _is_own_id(column, references) and value in pattern.own:
            cells.append(f"\x01i{pattern.own[value]}\x02")
        elif column == "side":
            cells.append(f"\x01s{value}\x02")
        else:
            cells.append(_slotted(pattern, value))
    return "\t".join(cells)


def _journal_lines(journal: Path, order_id: UUID) -> str:
    """Return the lines about an order's children, which are near the end."""
    with journal.open("rb") as file:
        file.seek(max(0, journal.stat().st_size - JOURNAL_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in lines if order_id.hex in line)


class _Copier:
    """Fills a pattern's slots. One batch shares its times; ids are each copy's own."""

    def __init__(self, pattern: Pattern, run: str, seed: int) -> None:
        self._pattern = pattern
        self._run = run
        self._random = random.Random(seed)  # noqa: S311
        self._texts = {name: text for name, (_, text) in pattern.tables.items()}
        if pattern.journal:
            self._texts[""] = pattern.journal
        self._is_uuid = [_is_uuid(value) for value in pattern.own]

    def batch(self, at: datetime, numbers: range, head: int) -> dict[str, str]:
        """Return the text of copies born at a time, by table; "" is the journal.

        head: of the account's stream before the first copy of all.
        """
        times = [(at + since).isoformat(" ") for since in self._pattern.times]
        pieces = {
            name: [_pieces(text, times, len(self._is_uuid), mirrored=mirrored) for mirrored in (False, True)]
            for name, text in self._texts.items()
        }
        written: dict[str, list[str]] = {name: [] for name in pieces}
        for number in numbers:
            ids = self._new_ids(at, number)
            first = head + 1 + number * len(self._pattern.places)
            values = [*ids, *(str(first + place) for place in range(len(self._pattern.places)))]
            for name, sides in pieces.items():
                literals, slots = sides[number % 2]
                lines = written[name]
                for literal, slot in zip(literals, slots, strict=False):
                    lines.append(literal)
                    lines.append(values[slot])
                lines.append(literals[-1])
        return {name: "".join(lines) for name, lines in written.items()}

    def _new_ids(self, at: datetime, number: int) -> list[str]:
        milliseconds = f"{int(at.timestamp() * 1000):012x}"
        prefix = f"{milliseconds[:8]}-{milliseconds[8:]}-7"
        ids = []
        for place, is_uuid in enumerate(self._is_uuid):
            ids.append(self._new_uuid(prefix) if is_uuid else f"{self._run}-{number}-{place}")
        ids[1] = ids[0].replace("-", "")
        return ids

    def _new_uuid(self, prefix: str) -> str:
        bits = self._random.getrandbits(74)
        variant = 0x8000 | (bits >> 48) & 0x3FFF
        return f"{prefix}{bits >> 62:03x}-{variant:04x}-{bits & 0xFFFF_FFFF_FFFF:012x}"


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _pieces(text: str, times: list[str], ids: int, *, mirrored: bool) -> tuple[list[str], list[int]]:
    """Return a text's literals and the slots between them, with times and sides filled in.

    A place in the stream is a slot after those of so many ids.
    """
    for side, other in _OTHER_SIDE.items():
        text = text.replace(f"\x01s{side}\x02", other if mirrored else side)
    text = _SLOT.sub(lambda slot: times[int(slot[2])] if slot[1] == "t" else slot[0], text)
    parts = _SLOT.split(text)
    kinds, slots = parts[1::3], parts[2::3]
    return parts[0::3], [
        int(slot) + (ids if kind == "n" else 0) for kind, slot in zip(kinds, slots, strict=True)
    ]


def copy_times(connection: Connection, now: datetime) -> tuple[datetime, datetime]:
    """Return from when until when copies are born: past weeks that every table of orders has a place for."""
    rows = connection.execute(
        "SELECT h.inhparent, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits h"
        " JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_class p ON p.oid = h.inhparent"
        " WHERE c.relkind = 'r' AND p.relnamespace = 'public'::regnamespace AND EXISTS"
        " (SELECT FROM pg_attribute o WHERE o.attrelid = p.oid AND o.attname = 'order_id')"
    )
    since: dict[int, datetime] = {}
    for parent, bound in rows:
        first = _BOUND.search(bound)
        if first is not None:
            at = uuid7_time(UUID(first[1]))
            since[parent] = min(at, since.get(parent, at))
    monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
    start = max(since.values(), default=monday)
    if start >= monday:
        raise PreloadError("expected partitions of a past week, found none: copies have no place to go")
    return start, monday


def write_copies(
    connection: Connection,
    pattern: Pattern,
    count: int,
    now: datetime,
    *,
    journal: Path | None = None,
    on_batch: Callable[[int], None] = lambda _written: None,
) -> int:
    """Write copies of a pattern, an even number of them. Returns how many. Raises PreloadError.

    They are not waited for to be on the disk; a checkpoint at the end does that once.
    """
    count += count % 2
    start, end = copy_times(connection, now)
    head = _stand_ready(connection, pattern.symbols, now)
    copier = _Copier(pattern, f"preload-{int(now.timestamp())}", seed=int(now.timestamp()))
    connection.execute("SET synchronous_commit = off")
    for numbers in _batches(count):
        at = start + (end - start) * (numbers.start / count)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        texts = copier.batch(at, numbers, head)
        before, after = (head + number * len(pattern.places) for number in (numbers.start, numbers.stop))
        with connection.transaction():
            connection.execute("SELECT move_stream(%s, %s, %s)", [ACCOUNT, before, after])
            connection.execute(_BEGIN_BEHIND, [f"account:{ACCOUNT}", after, GENESIS])
            connection.execute(_COPIED, [ACCOUNT, after])
            for name, (columns, _) in pattern.tables.items():
                statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                    sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(texts[name])
        if journal is not None and "" in texts:
            with journal.open("a") as lines:
                lines.write(texts[""])
        on_batch(numbers.stop)
    for name in pattern.tables:
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(name)))
    connection.execute("CHECKPOINT")
    return count


def _stand_ready(connection: Connection, symbols: Iterable[str], now: datetime) -> int:
    """Make the copies' account, if it is not there, flat in these symbols. Returns its stream's head."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO accounts (account_id, name, kind, status)"
            " VALUES (%s, 'Preloaded orders', 'INSTITUTION', 'SUSPENDED') ON CONFLICT DO NOTHING",
            [ACCOUNT],
        )
        for symbol in symbols:
            connection.execute(
                "INSERT INTO positions (account_id, symbol, quantity, cost, realized_pnl, net_cash,"
                " updated_at) VALUES (%s, %s, 0, 0, 0, 0, %s) ON CONFLICT DO NOTHING",
                [ACCOUNT, symbol, now],
            )
    row = connection.execute("SELECT head FROM account_streams WHERE account_id = %s", [ACCOUNT]).fetchone()
    return int(row[0]) if row else 0


def _batches(count: int) -> Iterator[range]:
    for start in range(0, count, BATCH):
        yield range(start, min(count, start + BATCH))
