"""The exchange: all venues behind one door. What a batch of commands brings about is journaled, then sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

import structlog
from prometheus_client import Counter

from oms_platform.messages import Quote
from simulators.broker.engine import VenueEngine
from simulators.broker.market import markets_of
from simulators.broker.ports import RecordJournal, ReportSender
from simulators.broker.protocol import (
    CancelRejected,
    Command,
    Decide,
    ExecType,
    OrderAccepted,
    Record,
    Report,
    Requote,
    is_kept,
)

orders_total = Counter("oms_broker_orders_total", "New orders taken in", ["venue"])
reports_total = Counter("oms_broker_reports_total", "Reports by type", ["venue", "type"])

failures_total = Counter("oms_broker_command_failures_total", "Commands that a venue failed at", ["venue"])
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
        self, engines: Mapping[str, VenueEngine], journal: RecordJournal, sender: ReportSender
    ) -> None:
        self._engines = engines
        self._journal = journal
        self._sender = sender

    def handle(self, commands: Iterable[Directed], now: datetime) -> list[Directed]:
        """Do what the commands say, journal and send what came of it. Returns the decisions to make later."""
        records: list[Record] = []
        for venue_id, command in commands:
            records += self._handle_one(venue_id, command, now)
        self._publish(records)
        return [
            (record.venue_id, Decide(cl_ord_id=record.orig_cl_ord_id))
            for record in records
            if isinstance(record, Report)
            and record.exec_type in (ExecType.PENDING_CANCEL, ExecType.PENDING_REPLACE)
        ]

    def _handle_one(self, venue_id: str, command: Command, now: datetime) -> list[Record]:
        """Do what one command says. A venue that fails at it says so, and goes on with the next."""
        engine = self._engines.get(venue_id)
        if engine is None:
            return []
        try:
            return engine.handle(command, now)
        except Exception:
            failures_total.labels(venue_id).inc()
            log.error("command_failed", venue=venue_id, command=repr(command)[:2048], exc_info=True)
            self._sender.refuse_failed(venue_id, command)
            return []

    def recover(self, unsent: Iterable[Record], now: datetime) -> None:
        """After a replay: send again what may not have been sent, and end what the stop cut short."""
        for record in unsent:
            if not isinstance(record, OrderAccepted):
                self._sender.send(record, possible_resend=True)
        self._publish([record for engine in self._engines.values() for record in engine.restored(now)])
        self._journal.mark_sent()

    def _publish(self, records: list[Record]) -> None:
        if not records:
            return
        self._journal.append(filter(is_kept, records))
        for record in records:
            if isinstance(record, OrderAccepted):
                _orders_of(record.venue_id).inc()
                continue
            self._sender.send(record, possible_resend=False)
            kind = "CANCEL_REJECT" if isinstance(record, CancelRejected) else record.exec_type.value
            _reports_of(record.venue_id, kind).inc()
        self._journal.mark_sent()
