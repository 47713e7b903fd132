"""What a sampled stack was doing, and whose CPU that is: by made-up stacks and counts."""

import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from oms_tools.profile import samplers
from oms_tools.profile.attribution import (
    MAIN,
    UNNAMED,
    attribute,
    switches_by_process,
    thread_label,
    wake_ups,
)
from oms_tools.profile.lines_of_work import MEANINGS, OTHER, PARKED, RULES, Frame, is_parked, line_of
from oms_tools.profile.samplers import RATE_HZ, Samplers, may_sample, python_pids
from oms_tools.profile.samples import ThreadSamples, read_samples
from oms_tools.profile.threads import ThreadUse, look_at_threads, used_since
from tests.unit.oms_tools.test_layout import dead_pid

LOOP = Frame("CoreLoop.step", "oms_core/entrypoints/loop.py")
UUID = Frame("uuid4", "uuid.py")
STACKS = [
    ("decode", [LOOP, Frame("decode_records", "oms_platform/kafka/consumers.py")]),
    ("decode", [LOOP, Frame("_venue", "oms_platform/quote_wire.py")]),
    ("decode", [Frame("HttpDoor.__call__", "oms_api/entrypoints/http_door.py"),
                Frame("decode_content", "oms_api/entrypoints/http_door.py")]),
    ("fetch", [LOOP, Frame("BatchConsumer._take", "oms_platform/kafka/consumers.py")]),
    ("flush", [LOOP, Frame("Publisher.flush", "oms_platform/kafka/publisher.py")]),
    ("decide", [LOOP, Frame("evolve", "oms_core/domain/machine.py"), UUID]),
    ("decide", [Frame("Loop.turn", "simulators/broker/bootstrap.py"),
                Frame("LitBook.flow", "simulators/broker/book.py")]),
    ("decide", [LOOP]),
    ("encode", [LOOP, Frame("encode", "oms_platform/wire.py")]),
    ("encode", [LOOP, Frame("ArrayStatement.parameters", "oms_platform/postgres.py"),
                Frame("array_literal.<locals>.<listcomp>", "oms_platform/postgres.py")]),
    ("statement", [LOOP, Frame("one_round_trip", "oms_platform/postgres.py"),
                   Frame("Connection.wait", "psycopg/connection.py")]),
    ("statement", [LOOP, Frame("PostgresOrderStore.commit", "oms_core/adapters/postgres_store.py"), UUID]),
    ("statement", [LOOP, Frame("BaseCursor._execute_send", "psycopg/_cursor_base.py")]),
    ("wake-up", [LOOP, Frame("FixSessions._serve", "execution_adapter/adapters/fix_sessions.py"),
                 Frame("EpollSelector.select", "selectors.py")]),
    ("wake-up", [Frame("Inbox.take", "execution_adapter/entrypoints/inbox.py"),
                 Frame("Condition.wait", "threading.py")]),
    ("wake-up", [Frame("serve", "oms_api/bootstrap.py"), Frame("Runner.run", "asyncio/runners.py")]),
    ("telemetry", [LOOP, Frame("evolve", "oms_core/domain/machine.py"),
                   Frame("Counter.inc", "prometheus_client/metrics.py")]),
    ("telemetry", [LOOP, Frame("_count", "sor_engine/handlers.py"), UUID]),
    ("telemetry", [LOOP, Frame("BatchTraces.write", "oms_core/entrypoints/batch_traces.py")]),
    ("door", [Frame("HttpDoor.__call__", "oms_api/entrypoints/http_door.py"), UUID]),
    ("door", [Frame("QuoteFeed._stream", "oms_platform/market_data.py"),
              Frame("Stream.recv_data", "grpclib/protocol.py")]),
    ("fix", [LOOP, Frame("FixSession.receive", "execution_adapter/domain/fix/session.py")]),
    ("fix", [LOOP, Frame("FixSession.send", "oms_platform/fix/session.py")]),
    ("journal", [Frame("Exchange._publish", "simulators/broker/handlers.py"),
                 Frame("Journal.append", "simulators/broker/adapters/journal.py")]),
    (OTHER, [Frame("<module>", "oms_core/__main__.py"), UUID]),
    (OTHER, []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "stack"), STACKS)
def test_a_stack_belongs_to_the_line_of_work_of_its_first_known_frame_from_the_leaf(
    line: str, stack: list[Frame]
) -> None:
    assert line_of(stack) == line


def test_every_line_of_work_is_explained_and_has_a_stack_here() -> None:
    assert {rule.line for rule in (*RULES, *PARKED)} | {OTHER} == set(MEANINGS)
    assert {line for line, _ in STACKS} == set(MEANINGS)


