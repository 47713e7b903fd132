"""Clients' FIX sessions in Postgres: their settings, their numbers, what they sent, and who has each.

One connection holds an advisory lock for each session that this gateway has; with the connection the locks
go, and every session that was claimed on it is lost. What sessions have to store at the same moment goes into
one transaction on it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import psycopg
import structlog

from oms_api.domain.client_numbers import NumbersChange, StoredNumbers
from oms_api.ports import FixClient, SessionLostError, UnavailableError
from oms_platform.deadline import AsyncConnection, deadline
from oms_platform.errors import without_secrets
from oms_platform.fix_client_rows import COLUMNS, settings_of
from oms_platform.ids import uuid7
from oms_platform.postgres import ArrayStatement

STATEMENT_S_MAX: Final = 5.0
CONNECT_TIMEOUT_S: Final = 3
FIRM_ACCOUNTS_MAX: Final = 2_000
# A gateway whose machine is gone without a word gives its locks back after so long: 5 s and 3 times 2 s.
_GONE: Final = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
# The first key of the locks, which tells them from others in the database; the second is the name's hash.
_LOCKS: Final = 7_304_009
# A drop copy of a firm is another one when the firm has other accounts.
_VERSION: Final = (
    "version || coalesce('/' || (SELECT md5(string_agg(account_id, ',' ORDER BY account_id))"
    " FROM accounts a WHERE a.firm_id = fix_clients.firm), '')"
)
_CLIENT: Final = f"SELECT {COLUMNS}, password_hash, enabled, {_VERSION} FROM fix_clients WHERE comp_id = %s"
_VERSIONS: Final = f"SELECT comp_id, {_VERSION} FROM fix_clients WHERE comp_id = ANY(%s) AND enabled"
_OF_FIRM: Final = "SELECT account_id FROM accounts WHERE firm_id = %s ORDER BY account_id LIMIT %s"
_NUMBERS: Final = (
    "SELECT numbers, next_in, next_out, began_at, streams FROM fix_client_sessions WHERE comp_id = %s"
)
_BEGIN: Final = (
    "INSERT INTO fix_client_sessions (comp_id, numbers, next_in, next_out, began_at, streams)"
    " VALUES (%s, 1, 1, 1, %s, '{}') ON CONFLICT DO NOTHING"
)
_SENT: Final = (
    "SELECT seq, raw FROM fix_client_messages WHERE comp_id = %s AND numbers = %s AND seq BETWEEN %s AND %s"
    " ORDER BY seq LIMIT %s"
)
_MOVE: Final = ArrayStatement(
    (
        ("comp_id", "text"),
        ("was_numbers", "int"),
        ("was_out", "bigint"),
        ("numbers", "int"),
        ("next_in", "bigint"),
        ("next_out", "bigint"),
        ("began_at", "timestamptz"),
        ("streams", "json"),
    ),
    "UPDATE fix_client_sessions kept SET numbers = row.numbers, next_in = row.next_in,"
    " next_out = row.next_out, began_at = row.began_at, streams = row.streams FROM {rows}"
    " WHERE kept.comp_id = row.comp_id AND kept.numbers = row.was_numbers AND kept.next_out = row.was_out"
    " RETURNING kept.comp_id",
)
_KEEP: Final = ArrayStatement(
    (
        ("message_id", "uuid"),
        ("comp_id", "text"),
        ("numbers", "int"),
        ("seq", "bigint"),
        ("account_id", "text"),
        ("stream_sequence", "int"),
        ("raw", "bytea"),
    ),
    "INSERT INTO fix_client_messages (message_id, comp_id, numbers, seq, account_id, stream_sequence, raw)"
    " SELECT message_id, comp_id, numbers, seq, account_id, stream_sequence, raw"
    " FROM {rows} JOIN moved USING (comp_id)",
)
_KEEP_WIDTH: Final = _KEEP.text.count("%s")
_SAVE: Final = f"WITH moved AS ({_MOVE.text}), kept AS ({_KEEP.text}) SELECT comp_id FROM moved"
_encode: Final = msgspec.json.Encoder().encode
T = TypeVar("T")
log = structlog.get_logger()


class PostgresFixClients:
    """The FixClients. on_lost: called when the connection, and with it every claimed session, is gone."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._claimed: set[str] = set()
        self._waiting: list[tuple[NumbersChange, asyncio.Future[None]]] = []
        self.on_lost: Callable[[], None] = lambda: None

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._turn:
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(psycopg.Error):
            await connection.close()
        if self._claimed:
            self._claimed.clear()
            self.on_lost()

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do something on the connection, alone. Raises UnavailableError when it breaks."""
        async with self._turn:
            try:
                if self._connection is None:
                    self._connection = await psycopg.AsyncConnection.connect(
                        self._dsn,
                        autocommit=True,
                        application_name="oms-api-fix",
                        connect_timeout=CONNECT_TIMEOUT_S,
                        options=_GONE,
                    )
                with deadline(self._connection, STATEMENT_S_MAX):
                    return await work(self._connection)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                reason = without_secrets(str(error).strip())
                log.warning("fix_store_away", error=reason, sessions=len(self._claimed))
                await self._disconnect()
                raise UnavailableError("Postgres is away", reason) from error

    async def _read(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        async def work(connection: AsyncConnection) -> list[tuple[Any, ...]]:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

        return await self._run(work)

    async def client(self, comp_id: str) -> FixClient | None:
        """Return a client's session as it is set, or None."""
        if "\0" in comp_id:
            return None
        for *row, hashed, enabled, version in await self._read(_CLIENT, (comp_id,)):
            settings = settings_of(row)
            return FixClient(
                settings=settings,
                password_hash=hashed,
                enabled=enabled,
                version=version,
                of_firm=await self._accounts_of(settings.firm) if settings.firm else (),
            )
        return None

    async def _accounts_of(self, firm: str) -> tuple[str, ...]:
        """Return a firm's accounts. Raises UnavailableError when it has more than one session can follow."""
        rows = await self._read(_OF_FIRM, (firm, FIRM_ACCOUNTS_MAX + 1))
        if len(rows) > FIRM_ACCOUNTS_MAX:
            what = f"firm {firm} has more than {FIRM_ACCOUNTS_MAX} accounts, which one session cannot follow"
            raise UnavailableError(what)
        return tuple(account_id for (account_id,) in rows)

    async def versions(self, comp_ids: Sequence[str]) -> dict[str, str]:
        """Return the version of each of these clients that is enabled."""
        return dict(await self._read(_VERSIONS, (list(comp_ids),)))

    async def claim(self, comp_id: str, now: datetime) -> StoredNumbers | None:
        """Take a session for this gateway; see FixClients."""

        async def work(connection: AsyncConnection) -> StoredNumbers | None:
            if comp_id in self._claimed:
                return None
            cursor = await connection.execute(
                "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCKS, comp_id)
            )
            if await cursor.fetchone() != (True,):
                return None
            self._claimed.add(comp_id)
            await connection.execute(_BEGIN, (comp_id, now))
            row = await (await connection.execute(_NUMBERS, (comp_id,))).fetchone()
            if row is None:
                return None
            numbers, next_in, next_out, began_at, streams = row
            return StoredNumbers(
                numbers=numbers, next_in=next_in, next_out=next_out, began_at=began_at, streams=streams
            )

        return await self._run(work)

    async def release(self, comp_id: str) -> None:
        """Give a session back."""
        if comp_id not in self._claimed:
            return
        self._claimed.discard(comp_id)
        with contextlib.suppress(UnavailableError):
            await self._read("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_LOCKS, comp_id))

    async def save(self, change: NumbersChange) -> None:
        """Store what has happened in a session; see FixClients."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        if len(self._waiting) == 1:
            # Whoever else saves until the connection is free goes into the same transaction.
            try:
                await self._run(self._save_waiting)
            except BaseException as error:
                self._fail(error)
        await done

    async def _save_waiting(self, connection: AsyncConnection) -> None:
        waiting, self._waiting = self._waiting, []
        mine = [(change, done) for change, done in waiting if change.comp_id in self._claimed]
        moved: set[str] = set()
        try:
            if mine:
                cursor = await connection.execute(_SAVE, _parameters([change for change, _ in mine]))
                moved = {name for (name,) in await cursor.fetchall()}
        except BaseException:
            self._waiting = [*waiting, *self._waiting]
            raise
        for change, done in waiting:
            if done.done():
                continue
            if change.comp_id in moved:
                done.set_result(None)
            else:
                done.set_exception(SessionLostError(f"session {change.comp_id} is not this gateway's"))

    def _fail(self, error: BaseException) -> None:
        waiting, self._waiting = self._waiting, []
        away = error if isinstance(error, UnavailableError) else UnavailableError("nothing was stored", error)
        for _, done in waiting:
            if not done.done():
                done.set_exception(away)
        if not isinstance(error, UnavailableError):
            raise error

    async def sent(
        self, comp_id: str, numbers: int, begin: int, end: int, rows_max: int
    ) -> list[tuple[int, bytes]]:
        """Return application messages that were sent, by their numbers."""
        rows = await self._read(_SENT, (comp_id, numbers, begin, end, rows_max))
        return [(seq, bytes(raw)) for seq, raw in rows]


def _parameters(changes: Sequence[NumbersChange]) -> list[Any]:
    moves = [
        (
            change.comp_id,
            change.was_numbers,
            change.was_out,
            change.now.numbers,
            change.now.next_in,
            change.now.next_out,
            change.now.began_at,
            _encode(change.now.streams).decode(),
        )
        for change in changes
    ]
    messages = [
        (
            uuid7(),
            change.comp_id,
            change.now.numbers,
            message.seq,
            message.account_id,
            message.stream_sequence,
            message.raw,
        )
        for change in changes
        for message in change.messages
    ]
    kept = _KEEP.parameters(messages) if messages else ["{}"] * _KEEP_WIDTH
    return [*_MOVE.parameters(moves), *kept]
