"""`make unkind`: a steady load while the simulated venues do what no venue should, each fault by its rate.

Then the venues are kind again, and what is left is held to two things: `oms verify` is clean, and every fault
of a kind that must be an exception is one, in number, and none is invented. Exits with 1 if anything is off.
"""

import json
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click
import psycopg
from rich.console import Console
from rich.table import Table

from oms_platform.exceptions import ExceptionKind
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from oms_tools.simulation.faults import EXCEPTED
from simulators.broker.config import VENUES
from simulators.broker.protocol import FaultKind
from tests.stack_rig import StackRig, broken, free_base_port

# What is true, or is said oddly, is applied, and is none.
APPLIED: Final = (
    "LATIN1_TEXT",
    "NUL_TEXT",
    "EMPTY_TAG",
    "DATA_WITH_SEPARATOR",
    "USER_TAGS",
    "CLOCK_OFF",
    "FIX42_STYLE",
    "DUPLICATE_REJECT",
    "STOPPED",
    "CALCULATED",
    "CANCEL_CROSSED",
    "BUST",
    "CORRECTION",
    "RESTATEMENT",
    "UNSOLICITED_CANCEL",
    "SUSPENSION",
    "CANCEL_PENDING_ALREADY",
    "THROTTLED",
    "DROP",
)
console = Console(width=None if sys.stdout.isatty() else 150)


def control(port: int, venue_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Put a venue's plan of faults in place, and return what it says of itself."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/control/venues/{venue_id}", json.dumps(body).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def sown(journal: Path) -> list[dict[str, Any]]:
    """Return the faults that the venues' journal has."""
    lines = (journal / "journal.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines if b'"record":"fault"' in line]


def unexplained(faults: list[dict[str, Any]], exceptions: list[tuple[str, str, str, str]]) -> list[str]:
    """Hold faults and exceptions (kind, venue, ExecID, order as hex) to each other, one to one.

    An order that a venue overfilled is beyond its quantity for the trades of other venues, too.
    """
    left = Counter(exceptions)
    overfilled: set[str] = set()
    sentences: list[str] = []
    for fault in faults:
        kinds = EXCEPTED.get(FaultKind(fault["kind"]))
        if kinds is None:
            continue
        if fault["kind"] == FaultKind.OVERFILL.value:
            overfilled.add(fault["cl_ord_id"].partition("-")[0])
        about = (fault["venue_id"], fault["exec_id"])
        names = {kind.name for kind in kinds}
        found = next((one for one in left if one[0] in names and one[1:3] == about), None)
        if found is None:
            sentences.append(f"missed: {fault['kind']} of {' '.join(about)}")
            continue
        left[found] -= 1
        if not left[found]:
            del left[found]
    for kind, venue_id, exec_id, order in left:
        if kind != ExceptionKind.OVERFILL.name or order not in overfilled:
            sentences.append(f"invented: {kind} of {venue_id} {exec_id}")
    return sentences


@click.command()
@click.option("--rate", default=200.0, show_default=True)
@click.option("--seconds", default=600.0, show_default=True)
@click.option("--share", default=0.002, show_default=True, help="The rate of each fault at each occasion.")
@click.option("--seed", default=7, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Keep the stack's folder here.")
def main(rate: float, seconds: float, share: float, seed: int, data: Path | None) -> None:
    """Load, sow, be kind again, judge and count."""
    folder = data or Path(tempfile.mkdtemp(prefix="oms-unkind-"))
    rig = StackRig(layout=Layout(data=folder, base_port=free_base_port()), kafka="memory")
    rig.up()
    try:
        port = rig.layout.port("broker_control")
        for number, venue_id in enumerate(VENUES):
            rates = dict.fromkeys([*(kind.value for kind in EXCEPTED), *APPLIED], share) | {
                "DROP": share / 20
            }
            control(port, venue_id, {"seed": seed + number, "rates": rates})
        bench = rig.start_bench(rate, seconds)
        figures = bench.figures()
        for venue_id in VENUES:
            control(port, venue_id, {})
        violations = broken(rig.verify())
        with psycopg.connect(postgres_dsn(rig.layout.port("postgres"))) as connection:
            exceptions = connection.execute(
                "SELECT kind, venue_id, exec_id, replace(coalesce(order_id::text, ''), '-', '')"
                " FROM execution_exceptions"
            ).fetchall()
        faults = sown(rig.layout.data / "broker")
    finally:
        rig.down()
    sys.exit(0 if _report(figures, violations + unexplained(faults, exceptions), faults, exceptions) else 1)


def _report(
    figures: dict[str, Any],
    violations: list[str],
    faults: list[dict[str, Any]],
    exceptions: list[tuple[str, str, str, str]],
) -> bool:
    table = Table("fault", "sown")
    counts = Counter(fault["kind"] for fault in faults)
    for kind, count in sorted(counts.items()):
        table.add_row(kind, f"{count:,}")
    console.print(table)
    expected = sum(counts[kind.value] for kind in EXCEPTED)
    kinds = dict(Counter(one[0] for one in exceptions))
    console.print(f"exceptions: {len(exceptions):,} for {expected:,} faults that must be one: {kinds}")
    console.print(
        f"sent {figures['sent']:,}  acked {figures['acked']:,}  lost {figures['lost']}"
        f"  duplicates {figures['duplicates']}"
    )
    for violation in violations:
        console.print(f"[red]BROKEN[/] {violation}")
    return figures["lost"] == figures["duplicates"] == 0 and not violations


if __name__ == "__main__":
    main()
