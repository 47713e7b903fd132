"""What could not be applied is booked by a person: the position is then the venue's, and stays so."""

from decimal import Decimal
from typing import Any

from tests.hostile.floor import Floor, Placed
from tests.venues.raw_session import Sent
from tests.venues.venue_order import changed


def book(floor: Floor, sent: Sent, **body: Any) -> dict[str, Any]:
    """Book the exception that a message is, and wait until it is closed."""
    floor.until_journaled(sent)
    (exception_id,) = exception_ids(floor, sent)
    answer: dict[str, Any] = floor.client.post(f"/api/v1/exceptions/{exception_id}/book", body)

    def closed() -> bool:
        found = floor.client.get(f"/api/v1/exceptions/{exception_id}")
        return bool(found["status"] == "BOOKED")

    floor.until_true(closed, f"end of the booking of {exception_id}")
    return answer


def exception_ids(floor: Floor, sent: Sent) -> list[str]:
    def rows() -> list[str]:
        with floor.connection() as connection:
            found = connection.execute(
                "SELECT exception_id::text FROM execution_exceptions WHERE raw = ANY(%s)", (sent.raws,)
            )
            return [row[0] for row in found]

    ids: list[str] = floor.until_true(rows, "exception")
    return ids


def held(floor: Floor, placed: Placed) -> int:
    return floor.position(placed.account, placed.symbol) - placed.before


def test_a_trade_at_no_price_is_booked_at_the_price_that_a_person_gives(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    trade = child.fill(100, placed.price, exec_id="PHONED")
    sent = floor["XNYS"].session.send("8", changed(trade, t31="0"))
    book(floor, sent, reason="by phone", lastPx=placed.price)
    floor.until(placed, "FILLED")
    floor.until_position(placed, 100)
    assert floor.executions(placed) == [("PHONED", 100, Decimal(placed.price))]
    # The venue says it again as it was: it is in already.
    floor["XNYS"].session.send("8", trade)
    floor.goes_on(at="XNYS")
    assert held(floor, placed) == 100
    floor.is_judged_clean()


def test_a_trade_of_no_order_of_ours_is_booked_to_the_account_that_a_person_names(floor: Floor) -> None:
    placed, child = floor.rest("XNAS")
    trade = changed(child.fill(40, placed.price), t11="NOBODYS-1")
    sent = floor["XNAS"].session.send("8", trade)
    answer = book(floor, sent, reason="ours", accountId=placed.account, symbol=placed.symbol, side="BUY")
    found = floor.client.get(f"/api/v1/orders/{answer['orderId']}")
    assert (found["status"], found["cumQty"], found["channel"]) == ("FILLED", 40, "BOOKING")
    assert held(floor, placed) == 40
    assert floor.order(placed)["cumQty"] == 0
    floor.is_judged_clean()
