"""The adapter's loop in one thread: what it stores, publishes, sends and answers, batch by batch."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain.child import Status
from execution_adapter.domain.fix.wire import read_fields
from execution_adapter.domain.gate import Parent
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.resumption import resume_from
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.entrypoints.start_up import unsettled_messages
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import FixMessage, FixRefused, Item, NumbersBegan, Routed, SessionUp
from oms_platform.exceptions import ExceptionKind
from oms_platform.ids import uuid7
from oms_platform.kafka.memory import MemoryBroker, MemorySink, MemorySource
from oms_platform.messages import ExecutionReport, RouteAnswer, RoutePlan
from oms_platform.vocabulary import ChildTerms, Message, RoutePlaced
from oms_platform.wire import Topic, decode
from tests.unit.execution_adapter.orders import NOW, cancel_of, child, parent_of, plan
from tests.unit.execution_adapter.test_handlers import NotedVenues

FILLS, ACKS, ROUTED = Topic.FILLS, Topic.ACKS, Topic.ROUTED.value
LOGON = b"8=FIX.4.4\x0135=A\x0134=1\x01141=Y\x01"


class Fed:
    """Arrivals that a test puts there."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, timeout_s: float) -> Sequence[Item]:
        taken, self.items = self.items, []
        return taken


def fix_message(fields: str, msg_seq: int, venue_id: str = "XNYS") -> FixMessage:
    """Return a message whose fields are written with | between them, as a session hands it on."""
    raw = f"{fields}34={msg_seq}|".replace("|", "\x01").encode()
    return FixMessage(
        venue_id=venue_id,
        raw=raw,
        fields=read_fields(raw),
        msg_seq=msg_seq,
        poss_dup="43=Y" in fields,
        at=NOW,
    )


def report_of(
    one: ChildTerms, exec_type: str, cum_qty: int, msg_seq: int, *, resent: bool = False
) -> FixMessage:
    """Return a report of a child of 100 shares, of which a trade is the first."""
    fields = (
        f"8=FIX.4.4|35=8|49=XNYS|11={one.cl_ord_id}|17=E{exec_type}{cum_qty}|37=V|150={exec_type}|39=0"
        f"|32={cum_qty}|31=10.01|14={cum_qty}|151={100 - cum_qty}|60=20260102-03:04:05|"
    )
    return fix_message(fields + "43=Y|" * resent, msg_seq)


class Scene:
    def __init__(self) -> None:
        self.arrivals, self.venues, self.broker = Fed(), NotedVenues(), MemoryBroker()
        self.feed, self.sink = MemorySink(self.broker), MemorySink(self.broker)
        self.source = MemorySource(self.broker, [Topic.ROUTED], {})
        self.refused: set[str] = set()
        # What clients placed: what the plans say, unless a test says otherwise.
        self.parents: dict[UUID, Parent] = {}
        self.store = InMemoryChildStore(
            parent_of=self.parents.get,
            refuses=lambda one: "refused" if one.cl_ord_id in self.refused else None,
        )
        self.now_s = 0.0
        self.begin(self.store)

    def begin(self, store: InMemoryChildStore) -> None:
        outlet, ledger = ReportsOutlet(self.sink, new_id=uuid7), Ledger("one", {})
        self.manager = ChildOrderManager(self.venues, outlet, ledger, status_timeout_s=5.0)
        self.loop = AdapterLoop(
            arrivals=self.arrivals,
            store=store,
            venues=self.venues,
            venue_ids=["XNYS"],
            manager=self.manager,
            ledger=ledger,
            publisher=self.sink,
            outlet=outlet,
            clock=lambda: NOW,
            monotonic_s=lambda: self.now_s,
            pace=Pace(flush_s=0.02, checkpoint_s=1.0),
        )
        self.manager.load(store.live())

    def up(self) -> None:
        self.arrivals.items.append(SessionUp("XNYS"))
        self.loop.step()

    def routed(self, *messages: Message) -> None:
        """Have the loop work on one batch, and flush nothing of it."""
        for message in messages:
            if isinstance(message, RoutePlan):
                self.parents.setdefault(message.order_id, parent_of(message))
            self.feed.send(ROUTED, "key", message, event_id=uuid7())
        self.feed.flush()
        self.arrivals.items.append(Routed(self.source.poll()))
        self.loop.step()

    def restarted(self) -> "Scene":
        """Return the next process: it has the store, and what the last one had not flushed is lost."""
        after = Scene()
        after.store = self.store
        after.begin(self.store)
        return after

    def said(self, one: ChildTerms, exec_type: str, cum_qty: int = 0) -> None:
        self.arrivals.items.append(report_of(one, exec_type, cum_qty, len(self.arrivals.items) + 2))
        self.loop.step()

    def later(self, seconds: float) -> None:
        self.now_s += seconds
        self.loop.step()

    def told(self, topic: Topic) -> list[Message]:
        """Return what is with the broker once the loop has flushed."""
        self.later(0.03)
        return [decode(one.type_name, one.payload) for one in self.broker.records(topic)]

    def reports(self, topic: Topic) -> list[ExecutionReport]:
        return [message for message in self.told(topic) if isinstance(message, ExecutionReport)]

    def placed(self) -> list[RoutePlaced]:
        return [message.placed for message in self.told(FILLS) if isinstance(message, RouteAnswer)]

    def dead(self) -> list[str]:
        self.later(0.03)
        return [letter.reason for letter in self.broker.dead_letters()]


