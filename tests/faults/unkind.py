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

from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from oms_tools.simulation.faults import EXCEPTED
from simulators.broker.config import VENUES
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


def sown(journal: Path) -> Counter[str]:
    """Count the faults of each kind that the venues' journal has."""
    found: Counter[str] = Counter()
    for line in (journal / "journal.jsonl").read_bytes().splitlines():
        if b'"record":"fault"' in line:
            found[json.loads(line)["kind"]] += 1
    return found


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
            kinds = Counter(
                dict(connection.execute("SELECT kind, count(*) FROM execution_exceptions GROUP BY kind"))
            )
        faults = sown(rig.layout.data / "broker")
    finally:
        rig.down()
    sys.exit(0 if _report(figures, violations, faults, kinds) else 1)


def _report(
    figures: dict[str, Any], violations: list[str], faults: Counter[str], kinds: Counter[str]
) -> bool:
    table = Table("fault", "sown")
    for kind, count in sorted(faults.items()):
        table.add_row(kind, f"{count:,}")
    console.print(table)
    expected = sum(faults[kind.value] for kind in EXCEPTED)
    console.print(
        f"exceptions: {sum(kinds.values()):,} for {expected:,} faults that are none otherwise: {dict(kinds)}"
    )
    console.print(
        f"sent {figures['sent']:,}  acked {figures['acked']:,}  lost {figures['lost']}"
        f"  duplicates {figures['duplicates']}"
    )
    for violation in violations:
        console.print(f"[red]BROKEN[/] {violation}")
    whole = figures["lost"] == figures["duplicates"] == 0 and not violations
    return whole and sum(kinds.values()) == expected


if __name__ == "__main__":
    main()
