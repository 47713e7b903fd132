"""Puts the broker simulator together: engines, journal, FIX door, quotes, and the loop between them."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import structlog

from oms_platform.clock import Clock, utc_now
from oms_platform.disk import RoomWatch
from oms_platform.fix.wire import BEGIN_STRING
from oms_platform.health import Health
from oms_platform.market_data import QuoteFeed
from oms_platform.worker import (
    EXIT_TEMPORARY,
    TRANSIENT,
    StopFlag,
    calm_garbage_collector,
    dependency_of,
    end_process,
    reason_of,
)
from simulators.broker.adapters.journal import Journal
from simulators.broker.adapters.session_store import SessionStore
from simulators.broker.book_order import SelfMatch
from simulators.broker.config import COUNTERPARTY, DARK_VENUES, VENUES, Settings, by_venue, latencies_us
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.control import serve_control
from simulators.broker.entrypoints.fix_acceptor import FixAcceptor, Received
from simulators.broker.entrypoints.fix_text import UnreadableFixError, read_command
from simulators.broker.entrypoints.inbox import Inbox
from simulators.broker.fees import fees_of
from simulators.broker.handlers import Directed, Exchange, commands_of_quote
from simulators.broker.lots import LotRule, lots_of
from simulators.broker.protocol import BeginDay, Disconnected, EndDay, Record
from simulators.broker.schedule import Schedule
from simulators.broker.trading import Limits
from simulators.broker.unkind import UnkindVenue
from simulators.instruments import Instrument, require_instruments

IDLE_WAIT_S: Final = 0.2
FIRST_QUOTES_WAIT_S: Final = 10.0
QUOTE_AGE_S_MAX: Final = 5.0
# How long an order is away that is done for the day and good till canceled.
NIGHT_S: Final = 2.0
log = structlog.get_logger()


def make_engines(settings: Settings, instruments: Sequence[Instrument]) -> dict[str, UnkindVenue]:
    """Return an engine for each venue."""
    self_match, lot_rule = by_venue(settings.self_match, SelfMatch), by_venue(settings.lot_rule, LotRule)
    round_lots, fees = lots_of(settings.round_lots), fees_of(settings.fees)
    tick_sizes = {instrument.symbol: instrument.tick_size for instrument in instruments}

    def behaviour(venue_id: str) -> Behaviour:
        return Behaviour(
            reject=settings.reject_probability,
            cancel_reject=settings.cancel_reject_probability,
            thin=settings.thin_probability,
            touch_fill=settings.touch_fill_probability,
            hidden=settings.hidden_probability,
            reports_pending=settings.pending_us >= 0,
            self_match=self_match[venue_id],
            self_match_by_account=settings.self_match_by_account,
            lot_rule=lot_rule[venue_id],
            round_lots=round_lots,
            limits=Limits(settings.band_bps, settings.limit_s, settings.pause_s),
            takes_while_halted=not settings.refuses_while_halted,
            fees=fees.get(venue_id),
            protects_others=settings.protects_others,
        )

    return {
        venue_id: UnkindVenue(
            venue_id,
            tick_sizes,
            seed=settings.seed,
            behaviour=behaviour(venue_id),
            dark=venue_id in DARK_VENUES,
        )
        for venue_id in VENUES
    }


def make_stores(data: Path) -> dict[str, SessionStore]:
    """Return what each venue's session has sent, as the last process left it."""
    return {
        venue_id: SessionStore(data / "fix", f"{BEGIN_STRING}-{venue_id}-{COUNTERPARTY}")
        for venue_id in VENUES
    }


def replay(journal: Journal, engines: Mapping[str, UnkindVenue]) -> list[Record]:
    """Give every engine its records back. Returns those that may not have been sent."""
    started_s = time.monotonic()
    count = 0

    def restore(record: Record) -> None:
        nonlocal count
        count += 1
        engines[record.venue_id].restore(record)

    unsent = journal.replay(restore)
    log.info(
        "journal_replayed", records=count, unsent=len(unsent), seconds=round(time.monotonic() - started_s, 3)
    )
    return unsent


