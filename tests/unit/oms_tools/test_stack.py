"""The stack's programs: every service gets the addresses it asks for; a stack that cannot start says why."""

import inspect
import os
import re
import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from execution_adapter.config import Settings as AdapterSettings
from oms_core.config import Settings as CoreSettings
from oms_platform.settings import load_settings
from oms_tools.cli.main import cli
from oms_tools.cli.verify_commands import evidence_of_stack
from oms_tools.doctor.command import deployment_of_stack
from oms_tools.laptop.layout import FOLDERS, Layout, StackError, write_state
from oms_tools.laptop.stack import Stack, check_can_start, http_ready


def stack(tmp_path: Path, kafka: str = "memory", base_port: int = 9200) -> Stack:
    return Stack(Layout(data=tmp_path, base_port=base_port), kafka)


def test_the_environment_is_what_the_core_reads_its_settings_from(tmp_path: Path) -> None:
    made = stack(tmp_path)
    settings = load_settings(CoreSettings, "OMS_CORE_", made.environment())
    assert settings.kafka_bootstrap == f"127.0.0.1:{made.layout.port('kafka')}"
    assert settings.grpc_port == made.layout.port("core_grpc")
    assert settings.market_data_port == made.layout.port("market_data_grpc")
    assert settings.kafka_fetch_wait_ms == 500
    assert settings.kafka_partitions == 1


@pytest.mark.parametrize(
    ("kafka", "address", "listens"), [("apache", "127.0.0.1:9213", True), ("there:9092", "there:9092", False)]
)
def test_a_broker_elsewhere_is_used_as_it_is_and_needs_no_port_here(
    tmp_path: Path, kafka: str, address: str, listens: bool
) -> None:
    made = stack(tmp_path, kafka)
    assert made.environment()["OMS_KAFKA_BOOTSTRAP"] == address
    assert ("kafka" in made.ports_needed) == listens
    assert made.environment()["OMS_KAFKA_FETCH_WAIT_MS"] == "100"


def test_each_service_is_a_module_with_its_own_readiness(tmp_path: Path) -> None:
    made = stack(tmp_path)
    modules = {program.name: " ".join(program.command[2:]) for program in made.services() + made.simulators()}
    assert modules == {
        "oms-core": "oms_core",
        "sor-engine": "sor_engine",
        "scorekeeper": "sor_engine scorekeeper",
        "sor-answers": "sor_engine answer",
        "execution-adapter": "execution_adapter",
        "oms-api": "oms_api",
        "market-data": "simulators.market_data",
        "broker": "simulators.broker",
    }
    assert not http_ready("http://127.0.0.1:1/health/ready")()


def test_with_venues_elsewhere_the_broker_is_left_out_and_the_adapter_goes_there(tmp_path: Path) -> None:
    made = Stack(Layout(data=tmp_path, base_port=9200), "there:9092", venues="venues.example:7001")
    assert [program.name for program in made.simulators()] == ["market-data"]
    assert not {"broker_fix", "broker_health"} & {*made.ports_needed}
    settings = load_settings(AdapterSettings, "OMS_ADAPTER_", made.environment())
    assert (settings.fix_host, settings.fix_port) == ("venues.example", 7001)
    own = load_settings(AdapterSettings, "OMS_ADAPTER_", stack(tmp_path, "there:9092").environment())
    assert (own.fix_host, own.fix_port) == ("127.0.0.1", 9208)


@pytest.mark.parametrize(("venues", "has_broker"), [("", True), ("127.0.0.1:7001", False)])
def test_judge_and_doctor_look_for_a_broker_only_where_one_runs(
    tmp_path: Path, venues: str, has_broker: bool
) -> None:
    layout = Layout(data=tmp_path, base_port=9200)
    write_state(layout, {"pid": os.getpid(), "base_port": 9200, "kafka": "there:9092", "venues": venues})
    assert (evidence_of_stack(tmp_path).venue_journal is not None) == has_broker
    assert ("broker" in deployment_of_stack(tmp_path).endpoints) == has_broker


@pytest.mark.parametrize("wrong", ["7001", "127.0.0.1:", ":7001", "here:no", "here:0", "here:65536"])
def test_an_address_of_venues_that_is_none_is_refused_before_anything_starts(
    tmp_path: Path, wrong: str
) -> None:
    result = CliRunner().invoke(cli, ["up", "--data", str(tmp_path / "stack"), f"--venues={wrong}"])
    assert result.exit_code == 2
    assert f"venues must be HOST:PORT, was '{wrong}'" in result.output
    assert not (tmp_path / "stack").exists()


def test_a_second_stack_in_the_same_folder_and_a_taken_port_are_refused(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        made = stack(tmp_path, base_port=port)
        with pytest.raises(StackError, match=rf"ports are taken: {port} \(oms-api REST and WebSocket\)"):
            check_can_start(made)
    write_state(made.layout, {"pid": os.getpid(), "base_port": port})
    with pytest.raises(StackError, match=r"a stack runs in .* already; stop it with `oms down`"):
        check_can_start(made)


def test_every_folder_of_a_stack_is_closed_to_others_also_one_that_was_open(tmp_path: Path) -> None:
    made = stack(tmp_path)
    (tmp_path / "broker").mkdir(mode=0o755)
    made.layout.make_folders()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(FOLDERS, 0o700)
    source = Path(str(inspect.getsourcefile(Stack))).read_text()
    assert {*re.findall(r'layout\.data / "(\w+)"', source), made.layout.logs.name} == {*FOLDERS}
