"""Children, tombstones and checkpoints in Postgres."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from execution_adapter.domain.child import Child, ChildState, Status
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.ports import Offsets, StoredChild, UnstorableChildError, Writes, Written
from oms_platform.postgres import ArrayStatement, Connection, Cursor, save_offsets
from oms_platform.wire import Topic

GROUP: Final = "execution-adapter"
CORE_GROUP: Final = "oms-core"
_COLUMNS: Final = (
    ("order_id", "uuid"),
    ("cl_ord_id", "text"),
    ("route_id", "uuid"),
    ("attempt", "int"),
    ("leg", "int"),
    ("account_id", "text"),
    ("venue_id", "text"),
    ("symbol", "text"),
    ("side", "text"),
    ("quantity", "int"),
    ("limit_price", "numeric"),
    ("time_in_force", "text"),
    ("status", "text"),
    ("leaves_qty", "int"),
    ("hold_ms", "int"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
)
_NAMES: Final = ", ".join(name for name, _ in _COLUMNS)
_INSERT: Final = ArrayStatement(
    _COLUMNS,
    f"INSERT INTO child_orders ({_NAMES}) SELECT {_NAMES} FROM {{rows}}"
    " WHERE NOT EXISTS (SELECT 1 FROM child_cancels gone WHERE gone.order_id = row.order_id)"
    " ON CONFLICT DO NOTHING RETURNING cl_ord_id",
)
_INSERT_CANCEL: Final = ArrayStatement.insert(
    "child_cancels",
    (("order_id", "uuid"), ("request_id", "uuid"), ("requested_at", "timestamptz")),
    "ON CONFLICT DO NOTHING",
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
        ("updated_at", "timestamptz"),
    ),
    "UPDATE child_orders kept SET status = row.status, cum_qty = row.cum_qty, leaves_qty = row.leaves_qty,"
    " venue_order_id = row.venue_order_id, acked_at = row.acked_at, updated_at = row.updated_at"
    " FROM {rows} WHERE kept.order_id = row.order_id AND kept.cl_ord_id = row.cl_ord_id",
)
_READ: Final = (
    "SELECT kept.order_id, kept.cl_ord_id, route_id, kept.attempt, leg, kept.account_id, venue_id,"
    " kept.symbol, kept.side, kept.quantity, kept.limit_price, kept.time_in_force, kept.status, kept.cum_qty,"
    " kept.leaves_qty, venue_order_id, acked_at,"
    " EXISTS (SELECT 1 FROM child_cancels gone WHERE gone.order_id = kept.order_id), kept.hold_ms"
)
_FIND: Final = ArrayStatement(
    (("order_id", "uuid"), ("cl_ord_id", "text")),
    f"{_READ} FROM {{rows}} JOIN child_orders kept"
    " ON kept.order_id = row.order_id AND kept.cl_ord_id = row.cl_ord_id",
)
_OF_ROUTES: Final = ArrayStatement(
    (("order_id", "uuid"), ("attempt", "int")),
    f"{_READ} FROM {{rows}} JOIN child_orders kept"
    " ON kept.order_id = row.order_id AND kept.attempt = row.attempt"
    " ORDER BY kept.order_id, kept.attempt, leg",
)
_UPSERT_SESSIONS: Final = ArrayStatement.insert(
    "fix_sessions",
    (("venue_id", "text"), ("up", "boolean"), ("changed_at", "timestamptz")),
    "ON CONFLICT (venue_id) DO UPDATE SET up = EXCLUDED.up, changed_at = EXCLUDED.changed_at"
    " WHERE fix_sessions.up <> EXCLUDED.up",
)
# A checkpoint can go when core has passed a newer one of the same venue.
_DROP_CHECKPOINTS: Final = """
DELETE FROM fix_checkpoints old USING fix_checkpoints newer
WHERE newer.venue_id = old.venue_id AND newer.recorded_at > old.recorded_at AND NOT EXISTS (
    SELECT 1 FROM jsonb_each_text(newer.offsets) needed LEFT JOIN consumer_offsets done
    ON done.incarnation = newer.incarnation AND done.consumer_group = %s AND done.topic = %s
       AND done.partition = needed.key::int
    WHERE coalesce(done.next_offset, 0) < needed.value::bigint)
