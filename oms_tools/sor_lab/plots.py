"""The lab's pictures: PNG for a page, SVG to zoom.

The law of this file: a picture shows figures and intervals that are in the JSON, and nothing else.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oms_tools.sor_lab.exchange import Delays
from oms_tools.sor_lab.experiment import Figures, RegimeResult, SweepPoint
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.routers import NAIVE, ORACLE, REFERENCE, STRATEGIES
from oms_tools.sor_lab.statistics import Interval

_COLOURS: Final = {
    "best": "#1b6ca8",
    "sweep": "#d1495b",
    "split": "#66a182",
    "staged": "#8d6a9f",
    "passive": "#c98b2b",
    "dark": "#30323d",
    "urgency": "#2a9d8f",
}
_NAIVE_COLOUR: Final = "#9aa0a6"
_SWEEP_COLOURS: Final = {**_COLOURS, "touch only": "#7d848a", "pro rata": "#b9bfc4"}
_FLOW_MARKS: Final = (("urgent", "o", 0.16), ("patient", "D", -0.16))


def draw_all(
    results: Sequence[RegimeResult],
    sweeps: Sequence[tuple[Regime, Sequence[SweepPoint]]],
    folder: Path,
    caption: str,
) -> list[Path]:
    """Draw every picture into a folder. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "sor-lab"}
    )
    figures = {"captured": _captured(results), "cost": _costs(results)}
    if sweeps:
        figures["delays"] = _delays(sweeps)
    files = []
    for name, figure in figures.items():
        figure.text(0.995, 0.004, caption, ha="right", va="bottom", fontsize=7, color="#666666")
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            figure.savefig(
                path, dpi=130, facecolor="white", metadata={"Date": None} if kind == "svg" else None
            )
            files.append(path)
    return files


def _panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.025, 1, 0.965))  # type: ignore[union-attr, call-arg]
    grid = figure.subplots(rows, columns, squeeze=False)
    axes = [axis for row in grid for axis in row]
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes[:count]


def _bar(axis: Axes, at: float, interval: Interval, colour: str, mark: str) -> None:
    axis.plot([interval.low, interval.high], [at, at], color=colour, linewidth=1.6, alpha=0.8)
    axis.plot([interval.value], [at], mark, color=colour, markersize=4.5)


def _colour(router: str) -> str:
    return _COLOURS.get(router, _NAIVE_COLOUR)


def _captured(results: Sequence[RegimeResult]) -> Figure:
    """Draw the captured fraction of every router: one panel a regime, one mark a flow."""
    names = [*STRATEGIES, *[name for name in NAIVE if name not in (REFERENCE, "fixed", "random")]]
    figure, axes = _panels(len(results), 3, (4.1, 3.1))
    figure.suptitle(
        "Part of the oracle's gain over the best single venue that a router captured, 95 % intervals\n"
        "circles: urgent flow (1 s)    diamonds: patient flow (3 s)"
    )
    for axis, result in zip(axes, results, strict=True):
        for place, name in enumerate(reversed(names)):
            for flow, mark, shift in _FLOW_MARKS:
                if flow in result.figures:
                    interval = result.figures[flow][name].captured
                    _bar(axis, place + shift, interval, _colour(name), mark)
        axis.axvline(0.0, color="#444444", linewidth=0.8)
        axis.axvline(1.0, color="#444444", linewidth=0.8, linestyle="--")
        axis.set_yticks(range(len(names)), list(reversed(names)))
        axis.set_title(result.title)
        axis.set_xlabel("captured (0: best single venue, 1: oracle)")
        axis.grid(axis="x", alpha=0.25)
    return figure


def _costs(results: Sequence[RegimeResult]) -> Figure:
    """Draw the cost of every router on all flow, with the oracle's."""
    names = [*STRATEGIES, *NAIVE, ORACLE]
    figure, axes = _panels(len(results), 3, (4.1, 3.3))
    figure.suptitle("Cost against the arrival mid with fees and the mark of what is unfilled, 95 % intervals")
    for axis, result in zip(axes, results, strict=True):
        figures = result.figures["all"]
        for place, name in enumerate(reversed(names)):
            colour = "#000000" if name == ORACLE else _colour(name)
            _bar(axis, place, figures[name].cost, colour, "s" if name == ORACLE else "o")
        axis.axvline(figures[ORACLE].cost.value, color="#000000", linewidth=0.7, linestyle="--")
        axis.set_yticks(range(len(names)), list(reversed(names)))
        axis.set_title(result.title)
        axis.set_xlabel("basis points of notional (less is better)")
        axis.grid(axis="x", alpha=0.25)
    return figure


def _delays(sweeps: Sequence[tuple[Regime, Sequence[SweepPoint]]]) -> Figure:
    """Draw the captured fraction over latency and over the age of the book."""
    figure, axes = _panels(2 * len(sweeps), 2, (5.6, 3.2))
    figure.suptitle(
        "Part of the oracle's gain over the best single venue that a router captured, 95 % intervals,\n"
        "when venues are further away and when the book is older"
    )
    usual = Delays().stale_us
    for number, (regime, points) in enumerate(sweeps):
        latency = sorted([p for p in points if p.stale_us == usual], key=lambda p: p.latency_factor)
        stale = sorted([p for p in points if p.latency_factor == 1.0], key=lambda p: p.stale_us)
        left, right = axes[2 * number], axes[2 * number + 1]
        _lines(left, [f"x{p.latency_factor:g}" for p in latency], [p.figures for p in latency])
        _lines(right, [f"{p.stale_us / 1000:g}" for p in stale], [p.figures for p in stale])
        left.set_title(f"{regime.title}: latency")
        right.set_title(f"{regime.title}: age of the book")
        left.set_xlabel(f"venue latencies, times the usual (book {usual / 1000:g} ms old)")
        right.set_xlabel("age of the book in ms (latencies x1)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    return figure


def _lines(axis: Axes, ticks: Sequence[str], found: Sequence[Mapping[str, Figures]]) -> None:
    names = [name for name in _SWEEP_COLOURS if name in found[0]]
    for place, name in enumerate(names):
        colour = _SWEEP_COLOURS[name]
        shift = (place - len(names) / 2) * 0.05
        across = [number + shift for number in range(len(found))]
        parts = [point[name].captured for point in found]
        values = [part.value for part in parts]
        axis.plot(across, values, marker="o", markersize=3, color=colour, label=name)
        axis.vlines(
            across, [part.low for part in parts], [part.high for part in parts], color=colour, alpha=0.4
        )
    axis.axhline(1.0, color="#444444", linewidth=0.8, linestyle="--")
    axis.axhline(0.0, color="#444444", linewidth=0.8)
    axis.set_xticks(range(len(found)), ticks)
    axis.set_ylabel("captured")
    axis.grid(axis="y", alpha=0.25)