def test_a_plan_is_stored_and_answered_before_it_is_sent() -> None:
    scene, order = Scene(), plan(legs=2)
    scene.up()
    scene.routed(order)
    assert [placed.children for placed in scene.placed()] == [order.children]
    assert scene.venues.types() == "DD"
    assert [found.child for found in scene.store.live()] == list(order.children)


def test_a_poison_plan_is_answered_and_dead_lettered_and_nothing_of_it_is_sent() -> None:
    scene, wrong, right = Scene(), plan(), plan()
    scene.up()
    scene.routed(msgspec.structs.replace(wrong, quantity=99), right)
    refused, fine = scene.placed()
    assert refused.reason == "GATE_QUANTITY: children=100, allowed=99"
    assert (refused.children, refused.refused) == ((), False)
    assert fine.children == right.children
    assert scene.dead() == [refused.reason]
    assert [name for _, name in scene.venues.sent] == [right.children[0].cl_ord_id]
    assert [found.child for found in scene.store.live()] == [right.children[0]]


def test_a_plan_that_the_database_refuses_is_answered_and_dead_lettered() -> None:
    scene, wrong, right = Scene(), plan(), plan()
    scene.refused.add(wrong.children[0].cl_ord_id)
    scene.up()
    scene.routed(wrong, right)
    assert [placed.reason for placed in scene.placed()] == ["UNSTORABLE: refused", ""]
    assert scene.dead() == ["UNSTORABLE: refused"]
    assert scene.venues.types() == "D"


@pytest.mark.parametrize("restarts", [False, True])
def test_a_plan_that_was_refused_once_stays_refused(restarts: bool) -> None:
    scene, first = Scene(), plan(legs=9)
    again = plan(order_id=first.order_id, attempt=2)
    elsewhere = msgspec.structs.replace(again, children=(child(first.order_id, attempt=2, venue_id="ELSE"),))
    second = plan(order_id=first.order_id, attempt=3)
    scene.up()
    scene.routed(first, elsewhere, second)
    assert [placed.reason for placed in scene.placed()] == [
        "", "UNKNOWN_VENUE: venues=ELSE", "GATE_COMMITTED: children=100, committed=1000, quantity=1000"
    ]  # fmt: skip
    # Now there would be room, and the venue is known.
    scene.said(first.children[0], "4")
    scene.later(1.5)
    after = scene.restarted() if restarts else scene
    after.parents = scene.parents
    after.up()
    sent = after.venues.types()
    after.routed(again, second)
    assert after.venues.types() == sent
    assert [placed.reason for placed in after.placed()[-2:]] == [
        f"REFUSED_BEFORE: attempt={attempt}" for attempt in (2, 3)
    ]
    after.routed(plan(order_id=first.order_id, attempt=4))
    assert after.venues.types() == sent + "D"


def test_a_plan_that_stands_twice_in_one_batch_is_sent_once() -> None:
    scene, order = Scene(), plan()
    scene.up()
    scene.routed(order, order)
    assert scene.venues.types() == "D"
    assert [placed.children for placed in scene.placed()] == [order.children] * 2


