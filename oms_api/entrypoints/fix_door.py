"""The FIX door: clients' connections, and who is let in as whom.

A connection is let in by one Logon that is right in everything: CompIDs, Username and Password, the schedule,
and no other connection of the same session anywhere. One that is wrong in anything is closed without a word,
after the same work, so that nothing is learned from it. Connections, bytes and time before that are bounded.
"""

import asyncio
import enum
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from oms_api.domain.client_numbers import ClientNumbers
from oms_api.entrypoints import fix_algos
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.fix_client import ClientSession, Line
from oms_api.entrypoints.fix_events import EventReports
from oms_api.entrypoints.fix_orders import ROUTING_TAGS, FixRequests
from oms_api.ports import FixClient, FixClients, FixOrders, Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.fix.clients import KINDS, NOBODYS, password_is
from oms_platform.fix.dictionary import ReadMessage, read_dictionary
from oms_platform.fix.session import FixSession
from oms_platform.fix.wire import BEGIN_STRING, ENCODING, Frame, MalformedFieldError, split_fields

CONNECTIONS_MAX: Final = 256
# Of them, before they have logged on.
NOT_IN_MAX: Final = 64
# Messages after a gap that wait for it.
WAITING_MAX: Final = 2_000
BACKLOG: Final = 128
LOGON_S_MAX: Final = 10.0
LOGON_BYTES_MAX: Final = 4_096
HANDSHAKE_S_MAX: Final = 5.0
LOGOUT_S_MAX: Final = 3.0
SETTINGS_LOOK_S: Final = 2.0
# Passwords that are held to their hashes at once: each takes some 50 ms and 16 MiB.
PASSWORDS_AT_ONCE: Final = 1

connections_gauge = Gauge("oms_api_fix_connections", "Connections of FIX clients that are open")
sessions_gauge = Gauge("oms_api_fix_sessions", "FIX clients' sessions that are logged on", ["kind"])
logons_total = Counter("oms_api_fix_logons_total", "Logons of FIX clients, by what came of them", ["outcome"])
garbled_total = Counter("oms_api_fix_garbled_total", "Messages of FIX clients of a wrong length or checksum")
rejects_total = Counter("oms_api_fix_session_rejects_total", "35=3 sent to FIX clients", ["reason"])
log = structlog.get_logger()


class LogonOutcome(enum.StrEnum):
    """What came of a connection: the label of its counter, and the reason in the log."""

    LOGGED_ON = "logged on"
    TOO_MANY_CONNECTIONS = "too many connections"
    NO_LOGON = "no Logon in time"
    NOT_A_LOGON = "not a Logon"
    STORE_AWAY = "store away"
    WRONG_CREDENTIALS = "unknown or wrong credentials"
    OUTSIDE_SCHEDULE = "outside its schedule"
    LOGGED_ON_ALREADY = "logged on already"
    CLOCK_OR_NUMBER = "clock or number"


