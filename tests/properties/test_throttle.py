"""The way to a throttled venue: no second has more than it takes, cancels first, and nothing is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from execution_adapter.domain.session_settings import Throttle
from execution_adapter.domain.throttle import Admission, Lane, Turn

URGENCY = (Turn.CANCEL, Turn.CANCEL_QUESTION, Turn.ORDER, Turn.QUESTION)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 3), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("be late"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("complain"), st.just(0), st.just(0)),
    ),
    max_size=120,
)


@settings(max_examples=400, deadline=None)
@given(steps, st.integers(1, 5), st.integers(0, 4))
def test_a_lane_keeps_its_pace_its_order_and_its_bound(
    moves: list[tuple[str, int, int]], per_second: int, queue_max: int
) -> None:
    """Against a naive model: lists of what waits. Time goes by twentieths of a second."""
    lane = Lane(Throttle(messages_per_second=per_second, queue_max=queue_max, backoff_ms=700))
    waiting: dict[Turn, list[str]] = {turn: [] for turn in Turn}
    left: list[float] = []
    asked, refused, sent = 0, 0, 0
    now, silent_until = 100.0, 0.0

    def leave() -> None:
        left.append(now)
        assert now >= silent_until
        assert len([at for at in left if now - at < 1]) <= per_second, left

    def drain() -> int:
        count = 0
        while (found := lane.next(now)) is not None:
            turn, name = found
            urgent = next(kind for kind in URGENCY if waiting[kind])
            assert (turn, name) == (urgent, waiting[urgent].pop(0))
            lane.note_sent(now)
            leave()
            count += 1
        return count

    for kind, first, number in moves:
        if kind == "wait":
            now += first / 20
            sent += drain()
        elif kind == "be late":
            # Time goes by before anybody looks whether something may leave.
            now += first / 20
        elif kind == "complain":
            lane.back_off(now)
            silent_until = now + 0.7
        else:
            turn, name = URGENCY[first], str(number)
            if name in waiting[turn]:
                assert lane.admit(turn, name, now) is Admission.WAITS
                continue
            asked += 1
            admission = lane.admit(turn, name, now)
            if admission is Admission.NOW:
                assert not any(waiting.values())
                leave()
                sent += 1
            elif admission is Admission.FULL:
                assert turn is Turn.ORDER
                assert len(waiting[turn]) == queue_max
                refused += 1
            else:
                waiting[turn].append(name)
        assert len(lane) == sum(map(len, waiting.values()))
        assert len(waiting[Turn.ORDER]) <= queue_max
    while any(waiting.values()):
        now += 0.05
        sent += drain()
    assert asked == sent + refused
    assert lane.next(now + 10) is None


def test_a_complaint_is_known_by_its_words_in_whatever_case() -> None:
    lane = Lane(Throttle(messages_per_second=1, reject_texts=("Throttle", "zu schnell")))
    assert lane.is_complaint("order THROTTLED by gateway")
    assert lane.is_complaint("Zu Schnell!")
    assert not lane.is_complaint("unknown symbol")
