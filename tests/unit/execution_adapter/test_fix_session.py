"""The initiator's session, told what a venue sends: what it hands on, and what it answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from execution_adapter.domain.fix.session import (
    GARBLED_TIMES_MAX,
    BeganAnew,
    FixSession,
    LoggedOff,
    LoggedOn,
    Noticed,
    Received,
    Refused,
    ResendAsked,
    SessionEvent,
    SessionTerms,
    State,
)
from execution_adapter.domain.fix.wire import read_fields, utc_timestamp, write_message

START = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
TERMS = SessionTerms(begin_string="FIX.4.4", sender="OMS", target="XNYS", heartbeat_s=10)


class Ends:
    """A session, and the venue's end of it."""

    def __init__(self, *, next_in: int = 1, next_out: int = 1, log_on: bool = True) -> None:
        self.now_s = 0.0
        self.session = FixSession(TERMS, next_in=next_in, next_out=next_out)
        self.session.connected(self.now, self.now_s)
        self.events: list[SessionEvent] = []
        self.seq = next_in
        if log_on:
            self.say("A", b"98=0\x01108=10\x01")
            self.heard()
            self.events.clear()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_s)

    def raw(
        self, msg_type: str, body: bytes = b"", *, seq: int | None = None, dup: bool = False, **head: str
    ) -> bytes:
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        fields = [(35, msg_type), (34, str(seq)), (49, head.get("sender", "XNYS"))]
        fields += [(52, head.get("at", utc_timestamp(self.now))), (56, head.get("target", "OMS"))]
        return write_message("FIX.4.4", fields + ([(43, "Y")] if dup else []), body)

    def say(
        self, msg_type: str, body: bytes = b"", *, seq: int | None = None, dup: bool = False, **head: str
    ) -> list[SessionEvent]:
        return self.take(self.raw(msg_type, body, seq=seq, dup=dup, **head))

    def take(self, data: bytes) -> list[SessionEvent]:
        found = self.session.receive(data, self.now, self.now_s)
        self.events += found
        return found

    def pass_time(self, seconds: float) -> list[SessionEvent]:
        self.now_s += seconds
        return self.session.tick(self.now, self.now_s)

    def heard(self) -> list[dict[int, bytes]]:
        """Return what the session has sent since the last call."""
        found = bytes(self.session.outgoing)
        self.session.outgoing.clear()
        return [dict(read_fields(b"8=FIX.4.4" + part)) for part in found.split(b"8=FIX.4.4")[1:]]

    def types(self) -> str:
        return "".join(fields[35].decode() for fields in self.heard())

    def numbers(self) -> list[int]:
        return [event.msg_seq for event in self.events if isinstance(event, Received)]


def test_it_logs_on_and_says_so() -> None:
    ends = Ends(log_on=False)
    (logon,) = ends.heard()
    assert (logon[35], logon[34], logon[49], logon[56], logon[108]) == (b"A", b"1", b"OMS", b"XNYS", b"10")
    assert ends.say("A") == [LoggedOn()]
    assert (ends.session.next_in, ends.session.next_out) == (2, 2)


def test_reports_come_out_whole_and_in_order() -> None:
    ends = Ends()
    first, second = ends.raw("8", b"11=a\x01"), ends.raw("9", b"11=b\x01")
    found = ends.take(first + second)
    assert [event.raw for event in found if isinstance(event, Received)] == [first, second]
    assert ends.numbers() == [2, 3]


def test_a_gap_is_asked_for_once_and_filled_in_order() -> None:
    ends = Ends()
    late = [ends.raw("8", b"11=%d\x01" % number, seq=number) for number in (4, 5)]
    ends.take(b"".join(late))
    (asked,) = ends.heard()
    assert (asked[35], asked[7], asked[16]) == (b"2", b"2", b"0")
    assert ends.numbers() == []
    ends.say("8", b"11=2\x01", seq=2, dup=True)
    ends.say("8", b"11=3\x01", seq=3, dup=True)
    assert ends.numbers() == [2, 3, 4, 5]
    for number in (4, 5):
        ends.say("8", b"11=again\x01", seq=number, dup=True)
    assert ends.numbers() == [2, 3, 4, 5]
    assert ends.session.state is State.UP


