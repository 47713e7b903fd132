"""C-III: cancels, rejects, questions: whatever the answer is, or none, nothing hangs and nothing doubles."""

from collections.abc import Callable

import pytest

from tests.hostile.floor import Floor, Placed, child_id
from tests.venues.fix_bytes import Message
from tests.venues.raw_session import RawSession
from tests.venues.venue_order import VenueOrder, changed, unknown_status, without

# Questions without an answer, backed off, until a person is told.
GIVES_UP_S = 40.0
QUESTIONS_MAX = 12


def asked_out(floor: Floor, venue_id: str) -> tuple[Placed, VenueOrder, "Request"]:
    """Place an order and ask for its cancel at a venue that says nothing to it."""
    floor[venue_id].hear("F")
    placed, child = floor.rest(venue_id)
    floor.cancel(placed)
    return placed, child, Request(floor, venue_id, child)


class Request:
    """The 35=F of a child."""

    def __init__(self, floor: Floor, venue_id: str, child: VenueOrder) -> None:
        self.venue, self.child = floor[venue_id], child
        self.message = self.venue.cancel_request(child)

    def refuse(self, reason: int, **more: str | int | bytes) -> None:
        """Answer with 35=9."""
        self.venue.session.send("9", self.child.refuse_cancel(self.message, reason, **more))

    def grant(self) -> None:
        """Answer with 150=4."""
        self.venue.session.send("8", self.child.cancel(self.message))


# ---- C10, C9, C8: a cancel that is refused


@pytest.mark.parametrize("refused_first", [False, True], ids=["granted first", "refused first"])
def test_c10_what_one_venue_refuses_and_another_grants_ends_with_what_lives_on(
    floor: Floor, refused_first: bool
) -> None:
    for venue_id in ("XNYS", "XNAS"):
        floor[venue_id].hear("F")
    placed = floor.place("XNYS", "XNAS", quantity=12_000, symbol="BAC", profile="split")
    legs = {venue_id: floor.await_children(placed, venue_id)[0] for venue_id in ("XNYS", "XNAS")}
    assert sum(child.order_qty for child in legs.values()) == 12_000
    floor.until(placed, "ACKNOWLEDGED")
    floor.cancel(placed)
    gone, kept = Request(floor, "XNYS", legs["XNYS"]), Request(floor, "XNAS", legs["XNAS"])
    answers: list[Callable[[], None]] = [gone.grant, lambda: kept.refuse(2)]
    for answer in reversed(answers) if refused_first else answers:
        answer()
    floor.until_event(placed, "CancelRejected")
    count = len(floor.events(placed))
    # Nothing more is routed, and nothing goes round and round.
    floor.only_children(placed, "XNYS", legs["XNYS"].order_qty)
    assert len(floor.events(placed)) == count
    kept.venue.session.send("8", kept.child.fill(kept.child.order_qty))
    floor.until_books(placed, list(legs.values()), "CANCELED")
    floor.only_children(placed, "XNAS", legs["XNAS"].order_qty)


def test_c10_a_cancel_that_is_refused_can_be_asked_for_again(floor: Floor) -> None:
    placed, child, request = asked_out(floor, "ARCX")
    request.refuse(2)
    floor.until_event(placed, "CancelRejected")
    floor["ARCX"].hear()
    floor.cancel(placed)
    floor.until_books(placed, [child], "CANCELED")
    floor.only_children(placed, "ARCX", 100)


@pytest.mark.parametrize("filled", [0, 40])
def test_c9_a_cancel_that_is_pending_already_ends_when_it_is_granted(floor: Floor, filled: int) -> None:
    placed, child, request = asked_out(floor, "BATS")
    request.refuse(3, t39="6")
    if filled:
        request.venue.session.send("8", child.fill(filled, t39="6"))
        floor.until_order(placed, lambda order: order["cumQty"] == filled, f"CumQty {filled}")
    floor.goes_on(at="BATS")
    assert floor.order(placed)["status"] == "PENDING_CANCEL"
    request.grant()
    floor.until_books(placed, [child], "CANCELED")
    floor.only_children(placed, "BATS", 100)


