"""C-III, the session: numbers, clocks, resends, lost connections: nothing is lost, doubled or unexplained."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.hostile.floor import Floor, Placed, child_id
from tests.venues.fix_bytes import Message, timestamp
from tests.venues.venue_order import VenueOrder

CLOCK_OFF = timedelta(minutes=3)
# Two heartbeats and a half of 10 s, and some.
SILENCE_S = 40.0


# ---- C17, C19: resets


def test_c19a_a_reset_in_the_middle_of_a_session_loses_nothing(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    session = floor["XNYS"].session
    session.send("8", child.fill(40))
    floor.until(placed, "PARTIALLY_FILLED")
    session.reset_now()
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="XNYS", disturbed=["XNYS"])


def test_c19b_a_reset_that_nobody_asked_for_at_a_logon_loses_nothing(floor: Floor) -> None:
    placed, child = floor.rest("XNAS")
    session = floor["XNAS"].session
    session.shut()
    session.forgets_at_logon = True
    session.reopen()
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100, disturbed=["XNAS"])


def test_c19c_a_sequence_reset_to_a_later_number_loses_nothing(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    session.reset_to(session.next_out + 100)
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="ARCX")


def forgotten(floor: Floor, venue_id: str, filled: int = 0) -> tuple[Placed, VenueOrder]:
    """Return an order whose venue goes away; what it executes until it is back, nobody will send."""
    placed, child = floor.rest(venue_id)
    session = floor[venue_id].session
    if filled:
        session.send("8", child.fill(filled))
        floor.until_books(placed, [child], "PARTIALLY_FILLED")
    session.shut()
    session.forgets_at_logon = True
    return placed, child


def test_c19e_after_a_reset_every_open_order_is_asked_for_and_a_lost_fill_is_shown(floor: Floor) -> None:
    placed, child = forgotten(floor, "BATS")
    child.fill(100)
    floor["BATS"].session.reopen()
    floor["BATS"].question(child)
    floor.until_exception_of(placed, "CUM_QTY_DIFFERS", "UNRESOLVED")
    floor.only_children(placed, "BATS", 100, disturbed=["BATS"])
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 0


def test_c19e_after_a_reset_an_order_that_is_over_at_its_venue_is_routed_again(floor: Floor) -> None:
    placed, child = forgotten(floor, "EDGX", filled=30)
    child.closed_as = "4"
    floor["EDGX"].session.reopen()
    second = floor.second_child(placed, "EDGX")
    assert second.order_qty == 70
    floor["EDGX"].session.send("8", second.fill(70))
    floor.until_books(placed, [child, second], "FILLED")
    assert floor.exceptions_of(placed) == []


def test_c19e_after_a_reset_an_order_that_lives_works_on(floor: Floor) -> None:
    placed, child = forgotten(floor, "XNYS", filled=30)
    floor["XNYS"].session.reopen()
    floor["XNYS"].question(child)
    floor["XNYS"].session.send("8", child.fill(70))
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "XNYS", 100, disturbed=["XNYS"])


def test_c19e_after_a_reset_an_order_that_its_venue_has_lost_is_not_left_open_for_ever(floor: Floor) -> None:
    placed, child = forgotten(floor, "XNAS", filled=30)
    venue = floor["XNAS"]
    del venue.orders[child.cl_ord_id]
    venue.session.reopen()
    venue.question(child)
    floor.until_order(
        placed,
        lambda _order: bool(floor.exceptions_of(placed)) or floor.sizes_at("XNAS", placed) == [70],
        "an exception, or another child of 70",
    )
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 30


def test_a_gap_in_the_venues_numbers_is_asked_for_and_what_follows_is_booked(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    session.skip_numbers(3)
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="ARCX")


def test_everything_that_a_venue_ever_sent_once_more_changes_nothing(floor: Floor) -> None:
    placed, child = floor.rest("BATS")
    session = floor["BATS"].session
    session.send("8", child.fill(40))
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    session.resend(1)
    floor.goes_on(at="BATS")
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []


# ---- garbled messages


def test_a_fill_with_a_wrong_checksum_is_asked_for_again_and_booked_once(floor: Floor) -> None:
    placed, child = floor.rest("EDGX")
    session = floor["EDGX"].session
    session.send("8", child.fill(40), checksum=1)
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="EDGX")


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\xfe", b"8=FIX.4.4\x019=abc\x01", b"GET / HTTP/1.1\r\n\r\n"], ids=repr
)
def test_bytes_that_are_no_fix_between_messages_lose_nothing(floor: Floor, junk: bytes) -> None:
    placed, child = floor.rest("XNYS")
    session = floor["XNYS"].session
    session.send("8", child.fill(40))
    session.send_raw(junk)
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    session.await_logon()
    floor.goes_on(at="XNYS", disturbed=["XNYS"])


# ---- C23: clocks


@pytest.mark.parametrize("off", [-CLOCK_OFF, CLOCK_OFF], ids=["slow", "fast"])
def test_c23_a_fill_whose_sending_time_is_minutes_off_does_not_vanish(floor: Floor, off: timedelta) -> None:
    placed, child = floor.rest("XNAS")
    session = floor["XNAS"].session
    exec_id = f"C-{placed.order_id}"
    since = len(session.taken)
    sent = session.send(
        "8", child.fill(100, exec_id=exec_id), sending_time=timestamp(datetime.now(UTC) + off)
    )
    where = floor.until_kept(placed, sent, exec_id)
    if where != "booked":
        assert where == "REFUSED_BY_SESSION"
        floor["XNAS"].question(child, since=since)
    session.await_logon()
    floor.goes_on(at="XNAS", disturbed=["XNAS"])


TIMES = {
    "seconds": b"%s",
    "one digit": b"%s.5",
    "microseconds": b"%s.123456",
    "nanoseconds": b"%s.123456789",
    "picoseconds": b"%s.123456789012",
    "leap second": b"20251231-23:59:60",
    "leap second and a half": b"20251231-23:59:60.500",
    "a day": b"20251231",
    "empty": b"",
    "no time": b"yesterday",
    "no text": b"\xfc",
    "no date": b"99999999-99:99:99",
}
NO_TIMES = {"a day", "empty", "no time", "no text", "no date"}


@pytest.mark.parametrize("name", TIMES)
def test_c23_a_transact_time_of_any_form_does_not_lose_the_fill(floor: Floor, name: str) -> None:
    placed, child = floor.rest("ARCX")
    exec_id = f"T-{placed.order_id}"
    at = TIMES[name].replace(b"%s", timestamp()[:17])
    sent = floor["ARCX"].session.send("8", child.fill(100, exec_id=exec_id, t60=at))
    where = floor.until_kept(placed, sent, exec_id)
    assert where == "booked" or name in NO_TIMES


@pytest.mark.parametrize("name", TIMES)
def test_c23_a_sending_time_of_any_form_does_not_lose_the_fill(floor: Floor, name: str) -> None:
    placed, child = floor.rest("EDGX")
    exec_id = f"S-{placed.order_id}"
    at = TIMES[name].replace(b"%s", timestamp()[:17])
    sent = floor["EDGX"].session.send("8", child.fill(100, exec_id=exec_id), sending_time=at)
    floor.until_kept(placed, sent, exec_id)
    floor["EDGX"].session.await_logon()


def test_c23b_a_venue_whose_clock_is_minutes_off_is_traded_with_or_the_log_says_why_not(floor: Floor) -> None:
    session = floor["XNYS"].session
    since = floor.log_end()
    session.shut()
    session.clock_off = -CLOCK_OFF
    session.takes_connections = True
    try:
        session.await_logon()
        floor.await_routed_to("XNYS")
        placed, child = floor.rest("XNYS")
        session.send("8", child.fill(100))
        floor.until_books(placed, [child], "FILLED")
    except AssertionError:
        line = floor.until_logged("XNYS", "time", since=since)
        assert "SendingTime" in line or "clock" in line
    finally:
        session.clock_off = timedelta()
    session.await_logon()
    floor.goes_on(at="XNYS", disturbed=["XNYS"])


# ---- C20: silence


@pytest.mark.timeout(300)
def test_c20_a_venue_that_falls_silent_is_asked_left_and_taken_up_again_where_it_was(floor: Floor) -> None:
    placed, child = floor.rest("BATS")
    session = floor["BATS"].session
    since = len(session.received)
    session.silent = True
    session.send("8", child.fill(100))
    session.wait(lambda: bool(session.of_type("1", since=since)), "TestRequest", SILENCE_S)
    session.wait(lambda: not session.logged_on, "end of the connection", SILENCE_S)
    session.wait(lambda: bool(session.of_type("A", since=since)), "another logon", SILENCE_S)
    elsewhere = floor.place("BATS", "XNYS")
    floor.await_children(elsewhere, "XNYS")
    assert floor.sizes_at("BATS", elsewhere) == []
    session.speak()
    floor.until_books(placed, [child], "FILLED")
    assert floor.exceptions_of(placed) == []
    floor.only_children(placed, "BATS", 100, disturbed=["BATS"])


# ---- C25, C40, C41: what was lost on the way to the venue


def test_c25_an_order_that_was_taken_before_the_connection_was_lost_is_neither_lost_nor_doubled(
    floor: Floor,
) -> None:
    venue = floor["XNAS"]
    venue.hear("D")
    placed = floor.place("XNAS")
    child = floor.child(placed, "XNAS")
    venue.session.drop()
    venue.session.await_logon()
    venue.session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100, disturbed=["XNAS"])


def test_c25b_an_order_that_was_lost_with_the_connection_is_sent_once(floor: Floor) -> None:
    venue = floor["ARCX"]
    venue.session.loses = "D"
    placed = floor.place("ARCX")
    venue.session.wait(lambda: bool(venue.session.lost), "lost 35=D")
    venue.session.reopen()
    child = floor.child(placed, "ARCX")
    venue.session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "ARCX", 100, disturbed=["ARCX"])


@pytest.mark.parametrize("time_in_force", ["DAY", "IOC"])
def test_c40_an_order_that_was_lost_and_canceled_meanwhile_is_never_sent_again(
    floor: Floor, time_in_force: str
) -> None:
    venue = floor["BATS"]
    lost = len(venue.session.lost)
    before = len(venue.session.received)
    venue.session.loses = "D"
    placed = floor.place("BATS", time_in_force=time_in_force)
    venue.session.wait(lambda: len(venue.session.lost) > lost, "lost 35=D")
    floor.cancel(placed)
    floor.until(placed, "PENDING_CANCEL", "CANCELED")
    venue.session.reopen()
    floor.until(placed, "CANCELED")
    floor.goes_on(at="BATS", disturbed=["BATS"])
    sent = [m for m in venue.session.of_type("D", since=before) if m.text(11) == child_id(placed)]
    assert sent == []
    assert floor.order(placed)["cumQty"] == 0


def test_c41_orders_that_are_over_are_not_sent_again_to_a_venue_that_lost_its_store(floor: Floor) -> None:
    venue = floor["EDGX"]
    over = []
    for end in ("filled", "canceled", "expired"):
        placed, child = floor.rest("EDGX")
        if end == "filled":
            venue.session.send("8", child.fill(100))
            floor.until(placed, "FILLED")
        else:
            floor.cancel(placed)
            floor.until(placed, "CANCELED")
        over.append(placed)
    live, child = floor.rest("EDGX")
    since = len(venue.session.received)
    venue.session.send("2", [(7, 1), (16, 0)])
    venue.session.wait(lambda: bool(venue.session.of_type("4", since=since)), "35=4")
    floor.goes_on(at="EDGX")
    names = {child_id(placed) for placed in over}

    def is_over(message: Message) -> bool:
        return message.text(11) in names or message.text(41) in names

    again = [m.shown for m in venue.session.of_type("D", "F", since=since) if m.poss_dup and is_over(m)]
    assert again == []
    venue.session.send("8", child.fill(100))
    floor.until_books(live, [child], "FILLED")


# ---- C18 and the words of the log


def test_c18_numbers_of_a_venue_that_are_too_low_are_explained_in_the_log(floor: Floor) -> None:
    session = floor["XNYS"].session
    since = floor.log_end()
    session.shut()
    right, session.next_out = session.next_out, 2
    session.takes_connections = True
    try:
        floor.until_logged("XNYS", "too low", since=since)
        floor.goes_on(at="XNAS", disturbed=["XNYS"])
    finally:
        session.shut()
        session.next_out = right + 1
        session.next_in = 0
        session.reopen()
    floor.goes_on(at="XNYS", disturbed=["XNYS"])


def test_c18b_numbers_of_ours_that_a_venue_finds_too_low_are_explained_in_the_log(floor: Floor) -> None:
    session = floor["XNAS"].session
    since = floor.log_end()
    session.shut()
    session.next_in += 1_000_000
    session.takes_connections = True
    try:
        floor.until_logged("XNAS", "MsgSeqNum too low, expecting", since=since)
        floor.goes_on(at="ARCX", disturbed=["XNAS"])
    finally:
        session.shut()
        session.next_in = 0
        session.reopen()
    floor.goes_on(at="XNAS", disturbed=["XNAS"])


@pytest.mark.parametrize("text", [b"closed for the day", b"ferm\xe9 closed for the day"], ids=repr)
def test_c18_the_text_of_a_venues_logout_is_in_the_log(floor: Floor, text: bytes) -> None:
    session = floor["BATS"].session
    since = floor.log_end()
    session.send("5", [(58, text)])
    floor.until_logged("BATS", "closed for the day", since=since)
    session.await_logon()
    floor.goes_on(at="BATS", disturbed=["BATS"])


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
