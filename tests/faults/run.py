"""`make faults`: a steady load, each process killed with -9 in the middle of it, Kafka's data wiped.

After each fault: nothing lost, nothing doubled, every invariant holds. Prints a table; exits with 1 if
anything is off. Takes minutes.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from oms_tools.laptop.layout import Layout
from tests.stack_rig import StackRig, broken, free_base_port

TARGETS = (
    "oms-api",
    "oms-core",
    "sor-engine",
    "scorekeeper",
    "sor-answers",
    "execution-adapter",
    "broker",
    "market-data",
    "redis",
    "postgres",
    "kafka",
)
WIPE = "everything stopped, Kafka's data deleted, started again"
# Without a terminal: as wide as the table.
console = Console(width=None if sys.stdout.isatty() else 150)


@click.command()
@click.option("--kafka", default="memory", show_default=True)
@click.option("--rate", default=300.0, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--only", multiple=True, help='Only these targets; "wipe" for the wipe.')
@click.option("--data", type=click.Path(path_type=Path), help="Keep the stack's folder here.")
def main(kafka: str, rate: float, seconds: float, only: tuple[str, ...], data: Path | None) -> None:
    """Run every fault in turn."""
    folder = data or Path(tempfile.mkdtemp(prefix="oms-faults-"))
    rig = StackRig(layout=Layout(data=folder, base_port=free_base_port()), kafka=kafka)
    rig.up()
    table = Table(
        "fault", "sent", "acked", "lost", "duplicates", "back after s", "broken invariants", box=None
    )
    sound = True
    try:
        for target in (*TARGETS, "wipe"):
            if not only or target in only:
                sound &= _run_one(rig, target, rate, seconds, table)
    finally:
        rig.down()
    console.print(table)
    console.print(
        f"kafka {kafka}, {rate:g}/s for {seconds:g} s each; logs in {rig.layout.logs}", highlight=False
    )
    sys.exit(0 if sound else 1)


def _run_one(rig: StackRig, target: str, rate: float, seconds: float, table: Table) -> bool:
    bench = rig.start_bench(rate, seconds)
    bench.await_part(1 / 3)
    started = time.monotonic()
    _fault(rig, target)()
    back_s = time.monotonic() - started
    figures = bench.figures()
    violations = broken(rig.verify())
    sound = (
        not (figures["lost"] or figures["duplicates"] or violations) and figures["acked"] == figures["sent"]
    )
    name = WIPE if target == "wipe" else f"kill -9 {target}"
    counts = [str(figures[key]) for key in ("sent", "acked", "lost", "duplicates")]
    table.add_row(name, *counts, f"{back_s:.1f}", "none" if not violations else violations[0])
    console.print(f"{'ok ' if sound else 'BAD'} {name}: {counts}, back after {back_s:.1f} s", highlight=False)
    for violation in violations:
        console.print(f"    {violation}", highlight=False, soft_wrap=True)
    for refusal in figures["not_acked"]:
        console.print(f"    not acked: {refusal}", highlight=False, soft_wrap=True)
    return sound


def _fault(rig: StackRig, target: str) -> Callable[[], None]:
    if target == "wipe":
        return rig.wipe_kafka
    return lambda: rig.await_ready_again(target, rig.kill(target))


if __name__ == "__main__":
    main()
