"""Logs as JSON lines with an event name and fields."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from oms_platform.telemetry.metrics import announce


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send structlog's events to standard output as JSON, and name the service in logs and metrics."""
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
    announce(service)
