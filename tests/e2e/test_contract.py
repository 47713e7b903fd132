"""The published contract, held against a whole stack by a tool that knows nothing but the contract."""

import subprocess
import sys
from pathlib import Path

from oms_tools.cli.client import fetch_token
from tests.stack_rig import StackRig

EXAMPLES_EACH = 40
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_what_the_contract_says_holds_for_whatever_is_sent(rig: StackRig, tmp_path: Path) -> None:
    result = subprocess.run(
        [
            str(SCHEMATHESIS), "--config-file", str(Path(__file__).with_name("schemathesis.toml")),
            "run", f"{rig.layout.api_url}/openapi.json", "--checks", "all",
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES_EACH), "--seed", "7",
            "--header", f"Authorization: Bearer {fetch_token(rig.layout.issuer_url, 'admin1')}",
            # It stops the trading of the stack that other tests share.
            "--exclude-operation-id", "setKillSwitch", "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-12_000:] + result.stderr[-2_000:]
