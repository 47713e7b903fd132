"""`make stopwatch`: `oms bench` and a load written in Go (main.go, here) on one stack at the same time.

Both send at one rate and time the same things; where they differ by more than a twentieth, one of them is
wrong about what a client sees. Prints both, a line each for every round. Needs Go. Minutes.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from oms_platform.schema.demo_data import INSTRUMENTS
from oms_tools.bench.order_mix import ACCOUNTS
from oms_tools.cli.log_in import fetch_token
from oms_tools.laptop.layout import Layout
from tests.stack_rig import StackRig, free_base_port

DIFFERENCE_MAX = 0.05
FIGURES = (("ack_ms", "p50"), ("ack_ms", "p99"), ("filled_ms", "p50"), ("filled_ms", "p99"))
WARM_UP_S = 10
console = Console()


@click.command()
@click.option("--rate", default=100.0, show_default=True, help="Orders a second of each of the two.")
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(rate: float, seconds: float, rounds: int) -> None:
    """Exit with 1 when the medians over all rounds differ by more than a twentieth."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="oms-stopwatch-")))
        program = _build(folder)
        rig = StackRig(layout=Layout(data=folder / "stack", base_port=free_base_port()), kafka="memory")
        cleanup.callback(rig.down)
        rig.up()
        rig.start_bench(rate, WARM_UP_S).figures()
        table = Table("figure", *(f"round {n + 1}: bench, Go" for n in range(rounds)), "Go against bench")
        found = [_round(rig, program, rate, seconds) for _ in range(rounds)]
        differ = False
        for figure, rank in FIGURES:
            pairs = [(bench[figure][rank], other[figure][rank]) for bench, other in found]
            ratio = statistics.median(theirs / ours for ours, theirs in pairs)
            differ |= abs(ratio - 1) > DIFFERENCE_MAX
            told = (f"{ours:.1f}, {theirs:.1f}" for ours, theirs in pairs)
            table.add_row(f"{figure} {rank}", *told, f"{ratio - 1:+.1%}")
        console.print(table)
        sys.exit(1 if differ else 0)


def _build(folder: Path) -> str:
    go = shutil.which("go")
    if go is None:
        sys.exit("expected go on the PATH to build the stopwatch, found none")
    shutil.copytree(
        Path(__file__).parent, folder / "source", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    for words in (("mod", "tidy"), ("build", "-o", "stopwatch")):
        subprocess.run([go, *words], cwd=folder / "source", check=True, capture_output=True)
    return str(folder / "source" / "stopwatch")


def _round(rig: StackRig, program: str, rate: float, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the two say of the same time."""
    bench = rig.start_bench(rate, seconds)
    other = subprocess.run(
        [
            program, "-url", rig.layout.api_url, "-rate", str(rate), "-seconds", str(seconds),
            "-accounts", ",".join(ACCOUNTS), "-symbols", ",".join(symbol for symbol, _, _ in INSTRUMENTS),
        ],
        env=os.environ | {"OMS_TOKEN": fetch_token(rig.layout.issuer_url, "desk")},
        stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    return bench.figures(), json.loads(other.stdout)


if __name__ == "__main__":
    main()