def test_c8_a_pending_cancel_a_fill_and_a_refusal_end_filled(floor: Floor) -> None:
    placed, child, request = asked_out(floor, "EDGX")
    request.venue.session.send(
        "8", child.report("6", t39="6", t11=request.message.text(11), t41=child.cl_ord_id)
    )
    request.venue.session.send("8", child.fill(100))
    request.refuse(0)
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="EDGX")


def test_c8b_a_pending_cancel_a_part_and_a_refusal_leave_the_rest_working(floor: Floor) -> None:
    placed, child, request = asked_out(floor, "XNYS")
    request.venue.session.send(
        "8", child.report("6", t39="6", t11=request.message.text(11), t41=child.cl_ord_id)
    )
    request.venue.session.send("8", child.fill(30))
    request.refuse(2)
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    request.venue.session.send("8", child.fill(70))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNYS", 100)


def test_a_cancel_reject_that_knows_no_such_order_is_asked_about(floor: Floor) -> None:
    """35=9 with 102=1 for a child that lives: whether it does is asked, and what is true goes on."""
    placed, child, request = asked_out(floor, "XNAS")
    request.refuse(1, t39="8", t37="NONE")
    request.venue.question(child)
    floor["XNAS"].session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100)


# ---- C11: a reject that is none


@pytest.mark.parametrize("ord_status", ["0", "1", "6", "A"])
def test_c11_a_duplicate_order_reject_leaves_the_order_live(floor: Floor, ord_status: str) -> None:
    placed, child = floor.rest("ARCX")
    session = floor["ARCX"].session
    if ord_status == "1":
        session.send("8", child.fill(10))
    session.send("8", child.report("8", t39=ord_status, t103=6))
    floor.only_children(placed, "ARCX", 100)
    session.send("8", child.fill(child.leaves))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "ARCX", 100)


def test_c11_a_reject_of_the_order_itself_routes_it_again(floor: Floor) -> None:
    floor["BATS"].hear("D")
    placed = floor.place("BATS")
    first = floor.child(placed, "BATS")
    floor["BATS"].session.send("8", first.reject())
    floor["BATS"].hear()
    second = floor.child(placed, "BATS", attempt=2)
    floor["BATS"].session.send("8", second.fill(100))
    floor.until_books(placed, [first, second], "FILLED")


def test_c11_a_duplicate_order_reject_of_what_we_never_had_an_ack_for_is_the_ack(floor: Floor) -> None:
    floor["EDGX"].hear("D", "H")
    placed = floor.place("EDGX")
    child = floor.child(placed, "EDGX")
    floor["EDGX"].session.send("8", child.report("8", t39="0", t103=6))
    floor["EDGX"].hear()
    floor["EDGX"].session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "EDGX", 100)


# ---- C21: messages of ours that a venue does not take


def rejected(session: RawSession, message_seq: int, ref_type: str, msg_type: str, ref_id: str = "") -> None:
    """Send 35=3 or 35=j about a message of the platform's."""
    more = [(379, ref_id)] if ref_id else []
    # Invalid MsgType, unsupported message type.
    reason = [(373, 11)] if msg_type == "3" else [(380, 3)]
    session.send(msg_type, [(45, message_seq), (372, ref_type), *more, *reason, (58, "not taken")])


