"""`oms simulate`: run seeds, print what went wrong and what broke, and how to see it again."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import structlog
from rich.console import Console
from rich.table import Table

from oms_tools.simulation.kills import FLATTEN, KILL
from oms_tools.simulation.results import Result
from oms_tools.simulation.scheduler import Simulation
from oms_tools.simulation.world import FAULTS, KINDS

console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
# Broken invariants that are printed; the JSON file has all.
SHOWN_MAX: Final = 5
_PROGRESS_EVERY: Final = 20
_COLUMNS: Final = 3
_WORDS: Final = {"all": FAULTS, "none": ()}


class FaultsType(click.ParamType[Any]):
    """`all`, `none`, or names of faults with commas between them: also of what unkind venues do."""

    name = "faults"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the faults that were named."""
        if not isinstance(value, str):
            return value
        if value in _WORDS:
            return _WORDS[value]
        chosen = tuple(value.split(","))
        unknown = sorted(set(chosen) - {*FAULTS, *KINDS, KILL, FLATTEN})
        if unknown:
            known = ", ".join((*FAULTS, *KINDS, KILL, FLATTEN))
            self.fail(f"faults must be all, none or of {known}; found {', '.join(unknown)}", param, ctx)
        return chosen


@contextmanager
def silent_services() -> Iterator[None]:
    """Let the services' logs say nothing less than critical."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


def run_seed(seed: int, orders: int, faults: tuple[str, ...] = FAULTS, trace: Path | None = None) -> Result:
    """Run one seed. trace: where everything that happens is written, a line each."""
    with silent_services():
        if trace is None:
            return Simulation(seed, orders, faults).run()
        with trace.open("w") as file:
            return Simulation(seed, orders, faults, trace=lambda line: _write_line(file, line)).run()


def _write_line(file: Any, line: str) -> None:
    file.write(line + "\n")


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The first seed.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="How many seeds.")
@click.option(
    "--orders", type=click.IntRange(1), default=1_000, show_default=True, help="Orders of each seed."
)
@click.option(
    "--faults",
    type=FaultsType(),
    default="all",
    show_default=True,
    help=f"all, none, or {','.join(FAULTS)}; of unkind alone, {KINDS[0]} and so on; {KILL}: kill switches,"
    f" and with {FLATTEN} some that close positions.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures here.")
@click.option(
    "--trace", type=click.Path(path_type=Path), help="Write everything that happens here; of one seed."
)
def simulate(
    seed: int,
    seeds: int,
    orders: int,
    faults: tuple[str, ...],
    json_file: Path | None,
    trace: Path | None,
) -> None:
    """Run the whole system in one thread while everything goes wrong, and hold it to its invariants.

    The same seed, orders and faults give the same run, to the byte.
    """
    results: list[Result] = []
    broken = 0
    for number in range(seed, seed + seeds):
        result = run_seed(number, orders, faults, trace if seeds == 1 else None)
        results.append(result)
        if result.violation is not None:
            broken += 1
            if broken <= SHOWN_MAX:
                _print_violation(result, faults)
        if len(results) % _PROGRESS_EVERY == 0:
            console.print(f"{len(results)} of {seeds} seeds", style="dim")
    _print_summary(results, seed, orders)
    if json_file is not None:
        json_file.write_text(json.dumps(summary_of(results, seed, orders, faults), indent=2) + "\n")
    if any(result.violation for result in results):
        sys.exit(1)


def summary_of(results: list[Result], seed: int, orders: int, faults: tuple[str, ...]) -> dict[str, object]:
    """Return the figures of a run of seeds."""
    seconds = sum(result.seconds for result in results)
    total = len(results) * orders
    happened = sum((result.faults for result in results), Counter())
    return {
        "first_seed": seed,
        "seeds": len(results),
        "orders": total,
        "faults": list(faults),
        "orders_per_s": round(total / seconds, 1) if seconds else 0.0,
        "seconds": round(seconds, 1),
        "simulated_hours": round(sum(result.simulated_s for result in results) / 3600, 2),
        "steps": sum(result.steps for result in results),
        "events": sum(result.events for result in results),
        "fills": sum(result.fills for result in results),
        "happened": {name: count for name, count in happened.most_common() if name not in KINDS},
        "sown": {kind: happened[kind] for kind in KINDS},
        "outcomes": dict(sum((result.outcomes for result in results), Counter()).most_common()),
        "requests_said": sum(result.requests_said for result in results),
        "requests_needed": sum(result.requests_needed for result in results),
        "digest": results[0].digest if len(results) == 1 else None,
        "violations": [
            {
                "seed": result.violation.seed,
                "step": result.violation.step,
                "rule": result.violation.rule,
                "text": result.violation.text,
            }
            for result in results
            if result.violation is not None
        ],
    }


def _print_violation(result: Result, faults: tuple[str, ...]) -> None:
    broken = result.violation
    if broken is None:
        return
    named = next((word for word, known in _WORDS.items() if known == faults), ",".join(faults))
    console.print(f"[bold red]broken[/] seed {broken.seed}, step {broken.step}: {broken.rule}")
    console.print(broken.text, soft_wrap=True, markup=False)
    console.print(
        f"again: oms simulate --seed {broken.seed} --orders {result.orders} --faults {named} --trace FILE",
        style="dim",
        soft_wrap=True,
    )


def _table_of(sown: dict[str, int]) -> Table:
    """Return how often venues did each thing that no venue should, three to a line."""
    table = Table(*["venues did", "times"] * _COLUMNS)
    cells = [cell for kind, count in sown.items() for cell in (kind, f"{count:,}")]
    for start in range(0, len(cells), 2 * _COLUMNS):
        table.add_row(*cells[start : start + 2 * _COLUMNS])
    return table


def _print_summary(results: list[Result], seed: int, orders: int) -> None:
    figures = summary_of(results, seed, orders, ())
    broken = sum(result.violation is not None for result in results)
    console.print(
        f"seeds {seed} to {seed + len(results) - 1}, {figures['orders']} orders,"
        f" {figures['orders_per_s']} orders/s, {figures['simulated_hours']} simulated hours,"
        f" {figures['fills']} fills"
    )
    if len(results) == 1:
        console.print(f"digest {results[0].digest}")
    happened = figures["happened"]
    if isinstance(happened, dict) and happened:
        console.print("went wrong: " + ", ".join(f"{name} {count}" for name, count in happened.items()))
    sown = figures["sown"]
    if isinstance(sown, dict) and any(sown.values()):
        console.print(_table_of(sown))
    console.print(f"invariants broken: {broken}", style="bold red" if broken else "bold green")
