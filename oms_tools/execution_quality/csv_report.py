"""Execution quality as CSV, for whoever goes on counting.

The law of this file: nothing is rounded away that the report knows, and what is not known is an empty cell.
"""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from oms_tools.execution_quality.columns import side
from sor_engine.domain.market import MICROS
from sor_engine.domain.quality_report import FIGURES, Cut, OrderClass, Report, Routed, Tally, share_ppm

_PARTS: Final = (
    "dollars",
    "per_share",
    "bps",
    "bps_low",
    "bps_high",
    "orders",
    "shares",
    "missing_shares",
    "short_shares",
)
_OF_ORDERS: Final = ("symbol", "side", "strategy")
_LEAD: Final = (
    "orders",
    "shares_wanted",
    "shares_filled",
    "fills",
    "fill_rate",
    "notional",
    "arrival_mid",
    "avg_px",
)
Cell = str | int | Decimal | None


def write_lines(path: Path, by: str, lines: Iterable[Tally]) -> None:
    """Write a line for each order, venue or strategy; what only an order has are columns of orders alone."""
    _write(path, _header(by), (_line(tally, by) for tally in lines))


def report_json(report: Report, by: str, refused: int) -> dict[str, object]:
    """Return a report as JSON values: the figures of the CSV, decimals as text, null for what is not known.

    refused: orders that risk refused, which are left out. Of orders a report keeps the last ones; leftOut
    says how many more there are, which the CSV has.
    """
    names = _header(by)
    lines = report.lines(Cut(by))

    def values(tally: Tally) -> dict[str, object]:
        cells = zip(names, _line(tally, by), strict=True)
        return {name: str(cell) if isinstance(cell, Decimal) else cell for name, cell in cells}

    return {
        "by": by,
        "lines": [values(tally) for tally in lines],
        "total": values(report.total),
        "leftOut": report.total.orders - len(lines) if by == "order" else 0,
        "refused": refused,
    }


def _header(by: str) -> list[str]:
    of_orders = _OF_ORDERS if by == "order" else ()
    return [by, *of_orders, *_LEAD, *[f"{figure.name}_{part}" for figure in FIGURES for part in _PARTS]]


def rule_606_path(path: Path) -> Path:
    """Return where the venues' table goes that belongs to a CSV file."""
    return path.with_name(f"{path.stem}-rule606.csv")


def write_rule_606(path: Path, report: Report) -> None:
    """Write the Rule 606 table, a line for each venue and class of orders."""
    header = [
        "venue",
        "class",
        "orders",
        "share_of_class",
        "shares_executed",
        "net_received_dollars",
        "net_received_cents_per_hundred_shares",
        "missing_shares",
    ]
    _write(path, header, _routed(report.routed))


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell is None else str(cell) for cell in line] for line in lines)


def _line(tally: Tally, by: str) -> list[Cell]:
    order = tally.order
    of_order: list[Cell] = []
    if by == "order":
        of_order = ["", "", ""] if order is None else [order.symbol, side(tally), order.strategy]
    return [
        tally.name,
        *of_order,
        tally.orders,
        tally.wanted,
        tally.filled,
        tally.fills,
        _fraction(tally.fill_rate_ppm),
        Decimal(tally.notional) / (2 * MICROS),
        tally.arrival_mid,
        tally.avg_px,
        *[
            cell
            for found in tally.sums.values()
            for cell in (
                found.dollars,
                found.per_share,
                found.bps,
                *(found.interval_bps or (None, None)),
                found.orders,
                found.shares,
                found.missing,
                found.short,
            )
        ],
    ]


def _routed(lines: Sequence[Routed]) -> Iterable[list[Cell]]:
    for one in OrderClass:
        shares = share_ppm([line.orders[one] for line in lines])
        for line, share in zip(lines, shares, strict=True):
            fees = line.fees[one]
            yield [
                line.venue_id,
                one.value,
                line.orders[one],
                _fraction(share),
                fees.shares + fees.missing,
                line.received(one),
                line.received_per_hundred(one),
                fees.missing,
            ]


def _fraction(ppm: int | None) -> Decimal | None:
    return None if ppm is None else Decimal(ppm).scaleb(-6)
