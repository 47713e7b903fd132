"""Short sales, parts that are shown, post-only orders through a whole stack: what a venue gets of them."""

from decimal import Decimal

from tests.hostile.floor import Floor

# Of the market's price: a limit that would trade at once.
THROUGH = Decimal("-0.02")


def test_a_short_sale_tells_its_venue_what_its_client_said_and_keeps_the_rest(floor: Floor) -> None:
    placed, child = floor.rest(
        "XNYS", side="SELL_SHORT", quantity=1_000, displayQty=300, capacity="PRINCIPAL",
        locateId="LOC 7", tags={"book": "EU-1"},
    )  # fmt: skip
    said = {tag: child.new.text(tag) for tag in (54, 114, 111, 38, 528, 5700, 18)}
    # This venue takes no locates, and its dictionary has no field for one.
    assert said == {54: "5", 114: "N", 111: "300", 38: "1000", 528: "P", 5700: "", 18: ""}
    floor["XNYS"].session.send("8", child.fill(400))
    floor.until(placed, "PARTIALLY_FILLED")
    order = floor.order(placed)
    assert (order["side"], order["locateId"], order["displayQty"]) == ("SELL_SHORT", "LOC 7", 300)
    assert (order["capacity"], order["tags"]) == ("PRINCIPAL", {"book": "EU-1"})
    floor.until_position(placed, -400)
    floor.cancel(placed)
    floor.until_books(placed, [child], "CANCELED")


def test_what_is_shown_is_replaced_by_an_order_that_shows_as_much(floor: Floor) -> None:
    placed, child = floor.rest("XNYS", quantity=1_000, displayQty=100)
    assert child.new.text(111) == "100"
    change = {"displayQty": 400, "quantity": 1_500}
    floor.client.request("PATCH", f"/api/v1/orders/{placed.order_id}", body=change)
    second = floor.second_child(placed, "XNYS")
    assert (second.new.text(111), second.new.text(38), child.leaves) == ("400", "1500", 0)
    # Fewer shares alone are taken off where they are; it shows no more than it has.
    floor.client.request("PATCH", f"/api/v1/orders/{placed.order_id}", body={"quantity": 401})
    floor.until_event(placed, "OrderReplaced")
    floor.until_order(placed, lambda order: order["quantity"] == 401, "401 shares")
    assert (second.order_qty, second.leaves) == (401, 401)
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["displayQty"] == 400


def test_a_post_only_order_stands_behind_the_market_and_comes_again_when_it_would_have_taken(
    floor: Floor,
) -> None:
    floor["XNYS"].hear("D")
    placed = floor.place("XNYS", away=THROUGH, postOnly=True)
    for attempt in range(1, 4):
        child = floor.child(placed, "XNYS", attempt)
        assert (child.new.text(18), child.new.text(59)) == ("6", "0")
        assert child.new.number(38) == 100 and Decimal(child.price) < Decimal(placed.price)
        if attempt < 3:
            floor["XNYS"].session.send("8", child.reject(t58="post-only: it would take"))
    floor["XNYS"].session.send("8", child.ack())
    floor["XNYS"].session.send("8", child.fill(100))
    assert floor.until(placed, "FILLED")["postOnly"] is True
    # Who says that it would take is not closed for it.
    assert floor.rest("XNYS")[1].new.text(18) == ""
