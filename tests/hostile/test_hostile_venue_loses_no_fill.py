"""C-II: every share that a venue executed is booked or kept for a person, and none is sent again."""

from decimal import Decimal
from uuid import UUID

import pytest

from tests.hostile.floor import Floor, Placed, child_id, report, tagged
from tests.venues.fix_bytes import Fields, Value, join
from tests.venues.venue_order import VenueOrder, changed, without

TIMES = 4


def canceling(floor: Floor, venue_id: str, **terms: object) -> tuple[Placed, VenueOrder, Fields]:
    """Place an order and ask for its cancel. Returns the venue's 150=4 as if nothing had been executed."""
    venue = floor[venue_id]
    venue.hear("F")
    placed, child = floor.rest(venue_id, **terms)
    floor.cancel(placed)
    canceled = child.cancel(venue.cancel_request(child))
    child.closed_as = ""
    return placed, child, canceled


# ---- C1, C4, C7: as FIX says


def test_c1_partial_fills_are_booked_with_their_average(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    cents = child.price.partition(".")[0]
    for quantity, price in (
        (10, f"{cents}.01"),
        (30, f"{cents}.07"),
        (20, f"{cents}.0333"),
        (40, f"{cents}.50"),
    ):
        floor["XNYS"].session.send("8", child.fill(quantity, price))
        floor.until_books(placed, [child], "FILLED" if child.cum == 100 else "PARTIALLY_FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="XNYS")


def test_c1b_partial_fills_at_two_venues_are_one_average(floor: Floor) -> None:
    placed = floor.place("XNYS", "XNAS", quantity=12_000, symbol="BAC", profile="split")
    legs = {venue_id: floor.await_children(placed, venue_id)[0] for venue_id in ("XNYS", "XNAS")}
    assert sum(child.order_qty for child in legs.values()) == 12_000
    floor.until(placed, "ACKNOWLEDGED")
    dollars = legs["XNYS"].price.partition(".")[0]
    for venue_id, cents in (("XNYS", "03"), ("XNAS", "0333"), ("XNAS", "07"), ("XNYS", "50")):
        child = legs[venue_id]
        floor[venue_id].session.send("8", child.fill(child.order_qty // 4, f"{dollars}.{cents}"))
        floor.until_books(placed, legs.values(), "PARTIALLY_FILLED")
    for venue_id, child in legs.items():
        floor[venue_id].session.send("8", child.fill(child.leaves))
    floor.until_books(placed, legs.values(), "FILLED")
    assert floor.exceptions_of(placed) == []


@pytest.mark.parametrize("ord_status", ["1", "2", "4", "8", "C", "A", "6"])
def test_c4b_an_acknowledgement_whose_ord_status_says_otherwise_leaves_the_order_live(
    floor: Floor, ord_status: str
) -> None:
    placed, child = floor.rest("BATS")
    floor["BATS"].session.send("8", child.report("0", t39=ord_status))
    floor["BATS"].session.send("8", child.fill(40))
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    floor["BATS"].session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "BATS", 100)


@pytest.mark.parametrize("ord_status", ["1", "A", "6", "E", "7", "9"])
def test_c4e_the_last_trade_of_an_order_fills_it_whatever_its_ord_status_says(
    floor: Floor, ord_status: str
) -> None:
    placed, child = floor.rest("ARCX")
    floor["ARCX"].session.send("8", child.fill(30))
    floor["ARCX"].session.send("8", child.fill(70, t39=ord_status))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "ARCX", 100)


def test_c4a_a_trade_whose_ord_status_says_new_is_booked(floor: Floor) -> None:
    placed, child = floor.rest("XNAS")
    floor["XNAS"].session.send("8", child.fill(100, t39="0"))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="XNAS")


@pytest.mark.parametrize(("exec_type", "ord_status"), [("4", "4"), ("3", "3"), ("C", "C"), ("B", "B")])
def test_c7_what_a_venue_ends_by_itself_is_routed_again(
    floor: Floor, exec_type: str, ord_status: str
) -> None:
    placed, child = floor.rest("ARCX")
    floor["ARCX"].session.send("8", child.fill(40))
    floor["ARCX"].session.send("8", child.cancel(t150=exec_type, t39=ord_status))
    second = floor.child(placed, "ARCX", attempt=2)
    assert second.order_qty == 60
    floor["ARCX"].session.send("8", second.fill(60))
    floor.until_books(placed, [child, second], "FILLED")
    floor.only_children(placed, "ARCX", 100, 60)


# ---- C16, C17: the order in which a close and its fills come


def test_c16a_a_fill_after_the_cancel_is_booked(floor: Floor) -> None:
    placed, child, canceled = canceling(floor, "BATS")
    floor["BATS"].session.send("8", canceled)
    floor.until(placed, "CANCELED")
    floor["BATS"].session.send("8", child.fill(100))
    floor.until_books(placed, [child], "CANCELED")
    floor.goes_on(at="BATS")


def test_c16b_a_cancel_and_the_fill_that_crossed_it_in_one_packet_keep_the_fill(floor: Floor) -> None:
    for _ in range(TIMES):
        placed, child, canceled = canceling(floor, "XNYS")
        floor["XNYS"].session.send_together([("8", canceled), ("8", child.fill(100))])
        order = floor.until_order(placed, lambda found: bool(found["closed"]), "closed")
        assert order["status"] in {"CANCELED", "FILLED"}
        floor.until_books(placed, [child], order["status"])
        assert floor.exceptions_of(placed) == []
    floor.goes_on(at="XNYS")


def test_c16c_a_fill_and_then_the_cancel_in_one_packet_keep_the_fill(floor: Floor) -> None:
    venue = floor["XNYS"]
    venue.hear("F")
    placed, child = floor.rest("XNYS")
    floor.cancel(placed)
    request = venue.cancel_request(child)
    venue.session.send_together([("8", child.fill(60)), ("8", child.cancel(request))])
    floor.until_books(placed, [child], "CANCELED")
    floor.goes_on(at="XNYS")


@pytest.mark.parametrize("together", [True, False], ids=["one packet", "two packets"])
def test_c16d_a_fill_after_the_last_one_is_booked_and_shown(floor: Floor, together: bool) -> None:
    placed, child = floor.rest("XNAS")
    bodies = [("8", child.fill(100)), ("8", child.fill(20, t39="2", t151=0))]
    session = floor["XNAS"].session
    sent = session.send_together(bodies) if together else [session.send(*body) for body in bodies]
    floor.until_books(placed, [child], "FILLED")
    floor.until_exception_of(placed, "OVERFILL", exec_id=[*child.trades][1])
    floor.until_journaled(sent[1])
    floor.only_children(placed, "XNAS", 100)


def test_c16e_an_unsolicited_cancel_and_its_fill_in_one_packet_are_not_routed_again(floor: Floor) -> None:
    for _ in range(TIMES):
        placed, child = floor.rest("ARCX")
        canceled = report(child.report("4"), t39="4", t14=0, t151=0)
        fill = report(child.fill(100), t39="4")
        floor["ARCX"].session.send_together([canceled, fill])
        floor.until_books(placed, [child], "FILLED")
        floor.only_children(placed, "ARCX", 100)


def test_c16f_a_cancel_that_counts_the_fill_behind_it_keeps_the_fill(floor: Floor) -> None:
    placed = floor.place("BATS", time_in_force="IOC")
    child = floor.child(placed, "BATS")
    fill = report(child.fill(100), t39="4")
    canceled = report(child.report("4"), t39="4", t14=100, t151=0)
    floor["BATS"].session.send_together([canceled, fill])
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "BATS", 100)


