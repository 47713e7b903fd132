"""The whole judgement: hold every invariant, and again while something may still be on its way."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from oms_tools.verify.carriers import check_sent, check_venue
from oms_tools.verify.database import check_database
from oms_tools.verify.histories import check_histories
from oms_tools.verify.inbound import check_inbound
from oms_tools.verify.positions import check_positions
from oms_tools.verify.report import Report

LOOK_AGAIN_S: Final = 2.0
LOOKS_MIN: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where to look. Without the venue's journal, what needs it is left out; the report says so."""

    dsn: str
    venue_journal: Path | None = None


def judge(evidence: Evidence) -> Report:
    """Hold every invariant that the evidence allows."""
    report = Report()
    with contextlib.closing(psycopg.connect(evidence.dsn, autocommit=True)) as connection:
        report.findings += check_database(connection)
        report.findings += check_histories(connection)
        report.findings += check_positions(connection)
        report.findings.append(check_inbound(connection))
        report.findings.append(check_sent(connection))
        if evidence.venue_journal is not None:
            report.findings.append(check_venue(connection, evidence.venue_journal))
        else:
            report.left_out.append("the venue's own journal: none was named")
    return report


def judge_what_persists(evidence: Evidence, settle_s: float) -> Report:
    """Judge, and look again until nothing is broken or `settle_s` after the first look are over."""
    return persisting(lambda: judge(evidence), settle_s)


def persisting(look: Callable[[], Report], settle_s: float) -> Report:
    """Look, and again until nothing is broken or `settle_s` after the first look are over.

    Orders live on while the judge reads one place after the other, so what differs may be on its way. Only
    what every look found broken counts, and however long a look takes, there are two if the first finds
    anything.
    """
    report = look()
    deadline = time.monotonic() + settle_s
    looks = 1
    while not report.clean and (looks < LOOKS_MIN or time.monotonic() < deadline):
        looks += 1
        time.sleep(LOOK_AGAIN_S)
        later = look()
        later.keep_what_persists_from(report)
        report = later
    return report
