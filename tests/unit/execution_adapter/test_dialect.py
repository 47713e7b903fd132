"""What goes to a venue, tag by tag."""

from datetime import UTC, datetime
from typing import Any

import pytest

from execution_adapter.domain.dialects import DIALECTS, fix42, fix44
from execution_adapter.domain.dialects.dialect import SOH, Dialect, decimal_text
from execution_adapter.domain.fix.wire import utc_timestamp
from oms_platform.order_types import venue_force
from oms_platform.vocabulary import ExecInst, OrderCapacity, Side, TimeInForce
from tests.unit.execution_adapter.orders import child


def fields(body: str) -> dict[str, str]:
    assert body.endswith(SOH)
    return dict(part.split("=", 1) for part in body.split(SOH)[:-1])


@pytest.mark.parametrize(
    ("micros", "text"),
    [(1, "0.000001"), (10_000_000, "10"), (10_010_000, "10.01"), (187_250_000, "187.25"), (100, "0.0001")],
)
def test_a_price_is_written_exactly(micros: int, text: str) -> None:
    assert decimal_text(micros) == text


both = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


@both
def test_an_order_is_written_with_all_that_it_asks(dialect: Dialect) -> None:
    asked = child(side=Side.BUY, time_in_force=TimeInForce.GTC, limit_price_micros=187_250_000)
    assert fields(dialect.new_order_single(asked, "SHORT1", "20260102-03:04:05.000006")) == {
        "11": "SHORT1",
        "21": "1",
        "38": "100",
        "40": "2",
        "44": "187.25",
        "54": "1",
        "55": "AAPL",
        "59": "1",
        "60": "20260102-03:04:05.000006",
    }


@both
def test_a_minimum_is_written_as_min_qty(dialect: Dialect) -> None:
    assert fields(dialect.new_order_single(child(min_quantity=40), "a", ""))["110"] == "40"


@both
@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"display_quantity": 30}, {"111": "30"}),
        ({"exec_inst": ExecInst.PARTICIPATE_DONT_INITIATE}, {"18": "6"}),
        ({"side": Side.SELL_SHORT, "locate_id": "L 1/7"}, {"54": "5", "114": "N", "5700": "L 1/7"}),
        ({"side": Side.SELL_SHORT}, {"54": "5", "114": "N"}),
        ({"side": Side.SELL_SHORT_EXEMPT}, {"54": "6", "114": "N"}),
        # What is not short borrows nothing.
        ({"side": Side.SELL, "locate_id": "L"}, {"54": "2"}),
        ({}, {}),
    ],
)
def test_an_instruction_is_written_where_it_is_given_and_nowhere_else(
    dialect: Dialect, changes: dict[str, Any], written: dict[str, str]
) -> None:
    for body in (
        dialect.new_order_single(child(**changes), "a", ""),
        dialect.order_cancel_replace_request(child(**changes), "a", "b", 100, ""),
    ):
        found = fields(body)
        said = {tag: found[tag] for tag in ("18", "54", "111", "114", "5700", "528", "47") if tag in found}
        assert said == {"54": "2"} | written


@pytest.mark.parametrize(("dialect", "tag"), [(fix42, "47"), (fix44, "528")])
def test_for_whom_we_trade_is_written_by_its_family(dialect: Dialect, tag: str) -> None:
    for capacity, letter in zip(OrderCapacity, "APR", strict=True):
        assert fields(dialect.new_order_single(child(capacity=capacity), "a", ""))[tag] == letter


@both
@pytest.mark.parametrize(("quantity", "shown"), [(100, "40"), (41, "40"), (40, None), (1, None)])
def test_an_order_made_smaller_shows_and_asks_for_no_more_than_it_has(
    dialect: Dialect, quantity: int, shown: str | None
) -> None:
    showing, whole = child(display_quantity=40), child(min_quantity=40)
    assert fields(dialect.order_cancel_replace_request(showing, "a", "b", quantity, "")).get("111") == shown
    told = fields(dialect.order_cancel_replace_request(whole, "a", "b", quantity, ""))
    assert told["110"] == str(min(40, quantity))


@both
def test_an_order_made_smaller_is_good_for_as_long_as_it_was(dialect: Dialect) -> None:
    """Venues have GTC of an order that is good till a time, and are told no other by a 35=G."""
    told = child(time_in_force=venue_force(TimeInForce.GTD))
    for body in (
        dialect.new_order_single(told, "a", ""),
        dialect.order_cancel_replace_request(told, "a", "b", 50, ""),
    ):
        assert (fields(body)["59"], fields(body).keys() & {"126", "432"}) == ("1", set())


@both
@pytest.mark.parametrize(("force", "code"), [(TimeInForce.OPG, "2"), (TimeInForce.CLO, "7")])
def test_an_order_for_an_auction_says_so_when_it_is_made_smaller_too(
    dialect: Dialect, force: TimeInForce, code: str
) -> None:
    told = child(time_in_force=force)
    for body in (
        dialect.new_order_single(told, "a", ""),
        dialect.order_cancel_replace_request(told, "a", "b", 50, ""),
    ):
        assert fields(body)["59"] == code


@both
def test_a_cancel_and_a_question_name_the_child(dialect: Dialect) -> None:
    asked = child()
    cancel = fields(dialect.order_cancel_request(asked, "a", "a-C7", "20260102-03:04:05.000006"))
    assert (cancel["11"], cancel["41"], cancel["38"], cancel["54"]) == ("a-C7", "a", "100", "2")
    question = fields(dialect.order_status_request(asked, "a", "q"))
    assert question["11"] == "a"


def test_a_question_has_an_id_in_fix_44_only() -> None:
    assert fields(fix44.order_status_request(child(), "a", "q"))["790"] == "q"
    assert "790" not in fields(fix42.order_status_request(child(), "a", "q"))


def test_a_time_is_written_as_precisely_as_the_family_allows() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6_007, tzinfo=UTC)
    assert utc_timestamp(at) == fix44.timestamp(at) == "20260102-03:04:05.006007"
    assert fix42.timestamp(at) == "20260102-03:04:05.006"


@both
@pytest.mark.parametrize(
    ("symbol", "suffixed", "written"),
    [
        ("BRK.B", True, ("BRK", "B")),
        ("BF/A", True, ("BF", "A")),
        ("AAPL", True, ("AAPL", None)),
        ("BRK.B", False, ("BRK.B", None)),
        ("BF/A", False, ("BF/A", None)),
    ],
)
def test_a_share_class_is_written_as_its_venue_takes_it_in_everything_that_is_asked(
    dialect: Dialect, symbol: str, suffixed: bool, written: tuple[str, str | None]
) -> None:
    asked = child(symbol=symbol)
    for body in (
        dialect.new_order_single(asked, "a", "", suffixed=suffixed),
        dialect.order_cancel_request(asked, "a", "b", "", suffixed=suffixed),
        dialect.order_status_request(asked, "a", "q", suffixed=suffixed),
    ):
        found = fields(body)
        assert (found["55"], found.get("65")) == written


@pytest.mark.parametrize(
    ("micros", "text"), [(731_250_000_000, "731250"), (731_250_010_000, "731250.01"), (452_100, "0.4521")]
)
def test_prices_above_a_hundred_thousand_and_below_a_dollar_are_written_exactly(
    micros: int, text: str
) -> None:
    assert fields(fix44.new_order_single(child(limit_price_micros=micros), "a", ""))["44"] == text