def test_c16f_what_a_close_counts_and_no_fill_brought_is_held_until_it_comes(floor: Floor) -> None:
    """The same, and the fill is late: what the venue says that it executed is not sent again meanwhile."""
    placed, child = floor.rest("EDGX")
    fill = child.fill(70)
    child.closed_as = "4"
    session = floor["EDGX"].session
    session.send("8", child.report("4"))
    floor["EDGX"].question(child)
    second = floor.child(placed, "EDGX", attempt=2)
    assert second.order_qty == 30
    session.send("8", changed(fill, t39="4", t151=0))
    session.send("8", second.fill(30))
    floor.until_books(placed, [child, second], "FILLED")
    floor.only_children(placed, "EDGX", 100, 30)


def test_c17_fills_while_nobody_was_there_are_booked_once(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    session = floor["XNYS"].session
    session.shut()
    session.send("8", child.fill(30))
    session.send("8", child.fill(70))
    session.reopen()
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="XNYS", disturbed=["XNYS"])


def test_c17c_a_close_and_its_fill_that_are_resent_together_keep_the_fill(floor: Floor) -> None:
    placed, child = floor.rest("XNAS")
    session = floor["XNAS"].session
    session.shut()
    session.send("8", changed(child.report("4"), t39="4", t14=0, t151=0))
    session.send("8", child.fill(100, t39="4"))
    session.reopen()
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100, disturbed=["XNAS"])


