"""What the keeper of logs ends, and what it says of settings and of its own health."""

import importlib.util
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[2] / "deploy" / "compose" / "log_keeper.py"
TODAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def keeper() -> ModuleType:
    """The program, which is no part of the project's packages."""
    spec = importlib.util.spec_from_file_location("log_keeper", PROGRAM)
    if spec is None or spec.loader is None:
        raise ImportError(str(PROGRAM))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_days_that_are_too_old_go_and_the_others_stay(keeper: ModuleType) -> None:
    sizes = {f"oms-logs-2026.03.{day:02}": 1 for day in range(1, 11)}
    assert keeper.to_end(sizes, TODAY, days=7, bytes_max=100) == [
        "oms-logs-2026.03.01",
        "oms-logs-2026.03.02",
        "oms-logs-2026.03.03",
    ]


def test_the_oldest_go_first_until_the_rest_is_small_enough(keeper: ModuleType) -> None:
    sizes = {"oms-logs-2026.03.10": 50, "oms-logs-2026.03.08": 40, "oms-logs-2026.03.09": 30}
    assert keeper.to_end(sizes, TODAY, days=7, bytes_max=80) == ["oms-logs-2026.03.08"]
    assert keeper.to_end(sizes, TODAY, days=7, bytes_max=120) == []


def test_today_begins_anew_when_it_alone_is_too_much(keeper: ModuleType) -> None:
    assert keeper.to_end({"oms-logs-2026.03.10": 81}, TODAY, days=7, bytes_max=80) == ["oms-logs-2026.03.10"]


def test_an_index_of_another_name_stays(keeper: ModuleType) -> None:
    assert keeper.to_end({"oms-logs-old": 500, "other-2020.01.01": 1}, TODAY, days=7, bytes_max=80) == []


def test_a_limit_of_nothing_is_refused() -> None:
    result = subprocess.run(
        [sys.executable, "-IS", str(PROGRAM)],
        env=os.environ | {"OMS_LOGS_DAYS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "OMS_LOGS_DAYS and OMS_LOGS_MIB must be 1 or more, were 0 and 2048" in result.stderr


def test_a_keeper_that_has_not_swept_is_not_healthy(
    keeper: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SWEPT", tmp_path / "swept")
    with pytest.raises(SystemExit, match="last sweep inf s ago"):
        keeper.check()
    keeper.SWEPT.touch()
    with pytest.raises(SystemExit) as left:
        keeper.check()
    assert left.value.code == 0
    hour_ago_s = keeper.SWEPT.stat().st_mtime - 3_600
    os.utime(keeper.SWEPT, (hour_ago_s, hour_ago_s))
    with pytest.raises(SystemExit, match="s ago"):
        keeper.check()
