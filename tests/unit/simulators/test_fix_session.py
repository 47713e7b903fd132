"""A venue's FIX session on a socket: what outlives a crash, and what an unkind one does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from oms_platform.fix.wire import FrameReader, MalformedFieldError, assemble, split_fields
from simulators.broker.adapters.session_store import SessionStore
from simulators.broker.protocol import FaultKind
from tests.raw_fix import RawClient, stamp
from tests.venue_in_process import VenueInProcess, running_venue


def order(cl_ord_id: str, *, buys: bool = True) -> bytes:
    side = b"1" if buys else b"2"
    body = b"11=%s|21=1|38=100|40=2|44=1.00|54=%s|55=AAPL|59=1|60=%s|"
    return body % (cl_ord_id.encode(), side, stamp().encode())


def logged_on(port: int, next_out: int = 1) -> RawClient:
    client = RawClient(port)
    client.next_out = next_out
    client.log_on()
    return client


# ---- bytes


def test_bytes_in_any_pieces_are_the_same_messages() -> None:
    first, second = assemble("35=0\x0134=1\x01"), assemble("35=1\x0134=2\x0158=8=x\x01")
    stream = b"rubbish" + first + b"\x01\x01" + second + first
    whole = [frame.raw for frame in FrameReader().feed(stream) if frame.whole]
    assert whole == [first, second, first]
    for size in (1, 2, 3, 7, 50):
        reader = FrameReader()
        found = [
            frame.raw
            for place in range(0, len(stream), size)
            for frame in reader.feed(stream[place : place + size])
            if frame.whole
        ]
        assert found == whole


def test_message_that_says_it_is_endless_does_not_stop_those_behind_it() -> None:
    good = assemble("35=0\x0134=1\x01")
    frames = FrameReader().feed(b"8=FIX.4.4\x019=999999999\x0135=0\x01" + good)
    assert frames[-1].raw == good and frames[-1].whole


@pytest.mark.parametrize("length", ["3", "6", "x", "-5", "99999999999", ""])
def test_data_field_of_another_length_is_malformed(length: str) -> None:
    with pytest.raises(MalformedFieldError) as malformed:
        split_fields(f"35=D\x01354={length}\x01355=ab\x01cd\x0138=1\x01")
    assert malformed.value.tag == "354"


# ---- the store


def test_store_gives_back_what_was_sent_and_cuts_off_a_torn_message(tmp_path: Path) -> None:
    store = SessionStore(tmp_path, "one")
    messages = [assemble(f"35=8\x0134={number}\x0158={'x' * number * 9}\x01") for number in range(1, 9000)]
    for message in messages:
        store.append(message)
    store.next_in = 42
    store.close()
    with (tmp_path / "one.body").open("ab") as body:
        body.write(messages[0][:-3])
    again = SessionStore(tmp_path, "one")
    assert (again.next_out, again.next_in) == (9000, 42)
    assert [raw for _, raw in again.read(1, 10**9)] == messages
    again.append(messages[0])
    assert [raw for _, raw in again.read(9000, 9000)] == [messages[0]]
    again.reset()
    again.close()
    empty = SessionStore(tmp_path, "one")
    assert (empty.next_out, empty.next_in) == (1, 1)
    empty.close()


# ---- crashes


def test_message_that_was_read_and_not_dealt_with_is_asked_for_again(tmp_path: Path) -> None:
    venue = VenueInProcess(tmp_path)
    client = RawClient(venue.port)
    client.send("A", b"98=0|108=30|")
    store = venue.door._sessions["XNYS"].store
    while store.next_in == 1:
        venue.door.poll(0.2)
        venue.door.flush()
    client.send("D", order("lost"))
    while not venue.door.poll(0.2):
        pass
    # The process dies here: nothing was journaled, and the store was not written.
    for sock in (venue.door._listener, *[one.sock for one in venue.door._connections.values()]):
        assert sock is not None
        sock.close()
    client.close()
    with running_venue(tmp_path) as again:
        other = logged_on(again.port, client.next_out)
        asked = other.read_until("2")
        assert asked["7"] == b"2"
        other.send("D", order("lost"), seq=2, header=b"43=Y|122=%s|" % stamp().encode())
        assert other.read_until("8")["150"] == b"0"


def test_what_was_sent_to_nobody_is_resent_after_a_restart(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        client.send("D", order("X"))
        assert client.read_until("8")["150"] == b"0"
    with running_venue(tmp_path) as venue:
        again = RawClient(venue.port)
        again.next_out = client.next_out
        # The logout of the stop was not answered, and the acknowledgement is said to be lost.
        assert int(again.log_on()["34"]) > 2
        again.send("2", b"7=2|16=2|")
        resent = again.read_until("8")
        assert (resent["11"], resent["43"], resent["34"]) == (b"X", b"Y", b"2")
        assert resent["122"] <= resent["52"]


# ---- faults of a session


def ask(venue: VenueInProcess, kind: FaultKind) -> None:
    venue.engines["XNYS"].plan.ask(kind)
    venue.door.wake()


def test_a_session_that_is_cut_takes_no_log_on_until_its_time_is_over_and_other_venues_do(
    tmp_path: Path,
) -> None:
    with running_venue(tmp_path) as venue:
        client, other = logged_on(venue.port), RawClient(venue.port, "XNAS")
        other.log_on()
        client.send("D", order("X"))
        assert client.read_until("8")["150"] == b"0"
        venue.door.cut("XNYS", 3_600)
        assert client.is_closed()
        again = RawClient(venue.port)
        again.next_out = client.next_out
        with pytest.raises(EOFError):
            again.log_on()
        other.send("1", b"112=still here|")
        assert other.read_until("0")["112"] == b"still here"
        venue.door.cut("XNYS", 0)
        back = RawClient(venue.port)
        back.next_out = client.next_out
        assert back.log_on()["35"] == b"A"


def test_dropped_connection_may_log_on_again(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        ask(venue, FaultKind.DROP)
        assert client.is_closed()
        assert logged_on(venue.port, client.next_out)


def test_reset_session_answers_the_next_logon_with_141_and_number_1(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        client.send("D", order("X"))
        client.read_until("8")
        ask(venue, FaultKind.SESSION_RESET)
        assert client.is_closed()
        again = RawClient(venue.port)
        again.next_out = client.next_out
        answer = again.log_on()
        assert (answer["141"], answer["34"]) == (b"Y", b"1")
        again.send("H", b"11=X|54=1|55=AAPL|", seq=1)
        assert again.read_until("8")["150"] == b"I"


def test_session_with_an_old_store_uses_numbers_again(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        last = b"1"
        for number in range(5):
            client.send("D", order(f"X{number}"))
            last = client.read_until("8")["34"]
        ask(venue, FaultKind.SEQUENCE_LOW)
        assert client.is_closed()
        again = RawClient(venue.port)
        again.next_out = client.next_out
        assert int(again.log_on()["34"]) <= int(last)


def test_gap_fill_takes_a_fills_place_and_the_journal_has_the_fill(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        client.send("D", order("B"))
        client.read_until("8")
        ask(venue, FaultKind.GAP_FILLED)
        client.send("D", order("S", buys=False))
        filled = client.read_until("4")
        assert (filled["123"], int(filled["36"])) == (b"Y", int(filled["34"]) + 1)
        client.send("2", b"7=%s|16=%s|" % (filled["34"], filled["34"]))
        assert client.read_until("4")["43"] == b"Y"
    assert '"kind":"GAP_FILLED"' in (tmp_path / "journal.jsonl").read_text()
    assert (tmp_path / "journal.jsonl").read_text().count('"exec_type":"TRADE"') == 2


def test_clock_that_is_off_stamps_one_message_minutes_ago(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        ask(venue, FaultKind.CLOCK_OFF)
        client.send("D", order("X"))
        sent = client.read_until("8")["52"].decode()
        at = datetime.strptime(sent, "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=UTC)
        assert 170 < (datetime.now(UTC) - at).total_seconds() < 200


def test_connection_that_is_gone_cancels_what_rests(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        client = logged_on(venue.port)
        client.send("D", order("X"))
        client.read_until("8")
        ask(venue, FaultKind.CANCEL_ON_DISCONNECT)
        client.close()
        again = None
        while again is None:
            try:
                again = logged_on(venue.port, client.next_out)
            except EOFError:
                continue  # The venue has not seen the end of the last connection yet.
        again.send("H", b"11=X|54=1|55=AAPL|")
        while (status := again.read_until("8"))["150"] != b"I":
            pass
        assert status["39"] == b"4"
