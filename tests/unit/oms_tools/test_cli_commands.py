"""The command line as a whole: what it imports, what every command has, what the README says of it."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, RETAIL
from oms_tools.cli import stack_commands
from oms_tools.cli.main import COMMANDS, cli, sentence_of
from oms_tools.cli.options import data_hint
from oms_tools.cli.stack_commands import print_next_steps
from oms_tools.cli.tables import counted
from oms_tools.laptop.dev_grants import PERSONAS
from oms_tools.laptop.layout import DATA_VARIABLE, Layout, StackError
from tests.stack_rig import free_base_port

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
HEAVY = {
    "aiohttp",
    "alembic",
    "asyncio",
    "betterproto",
    "confluent_kafka",
    "grpclib",
    "joserfc",
    "litestar",
    "matplotlib",
    "numpy",
    "opentelemetry",
    "pandas",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "redis",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
    "uvicorn",
    "websockets",
}
# What only a command that does something needs.
OF_COMMANDS = {"msgspec", "psutil", "rich", "urllib.request"}
SIMPLE = (
    "accounts",
    "cancel",
    "cancel-all",
    "down",
    "exceptions",
    "explain",
    "kill",
    "orders",
    "positions",
    "preview",
    "quote",
    "replace",
    "resume",
    "resume-all",
    "scorecards",
    "status",
    "submit",
    "suspend",
    "suspend-all",
    "token",
    "up",
    "watch",
    "whatif",
    "whoami",
)
# Commands that start, stop or change something and print a sentence, a token, or write a file.
WITHOUT_DATA = {
    "demo",
    "dlq replay",
    "down",
    "export-routes",
    "fix logon",
    "fix logout",
    "fix resend",
    "fix reset",
    "login",
    "logout",
    "migrate",
    "reconcile run",
    "token",
    "up",
}
_PROGRAM = """
import json, sys
sys.argv = ["oms", *sys.argv[1:]]
from oms_tools.cli.main import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(*words: str) -> set[str]:
    """Return every module that is imported when `oms` has run, and each one's packages."""
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    names: list[str] = json.loads(found.stderr.splitlines()[-1])
    return set(names)


def leaves(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is no group, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def options(command: click.Command) -> set[str]:
    return {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nonsense"]])
def test_help_and_version_import_no_command(words: list[str]) -> None:
    assert not imported(*words) & (HEAVY | OF_COMMANDS)


@pytest.mark.parametrize("name", SIMPLE)
def test_a_simple_command_imports_nothing_heavy(name: str) -> None:
    assert not imported(name, "--help") & HEAVY


def test_a_command_that_runs_imports_nothing_heavy_either(tmp_path: Path) -> None:
    assert not imported("status", "--data", str(tmp_path)) & HEAVY
    assert not imported("orders", "--data", str(tmp_path)) & HEAVY


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    context = click.Context(cli)
    said = {}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None, name
        said[name] = command.get_short_help_str(200).removesuffix(".")
    assert said == {name: listed.line for name, listed in COMMANDS.items()}
    assert set(cli.list_commands(context)) == set(COMMANDS)


def test_the_version_is_that_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert CliRunner().invoke(cli, ["--version"]).output == f"oms, version {version}\n"


def test_every_command_that_takes_data_takes_it_from_the_environment() -> None:
    taking = [
        (name, parameter)
        for name, command in leaves()
        for parameter in command.params
        if "--data" in parameter.opts
    ]
    assert len(taking) > 30
    assert [name for name, parameter in taking if parameter.envvar != DATA_VARIABLE] == []


def test_every_command_that_prints_data_prints_json() -> None:
    lacking = {name for name, command in leaves() if "--json" not in options(command)}
    assert lacking == WITHOUT_DATA


def test_what_a_command_requires_is_missed_when_it_is_left_out() -> None:
    required = [
        (command, option)
        for _, command in leaves()
        for option in command.params
        if isinstance(option, click.Option) and option.required
    ]
    assert len(required) > 20
    for command, option in required:
        with pytest.raises(click.MissingParameter):
            option.handle_parse_result(click.Context(command, info_name=command.name), {}, [])


def test_of_a_command_that_is_none_the_nearest_is_named() -> None:
    found = CliRunner().invoke(cli, ["sumbit"])
    assert (found.exit_code, "The nearest is 'submit'." in found.output) == (2, True)
    assert "nearest" not in CliRunner().invoke(cli, ["xyzzy"]).output


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "entry", "1 entry"), (0, "entry", "0 entries"), (2, "kill switch", "2 kill switches"),
        (1, "kill switch", "1 kill switch"), (1200, "order", "1,200 orders"),
    ],
)  # fmt: skip
def test_things_are_counted_as_people_do(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said


def test_a_command_in_another_folder_says_in_one_line_how_to_name_the_stack(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["status"], env={DATA_VARIABLE: str(tmp_path)})
    said = str(result.exception)
    assert isinstance(result.exception, StackError)
    assert said.startswith(f"no stack runs in {tmp_path.resolve()}: ")
    assert "--data or OMS_DATA" in said and "\n" not in said


def test_only_errors_that_are_sentences_are_shown_as_such() -> None:
    assert sentence_of(StackError("no stack runs")) == "no stack runs"
    assert sentence_of(RuntimeError("a fault of ours")) is None


def shown_commands() -> list[str]:
    """Return every `oms …` that the README shows, in a table or a block."""
    spans = re.findall(r"`(oms [^`]*)`", README)
    blocks = [
        re.sub(r"^docker compose run --rm ", "", line.partition("$(")[2].rstrip(")") or line)
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
        for line in ([] if language else block.splitlines())
        if re.search(r"\boms [a-z]", line)
    ]
    return [text.replace("\\|", "|") for text in (*spans, *blocks) if not text.startswith("oms COMMAND")]


@pytest.mark.parametrize("text", shown_commands())
def test_a_command_that_the_readme_shows_exists_with_its_options(text: str) -> None:
    words = text.split()[1:]
    command: click.Command = cli
    group: click.Group | None = None
    while words and isinstance(command, click.Group):
        # `oms reconcile list|run VENUE|report`: each of them.
        for name in words[0].rstrip(",").split("|"):
            found = command.get_command(click.Context(command), name)
            if found is None:
                assert name.isupper(), f"{text}: no command {name}"
        named = command.get_command(click.Context(command), words[0].split("|")[0].rstrip(","))
        assert named is not None, text
        group = named if isinstance(named, click.Group) else group
        command, words = named, words[1:]
    known = options(command)
    if group is not None and ("|" in text or isinstance(command, click.Group)):
        known |= {option for _, leaf in leaves(group) for option in options(leaf)}
    for word in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(words)):
        assert word in known, f"{text}: {command.name} has no {word}"