def test_what_waits_is_told_from_what_has_been_woken_and_works() -> None:
    for function, file in (
        ("EpollSelector.select", "selectors.py"),
        ("Condition.wait", "threading.py"),
        ("BatchConsumer._take", "oms_platform/kafka/consumers.py"),
        ("take", "oms_platform/kafka/consumers.py"),
        ("AsyncConnection.wait", "psycopg/connection_async.py"),
    ):
        assert is_parked(Frame(function, file)), function
    for function, file in (
        ("BaseEventLoop._run_once", "asyncio/base_events.py"),
        ("decode_records", "oms_platform/kafka/consumers.py"),
        ("BaseCursor._execute_send", "psycopg/_cursor_base.py"),
        ("Inbox.take", "execution_adapter/entrypoints/inbox.py"),
    ):
        assert not is_parked(Frame(function, file)), function


FLUSH = "Publisher.flush (oms_platform/kafka/publisher.py:137)"
RAW = f"""\
process 7:"python -m oms_core";thread (7): MainThread;step (oms_core/entrypoints/loop.py:137) 3
thread (7): MainThread;step (oms_core/entrypoints/loop.py:140);encode (oms_platform/wire.py:88) 2
thread (7): MainThread;step (oms_core/entrypoints/loop.py:140);{FLUSH} 9
thread (8): quotes;Thread.run (threading.py:982);new (C:/odd name (1)/x.py:3) 1
thread (9) 40
thread (10);note (oms_core/handlers.py:3) 5
py-spy> 1.79s behind in sampling
"""


def test_samples_are_read_by_thread_and_what_waits_is_kept_apart() -> None:
    threads = read_samples(RAW)
    assert threads == {
        7: ThreadSamples(name="MainThread", lines=Counter(decide=3, encode=2), parked=Counter({"flush": 9})),
        8: ThreadSamples(name="quotes", lines=Counter({"wake-up": 1})),
    }
    assert threads[7].total == 14


def test_waits_get_what_the_samples_elsewhere_leave_of_a_threads_cpu() -> None:
    thread = ThreadSamples(lines=Counter(decide=30, statement=10), parked=Counter(statement=60, fetch=20))
    # 50 samples' worth of CPU: 40 were found at work, so 10 are left to waits, three to one.
    assert thread.shares(50) == pytest.approx({"decide": 0.6, "statement": 0.35, "fetch": 0.05})
    # All of it at work, or more: the sampler and the kernel's clock need not agree.
    assert thread.shares(20) == pytest.approx({"decide": 0.75, "statement": 0.25, "fetch": 0})
    # More CPU than samples: all of them count, and none twice.
    assert thread.shares(500) == pytest.approx({"decide": 0.25, "statement": 70 / 120, "fetch": 20 / 120})


def test_a_thread_that_was_only_found_waiting_has_all_its_cpu_there() -> None:
    for expected in (0, 5, 500):
        assert ThreadSamples(parked=Counter({"wake-up": 7})).shares(expected) == {"wake-up": 1}


def use(process: str, tid: int, cpu_s: float, *, pid: int = 7, name: str = "python", n: int = 0) -> ThreadUse:
    return ThreadUse(process=process, pid=pid, tid=tid, name=name, cpu_s=cpu_s, switches=n)


def test_a_threads_cpu_is_shared_out_by_its_own_samples_and_the_rest_has_the_kernels_names() -> None:
    uses = [
        use("core", 7, 1.0),
        use("core", 8, 0.2),
        use("core", 20, 0.3, name="rdk:broker1"),
        use("core", 21, 0.1, name="rdk:broker-1"),
        use("core", 22, 0.05),
        use("postgres", 31, 0.4, pid=31, name="postgres"),
    ]
    samples = {
        "core": {
            7: ThreadSamples(name="MainThread", lines=Counter(decide=75, other=25)),
            8: ThreadSamples(name="quotes", lines=Counter(decode=4)),
        }
    }
    cpu_s = {7: 1.0, 8: 0.04}
    costs = attribute(uses, samples, cpu_s, {"core": 17.0, "postgres": 5.0}, {31: "oms-core"}, 100)
    core, postgres = costs["core"], costs["postgres"]
    assert core.lines == pytest.approx({"decide": 7.5, "other": 2.5, "decode": 2.0})
    assert core.libraries == pytest.approx({"rdk:broker": 4.0, UNNAMED: 0.5})
    assert core.unattributed == pytest.approx(0.5)
    assert core.other_share == pytest.approx(2.5 / 12)
    assert core.samples == 104
    assert postgres.libraries == pytest.approx({"oms-core": 4.0})
    assert (postgres.lines, postgres.other_share, postgres.unattributed) == ({}, 0.0, pytest.approx(1.0))


