"""Positions by hand: the example of docs/positions.md, and what a correction of another side's trade is."""

import re
from pathlib import Path

from oms_core.domain.positions import Position, after_correction, after_fill, after_opening, cash_moved
from oms_platform.vocabulary import Side, TradeApplied, TradeCorrected
from tests.unit.oms_core.orders import NOW

PAGE = Path(__file__).parents[3] / "docs" / "positions.md"
DOLLAR = 1_000_000


def amounts(cells: str) -> tuple[int, ...]:
    """Return the cells of a line in micros; its first is shares."""
    shares, *dollars = (cell.strip().replace(",", "").replace("−", "-") for cell in cells.split("|"))
    return int(shares), *(round(float(one) * DOLLAR) for one in dollars)


def test_the_example_of_the_documentation_is_what_core_makes() -> None:
    rows = re.findall(r"^\| ((?:buy|sell|the sale)[^|]*) \| (.*) \|$", PAGE.read_text(), re.M)
    position, sold = Position(), ()
    for act, cells in rows:
        trade = re.fullmatch(r"(buy|sell) (\d+) at ([\d.]+)", act)
        if trade is not None:
            side = Side.BUY if trade[1] == "buy" else Side.SELL
            price = round(float(trade[3]) * DOLLAR)
            position = after_fill(position, side, int(trade[2]), price)
            sold = sold or ((int(trade[2]), price) if side is Side.SELL else ())
        else:
            position = after_correction(position, Side.SELL, bust(*sold))
        found = (
            position.quantity,
            position.cost_micros,
            position.realized_pnl_micros,
            position.net_cash_micros,
        )
        assert found == amounts(cells), act
    assert len(rows) == 5


def bust(quantity: int, price: int, fee: int = 0) -> TradeCorrected:
    return TradeCorrected(
        venue_id="XNYS", exec_id="B", exec_ref_id="E", cl_ord_id="c", was_qty=quantity, was_px_micros=price,
        was_fee_micros=fee, transact_time=NOW, received_at=NOW,
    )  # fmt: skip


def test_a_short_sale_brings_cash_less_its_fee_and_its_bust_takes_that_back() -> None:
    trade = TradeApplied(
        venue_id="XNYS", exec_id="E", cl_ord_id="c", last_qty=10, last_px_micros=7, fee_micros=3,
        transact_time=NOW, received_at=NOW,
    )  # fmt: skip
    for side in (Side.SELL, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT):
        assert cash_moved(side, trade) == 67
        assert cash_moved(side, bust(10, 7, 3)) == -67
    assert cash_moved(Side.BUY, trade) == -73
    assert cash_moved(Side.BUY, bust(10, 7, 3)) == 73


def test_an_opening_leaves_what_fills_have_made() -> None:
    traded = Position(quantity=5, cost_micros=50, realized_pnl_micros=7, net_cash_micros=-43, fees_micros=2)
    opened = after_opening(traded, -2, -30)
    assert opened == Position(
        quantity=-2, cost_micros=-30, realized_pnl_micros=7, net_cash_micros=-43, fees_micros=2,
        opened_micros=-80,
    )  # fmt: skip
