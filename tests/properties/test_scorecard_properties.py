"""Whatever venues do: closures end, shares add up, and what is said twice counts once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sor_engine.domain.scorecard import Aggression
from sor_engine.scorekeeper.domain.child_watch import Child, ChildWatch, Kind, Report
from sor_engine.scorekeeper.domain.closures import SECOND_US, WAIT_S_MAX, Gate
from sor_engine.scorekeeper.domain.touches import Touch, Touches
from tests.unit.sor_engine.scorekeeper.test_scorecard import BOOK, TEN, TEN_02, CountingPool

T0 = 1_800_000_000 * SECOND_US

steps = st.lists(
    st.tuples(
        st.sampled_from(("answer", "accept", "reject", "silence", "down", "up", "tick")),
        st.integers(0, 20 * SECOND_US),
    ),
    max_size=60,
)


def do(gate: Gate, what: str, now: int) -> None:
    match what:
        case "answer":
            gate.note_answer(now)
        case "accept":
            gate.note_answer(now)
            gate.note_accepted(now, now)
        case "reject":
            gate.note_answer(now)
            gate.note_rejected(now, now)
        case "silence" if gate.silent_since_us(now) is not None:
            gate.note_unanswered(now, "c", 3_001)
        case "down" | "up":
            gate.note_session(what == "up", now)
        case _:
            gate.tick(now)


@given(steps)
@settings(max_examples=300, deadline=None)
def test_no_venue_is_closed_for_good_while_its_session_is_up(script: list[tuple[str, int]]) -> None:
    gate, now = Gate(), T0
    for what, wait_us in script:
        now += wait_us
        do(gate, what, now)
        assert bool(gate.closed_reason) == (not gate.up or gate.closed_until_us is not None)
        until = gate.closed_until_us
        assert until is None or until <= now + WAIT_S_MAX * SECOND_US
        assert Gate.from_state(gate.to_state()).to_state() == gate.to_state()
    gate.note_session(True, now + 1)
    gate.tick(now + 1 + WAIT_S_MAX * SECOND_US)
    assert gate.closed_reason == ""


@st.composite
def lives(draw: st.DrawFn) -> tuple[Child, list[Report]]:
    """Return a child's placing and what the venue says of it, in order."""
    quantity, rests, buy = draw(st.integers(1, 3_000)), draw(st.booleans()), draw(st.booleans())
    limit = draw(st.sampled_from((TEN - 10_000, TEN, TEN_02, TEN_02 + 10_000)))
    venue = draw(st.sampled_from(("XNYS", "DARK")))
    child = Child(venue_id=venue, quantity=quantity, limit=limit, rests=rests, placed_us=T0)
    name = f"c-{draw(st.integers(0, 10**9))}"
    now, cum, said = T0, 0, []

    def say(kind: Kind, shares: int = 0, leaves: int = 0) -> None:
        exec_id = f"{name}-{len(said)}"
        said.append(Report(venue, name, exec_id, kind, "AAPL", buy, now, now + 900, shares, TEN, cum, leaves))

    if draw(st.integers(0, 9)) == 0:
        say(Kind.REJECTED)
        return child, said
    say(Kind.ANSWER)
    for wanted in draw(st.lists(st.integers(1, 1_000), max_size=4)):
        now += draw(st.integers(0, 200_000))
        shares = min(wanted, quantity - cum)
        if shares:
            cum += shares
            say(Kind.TRADE, shares, quantity - cum)
    if cum < quantity:
        say(Kind.ENDED)
    return child, said


def watch() -> ChildWatch:
    touches = Touches()
    touches.observe("AAPL", T0 - SECOND_US, Touch(TEN, TEN_02), {"XNYS": BOOK})
    made = ChildWatch(touches, {}, CountingPool)
    made.set_dark(["DARK"])
    return made


def again(child: Child) -> Child:
    return Child(
        venue_id=child.venue_id,
        quantity=child.quantity,
        limit=child.limit,
        rests=child.rests,
        placed_us=child.placed_us,
    )


@given(st.lists(lives(), max_size=6, unique_by=lambda life: life[1][0].cl_ord_id), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_shares_add_up_and_what_comes_twice_counts_once(
    all_lives: list[tuple[Child, list[Report]]], back: int
) -> None:
    once, twice = watch(), watch()
    for child, said in all_lives:
        once.note_placed(said[0].cl_ord_id, again(child))
        twice.note_placed(said[0].cl_ord_id, again(child))
        for number, report in enumerate(said):
            once.note_report(report)
            # A resend repeats the last reports, and the placing too.
            for repeated in said[max(0, number - back) : number + 1]:
                twice.note_report(repeated)
            twice.note_placed(said[0].cl_ord_id, again(child))
    for kept in (once, twice):
        kept.tick(T0 + 90 * SECOND_US)
        assert kept.open == {}
    assert set(once.records) == set(twice.records)
    for venue_id, record in once.records.items():
        assert twice.records[venue_id].card.to_state() == record.card.to_state()
        card = record.card
        for how in Aggression:
            for cell in card.cells[how]:
                assert 0 <= cell.filled <= cell.sent
                assert 0 <= cell.rejected <= cell.children
        # Each of the twelve cells is rounded by itself.
        assert 0 <= card.total.children - sum(card.of(how).children for how in Aggression) <= 12
