"""Surveillance: days that show a pattern and days that only look a little like it; planted ones are found."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.surveillance_patterns import PATTERNS
from oms_platform.vocabulary import Side
from oms_tools.cli.surveillance_commands import read_settings
from oms_tools.surveillance.day import Day, DayExecution, DayOrder, Hit
from oms_tools.surveillance.patterns import FINDERS, find

OPEN = datetime(2026, 3, 2, 15, tzinfo=UTC)
CLOSE = OPEN + timedelta(hours=6)
DOLLAR = 1_000_000


def order(number: int, side: Side, quantity: int, dollars: float, at_s: float, **changes: Any) -> DayOrder:
    """Return an order of an account of firm F; canceled: after so many seconds of the day."""
    canceled_s = changes.pop("canceled", None)
    values: dict[str, Any] = {
        "order_id": UUID(int=number), "account_id": "A-1", "firm": "F", "symbol": "AAPL", "side": side,
        "quantity": quantity, "limit_micros": round(dollars * DOLLAR),
        "began_at": OPEN + timedelta(seconds=at_s),
        "canceled_at": None if canceled_s is None else OPEN + timedelta(seconds=canceled_s),
    }  # fmt: skip
    return DayOrder(**values | changes)


def trade(
    number: int, side: Side, quantity: int, dollars: float, at_s: float, **changes: Any
) -> DayExecution:
    """Return an execution of an order of an account of firm F."""
    values: dict[str, Any] = {
        "order_id": UUID(int=number), "account_id": "A-1", "firm": "F", "symbol": "AAPL", "side": side,
        "quantity": quantity, "price_micros": round(dollars * DOLLAR), "at": OPEN + timedelta(seconds=at_s),
        "venue_id": "XNYS", "exec_id": str(number),
    }  # fmt: skip
    return DayExecution(**values | changes)


def day(*parts: DayOrder | DayExecution) -> Day:
    return Day(
        date=date(2026, 3, 2),
        orders=tuple(one for one in parts if isinstance(one, DayOrder)),
        executions=tuple(one for one in parts if isinstance(one, DayExecution)),
        closes={"AAPL": CLOSE},
    )


BUY, SELL, SHORT = Side.BUY, Side.SELL, Side.SELL_SHORT
LAST_S = 6 * 3600 - 60
BAIT = [order(n, SELL, 500, 100.10, 10 + n, canceled=25) for n in (2, 3, 4)]
MARKED = (trade(9, SELL, 100, 100.00, 3600, firm="G"), trade(1, BUY, 900, 100.40, LAST_S))
# What each pattern finds, by the orders of each hit.
DAYS: dict[str, tuple[str, Day, list[set[int]]]] = {
    "bought and sold at once": (
        "WASH",
        day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 2)),
        [{1, 2}],
    ),
    "across accounts of the firm": (
        "WASH",
        day(trade(1, BUY, 500, 100, 1), trade(2, SHORT, 450, 100.04, 60, account_id="A-2")),
        [{1, 2}],
    ),
    "two firms": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 2, firm="G")), []),
    "two symbols": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 2, symbol="B")), []),
    "too late": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 62)), []),
    "another price": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100.06, 2)), []),
    "another size": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 399, 100, 2)), []),
    "an odd lot": ("WASH", day(trade(1, BUY, 99, 100, 1), trade(2, SELL, 99, 100, 2)), []),
    "the same way": ("WASH", day(trade(1, BUY, 500, 100, 1), trade(2, BUY, 500, 100, 2)), []),
    "each execution once": (
        "WASH",
        day(trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 2), trade(3, SELL, 500, 100, 3)),
        [{1, 2}],
    ),
    "layers above a buy": ("LAYERING", day(*BAIT, trade(1, BUY, 400, 100, 20)), [{1, 2, 3, 4}]),
    "layers below a sale": (
        "LAYERING",
        day(
            *(order(n, BUY, 500, 99.90, 10 + n, canceled=25, account_id=f"A-{n}") for n in (2, 3, 4)),
            trade(1, SHORT, 400, 100, 20),
        ),
        [{1, 2, 3, 4}],
    ),
    "too few": ("LAYERING", day(*BAIT[:2], trade(1, BUY, 100, 100, 20)), []),
    "too small": ("LAYERING", day(*BAIT, trade(1, BUY, 501, 100, 20)), []),
    "at the market": (
        "LAYERING",
        day(
            *(order(n, SELL, 500, 100.04, 10 + n, canceled=25) for n in (2, 3, 4)),
            trade(1, BUY, 400, 100, 20),
        ),
        [],
    ),
    "through the market": (
        "LAYERING",
        day(
            *(order(n, SELL, 500, 99.90, 10 + n, canceled=25) for n in (2, 3, 4)), trade(1, BUY, 400, 100, 20)
        ),
        [],
    ),
    "canceled before": (
        "LAYERING",
        day(
            *(order(n, SELL, 500, 100.10, 10 + n, canceled=19) for n in (2, 3, 4)),
            trade(1, BUY, 400, 100, 20),
        ),
        [],
    ),
    "canceled late": (
        "LAYERING",
        day(
            *(order(n, SELL, 500, 100.10, 10 + n, canceled=51) for n in (2, 3, 4)),
            trade(1, BUY, 400, 100, 20),
        ),
        [],
    ),
    "one traded": (
        "LAYERING",
        day(*BAIT[:2], order(4, SELL, 500, 100.10, 14, canceled=25, executed=1), trade(1, BUY, 400, 100, 20)),
        [],
    ),
    "not canceled": (
        "LAYERING",
        day(*(order(n, SELL, 500, 100.10, 10 + n) for n in (2, 3, 4)), trade(1, BUY, 400, 100, 20)),
        [],
    ),
    "the same way as it traded": ("LAYERING", day(*BAIT, trade(1, SELL, 400, 100, 20)), []),
    "the price goes with it": ("MARKING_THE_CLOSE", day(*MARKED), [{1}]),
    "it sells the price down": (
        "MARKING_THE_CLOSE",
        day(trade(9, BUY, 100, 100, 3600, firm="G"), trade(1, SELL, 900, 99.7, LAST_S)),
        [{1}],
    ),
    "before the last minutes": (
        "MARKING_THE_CLOSE",
        day(MARKED[0], trade(1, BUY, 900, 100.4, LAST_S - 300)),
        [],
    ),
    "against the price": (
        "MARKING_THE_CLOSE",
        day(MARKED[0], trade(1, SELL, 900, 100.4, LAST_S)),
        [],
    ),
    "the price stays": ("MARKING_THE_CLOSE", day(MARKED[0], trade(1, BUY, 900, 100.1, LAST_S)), []),
    "a small part": (
        "MARKING_THE_CLOSE",
        day(*MARKED, *(trade(n, SELL, 1_100, 100.4, LAST_S + n, firm=f"G{n}") for n in (3, 4))),
        [],
    ),
    "few shares": ("MARKING_THE_CLOSE", day(MARKED[0], trade(1, BUY, 499, 100.4, LAST_S)), []),
}


def hits(found: Day, pattern: str, values: Mapping[str, int] | None = None) -> list[Hit]:
    return find(found, [pattern], {pattern: values or {}})


@pytest.mark.parametrize("name", DAYS)
def test_a_day_shows_what_it_shows_and_no_more(name: str) -> None:
    pattern, found, expected = DAYS[name]
    assert [{one.int for one in hit.orders} for hit in hits(found, pattern)] == expected


def test_every_pattern_has_a_finder_days_that_show_it_and_days_that_do_not() -> None:
    assert set(FINDERS) == set(PATTERNS)
    for pattern in PATTERNS:
        assert {bool(expected) for name, _, expected in DAYS.values() if name == pattern} == {True, False}


def test_a_hit_says_its_figures_and_why_in_words() -> None:
    [wash] = hits(DAYS["across accounts of the firm"][1], "WASH")
    assert wash.accounts == ("A-1", "A-2") and wash.figures["between_ms"] == 59_000
    assert wash.why == (
        "F bought 500 AAPL at 100.000000 on XNYS and sold 450 at 100.040000 on XNYS within 59000 ms,"
        " for accounts A-1, A-2"
    )
    [layers] = hits(DAYS["layers above a buy"][1], "LAYERING")
    assert layers.figures["canceled_shares"] == 1_500 and "3 orders to sell 1500 stood away" in layers.why
    [mark] = hits(DAYS["the price goes with it"][1], "MARKING_THE_CLOSE")
    assert (mark.figures["share_pct"], mark.figures["move_bps"]) == (100, 40)
    assert "bought 900 of 900 AAPL" in mark.why and "40 basis points" in mark.why


def test_what_is_found_follows_parameters_and_is_named_the_same_in_any_order() -> None:
    parts = [trade(1, BUY, 500, 100, 1), trade(2, SELL, 500, 100, 62)]
    [one] = hits(day(*parts), "WASH", {"window_s": 61})
    [again] = hits(day(*reversed(parts)), "WASH", {"window_s": 3600})
    assert one.identity == again.identity
    assert day(*parts).digest == day(*reversed(parts)).digest != day(parts[0]).digest


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["WASH.window_s=0"], "WASH.window_s must be 1 to 86400, was 0"),
        (["WASH.size_pct=101"], "WASH.size_pct must be 1 to 100, was 101"),
        (["WASH.more=1"], "WASH.more must be one of window_s, price_bps, size_pct, shares_min"),
        (["SPOOF.window_s=1"], "--set must be of one of"),
        (["WASH.window_s=soon"], "--set must be PATTERN.NAME=NUMBER"),
    ],
)
def test_parameters_that_are_none_are_refused_by_name_value_and_bounds(given: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        PATTERNS["WASH"].values(read_settings(given, list(PATTERNS)).get("WASH", {}))


# ---- any day

TRADES = st.builds(
    trade,
    st.integers(100, 10_000),
    st.sampled_from([BUY, SELL, SHORT]),
    st.integers(1, 2_000),
    st.integers(90, 110),
    st.integers(0, 6 * 3600),
    firm=st.sampled_from(["F", "G", "H"]),
    symbol=st.sampled_from(["AAPL", "MSFT"]),
    account_id=st.sampled_from(["A-1", "A-2"]),
)
ORDERS = st.builds(
    order,
    st.integers(20_000, 30_000),
    st.sampled_from([BUY, SELL]),
    st.integers(1, 2_000),
    st.integers(90, 110),
    st.integers(0, 6 * 3600),
    canceled=st.none() | st.integers(0, 6 * 3600),
    firm=st.sampled_from(["F", "G"]),
)
NOISE = st.lists(TRADES | ORDERS, max_size=30)


def at(parts: Sequence[DayOrder | DayExecution]) -> list[set[int]]:
    return [{one.order_id.int for one in parts}]


@given(NOISE, st.integers(0, 21_000), st.sampled_from(["layers", "wash"]))
def test_a_pattern_that_is_planted_in_any_day_is_found(
    noise: list[DayOrder | DayExecution], begin_s: int, planted: str
) -> None:
    """The planted one is of a firm of its own: what others do hides nothing."""
    if planted == "wash":
        parts: list[Any] = [
            trade(1, BUY, 300, 100, begin_s, firm="Z"), trade(2, SELL, 300, 100, begin_s + 5, firm="Z"),
        ]  # fmt: skip
        pattern = "WASH"
    else:
        pattern = "LAYERING"
        parts = [order(n, BUY, 900, 99, begin_s + n, canceled=begin_s + 20, firm="Z") for n in (2, 3, 4)]
        parts.append(trade(1, SELL, 200, 100, begin_s + 10, firm="Z"))
    found = hits(day(*noise, *parts), pattern)
    expected = {one.order_id for one in parts}
    assert [hit for hit in found if hit.firm == "Z" and set(hit.orders) == expected]


@given(NOISE)
def test_a_day_on_which_no_firm_is_on_both_sides_of_a_symbol_has_no_wash_and_no_layering(
    noise: list[DayOrder | DayExecution],
) -> None:
    ways = {("F", "AAPL"): BUY, ("F", "MSFT"): SELL, ("G", "AAPL"): SELL, ("G", "MSFT"): BUY}
    one_way = [one for one in noise if one.buys == (ways.get((one.firm, one.symbol), BUY) == BUY)]
    assert hits(day(*one_way), "WASH") == hits(day(*one_way), "LAYERING") == []


@given(NOISE)
def test_a_wash_takes_no_execution_twice(noise: list[DayOrder | DayExecution]) -> None:
    trades = [one for one in noise if isinstance(one, DayExecution)]
    found = hits(day(*trades), "WASH", {"window_s": 86_400, "price_bps": 10_000, "size_pct": 1})
    for firm in ("F", "G", "H"):
        for symbol in ("AAPL", "MSFT"):
            here = [hit for hit in found if (hit.firm, hit.symbol) == (firm, symbol)]
            own = [one for one in trades if (one.firm, one.symbol) == (firm, symbol)]
            assert len(here) <= min(sum(one.buys for one in own), sum(not one.buys for one in own))
