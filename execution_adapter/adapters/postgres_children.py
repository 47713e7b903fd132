"""Children, cancels and checkpoints in Postgres. A child's terms are kept whole, as they travel."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from execution_adapter.domain.child import UNREPLACED, ChildState, Execution, Replaces, Status
from execution_adapter.domain.gate import Closes, Instrument, Parent
from execution_adapter.domain.ledger import Offsets
from execution_adapter.domain.reconciliation import EndedRun
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.domain.wire_ids import WireIds
from execution_adapter.ports import (
    HeldTo,
    JournalLine,
    OutNumbers,
    SessionDown,
    SessionUp,
    Stops,
    StoredChild,
    UnstorableChildError,
    Writes,
)
from oms_platform.clock import Clock, utc_now
from oms_platform.exception_rows import insert_exceptions, settle_exceptions
from oms_platform.exceptions import storable
from oms_platform.ids import uuid7, uuid7_floor, uuid7_time
from oms_platform.kill_feed import note_effect
from oms_platform.kill_switches import Owner, owner_of
from oms_platform.market_rows import read_market_rules
from oms_platform.market_rules import rules_date
from oms_platform.messages import CancelChildren
from oms_platform.postgres import (
    ArrayStatement,
    Connection,
    Cursor,
    PostgresUnavailableError,
    array_literal,
    one_round_trip,
    reference_versions,
    save_offsets,
)
from oms_platform.prices import micros_of
from oms_platform.telemetry.tracing import ADAPTER
from oms_platform.vocabulary import ChildTerms, OrderTerms, OrderType, Side
from oms_platform.wire import Topic, encode

GROUP: Final = "execution-adapter"
CORE_GROUP: Final = "oms-core"
_terms_decoder: Final = msgspec.json.Decoder(ChildTerms)
_order_terms_decoder: Final = msgspec.json.Decoder(OrderTerms)
_replaces_decoder: Final = msgspec.json.Decoder(Replaces)
_executions_decoder: Final = msgspec.json.Decoder(tuple[Execution, ...])
_COLUMNS: Final = (
    ("order_id", "uuid"),
    ("cl_ord_id", "text"),
    ("attempt", "int"),
    ("leg", "int"),
    ("venue_id", "text"),
    ("quantity", "int"),
    ("terms", "json"),
    ("continues", "boolean"),
    ("status", "text"),
    ("leaves_qty", "int"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("wire_id", "text"),
)
_NAMES: Final = ", ".join(name for name, _ in _COLUMNS)
_INSERT: Final = ArrayStatement(
    _COLUMNS,
    f"INSERT INTO child_orders ({_NAMES}) SELECT {_NAMES} FROM {{rows}}"
    " WHERE NOT EXISTS (SELECT 1 FROM child_cancels gone"
    " WHERE gone.order_id = row.order_id AND gone.through_attempt >= row.attempt)"
    " ON CONFLICT DO NOTHING RETURNING cl_ord_id",
)
_INSERT_CANCEL: Final = ArrayStatement.insert(
    "child_cancels AS kept",
    (
        ("order_id", "uuid"),
        ("request_id", "uuid"),
        ("through_attempt", "int"),
        ("requested_at", "timestamptz"),
    ),
    "ON CONFLICT (order_id, request_id) DO UPDATE"
    " SET through_attempt = greatest(kept.through_attempt, EXCLUDED.through_attempt)",
)
_INSERT_REFUSED: Final = ArrayStatement(
    (("order_id", "uuid"), ("attempt", "int"), ("reason", "text"), ("refused_at", "timestamptz")),
    "INSERT INTO refused_plans (order_id, attempt, reason, refused_at) SELECT * FROM {rows}"
    " ON CONFLICT DO NOTHING",
)
# What clients asked for, which only the gateway writes, and what of it is with venues.
_PARENTS: Final = ArrayStatement(
    (("order_id", "uuid"),),
    "SELECT o.order_id, o.account_id, o.symbol, o.side, o.quantity, o.limit_price, o.closed, (SELECT"
    " max(through_attempt) FROM child_cancels gone WHERE gone.order_id = o.order_id),"
    " (SELECT max(attempt) FROM refused_plans refused WHERE refused.order_id = o.order_id),"
    " done.names, done.shares, o.order_type, o.closes_for, o.closes_of, o.held, o.cum_qty"
    " FROM {rows} JOIN client_orders o ON o.order_id = row.order_id"
    " LEFT JOIN LATERAL (SELECT array_agg(kept.cl_ord_id) AS names,"
    " array_agg(kept.cum_qty + kept.leaves_qty) AS shares FROM child_orders kept"
    " WHERE kept.order_id = o.order_id) done ON true WHERE true",
    pruned="o.order_id",
)
_CLOSINGS: Final = "SELECT order_id, switch_id FROM closing_orders WHERE order_id = ANY(%s)"
_OWNERS: Final = ArrayStatement(
    (("order_id", "uuid"),),
    "SELECT o.order_id, o.terms::text FROM {rows} JOIN client_terms o ON o.order_id = row.order_id"
    " WHERE true",
    pruned="o.order_id",
)
_UPDATE: Final = ArrayStatement(
    (
        ("order_id", "uuid"),
        ("cl_ord_id", "text"),
        ("status", "text"),
        ("cum_qty", "int"),
        ("leaves_qty", "int"),
        ("venue_order_id", "text"),
        ("acked_at", "timestamptz"),
        ("missing_qty", "int"),
        ("in_seq", "bigint"),
        ("executions", "text"),
        ("replaces", "text"),
        ("updated_at", "timestamptz"),
    ),
    "UPDATE child_orders kept SET status = row.status, cum_qty = row.cum_qty, leaves_qty = row.leaves_qty,"
    " venue_order_id = row.venue_order_id, acked_at = row.acked_at, missing_qty = row.missing_qty,"
    " in_seq = row.in_seq, executions = row.executions, replaces = row.replaces,"
    " updated_at = row.updated_at"
    " FROM {rows} WHERE kept.order_id = row.order_id AND kept.cl_ord_id = row.cl_ord_id",
    pruned="kept.order_id",
)
# What `_stored` reads, in its order.
_READ: Final = """
SELECT kept.terms::text, kept.continues, kept.status, kept.cum_qty, kept.leaves_qty, kept.venue_order_id,
       kept.acked_at, kept.missing_qty, kept.in_seq, kept.executions, kept.replaces, (
           SELECT gone.request_id FROM child_cancels gone
           WHERE gone.order_id = kept.order_id AND gone.through_attempt >= kept.attempt
           ORDER BY gone.requested_at DESC LIMIT 1
       )