@pytest.mark.parametrize(("msg_type", "named"), [("j", True), ("j", False), ("3", False)], ids=str)
def test_c21_an_order_that_a_venue_cannot_read_is_a_rejected_child(
    floor: Floor, msg_type: str, named: bool
) -> None:
    venue = floor["XNYS"]
    venue.hear("D")
    placed = floor.place("XNYS")
    first = floor.child(placed, "XNYS")
    rejected(venue.session, first.new.seq, "D", msg_type, first.cl_ord_id if named else "")
    closed = floor.until_event(placed, "ChildClosed")
    assert closed["payload"]["childClosed"]["outcome"] == "EXEC_TYPE_REJECTED"
    venue.hear()
    second = floor.child(placed, "XNYS", attempt=2)
    venue.session.send("8", second.fill(100))
    floor.until_books(placed, [first, second], "FILLED")


@pytest.mark.parametrize("msg_type", ["j", "3"])
def test_c21d_a_cancel_that_a_venue_cannot_read_is_refused(floor: Floor, msg_type: str) -> None:
    placed, child, request = asked_out(floor, "XNAS")
    rejected(request.venue.session, request.message.seq, "F", msg_type)
    floor.until_event(placed, "CancelRejected")
    request.venue.session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "XNAS", 100)


@pytest.mark.parametrize("msg_type", ["j", "3"])
def test_c21e_a_reject_of_an_order_that_is_acknowledged_changes_nothing(floor: Floor, msg_type: str) -> None:
    placed, child = floor.rest("ARCX")
    rejected(floor["ARCX"].session, child.new.seq, "D", msg_type)
    floor["ARCX"].session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.only_children(placed, "ARCX", 100)


# ---- answers that say more than was asked


@pytest.mark.parametrize("echo", [True, False], ids=["790 echoed", "790 left out"])
def test_a_status_answer_that_knows_of_a_fill_that_never_came_is_shown(floor: Floor, echo: bool) -> None:
    venue = floor["XNYS"]
    venue.hear("D", "H")
    placed = floor.place("XNYS")
    child = floor.child(placed, "XNYS")
    question = venue.question(child)
    child.fill(100)
    answer = child.status(question)
    venue.session.send("8", answer if echo else without(answer, 790))
    floor.until_exception_of(placed, "CUM_QTY_DIFFERS", "UNRESOLVED")
    venue.hear()
    floor.only_children(placed, "XNYS", 100)
    floor.cancel(placed)
    assert floor.until(placed, "CANCELED")["cumQty"] == 0


def test_an_order_that_a_venue_never_saw_is_sent_again(floor: Floor) -> None:
    venue = floor["XNAS"]
    venue.hear("D", "H")
    placed = floor.place("XNAS")
    child = floor.child(placed, "XNAS")
    question = venue.question(child)
    del venue.orders[child.cl_ord_id]
    venue.hear()
    venue.session.send("8", unknown_status(question))
    again = venue.order(child_id(placed))
    assert again.new.seq > child.new.seq
    venue.session.send("8", again.fill(100))
    floor.until_books(placed, [again], "FILLED")


def test_a_status_answer_nobody_asked_for_that_ends_the_order_is_believed(floor: Floor) -> None:
    placed, child = floor.rest("ARCX")
    child.closed_as = "4"
    floor["ARCX"].session.send("8", child.status())
    second = floor.child(placed, "ARCX", attempt=2)
    floor["ARCX"].session.send("8", second.fill(100))
    floor.until_books(placed, [child, second], "FILLED")


@pytest.mark.parametrize("field", [11, 41, 37, 39, 102, 434, 58], ids=str)
def test_a_cancel_reject_with_a_field_that_is_none_hangs_nothing(floor: Floor, field: int) -> None:
    placed, child, request = asked_out(floor, "BATS")
    body = child.refuse_cancel(request.message, 2)
    request.venue.session.send("9", changed(body, **{f"t{field}": b"\xfc\x00"}))
    request.venue.session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")


