"""C-II, after the trade: busts, corrections and restatements change the books as the venue says."""

from decimal import Decimal

import pytest

from tests.hostile.floor import Floor, Placed
from tests.venues.fix_bytes import Value
from tests.venues.venue_order import VenueOrder, changed, without


def partly_filled(
    floor: Floor, venue_id: str, *quantities: int, **terms: object
) -> tuple[Placed, VenueOrder, list[str]]:
    """Place an order that fills by so much. Returns it with the ExecIDs."""
    placed, child = floor.rest(venue_id, **terms)
    exec_ids = [f"E{number}-{placed.order_id}" for number in range(len(quantities))]
    for exec_id, quantity in zip(exec_ids, quantities, strict=True):
        floor[venue_id].session.send("8", child.fill(quantity, exec_id=exec_id))
    floor.until_books(placed, [child], "FILLED" if child.leaves == 0 else "PARTIALLY_FILLED")
    return placed, child, exec_ids


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_c5_a_bust_takes_a_trade_back_and_the_child_works_on(floor: Floor, side: str) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "XNYS", 60, side=side)
    session = floor["XNYS"].session
    session.send("8", child.bust(exec_id))
    floor.until_books(placed, [child], "ACKNOWLEDGED")
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "XNYS", 100)


def test_c5_only_the_trade_that_is_named_is_taken_back(floor: Floor) -> None:
    placed, child, exec_ids = partly_filled(floor, "XNAS", 10, 20, 30)
    floor["XNAS"].session.send("8", child.bust(exec_ids[1]))
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    assert child.cum == 40
    floor.goes_on(at="XNAS")


def test_c5_a_bust_that_comes_again_takes_back_once(floor: Floor) -> None:
    placed, child, exec_ids = partly_filled(floor, "ARCX", 30, 30)
    bust = child.bust(exec_ids[0])
    session = floor["ARCX"].session
    session.send_together([("8", bust), ("8", bust)])
    session.send("8", changed(bust, t97="Y"))
    session.send("8", child.fill(70))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="ARCX")


def test_c5_a_trade_and_its_bust_in_one_packet_leave_nothing(floor: Floor) -> None:
    placed, child = floor.rest("BATS")
    exec_id = f"E-{placed.order_id}"
    session = floor["BATS"].session
    session.send_together([("8", child.fill(60, exec_id=exec_id)), ("8", child.bust(exec_id))])
    session.send("8", child.fill(30))
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    floor.goes_on(at="BATS")


def test_c5_a_bust_while_nobody_was_there_takes_the_trade_back(floor: Floor) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "EDGX", 60)
    session = floor["EDGX"].session
    session.shut()
    session.send("8", child.bust(exec_id))
    session.reopen()
    floor.until_books(placed, [child], "ACKNOWLEDGED")
    floor.goes_on(at="EDGX", disturbed=["EDGX"])


def test_c5b_a_correction_changes_quantity_and_price(floor: Floor) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "XNYS", 60)
    floor["XNYS"].session.send("8", child.correct(exec_id, 50, f"{child.price.partition('.')[0]}.00"))
    order = floor.until_order(placed, lambda found: found["cumQty"] == 50, "CumQty 50")
    assert order["status"] == "PARTIALLY_FILLED"
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    floor["XNYS"].session.send("8", child.fill(50))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "XNYS", 100)


def test_c5b_a_correction_of_the_price_alone_changes_the_average(floor: Floor) -> None:
    placed, child, exec_ids = partly_filled(floor, "XNAS", 60, 40)
    floor["XNAS"].session.send("8", child.correct(exec_ids[1], 40, f"{child.price.partition('.')[0]}.01"))
    average = child.average.quantize(Decimal("0.000001"))
    floor.until_order(placed, lambda found: Decimal(found["avgPx"]) == average, f"an average of {average}")
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="XNAS")


def test_c5b_a_correction_to_more_shares_is_booked(floor: Floor) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "ARCX", 60)
    floor["ARCX"].session.send("8", child.correct(exec_id, 100, child.price))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "ARCX", 100)


@pytest.mark.parametrize("refers_to", ["the trade", "the last correction"])
def test_c5b_corrections_and_then_a_bust_of_the_same_trade_leave_nothing(
    floor: Floor, refers_to: str
) -> None:
    """Venues differ in what ExecRefID (19) names of a trade that was corrected before."""
    placed, child, (exec_id,) = partly_filled(floor, "BATS", 60)
    session = floor["BATS"].session
    latest = [exec_id, f"G1-{placed.order_id}", f"G2-{placed.order_id}"]
    named = latest if refers_to == "the last correction" else [exec_id] * 3
    session.send("8", child.correct(exec_id, 50, child.price, t17=latest[1], t19=named[0]))
    session.send("8", child.correct(exec_id, 55, child.price, t17=latest[2], t19=named[1]))
    floor.until_order(placed, lambda found: found["cumQty"] == 55, "CumQty 55")
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    session.send("8", child.bust(exec_id, t19=named[2]))
    floor.until_books(placed, [child], "ACKNOWLEDGED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="BATS")


@pytest.mark.parametrize("exec_type", ["H", "G"])
@pytest.mark.parametrize("reference", ["NEVER", b"\xfc", None], ids=["unknown", "no text", "none"])
def test_c5_what_takes_back_a_trade_that_is_not_known_is_shown(
    floor: Floor, exec_type: str, reference: str | bytes | None
) -> None:
    placed, child, _ = partly_filled(floor, "EDGX", 60)
    more: dict[str, Value] = {"t32": 50, "t31": child.price} if exec_type == "G" else {}
    if reference is not None:
        more["t19"] = reference
    exec_id = f"U-{placed.order_id}"
    sent = floor["EDGX"].session.send("8", child.report(exec_type, t17=exec_id, **more))
    floor.until_exception_of(
        placed, "UNKNOWN_TRADE", "UNREADABLE", "REFUSED_BY_SESSION", exec_id=exec_id, sent=sent
    )
    floor.until_journaled(sent)
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    floor.goes_on(at="EDGX")


@pytest.mark.parametrize("price", [b"0", b"", None, b"NaN", b"-1"], ids=repr)
def test_c5b_a_correction_to_a_price_that_is_none_is_shown_and_changes_nothing(
    floor: Floor, price: bytes | None
) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "XNYS", 60)
    before = floor.executions(placed)
    body = child.correct(exec_id, 50, child.price)
    body = without(body, 31) if price is None else changed(body, t31=price)
    sent = floor["XNYS"].session.send("8", body)
    floor.until_exception(sent, "BAD_PRICE", "UNREADABLE", "REFUSED_BY_SESSION")
    assert floor.executions(placed) == before