class Loop:
    """One turn: what the sessions and the quotes bring, what has become due, then the exchange."""

    def __init__(
        self,
        inbox: Inbox,
        exchange: Exchange,
        door: FixAcceptor,
        *,
        delays_s: Mapping[str, float],
        pending_s: float,
        day_s: float,
        clock: Clock = utc_now,
    ) -> None:
        self._inbox, self._exchange, self._door = inbox, exchange, door
        self._delays_s, self._pending_s, self._day_s = delays_s, pending_s, day_s
        self._clock = clock
        self._schedule = Schedule()
        # Orders that were done for the day when the last process ended.
        for venue_id in delays_s:
            self._schedule.put(time.monotonic() + NIGHT_S, (venue_id, BeginDay()))
        if day_s:
            self._end_day_later(time.monotonic())

    def turn(self) -> None:
        """Wait for something to do, and do it."""
        received = self._door.poll(self._schedule.wait_s(time.monotonic(), IDLE_WAIT_S))
        now_s = time.monotonic()
        commands = self._schedule.due(now_s)
        for quote in self._inbox.take():
            commands += commands_of_quote(quote)
        for message in received:
            commands += self._read(message, now_s)
        commands += [(venue_id, Disconnected()) for venue_id in self._door.take_lost()]
        self._later(self._exchange.act(self._clock()), now_s)
        if commands:
            self._later(self._exchange.handle(commands, self._clock()), now_s)
            if any(isinstance(command, EndDay) for _, command in commands):
                self._end_day_later(now_s)
        self._door.flush()

    def _later(self, commands: list[Directed], now_s: float) -> None:
        for venue_id, command in commands:
            delay_s = NIGHT_S if isinstance(command, BeginDay) else self._pending_s
            self._schedule.put(now_s + delay_s, (venue_id, command))

    def _read(self, message: Received, now_s: float) -> list[Directed]:
        venue_id, fields = message
        try:
            directed = (venue_id, read_command(fields))
        except UnreadableFixError as error:
            log.warning("fix_message_refused", venue=venue_id, msg_type=error.ref_msg_type, reason=str(error))
            self._door.refuse(venue_id, error)
            return []
        delay_s = self._delays_s.get(venue_id, 0.0)
        if delay_s <= 0:
            return [directed]
        self._schedule.put(now_s + delay_s, directed)
        return []

    def _end_day_later(self, now_s: float) -> None:
        for venue_id in self._delays_s:
            self._schedule.put(now_s + self._day_s, (venue_id, EndDay()))


def run(settings: Settings, health: Health, stop: StopFlag) -> None:
    """Start by the one path, crash or not, and trade until a stop is asked for.

    Raises OperationalError when something outside is away.
    """
    health.set_started(False)
    delays_s = {venue_id: value / 1_000_000 for venue_id, value in latencies_us(settings.latency_us).items()}
    with ExitStack() as stack:
        instruments = require_instruments(settings.postgres_dsn, "broker-simulator")
        room = RoomWatch(settings.data)
        room.require_room()
        engines = make_engines(settings, instruments)
        journal = Journal(settings.data)
        stack.callback(journal.close)
        unsent = replay(journal, engines)
        acceptor = FixAcceptor(host=settings.host, port=settings.fix_port, stores=make_stores(settings.data))
        stack.callback(acceptor.stop)
        inbox = Inbox(acceptor.wake)
        exchange = Exchange(engines, journal, acceptor)
        exchange.recover(unsent, utc_now())
        if settings.control_port:
            control = serve_control(engines, settings.control_port, acceptor.wake, acceptor.cut)
            stack.callback(control.shutdown)
        feed = QuoteFeed(settings.market_data_host, settings.market_data_port, inbox.put_quote)
        feed.start()
        stack.callback(feed.stop)
        loop = Loop(
            inbox,
            exchange,
            acceptor,
            delays_s=delays_s,
            pending_s=max(0, settings.pending_us) / 1_000_000,
            day_s=settings.day_s,
        )
        health.add("quotes", lambda: _quotes_problem(feed, instruments))
        health.add("fix", lambda: None if acceptor.is_listening else "the FIX door is closed")
        _wait_for_quotes(loop, feed, instruments, stop)
        acceptor.start()
        calm_garbage_collector()
        health.set_started(True)
        log.info("broker_started", venues=len(VENUES), seed=settings.seed, port=settings.fix_port)
        try:
            while not stop:
                room.require_room()
                loop.turn()
        except TRANSIENT as error:
            log.warning("broker_ends", dependency=dependency_of(error), error=reason_of(error))
            with suppress(*TRANSIENT):
                acceptor.leave()
            end_process(EXIT_TEMPORARY)
        health.set_started(False)
        acceptor.leave()


def _wait_for_quotes(loop: Loop, feed: QuoteFeed, instruments: Sequence[Instrument], stop: StopFlag) -> None:
    """Let the first quotes in before the first orders; open without them when they do not come."""
    deadline = time.monotonic() + FIRST_QUOTES_WAIT_S
    while not stop and time.monotonic() < deadline:
        loop.turn()
        if all(feed.quote(instrument.symbol) is not None for instrument in instruments):
            loop.turn()
            return
    log.warning("opening_without_quotes", waited_s=FIRST_QUOTES_WAIT_S)


def _quotes_problem(feed: QuoteFeed, instruments: Sequence[Instrument]) -> str | None:
    youngest_s = min(feed.age_s(instrument.symbol) for instrument in instruments)
    return None if youngest_s <= QUOTE_AGE_S_MAX else f"no quote for {QUOTE_AGE_S_MAX:.0f} s"