def tls_context(certificate: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    """Return how the door speaks TLS, None when it does not. client_ca: who signs clients' certificates."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class FixDoor:
    """Listens, and holds the sessions that are logged on here. comp_id: ours."""

    def __init__(
        self,
        ports: Ports,
        clients: FixClients,
        orders: FixOrders,
        hub: EventHub,
        clock: Clock,
        *,
        comp_id: str,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ports, self._clients, self._orders, self._hub = ports, clients, orders, hub
        self._clock, self._monotonic_s = clock, monotonic_s
        self._comp_id = comp_id
        self._dictionary = read_dictionary((("D", ROUTING_TAGS),), fix_algos.OWN_VALUES)
        self._passwords = asyncio.Semaphore(PASSWORDS_AT_ONCE)
        self._sessions: dict[str, ClientSession] = {}
        self._connections: set[asyncio.Task[None]] = set()
        # Those of them that have not logged on.
        self._not_in: set[asyncio.Task[None] | None] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen. Raises OSError."""
        # From 0 on, so that the first refusal is an increase.
        for outcome in LogonOutcome:
            logons_total.labels(outcome)
        self._count_sessions()
        self._server = await asyncio.start_server(
            self._connected,
            host,
            port,
            backlog=BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else HANDSHAKE_S_MAX,
        )

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX or len(self._not_in) >= NOT_IN_MAX:
            logons_total.labels(LogonOutcome.TOO_MANY_CONNECTIONS).inc()
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(Line(reader, writer)))
        self._connections.add(task)
        connections_gauge.set(len(self._connections))
        task.add_done_callback(self._disconnected)

    def _disconnected(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        connections_gauge.set(len(self._connections))
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("fix_connection_failed", exc_info=error)

    async def _serve(self, line: Line) -> None:
        comp_id = ""
        task = asyncio.current_task()
        self._not_in.add(task)
        try:
            let_in = await self._let_in(line)
            self._not_in.discard(task)
            if let_in is None:
                return
            session, early = let_in
            comp_id = session.client.settings.comp_id
            self._sessions[comp_id] = session
            self._count_sessions()
            await session.run(line, early)
        finally:
            self._not_in.discard(task)
            await line.close()
            if comp_id:
                await self._clients.release(comp_id)
                self._sessions.pop(comp_id, None)
                self._count_sessions()

    def _count_sessions(self) -> None:
        kinds = [session.client.settings.kind for session in self._sessions.values()]
        for kind in KINDS:
            sessions_gauge.labels(kind).set(kinds.count(kind))

    # ---- the logon

    async def _let_in(self, line: Line) -> tuple[ClientSession, Sequence[Frame]] | None:
        """Read a connection's first message. Returns the session that it begins, None for none."""
        try:
            async with asyncio.timeout(LOGON_S_MAX):
                first, early = await self._first_frame(line)
        except TimeoutError:
            return self._refused(LogonOutcome.NO_LOGON, line)
        message = None if first is None else self._logon_of(first)
        if message is None:
            return self._refused(LogonOutcome.NOT_A_LOGON, line)
        try:
            return await self._log_on(message, line, early)
        except UnavailableError as error:
            return self._refused(LogonOutcome.STORE_AWAY, line, error.what)

    @staticmethod
    def _refused(outcome: LogonOutcome, line: Line, why: str = "") -> None:
        logons_total.labels(outcome).inc()
        log.warning("fix_client_refused", reason=outcome.value, peer=line.peer, why=why)

    @staticmethod
    async def _first_frame(line: Line) -> tuple[Frame | None, Sequence[Frame]]:
        count = 0
        while count <= LOGON_BYTES_MAX:
            data = await line.read()
            count += len(data)
            frames = line.frames.feed(data)
            if frames:
                return frames[0], frames[1:]
            if not data:
                break
        return None, ()

    def _logon_of(self, frame: Frame) -> ReadMessage | None:
        if not frame.whole or len(frame.raw) > LOGON_BYTES_MAX:
            return None
        try:
            message = self._dictionary.read(split_fields(frame.raw.decode(ENCODING)))
        except MalformedFieldError:
            return None
        values = message.fields
        is_logon = (values["35"], values["8"], values.get("56")) == ("A", BEGIN_STRING, self._comp_id)
        return message if is_logon and message.fault is None else None

    async def _log_on(
        self, message: ReadMessage, line: Line, early: Sequence[Frame]
    ) -> tuple[ClientSession, Sequence[Frame]] | None:
        values = message.fields
        comp_id = values.get("49", "")
        client = await self._clients.client(comp_id)
        if client is None or not await self._has_proven(client, values.get("553"), values.get("554", "")):
            if client is None:
                await self._password_is(values.get("554", ""), NOBODYS)
            return self._refused(LogonOutcome.WRONG_CREDENTIALS, line, comp_id)
        schedule = client.settings.schedule
        now = self._clock()
        started_at = None if schedule is None else schedule.started_at(now)
        if schedule is not None and started_at is None:
            return self._refused(LogonOutcome.OUTSIDE_SCHEDULE, line, comp_id)
        stored = None if comp_id in self._sessions else await self._clients.claim(comp_id, now)
        if stored is None:
            return self._refused(LogonOutcome.LOGGED_ON_ALREADY, line, comp_id)
        numbers = ClientNumbers(comp_id, stored, now)
        if started_at is not None and stored.began_at < started_at:
            numbers.reset()
        session = FixSession(
            self._comp_id,
            comp_id,
            numbers,
            self._dictionary,
            on_garbled=garbled_total.inc,
            on_reject=lambda reason: rejects_total.labels(str(reason)).inc(),
            waiting_max=WAITING_MAX,
        )
        if not session.log_on(message, now, self._monotonic_s()):
            await self._clients.release(comp_id)
            return self._refused(LogonOutcome.CLOCK_OR_NUMBER, line, comp_id)
        logons_total.labels(LogonOutcome.LOGGED_ON).inc()
        log.info("fix_client_logged_on", comp_id=comp_id, peer=line.peer)
        return self._session(client, session), early

    async def _has_proven(self, client: FixClient, username: str | None, password: str) -> bool:
        right = await self._password_is(password, client.password_hash)
        return right and username == client.settings.username and client.enabled

    async def _password_is(self, password: str, kept: str) -> bool:
        async with self._passwords:
            return await asyncio.to_thread(password_is, password, kept)

    def _session(self, client: FixClient, session: FixSession[ClientNumbers]) -> ClientSession:
        reports = EventReports(client, self._orders)
        requests = FixRequests(self._ports, self._orders, client, self._clock, reports.note_placed)
        return ClientSession(
            client,
            session,
            requests,
            reports,
            clients=self._clients,
            hub=self._hub,
            clock=self._clock,
            monotonic_s=self._monotonic_s,
        )

    # ---- what ends sessions

    def on_lost(self) -> None:
        """End every session: the store's connection, and with it what says that they are ours, has gone."""
        for session in self._sessions.values():
            session.end("the gateway's database was away: log on again")

    async def run(self) -> None:
        """Log out, each few seconds, the sessions whose settings have changed or whose hours are over."""
        while True:
            await asyncio.sleep(SETTINGS_LOOK_S)
            if not self._sessions:
                continue
            try:
                versions = await self._clients.versions(list(self._sessions))
            except UnavailableError:
                continue
            now = self._clock()
            for comp_id, session in list(self._sessions.items()):
                client = session.client
                schedule = client.settings.schedule
                if versions.get(comp_id) != client.version:
                    session.end("the session's settings have changed")
                elif schedule is not None and schedule.ends_at(now) is None:
                    session.end("the session's hours are over")

    async def close(self) -> None:
        """Listen no more, log every session out, and wait a bounded time for the answers."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions.values():
            session.end("this gateway stops: log on again")
        for waiting in self._not_in:
            if waiting is not None:
                waiting.cancel()
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=LOGOUT_S_MAX)
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