def test_c30_a_bust_of_a_filled_order_makes_it_live_again_where_the_venue_keeps_it(floor: Floor) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "XNAS", 100)
    session = floor["XNAS"].session
    session.send("8", child.bust(exec_id))
    order = floor.until_books(placed, [child], "ACKNOWLEDGED")
    assert order["leavesQty"] == 100
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100)


def test_c30_a_bust_of_a_filled_order_is_routed_again_where_the_venue_is_done_with_it(floor: Floor) -> None:
    placed, child, exec_ids = partly_filled(floor, "ARCX", 60, 40)
    child.closed_as = "4"
    floor["ARCX"].session.send("8", child.bust(exec_ids[0], t151=0))
    second = floor.child(placed, "ARCX", attempt=2)
    assert second.order_qty == 60
    floor["ARCX"].session.send("8", second.fill(60))
    floor.until_books(placed, [child, second], "FILLED")
    floor.only_children(placed, "ARCX", 100, 60)


def test_c30_an_order_that_a_bust_made_live_again_can_be_canceled(floor: Floor) -> None:
    placed, child, (exec_id,) = partly_filled(floor, "BATS", 100)
    floor["BATS"].session.send("8", child.bust(exec_id))
    floor.until(placed, "ACKNOWLEDGED")
    floor.cancel(placed)
    floor.until_books(placed, [child], "CANCELED")
    floor.only_children(placed, "BATS", 100)


def test_j1b_a_bust_after_the_cancel_lowers_cum_qty_and_the_order_stays_canceled(floor: Floor) -> None:
    placed, child, exec_ids = partly_filled(floor, "EDGX", 50, 40)
    floor.cancel(placed)
    floor.until_books(placed, [child], "CANCELED")
    floor["EDGX"].session.send("8", child.bust(exec_ids[0]))
    floor.until_books(placed, [child], "CANCELED")
    assert floor.order(placed)["cumQty"] == 40
    floor.only_children(placed, "EDGX", 100)


def test_c15_an_overfill_that_is_busted_is_gone_from_the_position(floor: Floor) -> None:
    placed, child, _ = partly_filled(floor, "XNYS", 100)
    session = floor["XNYS"].session
    over = f"O-{placed.order_id}"
    session.send("8", child.fill(50, exec_id=over))
    floor.until_exception_of(placed, "OVERFILL", exec_id=over)
    floor.until_books(placed, [child], "FILLED")
    session.send("8", child.bust(over, t39="2"))
    floor.until_position(placed, 100)
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNYS", 100)


@pytest.mark.parametrize("text", ["0", "1", "3", "5", "99", ""], ids=str)
def test_restated_150_d_to_fewer_shares_routes_what_was_taken_off_again(floor: Floor, text: str) -> None:
    """ExecRestatementReason (378): a corporate action, a partial decline, a repricing, ... or none at all."""
    placed, child = floor.rest("XNAS")
    more = {"t378": text} if text else {}
    floor["XNAS"].session.send("8", child.restate(70, **more))
    second = floor.child(placed, "XNAS", attempt=2)
    assert second.order_qty == 30
    floor["XNAS"].session.send("8", child.fill(70))
    floor["XNAS"].session.send("8", second.fill(30))
    floor.until_books(placed, [child, second], "FILLED")
    assert floor.exceptions_of(placed) == []


def test_restated_150_d_that_changes_no_quantity_changes_nothing(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    session.send("8", child.restate(100, t378="3", t44=child.price))
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "ARCX", 100)


@pytest.mark.parametrize("exec_type", ["9", "7", "E", "6", "A", "5"], ids=str)
def test_states_that_end_nothing_leave_the_child_live(floor: Floor, exec_type: str) -> None:
    """Suspended, stopped, pending replace, pending cancel, pending new, replaced."""
    placed, child = floor.rest("BATS")
    session = floor["BATS"].session
    session.send("8", child.report(exec_type, t39={"5": "0"}.get(exec_type, exec_type)))
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "BATS", 100)


@pytest.mark.parametrize("exec_type", ["Z", "q", "", b"\xfc", None], ids=repr)
def test_an_exec_type_that_nobody_knows_is_kept_for_a_person(
    floor: Floor, exec_type: str | bytes | None
) -> None:
    placed, child = floor.rest("EDGX")
    body = child.report("0", t17=f"Z-{placed.order_id}")
    body = without(body, 150) if exec_type is None else changed(body, t150=exec_type)
    sent = floor["EDGX"].session.send("8", body)
    floor.until_exception(sent, "UNSUPPORTED_EXEC_TYPE", "UNREADABLE", "REFUSED_BY_SESSION")
    floor["EDGX"].session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
