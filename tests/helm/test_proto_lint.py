"""The .proto files by buf's rules: none is broken but those that proto/buf.yaml names, with why."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helm.tools import ROOT, buf

pytestmark = pytest.mark.timeout(900)


def lint(folder: Path) -> str:
    """Return what buf says of a folder of .proto files."""
    return subprocess.run([buf(), "lint"], cwd=folder, capture_output=True, text=True, check=False).stdout


def test_the_contract_is_written_by_the_rules() -> None:
    assert lint(ROOT / "proto") == ""


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("message lower_case {}", "lower_case"),
        ("message Named { string camelCase = 1; }", "camelCase"),
        ("enum Colour { RED = 0; }", "COLOUR_"),
        ("service Orders {}", "Service"),
    ],
)
def test_a_file_that_breaks_a_rule_is_found(tmp_path: Path, line: str, rule: str) -> None:
    folder = tmp_path / "proto"
    shutil.copytree(ROOT / "proto" / "oms", folder / "oms")
    shutil.copy(ROOT / "proto" / "buf.yaml", folder)
    with (folder / "oms" / "v1" / "types.proto").open("a") as file:
        file.write(f"\n{line}\n")
    assert rule in lint(folder)
