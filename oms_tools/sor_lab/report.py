"""The lab's tables and its JSON.

The law of this file: a table rounds, the JSON does not, and both name the seed.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from oms_tools.sor_lab.experiment import FLOWS, Figures, RegimeResult, SweepPoint
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.routers import ORACLE, REFERENCE, STRATEGIES
from oms_tools.sor_lab.statistics import Interval
from oms_tools.sor_lab.verdict import Claim, claims, most_captured


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.0f} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def _bps(interval: Interval) -> str:
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def regime_table(result: RegimeResult, flow: str) -> Table:
    """Return one regime's figures on one flow."""
    table = Table(title=f"{result.title}: {flow} flow", title_justify="left", box=None, pad_edge=False)
    table.add_column("router")
    for heading in (
        "filled %",
        "cost bps",
        "of it fees",
        "captured %",
        f"cheaper than {REFERENCE}, bps",
        "ms a share",
        "routes",
    ):
        table.add_column(heading, justify="right")
    for name, figures in result.figures[flow].items():
        table.add_row(*_row(name, figures), style="bold" if name in STRATEGIES else "")
    table.add_row("bound", "", f"{result.bound_bps[flow]:.2f}", "", "", "", "", "", style="dim")
    return table


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    beats = figures.beats.get(REFERENCE)
    mark = "" if beats is None else " *" if beats.above_zero else " worse" if beats.below_zero else " ?"
    reference = name == REFERENCE
    return (
        name,
        f"{100 * figures.filled:.1f}",
        _bps(figures.cost),
        f"{figures.fees_bps:.2f}",
        "" if reference else "100" if name == ORACLE else _percent(figures.captured),
        "" if beats is None else _bps(beats) + mark,
        f"{figures.waited_ms:.0f}",
        f"{figures.routes:.1f}",
    )


def claims_table(results: Sequence[RegimeResult], flow: str) -> Table:
    """Return what was to be shown and where it holds."""
    table = Table(title=f"Claims on {flow} flow", title_justify="left", box=None, pad_edge=False)
    for heading in ("claim", "holds", "interval above 0", "holds 0", "below 0"):
        table.add_column(heading)
    for claim in claims(results, flow):
        table.add_row(*_claim_row(claim))
    most = most_captured(results, flow)
    sweep = [regime for regime, name in most.items() if name == "sweep"]
    others = [f"{regime} ({name})" for regime, name in most.items() if name != "sweep"]
    table.add_row(
        "sweep captures most of best, sweep, split",
        "yes" if not others else "not everywhere",
        ", ".join(sweep),
        "",
        ", ".join(others),
    )
    return table


def _claim_row(claim: Claim) -> tuple[str, ...]:
    return (
        claim.text,
        "yes" if claim.holds else "no",
        ", ".join(claim.won),
        ", ".join(claim.unsure),
        ", ".join(claim.lost),
    )


def sweep_table(regime: Regime, points: Sequence[SweepPoint]) -> Table:
    """Return cost and captured fraction under each delay."""
    table = Table(title=f"{regime.title}: delays", title_justify="left", box=None, pad_edge=False)
    table.add_column("latency")
    table.add_column("book, ms", justify="right")
    names = [name for name in points[0].figures if name != REFERENCE]
    for name in (REFERENCE, *names):
        table.add_column(f"{name}", justify="right")
    for point in points:
        cells = [f"{point.figures[REFERENCE].cost.value:.2f}"]
        for name in names:
            figures = point.figures[name]
            captured = "" if name == ORACLE else f" ({100 * figures.captured.value:.0f} %)"
            cells.append(f"{figures.cost.value:.2f}{captured}")
        table.add_row(f"x{point.latency_factor:g}", f"{point.stale_us / 1000:g}", *cells)
    return table


def to_json(
    results: Sequence[RegimeResult],
    sweeps: Sequence[tuple[Regime, Sequence[SweepPoint]]],
    *,
    seed: int,
    orders: int,
    seconds: float,
) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "seed": seed,
        "ordersPerRegime": orders,
        "seconds": round(seconds, 1),
        "regimes": [dataclasses.asdict(result) for result in results],
        "claims": {
            flow: [dataclasses.asdict(claim) for claim in claims(results, flow)]
            for flow in FLOWS
            if all(flow in result.figures for result in results)
        },
        "delays": [
            {"regime": regime.name, "points": [dataclasses.asdict(point) for point in points]}
            for regime, points in sweeps
        ],
    }
