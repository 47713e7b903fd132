"""Logs as JSON lines with an event name and fields, metrics by Prometheus' conventions, W3C trace parents."""

import logging
import os
import sys
from typing import Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer

LATENCY_BUCKETS_S: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send structlog's events to standard output as JSON, with time, level and service."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without locals: they hold tokens and bodies.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def new_traceparent() -> str:
    """Make a W3C traceparent for a request that came without one."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
