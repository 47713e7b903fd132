"""An account's stream in order, whatever order its events come in."""

import random

from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.stream import PENDING_MAX, OrderedStream


def test_before_the_head_is_known_everything_waits() -> None:
    stream: OrderedStream[str] = OrderedStream()
    assert stream.offer(6, "six") == []
    assert stream.offer(7, "seven") == []
    assert not stream.has_gap
    assert stream.open(5) == [(6, "six"), (7, "seven")]


def test_an_early_event_waits_for_the_missing_one() -> None:
    stream: OrderedStream[str] = OrderedStream()
    stream.open(0)
    assert stream.offer(2, "two") == []
    assert stream.has_gap
    assert stream.offer(1, "one") == [(1, "one"), (2, "two")]
    assert not stream.has_gap


def test_what_comes_again_is_dropped() -> None:
    stream: OrderedStream[str] = OrderedStream()
    stream.open(3)
    assert stream.offer(3, "three") == []
    assert stream.heal(2, "two") == []
    assert stream.offer(4, "four") == [(4, "four")]
    assert stream.offer(4, "four") == []


def test_healing_gives_the_missing_event_and_what_waited_for_it() -> None:
    stream: OrderedStream[str] = OrderedStream()
    stream.open(0)
    stream.offer(3, "three")
    assert stream.heal(1, "one") == [(1, "one")]
    assert stream.heal(2, "two") == [(2, "two"), (3, "three")]
    assert not stream.has_gap


def test_what_waits_is_bounded() -> None:
    stream: OrderedStream[int] = OrderedStream()
    stream.open(0)
    for sequence in range(2, PENDING_MAX + 10):
        stream.offer(sequence, sequence)
    assert len(stream.offer(1, 1)) == PENDING_MAX + 1


@given(st.integers(0, 50), st.integers(0, 50), st.integers())
def test_shuffled_and_repeated_events_come_out_once_and_in_order(head: int, count: int, seed: int) -> None:
    events = list(range(head + 1, head + count + 1)) * 2
    random.Random(seed).shuffle(events)
    stream: OrderedStream[int] = OrderedStream()
    half = len(events) // 2
    given_out = [given for event in events[:half] for given in stream.offer(event, event)]
    given_out += stream.open(head)
    given_out += [given for event in events[half:] for given in stream.offer(event, event)]
    assert given_out == [(event, event) for event in range(head + 1, head + count + 1)]
