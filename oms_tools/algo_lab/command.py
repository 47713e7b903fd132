"""`oms algo-lab`: how near TWAP and VWAP come to their schedule, over seeded runs.

The law of this file: it asks, prints and draws. matplotlib is loaded only when something is drawn.
"""

import json
from pathlib import Path

import click
from rich.console import Console

from oms_platform.vocabulary import AlgoStrategy
from oms_tools.algo_lab.run import seeded_run, slices_off

console = Console()
STRATEGIES = (AlgoStrategy.TWAP, AlgoStrategy.VWAP)


@click.command("algo-lab")
@click.option("--runs", type=click.IntRange(1), default=200, show_default=True, help="Of each strategy.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--chart", type=click.Path(path_type=Path), help="Draw the first seed's runs: PNG or SVG.")
def algo_lab(runs: int, seed: int, chart: Path | None, as_json: bool) -> None:
    """Work seeded orders on core's own machine with a model of venues, and hold them to their schedule.

    A run is within a slice when it was never more than one slice's shares off its schedule.
    """
    figures = []
    for strategy in STRATEGIES:
        off = sorted(slices_off(seeded_run(one, strategy)) for one in range(seed, seed + runs))
        within = sum(one <= 1.0 for one in off)
        figures.append({"strategy": strategy.name, "runs": runs, "within": within, "slicesOff": off})
        if not as_json:
            console.print(
                f"{strategy.name}  {within} of {runs} runs within a slice; most slices off: median"
                f" {off[runs // 2]:.2f}, worst {off[-1]:.2f}",
                highlight=False,
            )
    if as_json:
        click.echo(json.dumps({"seed": seed, "strategies": figures}, indent=1))
    if chart is None:
        return
    try:
        from oms_tools.algo_lab.chart import draw  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(f"needs {error.name}, of the extra `reports` of this package") from error
    draw([seeded_run(seed, one) for one in STRATEGIES], chart, f"oms algo-lab --seed {seed}")
    if not as_json:
        console.print(f"wrote {chart}", highlight=False, soft_wrap=True)