@pytest.mark.parametrize("reason", [0, 4, 8], ids=["other", "not available now", "8"])
def test_a_question_that_is_refused_once_does_not_end_the_asking(floor: Floor, reason: int) -> None:
    """35=j for any reason but that the venue has no 35=H says nothing of the next question."""
    venue = floor["BATS"]
    venue.hear("D", "H")
    placed = floor.place("BATS")
    question = venue.question(floor.child(placed, "BATS"))
    venue.session.send("j", [(45, question.seq), (372, "H"), (380, reason), (58, "later")])
    later = floor.place("BATS")
    child = floor.child(later, "BATS")
    question = venue.question(child)
    venue.session.send("8", child.status(question))
    floor.until_event(later, "RoutePlaced")
    venue.session.send("8", child.fill(100))
    floor.until_books(later, [child], "FILLED")


# ---- C21f: a venue that has no 35=H, or says nothing (last: it stays known for that)


def test_c21f_a_venue_that_answers_neither_order_nor_question_is_shown_and_the_order_can_end(
    floor: Floor,
) -> None:
    """A question that is refused by 35=j, by 35=3, or that nobody answers: three venues at once."""
    venues = dict(zip(("XNYS", "XNAS", "ARCX"), ("j", "3", ""), strict=True))
    orders: dict[str, tuple[Placed, VenueOrder]] = {}
    for venue_id, msg_type in venues.items():
        floor[venue_id].hear("D", "H", "F")
        if msg_type:
            floor[venue_id].answers["H"] = refuse_by(msg_type)
        placed = floor.place(venue_id)
        orders[venue_id] = placed, floor.child(placed, venue_id)
    for placed, _ in orders.values():
        floor.until_exception_of(placed, "UNRESOLVED", timeout_s=GIVES_UP_S)
    asked = {venue_id: questions(floor, venue_id, child) for venue_id, (_, child) in orders.items()}
    assert max(asked.values()) <= QUESTIONS_MAX
    for venue_id, (placed, child) in orders.items():
        # It is not sent again blindly, others trade on at that venue, and the questions have an end.
        floor[venue_id].hear("H", "F")
        floor.only_children(placed, venue_id, 100)
        assert questions(floor, venue_id, child) <= asked[venue_id] + 1
    filled, canceled, both = orders
    # The venues speak after all: of the order, of its cancel, or of the order though it is being canceled.
    floor[canceled].hear("H")
    for venue_id in (canceled, both):
        floor.cancel(orders[venue_id][0])
    floor.until_books(orders[canceled][0], [orders[canceled][1]], "CANCELED")
    floor.until(orders[both][0], "PENDING_CANCEL", "CANCELED")
    for venue_id in (filled, both):
        placed, child = orders[venue_id]
        floor[venue_id].session.send("8", child.fill(100))
        order = floor.until_order(
            placed, lambda found: bool(found["closed"]) and found["cumQty"] == 100, "done"
        )
        floor.until_books(placed, [child], order["status"])


def refuse_by(msg_type: str) -> Callable[[RawSession, Message], None]:
    """Return an answer to 35=H by which it is not supported."""
    return lambda session, question: rejected(session, question.seq, "H", msg_type)


def questions(floor: Floor, venue_id: str, child: VenueOrder) -> int:
    """Return how often a child was asked about."""
    return sum(message.text(11) == child.cl_ord_id for message in floor[venue_id].session.of_type("H"))


def test_c21f_a_cancel_that_is_never_answered_is_asked_about_and_shown(floor: Floor) -> None:
    venue = floor["EDGX"]
    venue.hear("F", "H")
    placed, child = floor.rest("EDGX")
    floor.cancel(placed)
    venue.cancel_request(child)
    venue.question(child, timeout_s=GIVES_UP_S)
    floor.until_exception_of(placed, "UNRESOLVED", timeout_s=GIVES_UP_S)
    venue.hear()
    venue.session.send("8", child.cancel(venue.cancel_request(child)))
    floor.until_books(placed, [child], "CANCELED")
    floor.only_children(placed, "EDGX", 100)


def test_the_judge_finds_nothing_that_an_open_exception_does_not_explain(floor: Floor) -> None:
    floor.is_judged_clean()
