"""A process's life: start, run until told to stop, start again with backoff after what passes.

Its exit code says why it ended: 0 it was asked to, 70 a broken invariant or a bug, 75 something passed that
only a new process can take up, 78 it was given something that only a change can mend (sysexits.h).
"""

import atexit
import errno
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

import psycopg
import structlog
from confluent_kafka import KafkaException
from prometheus_client import Counter

from oms_platform.errors import ConfigurationError, OperationalError, without_secrets
from oms_platform.health import Health
from oms_platform.telemetry.logs import configure_logging

BACKOFF_S_MIN: Final = 0.25
BACKOFF_S_MAX: Final = 5.0
# A start-up path that held for so long begins its backoff anew.
STABLE_S: Final = 30.0
GC_ALLOCATIONS: Final = 50_000
EXIT_BROKEN: Final = 70
EXIT_TEMPORARY: Final = 75
EXIT_CONFIGURATION: Final = 78
TRANSIENT: Final = (
    OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    KafkaException,
    OSError,
)
_DISK_IS_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

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


def dependency_of(error: BaseException) -> str:
    """Return what an operational error is about, as readiness calls it: postgres, kafka, disk, startup."""
    if isinstance(error, OperationalError):
        return error.dependency
    if isinstance(error, psycopg.Error):
        return "postgres"
    if isinstance(error, KafkaException):
        return "kafka"
    return "disk" if isinstance(error, OSError) and error.errno in _DISK_IS_FULL else "startup"


def reason_of(error: BaseException) -> str:
    """Return what an error says, in one line and without passwords."""
    return without_secrets(" ".join(str(error).split())) or type(error).__name__


def run_worker(
    name: str, run: Callable[[StopFlag], None], stop: StopFlag, health: Health | None = None
) -> None:
    """Call `run(stop)`, which starts and loops, until a stop is asked for; operational errors start it again.

    health: is told what is waited for, and is not ready from the moment that a stop is asked for.
    A ConfigurationError is logged and the process ends with code 78; any other exception is a broken
    invariant or a bug: it is logged and the process ends with code 70.
    """
    if health is not None:
        health.add("stop", lambda: "stopping" if stop else None)
    backoff_s = BACKOFF_S_MIN
    while not stop:
        started = time.monotonic()
        try:
            run(stop)
        except TRANSIENT as error:
            if stop:
                return
            if time.monotonic() - started >= STABLE_S:
                backoff_s = BACKOFF_S_MIN
            dependency, reason = dependency_of(error), reason_of(error)
            restarts_total.labels(type(error).__name__).inc()
            log.warning(
                "worker_restarting", worker=name, dependency=dependency, error=reason, backoff_s=backoff_s
            )
            if health is not None:
                health.note_awaited(dependency, reason)
            stop.wait(backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)
        except ConfigurationError as error:
            end_misconfigured(error)
        except Exception:
            log.critical("worker_stopped", worker=name, exc_info=True)
            _exit(EXIT_BROKEN)


def calm_garbage_collector() -> None:
    """Let the garbage collector leave alone what is there at start, and look for cycles rarely.

    Messages and domain objects have none: what they leave is freed at once by its count of references.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)


def run_process(service: str, main: Callable[[], None]) -> None:
    """Run a service's `main`; a ConfigurationError ends the process with code 78 and a line that says why."""
    try:
        main()
    except ConfigurationError as error:
        configure_logging(service)
        end_misconfigured(error)


def end_misconfigured(error: ConfigurationError) -> NoReturn:
    """Say what is wrong and end with code 78, without waiting for other threads."""
    log.critical("configuration_wrong", error=reason_of(error), exit_code=EXIT_CONFIGURATION)
    _exit(EXIT_CONFIGURATION)


def _exit(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def end_process(code: int = 0) -> NoReturn:
    """End after the exit functions, without taking apart what threads of C++ may still use."""
    atexit._run_exitfuncs()
    _exit(code)