# ---- C17b, C4d: CumQty against the fills


def test_c17b_fills_that_a_gap_fill_hides_are_asked_for_and_shown_and_the_order_ends(floor: Floor) -> None:
    placed, child = floor.rest("ARCX", quantity=300)
    session = floor["ARCX"].session
    session.shut()
    for _ in range(2):
        session.send("8", child.fill(100))
    session.gap_fills = True
    since = len(session.received)
    session.reopen()
    session.wait(lambda: bool(session.of_type("2", since=since)), "35=2")
    session.send("8", child.fill(100))
    floor["ARCX"].question(child)
    floor.until_exception_of(placed, "CUM_QTY_DIFFERS", "UNRESOLVED")
    floor.until_order(placed, lambda order: order["cumQty"] == 100, "CumQty 100")
    assert [qty for _, qty, _ in floor.executions(placed)] == [100]
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 100
    floor.only_children(placed, "ARCX", 300, disturbed=["ARCX"])


def test_c4d_a_fill_that_is_less_than_its_cum_qty_is_asked_about_and_shown(floor: Floor) -> None:
    placed, child = floor.rest("BATS")
    child.fill(30)
    floor["BATS"].session.send("8", child.fill(50))
    floor["BATS"].question(child)
    floor.until_exception_of(placed, "CUM_QTY_DIFFERS", "UNRESOLVED")
    floor.until_order(placed, lambda order: order["cumQty"] == 50, "CumQty 50")
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 50
    floor.goes_on(at="BATS")


# ---- C3, C31, C27, C22g: fields that no dictionary has


GROUPS: dict[str, list[tuple[int, bytes]]] = {
    "user": [(5001, b"X"), (6001, b"Y")],
    "user 9999": [(9999, b"1"), (9730, b"A"), (9882, b"7"), (7774, b"\xff")],
    "user above": [(10000, b"1"), (20000, b"2"), (39999, b"3"), (999999999, b"4")],
    "newer FIX": [(851, b"1"), (1057, b"Y"), (1003, b"T1"), (880, b"M"), (2376, b"24")],
    "reserved": [(957, b"1"), (4999, b"1"), (101, b"x")],
    "empty": [(58, b""), (9730, b""), (30, b"")],
    "twice": [(58, b"a"), (58, b"b"), (5001, b"1"), (5001, b"2")],
    "parties": [(453, b"2"), (448, b"A"), (447, b"D"), (452, b"1"), (448, b"B"), (447, b"D"), (452, b"3")],
    "parties miscounted": [(453, b"3"), (448, b"A"), (447, b"D"), (452, b"1")],
    "parties none": [(453, b"0")],
    "parties, other order": [(453, b"1"), (452, b"1"), (448, b"A"), (447, b"D")],
    "group with user tags": [(382, b"1"), (375, b"B"), (5100, b"x"), (437, b"100"), (382, b"0")],
    "group of user tags": [(20001, b"2"), (20002, b"a"), (20002, b"b")],
    "group with a count that is none": [(382, b"many"), (375, b"B")],
    "header behind": [(115, b"OB"), (50, b"S"), (129, b"D"), (369, b"1")],
    "values unknown": [(30, b"ZZZZ"), (21, b"9"), (59, b"Q"), (18, b"? !"), (40, b"\xe9")],
    "wrong types": [(126, b"tomorrow"), (381, b"x"), (113, b"maybe"), (423, b"")],
}


