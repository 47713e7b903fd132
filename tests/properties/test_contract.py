"""The published contract, held against a whole stack by a tool that knows nothing but the contract."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oms_tools.cli.log_in import fetch_token
from oms_tools.laptop.layout import Layout
from tests.conftest import database_folder
from tests.stack_rig import StackRig, free_base_port

# Beside what is made of each field of the contract by plan; a longer search: OMS_CONTRACT_EXAMPLES=200.
EXAMPLES_EACH = int(os.environ.get("OMS_CONTRACT_EXAMPLES", "15"))
# Thousands of requests, on a machine that may start other stacks meanwhile.
TEST_S_MAX = 1_800
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.fixture
def own_rig() -> Iterator[StackRig]:
    """A stack of its own: what is sent here stops its trading and changes its routing."""
    with database_folder() as folder:
        rig = StackRig(layout=Layout(data=folder, base_port=free_base_port()), kafka="memory")
        rig.up()
        yield rig
        rig.down()


@pytest.mark.timeout(TEST_S_MAX)
def test_what_the_contract_says_holds_for_whatever_is_sent(own_rig: StackRig, tmp_path: Path) -> None:
    result = subprocess.run(
        [
            str(SCHEMATHESIS), "--config-file", str(Path(__file__).with_name("schemathesis.toml")),
            "run", f"{own_rig.layout.api_url}/openapi.json", "--checks", "all",
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES_EACH), "--seed", "7",
            "--header", f"Authorization: Bearer {fetch_token(own_rig.layout.issuer_url, 'admin1')}",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-12_000:] + result.stderr[-2_000:]
