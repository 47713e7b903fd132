"""One client's FIX session while it is logged on: bytes and events in, what they bring stored, then sent.

The law of this file: a number moves on in the store only after what it stands for is durable, and nothing is
on the wire before its number is stored. So after any crash the client is asked for what was not dealt with,
and each event of an account's stream is one message, once.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter

from oms_api.domain.client_numbers import ClientNumbers
from oms_api.entrypoints.event_hub import EventHub, HubClient
from oms_api.entrypoints.fix_events import EventReports
from oms_api.entrypoints.fix_orders import FixRequests, count_message, failures_total
from oms_api.entrypoints.fix_reports import Message
from oms_api.ports import FixClient, FixClients, SessionLostError, UnavailableError
from oms_platform.clock import Clock
from oms_platform.fix.session import Fields, FixSession, State
from oms_platform.fix.wire import Frame, FrameReader

READ_BYTES: Final = 1 << 16
MESSAGE_BYTES_MAX: Final = 1 << 14
TICK_S: Final = 0.25
EVENTS_A_TURN: Final = 200
RESEND_ROWS: Final = 500
# A client that does not read holds so many bytes, and so long; then its connection is closed.
UNREAD_BYTES_MAX: Final = 1 << 20
UNREAD_S_MAX: Final = 10.0
# How far the place in a stream may lag behind events that were passed over.
PASSED_S_MAX: Final = 5.0
_PASSWORD: Final = b"\x01554="

resent_total = Counter("oms_api_fix_resent_total", "Messages sent to FIX clients again")
log = structlog.get_logger()


class Line:
    """A client's connection, and what came on it and is not read yet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.frames = FrameReader(MESSAGE_BYTES_MAX)
        self.peer = str(writer.get_extra_info("peername"))
        self._reader, self._writer = reader, writer
        writer.transport.set_write_buffer_limits(high=UNREAD_BYTES_MAX)

    async def read(self) -> bytes:
        """Return what comes next, empty at the end."""
        try:
            return await self._reader.read(READ_BYTES)
        except (OSError, ssl.SSLError):
            return b""

    async def write(self, data: bytes) -> bool:
        """Send. Returns whether the client reads."""
        try:
            self._writer.write(data)
            async with asyncio.timeout(UNREAD_S_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close the connection: what was written is sent if the client reads, for a moment."""
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            self._writer.close()
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        self._writer.transport.abort()


class ClientSession:
    """A session that has logged on. `run` ends with it; `end` asks for a logout."""

    def __init__(
        self,
        client: FixClient,
        session: FixSession[ClientNumbers],
        requests: FixRequests,
        reports: EventReports,
        *,
        clients: FixClients,
        hub: EventHub,
        clock: Clock,
        monotonic_s: Callable[[], float],
    ) -> None:
        self.client = client
        self._session = session
        self._requests = requests
        self._reports = reports
        self._clients = clients
        self._hub = hub
        self._events = HubClient()
        self._clock, self._monotonic_s = clock, monotonic_s
        self._saved_s = monotonic_s()
        self._end_asked = ""
        self._log = log.bind(comp_id=client.settings.comp_id)

    def end(self, reason: str) -> None:
        """Log the client out, with a text."""
        self._end_asked = self._end_asked or reason

    async def run(self, line: Line, early: Sequence[Frame]) -> None:
        """Serve the connection until it ends. early: what came with the logon."""
        reason = ""
        try:
            await self._listen()
            await self._take(early, line)
            await self._flush(line)
            reason = await self._serve(line)
        except (UnavailableError, SessionLostError) as error:
            reason = str(error)
        except Exception:
            failures_total.inc()
            self._log.error("fix_client_failed", exc_info=True)
            reason = "an unexpected error"
        finally:
            self._hub.unsubscribe_all(self._events)
            self._session.lost()
            self._log.info("fix_client_gone", reason=reason)

    async def _listen(self) -> None:
        """Go on in each account's stream from where its last report was; a new account's from now on.

        What joins a firm of which there were reports before is reported from its first event on.
        """
        numbers = self._session.store
        accounts, joins = self.client.accounts, bool(self.client.of_firm and numbers.streams)
        numbers.streams = {name: at for name, at in numbers.streams.items() if name in accounts}
        for account_id in accounts:
            head = await self._hub.reserve(account_id)
            begin = numbers.streams.setdefault(account_id, 0 if joins else head)
            self._hub.subscribe(self._events, account_id, begin)

    async def _serve(self, line: Line) -> str:
        """Take what comes from either side. Returns why it ended."""
        reading = asyncio.create_task(line.read())
        waiting = asyncio.create_task(self._events.wait_for_messages(TICK_S))
        try:
            while True:
                await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    data = reading.result()
                    if not data:
                        return "the client closed the connection"
                    await self._take(line.frames.feed(data), line)
                    reading = asyncio.create_task(line.read())
                if waiting.done():
                    # After a Logout nothing is said any more: it is told at the next logon.
                    if self._session.state is State.LOGGED_ON and not self._session.ends:
                        await self._tell(self._events.next_events(EVENTS_A_TURN))
                    waiting = asyncio.create_task(self._events.wait_for_messages(TICK_S))
                reason = await self._turn(line)
                if reason:
                    return reason
        finally:
            for task in (reading, waiting):
                task.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)

    async def _turn(self, line: Line) -> str:
        """Do what time asks, store, send. Returns why the session is to end, if it is."""
        now, now_s = self._now()
        session = self._session
        session.tick(now, now_s)
        if (self._end_asked or self._events.given_up) and session.state is State.LOGGED_ON:
            session.log_out(self._end_asked or self._events.given_up)
        if not await self._flush(line):
            return f"the client did not read for {UNREAD_S_MAX} s"
        return "logged out" if session.ends else ""

    def _now(self) -> tuple[datetime, float]:
        now = self._clock()
        self._session.store.now = now
        return now, self._monotonic_s()

    async def _take(self, frames: Sequence[Frame], line: Line) -> None:
        """Deal with what came: the session's own messages at once, requests together and in their order."""
        session = self._session
        waiting: list[Fields] = []
        for frame in frames:
            if session.ends:
                break
            waiting += self._receive(frame)
            if session.asked_again:
                await self._answer(waiting)
                waiting = []
                await self._resend(line)
        await self._answer(waiting)

    def _receive(self, frame: Frame) -> list[Fields]:
        now, now_s = self._now()
        try:
            return self._session.receive(frame, now, now_s)
        except Exception:
            failures_total.inc()
            shown = repr(frame.raw[:2048]) if _PASSWORD not in frame.raw else "a Logon"
            self._log.error("fix_message_failed", raw=shown, exc_info=True)
            self._session.refuse_unexpected(frame)
            return []

    async def _answer(self, messages: Sequence[Fields]) -> None:
        if messages:
            for answer in await self._requests.answer(messages):
                self._send(answer)

    async def _tell(self, texts: Sequence[str]) -> None:
        """Report events; those that are passed over move their account's place on."""
        numbers = self._session.store
        for told in await self._reports.reports(texts) if texts else ():
            # Reported by the gateway that had the session before, whose stream was ahead of ours.
            if told.stream_sequence <= numbers.streams[told.account_id]:
                continue
            if told.message is not None:
                self._send(told.message)
                numbers.note_reported(told.account_id, told.stream_sequence)
            numbers.streams[told.account_id] = told.stream_sequence

    def _send(self, message: Message) -> None:
        count_message("out", message.msg_type)
        self._session.send(message.msg_type, message.body, *self._now())

    async def _resend(self, line: Line) -> None:
        """Send again what was asked for, a page at a time."""
        numbers, session = self._session.store, self._session
        asked, session.asked_again = session.asked_again, []
        await self._flush(line)
        for first, last in asked:
            begin = first
            while begin <= last:
                rows = await self._clients.sent(numbers.comp_id, numbers.numbers, begin, last, RESEND_ROWS)
                end = rows[-1][0] if len(rows) == RESEND_ROWS else last
                session.resend(begin, end, rows)
                resent_total.inc(len(rows))
                begin = end + 1
                if not await self._flush(line):
                    session.ends = True
                    return

    async def _flush(self, line: Line) -> bool:
        """Store what was said and read, then send it. Returns whether the client reads."""
        numbers, session = self._session.store, self._session
        now_s = self._monotonic_s()
        passed = numbers.has_passed_events and now_s - self._saved_s > PASSED_S_MAX
        if numbers.must_be_saved or passed:
            change = numbers.change()
            await self._clients.save(change)
            numbers.saved(change)
            self._saved_s = now_s
        if not session.out:
            return True
        data = b"".join(session.out)
        session.out.clear()
        return await line.write(data)