def test_a_gap_that_nobody_fills_is_asked_for_again() -> None:
    ends = Ends()
    ends.say("8", seq=4)
    assert ends.types() == "2"
    for _ in range(3):
        ends.say("0", seq=5)
        ends.pass_time(11)
        assert "2" in ends.types()


def test_a_number_that_is_garbled_for_good_is_passed_over_and_kept() -> None:
    ends = Ends()
    wrong = ends.raw("8", b"11=a\x0131=1\x01", seq=2)[:-4] + b"000\x01"
    for _ in range(GARBLED_TIMES_MAX):
        ends.take(wrong)
    (refused,) = [event for event in ends.events if isinstance(event, Refused)]
    assert (refused.raw, refused.msg_seq, refused.garbled) == (wrong, 2, True)
    ends.say("8", seq=3)
    assert ends.numbers() == [3]


def test_a_piece_that_is_no_field_comes_out_with_the_message() -> None:
    ends = Ends()
    (found,) = ends.say("8", b"11=a\x01garbage\x0132=1\x01")
    assert isinstance(found, Received)
    assert found.fields is None
    assert ends.session.next_in == 3


def test_a_resend_request_gets_a_gap_fill_and_never_an_old_message() -> None:
    ends = Ends()
    for _ in range(3):
        ends.session.send("D", b"11=a\x01", ends.now, 0.0, "a")
    ends.heard()
    assert ends.say("2", b"7=2\x0116=0\x01") == [ResendAsked(2)]
    (fill,) = ends.heard()
    assert (fill[35], fill[34], fill[43], fill[123], fill[36]) == (b"4", b"2", b"Y", b"Y", b"5")
    assert ends.session.next_out == 5


def test_a_resend_request_beyond_a_gap_is_answered_at_once() -> None:
    ends = Ends()
    ends.say("2", b"7=1\x0116=0\x01", seq=6)
    assert ends.types() == "42"


def test_numbers_too_low_end_the_session_in_words_and_a_duplicate_does_not() -> None:
    ends = Ends()
    ends.say("8", seq=2)
    assert ends.say("8", seq=1, dup=True) == []
    (off,) = ends.say("8", seq=1)
    assert off == LoggedOff("MsgSeqNum too low, expecting 3 but received 1")
    assert ends.heard()[-1][58] == b"MsgSeqNum too low, expecting 3 but received 1"
    assert ends.session.closing


def test_a_logon_with_a_number_too_low_stays_out_and_says_why() -> None:
    ends = Ends(next_in=50, log_on=False)
    found = ends.say("A", seq=7)
    assert found == [LoggedOff("MsgSeqNum too low, expecting 50 but received 7")]


def test_the_venues_reasons_are_handed_on() -> None:
    refused = Ends(log_on=False)
    assert refused.say("5", b"58=MsgSeqNum too low, expecting 9 but received 1\x01") == [
        LoggedOff("the venue refused the logon: MsgSeqNum too low, expecting 9 but received 1")
    ]
    assert Ends().say("5", b"58=market closed\x01") == [LoggedOff("the venue logged out: market closed")]


@pytest.mark.parametrize("in_session", [False, True])
def test_numbers_that_begin_anew_are_followed(in_session: bool) -> None:
    ends = Ends(next_in=40, next_out=90, log_on=in_session)
    said = ends.say("A", b"141=Y\x01", seq=1)
    assert [type(event) for event in said] == [BeganAnew, LoggedOn]
    ends.heard()
    ends.say("8", seq=2)
    assert ends.numbers() == [2]
    assert ends.session.next_out == 2
    assert ends.session.out_before >= 90
    # A venue that did not count our Logon asks, and is answered.
    ends.say("2", b"7=1\x0116=0\x01", seq=3)
    assert ends.heard()[-1][36] == b"2"


def test_gap_fills_and_resets_move_on() -> None:
    ends = Ends()
    ends.say("4", b"123=Y\x0136=10\x01", seq=2)
    ends.say("8", seq=10)
    ends.say("4", b"36=110\x01", seq=999)
    ends.say("8", seq=110)
    assert ends.numbers() == [10, 110]
    ends.heard()
    ends.say("4", b"36=5\x01", seq=1)
    assert ends.types() == "3"
    assert ends.session.next_in == 111