def test_the_readme_shows_commands() -> None:
    assert len(shown_commands()) > 30
    shown = {text.split()[1] for text in shown_commands() if len(text.split()) > 1}
    assert shown >= set(COMMANDS) - {"demo"}


def test_the_readmes_personas_are_those_of_the_issuer() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| ([\w-]+) \|$", README, re.M)
    told = {
        name: (("*",) if accounts == "every account" else tuple(re.findall(r"`([^`]+)`", accounts)), (role,))
        for name, accounts, role in rows
    }
    assert told == PERSONAS
    demo = {*INSTITUTIONS, *HEDGE_FUNDS, *RETAIL}
    assert {account for accounts, _ in told.values() for account in accounts} - {"*"} == demo


def test_the_project_says_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    for name in re.findall(r"\[(\w+\.md)\]\(\1\)", README):
        assert (ROOT / name).exists(), name


def test_what_to_type_next_names_the_stack_where_it_is_not_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert data_hint(Path(".oms")) == ""
    assert data_hint(Path("other")) == f" --data {tmp_path / 'other'}"
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "other"))
    assert data_hint(Path("other")) == ""
    assert data_hint(Path(".oms")) == f" --data {tmp_path / '.oms'}"


def test_a_stack_that_has_started_says_the_next_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(data=tmp_path, base_port=9000)
    print_next_steps(layout, tmp_path)
    said = capsys.readouterr().out
    hint = f"--data {tmp_path}"
    for step in (
        "http://127.0.0.1:9000/",
        f"oms token --user trader1 {hint}",
        "127.0.0.1:9001",
        f"oms down {hint}",
    ):
        assert step in said


def test_the_stack_is_started_without_the_callers_folder_on_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its modules name the class that is replaced below.
    importlib.import_module("oms_tools.laptop.stack")
    importlib.import_module("oms_tools.laptop.supervisor")
    started: list[dict[str, Any]] = []

    def start(_command: list[str], **options: Any) -> None:
        started.append(options)

    monkeypatch.setattr(stack_commands.subprocess, "Popen", start)
    monkeypatch.setattr(stack_commands, "_await_running", lambda *_: None)
    stack_commands.start_stack(tmp_path, free_base_port(), "memory", "")
    assert started[0]["env"]["PYTHONSAFEPATH"] == "1"


class _Supervisor:
    """What was started, as far as its end."""

    ended: tuple[str, ...] = ()

    def terminate(self) -> None:
        self.ended += ("terminate",)

    def wait(self, _timeout_s: float) -> None:
        self.ended += ("wait",)


def test_a_start_that_is_broken_off_leaves_nothing_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("oms_tools.laptop.stack")
    importlib.import_module("oms_tools.laptop.supervisor")
    for broken_off in (KeyboardInterrupt(), StackError("not running after 180 s")):
        supervisor = _Supervisor()

        def interrupted(*_: object, by: BaseException = broken_off) -> None:
            raise by

        monkeypatch.setattr(stack_commands.subprocess, "Popen", lambda *_, one=supervisor, **__: one)
        monkeypatch.setattr(stack_commands, "_await_running", interrupted)
        with pytest.raises(type(broken_off)):
            stack_commands.start_stack(tmp_path, free_base_port(), "memory", "")
        assert supervisor.ended == ("terminate", "wait")


def test_a_folder_that_cannot_be_made_is_said() -> None:
    with pytest.raises(StackError, match=r"expected a folder that can be made, was /dev/null/stack"):
        stack_commands.start_stack(Path("/dev/null/stack"), free_base_port(), "memory", "")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_ended_otherwise_than_by_ctrl_c_stops_the_stack_too(sent: signal.Signals) -> None:
    # The second signal comes while it stops what runs, and does not break that off.
    script = """if True:
        import os, signal, sys, time
        from oms_tools.cli.stack_commands import broken_off_by_signals
        kept = os.dup(1)
        with broken_off_by_signals():
            try:
                os.write(kept, b"runs\\n")
                time.sleep(60)
            except KeyboardInterrupt:
                print("stopping", flush=True)
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.1)
                os.write(kept, b"stopped")
    """
    ran = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert ran.stdout and ran.stdout.readline() == "runs\n"
    ran.send_signal(sent)
    said, wrong = ran.communicate(timeout=30)
    assert (said, wrong, ran.returncode) == (
        "stopping\nstopped" if sent == signal.SIGTERM else "stopped",
        "",
        0,
    )


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stack_commands.broken_off_by_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
