"""Figures of execution quality: roundings, dashes, and quotes that nobody vouches for."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from oms_tools.execution_quality.columns import COLUMNS, bps, routed_lines
from oms_tools.execution_quality.csv_report import report_json, write_lines
from oms_tools.execution_quality.table import print_report
from sor_engine.domain.quality import measure
from sor_engine.domain.quality_evidence import Child, Evidence, Fees, Fill, Order, Quoted, Tape
from sor_engine.domain.quality_report import (
    EFFECTIVE,
    FEES,
    SHORTFALL,
    UNFILLED,
    Cut,
    Gathered,
    OrderClass,
    Report,
    Routed,
    Sum,
    Tally,
    share_ppm,
)

SECOND = 1_000_000
ROW = {("AAPL", 100 * SECOND): Quoted(10_000_000, 10_020_000)}


def test_a_quote_is_not_believed_within_a_silence_of_the_tape() -> None:
    tape = Tape(ROW, [(89 * SECOND, 200 * SECOND)], 300 * SECOND)
    assert tape.quoted("AAPL", 100 * SECOND) is None
    assert tape.last_mid2("AAPL", 100 * SECOND) == 20_020_000


def test_a_quote_is_believed_until_a_silence_is_ten_seconds_old() -> None:
    tape = Tape(ROW, [(90 * SECOND, 200 * SECOND)], 300 * SECOND)
    assert tape.mid2("AAPL", 100 * SECOND) == 20_020_000


def test_nothing_is_known_after_the_tapes_end() -> None:
    assert Tape(ROW, (), 99 * SECOND).quoted("AAPL", 100 * SECOND) is None
    assert Tape(ROW, (), 100 * SECOND).quoted("AAPL", 100 * SECOND) is not None


def test_a_mean_is_rounded_once_and_half_to_even() -> None:
    assert Sum(total=1, basis=4, shares=1).dollars == Decimal("0.000000")
    assert Sum(total=3, basis=4, shares=1).dollars == Decimal("0.000002")
    assert Sum(total=1, basis=3, shares=1).bps == Decimal("3333.3333")
    assert Sum(total=0, basis=3, shares=1).bps == Decimal("0.0000")


def test_a_sum_of_nothing_is_absent_and_not_zero() -> None:
    nothing = Sum(missing=5)
    assert (nothing.dollars, nothing.per_share, nothing.bps) == (None, None, None)
    assert bps(nothing) == "–"


def test_a_sum_of_a_part_is_marked() -> None:
    assert bps(Sum(total=1, basis=10_000, shares=1, missing=1)) == "1.00*"
    assert bps(Sum(total=1, basis=10_000, shares=1)) == "1.00"


def test_a_mid_that_ends_on_half_a_micro_is_shown_whole() -> None:
    assert Tally("order", arrival_mid2=20_020_001).arrival_mid == Decimal("10.0100005")


def test_shares_of_a_count_are_absent_without_one() -> None:
    assert share_ppm([0, 0]) == [None, None]
    assert share_ppm([1, 2]) == [333_333, 666_667]


def test_a_line_of_nothing_is_dashes() -> None:
    for columns in COLUMNS.values():
        cells = [column.text(Tally("nothing")) for column in columns]
        assert cells[0] == "nothing"
        assert set(cells[1:]) <= {"–", "0", ""}


def test_rule_606_lines_show_shares_of_their_class_and_what_was_received() -> None:
    first, second = Routed("AAAA"), Routed("BBBB")
    first.orders[OrderClass.MARKET] = 1
    second.orders[OrderClass.MARKET] = 3
    second.fees[OrderClass.MARKET].add(-4_000 * 500, 1, 500)
    lines = list(routed_lines([first, second]))
    assert lines[0][:5] == ["AAAA", "1", "25.0%", "25.0%", "–"]
    assert lines[1][7:9] == ["1.00", "20.0000"]


def fill(price: int, *, transact_us: int, received_us: int) -> Fill:
    return Fill(
        order_id="order", venue_id="XNAS", exec_id="1", cl_ord_id="child", quantity=100, price=price,
        transact_us=transact_us, received_us=received_us,
    )  # fmt: skip


def test_a_venues_clock_that_is_a_minute_off_is_not_believed() -> None:
    assert fill(1, transact_us=5, received_us=60 * SECOND).at_us == 5
    assert fill(1, transact_us=0, received_us=61 * SECOND).at_us == 61 * SECOND


def evidence(limit: int, *, rests: bool = False, acked_us: int | None = None) -> Evidence:
    order = Order(
        order_id="order", symbol="AAPL", side="SELL", quantity=100, limit=None, created_us=0, ended_us=None
    )
    child = Child(
        cl_ord_id="child", order_id="order", venue_id="XNAS", quantity=100, limit=limit, created_us=SECOND,
        rests=rests, acked_us=acked_us,
    )  # fmt: skip
    fees = Fees(venue_id="XNAS", from_day=0, add_fee=-2_000, remove_fee=3_000)
    return Evidence(
        orders=[order],
        children=[child],
        fills=[fill(10_000_000, transact_us=2 * SECOND, received_us=2 * SECOND)],
        fees=[fees],
        end_us=9 * SECOND,
    )


def test_a_child_that_reached_the_other_side_takes_and_another_adds() -> None:
    tape = Tape({("AAPL", SECOND): Quoted(10_000_000, 10_020_000)}, (), 99 * SECOND)
    assert measure(evidence(10_000_000), tape).total.sums[FEES].per_share == Decimal("0.003")
    assert measure(evidence(10_010_000), tape).total.sums[FEES].per_share == Decimal("-0.002")


def test_a_side_that_nobody_quotes_cannot_be_reached_but_an_unknown_quote_leaves_the_fee_open() -> None:
    nobody = Tape({("AAPL", SECOND): Quoted(None, 10_020_000)}, (), 99 * SECOND)
    found = measure(evidence(10_000_000), nobody).total.sums
    assert found[FEES].per_share == Decimal("-0.002")
    assert found[EFFECTIVE].missing == 100
    unknown = measure(evidence(10_000_000), Tape({}, (), 99 * SECOND)).total.sums
    assert unknown[FEES].missing == 100


def test_what_comes_to_a_resting_child_later_was_added_and_not_taken() -> None:
    tape = Tape({("AAPL", SECOND): Quoted(10_000_000, 10_020_000)}, (), 99 * SECOND)
    ack_us, late_us = 2 * SECOND - 100_000, 2 * SECOND - 100_001

    def fee(*, rests: bool, acked_us: int | None) -> Decimal | None:
        found = measure(evidence(10_000_000, rests=rests, acked_us=acked_us), tape)
        return found.total.sums[FEES].per_share

    assert fee(rests=True, acked_us=ack_us) == Decimal("0.003")
    assert fee(rests=True, acked_us=late_us) == Decimal("-0.002")
    assert fee(rests=False, acked_us=late_us) == Decimal("0.003")
    assert fee(rests=True, acked_us=None) == Decimal("0.003")


def test_what_is_gathered_keeps_the_last_orders_and_the_costliest() -> None:
    gathered = Gathered(2)
    for number, total in enumerate((5, 9, -3, 7)):
        tally = Tally(f"order-{number}", orders=1)
        tally.sums[SHORTFALL].add(total, 100, 1)
        total_ = Tally("all", orders=1)
        gathered.add(Report(total=total_, orders=(tally,), cuts={}, routed=(), directed=1))
    found = gathered.report()
    assert [tally.name for tally in found.orders] == ["order-2", "order-3"]
    assert [tally.name for tally in found.costliest] == ["order-1", "order-3"]
    assert (found.total.orders, found.directed) == (4, 4)


def large_tally(name: str, order: Order | None = None) -> Tally:
    """Return a line whose every figure is as long as a desk's are."""
    found = Tally(name, orders=12_345, wanted=9_876_543, filled=9_876_543, fills=5, order=order)
    found.notional = 2 * 1_227_123_456 * found.filled
    found.arrival_mid2 = 2_454_180_000
    for one in found.sums.values():
        for _ in range(10):
            part = Sum()
            part.add(-246_913_578_000, 2 * found.notional // 1_000, 100)
            part.settle()
            one.merge(part)
        one.add(None, 0, 1)
    return found


def large_report(symbols: tuple[str, ...] = ("GOOGL", "MSFT")) -> Report:
    orders = tuple(
        large_tally(
            f"01900000-0000-7000-8000-00000000000{number}",
            Order(order_id="o", symbol=symbol, side="SELL", quantity=1, limit=None, created_us=0,
                  ended_us=None, strategy="passive"),
        )
        for number, symbol in enumerate(symbols)
    )  # fmt: skip
    return Report(
        total=large_tally("all"), orders=orders, routed=(), directed=0,
        cuts={
            cut: (large_tally("XNYS"), large_tally(UNFILLED if cut is Cut.VENUE else "unknown"))
            for cut in Cut if cut is not Cut.ORDER
        },
    )  # fmt: skip


def printed(by: str, *, wide: bool) -> list[str]:
    out = io.StringIO()
    print_report(large_report(), by, Console(file=out, width=120), wide)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("by", list(COLUMNS))
def test_a_table_fits_120_columns_and_wide_has_every_figure(by: str) -> None:
    lines = printed(by, wide=False)
    assert max(len(line) for line in lines) <= 120
    heading = printed(by, wide=True)[0]
    assert all(column.title in heading for column in COLUMNS[by])
    left_out = [column.title for column in COLUMNS[by] if column.wide]
    assert left_out and f"--wide shows {', '.join(left_out)} too" in lines
    assert not any("--wide" in line for line in printed(by, wide=True))


def test_an_order_is_shown_by_the_end_of_its_id_unless_wide() -> None:
    assert printed("order", wide=False)[2].startswith("00000000 GOOGL")
    assert printed("order", wide=True)[1].startswith("01900000-0000-7000-8000-000000000000  GOOGL")


def test_the_mean_price_over_orders_is_blank() -> None:
    (column,) = [column for column in COLUMNS["order"] if column.title == "avg px"]
    report = large_report()
    assert column.text(report.total) == ""
    assert [column.text(tally) for tally in report.orders] == ["1,227.1235"] * 2


@pytest.mark.parametrize("by", list(COLUMNS))
def test_no_two_columns_of_a_csv_have_one_name(by: str, tmp_path: Path) -> None:
    path = tmp_path / "tca.csv"
    report = large_report()
    write_lines(path, by, report.lines(Cut(by)))
    with path.open() as file:
        header, *rows = list(csv.reader(file))
    assert len(set(header)) == len(header)
    assert {len(row) for row in rows} == {len(header)}
    record = dict(zip(header, rows[0], strict=True))
    assert record[by] == report.lines(Cut(by))[0].name
    assert record["avg_px"] == "1227.123456"
    if by == "order":
        assert (record["symbol"], record["side"], record["strategy"]) == ("GOOGL", "SELL", "passive")


@pytest.mark.parametrize("by", list(COLUMNS))
def test_json_has_the_figures_of_the_csv_and_null_for_what_is_not_known(by: str) -> None:
    found = json.loads(json.dumps(report_json(large_report(), by, 3)))
    assert (found["by"], found["refused"], len(found["lines"])) == (by, 3, 2)
    assert found["total"]["avg_px"] == "1227.123456"
    assert found["leftOut"] == (12_343 if by == "order" else 0)
    empty = Report(total=Tally("all"), orders=(), cuts={}, routed=(), directed=0)
    assert report_json(empty, by, 0)["total"]["avg_px"] is None  # type: ignore[index]
