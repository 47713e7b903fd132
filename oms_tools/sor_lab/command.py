"""`oms sor-lab` and `oms bench-decisions`: the proof that routing earns its keep, and what a decision costs.

The law of this file: it asks, prints and writes. numpy and matplotlib are loaded only when a command runs.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sor_engine.domain.profile import StrategyName

# Tables keep their shape in a file or a pipe.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
_json_option = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures to this file."
)


class Steps:
    """Counts the steps of a run, and says each with its number and what is left of the time.

    total: how many there are. show: takes the line.
    """

    def __init__(
        self, total: int, show: Callable[[str], None], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._show = show
        self._now_s = now_s
        self._begun = 0
        self._started_s = now_s()

    def __call__(self, what: str) -> None:
        """Begin the next step."""
        done, self._begun = self._begun, self._begun + 1
        left = ""
        if done:
            left_s = (self._now_s() - self._started_s) / done * (self._total - done)
            left = f", about {left_s:.0f} s left"
        self._show(f"{self._begun} of {self._total}{left}: {what}")


@click.command("sor-lab")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the orders, books and intervals.")
@click.option(
    "--orders", type=click.IntRange(50), default=1_500, show_default=True, help="Orders in each regime."
)
@click.option("--regime", "names", multiple=True, help="Only this regime; may be repeated.")
@click.option(
    "--flow",
    type=click.Choice(["all", "urgent", "patient"]),
    default="all",
    show_default=True,
    help="Whose figures the tables show; the JSON holds all three.",
)
@click.option(
    "--delays/--no-delays", default=True, show_default=True, help="Sweep latency and staleness too."
)
@click.option("--out", "folder", type=click.Path(path_type=Path), help="Draw plots into this folder.")
@_json_option
def sor_lab(
    seed: int,
    orders: int,
    names: tuple[str, ...],
    flow: str,
    delays: bool,
    folder: Path | None,
    json_file: Path | None,
) -> None:
    """Route one seeded flow by every strategy, by naive routers and by an oracle, and compare what it
    cost."""
    # numpy and matplotlib take a second that no other command should wait for.
    try:
        from oms_tools.sor_lab import experiment, plots, report  # noqa: PLC0415
        from oms_tools.sor_lab.exchange import Delays  # noqa: PLC0415
        from oms_tools.sor_lab.regimes import REGIMES  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(f"needs {error.name}, of the extra `reports` of this package") from error

    known = {regime.name: regime for regime in REGIMES}
    wrong = [name for name in names if name not in known]
    if wrong:
        raise click.BadParameter(f"expected of {', '.join(known)}, found {', '.join(wrong)}")
    started = time.monotonic()
    console.print(
        f"seed {seed}, {orders} orders in each regime after {experiment.WARM_UP_ORDERS} to warm up\n"
    )
    chosen = [known[name] for name in names] or list(REGIMES)
    swept = [regime for regime in chosen if regime.name in experiment.SWEEP_REGIMES] if delays else []
    steps = len(chosen) * experiment.REGIME_STEPS + len(swept) * experiment.SWEEP_STEPS
    with Console(stderr=True).status("routing") as status:
        progress = Steps(steps, status.update)
        results = [experiment.run_regime(seed, regime, orders, Delays(), progress) for regime in chosen]
        sweeps = [
            (regime, experiment.run_sweep(seed, regime, max(50, orders // 3), progress)) for regime in swept
        ]
    seconds = time.monotonic() - started
    for result in results:
        console.print(report.regime_table(result, flow))
        console.print()
    for regime, points in sweeps:
        console.print(report.sweep_table(regime, points))
        console.print()
    console.print(report.claims_table(results, flow))
    console.print(f"\n* the 95 % interval excludes zero, paired by order; seed {seed}; {seconds:.0f} s")
    if folder is not None:
        caption = f"oms sor-lab --seed {seed} --orders {orders}"
        for path in plots.draw_all(results, sweeps, folder, caption):
            console.print(f"wrote {path}")
    if json_file is not None:
        figures = report.to_json(results, sweeps, seed=seed, orders=orders, seconds=seconds)
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


@click.command("bench-decisions")
@click.option("--decisions", type=click.IntRange(100), default=10_000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the books and orders.")
@_json_option
def bench_decisions(decisions: int, seed: int, json_file: Path | None) -> None:
    """Time one decision on six venues with five levels, for every strategy."""
    from oms_tools.sor_lab.decision_bench import measure  # noqa: PLC0415 (it loads what only the lab needs)

    timings = [measure(strategy, decisions=decisions, seed=seed) for strategy in StrategyName]
    table = Table(title=f"{decisions} decisions each, seed {seed}", title_justify="left", box=None)
    table.add_column("strategy")
    for heading in ("p50 ms", "p99 ms", "max ms", "p99 CPU ms", "bar, p99 ms", "within"):
        table.add_column(heading, justify="right")
    for timing in timings:
        table.add_row(
            timing.strategy,
            f"{timing.p50_us / 1000:.3f}",
            f"{timing.p99_us / 1000:.3f}",
            f"{timing.max_us / 1000:.3f}",
            f"{timing.cpu_p99_us / 1000:.3f}",
            f"{timing.bar_ms:g}",
            "yes" if timing.within else "no",
        )
    console.print(table)
    if json_file is not None:
        figures = [{**dataclasses.asdict(timing), "within": timing.within} for timing in timings]
        json_file.write_text(json.dumps({"seed": seed, "strategies": figures}, indent=1) + "\n")
    sys.exit(0 if all(timing.within for timing in timings) else 1)