def test_a_plan_of_a_canceled_attempt_is_refused_and_a_later_one_is_not() -> None:
    scene, first = Scene(), plan()
    second = plan(order_id=first.order_id, attempt=2)
    third = plan(order_id=first.order_id, attempt=3)
    scene.up()
    scene.routed(cancel_of(first), first, second)
    scene.routed(cancel_of(first, through=2), plan(order_id=first.order_id, attempt=1), third)
    assert [(placed.attempt, placed.refused) for placed in scene.placed()] == [
        (1, True),
        (2, False),
        (1, True),
        (3, False),
    ]
    assert scene.venues.types() == "DFD"


def test_an_empty_plan_passes_its_reason_and_no_data_on() -> None:
    scene = Scene()
    scene.routed(plan(legs=0, reason="STALE_QUOTE: age_ms=3000", no_data=True))
    (placed,) = scene.placed()
    assert (placed.reason, placed.no_data, placed.refused) == ("STALE_QUOTE: age_ms=3000", True, False)


def test_what_was_journaled_and_not_dealt_with_is_applied_by_the_next_process() -> None:
    scene, made = Scene(), plan()
    scene.up()
    scene.routed(made)
    scene.later(1.5)
    scene.said(made.children[0], "F", 100)
    assert scene.store.find([(made.order_id, made.children[0].cl_ord_id)])[0].state.cum_qty == 0
    # The process ends here; the venue begins its numbers anew and has nothing to send again.
    after = scene.restarted()
    after.loop.read_again(unsettled_messages(after.store, ["XNYS"], "one"))
    after.up()
    assert [(one.exec_id, one.last_qty) for one in after.reports(FILLS)] == [("EF100", 100)]
    assert after.store.find([(made.order_id, made.children[0].cl_ord_id)])[0].state.status is Status.FILLED
    assert len(after.store.journal) == len(scene.store.journal)


def test_numbers_that_began_anew_do_not_make_the_journal_forgotten() -> None:
    scene, made = Scene(), plan()
    scene.up()
    scene.routed(made)
    scene.later(1.5)
    scene.said(made.children[0], "F", 100)
    scene.store.begin_numbers("XNYS", NOW)
    after = scene.restarted()
    after.loop.read_again(unsettled_messages(after.store, ["XNYS"], "one"))
    assert [one.exec_id for one in after.reports(FILLS)] == ["EF100"]
    assert resume_from(after.store.checkpoints(), "one", {})[0] == 1


def test_a_number_from_before_they_began_anew_makes_no_later_message_a_replay() -> None:
    scene, made = Scene(), plan()
    one = made.children[0]
    scene.up()
    scene.routed(made)
    scene.later(1.5)
    scene.arrivals.items.append(report_of(one, "0", 0, msg_seq=300))
    scene.loop.step()
    scene.arrivals.items += (NumbersBegan(venue_id="XNYS", raw=LOGON, at=NOW), SessionUp("XNYS"))
    scene.loop.step()
    # The process ends here, and the venue sends what it said meanwhile: under its new numbers.
    after = scene.restarted()
    after.loop.read_again(unsettled_messages(after.store, ["XNYS"], "one"))
    after.up()
    after.arrivals.items.append(report_of(one, "F", 40, msg_seq=5, resent=True))
    after.later(1.5)
    (found,) = after.store.find([(made.order_id, one.cl_ord_id)])
    assert (found.state.cum_qty, found.state.missing_qty, found.state.in_seq) == (40, 0, 5)
    assert [line.raw for line in after.store.journal if line.raw == LOGON] == [LOGON]


def test_what_the_session_has_refused_is_an_exception_in_the_transaction_of_its_line() -> None:
    scene = Scene()
    scene.arrivals.items.append(
        FixRefused(venue_id="XNYS", raw=b"garbled", msg_seq=7, reason="CheckSum", garbled=True, at=NOW)
    )
    scene.loop.step()
    assert [one.kind for one in scene.store.exceptions.values()] == [ExceptionKind.GARBLED]
    assert [line.msg_seq for line in scene.store.journal] == [0]
    assert list(unsettled_messages(scene.store, ["XNYS"], "one")) == []


