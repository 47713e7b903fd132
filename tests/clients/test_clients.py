"""Clients that others' generators make of /openapi.json trade on a whole stack.

They need npm with Node 20 or newer, and the package index of each language. Minutes.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from oms_tools.cli.log_in import fetch_token
from tests.e2e.orders import far_below, until_status
from tests.stack_rig import StackRig

HERE = Path(__file__).parent
INSTALL_S_MAX = 400
pytestmark = pytest.mark.timeout(900)


def run(*command: str | Path, at: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end. Returns what it printed; a failure shows that."""
    result = subprocess.run(
        [str(word) for word in command],
        cwd=at,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=INSTALL_S_MAX,
        check=False,
    )
    assert result.returncode == 0, f"{command[0]}:\n{result.stdout[-6000:]}\n{result.stderr[-6000:]}"
    return result.stdout


def caller(rig: StackRig) -> dict[str, str]:
    """Return where the API is, who asks, and a limit price that rests in a book, as both sessions read it."""
    return {
        "OMS_URL": rig.layout.api_url,
        "OMS_TOKEN": fetch_token(rig.layout.issuer_url, "trader1"),
        "OMS_LIMIT_PRICE": far_below(rig.client("trader1"), symbol="AAPL"),
    }


def assert_traded(rig: StackRig, sent: Mapping[str, str], printed: str) -> None:
    """Hold what a session found to what the API says of its order."""
    found: dict[str, Any] = json.loads(printed)
    assert found["listed"] == [found["orderId"]]
    assert found["canceled"] == found["orderId"]
    assert Decimal(found["limitPrice"]) == Decimal(sent["OMS_LIMIT_PRICE"])
    assert found["refused"] == "NOT_FOUND"
    order = until_status(rig.client("trader1"), found["orderId"], "CANCELED")
    assert (order["symbol"], order["quantity"], order["side"]) == ("AAPL", 100, "BUY")


def test_a_generated_python_client_trades(rig: StackRig, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", at=tmp_path)
    programs = tmp_path / "venv" / "bin"
    run(programs / "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt", at=tmp_path)
    # Without a warning: an operation or a type that the generator had to leave out is one.
    run(
        programs / "openapi-python-client", "generate", "--url", f"{rig.layout.api_url}/openapi.json",
        "--meta", "none", "--output-path", tmp_path / "client" / "oms_order_gateway_client",
        "--fail-on-warning", at=tmp_path, environment={"PATH": f"{programs}:{os.environ['PATH']}"},
    )  # fmt: skip
    sent = caller(rig)
    path = {"PYTHONPATH": str(tmp_path / "client")}
    printed = run(programs / "python", HERE / "python_session.py", at=tmp_path, environment=sent | path)
    assert_traded(rig, sent, printed)


def test_a_generated_typescript_client_trades(rig: StackRig, tmp_path: Path) -> None:
    folder = tmp_path / "typescript"
    shutil.copytree(HERE / "typescript", folder)
    run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error", at=folder)
    run(
        "npx", "openapi-typescript", f"{rig.layout.api_url}/openapi.json", "--output", "contract.ts",
        "--default-non-nullable", "false", at=folder,
    )  # fmt: skip
    run("npx", "tsc", at=folder)
    sent = caller(rig)
    assert_traded(rig, sent, run("node", "built/session.js", at=folder, environment=sent))
