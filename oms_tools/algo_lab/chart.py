"""A picture of orders that were worked over time: what their schedule wanted, and what was done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oms_tools.algo_lab.run import AlgoRun, wanted_part

_WANTED: Final = "#30323d"
_DONE: Final = "#1b6ca8"
_POINTS: Final = 200


def draw(runs: Sequence[AlgoRun], path: Path, caption: str) -> None:
    """Draw a panel for each TWAP or VWAP run into a file, PNG or SVG by its name."""
    mpl.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "algo-lab"}
    )
    figure = Figure(figsize=(5.2 * len(runs), 3.4), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.95))  # type: ignore[union-attr, call-arg]
    for axis, run in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs, strict=True):
        _panel(axis, run)
    figure.text(0.995, 0.006, caption, ha="right", va="bottom", fontsize=7, color="#666666")
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = path.suffix == ".svg"
    figure.savefig(path, dpi=130, facecolor="white", metadata={"Date": None} if svg else None)


def _panel(axis: Axes, run: AlgoRun) -> None:
    algo, quantity = run.order.terms.algo, run.order.terms.quantity
    if algo is None:
        raise ValueError("expected an order with an algo, found none")
    length = run.ends_at - run.begins_at
    minutes = length.total_seconds() / 60
    places = [number / _POINTS for number in range(_POINTS + 1)]
    wanted = [quantity * wanted_part(algo, run.begins_at, run.begins_at + length * part) for part in places]
    passed = [part * minutes for part in places]
    axis.plot(passed, wanted, "--", color=_WANTED, linewidth=1.2, label="schedule")
    times = [(at - run.begins_at).total_seconds() / 60 for at, _ in run.done]
    axis.step(
        [0.0, *times, max(minutes, *times)],
        [0, *[shares for _, shares in run.done], run.done[-1][1]],
        where="post",
        color=_DONE,
        linewidth=1.4,
        label="done",
    )
    slices = len(run.plans[0].slices)
    axis.set_title(f"{algo.strategy.name}, {quantity:,} shares in {slices} slices", loc="left", fontsize=9)
    axis.set_xlabel("minutes since the order began")
    axis.set_ylabel("shares")
    axis.yaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
    axis.grid(alpha=0.25)
    axis.legend(loc="upper left", frameon=False)
