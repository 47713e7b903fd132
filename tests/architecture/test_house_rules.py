"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("oms_api", "oms_core", "sor_engine", "execution_adapter")
# The second process of the router: `sor_engine/__main__.py` starts it too.
SCOREKEEPER = "sor_engine/scorekeeper"
ROOMS = (
    "__main__.py",
    "bootstrap.py",
    "config.py",
    "handlers.py",
    "ports.py",
    "entrypoints",
    "adapters",
    "domain",
)
# Of the platform a domain knows words, the arithmetic of prices, the market's rules and hours, and nothing
# that does anything.
DOMAIN_MAY = (
    "oms_platform.vocabulary",
    "oms_platform.prices",
    "oms_platform.order_ids",
    "oms_platform.exceptions",
    "oms_platform.market_rules",
    "oms_platform.order_types",
    "oms_platform.overrides",
    "oms_platform.pegs",
    "oms_platform.risk_book",
    "oms_platform.risk_rules",
    "oms_platform.kill_switches",
    "oms_platform.scopes",
    "oms_platform.sides",
    "oms_platform.trading_calendar",
    "oms_platform.venue_limits",
    "oms_platform.fix.schedule",
    "oms_platform.fix.symbols",
)
DOMAIN_MAY_NOT = ("asyncio", "random", "time", "psycopg", "confluent_kafka", "oms_platform", "os")
ROLELESS = {"utils", "helpers", "common", "manager", "misc"}


def modules(*folders: str) -> list[Path]:
    """Return every module below these folders."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def _is_there(service: str, room: str) -> bool:
    """Return whether a service has a room; one that has grown is a package in place of a module."""
    place = ROOT / service / room
    return place.exists() or (place.with_suffix("") / "__init__.py").exists()


def test_every_service_has_the_same_rooms() -> None:
    for service in SERVICES:
        assert [room for room in ROOMS if not _is_there(service, room)] == [], service
    assert [room for room in ROOMS[1:] if not _is_there(SCOREKEEPER, room)] == []


def test_a_domain_knows_no_clock_no_chance_no_io_and_no_float() -> None:
    domains = [f"{service}/domain" for service in (*SERVICES, SCOREKEEPER)]
    for path in modules(*domains):
        text = path.read_text()
        for name in DOMAIN_MAY_NOT:
            found = re.findall(rf"^\s*(?:import|from) ({name}\b[\w.]*)", text, re.M)
            assert [module for module in found if module not in DOMAIN_MAY] == [], path
        for line in _code(text).splitlines():
            # Seconds of a clock that is handed in (`now_s`) may be floats; prices and quantities never.
            wrong = re.search(r"\bfloat\b|\.now\(|\d\.\d", line) and not re.search(r"\w_s\b", line)
            assert not wrong, f"{path}: {line.strip()}"


def _code(text: str) -> str:
    """Return a module's text without strings and comments."""
    return re.sub(r'"""[\s\S]*?"""|"[^"\n]*"|#.*', "", text)


def test_no_package_is_under_no_rule() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(tools["importlinter"]["root_packages"]) == packages
    assert {name.removesuffix("*") for name in tools["setuptools"]["packages"]["find"]["include"]} == packages


def test_modules_are_named_for_their_role() -> None:
    named = {path.stem for path in modules(*SERVICES, "simulators", "oms_platform", "oms_tools")}
    assert not named & ROLELESS


def test_no_tracked_file_carries_a_package_registrys_address() -> None:
    hosts = "|".join(("pypi" + r"\.org", "pythonhosted", "npmjs", "repo" + r"\.maven", "crates" + r"\.io"))
    found = subprocess.run(
        ["git", "grep", "-nIE", f"https?://[a-z0-9.-]*({hosts})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_nothing_is_left_to_be_done_later() -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X"))
    found = subprocess.run(
        ["git", "grep", "-nIE", rf"\b({marks})\b", "--", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_every_script_of_the_tests_finds_what_it_imports() -> None:
    """What a make target runs is collected by no suite: a name that has moved would be missed there."""
    is_run = 'if __name__ == "__main__":'
    scripts = [path for path in (ROOT / "tests").rglob("*.py") if is_run in path.read_text()]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(scripts)]
    assert len(names) >= 10
    command = [sys.executable, "-c", "; ".join(f"import {name}" for name in names)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


# Where a member of Side may be compared: each its own package's one place.
SIDES_COMPARED = ("oms_platform/sides.py", "simulators/broker/protocol.py")
PRODUCT = (*SERVICES, "oms_platform", "oms_tools", "oms_client", "simulators", "examples")


def _compared_sides(text: str) -> list[str]:
    """Return a module's comparisons of a side with one member, or with the text of one that sells."""
    found = []
    for node in ast.walk(ast.parse(text)):
        operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if isinstance(node, ast.MatchValue):
            operands = [node.value]
        for one in operands:
            is_member = isinstance(one, ast.Attribute) and ast.unparse(one.value).endswith("Side")
            if is_member or (isinstance(one, ast.Constant) and one.value in ("SELL", "SIDE_SELL")):
                found.append(
                    f"{node.lineno}: {ast.unparse(node)}" if isinstance(node, ast.expr) else str(one)
                )
    return found


def test_nobody_compares_a_side_with_one_member_and_forgets_the_others() -> None:
    for text in (
        "x is Side.BUY",
        "a == v1.Side.SELL",
        'side != "SELL"',
        "side in (1, 2) or x is not Side.SELL",
    ):
        assert _compared_sides(text), text
    assert _compared_sides('sign = 1 if side == "BUY" else -1') == []
    found = {str(path.relative_to(ROOT)): _compared_sides(path.read_text()) for path in modules(*PRODUCT)}
    assert {name for name, wrong in found.items() if wrong} <= set(SIDES_COMPARED), found
