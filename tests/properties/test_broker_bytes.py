"""Any bytes on a venue's session: it answers or drops the connection, and takes the next order."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from simulators.broker.adapters.journal import Journal
from simulators.broker.entrypoints.fix_acceptor import failures_total
from simulators.broker.handlers import failures_total as commands_failed_total
from tests.raw_fix import SOH, RawClient, sealed, stamp
from tests.venue_in_process import VenueInProcess

BODIES = {
    b"D": b"11=%d|21=1|55=AAPL|54=1|38=100|40=2|44=1.00|59=1|60=20260302-15:00:00|",
    b"F": b"11=c%d|41=1|55=AAPL|54=1|38=100|60=20260302-15:00:00|",
    b"G": b"11=r%d|41=1|21=1|55=AAPL|54=1|38=200|40=2|44=1.01|60=20260302-15:00:00|",
    b"H": b"11=%d|55=AAPL|54=1|790=ask|",
    b"q": b"11=m%d|530=7|60=20260302-15:00:00|",
}
# ClOrdIDs that no example has.
UNUSED = count(10**9)
SPLICES = st.sampled_from(
    [
        b"\x01",
        b"=",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\x0138=9\x01",
        b"\x01354=5\x01355=ab\x01cd\x01",
        b"\x01354=99\x01355=a\x01",
        b"\x01355=a\x01",
        b"\x01453=2\x01448=a\x01447=D\x01452=1\x01",
        b"\x01453=1\x01447=D\x01",
        b"\x0158=\x01",
        b"\x015001=x\x01",
        b"\x0143=Y\x01",
        b"\x0197=Y\x01",
        b"\x01141=Y\x01",
        b"\x0110=000\x01",
        b"8=FIX.4.4\x019=5\x01",
        b"9" * 5_000,
        b"1e999999999",
        b"-0",
        b"NaN",
    ]
)
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), SPLICES | st.binary(max_size=6)), max_size=4
)


@pytest.fixture(scope="module")
def venue() -> Iterator[VenueInProcess]:
    with tempfile.TemporaryDirectory() as folder:
        made = VenueInProcess(Path(folder))
        yield made
        made.close()


def failures() -> float:
    """Return how often the simulator failed at a message or at a command."""
    samples = [
        sample
        for counter in (failures_total, commands_failed_total)
        for sample in next(iter(counter.collect())).samples
    ]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def mutated(content: bytes, mutations: list[tuple[int, int, bytes]]) -> bytes:
    for place, cut, put in mutations:
        at = place % (len(content) + 1)
        content = content[:at] + put + content[at + cut :]
    return content


def log_on(venue: VenueInProcess) -> RawClient:
    for _ in range(20):
        client = RawClient(venue.port)
        client.send("A", b"98=0|108=30|141=Y|")
        try:
            until(venue, client, b"A")
        except (EOFError, ConnectionResetError):
            # The venue had not yet seen the end of the last connection.
            client.close()
            continue
        return client
    raise AssertionError("the venue takes no logon")


def until(venue: VenueInProcess, client: RawClient, msg_type: bytes) -> dict[str, bytes]:
    """Turn the venue's loop until a message of a type comes."""
    for _ in range(50):
        venue.loop.turn()
        try:
            while (found := client.read(0.01)).get("35") != msg_type:
                pass
        except TimeoutError:
            continue
        return found
    raise AssertionError(f"no 35={msg_type!r} came")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    msg_type=st.sampled_from(sorted(BODIES)),
    mutations=MUTATIONS,
    is_sealed=st.booleans(),
    number=st.integers(0, 10**6),
)
def test_venue_answers_or_drops_and_takes_the_next_order(
    venue: VenueInProcess,
    msg_type: bytes,
    mutations: list[tuple[int, int, bytes]],
    is_sealed: bool,
    number: int,
) -> None:
    client = log_on(venue)
    body = BODIES[msg_type] % number if b"%d" in BODIES[msg_type] else BODIES[msg_type]
    head = b"35=%s|34=2|49=OMS|52=%s|56=XNYS|" % (msg_type, stamp().encode())
    content = (head + body).replace(b"|", SOH)
    if is_sealed:
        raw = sealed(b"8=FIX.4.4\x01", mutated(content, mutations))
    else:
        raw = mutated(sealed(b"8=FIX.4.4\x01", content), mutations)
    note(repr(raw))
    client.send_raw(raw)
    venue.loop.turn()
    client.close()
    venue.loop.turn()
    again = log_on(venue)
    try:
        again.send("D", BODIES[b"D"] % next(UNUSED))
        assert until(venue, again, b"8")["150"] == b"0"
    finally:
        again.close()
        venue.loop.turn()
    # Nothing of it was left to the net that catches what this program does wrong.
    assert failures() == 0


@settings(max_examples=100, deadline=None)
@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: SOH not in name))
def test_clordid_of_any_bytes_comes_back_exactly_from_a_restart(name: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = VenueInProcess(Path(folder))
        client = log_on(first)
        client.send(
            "D",
            b"11=%s|21=1|55=AAPL|54=1|38=100|40=2|44=1.00|59=1|60=20260302-15:00:00|"
            % name.replace(b"|", b"!"),
        )
        wanted = name.replace(b"|", b"!")
        assert until(first, client, b"8")["11"] == wanted
        client.close()
        first.loop.turn()
        first.close()
        second = VenueInProcess(Path(folder))
        assert second.engines["XNYS"].order(wanted.decode("latin-1")) is not None
        second.close()
        journal = Journal(Path(folder))
        assert journal.replay(lambda _record: None) == []
        journal.close()