@pytest.mark.parametrize("name", GROUPS)
def test_c3_a_fill_with_fields_that_nobody_knows_is_booked(floor: Floor, name: str) -> None:
    placed, child = floor.rest("EDGX")
    session = floor["EDGX"].session
    since = len(session.received)
    session.send("8", tagged(child.fill(100), *GROUPS[name]))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    assert session.of_type("3", "j", since=since) == []


@pytest.mark.parametrize("tag", [6, 14, 151, 38, 39, 54, 55, 60, 37], ids=str)
def test_c3_a_fill_without_a_field_that_it_can_do_without_is_booked_or_kept(floor: Floor, tag: int) -> None:
    placed, child = floor.rest("XNYS")
    exec_id = f"W-{placed.order_id}"
    sent = floor["XNYS"].session.send("8", without(child.fill(100, exec_id=exec_id), tag))
    floor.until_kept(placed, sent, exec_id)


ODD_PIECES = {
    "quantity again": b"32=100",
    "another quantity": b"32=1",
    "another price": b"31=1.5",
    "another ExecID": b"17=other",
    "another ClOrdID": b"11=other",
    "another ExecType": b"150=4",
    "another OrdStatus": b"39=8",
    "tag of ten digits": b"2147483647=1",
    "tag of forty digits": b"9" * 40 + b"=1",
    "tag 0": b"0=1",
    "negative tag": b"-5001=1",
    "tag that is no number": b"abc=1",
    "tag with a zero before": b"058=x",
    "no tag": b"=1",
    "no value": b"58",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ODD_PIECES)
def test_c3_a_fill_with_a_piece_that_cannot_be_is_booked_or_kept(floor: Floor, name: str) -> None:
    """A second value that contradicts the first, or what is no field: nobody chooses, and nothing is lost."""
    placed, child = floor.rest("XNYS")
    exec_id = f"2-{placed.order_id}"
    sent = floor["XNYS"].session.send(
        "8", join(child.fill(100, exec_id=exec_id)) + ODD_PIECES[name] + b"\x01"
    )
    where = floor.until_kept(placed, sent, exec_id)
    if where == "booked":
        floor.until_books(placed, [child], "FILLED")


def test_c3_fields_in_any_order_are_booked(floor: Floor) -> None:
    placed, child = floor.rest("XNAS")
    floor["XNAS"].session.send("8", list(reversed(child.fill(100))))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="XNAS")


@pytest.mark.parametrize("msg_type", ["U1", "BZ", "B", "AE", "h", "zz"])
def test_c3_a_message_of_a_type_that_nobody_knows_harms_nobody(floor: Floor, msg_type: str) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    session.send_together(
        [(msg_type, [(11, child.cl_ord_id), (58, b"\xfc"), (5001, 1)]), ("8", child.fill(100))]
    )
    floor.until_books(placed, [child], "FILLED")
    assert session.logged_on


def test_c31_only_what_is_left_after_a_tagged_fill_is_routed_again(floor: Floor) -> None:
    placed, child = floor.rest("BATS")
    session = floor["BATS"].session
    session.send("8", tagged(child.fill(60), *GROUPS["user"]))
    session.send("8", child.cancel())
    second = floor.child(placed, "BATS", attempt=2)
    assert second.order_qty == 40
    session.send("8", second.fill(40))
    floor.until_books(placed, [child, second], "FILLED")
    floor.only_children(placed, "BATS", 100, 40)