def test_silence_is_asked_about_and_then_ends_the_session() -> None:
    ends = Ends()
    assert ends.pass_time(10.0) == []
    assert ends.types() == "0"
    ends.pass_time(3.0)
    assert ends.types() == "1"
    (off,) = ends.pass_time(12.0)
    assert isinstance(off, LoggedOff)
    assert off.reason == "nothing was heard for 25 s"


def test_a_test_request_is_answered_with_its_id() -> None:
    ends = Ends()
    ends.say("1", b"112=are you there?\xff\x01")
    (answer,) = ends.heard()
    assert (answer[35], answer[112]) == (b"0", b"are you there?\xff")


@pytest.mark.parametrize("at", ["20260102-14:00:00", "yesterday", "20260102-14:00:60.123456789"])
def test_a_clock_that_is_off_is_said_and_the_message_counts(at: str) -> None:
    ends = Ends()
    found = ends.say("8", b"11=a\x01", at=at)
    assert [type(event) for event in found] == [Noticed, Received]


def test_a_message_of_a_stranger_is_kept_refused_and_ends_the_session() -> None:
    ends = Ends()
    found = ends.say("8", b"11=a\x01", sender="OTHER")
    assert [type(event) for event in found] == [Refused, LoggedOff]
    assert ends.types() == "35"


def test_a_venue_that_does_not_answer_the_logon_is_given_up() -> None:
    ends = Ends(log_on=False)
    (off,) = ends.pass_time(10.5)
    assert off == LoggedOff("no answer to the logon within 10 s")


def test_nothing_is_sent_while_the_session_is_down() -> None:
    ends = Ends(log_on=False)
    assert ends.session.send("D", b"", ends.now, 0.0) == 0
    ends.say("A")
    assert ends.session.send("D", b"", ends.now, 0.0) == 2
    ends.session.disconnected("gone")
    assert ends.session.send("D", b"", ends.now, 0.0) == 0


def test_a_logout_of_ours_is_waited_for() -> None:
    ends = Ends()
    ends.session.log_off("good night", ends.now, 0.0)
    assert ends.types() == "5"
    assert ends.say("5") == [LoggedOff("good night")]


@given(st.data())
def test_every_report_comes_out_once_and_in_order(data: st.DataObject) -> None:
    """A venue that resends what it is asked for, over a connection that loses, doubles and spoils."""
    ends, sent = Ends(), {}
    total = data.draw(st.integers(1, 12), "messages")
    for number in range(2, 2 + total):
        sent[number] = b"11=%d\x01" % number

    def deliver(number: int, *, again: bool) -> None:
        fate = data.draw(st.sampled_from(["whole", "lost", "twice", "spoilt"]), f"fate of {number}")
        raw = ends.raw("8", sent[number], seq=number, dup=again)
        if fate == "spoilt":
            raw = raw[:-4] + b"000\x01" if raw[-4:] != b"000\x01" else raw[:-4] + b"001\x01"
        if fate != "lost":
            ends.take(raw)
        if fate == "twice":
            ends.take(ends.raw("8", sent[number], seq=number, dup=True))

    for number in sent:
        deliver(number, again=False)
    for _ in range(12):
        for fields in ends.heard():
            if fields[35] == b"2":
                for number in range(int(fields[7]), 2 + total):
                    deliver(number, again=True)
    # In the end the connection is kind.
    for number in range(ends.session.next_in, 2 + total):
        ends.take(ends.raw("8", sent[number], seq=number, dup=True))
    kept = {event.msg_seq for event in ends.events if isinstance(event, Refused)}
    assert ends.numbers() == [number for number in sent if number not in kept]
    assert ends.session.next_in == 2 + total
    assert ends.session.state is State.UP


