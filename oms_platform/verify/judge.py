"""The whole judgement: wait until the system is quiet, then hold every invariant."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from oms_platform.kafka import KafkaSettings
from oms_platform.verify.carriers import check_fix_log, check_outbox, check_venue
from oms_platform.verify.database import check_database
from oms_platform.verify.histories import check_histories
from oms_platform.verify.report import Report

QUIET_FOR_S: Final = 2.0
_POLL_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where to look. Without Kafka, FIX store or journal, what needs them is left out; the report says so."""

    dsn: str
    kafka: KafkaSettings | None = None
    fix_store: Path | None = None
    venue_journal: Path | None = None


def wait_until_quiet(dsn: str, timeout_s: float) -> bool:
    """Wait until nothing was stored and nothing left the outbox for QUIET_FOR_S. Returns whether it came."""
    deadline = time.monotonic() + timeout_s
    with psycopg.connect(dsn, autocommit=True) as connection:
        last, since = None, time.monotonic()
        while time.monotonic() < deadline:
            state = connection.execute(
                "SELECT (SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables"
                " WHERE relname ~ '^(order_events|outbox|executions|child_orders)_'),"
                " (SELECT count(*) FROM outbox WHERE writer = 'api' AND published_at IS NULL)"
            ).fetchone()
            if state != last or state is None or state[1]:
                last, since = state, time.monotonic()
            elif time.monotonic() - since > QUIET_FOR_S:
                return True
            time.sleep(_POLL_S)
    return False


def judge(evidence: Evidence) -> Report:
    """Hold every invariant that the evidence allows."""
    report = Report()
    with contextlib.closing(psycopg.connect(evidence.dsn, autocommit=True)) as connection:
        report.findings += check_database(connection)
        report.findings += check_histories(connection)
        if evidence.kafka is not None:
            report.findings.append(check_outbox(connection, evidence.kafka))
        else:
            report.left_out.append("outbox against Kafka: no broker was named")
        if evidence.fix_store is not None:
            report.findings.append(check_fix_log(connection, evidence.fix_store))
        else:
            report.left_out.append("FIX log: no store was named")
        if evidence.venue_journal is not None:
            report.findings.append(check_venue(connection, evidence.venue_journal))
        else:
            report.left_out.append("the venue's own journal: none was named")
    return report
