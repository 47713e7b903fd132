"""The chaos door: one thing at a time, mended by itself; what is young breaks no invariant."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from oms_api.domain.chaos import SECONDS_MAX, ChaosAction, ChaosPhase, ChaosRequest, ChaosState
from oms_tools.chaos import conductor as module
from oms_tools.chaos.conductor import Conductor, Counts, NotDoneError
from oms_tools.chaos.door import serve_door
from oms_tools.chaos.invariants import LINES, SETTLE, THE_REST, Watch, line_of, told
from oms_tools.chaos.offers import FAULTS, PROCESSES
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.outages import OUTAGE_S_MAX, Outage, Outages, begin_outage
from oms_tools.laptop.stack import Stack
from oms_tools.verify.report import Finding, Report
from simulators.broker.protocol import FaultKind
from tests.ports import free_ports

START = datetime(2026, 11, 27, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


class FakeGround:
    """Breaks nothing and says what it was asked."""

    def __init__(self) -> None:
        self.pids: dict[str, int | None] = {"oms-core": 10, "oms-api": 11, "postgres": 12}
        self.up = {"XNYS": True, "XNAS": False}
        self.asked: list[tuple[object, ...]] = []
        self.orders = Counts(0, 0, 0, 0)

    def processes(self) -> dict[str, int | None]:
        return self.pids

    def venues(self) -> dict[str, bool]:
        return self.up

    def kill(self, process: str, from_: datetime, until: datetime) -> None:
        self.asked.append(("kill", process, (until - from_).total_seconds()))

    def cut(self, venue: str, seconds: int) -> None:
        self.asked.append(("cut", venue, seconds))

    def be_unkind(self, venue: str, fault: str, seconds: int) -> None:
        self.asked.append(("unkind", venue, fault, seconds))

    def count(self, since: datetime, until: datetime) -> Counts:
        assert since <= until
        return self.orders


class Rig:
    """A conductor on a fake ground, at a time that stands still."""

    def __init__(self) -> None:
        self.ground = FakeGround()
        self.now = START
        self.noted: list[ChaosAction] = []
        self.conductor = Conductor(self.ground, lambda: self.now, self.noted.append)

    def begin(self, kind: str, target: str, fault: str = "", seconds: int = 5) -> ChaosAction:
        request = ChaosRequest(kind=kind, target=target, seconds=seconds, fault=fault)
        return self.conductor.begin(request, "admin1")

    def after(self, seconds: float) -> ChaosAction:
        self.now = START + timedelta(seconds=seconds)
        self.conductor.follow()
        return self.conductor.actions[0]


def test_a_killed_process_is_over_when_another_one_of_its_name_is_ready() -> None:
    rig = Rig()
    rig.begin("KILL", "oms-core")
    assert rig.ground.asked == [("kill", "oms-core", 5)]
    assert [(one.target, one.by) for one in rig.noted] == [("oms-core", "admin1")]
    assert rig.after(3).phase == ChaosPhase.ON
    # The old one is still what the state file says: it is not back by that.
    assert rig.after(6).phase == ChaosPhase.RECOVERING
    rig.ground.pids["oms-core"] = None
    assert rig.after(7).phase == ChaosPhase.RECOVERING
    rig.ground.pids["oms-core"] = 99
    done = rig.after(8)
    assert (done.phase, done.over_at) == (ChaosPhase.DONE, rig.now)


def test_what_does_not_come_back_is_late_and_done_when_it_does() -> None:
    rig = Rig()
    rig.begin("KILL", "oms-core")
    assert rig.after(5 + module.LATE_S + 2).phase == ChaosPhase.LATE
    rig.ground.pids["oms-core"] = 99
    assert rig.after(5 + module.LATE_S + 3).phase == ChaosPhase.DONE


def test_orders_acked_meanwhile_are_counted_until_none_of_them_waits() -> None:
    rig = Rig()
    rig.begin("CUT", "XNYS")
    rig.ground.orders = Counts(9, 2, 3, 4)
    assert rig.after(6).waiting == 4
    rig.ground.orders = Counts(9, 6, 3, 0)
    found = rig.after(6 + module.COUNTED_S + 5)
    assert (found.acked, found.closed, found.working, found.waiting) == (9, 6, 3, 0)
    rig.ground.orders = Counts(9, 9, 0, 0)
    assert rig.after(6 + 2 * module.COUNTED_S).closed == 6


@pytest.mark.parametrize(
    ("kind", "target", "fault", "field"),
    [
        ("KILL", "postgres", "", "target"),
        ("KILL", "scorekeeper", "", "target"),
        ("KILL", "../oms-core", "", "target"),
        ("KILL", "oms-core", "BUST", "fault"),
        ("CUT", "MOON", "", "target"),
        ("CUT", "oms-core", "", "target"),
        ("UNKIND", "XNYS", "", "fault"),
        ("UNKIND", "XNYS", "NICE", "fault"),
        ("CUT", "XNAS", "", ""),
    ],
)
def test_what_cannot_be_broken_is_refused_with_the_field_that_is_wrong(
    kind: str, target: str, fault: str, field: str
) -> None:
    rig = Rig()
    with pytest.raises(NotDoneError) as refused:
        rig.begin(kind, target, fault)
    assert refused.value.field == field
    assert rig.ground.asked == [] and rig.noted == [] and rig.conductor.actions == []


def test_a_process_that_is_down_already_is_not_killed() -> None:
    rig = Rig()
    rig.ground.pids["oms-core"] = None
    with pytest.raises(NotDoneError, match="oms-core is down already"):
        rig.begin("KILL", "oms-core")


@pytest.mark.parametrize("after_s", [0, 4, 6])
def test_one_thing_at_a_time_until_it_is_back(after_s: float) -> None:
    rig = Rig()
    rig.begin("KILL", "oms-core")
    rig.after(after_s)
    for kind, target, fault in (("KILL", "oms-core", ""), ("CUT", "XNYS", ""), ("UNKIND", "XNYS", "BUST")):
        with pytest.raises(NotDoneError, match="one thing at a time"):
            rig.begin(kind, target, fault)
    rig.ground.pids["oms-core"] = 99
    rig.after(7)
    rig.begin("CUT", "XNYS")
    assert [one.target for one in rig.conductor.actions] == ["XNYS", "oms-core"]


@pytest.mark.parametrize("seconds", [0, -1, SECONDS_MAX + 1, 1.5, "5", None])
def test_a_time_that_is_none_or_has_no_end_is_no_request(seconds: object) -> None:
    body = json.dumps({"kind": "KILL", "target": "oms-core", "seconds": seconds})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=ChaosRequest)


def test_every_fault_that_is_offered_is_one_of_the_simulators() -> None:
    assert set(FAULTS) <= {kind.value for kind in FaultKind}
    assert all(0 < fault.rate <= 1 for fault in FAULTS.values())


def test_what_may_be_killed_are_processes_of_the_stack_that_mend_by_themselves(tmp_path: Path) -> None:
    stack = Stack(Layout(data=tmp_path, base_port=9200), "there:9092", chaos=True)
    there = {program.name for program in (*stack.services(), *stack.simulators())} | {"kafka"}
    assert set(PROCESSES) == there - {"chaos"}


# ---- outages


def test_a_program_is_down_for_its_time_and_no_longer(tmp_path: Path) -> None:
    file, now = tmp_path / "outage.json", [5.0]
    outages = Outages(file, lambda: now[0])
    assert not outages.is_down("oms-core")
    begin_outage(file, Outage(program="oms-core", from_s=10, until_s=20))
    down = []
    for now[0] in (9.9, 10.0, 19.9, 20.0):
        down.append(outages.is_down("oms-core"))
        assert not outages.is_down("oms-api")
    assert down == [False, True, True, False]


@pytest.mark.parametrize(
    "said", [b"", b"{}", b"[]", b'{"program": "oms-core"}', json.dumps(
        {"program": "oms-core", "from_s": 0, "until_s": OUTAGE_S_MAX + 1}).encode()]
)  # fmt: skip
def test_a_file_that_cannot_be_read_or_never_ends_keeps_nothing_down(tmp_path: Path, said: bytes) -> None:
    file = tmp_path / "outage.json"
    outages = Outages(file, lambda: 5.0)
    begin_outage(file, Outage(program="oms-core", from_s=0, until_s=10))
    assert outages.is_down("oms-core")
    file.unlink()
    file.write_bytes(said)
    assert not outages.is_down("oms-core")


# ---- invariants


def found(*subjects: str, invariant: str = "net fills, as the judge says it") -> Report:
    report = Finding(invariant=invariant, examined=7)
    for subject in subjects:
        report.violate(subject, "is wrong")
    return Report(findings=[report])


def state_of(watch: Watch, at_s: float, calm_since: datetime | None = None) -> str:
    name = line_of("net fills, as the judge says it")
    return {one.invariant: one.state for one in told([watch], START + timedelta(seconds=at_s), calm_since)}[
        name
    ]


def look(watch: Watch, at_s: float, *subjects: str) -> None:
    watch.take(found(*subjects), START + timedelta(seconds=at_s))


def test_what_is_wrong_is_in_flight_until_it_has_been_so_for_longer_than_anything_takes() -> None:
    watch, old_s = Watch(), SETTLE.total_seconds()
    assert state_of(watch, 0) == ChaosState.UNKNOWN
    look(watch, 0)
    assert state_of(watch, 0) == ChaosState.HOLDS
    look(watch, 1, "A")
    assert state_of(watch, 2) == ChaosState.IN_FLIGHT
    look(watch, 4, "A", "B")
    look(watch, old_s + 1, "A")
    assert state_of(watch, old_s + 1) == ChaosState.BROKEN
    look(watch, old_s + 4)
    assert state_of(watch, old_s + 4) == ChaosState.HOLDS


def test_one_look_alone_breaks_nothing_however_old_it_is() -> None:
    watch = Watch()
    look(watch, 0, "A")
    assert state_of(watch, 600) == ChaosState.IN_FLIGHT


def test_other_orders_that_are_wrong_one_after_the_other_are_each_on_their_way() -> None:
    watch = Watch()
    for at_s in range(0, 60, 3):
        look(watch, at_s, f"order {at_s // 9}")
        assert state_of(watch, at_s) == ChaosState.IN_FLIGHT


def test_the_time_in_which_something_is_broken_on_purpose_does_not_count() -> None:
    watch, old_s = Watch(), SETTLE.total_seconds()
    for at_s in (0, 30):
        look(watch, at_s, "A")
    assert state_of(watch, 30, START + timedelta(seconds=30)) == ChaosState.IN_FLIGHT
    assert state_of(watch, 40, START + timedelta(seconds=30)) == ChaosState.IN_FLIGHT
    assert state_of(watch, 30 + old_s, START + timedelta(seconds=30)) == ChaosState.BROKEN
    # What was broken is not made good by breaking something else.
    look(watch, 60, "A")
    assert state_of(watch, 60, START + timedelta(seconds=60)) == ChaosState.BROKEN


def test_a_line_tells_of_both_looks_each_subject_once() -> None:
    recent, whole = Watch(), Watch()
    for watch in (recent, whole):
        for at_s in (0, 20):
            watch.take(found("A", "B"), START + timedelta(seconds=at_s))
    recent.take(found("A", "C"), START + timedelta(seconds=21))
    line = next(one for one in told([recent, whole], START + timedelta(seconds=22), None) if one.broken)
    assert (line.broken, line.in_flight, line.sentences) == (2, 1, ["A: is wrong", "B: is wrong"])


def test_each_line_stands_for_invariants_of_the_judge(judged: list[str]) -> None:
    lines = {line: [one for one in judged if line_of(one) == line] for line in (*LINES, THE_REST)}
    for line, beginnings in LINES.items():
        assert len(lines[line]) == len(beginnings), line
    assert lines[THE_REST]


@pytest.fixture(scope="module")
def judged() -> list[str]:
    """Every invariant of the judge, as its sources say it."""
    text = "".join(path.read_text() for path in sorted((ROOT / "oms_tools" / "verify").glob("*.py")))
    joined = re.sub(r'"\s*\n\s*"', "", text)
    return re.findall(r'(?:invariant=|INVARIANT: Final = )\(?\s*"([^"]+)"', joined)


# ---- the door


@contextmanager
def door(begin: Callable[[ChaosRequest, str], ChaosAction]) -> Iterator[int]:
    def nothing() -> Any:
        raise OSError("nobody looks")

    port = free_ports(1)
    server = serve_door(port, "secret", nothing, begin)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield port
    server.shutdown()
    server.server_close()


def ask(port: int, method: str, path: str, body: str = "", password: str = "secret") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"Authorization": f"Bearer {password}"})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_the_door_takes_nothing_without_its_password() -> None:
    rig = Rig()
    body = json.dumps({"request": {"kind": "KILL", "target": "oms-core", "seconds": 5}, "by": "admin1"})
    with door(rig.conductor.begin) as port:
        for password in ("", "wrong", "secret2", "secre"):
            assert ask(port, "POST", "/chaos", body, password)[0] == 403
            assert ask(port, "GET", "/chaos", "", password)[0] == 403
        assert rig.ground.asked == []
        assert ask(port, "GET", "/health/ready", "", "")[0] == 200
        assert ask(port, "POST", "/chaos", body)[0] == 202
        assert ask(port, "POST", "/chaos", body)[0] == 409
        assert ask(port, "POST", "/chaos", body.replace("oms-core", "moon"))[0] == 409
        assert rig.ground.asked == [("kill", "oms-core", 5)]
        assert ask(port, "POST", "/other", body)[0] == 404
        # What is broken cannot be seen now, and nobody takes that for the caller's fault.
        assert ask(port, "GET", "/chaos")[0] == 503


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"request": {}, "by": "x"}',
        '{"request": {"kind": "EXPLODE", "target": "oms-core", "seconds": 5}, "by": "x"}',
        '{"request": {"kind": "KILL", "target": "oms-core", "seconds": -5}, "by": "x"}',
        '{"request": {"kind": "KILL", "target": "moon", "seconds": 5}, "by": "x"}',
    ],
)
def test_what_the_door_cannot_read_is_400_and_breaks_nothing(body: str) -> None:
    rig = Rig()
    with door(rig.conductor.begin) as port:
        assert ask(port, "POST", "/chaos", body)[0] == 400
    assert rig.ground.asked == []


# ---- where there is no chaos


def test_no_deployment_but_the_laptops_names_the_chaos_door() -> None:
    places = [ROOT / "helm", ROOT / "deploy", *ROOT.glob("compose*.yaml"), ROOT / "Dockerfile"]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    texts = [file.read_text(errors="replace") for file in files if file.is_file()]
    assert len(texts) > 30
    assert [text[:80] for text in texts if re.search("CHAOS", text, re.I)] == []


def test_a_stack_has_the_door_only_if_it_is_asked_for(tmp_path: Path) -> None:
    layout = Layout(data=tmp_path, base_port=9200)
    plain, chaos = Stack(layout, "memory"), Stack(layout, "memory", chaos=True)
    assert not [name for name in plain.environment() if "CHAOS" in name]
    assert "chaos" not in plain.ports_needed and "chaos" in chaos.ports_needed
    assert "chaos" not in {program.name for program in plain.services()}
    assert chaos.environment()["OMS_API_CHAOS_URL"] == f"http://127.0.0.1:{layout.port('chaos')}"
    other = Stack(layout, "memory", chaos=True).environment()["OMS_API_CHAOS_PASSWORD"]
    assert len(other) > 30 and other != chaos.environment()["OMS_API_CHAOS_PASSWORD"]