def test_c27_fills_in_the_style_of_fix_42_are_booked(floor: Floor) -> None:
    placed, child = floor.rest("EDGX")
    session = floor["EDGX"].session
    session.send("8", tagged(child.fill(60, t150="1"), (20, "0")))
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    session.send("8", tagged(child.fill(40, t150="2"), (20, "0")))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="EDGX")


DATA_FIELDS = [
    (354, 355),
    (95, 96),
    (212, 213),
    (348, 349),
    (350, 351),
    (360, 361),
    (362, 363),
    (445, 446),
    (90, 91),
]


INSIDE = {
    "fields": b"a\x0132=1\x0111=x\x0114=7\x0117=other\x0131=1",
    "no fields": b"ab\x01cd",
    "a trailer": b"ab\x0110=000\x01",
    "a message": b"8=FIX.4.4\x019=5\x0135=0\x0110=161\x01",
    "separators": b"\x01\x01=\x01",
}


@pytest.mark.parametrize(("length", "data"), DATA_FIELDS, ids=str)
@pytest.mark.parametrize("in_front", [True, False], ids=["in front", "behind"])
def test_c22g_what_stands_in_a_data_field_is_not_read_as_fields(
    floor: Floor, length: int, data: int, in_front: bool
) -> None:
    booked_with(floor, INSIDE["fields"], length, data, in_front=in_front)


@pytest.mark.parametrize("name", INSIDE)
def test_c22g_anything_may_stand_in_a_data_field(floor: Floor, name: str) -> None:
    booked_with(floor, INSIDE[name], 354, 355, in_front=True)
    booked_with(floor, INSIDE[name], 354, 355, in_front=False)


def booked_with(floor: Floor, inside: bytes, length: int, data: int, *, in_front: bool) -> None:
    """Hold that a fill with a data field is booked as what stands beside that."""
    placed, child = floor.rest("XNYS")
    field: Fields = [(length, len(inside)), (data, inside)]
    fill = child.fill(100)
    floor["XNYS"].session.send("8", join([*field, *fill] if in_front else [*fill, *field]))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []


# ---- C14, C12, C15, C24: whose fill, which fill, how much


UNKNOWN_ORDERS: dict[str, dict[str, Value]] = {
    "our pattern": {"t11": f"{UUID(int=1).hex}-1-1"},
    "an unknown leg": {},
    "foreign text": {"t11": b"NOT OURS \xfc-C-C"},
    "another firm's number": {"t11": "12345"},
    "only OrigClOrdID": {"t41": "elsewhere"},
    "none": {},
}


@pytest.mark.parametrize("name", UNKNOWN_ORDERS)
def test_c14_a_fill_for_an_order_that_we_do_not_have_is_kept_for_a_person(floor: Floor, name: str) -> None:
    placed, child = floor.rest("XNAS")
    fill = changed(child.fill(100), **UNKNOWN_ORDERS[name], t37=f"U-{placed.order_id}")
    if name == "an unknown leg":
        fill = changed(fill, t11=child_id(placed, 7, 7))
    elif name in {"none", "only OrigClOrdID"}:
        fill = without(fill, 11)
    sent = floor["XNAS"].session.send("8", fill)
    floor.until_exception(sent, "UNKNOWN_ORDER", "UNREADABLE", "REFUSED_BY_SESSION", venue_id="XNAS")
    assert floor.executions(placed) == []
    assert floor.order(placed)["status"] == "ACKNOWLEDGED"
    floor.goes_on(at="XNAS")