@given(st.lists(st.binary(max_size=80), max_size=6), st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_no_bytes_of_a_venue_raise(pieces: list[bytes], at: int, spoiled: bytes) -> None:
    ends = Ends()
    good = ends.raw("8", b"11=a\x0117=E\x01150=F\x0132=100\x0131=1\x01", seq=2)
    ends.take(good[: at % len(good)] + spoiled + good[at % len(good) :])
    for piece in pieces:
        ends.take(piece)
        ends.take(ends.raw("8", piece.replace(b"\x01", b"") + b"\x01", seq=ends.session.next_in))


# ---- what settings and operators ask of a session


def started(**terms: str) -> Ends:
    """Return a session before its logon, as these terms have it."""
    ends = Ends(log_on=False)
    ends.heard()
    ends.session.disconnected("")
    ends.session.terms = structs.replace(TERMS, **terms)
    return ends


def test_a_logon_has_the_fields_that_are_asked_for_and_every_header_those_of_the_terms() -> None:
    ends = started(more_header="50=DESK\x01128=ME\x01")
    ends.session.connected(ends.now, 0.0, logon=b"553=oms\x01554=pw\x01")
    (logon,) = ends.heard()
    assert (logon[553], logon[554], logon[50], logon[128]) == (b"oms", b"pw", b"DESK", b"ME")
    ends.say("A")
    ends.session.send("D", b"11=a\x01", ends.now, 0.0, "a")
    assert [fields[50] for fields in ends.heard()] == [b"DESK"]


@pytest.mark.parametrize("answer", [b"141=Y\x01", b""], ids=["said again", "not said again"])
def test_a_reset_begins_both_sides_at_1(answer: bytes) -> None:
    ends = Ends(next_in=500, next_out=700)
    ends.heard()
    ends.session.disconnected("")
    unique = ends.session.out_before + ends.session.next_out
    ends.session.connected(ends.now, 0.0, reset=True)
    (logon,) = ends.heard()
    assert (logon[34], logon[141]) == (b"1", b"Y")
    assert [type(event) for event in ends.say("A", answer, seq=1)] == [BeganAnew, LoggedOn]
    assert (ends.session.next_in, ends.session.next_out) == (2, 2)
    assert ends.session.out_before + ends.session.next_out > unique


def test_a_venue_that_does_not_reset_is_not_traded_with() -> None:
    ends = Ends(next_in=500)
    ends.session.disconnected("")
    ends.session.connected(ends.now, 0.0, reset=True)
    (off,) = [event for event in ends.say("A", seq=501) if isinstance(event, LoggedOff)]
    assert "did not begin its numbers at 1, as 141=Y asks, but at 501" in off.reason
    assert ends.session.closing


def test_a_message_of_another_fix_is_kept_and_ends_the_session_in_words() -> None:
    ends = Ends()
    raw = ends.raw("8", b"11=a\x01").replace(b"FIX.4.4", b"FIX.4.2")
    raw = raw[:-7] + b"10=%03d\x01" % (sum(raw[:-7]) & 0xFF)
    found = ends.take(raw)
    assert [event.raw for event in found if isinstance(event, Refused)] == [raw]
    (off,) = [event for event in found if isinstance(event, LoggedOff)]
    assert off.reason == "BeginString problem: expected FIX.4.4, found FIX.4.2"


def test_what_is_asked_for_again_is_handed_on_and_nothing_else_that_is_old() -> None:
    ends = Ends()
    for number in range(2, 8):
        ends.say("8", b"11=%d\x01" % number)
    ends.heard()
    ends.events.clear()
    assert ends.session.ask_again(3, 5, ends.now, 0.0)
    (asked,) = ends.heard()
    assert (asked[35], asked[7], asked[16]) == (b"2", b"3", b"5")
    for number in range(2, 8):
        ends.say("8", b"11=%d\x01" % number, seq=number, dup=True)
    ends.say("0", seq=4, dup=True)
    assert ends.numbers() == [3, 4, 5]
    assert ends.session.next_in == 8
    ends.session.disconnected("")
    assert not ends.session.ask_again(1, 0, ends.now, 0.0)


@pytest.mark.parametrize("how", ["the venue answers", "the connection ends", "nobody answers"])
def test_a_logout_of_ours_ends_with_the_words_that_it_began_with(how: str) -> None:
    ends = Ends()
    ends.session.log_off("outside its schedule", ends.now, 0.0)
    match how:
        case "the venue answers":
            found = ends.say("5")
        case "the connection ends":
            found = ends.session.disconnected("the venue closed the connection")
        case _:
            found = ends.pass_time(4)
    (off,) = [event for event in found if isinstance(event, LoggedOff)]
    assert off.reason.startswith("outside its schedule")