def test_acknowledgements_go_to_the_scorekeeper_and_not_to_core() -> None:
    scene, order = Scene(), plan()
    (one,) = order.children
    scene.up()
    scene.routed(order)
    for exec_type in ("A", "0", "6", "I"):
        scene.said(one, exec_type)
    scene.said(one, "F", cum_qty=40)
    scene.said(one, "4", cum_qty=40)
    to_core = [report.exec_type.name for report in scene.reports(FILLS)]
    acks = [report.exec_type.name for report in scene.reports(ACKS)]
    assert to_core == ["TRADE", "CANCELED"]
    assert acks == ["PENDING_NEW", "NEW", "PENDING_CANCEL", "ORDER_STATUS"]


def test_offsets_and_checkpoints_say_only_what_was_flushed() -> None:
    scene, order = Scene(), plan()
    scene.up()
    scene.routed(order)
    assert scene.store.offsets == {}
    scene.later(1.1)
    assert scene.store.offsets == {(ROUTED, 0): 1}
    (checkpoint,) = scene.store.checkpoints()
    assert checkpoint.offsets == {0: 1}


def test_states_reach_the_store_after_a_flush() -> None:
    scene, order = Scene(), plan()
    (one,) = order.children
    scene.up()
    scene.routed(order)
    scene.said(one, "F", cum_qty=100)
    scene.later(0.03)
    (found,) = scene.store.find([(one.order_id, one.cl_ord_id)])
    assert (found.state.status, found.state.cum_qty) == (Status.FILLED, 100)


def test_a_late_report_of_a_closed_child_is_told_to_core() -> None:
    scene, order = Scene(), plan()
    (one,) = order.children
    scene.up()
    scene.routed(order)
    scene.said(one, "4")
    scene.later(0.03)
    scene.said(one, "F", cum_qty=30)
    reports = scene.reports(FILLS)
    assert [report.exec_type.name for report in reports] == ["CANCELED", "TRADE"]
    assert reports[-1].last_qty == 30


# ---- exceptions that what comes later explains


def trade(one: ChildTerms, exec_id: str, last_qty: int, cum_qty: int, **more: str) -> str:
    fields = {
        "17": exec_id,
        "37": "V",
        "150": "F",
        "39": "1" if cum_qty < 100 else "2",
        "32": str(last_qty),
        "31": "10.01",
        "14": str(cum_qty),
        "151": str(100 - cum_qty),
        "60": "20260102-03:04:05",
    }
    fields |= {name[1:]: value for name, value in more.items()}
    body = "".join(f"{tag}={value}|" for tag, value in fields.items())
    return f"8=FIX.4.4|35=8|49=XNYS|11={one.cl_ord_id}|{body}"


def test_a_difference_is_settled_by_the_trade_that_was_missing() -> None:
    scene, order = Scene(), plan()
    scene.up()
    scene.routed(order)
    (one,) = order.children
    scene.said(one, "0")
    # 40 of the 70 that the venue counts were never reported; it is asked, and says so again.
    scene.arrivals.items.append(fix_message(trade(one, "E2", 30, 70), 3))
    scene.loop.step()
    status = trade(one, "S1", 0, 70, t150="I", t32="0", t31="0")
    scene.arrivals.items.append(fix_message(status, 4))
    scene.later(0.1)
    scene.later(0.1)
    assert [found.kind for found in scene.store.exceptions.values()] == [ExceptionKind.CUM_QTY_DIFFERS]
    assert scene.store.settled == set()
    scene.arrivals.items.append(fix_message(trade(one, "E1", 40, 70), 5))
    scene.later(0.1)
    scene.later(0.1)
    assert scene.store.settled == {(one.cl_ord_id, ExceptionKind.CUM_QTY_DIFFERS)}


def test_an_order_that_nobody_answered_for_is_settled_by_its_venues_answer() -> None:
    scene, order = Scene(), plan()
    scene.up()
    scene.routed(order)
    (one,) = order.children
    for _ in range(12):
        scene.later(200.0)
    assert [found.kind for found in scene.store.exceptions.values()] == [ExceptionKind.UNRESOLVED]
    scene.said(one, "0")
    scene.later(0.1)
    scene.later(0.1)
    assert scene.store.settled == {(one.cl_ord_id, ExceptionKind.UNRESOLVED)}