def test_c12_an_exec_id_that_comes_again_with_other_content_is_shown_and_the_order_ends(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    exec_id = f"R-{placed.order_id}"
    session.send("8", child.fill(40, exec_id=exec_id))
    floor.until(placed, "PARTIALLY_FILLED")
    second = child.fill(60, exec_id=f"{exec_id}-hidden")
    sent = session.send("8", changed(second, t17=exec_id))
    floor.until_exception_of(placed, "REPEATED_EXEC_ID", exec_id=exec_id)
    floor.until_journaled(sent)
    assert floor.executions(placed) == [
        (exec_id, 40, child.trades[exec_id].px.quantize(child.trades[exec_id].px))
    ]
    floor.only_children(placed, "ARCX", 100)
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 40


@pytest.mark.parametrize(
    "more", [{}, {"t97": "Y"}, {"t58": "again"}], ids=["same", "PossResend", "other text"]
)
def test_c12_a_fill_that_comes_again_is_booked_once(floor: Floor, more: dict[str, str]) -> None:
    placed, child = floor.rest("BATS")
    session = floor["BATS"].session
    first = child.fill(40)
    session.send("8", first)
    session.send("8", changed(first, **more))
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="BATS")


def test_c12_the_same_exec_id_at_two_venues_is_two_fills(floor: Floor) -> None:
    orders = [(venue_id, *floor.rest(venue_id)) for venue_id in ("XNYS", "XNAS")]
    exec_id = f"X-{orders[0][1].order_id}"
    for venue_id, _, child in orders:
        floor[venue_id].session.send("8", child.fill(100, exec_id=exec_id))
    for _, placed, child in orders:
        floor.until_books(placed, [child], "FILLED")


def test_c15a_shares_beyond_a_filled_order_are_in_the_position_and_shown(floor: Floor) -> None:
    placed, child = floor.rest("EDGX")
    session = floor["EDGX"].session
    session.send("8", child.fill(100))
    floor.until(placed, "FILLED")
    sent = session.send("8", child.fill(50))
    floor.until_exception_of(placed, "OVERFILL", exec_id=[*child.trades][1])
    floor.until_journaled(sent)
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="EDGX")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_c15b_one_fill_beyond_the_order_is_in_the_position_and_shown(floor: Floor, side: str) -> None:
    placed, child = floor.rest("XNYS", side=side)
    sent = floor["XNYS"].session.send("8", child.fill(150))
    floor.until_exception_of(placed, "OVERFILL", exec_id=next(iter(child.trades)))
    floor.until_journaled(sent)
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNYS", 100)


@pytest.mark.parametrize(("tag", "value"), [(55, "ZZZZ"), (54, "2")], ids=["symbol", "side"])
def test_c15_a_fill_that_contradicts_its_order_is_shown(floor: Floor, tag: int, value: str) -> None:
    placed, child = floor.rest("XNAS")
    sent = floor["XNAS"].session.send("8", changed(child.fill(100), **{f"t{tag}": value}))
    floor.until_exception(sent, "CONTRADICTS_CHILD")
    floor.only_children(placed, "XNAS", 100)


def test_c15_a_fill_by_another_venue_than_the_childs_is_shown(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    sent = floor["BATS"].session.send("8", child.fill(100))
    floor.until_exception(sent, "CONTRADICTS_CHILD", "UNKNOWN_ORDER", venue_id="BATS")
    floor.only_children(placed, "ARCX", 100)


def test_c24_ten_thousand_fills_of_one_share_are_all_booked(floor: Floor) -> None:
    count = 10_000
    placed, child = floor.rest("BATS", quantity=count, symbol="BAC")
    session = floor["BATS"].session
    for _ in range(0, count, 500):
        session.send_together([("8", child.fill(1)) for _ in range(500)])
    order = floor.until(placed, "FILLED")
    assert (order["cumQty"], Decimal(order["avgPx"])) == (count, Decimal(str(child.price)))
    assert len(floor.executions(placed)) == count
    assert floor.position(placed.account, placed.symbol) == placed.before + count
    floor.goes_on(at="BATS")


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
