"""The page's pictures.

The law of this file: a picture shows figures of the tables and nothing else; a figure that is not known is
left out of it.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from sor_engine.domain.quality_report import (
    EFFECTIVE,
    FEES,
    IMPROVEMENT,
    MARKOUT_S,
    MARKOUTS,
    REALIZED,
    SHORTFALL,
    SHORTFALL_PARTS,
    Figure,
    Tally,
)

# Okabe and Ito's colours, which stay apart for the colour-blind.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d", "#f0e442")
_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")
_WIDTH: Final = 5.6


def draw_shortfall(strategies: Sequence[Tally]) -> str:
    """Draw each strategy's shortfall and the parts that it is made of. Returns SVG."""
    known = [tally for tally in strategies if tally.sums[SHORTFALL].bps is not None]
    with _style():
        picture, axes = _picture(0.42 * max(1, len(known)) + 1.5)
        parts = [_parts(tally) for tally in known]
        for number, title in enumerate([part.title for part in SHORTFALL_PARTS]):
            left = [_stacked(part[:number], part[number]) for part in parts]
            widths = [part[number] for part in parts]
            colour = _COLOURS[number]
            axes.barh(range(len(known)), widths, left=left, height=0.55, color=colour, label=title)
        totals = [float(tally.sums[SHORTFALL].bps or 0) for tally in known]
        axes.plot(
            totals, range(len(known)), "|", color="black", markersize=16, markeredgewidth=2, label="sum"
        )
        axes.set_yticks(range(len(known)), [tally.name for tally in known])
        axes.invert_yaxis()
        axes.axvline(0, color="#444444", linewidth=0.8)
        _finish(axes, "bps of the order's value at the arrival mid (less is better)", "x")
        return _svg(picture, axes)


def _parts(tally: Tally) -> list[float]:
    """Return price, fees and mark in basis points, which add up to the shortfall."""
    return [float(tally.sums[part].bps or 0) for part in SHORTFALL_PARTS]


def _stacked(before: Sequence[float], value: float) -> float:
    """Return where a part begins: gains pile up to the left of 0, costs to the right."""
    return sum(part for part in before if (part < 0) == (value < 0))


def draw_spreads(venues: Sequence[Tally]) -> str:
    """Draw each venue's effective and realized spreads. Returns SVG."""
    return _bars(venues, (EFFECTIVE, *REALIZED), "bps (less is better)")


def draw_improvement(venues: Sequence[Tally]) -> str:
    """Draw each venue's price improvement and fees. Returns SVG."""
    return _bars(venues, (IMPROVEMENT, FEES), "bps")


def _bars(venues: Sequence[Tally], figures: Sequence[Figure], label: str) -> str:
    known = [tally for tally in venues if any(tally.sums[one].bps is not None for one in figures)]
    with _style():
        picture, axes = _picture(3.4)
        width = 0.8 / len(figures)
        for number, figure in enumerate(figures):
            shift = (number - (len(figures) - 1) / 2) * width
            found = [(place + shift, tally.sums[figure].bps) for place, tally in enumerate(known)]
            shown = [(place, float(bps)) for place, bps in found if bps is not None]
            axes.bar(
                [place for place, _ in shown],
                [bps for _, bps in shown],
                width=width * 0.92,
                color=_COLOURS[number],
                label=figure.title,
            )
        axes.set_xticks(range(len(known)), [tally.name for tally in known])
        axes.axhline(0, color="#444444", linewidth=0.8)
        _finish(axes, label, "y")
        return _svg(picture, axes)


def draw_markouts(venues: Sequence[Tally]) -> str:
    """Draw where the mid went after each venue's fills. Returns SVG."""
    with _style():
        picture, axes = _picture(3.4)
        for number, tally in enumerate(venues):
            points = [
                (after, tally.sums[figure].bps) for after, figure in zip(MARKOUT_S, MARKOUTS, strict=True)
            ]
            known = [(after, float(bps)) for after, bps in points if bps is not None]
            if known:
                axes.plot(
                    [after for after, _ in known],
                    [bps for _, bps in known],
                    marker=_MARKS[number % len(_MARKS)],
                    color=_COLOURS[number % len(_COLOURS)],
                    markersize=5,
                    label=tally.name,
                )
        axes.set_xscale("log")
        axes.set_xticks(MARKOUT_S, [f"{after} s" for after in MARKOUT_S])
        axes.minorticks_off()
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.set_xlabel("after the fill")
        _finish(axes, "bps (more is better)", "y")
        return _svg(picture, axes)


def _style() -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "svg.hashsalt": "tca",
        }
    )


def _picture(height: float) -> tuple[Picture, Axes]:
    picture = Picture(figsize=(_WIDTH, height), layout="constrained")
    return picture, picture.subplots()


def _finish(axes: Axes, label: str, along: str) -> None:
    if along == "x":
        axes.set_xlabel(label)
        axes.grid(axis="x", alpha=0.25)
    else:
        axes.set_ylabel(label)
        axes.grid(axis="y", alpha=0.25)


def _svg(picture: Picture, axes: Axes) -> str:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        picture.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    text = io.StringIO()
    picture.savefig(text, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    return text.getvalue()
