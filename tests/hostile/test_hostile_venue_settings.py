"""Sessions as data: each venue is spoken to as its settings say, and what does not work says why."""

import re
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.certificates import Certificate, issue
from tests.hostile.floor import Floor, Placed, child_id
from tests.hostile.moved_venue import (
    moved,
    oms_fix,
    restart_adapter,
    set_settings,
    settings_at,
    shown_session,
    speaks_fix42,
    wall,
)
from tests.patience import EVENTUALLY_S
from tests.venues.fix_bytes import Message
from tests.venues.raw_session import RawSession
from tests.venues.raw_venue import Venue
from tests.venues.venue_order import VenueOrder

SHORT = {"length": 16, "alphabet": "upper"}
EVERY_DAY = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
PASSWORD = "s3cret-Passw0rd"


# ---- FIX 4.2


def test_an_orders_life_at_a_venue_that_speaks_fix_42(floor: Floor) -> None:
    with moved(floor, "XNYS", dialect="FIX.4.2", prepare=speaks_fix42) as venue:
        session = venue.session
        placed, child = floor.rest("XNYS")
        new = child.new
        assert new.raw.startswith(b"8=FIX.4.2\x01")
        assert re.fullmatch(r"\d{8}-\d\d:\d\d:\d\d\.\d{3}", new.text(60))
        assert re.fullmatch(r"\d{8}-\d\d:\d\d:\d\d\.\d{3}", new.text(52))
        session.send("8", child.fill(40))
        floor.until(placed, "PARTIALLY_FILLED")
        asked = len(session.taken)
        session.drop()
        session.await_logon()
        question = venue.question(child, since=asked)
        assert question.get(790) is None
        session.send("8", child.fill(10, exec_id="busted"))
        floor.until_order(placed, lambda order: order["cumQty"] == 50, "CumQty 50")
        session.send("8", child.bust("busted"))
        floor.until_order(placed, lambda order: order["cumQty"] == 40, "CumQty 40")
        floor.cancel(placed)
        floor.until_books(placed, [child], "CANCELED")
        filled, child = floor.rest("XNYS")
        session.send("8", child.fill(100))
        floor.until_books(filled, [child], "FILLED")
        floor.goes_on(at="XNYS", disturbed=["XNYS"])
        assert "FIX.4.2" in shown_session(floor, "XNYS")


def test_a_venue_that_answers_in_another_fix_is_told_so_in_words(floor: Floor) -> None:
    with moved(floor, "XNYS", dialect="FIX.4.2", ends_with=None):
        assert "BeginString problem: expected FIX.4.2, found FIX.4.4" in shown_session(floor, "XNYS")
        floor.goes_on(at="XNAS", disturbed=["XNYS"])


# ---- who we are


@pytest.mark.parametrize(
    ("credentials", "fields"),
    [
        ({"secret": "pw", "username": "oms"}, {553: b"oms", 554: PASSWORD.encode()}),
        ({"secret": "pw"}, {553: None, 554: PASSWORD.encode()}),
        ({"secret": "pw", "scheme": "raw_data"}, {95: b"15", 96: PASSWORD.encode(), 554: None}),
    ],
    ids=["user and password", "password alone", "raw data"],
)
def test_the_logon_has_the_secret_and_nothing_else_has(
    floor: Floor, credentials: dict[str, str], fields: dict[int, bytes | None]
) -> None:
    (floor.secrets / "pw").write_text(PASSWORD + "\n")
    header = {"sender_sub_id": "DESK", "target_sub_id": "GW", "on_behalf_of_comp_id": "FUND"}
    with moved(
        floor, "XNAS", credentials=credentials, logon_fields={"9406": "Y"}, deliver_to_comp_id="ME", **header
    ) as venue:
        (logon,) = venue.session.of_type("A")[-1:]
        assert {tag: logon.get(tag) for tag in fields} == fields
        assert logon.get(9406) == b"Y"
        _, child = floor.rest("XNAS")
        for message in (logon, child.new):
            assert [message.text(tag) for tag in (50, 57, 115, 128)] == ["DESK", "GW", "FUND", "ME"]
        venue.session.send("5", [(58, f"no such password: {PASSWORD}")])
        floor.until_logged("XNAS", "no such password: ***", since=0)
        venue.session.await_logon()
        assert_hidden(floor)


def assert_hidden(floor: Floor) -> None:
    """Hold that the password is in no log and in no table."""
    for log in floor.rig.layout.logs.glob("*.log"):
        assert PASSWORD not in log.read_text(errors="replace"), log
    with floor.connection() as connection:
        for table in ("fix_sessions", "venue_sessions", "fix_commands"):
            assert PASSWORD not in str(connection.execute(f"SELECT * FROM {table}").fetchall())
        row = connection.execute(
            "SELECT count(*) FROM fix_journal WHERE position(%s::bytea IN messages) > 0", [PASSWORD.encode()]
        ).fetchone()
        assert row == (0,)