"""
_FIND: Final = ArrayStatement(
    (("order_id", "uuid"), ("cl_ord_id", "text")),
    f"{_READ} FROM {{rows}} JOIN child_orders kept"
    " ON kept.order_id = row.order_id AND kept.cl_ord_id = row.cl_ord_id",
)
_OF_ROUTES: Final = ArrayStatement(
    (("order_id", "uuid"), ("attempt", "int")),
    f"{_READ} FROM {{rows}} JOIN child_orders kept"
    " ON kept.order_id = row.order_id AND kept.attempt = row.attempt"
    " ORDER BY kept.order_id, kept.attempt, kept.leg",
)
_UPSERT_SESSIONS: Final = ArrayStatement.insert(
    "fix_sessions",
    (
        ("venue_id", "text"),
        ("up", "boolean"),
        ("reason", "text"),
        ("on_purpose", "boolean"),
        ("changed_at", "timestamptz"),
    ),
    "ON CONFLICT (venue_id) DO UPDATE SET up = EXCLUDED.up, reason = EXCLUDED.reason,"
    " on_purpose = EXCLUDED.on_purpose, changed_at = EXCLUDED.changed_at"
    " WHERE (fix_sessions.up, fix_sessions.reason, fix_sessions.on_purpose)"
    " <> (EXCLUDED.up, EXCLUDED.reason, EXCLUDED.on_purpose)",
)
_UPSERT_NUMBERS: Final = ArrayStatement(
    (("venue_id", "text"), ("out_seq", "bigint"), ("out_before", "bigint")),
    "UPDATE fix_sessions kept SET out_seq = row.out_seq, out_before = row.out_before"
    " FROM {rows} WHERE kept.venue_id = row.venue_id",
)
_INSERT_JOURNAL: Final = (
    "INSERT INTO fix_journal (block_id, venue_ids, inbound, msg_seqs, times, lengths, messages)"
    " VALUES (%s, %s::text[], %s::boolean[], %s::bigint[], %s::timestamptz[], %s::int[], %b)"
)
_INSERT_RUN: Final = ArrayStatement.insert(
    "reconciliations",
    (
        ("run_id", "uuid"),
        ("venue_id", "text"),
        ("occasion", "text"),
        ("began_at", "timestamptz"),
        ("ended_at", "timestamptz"),
        ("asked", "int"),
        ("agreed", "int"),
        ("over", "int"),
    ),
    "ON CONFLICT DO NOTHING",
)
_INSERT_BREAK: Final = ArrayStatement.insert(
    "reconciliation_breaks",
    (
        ("run_id", "uuid"),
        ("cl_ord_id", "text"),
        ("order_id", "uuid"),
        ("ours", "text"),
        ("theirs", "text"),
        ("settled", "boolean"),
    ),
    "ON CONFLICT DO NOTHING",
)
_JOURNAL_BLOCKS: Final = (
    "SELECT block_id, venue_ids, inbound, msg_seqs, times, lengths, messages FROM fix_journal"
    " WHERE block_id > %s ORDER BY block_id LIMIT %s"
)
_JOURNAL_BLOCKS_MAX: Final = 200
# How old an order may be whose children are told that numbers began again.
NUMBERS_REACH: Final = timedelta(days=3)
# A checkpoint can go when core has passed a newer one of the same venue.
_DROP_CHECKPOINTS: Final = """
DELETE FROM fix_checkpoints old USING fix_checkpoints newer
WHERE newer.venue_id = old.venue_id AND newer.recorded_at > old.recorded_at AND NOT EXISTS (
    SELECT 1 FROM jsonb_each_text(newer.offsets) needed LEFT JOIN reader_progress done
    ON done.incarnation = newer.incarnation AND done.consumer_group = %s AND done.topic = %s
       AND done.partition = needed.key::int
    WHERE coalesce(done.next_offset, 0) < needed.value::bigint)
