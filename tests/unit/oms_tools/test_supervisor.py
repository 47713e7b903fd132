"""The supervisor: what ends starts again, ever later; last started, first out."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import oms_core
from oms_tools.laptop import supervisor as module
from oms_tools.laptop.parts import PartFailedError, wait_until
from oms_tools.laptop.supervisor import Program, Supervisor

STAYS = "import time; time.sleep(60)"
ENDS = "raise SystemExit(3)"


def program(name: str, code: str = STAYS) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], ready=lambda: True)


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(module, "BACKOFF_S_MIN", 0.01)
    made = Supervisor(logs=tmp_path, on_change=lambda _: None)
    yield made
    made.stop()


def tend_until(supervisor: Supervisor, condition: Callable[[], bool], what: str) -> None:
    def tended() -> bool:
        supervisor.tend()
        return condition()

    wait_until(tended, what)


def process_of(supervisor: Supervisor, name: str) -> subprocess.Popen[bytes]:
    process = supervisor.programs[name].process
    assert process is not None
    return process


def test_a_program_that_ends_is_started_again_with_its_exit_code_kept(supervisor: Supervisor) -> None:
    supervisor.start([program("worker")], lambda: False)
    first = process_of(supervisor, "worker")
    first.kill()
    running = supervisor.programs["worker"]
    tend_until(supervisor, lambda: running.restarts == 1 and running.ready, "the restart")
    assert running.last_exit == -9
    assert process_of(supervisor, "worker").pid != first.pid


def test_the_wait_before_a_restart_doubles_up_to_its_bound(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_S_MAX", 0.05)
    running = module._Running(program=program("crasher", ENDS), backoff_s=0.01)
    supervisor.programs["crasher"] = running
    waits = []
    for _ in range(4):
        waits.append(running.backoff_s)
        supervisor._launch(running)
        process_of(supervisor, "crasher").wait()
        supervisor._note_exit(running, now=running.started_at + 1)
        assert running.restart_at == running.started_at + 1 + waits[-1]
    assert waits == [0.01, 0.02, 0.04, 0.05]
    assert running.last_exit == 3


def test_a_program_that_ran_long_enough_starts_again_after_the_shortest_wait(supervisor: Supervisor) -> None:
    running = module._Running(program=program("steady", ENDS), backoff_s=8.0)
    supervisor.programs["steady"] = running
    supervisor._launch(running)
    process_of(supervisor, "steady").wait()
    supervisor._note_exit(running, now=running.started_at + module.STABLE_AFTER_S + 1)
    assert running.restart_at == running.started_at + module.STABLE_AFTER_S + 1 + 0.01


def test_what_is_down_on_purpose_is_killed_and_started_again_when_that_is_over(
    supervisor: Supervisor,
) -> None:
    supervisor.start([program("worker"), program("other")], lambda: False)
    first, other = process_of(supervisor, "worker"), process_of(supervisor, "other")
    down = {"worker"}
    supervisor.is_down = down.__contains__
    running = supervisor.programs["worker"]
    tend_until(supervisor, lambda: running.process is None and running.restart_at is not None, "its end")
    assert running.last_exit == -9 and running.restart_at is not None
    past = running.restart_at + 0.05
    tend_until(supervisor, lambda: time.monotonic() > past, "the time of its restart")
    assert running.process is None and running.restarts == 0
    down.clear()
    tend_until(supervisor, lambda: running.ready, "its restart")
    assert process_of(supervisor, "worker").pid != first.pid
    assert process_of(supervisor, "other") is other


def test_the_environment_is_asked_for_at_every_start(supervisor: Supervisor, tmp_path: Path) -> None:
    addresses = iter(("first", "second"))
    code = f"import os, time; print(os.environ['ADDRESS'], flush=True); {STAYS}"
    log = tmp_path / "reader.log"
    reader = Program(
        name="reader",
        command=[sys.executable, "-c", code],
        ready=lambda: bool(log.read_text()),
        environment=lambda: {"ADDRESS": next(addresses)},
    )
    supervisor.start([reader], lambda: False)
    process_of(supervisor, "reader").kill()
    tend_until(supervisor, lambda: log.read_text().split() == ["first", "second"], "both starts in the log")


def test_the_last_started_is_stopped_first_and_a_deaf_one_is_killed(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.3)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    log = tmp_path / "deaf.log"
    first = program("first")
    last = Program(name="deaf", command=[sys.executable, "-c", deaf], ready=lambda: bool(log.read_text()))
    supervisor.start([first, last], lambda: False)
    gone: list[str] = []

    def note(changed: Supervisor) -> None:
        gone.extend(
            name for name, running in changed.programs.items() if running.process is None and name not in gone
        )

    processes = {name: process_of(supervisor, name) for name in ("first", "deaf")}
    supervisor.on_change = note
    supervisor.stop()
    assert gone == ["deaf", "first"]
    assert {name: process.returncode for name, process in processes.items()} == {"deaf": -9, "first": -15}


def test_a_program_that_never_gets_ready_is_named(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_TIMEOUT_S", 0.2)
    never = Program(name="sleepyhead", command=[sys.executable, "-c", STAYS], ready=lambda: False)
    with pytest.raises(PartFailedError, match="not ready within 0 s: sleepyhead; see"):
        supervisor.start([program("awake"), never], lambda: False)


def test_a_stop_that_is_asked_for_ends_the_wait_for_readiness(supervisor: Supervisor) -> None:
    started = time.monotonic()
    never = Program(name="never", command=[sys.executable, "-c", STAYS], ready=lambda: False)
    supervisor.start([never], lambda: time.monotonic() > started + 0.1)
    assert not supervisor.programs["never"].ready


LIBRARIES = ("redis", "json", "oms_platform", "click")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_file_in_the_working_directory_is_not_taken_for_a_library(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", os.environ.get("PYTHONPATH", "")]))
    # It imports all of these.
    command = [sys.executable, "-m", "oms_tools.laptop.stack", "--help"]
    supervisor.start([Program(name="worker", command=command, ready=lambda: True)], lambda: False)
    running = supervisor.programs["worker"]
    tend_until(supervisor, lambda: running.last_exit is not None, "the end")
    assert running.last_exit == 0, (tmp_path / "worker.log").read_text()
    assert not (tmp_path / "imported").exists()


def test_programs_run_the_packages_of_this_process(supervisor: Supervisor, tmp_path: Path) -> None:
    code = f"import oms_core, pathlib; pathlib.Path({str(tmp_path / 'said')!r}).write_text(oms_core.__file__)"
    supervisor.start([program("worker", code)], lambda: False)
    running = supervisor.programs["worker"]
    tend_until(supervisor, lambda: running.last_exit is not None, "the end")
    assert (tmp_path / "said").read_text() == oms_core.__file__


def test_what_a_program_writes_is_for_its_user_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    code = (
        f"import os; os.makedirs({str(tmp_path / 'store')!r}); open({str(tmp_path / 'store' / 'x')!r}, 'w')"
    )
    supervisor.start([program("worker", code)], lambda: False)
    running = supervisor.programs["worker"]
    tend_until(supervisor, lambda: running.last_exit is not None, "the end")
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "store" / "x").stat().st_mode) == 0o600
