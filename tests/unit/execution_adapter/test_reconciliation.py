"""Comparing with a venue: every order that was asked about ends in the run once, whatever happens to it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain.child import ChildState, OrdStatus, Report, Status
from execution_adapter.domain.reconciliation import EndedRun, Occasion, Reconciler, agrees
from oms_platform.ids import uuid7
from oms_platform.vocabulary import ChildTerms, ExecType
from oms_platform.wire import Topic
from tests.unit.execution_adapter.orders import NOW, child, plan
from tests.unit.execution_adapter.test_main_loop import Scene, fix_message


def held(status: Status = Status.NEW, cum: int = 0, leaves: int = 100, missing: int = 0) -> ChildState:
    return ChildState(status=status, cum_qty=cum, leaves_qty=leaves, missing_qty=missing)


def said(one: ChildTerms, **fields: Any) -> Report:
    values: dict[str, Any] = {"cum_qty": 0, "leaves_qty": 100, "ord_status": OrdStatus.NEW}
    return Report(
        venue_id="XNYS",
        cl_ord_id=one.cl_ord_id,
        exec_id="S",
        exec_type=ExecType.ORDER_STATUS,
        transact_time=NOW,
        **(values | fields),
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (held(), {}, True),
        (held(), {"leaves_qty": None, "cum_qty": None}, True),
        (held(Status.PARTIALLY_FILLED, 40, 60), {"cum_qty": 40, "leaves_qty": 60}, True),
        (held(Status.PARTIALLY_FILLED, 40, 60), {"cum_qty": 41, "leaves_qty": 59}, False),
        # What they count and never reported is not what we hold.
        (held(Status.PARTIALLY_FILLED, 40, 60, 10), {"cum_qty": 40, "leaves_qty": 60}, False),
        (held(), {"ord_status": OrdStatus.CANCELED, "leaves_qty": 0}, False),
        (held(), {"ord_status": OrdStatus.CANCELED, "leaves_qty": None}, False),
        (held(), {"leaves_qty": 90}, False),
        (held(), {"unknown": True}, False),
        (held(Status.DONE_FOR_DAY), {"ord_status": OrdStatus.DONE_FOR_DAY}, True),
    ],
)
def test_both_say_the_same_or_they_do_not(ours: ChildState, theirs: dict[str, Any], same: bool) -> None:
    assert agrees(ours, said(child(), **theirs)) is same


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["agrees", "differs", "unknown", "closed", "unanswered", "interrupt", "again"]),
    ),
    max_size=20,
)


@given(st.integers(0, 4), HAPPENINGS)
def test_every_order_ends_in_its_run_once(count: int, happenings: list[tuple[int, str]]) -> None:
    reconciler, ended = Reconciler(), []
    children = [child() for _ in range(count)]
    runs = 0

    def begin() -> None:
        reconciler.begin(uuid7(), "XNYS", Occasion.SCHEDULE, children, NOW)

    begin()
    runs += 1
    for number, what in happenings:
        one = children[number % count] if count else child()
        match what:
            case "agrees":
                reconciler.answered(one, held(), held(), said(one), NOW)
            case "differs":
                reconciler.answered(one, held(), held(missing=5), said(one, cum_qty=5), NOW)
            case "unknown":
                reconciler.answered(one, held(), held(), said(one, unknown=True), NOW)
            case "closed":
                reconciler.closed(one, NOW)
            case "unanswered":
                reconciler.unanswered(one, held(), "why", NOW)
            case "interrupt":
                reconciler.interrupt("XNYS", "why", NOW)
            case _:
                begin()
                runs += 1
        ended += reconciler.take_ended()
    reconciler.interrupt("XNYS", "the end", NOW)
    ended += reconciler.take_ended()
    assert len(ended) == runs
    for run in ended:
        assert run.asked == count == run.agreed + run.over + len(run.breaks)
        assert len({one.cl_ord_id for one in run.breaks}) == len(run.breaks)


# ---- through the loop


def compared(scene: Scene) -> list[EndedRun]:
    scene.later(1.1)
    scene.later(0.1)
    store: InMemoryChildStore = scene.store
    return store.runs


def status(one: ChildTerms, msg_seq: int, **fields: str) -> Any:
    values = {"39": "0", "14": "0", "151": "100"} | {name[1:]: value for name, value in fields.items()}
    body = "".join(f"{tag}={value}|" for tag, value in values.items())
    return fix_message(
        f"8=FIX.4.4|35=8|49=XNYS|11={one.cl_ord_id}|17=S{msg_seq}|37=V|150=I|60=20260102-03:04:05|{body}",
        msg_seq,
    )


def working(scene: Scene) -> ChildTerms:
    order = plan()
    scene.up()
    scene.routed(order)
    (one,) = order.children
    scene.said(one, "0")
    return one


def test_after_a_logon_each_open_order_is_asked_for_and_its_answer_is_kept() -> None:
    scene = Scene()
    one = working(scene)
    scene.up()
    scene.later(1.1)
    assert scene.venues.types() == "DH"
    scene.arrivals.items.append(status(one, 3))
    (run,) = compared(scene)
    assert (run.occasion, run.asked, run.agreed, run.breaks) == (Occasion.LOGON, 1, 1, ())


def test_a_venue_that_has_closed_an_order_settles_it_by_its_word() -> None:
    scene = Scene()
    one = working(scene)
    scene.up()
    scene.later(1.1)
    scene.arrivals.items.append(status(one, 3, t39="4", t151="0"))
    (run,) = compared(scene)
    (found,) = run.breaks
    assert (found.ours, found.theirs, found.settled) == (
        "NEW cum 0 leaves 100",
        "CANCELED cum 0 leaves 0",
        True,
    )
    assert [report.exec_type for report in scene.reports(Topic.FILLS)] == [ExecType.CANCELED]


def test_shares_that_a_venue_counts_and_never_reported_are_an_open_break() -> None:
    scene = Scene()
    one = working(scene)
    scene.up()
    scene.later(1.1)
    scene.arrivals.items.append(status(one, 3, t39="1", t14="40", t151="60"))
    (run,) = compared(scene)
    assert [found.settled for found in run.breaks] == [False]
    assert [found.kind.name for found in scene.store.exceptions.values()] == ["CUM_QTY_DIFFERS"]


def test_a_venue_that_never_answers_ends_the_run_as_a_break() -> None:
    scene = Scene()
    working(scene)
    scene.up()
    for _ in range(12):
        scene.later(200.0)
    (run,) = compared(scene)
    (found,) = run.breaks
    assert found.theirs.startswith("no answer")
    assert not found.settled
