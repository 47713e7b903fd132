"""What may be stored when: known, published, flushed, stored."""

from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.domain.child import ChildState, Status
from execution_adapter.domain.exceptions import raised
from execution_adapter.domain.ledger import Ledger
from oms_platform.exceptions import ExceptionKind
from tests.unit.execution_adapter.orders import NOW, child

PLACE = ("orders.routed", 0)


def state(cum_qty: int, status: Status = Status.PARTIALLY_FILLED) -> ChildState:
    return ChildState(status=status, cum_qty=cum_qty, leaves_qty=100 - cum_qty)


def ledger() -> Ledger:
    return Ledger("one", {"XNYS": {2: 40}})


def test_offsets_are_stored_only_after_a_flush_that_came_later() -> None:
    book = ledger()
    book.handled({PLACE: 5})
    assert book.waits
    assert book.storable().offsets == {}
    book.flushed()
    book.handled({PLACE: 7})
    assert book.storable().offsets == {PLACE: 5}
    book.stored()
    assert book.storable().offsets == {}
    book.flushed()
    assert book.storable().offsets == {PLACE: 7}


def test_a_state_that_came_with_a_report_waits_for_no_flush() -> None:
    book, one = ledger(), child()
    book.reported(one, state(30))
    assert book.storable().states == {one.cl_ord_id: (one, state(30))}
    book.stored()
    assert not book.waits
    assert book.newest(one.cl_ord_id) is None


def test_an_acknowledgement_is_stored_with_the_checkpoint_that_passes_it() -> None:
    book, one = ledger(), child()
    book.reported(one, state(0, Status.NEW))
    assert (book.waits, book.storable().states) == (False, {})
    assert book.newest(one.cl_ord_id) == state(0, Status.NEW)
    book.take_acks()
    assert book.storable().states == {one.cl_ord_id: (one, state(0, Status.NEW))}


def test_a_child_that_a_bust_opened_again_does_not_wait_for_a_checkpoint() -> None:
    book, one = ledger(), child()
    book.reported(one, state(0, Status.NEW), answers=False)
    assert book.storable().states == {one.cl_ord_id: (one, state(0, Status.NEW))}


def test_a_child_that_trades_before_the_checkpoint_is_stored_once() -> None:
    book, one = ledger(), child()
    book.reported(one, state(0, Status.NEW))
    book.reported(one, state(100, Status.FILLED))
    assert book.storable().states == {one.cl_ord_id: (one, state(100, Status.FILLED))}
    book.stored()
    book.take_acks()
    assert book.storable().states == {}


def test_a_local_close_is_stored_only_after_its_flush_and_known_before() -> None:
    book, one = ledger(), child()
    closed = ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0)
    book.closed(one, closed)
    assert book.waits
    assert book.storable().states == {}
    assert book.newest(one.cl_ord_id) == closed
    book.flushed()
    assert book.storable().states == {one.cl_ord_id: (one, closed)}


def test_what_changes_while_a_transaction_runs_is_kept_for_the_next() -> None:
    book, one = ledger(), child()
    book.reported(one, state(30))
    book.storable()
    book.reported(one, state(60))
    book.stored()
    assert book.storable().states == {one.cl_ord_id: (one, state(60))}


def test_a_transaction_that_failed_changes_nothing() -> None:
    book, one = ledger(), child()
    book.reported(one, state(30))
    book.handled({PLACE: 5})
    book.flushed()
    before = book.storable()
    assert book.storable() == before


def test_a_late_fill_of_a_child_that_was_closed_here_is_not_overwritten_by_the_close() -> None:
    book, one = ledger(), child()
    book.closed(one, ChildState(status=Status.CANCELED, cum_qty=0, leaves_qty=0))
    late = ChildState(status=Status.CANCELED, cum_qty=30, leaves_qty=0)
    book.reported(one, late)
    book.storable()
    book.stored()
    book.flushed()
    assert book.storable().states == {one.cl_ord_id: (one, late)}


def test_a_checkpoint_covers_what_an_earlier_run_published_and_says_nothing_twice() -> None:
    book = ledger()
    first = book.checkpoint("XNYS", 8, {0: 11, 2: 3}, NOW)
    assert first is not None
    assert (first.in_seq, first.incarnation, first.offsets) == (7, "one", {0: 11, 2: 40})
    book.checkpoint_stored(first)
    assert book.checkpoint("XNYS", 8, {0: 11, 2: 3}, NOW) is None
    moved = book.checkpoint("XNYS", 9, {0: 11, 2: 41}, NOW)
    assert moved is not None and moved.offsets == {0: 11, 2: 41}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("handled"), st.integers(0, 2)),
        st.tuples(st.sampled_from(("reported", "closed")), st.integers(0, 2)),
        st.tuples(st.sampled_from(("flushed", "store", "fail")), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_nothing_is_stored_early_lost_or_put_back(steps: list[tuple[str, int]]) -> None:
    book, children = ledger(), [child() for _ in range(3)]
    offset = version = 0
    at_flush: dict[tuple[str, int], int] = {}
    handled: dict[tuple[str, int], int] = {}
    known: dict[str, int] = {}
    published_after_flush: set[str] = set()
    stored_offsets: dict[tuple[str, int], int] = {}
    stored: dict[str, int] = {}

    def settle() -> None:
        found = book.storable()
        assert all(place in at_flush and at <= at_flush[place] for place, at in found.offsets.items())
        assert not published_after_flush & found.states.keys()
        stored_offsets.update(found.offsets)
        for name, (_, found_state) in found.states.items():
            assert found_state.cum_qty >= stored.get(name, 0)
            stored[name] = found_state.cum_qty
        book.stored()

    for what, which in steps:
        match what:
            case "handled":
                offset += 1
                handled["t", which] = offset
                book.handled({("t", which): offset})
            case "reported" | "closed":
                version += 1
                one = children[which]
                known[one.cl_ord_id] = version
                made = ChildState(status=Status.NEW, cum_qty=version, leaves_qty=0)
                if what == "closed":
                    published_after_flush.add(one.cl_ord_id)
                    book.closed(one, made)
                else:
                    book.reported(one, made)
                newest = book.newest(one.cl_ord_id)
                assert newest is not None and newest.cum_qty == version
            case "flushed":
                at_flush.update(handled)
                published_after_flush.clear()
                book.flushed()
            case "store":
                settle()
            case _:
                book.storable()
    at_flush.update(handled)
    published_after_flush.clear()
    book.flushed()
    settle()
    assert stored_offsets == handled
    assert stored == known
    assert not book.waits


def test_an_exception_that_is_raised_again_is_not_closed_by_what_settled_an_earlier_one() -> None:
    book, one = ledger(), child()
    book.settled(one.cl_ord_id, ExceptionKind.CUM_QTY_DIFFERS)
    book.settled(one.cl_ord_id, ExceptionKind.UNRESOLVED)
    found = raised(ExceptionKind.CUM_QTY_DIFFERS, "", venue_id="XNYS", raw=b"", at=NOW, child=one)
    book.excepted(found)
    assert book.storable().settled == ((one.cl_ord_id, ExceptionKind.UNRESOLVED),)
    book.stored()
    assert not book.has_states
