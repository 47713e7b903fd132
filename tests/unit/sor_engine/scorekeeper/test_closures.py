"""How venues are closed and come back: the table, the waits, and the documents drawn from it."""

from pathlib import Path

import pytest

from sor_engine.scorekeeper.domain.closures import (
    ACCEPTED_IN_A_ROW,
    SECOND_US,
    TABLE,
    WAIT_S_MAX,
    WAIT_S_MIN,
    Event,
    Gate,
    State,
    table_as_markdown,
)

T0 = 1_800_000_000 * SECOND_US


def at(seconds: int) -> int:
    return T0 + seconds * SECOND_US


def rejecting(gate: Gate, when: int, rejects: int = 5) -> None:
    """Have the venue reject so many children, one a millisecond."""
    for number in range(rejects):
        gate.note_rejected(when + number * 1_000, when)


def test_a_venue_is_open_until_it_gives_a_reason() -> None:
    gate = Gate()
    gate.tick(at(0))
    assert (gate.closed_reason, gate.closed_until_us, gate.touched) == ("", None, False)


def test_five_rejects_of_at_most_ten_children_close_for_five_seconds() -> None:
    gate = Gate()
    for _ in range(3):
        gate.note_accepted(at(0), at(0))
    rejecting(gate, at(1), 4)
    assert gate.closed_reason == ""
    gate.note_rejected(at(2), at(1))
    assert gate.closed_reason == "REJECTING: rejects=5, of=8, retry_in_s=5"
    assert gate.closed_until_us == at(7)


def test_rejects_below_half_of_the_last_twenty_children_do_not_close() -> None:
    gate = Gate()
    for number in range(60):
        if number % 3 == 0:
            gate.note_rejected(at(number // 10), at(0))
        else:
            gate.note_accepted(at(number // 10), at(0))
    assert gate.closed_reason == ""


def test_rejects_of_more_than_a_minute_ago_do_not_count() -> None:
    gate = Gate()
    rejecting(gate, at(0), 4)
    gate.note_rejected(at(61), at(60))
    assert gate.closed_reason == ""


def test_after_the_wait_one_accepted_child_opens_for_good() -> None:
    gate = Gate()
    rejecting(gate, at(0))
    gate.tick(at(4))
    assert gate.closed_reason
    gate.tick(at(6))
    assert (gate.state, gate.closed_reason) == (State.REJECTING_TRIAL, "")
    gate.note_accepted(at(7), at(7))
    assert gate.state is State.OPEN
    gate.note_rejected(at(8), at(7))
    assert gate.state is State.OPEN


def test_a_reject_on_trial_closes_for_twice_as_long_up_to_five_minutes() -> None:
    gate = Gate()
    rejecting(gate, at(0))
    now, waits = at(1), []
    for _ in range(8):
        until = gate.closed_until_us
        assert until is not None
        waits.append((until - gate.since_us) // SECOND_US)
        now = until
        gate.tick(now)
        gate.note_rejected(now + 1_000, now)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    assert gate.closed_reason == f"REJECTING: rejects=1, of=1, retry_in_s={WAIT_S_MAX}"


def test_children_placed_before_the_trial_do_not_decide_it() -> None:
    gate = Gate()
    rejecting(gate, at(0))
    gate.tick(at(6))
    gate.note_rejected(at(7), at(5))
    gate.note_accepted(at(7), at(5))
    assert gate.state is State.REJECTING_TRIAL


def test_ten_accepted_in_a_row_make_the_next_wait_short_again() -> None:
    gate = Gate()
    rejecting(gate, at(0))
    gate.tick(at(6))
    for number in range(ACCEPTED_IN_A_ROW):
        assert gate.wait_s == 2 * WAIT_S_MIN
        gate.note_accepted(at(7 + number), at(7 + number))
    assert gate.wait_s == WAIT_S_MIN


def test_a_silent_venue_is_closed_and_back_with_its_first_word() -> None:
    gate = Gate()
    assert gate.silent_since_us(at(0)) == at(0)
    gate.note_unanswered(at(4), "c-1", 4_000)
    assert gate.closed_reason == "SILENT: child=c-1, waited_ms=4000, retry_in_s=5"
    assert gate.closed_until_us == at(9)
    gate.note_answer(at(5))
    assert (gate.state, gate.closed_reason, gate.closed_until_us) == (State.OPEN, "", None)


def test_a_silent_venue_goes_on_trial_and_old_children_do_not_close_it_again() -> None:
    gate = Gate()
    gate.note_unanswered(at(4), "c-1", 4_000)
    gate.tick(at(9))
    assert gate.state is State.SILENT_TRIAL
    assert gate.silent_since_us(at(0)) is None
    assert gate.silent_since_us(at(9)) == at(9)
    gate.note_unanswered(at(13), "c-2", 4_000)
    assert gate.closed_until_us == at(23)


def test_silence_counts_from_the_logon_and_from_the_last_word_on() -> None:
    gate = Gate()
    gate.note_session(True, at(10))
    assert gate.silent_since_us(at(0)) == at(10)
    gate.note_answer(at(20))
    assert gate.silent_since_us(at(0)) == at(20)


def test_a_venue_whose_session_is_down_is_closed_until_its_logon() -> None:
    gate = Gate()
    gate.note_session(False, at(1))
    assert gate.closed_reason == "DOWN: since=2027-01-15T08:00:01.000+00:00"
    assert gate.closed_until_us is None
    assert gate.silent_since_us(at(0)) is None
    gate.note_session(True, at(100))
    assert gate.closed_reason == ""


def test_a_logon_ends_a_silence_and_not_a_series_of_rejects() -> None:
    silent, rejects = Gate(), Gate()
    silent.note_unanswered(at(4), "c-1", 4_000)
    rejecting(rejects, at(0))
    for gate in (silent, rejects):
        gate.note_session(False, at(4))
        assert gate.closed_reason.startswith("DOWN")
        gate.note_session(True, at(4) + 1)
    assert silent.state is State.OPEN
    assert rejects.closed_reason.startswith("REJECTING")


@pytest.mark.parametrize("seconds", [0, 2, 6])
def test_a_gate_comes_back_from_storage_as_it_was(seconds: int) -> None:
    gate = Gate()
    gate.note_session(True, at(-5))
    rejecting(gate, at(0), 7)
    gate.tick(at(seconds))
    back = Gate.from_state(gate.to_state())
    assert back.to_state() == gate.to_state()
    assert (back.closed_reason, back.closed_until_us) == (gate.closed_reason, gate.closed_until_us)
    assert Gate.from_state({}).to_state() == Gate().to_state()


def test_every_closed_state_has_a_way_out_and_every_event_a_place() -> None:
    for state in (State.SILENT, State.REJECTING):
        assert (state, Event.WAIT_OVER) in TABLE
    assert {event for _, event in TABLE} == set(Event)
    assert {state for state, _ in TABLE} == set(State)


def test_the_documentation_shows_the_table() -> None:
    text = (Path(__file__).parents[4] / "docs" / "scorecards.md").read_text()
    assert table_as_markdown() in text