def test_the_share_of_waits_stands_on_the_cpu_of_the_leg_that_was_sampled() -> None:
    sampled = ThreadSamples(name="MainThread", lines=Counter(decide=50), parked=Counter(fetch=100))
    cost = attribute([use("core", 7, 2.0)], {"core": {7: sampled}}, {7: 100 / RATE_HZ}, {"core": 20}, {}, 100)
    assert cost["core"].lines == pytest.approx({"decide": 10.0, "fetch": 10.0})


def test_threads_are_called_what_python_or_postgres_or_else_the_kernel_calls_them() -> None:
    programs = {7: "python"}
    assert thread_label(use("core", 8, 0), {8: "quotes"}, programs) == "quotes"
    assert thread_label(use("core", 7, 0), {}, programs) == MAIN
    assert thread_label(use("core", 9, 0), {}, programs) == UNNAMED
    assert thread_label(use("core", 9, 0, name="rdk:broker-1"), {}, programs) == "rdk:broker"


def test_what_wakes_up_is_counted_by_name_the_most_often_first() -> None:
    uses = [
        use("core", 7, 0.1, n=300),
        use("core", 20, 0.2, name="rdk:broker1", n=900),
        use("core", 21, 0.0, name="rdk:broker-1", n=100),
        use("redis", 40, 0.0, pid=40, name="redis-server", n=4),
    ]
    found = wake_ups(uses, {7: "MainThread"}, 10)
    assert [(row.thread, row.switches_a_second, row.cpu_percent) for row in found] == [
        ("rdk:broker", 100.0, 2.0),
        ("MainThread", 30.0, 1.0),
    ]
    assert switches_by_process(uses) == {"core": 1300, "redis": 4}


def test_threads_count_from_the_first_look_and_new_ones_from_their_start() -> None:
    before = [use("core", 7, 1.0, n=10), use("core", 8, 5.0, n=5)]
    after = [use("core", 7, 1.5, n=30), use("core", 9, 0.25, n=2)]
    assert used_since(before, after) == [use("core", 7, 0.5, n=20), use("core", 9, 0.25, n=2)]


def test_every_thread_of_a_process_is_found_with_its_switches_and_what_is_gone_is_not() -> None:
    stop = threading.Event()
    waiting = threading.Thread(target=stop.wait)
    waiting.start()
    try:
        found = look_at_threads({"own": os.getpid(), "gone": dead_pid(), "never": None})
    finally:
        stop.set()
        waiting.join()
    assert {thread.process for thread in found} == {"own"}
    by_tid = {thread.tid: thread for thread in found}
    assert waiting.native_id in by_tid
    main = by_tid[os.getpid()]
    assert main.is_main
    assert main.name
    assert main.switches > 0
    assert main.cpu_s > 0


@pytest.mark.skipif(not may_sample(), reason="this kernel lets nobody but root read another's stacks")
def test_the_stacks_of_a_process_are_sampled_and_one_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            Counter(range(1_000))

    thread = threading.Thread(target=work, name="busy")
    thread.start()
    running = Samplers(tmp_path)
    try:
        running.start({"own": os.getpid(), "gone": dead_pid()}, 1)
        found = running.collect()
    finally:
        running.stop()
        stop.set()
        thread.join()
    assert set(found) == {"own"}
    assert found["own"][thread.native_id or 0].name == "busy"


def test_a_sampler_that_does_not_end_is_ended(tmp_path: Path) -> None:
    running = Samplers(tmp_path)
    running.start({"own": os.getpid()}, 600)
    began = time.monotonic()
    assert running.collect(timeout_s=0.2) == {}
    assert time.monotonic() - began < 60


def test_only_processes_that_run_python_are_sampled() -> None:
    assert python_pids({"own": os.getpid(), "gone": dead_pid(), "never": None}) == {"own": os.getpid()}


def test_root_may_sample_and_others_if_the_kernel_lets_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scope = tmp_path / "ptrace_scope"
    monkeypatch.setattr(samplers, "PTRACE_SCOPE", scope)
    monkeypatch.setattr(samplers.os, "geteuid", lambda: 1000)
    assert may_sample()
    scope.write_text("0\n")
    assert may_sample()
    scope.write_text("1\n")
    assert not may_sample()
    monkeypatch.setattr(samplers.os, "geteuid", lambda: 0)
    assert may_sample()


def test_without_py_spy_a_sentence_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers.sys, "executable", "/nowhere/python")
    with pytest.raises(samplers.StackError, match="make profile"):
        samplers.py_spy()
