"""The client by itself: what it imports is what its package asks for, and importing it costs nothing."""

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import oms_client

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "oms_client"
PACKAGE = tomllib.loads((FOLDER / "pyproject.toml").read_text())
PLATFORM = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported_by(module: Path) -> set[str]:
    """Return the packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


def test_what_the_client_imports_is_what_its_package_asks_for() -> None:
    imported = set().union(*(imported_by(module) for module in FOLDER.glob("*.py"))) - {"oms_client"}
    assert imported == {name.partition(">")[0] for name in PACKAGE["project"]["dependencies"]}
    assert imported <= set(PLATFORM["dependencies"])


def test_every_module_is_in_the_one_folder_that_is_packaged() -> None:
    assert PACKAGE["tool"]["setuptools"]["packages"] == ["oms_client"]
    assert not [folder for folder in FOLDER.glob("*/__init__.py") if folder.parent.name != "build"]
    assert (FOLDER / "py.typed").exists()
    assert PACKAGE["project"]["requires-python"] == PLATFORM["requires-python"]


def test_importing_the_client_imports_nothing_else_and_every_name_of_it_is_there() -> None:
    program = "import json, sys, oms_client; print(json.dumps([*sys.modules]))"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(json.loads(said.stdout)) & {"httpx", "websockets", "msgspec", "asyncio", "ssl"}
    for name in oms_client.__all__:
        assert getattr(oms_client, name) is not None
    shown = (FOLDER / "__init__.py").read_text()
    assert all(f" as {name}\n" in shown for name in oms_client.__all__)
