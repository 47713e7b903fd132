"""The raw venue keeps the session layer as FIX says, so that what a test sees is the platform's doing."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.ports import free_port
from tests.venues.fix_bytes import Fields, Message, cut, frame, join, read_message, timestamp
from tests.venues.raw_venue import RawVenues
from tests.venues.venue_order import changed, without

WAIT_S = 5.0
ORDER: Fields = [(11, "A-1-1"), (38, 100), (44, "10.5"), (54, 1), (55, "AAPL")]


class Client:
    """A counterparty that keeps no session of its own: a test says every number."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._left = b""
        self._waiting: list[Message] = []

    def send(self, msg_type: str, seq: int, fields: Fields, *, again: bool = False) -> None:
        """Send a message."""
        dup: Fields = [(43, "Y"), (122, timestamp())] if again else []
        head: Fields = [(35, msg_type), (34, seq), (49, "OMS"), (52, timestamp()), (56, "XNYS")]
        self.connection.sendall(frame(join([*head, *dup, *fields])))

    def next(self) -> Message:
        """Return the next message. Raises EOFError when the venue has ended the connection."""
        while not self._waiting:
            data = self.connection.recv(65_536)
            if not data:
                raise EOFError
            self._waiting, self._left = cut(self._left + data)
        return self._waiting.pop(0)

    def log_on(self, seq: int = 1, *more: tuple[int, str]) -> Message:
        """Send 35=A and return the answer."""
        self.send("A", seq, [(98, 0), (108, 30), *more])
        return self.next()


@pytest.fixture
def venues() -> Iterator[RawVenues]:
    with RawVenues(free_port(), ("XNYS",)) as venues:
        yield venues


@pytest.fixture
def client(venues: RawVenues) -> Iterator[Client]:
    client = Client(venues.port)
    with closing(client.connection):
        yield client


def shape(message: Message, *tags: int) -> tuple[str, ...]:
    return (message.msg_type, *(message.text(tag) for tag in tags))


def test_a_logon_is_answered_with_the_heartbeat_that_was_asked_for(client: Client) -> None:
    assert shape(client.log_on(), 34, 98, 108, 141, 49, 56) == ("A", "1", "0", "30", "", "XNYS", "OMS")


def test_a_reset_that_is_asked_for_is_echoed_and_numbers_begin_at_1(
    venues: RawVenues, client: Client
) -> None:
    venues["XNYS"].session.next_in, venues["XNYS"].session.next_out = 40, 50
    assert shape(client.log_on(1, (141, "Y")), 34, 141) == ("A", "1", "Y")
    client.send("1", 2, [(112, "there?")])
    assert shape(client.next(), 34, 112) == ("0", "2", "there?")


def test_an_order_is_acknowledged_a_cancel_granted_and_a_question_answered_with_the_truth(
    venues: RawVenues, client: Client
) -> None:
    client.log_on()
    client.send("D", 2, ORDER)
    assert shape(client.next(), 150, 39, 14, 151) == ("8", "0", "0", "0", "100")
    order = venues["XNYS"].order("A-1-1")
    venues["XNYS"].session.send("8", order.fill(30))
    assert shape(client.next(), 150, 39, 32, 31, 14, 151, 6) == (
        "8",
        "F",
        "1",
        "30",
        "10.5",
        "30",
        "70",
        "10.5",
    )
    client.send("H", 3, [(11, "A-1-1"), (54, 1), (55, "AAPL"), (790, "Q")])
    assert shape(client.next(), 150, 39, 14, 151, 790) == ("8", "I", "1", "30", "70", "Q")
    client.send("F", 4, [(11, "A-1-1-C4"), (41, "A-1-1"), (54, 1), (55, "AAPL")])
    assert shape(client.next(), 150, 39, 11, 41, 14, 151) == ("8", "4", "4", "A-1-1-C4", "A-1-1", "30", "0")
    client.send("H", 5, [(11, "never"), (54, 1), (55, "AAPL")])
    assert shape(client.next(), 150, 39, 103, 37) == ("8", "I", "8", "5", "NONE")
    client.send("D", 6, ORDER)
    assert shape(client.next(), 150, 39, 103) == ("8", "8", "4", "6")


def test_a_gap_is_asked_for_and_what_is_filled_is_taken_in_its_place(
    venues: RawVenues, client: Client
) -> None:
    client.log_on()
    client.send("D", 3, ORDER)
    assert shape(client.next(), 7, 16) == ("2", "2", "0")
    assert venues["XNYS"].orders == {}
    client.send("4", 2, [(123, "Y"), (36, 3)], again=True)
    client.send("D", 3, ORDER, again=True)
    assert shape(client.next(), 150) == ("8", "0")
    assert venues["XNYS"].session.next_in == 4


def test_a_number_that_is_too_low_ends_the_session_with_its_reason(client: Client) -> None:
    client.log_on()
    client.send("D", 1, ORDER)
    assert shape(client.next(), 58) == ("5", "MsgSeqNum too low, expecting 2 but received 1")
    with pytest.raises(EOFError):
        client.next()


def test_what_was_sent_is_sent_again_as_it_was_and_admin_messages_are_gap_filled(
    venues: RawVenues, client: Client
) -> None:
    client.log_on()
    session = venues["XNYS"].session
    session.await_logon()
    sent = session.send_together([("8", [(58, b"\xfc\x00")]), ("0", []), ("8", [(354, 3), (355, b"a\x01b")])])
    first = [client.next() for _ in range(3)]
    assert [message.raw for message in first] == [one.raws[0] for one in sent]
    client.send("2", 2, [(7, 1), (16, 0)])
    again = [client.next() for _ in range(4)]
    assert [shape(message, 34, 36, 43) for message in again] == [
        ("4", "1", "2", "Y"), ("8", "2", "", "Y"), ("4", "3", "4", "Y"), ("8", "4", "", "Y"),
    ]  # fmt: skip
    assert again[1].get(58) == b"\xfc\x00"
    assert [message.raw for message in (again[1], again[3])] == [sent[0].raws[1], sent[2].raws[1]]
    session.gap_fills = True
    client.send("2", 3, [(7, 2), (16, 4)])
    assert shape(client.next(), 34, 36, 123) == ("4", "2", "5", "Y")


def test_numbers_and_messages_outlive_a_connection(venues: RawVenues, client: Client) -> None:
    client.log_on()
    session = venues["XNYS"].session
    session.await_logon()
    session.drop()
    sent = session.send("8", [(58, "nobody is there")])
    assert sent.raws == []
    later = Client(venues.port)
    with closing(later.connection):
        assert shape(later.log_on(2), 34) == ("A", "3")
        later.send("2", 3, [(7, 2), (16, 2)])
        assert shape(later.next(), 34, 43, 58) == ("8", "2", "Y", "nobody is there")


def test_bodies_can_be_changed_field_by_field() -> None:
    fields: Fields = [(31, "1"), (32, 2)]
    assert changed(fields, t32=b"\xff", t5001="x") == [(31, "1"), (32, b"\xff"), (5001, "x")]
    assert without(fields, 31) == [(32, 2)]


def test_messages_are_cut_by_their_length_however_they_arrive() -> None:
    raws = [frame(b"35=0\x01"), frame(b"35=8\x01355=8=FIX\x019=5\x01"), frame(b"35=5\x01")]
    stream = b"".join(raws)
    for first in range(len(stream)):
        found, left = cut(stream[:first])
        more, rest = cut(left + stream[first:])
        assert ([message.raw for message in found + more], rest) == (raws, b"")
    assert read_message(raws[0]).fields[2] == (35, b"0")
