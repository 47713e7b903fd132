"""What goes to a venue, tag by tag."""

from datetime import UTC, datetime

import pytest

from execution_adapter.domain.dialects.fix44 import (
    SOH,
    decimal_text,
    new_order_single,
    order_cancel_request,
    order_status_request,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from oms_platform.vocabulary import Side, TimeInForce
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


def test_an_order_is_written_with_all_that_it_asks() -> None:
    asked = child(side=Side.BUY, time_in_force=TimeInForce.GTC, limit_price_micros=187_250_000)
    assert fields(new_order_single(asked, "20260102-03:04:05.000006")) == {
        "11": asked.cl_ord_id,
        "21": "1",
        "38": "100",
        "40": "2",
        "44": "187.25",
        "54": "1",
        "55": "AAPL",
        "59": "1",
        "60": "20260102-03:04:05.000006",
    }


def test_a_minimum_is_written_as_min_qty() -> None:
    assert fields(new_order_single(child(min_quantity=40), ""))["110"] == "40"


def test_a_cancel_and_a_question_name_the_child() -> None:
    asked = child()
    cancel = fields(order_cancel_request(asked, f"{asked.cl_ord_id}-C7", "20260102-03:04:05.000006"))
    assert (cancel["11"], cancel["41"], cancel["38"], cancel["54"]) == (
        f"{asked.cl_ord_id}-C7",
        asked.cl_ord_id,
        "100",
        "2",
    )
    question = fields(order_status_request(asked, "q"))
    assert (question["11"], question["790"]) == (asked.cl_ord_id, "q")


def test_a_time_is_written_to_the_microsecond() -> None:
    assert utc_timestamp(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "20260102-03:04:05.000006"