"""


class PostgresChildStore:
    """ChildStore on child_orders, child_cancels, fix_checkpoints and consumer_offsets.

    The connection holds the lock of the sessions: while it is there, nobody else has them.
    """

    def __init__(
        self,
        connection: Connection,
        incarnation: str,
        wire_ids: WireIds | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._connection = connection
        self._incarnation = incarnation
        self._clock = clock
        # The version and the day of what was looked at last.
        self._seen: tuple[int, date] | None = None
        self._wire_ids = wire_ids or WireIds()

    def parents(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Parent]:
        """Return the orders that clients placed, of these, with what became of their children."""
        with self._connection.cursor() as cursor:
            _PARENTS.execute(cursor, [(order_id,) for order_id in dict.fromkeys(order_ids)])
            return {row[0]: _parent(row) for row in cursor.fetchall()}

    def owners(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Owner]:
        """Return who asked for each of these orders, and by what strategy, as far as that is known."""
        with self._connection.cursor() as cursor:
            _OWNERS.execute(cursor, [(order_id,) for order_id in dict.fromkeys(order_ids)])
            return {
                order_id: owner_of(_order_terms_decoder.decode(terms))
                for order_id, terms in (cursor.fetchall() if order_ids else ())
            }

    def closings(self, order_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Return, by order, the switch for which it closes a position, of those of these that close one."""
        return dict(self._connection.execute(_CLOSINGS, [list(order_ids)]).fetchall())

    def note_kills(self, held: HeldTo, now: datetime) -> None:
        """Say that the adapter goes by switches, and what they found live; what was said stays as it is."""
        with one_round_trip(self._connection) as cursor:
            note_effect(cursor, held.switches, held.covered, ADAPTER, "", now)

    def write(self, writes: Writes, now: datetime) -> frozenset[str]:
        """Store a batch in one pipelined transaction. Returns the ClOrdIDs of the children that are new."""
        inserted = self._connection.cursor()
        try:
            with one_round_trip(self._connection) as cursor:
                # A cancel that comes after a plan in this batch must not refuse it: children go first.
                _INSERT.execute(inserted, [self._row(*child, now) for child in writes.children])
                _INSERT_CANCEL.execute(cursor, _cancel_rows(writes.cancels))
                _INSERT_REFUSED.execute(cursor, [(*plan, now) for plan in writes.refused])
                _UPDATE.execute(cursor, [_state_row(*state, now) for state in writes.states.values()])
                if writes.journal:
                    _insert_journal(cursor, writes.journal)
                insert_exceptions(cursor, writes.exceptions)
                settle_exceptions(cursor, writes.settled, now)
                if writes.runs:
                    _insert_runs(cursor, writes.runs)
                save_offsets(cursor, GROUP, self._incarnation, writes.offsets, now)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise UnstorableChildError(str(error).strip()) from error
        return frozenset(row[0] for row in inserted.fetchall()) if writes.children else frozenset()

    def unstorable(self, writes: Writes, now: datetime) -> Mapping[str | UUID, str]:
        """Try each child and each cancel by itself, keeping nothing."""
        refused: dict[str | UUID, str] = {}
        for child, continues in writes.children:
            if (problem := self._problem(_INSERT, self._row(child, continues, now))) is not None:
                refused[child.cl_ord_id] = problem
        for cancel in writes.cancels:
            if (problem := self._problem(_INSERT_CANCEL, *_cancel_rows([cancel]))) is not None:
                refused[cancel.request_id] = problem
        return refused

    def _row(self, child: ChildTerms, continues: bool, now: datetime) -> tuple[object, ...]:
        wire_id = self._wire_ids.of_child(child.venue_id, child.cl_ord_id)
        return (
            child.order_id,
            child.cl_ord_id,
            child.attempt,
            child.leg,
            child.venue_id,
            child.quantity,
            encode(child).decode(),
            continues,
            Status.PENDING_NEW.name,
            child.quantity,
            now,
            now,
            None if wire_id == child.cl_ord_id else wire_id,
        )

    def _problem(self, statement: ArrayStatement, row: Sequence[Any]) -> str | None:
        try:
            with self._connection.transaction(force_rollback=True), self._connection.cursor() as cursor:
                statement.execute(cursor, [row])
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            return str(error).strip()
        return None

    def find(self, places: Sequence[tuple[UUID, str]]) -> list[StoredChild]:
        """Return the children of these (order_id, ClOrdID) that exist."""
        return self._read(_FIND, places)

    def of_routes(self, routes: Sequence[tuple[UUID, int]]) -> list[StoredChild]:
        """Return the children of these (order_id, attempt), by leg."""
        return self._read(_OF_ROUTES, routes)

    def _read(self, statement: ArrayStatement, rows: Sequence[Sequence[Any]]) -> list[StoredChild]:
        if not rows:
            return []
        with self._connection.cursor() as cursor:
            statement.execute(cursor, rows)
            return _stored(cursor)

    def live(self) -> list[StoredChild]:
        """Return every child that has quantity left, oldest first."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"{_READ} FROM child_orders kept WHERE leaves_qty > 0"
                " ORDER BY kept.order_id, kept.attempt, kept.leg"
            )
            return _stored(cursor)

    def of_open_orders(self) -> list[StoredChild]:
        """Return every child whose parent order is not closed, by route."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"{_READ} FROM open_orders JOIN child_orders kept USING (order_id)"
                " ORDER BY kept.order_id, kept.attempt, kept.leg"
            )
            return _stored(cursor)

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint kept."""
        found = self._connection.execute(
            "SELECT venue_id, in_seq, incarnation, offsets, recorded_at FROM fix_checkpoints"
        ).fetchall()
        return [
            Checkpoint(
                venue_id=venue_id,
                in_seq=in_seq,
                incarnation=incarnation,
                offsets={int(partition): offset for partition, offset in offsets.items()},
                recorded_at=recorded_at,
            )
            for venue_id, in_seq, incarnation, offsets, recorded_at in found
        ]

    def write_sessions(self, sessions: Mapping[str, SessionUp | SessionDown], now: datetime) -> None:
        """Store which venues' sessions are up, and why one is not."""
        rows = [
            (venue_id, True, "", False, now)
            if isinstance(one, SessionUp)
            else (venue_id, False, one.reason, one.on_purpose, now)
            for venue_id, one in sessions.items()
        ]
        with self._connection.cursor() as cursor:
            _UPSERT_SESSIONS.execute(cursor, rows)

    def begin_numbers(self, venue_id: str, at: datetime) -> None:
        """Note that a venue's numbers began again: its checkpoints pass none, its children heard none.

        Of older orders a venue hardly says anything, and many they are.
        """
        oldest = uuid7_floor(at - NUMBERS_REACH)
        with one_round_trip(self._connection) as cursor:
            cursor.execute("UPDATE fix_checkpoints SET in_seq = 0 WHERE venue_id = %s", [venue_id])
            cursor.execute(
                "UPDATE child_orders SET in_seq = 0 WHERE order_id >= %s AND venue_id = %s AND in_seq > 0",
                [oldest, venue_id],
            )
            cursor.execute(
                "UPDATE fix_sessions SET numbers_began_at = %s WHERE venue_id = %s", [at, venue_id]
            )

    def journaled(self, since: Mapping[str, datetime | None]) -> Iterable[JournalLine]:
        """Return what came from these venues and was stored from a time on, in its order."""
        known = [at for at in since.values() if at is not None]
        after = uuid7_floor(min(known)) if len(known) == len(since) and known else UUID(int=0)
        while blocks := self._connection.execute(_JOURNAL_BLOCKS, [after, _JOURNAL_BLOCKS_MAX]).fetchall():
            for block_id, *lines, messages in blocks:
                after, stored_at, end = block_id, uuid7_time(block_id), 0
                for venue_id, inbound, msg_seq, at, length in zip(*lines, strict=True):
                    end += length
                    if not inbound or venue_id not in since:
                        continue
                    from_then = since[venue_id]
                    if from_then is None or stored_at >= from_then:
                        raw = bytes(messages[end - length : end])
                        yield JournalLine(venue_id=venue_id, inbound=True, msg_seq=msg_seq, at=at, raw=raw)

    def out_numbers(self) -> Mapping[str, OutNumbers]:
        """Return, by venue, from where on no outbound number was ever used; no venue without any."""
        found = self._connection.execute("SELECT venue_id, out_seq, out_before FROM fix_sessions")
        return {venue_id: OutNumbers(out_seq, before) for venue_id, out_seq, before in found.fetchall()}

    def reserve_out(self, numbers: Mapping[str, OutNumbers]) -> None:
        """Note, by venue, from where on no outbound number will have been used when this process ends."""
        with self._connection.cursor() as cursor:
            _UPSERT_NUMBERS.execute(cursor, [(venue_id, *out) for venue_id, out in numbers.items()])

    def core_offsets(self) -> Mapping[tuple[str, int], int]:
        """Return how far core has read the fills, by (incarnation, partition)."""
        found = self._connection.execute(
            "SELECT incarnation, partition, next_offset FROM reader_progress"
            " WHERE consumer_group = %s AND topic = %s",
            (CORE_GROUP, Topic.FILLS.value),
        ).fetchall()
        return {(incarnation, partition): offset for incarnation, partition, offset in found}

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets in one transaction; drop checkpoints that nothing can need."""
        with one_round_trip(self._connection) as cursor:
            for checkpoint in checkpoints:
                cursor.execute(
                    "INSERT INTO fix_checkpoints VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (
                        checkpoint.venue_id,
                        checkpoint.in_seq,
                        checkpoint.incarnation,
                        Jsonb({str(partition): offset for partition, offset in checkpoint.offsets.items()}),
                        checkpoint.recorded_at,
                    ),
                )
            save_offsets(cursor, GROUP, self._incarnation, offsets, now)
            if checkpoints:
                cursor.execute(_DROP_CHECKPOINTS, (CORE_GROUP, Topic.FILLS.value))

    def look(self) -> Stops | None:
        """Return what must not be sent now, if that has changed since the last look.

        Raises OperationalError when the connection is lost, and with it the lock of the sessions.
        """
        try:
            versions = reference_versions(self._connection)
        except psycopg.OperationalError as error:
            raise PostgresUnavailableError(f"the lock of the FIX sessions is lost: {error}") from error
        today = rules_date(self._clock())
        if (seen := (versions["instruments"], today)) == self._seen:
            return None
        self._seen = seen
        rules = read_market_rules(self._connection).on(today)
        instruments = self._connection.execute(
            "SELECT i.symbol, i.status, i.reference_price, coalesce(h.reason, '') FROM instruments i"
            " LEFT JOIN halts h ON h.symbol = i.symbol AND h.lifted_at IS NULL"
        )
        return Stops(
            instruments={
                symbol: Instrument(
                    active=status == "ACTIVE",
                    reference_micros=None if price is None else micros_of(price),
                    ticks=rules.ticks_of(symbol),
                    halt=halt,
                )
                for symbol, status, price, halt in instruments.fetchall()
            },
        )


def sessions_lock(sender: str) -> int:
    """Return the advisory lock of the sessions of a SenderCompID: who holds it may log on."""
    return int.from_bytes(blake2b(sender.encode(), digest_size=7, person=b"fix sessions").digest(), "big")


def read_venues(connection: Connection) -> list[str]:
    """Return the id of every venue, active or not: children may still live at one that was switched off."""
    return [venue_id for (venue_id,) in connection.execute("SELECT venue_id FROM venues ORDER BY venue_id")]


def _parent(row: Sequence[Any]) -> Parent:
    _, account_id, symbol, side, quantity, limit_price, closed, canceled, refused, names, shares, kind = row[
        :12
    ]
    switch_id, held_then, held, applied = row[12:]
    return Parent(
        account_id=account_id,
        symbol=symbol,
        side=Side[side],
        quantity=quantity,
        limit_price_micros=None if limit_price is None else micros_of(limit_price),
        closed=closed,
        canceled_through=canceled or 0,
        refused_through=refused or 0,
        committed=dict(zip(names or (), shares or (), strict=True)),
        pegged=kind == OrderType.PEGGED.name,
        closes=None
        if switch_id is None
        else Closes(switch_id=switch_id, held_then=held_then, held=held or 0, applied_qty=applied),
    )


def _cancel_rows(cancels: Sequence[CancelChildren]) -> list[tuple[object, ...]]:
    """Return a row for each request, as far as it goes: one statement must not touch a row twice."""
    rows: dict[tuple[UUID, UUID], CancelChildren] = {}
    for cancel in cancels:
        key = (cancel.order_id, cancel.request_id)
        known = rows.get(key)
        if known is None or known.through_attempt < cancel.through_attempt:
            rows[key] = cancel
    return [
        (cancel.order_id, cancel.request_id, cancel.through_attempt, cancel.requested_at)
        for cancel in rows.values()
    ]


def _state_row(child: ChildTerms, state: ChildState, now: datetime) -> tuple[object, ...]:
    return (
        child.order_id,
        child.cl_ord_id,
        state.status.name,
        state.cum_qty,
        state.leaves_qty,
        state.venue_order_id,
        state.acked_at,
        state.missing_qty,
        state.in_seq,
        msgspec.json.encode(state.executions).decode() if state.executions else "",
        msgspec.json.encode(state.replaces).decode() if any(state.replaces) else "",
        now,
    )


def _insert_runs(cursor: Cursor, runs: Sequence[EndedRun]) -> None:
    """Store comparisons with venues, and each order of which not the same was said."""
    _INSERT_RUN.execute(
        cursor,
        [
            (
                run.run_id,
                run.venue_id,
                run.occasion.name,
                run.began_at,
                run.ended_at,
                run.asked,
                run.agreed,
                run.over,
            )
            for run in runs
        ],
    )
    _INSERT_BREAK.execute(
        cursor,
        [
            (run.run_id, one.cl_ord_id, one.order_id, one.ours, storable(one.theirs), one.settled)
            for run in runs
            for one in run.breaks
        ],
    )


def _insert_journal(cursor: Cursor, journal: Sequence[JournalLine]) -> None:
    """Store messages as they were on the wire, in one row."""
    cursor.execute(
        _INSERT_JOURNAL,
        (
            uuid7(),
            array_literal("text", [line.venue_id for line in journal]),
            array_literal("boolean", [line.inbound for line in journal]),
            array_literal("bigint", [line.msg_seq for line in journal]),
            array_literal("timestamptz", [line.at for line in journal]),
            array_literal("int", [len(line.raw) for line in journal]),
            b"".join([line.raw for line in journal]),
        ),
    )


def _stored(rows: Iterable[Sequence[Any]]) -> list[StoredChild]:
    return [
        StoredChild(
            child=_terms_decoder.decode(terms),
            state=ChildState(
                status=Status[status],
                cum_qty=cum_qty,
                leaves_qty=leaves_qty,
                venue_order_id=venue_order_id,
                acked_at=acked_at,
                missing_qty=missing_qty,
                in_seq=in_seq,
                executions=_executions_decoder.decode(executions) if executions else (),
                replaces=_replaces_decoder.decode(replaces) if replaces else UNREPLACED,
            ),
            continues=continues,
            canceled_by=canceled_by,
        )
        for (
            terms,
            continues,
            status,
            cum_qty,
            leaves_qty,
            venue_order_id,
            acked_at,
            missing_qty,
            in_seq,
            executions,
            replaces,
            canceled_by,
        ) in rows
    ]
