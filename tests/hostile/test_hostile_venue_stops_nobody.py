"""C-I: whatever text, price or quantity a venue sends, no process ends and nobody else waits."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from tests.hostile.floor import Floor, tagged
from tests.venues.fix_bytes import Fields
from tests.venues.venue_order import changed, without

LATIN_1 = b"Ausf\xfchrung"
# A byte each that is no ASCII, and what no text should hold; SOH (1) ends a field and cannot be in one.
ODD_BYTES = [bytes([code]) for code in (0, *range(2, 32), 127, *range(128, 256))]
ODD_TEXTS = [
    "Ausführung €".encode(),
    b"\xed\xa0\x80",
    b"\xed\xb3\xbc",
    b"\xf0\x9f\x92",
    b"\xff\xfe\x00\x00",
    b"\xc0\x80",
    b"=",
    b"a=b=c",
    b"10=000",
    b"8=FIX.4.4",
    b"|",
    b" ",
    b"x" * 5000,
]
# How long each of many is waited for: all were sent before the first wait.
SPOILED_S = 20.0
UNREAD_PRICE = ("BAD_PRICE", "UNREADABLE", "REFUSED_BY_SESSION")
UNREAD_QUANTITY = ("BAD_QUANTITY", "UNREADABLE", "REFUSED_BY_SESSION")


# ---- C22a: bytes that are no text


def test_c22a_latin1_text_on_a_fill_is_booked(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    floor["XNYS"].session.send("8", tagged(child.fill(100), (58, LATIN_1)))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="XNYS")


def test_c22a_latin1_text_on_a_cancel_is_applied(floor: Floor) -> None:
    venue = floor["XNAS"]
    venue.hear("F")
    placed, child = floor.rest("XNAS")
    floor.cancel(placed)
    request = venue.cancel_request(child)
    venue.session.send("8", tagged(child.cancel(request), (58, LATIN_1)))
    floor.until_books(placed, [child], "CANCELED")
    floor.goes_on(at="XNAS")


def test_c22a_latin1_text_on_a_reject_is_applied(floor: Floor) -> None:
    venue = floor["ARCX"]
    venue.hear("D")
    placed = floor.place("ARCX")
    child = floor.child(placed, "ARCX")
    venue.session.send("8", tagged(child.reject(), (58, LATIN_1)))
    closed = floor.until_event(placed, "ChildClosed")
    assert closed["payload"]["childClosed"]["outcome"] == "EXEC_TYPE_REJECTED"
    venue.hear()
    floor.goes_on(at="ARCX")


def test_c22a_latin1_text_on_a_cancel_reject_is_applied(floor: Floor) -> None:
    venue = floor["BATS"]
    venue.hear("F")
    placed, child = floor.rest("BATS")
    floor.cancel(placed)
    request = venue.cancel_request(child)
    venue.session.send("9", tagged(child.refuse_cancel(request, 2), (58, LATIN_1)))
    floor.until_event(placed, "ChildCancelRejected")
    venue.session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="BATS")


@pytest.mark.parametrize("tag", [58, 37, 17], ids=["text", "order_id", "exec_id"])
def test_c22a_any_byte_in_a_text_is_booked(floor: Floor, tag: int) -> None:
    """Also in ids: two that differ in one odd byte are two executions."""
    texts = [*ODD_BYTES, *(text for text in ODD_TEXTS if tag == 58)]
    placed, child = floor.rest("EDGX", quantity=len(texts))
    bodies = [changed(child.fill(1), **{f"t{tag}": b"x" + text + b"y"}) for text in texts]
    floor["EDGX"].session.send_together([("8", body) for body in bodies])
    order = floor.until(placed, "FILLED")
    assert (order["cumQty"], order["leavesQty"]) == (len(texts), 0)
    assert sum(qty for _, qty, _ in floor.executions(placed)) == len(texts)
    assert floor.position(placed.account, placed.symbol) == placed.before + len(texts)
    assert floor.exceptions_of(placed) == []
    floor.goes_on(at="EDGX")


def test_c22b_utf8_text_is_booked_and_shown(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    floor["XNYS"].session.send("8", tagged(child.fill(100), (58, "Ausführung")))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="XNYS")


# ---- C2: prices and quantities that are none


def spoiled(fields: Fields, tag: int, value: bytes | None) -> Fields:
    """Return a body with another value of a field, or without the field where the value is None."""
    return without(fields, tag) if value is None else changed(fields, **{f"t{tag}": value})


def refuse_all(
    floor: Floor, venue_id: str, tag: int, values: Sequence[bytes | None], kinds: Sequence[str]
) -> None:
    """Send fills that cannot be booked, each for an order of its own.

    Nothing of them is booked, each is kept for a person byte for byte, no share is asked for again, and a
    cancel ends each order.
    """
    orders = [(value, *floor.rest(venue_id)) for value in values]
    sent = [
        floor[venue_id].session.send("8", spoiled(child.fill(100), tag, value)) for value, _, child in orders
    ]
    wrong: list[str] = []
    for (value, placed, _), one in zip(orders, sent, strict=True):
        try:
            floor.until_exception(one, *kinds, venue_id=venue_id, timeout_s=SPOILED_S)
            assert floor.executions(placed) == []
            assert floor.position(placed.account, placed.symbol) == placed.before
        except AssertionError as error:
            wrong.append(f"{value!r}: {str(error).splitlines()[0]}")
    assert wrong == []
    # The venue says that it has sold 100 shares of each: they are not asked for again.
    floor.goes_on(at=venue_id)
    for _, placed, child in orders:
        assert floor[venue_id].orders_of(UUID(placed.order_id).hex) == [child]
        floor.cancel(placed)
    for value, placed, _ in orders:
        order = floor.until(placed, "CANCELED")
        assert (order["cumQty"], order["leavesQty"]) == (0, 0), value


BAD_PRICES = [
    b"0", b"0.0000001", b"-338.12", b"", None, b"1e999", b"1e5", b"NaN", b"sNaN", b"Infinity", b"-0",
    b"9" * 20, b"9" * 400, b"abc", b"338,12", b"338.12.1", b" ", b"\xfc", b"\x00",
]  # fmt: skip
BAD_QUANTITIES = [
    b"0", b"-100", b"0.5", b"100.5", b"", None, b"9" * 20, b"9" * 400, b"NaN", b"1e999", b"abc", b"\xfc",
]  # fmt: skip


def test_c2_a_price_of_zero_is_kept_for_a_person_and_stops_nobody(floor: Floor) -> None:
    refuse_all(floor, "XNAS", 31, [b"0"], UNREAD_PRICE)


def test_c2_any_price_that_is_none_is_kept_for_a_person_and_stops_nobody(floor: Floor) -> None:
    refuse_all(floor, "XNAS", 31, BAD_PRICES, UNREAD_PRICE)


def test_c2_any_quantity_that_is_none_is_kept_for_a_person_and_stops_nobody(floor: Floor) -> None:
    refuse_all(floor, "ARCX", 32, BAD_QUANTITIES, UNREAD_QUANTITY)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (32, b"100.0"), (32, b"100."), (32, b"00000000000000000000100"), (32, b"100.00000000000000000000"),
        (31, b"00000000000000000000%s"), (31, b"%s00000000000000000000"),
    ],
    ids=repr,
)  # fmt: skip
def test_c2_a_number_written_in_another_way_is_booked(floor: Floor, tag: int, value: bytes) -> None:
    placed, child = floor.rest("BATS")
    body = child.fill(100)
    price = child.price if "." in child.price else f"{child.price}.0"
    written = value % price.encode() if b"%" in value else value
    floor["BATS"].session.send("8", changed(body, **{f"t{tag}": written}))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="BATS")


def test_c29_more_decimals_than_are_kept_are_rounded_once(floor: Floor) -> None:
    placed, child = floor.rest("EDGX")
    body = child.fill(100, px=f"{child.price.partition('.')[0]}.123456789")
    trade = next(iter(child.trades.values()))
    floor["EDGX"].session.send("8", body)
    floor.until(placed, "FILLED")
    ((exec_id, qty, px),) = floor.executions(placed)
    assert (exec_id, qty, str(px)) == (trade.exec_id, 100, f"{child.price.partition('.')[0]}.123457")
    floor.goes_on(at="EDGX")


NONSENSE = [b"", b"-1", b"NaN", b"9" * 20, b"1e999", b"\xfc\x00"]


@pytest.mark.parametrize("tag", [14, 151, 6, 38, 60, 44, 99], ids=str)
def test_c2_nonsense_beside_a_good_trade_does_not_lose_it(floor: Floor, tag: int) -> None:
    placed, child = floor.rest("XNYS", quantity=len(NONSENSE) + 1)
    fills = [child.fill(1, exec_id=f"N{tag}-{number}-{placed.order_id}") for number in range(len(NONSENSE))]
    bodies = [changed(fill, **{f"t{tag}": value}) for fill, value in zip(fills, NONSENSE, strict=True)]
    sent = [floor["XNYS"].session.send("8", body) for body in bodies]
    for number, one in enumerate(sent):
        floor.until_kept(placed, one, f"N{tag}-{number}-{placed.order_id}")
    floor.goes_on(at="XNYS")


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
