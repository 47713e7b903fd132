"""The stack's layout: each listener its own port, taken ones named, a dead supervisor's state is no stack."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from oms_tools.laptop.layout import (
    PORTS,
    Layout,
    StackError,
    is_alive,
    read_state,
    running_layout,
    write_state,
)
from oms_tools.laptop.parts import PartFailedError, wait_until
from tests.ports import free_port


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_every_listener_has_its_own_port_above_the_base_port(tmp_path: Path) -> None:
    layout = Layout(data=tmp_path, base_port=9000)
    ports = [layout.port(name) for name, _ in PORTS]
    assert ports == list(range(9000, 9000 + len(PORTS)))
    assert layout.api_url == "http://127.0.0.1:9000"
    assert layout.issuer_url == f"http://127.0.0.1:{layout.port('issuer')}"
    with pytest.raises(KeyError):
        layout.port("telnet")


def test_a_taken_port_is_named_with_what_wants_it(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        layout = Layout(data=tmp_path, base_port=port)
        assert layout.taken_ports(["api_http"]) == [f"{port} (oms-api REST and WebSocket)"]
    assert Layout(data=tmp_path, base_port=free_port()).taken_ports(["api_http"]) == []


def test_the_state_of_a_living_supervisor_is_found_again(tmp_path: Path) -> None:
    layout = Layout(data=tmp_path, base_port=9100)
    write_state(layout, {"pid": os.getpid(), "base_port": 9100})
    assert running_layout(tmp_path) == (layout, {"pid": os.getpid(), "base_port": 9100})
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


@pytest.mark.parametrize("text", [None, "", '{"pid": ', '{"pid": %d, "base_port": 1}'])
def test_no_state_a_torn_one_and_a_dead_supervisors_are_no_stack(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "stack.json").write_text(text.replace("%d", str(dead_pid())))
    assert read_state(tmp_path) is None
    with pytest.raises(StackError, match=r"no stack runs in .*--data or OMS_DATA, or start one with `oms up"):
        running_layout(tmp_path)


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: not is_alive(process.pid), "the end of the process, not waited for")
    process.wait()
    assert is_alive(os.getpid())


def test_waiting_for_what_never_comes_says_for_what() -> None:
    with pytest.raises(PartFailedError, match="the tide was not ready within 0 s"):
        wait_until(lambda: False, "the tide", timeout_s=0.1)