"""


class PostgresChildStore:
    """ChildStore on child_orders, child_cancels, fix_checkpoints and consumer_offsets."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        self._connection = connection
        self._incarnation = incarnation

    def write(self, writes: Writes, now: datetime) -> Written:
        """Store a batch in one pipelined transaction."""
        tombstones, inserted = self._connection.cursor(), self._connection.cursor()
        try:
            with (
                self._connection.pipeline(),
                self._connection.transaction(),
                self._connection.cursor() as cursor,
            ):
                if writes.planned_orders:
                    tombstones.execute(
                        "SELECT DISTINCT order_id FROM child_cancels WHERE order_id = ANY(%s::uuid[])",
                        (writes.planned_orders,),
                    )
                # A cancel that comes after a plan in this batch must not refuse it: children go first.
                _INSERT.execute(inserted, [_row(child, now) for child in writes.children])
                _INSERT_CANCEL.execute(
                    cursor,
                    [(cancel.order_id, cancel.request_id, cancel.requested_at) for cancel in writes.cancels],
                )
                _UPDATE.execute(cursor, [_state_row(*state, now) for state in writes.states.values()])
                save_offsets(cursor, GROUP, self._incarnation, writes.offsets, now)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise UnstorableChildError(str(error).strip()) from error
        return Written(
            new=_first_column(inserted if writes.children else None),
            tombstoned=_first_column(tombstones if writes.planned_orders else None),
        )

    def unstorable(self, writes: Writes, now: datetime) -> Mapping[str | UUID, str]:
        """Try each child and each cancel by itself, keeping nothing."""
        refused: dict[str | UUID, str] = {}
        for child in writes.children:
            if (problem := self._problem(_INSERT, _row(child, now))) is not None:
                refused[child.cl_ord_id] = problem
        for cancel in writes.cancels:
            row = (cancel.order_id, cancel.request_id, cancel.requested_at)
            if (problem := self._problem(_INSERT_CANCEL, row)) is not None:
                refused[cancel.request_id] = problem
        return refused

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
            cursor.execute(f"{_READ} FROM child_orders kept WHERE leaves_qty > 0 ORDER BY kept.order_id, leg")
            return _stored(cursor)

    def of_open_orders(self) -> list[StoredChild]:
        """Return every child whose parent order is not closed, by route."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"{_READ} FROM orders JOIN child_orders kept USING (order_id) WHERE NOT orders.closed"
                " ORDER BY kept.order_id, kept.attempt, leg"
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

    def write_sessions(self, sessions: Mapping[str, bool], now: datetime) -> None:
        """Store which venues' sessions are up."""
        with self._connection.cursor() as cursor:
            _UPSERT_SESSIONS.execute(cursor, [(venue_id, up, now) for venue_id, up in sessions.items()])

    def core_offsets(self) -> Mapping[tuple[str, int], int]:
        """Return how far core has read the fills, by (incarnation, partition)."""
        found = self._connection.execute(
            "SELECT incarnation, partition, next_offset FROM consumer_offsets"
            " WHERE consumer_group = %s AND topic = %s",
            (CORE_GROUP, Topic.FILLS.value),
        ).fetchall()
        return {(incarnation, partition): offset for incarnation, partition, offset in found}

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets in one transaction; drop checkpoints that nothing can need."""
        with self._connection.pipeline(), self._connection.transaction(), self._connection.cursor() as cursor:
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


def read_venues(connection: Connection) -> list[str]:
    """Return the id of every venue, active or not: children may still live at one that was switched off."""
    return [venue_id for (venue_id,) in connection.execute("SELECT venue_id FROM venues ORDER BY venue_id")]


def _first_column(cursor: Cursor | None) -> frozenset[Any]:
    return frozenset() if cursor is None else frozenset(row[0] for row in cursor.fetchall())


def _row(child: Child, now: datetime) -> tuple[object, ...]:
    return (
        child.order_id,
        child.cl_ord_id,
        child.route_id,
        child.attempt,
        child.leg,
        child.account_id,
        child.venue_id,
        child.symbol,
        child.side,
        child.quantity,
        child.limit_price,
        child.time_in_force,
        Status.PENDING_NEW.name,
        child.quantity,
        child.hold_ms,
        now,
        now,
    )


def _state_row(child: Child, state: ChildState, now: datetime) -> tuple[object, ...]:
    return (
        child.order_id,
        child.cl_ord_id,
        state.status.name,
        state.cum_qty,
        state.leaves_qty,
        state.venue_order_id,
        state.acked_at,
        now,
    )


def _stored(rows: Iterable[Sequence[Any]]) -> list[StoredChild]:
    return [
        StoredChild(
            child=Child(
                order_id=row[0],
                cl_ord_id=row[1],
                route_id=row[2],
                attempt=row[3],
                leg=row[4],
                account_id=row[5],
                venue_id=row[6],
                symbol=row[7],
                side=row[8],
                quantity=row[9],
                limit_price=row[10],
                time_in_force=row[11],
                hold_ms=row[18],
            ),
            state=ChildState(
                status=Status[row[12]],
                cum_qty=row[13],
                leaves_qty=row[14],
                venue_order_id=row[15],
                acked_at=row[16],
            ),
            tombstoned=row[17],
        )
        for row in rows
    ]
