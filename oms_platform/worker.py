"""A batch worker's life: start, run until told to stop, start again with backoff after what passes."""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

import psycopg
import structlog
from confluent_kafka import KafkaException
from prometheus_client import Counter

from oms_platform.errors import OperationalError

BACKOFF_S_MIN: Final = 0.25
BACKOFF_S_MAX: Final = 10.0
EXIT_BROKEN: Final = 70
TRANSIENT: Final = (
    OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    KafkaException,
    OSError,
)

log = structlog.get_logger()
restarts_total = Counter(
    "oms_worker_restarts_total", "Times a worker went through its start-up path again", ["error"]
)
restarts_total.labels(OperationalError.__name__)


class StopFlag:
    """Set by SIGTERM or SIGINT; loops look at it between batches."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Ask the worker to stop after its batch."""
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s`. Returns whether a stop was asked for."""
        return self._event.wait(timeout_s)

    def on_signals(self) -> None:
        """Set the flag on SIGTERM and SIGINT."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._event.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)


def run_worker(name: str, run: Callable[[StopFlag], None], stop: StopFlag) -> None:
    """Call `run(stop)`, which starts and loops, until a stop is asked for; operational errors start it again.

    Any other exception is a broken invariant or a bug: it is logged and the process ends with code 70.
    """
    backoff_s = BACKOFF_S_MIN
    while not stop:
        try:
            run(stop)
            backoff_s = BACKOFF_S_MIN
        except TRANSIENT as error:
            if stop:
                return
            restarts_total.labels(type(error).__name__).inc()
            log.warning("worker_restarting", worker=name, error=str(error).strip(), backoff_s=backoff_s)
            stop.wait(backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)
        except Exception:
            log.critical("worker_stopped", worker=name, exc_info=True)
            sys.stderr.flush()
            os._exit(EXIT_BROKEN)


def end_process() -> NoReturn:
    """End with code 0 after the exit functions, without taking apart what threads of C++ may still use."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
