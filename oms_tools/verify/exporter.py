"""The judge as a watch: it judges again and again, and its verdicts are metrics for an alert to stand on."""

import time
from collections.abc import Callable
from typing import Final

import psycopg
import structlog
from confluent_kafka import KafkaException
from prometheus_client import Counter, Gauge

from oms_platform.errors import OperationalError
from oms_platform.worker import StopFlag
from oms_tools.verify.report import Report

_AWAY: Final = (psycopg.Error, KafkaException, OperationalError, OSError)

log = structlog.get_logger()
violations = Gauge("oms_verify_violations", "Violations that persist, by invariant", ["invariant"])
examined = Gauge("oms_verify_examined", "Orders, executions or rows looked at, by invariant", ["invariant"])
last_run = Gauge("oms_verify_last_run_timestamp_seconds", "When the last judgement ended")
failures_total = Counter("oms_verify_failures_total", "Judgements that could not be made: something was away")


def note(report: Report) -> None:
    """Set the gauges from a judgement, and say in the log what is broken."""
    for finding in report.findings:
        violations.labels(finding.invariant).set(len(finding.broken))
        examined.labels(finding.invariant).set(finding.examined)
        if finding.broken:
            log.error("invariant_broken", invariant=finding.invariant, violations=finding.violations)
    last_run.set(time.time())


def watch(judge: Callable[[], Report], every_s: float, stop: StopFlag) -> None:
    """Judge every so often until a stop is asked for."""
    while not stop:
        try:
            note(judge())
        except _AWAY as error:
            failures_total.inc()
            log.warning("judgement_failed", error=str(error).strip())
        stop.wait(every_s)
