"""The exchange: all venues behind one door. What a batch of commands brings about is journaled, then sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

import structlog
from prometheus_client import Counter

from oms_platform.messages import Quote
from simulators.broker.market import markets_of
from simulators.broker.ports import RecordJournal, ReportSender
from simulators.broker.protocol import (
    BeginDay,
    CancelRejected,
    Command,
    Decide,
    ExecType,
    FaultSown,
    Kept,
    OrderAccepted,
    Record,
    Report,
    RequestRefused,
    Requote,
    Saying,
    is_kept,
)
from simulators.broker.unkind import UnkindVenue

orders_total = Counter("oms_broker_orders_total", "New orders taken in", ["venue"])
reports_total = Counter("oms_broker_reports_total", "Reports by type", ["venue", "type"])

failures_total = Counter("oms_broker_command_failures_total", "Commands that a venue failed at", ["venue"])
faults_total = Counter("oms_broker_faults_total", "Faults sown, by kind", ["venue", "kind"])
log = structlog.get_logger()

Directed = tuple[str, Command]


@cache
def _orders_of(venue_id: str) -> Counter:
    return orders_total.labels(venue_id)


@cache
def _reports_of(venue_id: str, kind: str) -> Counter:
    return reports_total.labels(venue_id, kind)


def commands_of_quote(quote: Quote) -> list[Directed]:
    """Return what a quote tells each venue."""
    return [(venue_id, Requote(market=market)) for venue_id, market in markets_of(quote).items()]


class Exchange:
    """The venues, their journal and their sender."""

    def __init__(
        self, engines: Mapping[str, UnkindVenue], journal: RecordJournal, sender: ReportSender
    ) -> None:
        self._engines = engines
        self._journal = journal
        self._sender = sender

    def handle(self, commands: Iterable[Directed], now: datetime) -> list[Directed]:
        """Do what the commands say, journal and send what came of it. Returns the commands to give later."""
        sayings: list[Saying] = []
        for venue_id, command in commands:
            sayings += self._handle_one(venue_id, command, now)
        self._publish(sayings)
        return _later(sayings)

    def act(self, now: datetime) -> list[Directed]:
        """Do what the venues' plans ask for by itself. Returns the commands to give later."""
        sayings = [
            saying for engine in self._engines.values() if engine.is_asked for saying in engine.act(now)
        ]
        self._publish(sayings)
        return _later(sayings)

    def _handle_one(self, venue_id: str, command: Command, now: datetime) -> list[Saying]:
        """Do what one command says. A venue that fails at it says so, and goes on with the next."""
        engine = self._engines.get(venue_id)
        if engine is None:
            return []
        try:
            return engine.say(command, now)
        except Exception:
            failures_total.labels(venue_id).inc()
            log.error("command_failed", venue=venue_id, command=repr(command)[:2048], exc_info=True)
            self._sender.refuse_failed(venue_id, command)
            return []

    def recover(self, unsent: Iterable[Record], now: datetime) -> None:
        """After a replay: send again what may not have been sent, and end what the stop cut short."""
        for record in unsent:
            if isinstance(record, Report | CancelRejected):
                self._sender.send(Saying(record), possible_resend=True)
        ended = [record for engine in self._engines.values() for record in engine.restored(now)]
        self._publish([Saying(record) for record in ended])
        self._journal.mark_sent()

    def _publish(self, sayings: list[Saying]) -> None:
        if not sayings:
            return
        self._journal.append([kept for saying in sayings if (kept := _kept(saying)) is not None])
        for saying in sayings:
            record = saying.record
            if isinstance(record, OrderAccepted):
                _orders_of(record.venue_id).inc()
                continue
            if isinstance(record, FaultSown):
                faults_total.labels(record.venue_id, record.kind.value).inc()
                log.info(
                    "fault_sown", venue=record.venue_id, kind=record.kind.value, cl_ord_id=record.cl_ord_id
                )
            self._sender.send(saying, possible_resend=False)
            _reports_of(record.venue_id, _kind_of(record)).inc()
        self._journal.mark_sent()


def _kept(saying: Saying) -> Kept | None:
    """Return what the journal keeps of it: what is true and an event of its own, and the faults."""
    record = saying.record
    if isinstance(record, RequestRefused) or not saying.is_true:
        return None
    return record if isinstance(record, FaultSown) or is_kept(record) else None


def _kind_of(record: Kept | RequestRefused) -> str:
    match record:
        case Report():
            return record.exec_type.value
        case CancelRejected():
            return "CANCEL_REJECT"
        case RequestRefused():
            return "BUSINESS_REJECT"
        case _:
            return "FAULT"


def _later(sayings: list[Saying]) -> list[Directed]:
    """Return the decisions that are pending, and the next day for the orders that are to come back."""
    later: list[Directed] = []
    for record, _, is_true in sayings:
        if not isinstance(record, Report) or not is_true:
            continue
        if record.exec_type in (ExecType.PENDING_CANCEL, ExecType.PENDING_REPLACE):
            later.append((record.venue_id, Decide(cl_ord_id=record.orig_cl_ord_id)))
        elif record.exec_type in (ExecType.DONE_FOR_DAY, ExecType.SUSPENDED) and record.leaves_qty:
            later.append((record.venue_id, BeginDay()))
    return list(dict.fromkeys(later))