def test_a_secret_that_is_not_there_keeps_one_session_out_and_says_so(floor: Floor) -> None:
    with moved(floor, "XNAS", credentials={"secret": "missing"}, ends_with=1):
        assert "expected a file missing in" in shown_session(floor, "XNAS")
        assert "no variable OMS_ADAPTER_SECRET_MISSING" in shown_session(floor, "XNAS")
        floor.goes_on(at="XNYS", disturbed=["XNAS"])
        (floor.secrets / "missing").write_text(PASSWORD)
        floor["XNAS"].session.await_logon()


# ---- TLS


def server_context(certificate: Certificate, client_authority: Path | None = None) -> ssl.SSLContext:
    """Return a venue's side of TLS, which asks for our certificate if it knows who signs that."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def give(floor: Floor, **files: Path) -> None:
    """Put files among the secrets."""
    for name, path in files.items():
        (floor.secrets / name).write_bytes(path.read_bytes())


def test_a_venue_under_tls_is_traded_with_and_knows_us_by_our_certificate(
    floor: Floor, tmp_path: Path
) -> None:
    theirs, ours = issue(tmp_path / "venue"), issue(tmp_path / "us")
    give(floor, ca=theirs.authority, us=ours.certificate, key=ours.key)
    context = server_context(theirs, ours.authority)
    tls = {"ca": "ca", "certificate": "us", "key": "key"}
    with moved(floor, "ARCX", under=context, tls=tls) as venue:
        placed, child = floor.rest("ARCX")
        # More than one TLS record at once.
        venue.session.send_together([("8", child.fill(1)) for _ in range(60)] + [("8", child.fill(40))])
        floor.until_books(placed, [child], "FILLED")
        assert " TLS 127.0.0.1:" in shown_session(floor, "ARCX")


@pytest.mark.parametrize(
    ("host", "days_left", "own_ca", "why"),
    [
        ("127.0.0.1", 30, False, "unable to get local issuer certificate"),
        ("127.0.0.2", 30, True, "IP address mismatch"),
        ("127.0.0.1", -1, True, "certificate has expired"),
    ],
    ids=["another authority", "another host", "expired"],
)
def test_a_venue_whose_certificate_does_not_hold_is_not_logged_on_to(
    floor: Floor, tmp_path: Path, host: str, days_left: float, own_ca: bool, why: str
) -> None:
    theirs, other = issue(tmp_path / "venue", host=host, days_left=days_left), issue(tmp_path / "other")
    give(floor, ca=theirs.authority if own_ca else other.authority)
    context = server_context(theirs)
    with moved(floor, "ARCX", under=context, tls={"ca": "ca"}, ends_with=1) as venue:
        assert "TLS: the venue's certificate is refused" in shown_session(floor, "ARCX")
        assert why in shown_session(floor, "ARCX")
        assert venue.session.of_type("A") == []
        floor.goes_on(at="XNYS", disturbed=["ARCX"])


# ---- short ClOrdIDs


def only_child(venue: Venue, order_qty: int) -> VenueOrder:
    """Wait for the one order of so many shares."""
    orders = venue.orders

    def found() -> list[VenueOrder]:
        return [order for order in list(orders.values()) if order.asked_qty == order_qty]

    venue.session.wait(lambda: len(found()) == 1, f"an order of {order_qty}")
    return found()[0]


def await_journaled(floor: Floor, placed: Placed) -> None:
    """Wait until what went to the venue about an order, and its answer, are in the journal."""
    deadline = time.monotonic() + EVENTUALLY_S
    while "ExecutionReport" not in oms_fix(floor, "log", placed.order_id).output:
        assert time.monotonic() < deadline, "the journal has no answer"
        time.sleep(0.05)


def is_short(message: Message, *tags: int) -> bool:
    """Whether the ids of a message are as the venue takes them."""
    return all(re.fullmatch(r"[0-9A-Z]{16}", message.text(tag)) is not None for tag in tags)


def test_short_ids_name_their_children_over_a_restart(floor: Floor) -> None:
    old, old_child = floor.rest("BATS", quantity=900)
    old_venue = floor["BATS"]
    with moved(floor, "BATS", cl_ord_ids=SHORT) as venue:
        venue.orders |= old_venue.orders
        filled, canceled = floor.place("BATS", quantity=901), floor.place("BATS", quantity=902)
        to_fill, to_cancel = only_child(venue, 901), only_child(venue, 902)
        for placed in (filled, canceled):
            await_journaled(floor, placed)
        assert is_short(to_fill.new, 11)
        restart_adapter(floor)
        venue.session.send("8", to_fill.fill(901))
        floor.until_books(filled, [to_fill], "FILLED")
        floor.cancel(canceled)
        floor.until_books(canceled, [to_cancel], "CANCELED")
        request = venue.cancel_request(to_cancel)
        assert is_short(request, 11, 41)
        assert request.text(11) != request.text(41)
        shown = oms_fix(floor, "log", canceled.order_id).output
        assert "NewOrderSingle" in shown
        assert "OrderCancelRequest" in shown
        # A child keeps the id that it was sent with.
        floor.cancel(old)
        floor.until_books(old, [old_child], "CANCELED")
        assert venue.cancel_request(old_child).text(41) == child_id(old)
        # A report that names the cancel's id only.
        late = to_cancel.fill(1, t11=request.text(11))
        venue.session.send("8", late)
        floor.until_order(canceled, lambda order: order["cumQty"] == 1, "CumQty 1")


# ---- throttle


def test_a_venue_gets_no_more_than_it_takes_and_what_waits_can_be_canceled(floor: Floor) -> None:
    with moved(floor, "EDGX", throttle={"messages_per_second": 2, "queue_max": 4}) as venue:
        floor.await_routed_to("EDGX")
        placed = [floor.place("EDGX", quantity=50 + number) for number in range(6)]
        floor.cancel(placed[-1])
        floor.until(placed[-1], "CANCELED")
        for order in placed[:-1]:
            floor.await_children(order, "EDGX")
        floor.goes_on(at="EDGX", disturbed=["EDGX"])
        assert [order.number(38) for order in venue.session.of_type("D") if 50 <= order.number(38) < 56] == [
            50, 51, 52, 53, 54,
        ]  # fmt: skip
        assert_paced(venue.session.of_type("D", "F", "H"), 2)


def test_orders_that_find_the_queue_full_go_elsewhere(floor: Floor) -> None:
    with moved(floor, "EDGX", throttle={"messages_per_second": 1, "queue_max": 1}) as venue:
        floor.await_routed_to("EDGX")
        placed = [floor.place("EDGX", quantity=60 + number) for number in range(4)]
        for order in placed:
            floor.await_children(order, "EDGX")
        # Those that found it full were closed, and their shares routed anew.
        assert any(int(order.cl_ord_id.split("-")[1]) > 1 for order in venue.orders.values())
        assert_paced(venue.session.of_type("D", "F", "H"), 1)


def assert_paced(messages: list[Message], per_second: int) -> None:
    """Hold that no second has more messages than it may, by their SendingTimes.

    A message is stamped a moment after it was counted, and on a busy machine the one before it later still.
    """
    times = [datetime.strptime(m.text(52), "%Y%m%d-%H:%M:%S.%f") for m in messages]
    for first, later in zip(times, times[per_second:], strict=False):
        assert later - first >= timedelta(milliseconds=900), times


def test_a_venue_that_refuses_a_cancel_as_too_fast_gets_it_again_later(floor: Floor) -> None:
    throttle = {"messages_per_second": 50, "backoff_ms": 300, "reject_texts": ["slow down"]}
    with moved(floor, "EDGX", throttle=throttle) as venue:
        placed, child = floor.rest("EDGX")

        def refuse_once(session: RawSession, request: Message) -> None:
            venue.answers.clear()
            about = [(45, request.seq), (372, "F"), (379, request.text(11)), (380, 0)]
            session.send("j", [*about, (58, "Slow DOWN, please")])

        venue.answers["F"] = refuse_once
        before = time.monotonic()
        floor.cancel(placed)
        floor.until_books(placed, [child], "CANCELED")
        assert time.monotonic() - before >= 0.3
        assert len(venue.session.of_type("F")) == 2
        assert floor.exceptions_of(placed) == []


# ---- hours


def test_a_session_is_logged_out_at_its_end_and_says_until_when(floor: Floor) -> None:
    now = datetime.now(UTC)
    hours = {
        "zone": "UTC",
        "start": wall(now - timedelta(hours=1)),
        "end": wall(now + timedelta(seconds=4)),
        "days": EVERY_DAY,
    }
    with moved(floor, "XNAS", schedule=hours) as venue:
        venue.session.wait_for("5")
        text = f"outside its schedule until {now + timedelta(hours=23):%Y-%m-%d %H:%M:%S} UTC"
        floor.until_logged("XNAS", text, since=0)
        assert text in shown_session(floor, "XNAS")
        placed = floor.place("XNAS", "XNYS")
        floor.await_children(placed, "XNYS")
        floor.goes_on(at="XNYS", disturbed=["XNAS"])


def test_the_first_logon_after_the_hour_of_the_reset_begins_at_1_and_asks_for_open_children(
    floor: Floor,
) -> None:
    now = datetime.now(UTC)
    hours = {
        "zone": "UTC",
        "start": "00:00",
        "end": "00:00",
        "days": EVERY_DAY,
    }
    with moved(floor, "XNYS", schedule=hours) as venue:
        placed, child = floor.rest("XNYS")
        since = len(venue.session.taken)
        later = hours | {"reset_at": wall(now + timedelta(seconds=5))}
        set_settings(floor, "XNYS", settings_at(floor_port(floor, "XNYS"), "XNYS", schedule=later))
        venue.session.wait(
            lambda: any(m.get(141) == b"Y" and m.seq == 1 for m in venue.session.of_type("A")),
            "Logon with 141=Y",
            10,
        )
        venue.question(child, since=since)
        venue.session.send("8", child.fill(100))
        floor.until_books(placed, [child], "FILLED")


def floor_port(floor: Floor, venue_id: str) -> int:
    """Return the port of a venue's session."""
    with floor.connection() as connection:
        row = connection.execute(
            "SELECT (settings->>'port')::int FROM venue_sessions WHERE venue_id = %s", [venue_id]
        ).fetchone()
        assert row is not None
        return int(row[0])


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
