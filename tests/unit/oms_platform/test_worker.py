"""A worker's life: what passes is tried again, what must not be ends the process with code 70."""

import signal
import subprocess
import sys
import textwrap

import psycopg
import pytest

from oms_platform import worker
from oms_platform.errors import OperationalError
from oms_platform.worker import EXIT_BROKEN, StopFlag, run_worker


def test_after_an_operational_error_the_worker_goes_through_its_start_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "BACKOFF_S_MIN", 0.001)
    stop = StopFlag()
    errors = [
        OperationalError("broker away"),
        psycopg.OperationalError("gone"),
        ConnectionResetError("reset"),
    ]
    starts = 0

    def run(flag: StopFlag) -> None:
        nonlocal starts
        starts += 1
        if errors:
            raise errors.pop(0)
        flag.set()

    before = worker.restarts_total.labels("OperationalError")._value.get()
    run_worker("test", run, stop)
    assert starts == 4
    assert worker.restarts_total.labels("OperationalError")._value.get() == before + 2


def test_the_wait_between_starts_doubles_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Hasty(StopFlag):
        def wait(self, timeout_s: float) -> bool:
            waits.append(timeout_s)
            if len(waits) == 8:
                self.set()
            return bool(self)

    def run(_flag: StopFlag) -> None:
        raise OperationalError("still away")

    run_worker("test", run, Hasty())
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_an_error_while_stopping_is_not_tried_again() -> None:
    stop = StopFlag()

    def run(flag: StopFlag) -> None:
        flag.set()
        raise OperationalError("the connection went with the stop")

    run_worker("test", run, stop)
    assert stop.wait(0)


def run_code(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_broken_invariant_ends_the_process_with_code_70_and_is_in_the_log() -> None:
    done = run_code("""
        from oms_platform.errors import BrokenInvariantError
        from oms_platform.telemetry.logs import configure_logging
        from oms_platform.worker import StopFlag, run_worker

        def run(stop):
            raise BrokenInvariantError("cash out of nothing")

        configure_logging("test")
        run_worker("test", run, StopFlag())
    """)
    assert done.returncode == EXIT_BROKEN
    assert '"event": "worker_stopped"' in done.stdout
    assert "cash out of nothing" in done.stdout
    assert '"service": "test"' in done.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_worker_cleanly(name: str) -> None:
    done = run_code(f"""
        import os, signal
        from oms_platform.worker import StopFlag, run_worker

        stop = StopFlag()
        stop.on_signals()

        def run(flag):
            os.kill(os.getpid(), signal.{name})
            if not flag.wait(30):
                raise SystemExit("the flag was not set")

        run_worker("test", run, stop)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert signal.Signals[name]
