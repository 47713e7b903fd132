"""`make mutants`: the rules of pre-trade risk are changed in a thousand small ways; tests have to notice.

mutmut makes the mutants, in a copy of the code. Shown: how many the tests of the rules notice, and each one
that they do not. Exits with 1 below 90 %. Three minutes.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
KILLED_MIN = 0.9
UNIT = "tests/unit/oms_core"
SETTINGS = {
    "source_paths": ["oms_core"],
    "only_mutate": ["oms_core/domain/risk/*.py", "oms_core/domain/risk/rules/*.py"],
    "pytest_add_cli_args_test_selection": [
        f"{UNIT}/{name}.py"
        for name in ("test_rules", "test_rule_checks", "test_risk", "test_overrides", "test_limit_watch")
    ],
}
PACKAGES = ("oms_api", "oms_client", "oms_core", "oms_platform", "oms_tools", "proto", "tests")


def main() -> None:
    """Make the mutants, run the tests against each, say what came of it."""
    mutmut = Path(sys.executable).with_name("mutmut")
    with tempfile.TemporaryDirectory(prefix="oms-mutants-") as folder:
        copy = Path(folder)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        others = [package for package in PACKAGES if package not in ("oms_core", "tests")]
        _write_settings(copy, {**SETTINGS, "also_copy": others})
        subprocess.run([mutmut, "run", "--max-children", "2"], cwd=copy, check=True)
        subprocess.run([mutmut, "export-cicd-stats"], cwd=copy, check=True)
        stats = json.loads((copy / "mutants" / "mutmut-cicd-stats.json").read_text())
        _show_survivors(mutmut, copy)
    share = stats["killed"] / stats["total"]
    print(f"{stats['killed']} of {stats['total']} mutants noticed: {share:.1%}, at least {KILLED_MIN:.0%}")
    sys.exit(share < KILLED_MIN)


def _write_settings(copy: Path, settings: dict[str, list[str]]) -> None:
    # A list of texts is the same in TOML as in JSON.
    lines = ["[tool.mutmut]", *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]
    (copy / "pyproject.toml").write_text("\n".join([*lines, ""]))


def _show_survivors(mutmut: Path, copy: Path) -> None:
    lines = subprocess.run([mutmut, "results"], cwd=copy, check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        name, _, result = line.strip().partition(": ")
        if result and result != "killed":
            shown = subprocess.run(
                [mutmut, "show", name], cwd=copy, check=True, capture_output=True, text=True
            )
            print(result, name, *_changes(shown.stdout), sep="\n", end="\n\n")


def _changes(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if line[:2] in ("- ", "+ ")]


if __name__ == "__main__":
    main()
