"""What our fills say of a venue: decay, figures, and how children become observations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from sor_engine.domain.decay import ONE, STEPS_PER_HALF_LIFE, decayed, step_length_us
from sor_engine.domain.scorecard import (
    HALF_LIFE_S,
    PRIOR_REST_PPM,
    PRIOR_TAKE_PPM,
    Aggression,
    Scorecard,
    scorecard_view,
    size_bucket,
    stats_of,
    whole,
)
from sor_engine.scorekeeper.domain.child_watch import Child, ChildWatch, Kind, Report, VenueRecord
from sor_engine.scorekeeper.domain.touches import AGE_US_MAX, BOOKS_MAX, QUOTES_MAX, Touch, Touches

SECOND = 1_000_000
STEP = step_length_us(HALF_LIFE_S)
T0 = 32_000_000 * STEP
TEN, TEN_01, TEN_02 = 10_000_000, 10_010_000, 10_020_000


@dataclass(frozen=True)
class Display:
    bid_prices: tuple[Decimal, ...] = ()
    bid_sizes: tuple[int, ...] = ()
    ask_prices: tuple[Decimal, ...] = ()
    ask_sizes: tuple[int, ...] = ()


BOOK = Display(
    bid_prices=(Decimal("10.00"), Decimal("9.99")),
    bid_sizes=(300, 500),
    ask_prices=(Decimal("10.02"), Decimal("10.03")),
    ask_sizes=(200, 400),
)
EMPTY = Display()


class CountingPool:
    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def observe(self, sent: int, filled: int) -> None:
        self.seen.append((sent, filled))


def watching(at: int = T0, books: Mapping[str, Display] | None = None) -> ChildWatch:
    """Return a watch with one quote: 10.00 to 10.02, and a dark venue."""
    touches = Touches()
    touches.observe("AAPL", at - SECOND, Touch(TEN, TEN_02), books or {"XNYS": BOOK})
    watch = ChildWatch(touches, {}, CountingPool)
    watch.set_dark(["DARK"])
    return watch


def child(limit: int = TEN_02, quantity: int = 100, rests: bool = False, venue: str = "XNYS") -> Child:
    return Child(venue_id=venue, quantity=quantity, limit=limit, rests=rests, placed_us=T0)


def report(kind: Kind, name: str = "c-1", ms: int = 20, **changes: object) -> Report:
    at = T0 + ms * 1_000
    base = Report("XNYS", name, f"{kind.name}-{name}-{ms}", kind, "AAPL", True, at, at + 5_000)
    return base._replace(**changes)  # type: ignore[arg-type]


def fill(quantity: int, cum: int, leaves: int, price: int = TEN_02, **changes: object) -> Report:
    return report(Kind.TRADE, last_qty=quantity, cum_qty=cum, leaves_qty=leaves, price=price, **changes)


def xnys(watch: ChildWatch) -> Scorecard:
    return watch.records["XNYS"].card


# ---- decay


def test_a_count_halves_every_half_life_and_falls_evenly_between() -> None:
    value = 1_000 * ONE
    assert decayed(value, STEPS_PER_HALF_LIFE) == value // 2
    assert decayed(value, 3 * STEPS_PER_HALF_LIFE) == value // 8
    for steps in range(1, STEPS_PER_HALF_LIFE):
        exact = value * 2 ** (-steps / STEPS_PER_HALF_LIFE)
        assert abs(decayed(value, steps) - exact) <= 2


def test_decay_rounds_towards_zero_on_both_sides_and_ends_there() -> None:
    for steps in range(100):
        assert decayed(-12_345, steps) == -decayed(12_345, steps)
    assert decayed(-1, 1) == decayed(1, 1) == 0
    assert decayed(10**30, 1_000_000) == 0


def test_a_step_needs_a_half_life() -> None:
    with pytest.raises(ValueError, match="at least 1 s, was 0"):
        step_length_us(0)


def test_the_same_observations_come_to_the_same_counts_however_often_they_are_stored() -> None:
    times = [T0 + number * STEP // 3 for number in range(200)]
    at_once, in_pieces = Scorecard(), Scorecard()
    for when in times:
        at_once.note_answer(when, 700)
        in_pieces.note_answer(when, 700)
        in_pieces = Scorecard.from_state(json.loads(json.dumps(in_pieces.to_state())))
    assert in_pieces.to_state() == at_once.to_state()


def test_a_late_observation_counts_for_its_age() -> None:
    card = Scorecard()
    card.note_answer(T0, 1_000)
    card.note_answer(T0 - HALF_LIFE_S * SECOND, 1_000)
    assert card.latency.count == ONE + ONE // 2


def test_the_mean_is_kept_while_its_count_fades() -> None:
    card = Scorecard()
    card.note_answer(T0, 1_234)
    card.age_to(T0 + 3 * HALF_LIFE_S * SECOND)
    assert card.latency.total // card.latency.count == pytest.approx(1_234, abs=1)
    assert card.latency.count == ONE // 8
    card.touched = False
    card.age_to(T0 + 100 * HALF_LIFE_S * SECOND)
    assert card.touched
    assert card.to_state()["sums"] == {}


def test_another_half_life_takes_over_what_was_kept() -> None:
    card = Scorecard()
    card.note_answer(T0, 1_000)
    back = Scorecard.from_state(card.to_state(), half_life_s=60)
    back.age_to(T0 + 60 * SECOND)
    assert back.latency.count == pytest.approx(ONE // 2, rel=0.05)


# ---- figures


def test_sizes_fall_into_their_buckets() -> None:
    sizes = (1, 99, 100, 499, 500, 1_999, 2_000, 10**6)
    assert [size_bucket(quantity) for quantity in sizes] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_an_unmeasured_venue_has_no_orders_and_the_priors() -> None:
    stats = stats_of(Scorecard(), 700)
    assert (stats.orders, stats.latency_us, stats.hidden_ppm) == (0, 700, 0)
    assert (stats.take_fill_ppm, stats.rest_fill_ppm) == (PRIOR_TAKE_PPM, PRIOR_REST_PPM)
    assert scorecard_view(Scorecard()) == {"orders": 0, "halfLifeS": HALF_LIFE_S}


def test_a_venue_where_we_only_rested_says_nothing_of_taking() -> None:
    card = Scorecard()
    for _ in range(90):
        card.note_end(T0, Aggression.REST, 100, 20, sent=100, filled=20)
    stats = stats_of(card, 700)
    assert stats.orders == 90
    assert stats.take_fill_ppm == PRIOR_TAKE_PPM
    assert stats.rest_fill_ppm == (200_000 * 90 + PRIOR_REST_PPM * 10) // 100


def test_rejected_children_count_as_rejects_and_not_as_unfilled() -> None:
    card = Scorecard()
    for _ in range(3):
        card.note_end(T0, Aggression.TAKE, 100, 100, sent=100, filled=100)
    card.note_end(T0, Aggression.TAKE, 100, 0, rejected=True)
    assert scorecard_view(card)["rejectPpm"] == 250_000
    view = scorecard_view(card)["take"]
    assert (view["fillPpm"], view["children"], view["rejected"]) == (1_000_000, 4, 1)


def test_the_view_shows_what_was_measured_with_its_counts() -> None:
    card = Scorecard()
    card.note_answer(T0, 1_500)
    card.note_end(T0, Aggression.TAKE, 600, 600, sent=600, filled=450)
    card.note_beyond(T0, 50, 200)
    card.note_improvement(T0, 5_000, TEN, 100)
    card.note_markout(T0, 0, -2_500, TEN, 200)
    assert scorecard_view(card) == {
        "orders": 1,
        "halfLifeS": HALF_LIFE_S,
        "rejectPpm": 0,
        "take": {
            "children": 1,
            "rejected": 0,
            "sent": 600,
            "filled": 450,
            "fillPpm": 750_000,
            "bySize": {
                "500-1999": {"children": 1, "rejected": 0, "sent": 600, "filled": 450, "fillPpm": 750_000}
            },
        },
        "latency": {"meanUs": 1_500, "count": 1},
        "hidden": {"beyondPpm": 250_000, "count": 1},
        "priceImprovement": {"perShare": "0.005000", "fills": 1, "shares": 100, "cbps": 500},
        "markouts": {"1s": {"perShare": "-0.002500", "fills": 1, "shares": 200, "cbps": -250}},
    }


# ---- children


def test_a_child_that_takes_all_that_is_displayed_fills_completely() -> None:
    watch = watching()
    watch.note_placed("c-1", child(quantity=200))
    watch.note_report(report(Kind.ANSWER))
    watch.note_report(fill(200, 200, 0))
    take = xnys(watch).of(Aggression.TAKE)
    assert [whole(value) for value in (take.sent, take.filled, take.children)] == [200, 200, 1]
    assert xnys(watch).latency.total // xnys(watch).latency.count == 25_000
    assert watch.open == {}


def test_shares_beyond_the_display_are_hidden_liquidity_and_not_a_fill_rate() -> None:
    watch = watching()
    watch.note_placed("c-1", child(quantity=500))
    watch.note_report(fill(250, 250, 250))
    watch.note_report(report(Kind.ENDED, cum_qty=250))
    card = xnys(watch)
    take = card.of(Aggression.TAKE)
    assert (whole(take.sent), whole(take.filled)) == (200, 200)
    assert (whole(card.hidden.filled), whole(card.hidden.displayed)) == (50, 200)


def test_a_sell_reaches_down_to_its_limit() -> None:
    watch = watching()
    watch.note_placed("c-1", child(limit=9_990_000, quantity=1_000))
    watch.note_report(fill(800, 800, 200, price=TEN, buy=False))
    watch.note_report(report(Kind.ENDED, cum_qty=800, buy=False))
    assert whole(xnys(watch).hidden.displayed) == 800
    assert whole(xnys(watch).of(Aggression.TAKE).filled) == 800


def test_a_quote_that_fades_while_the_plan_is_on_its_way_still_makes_it_a_take() -> None:
    watch = watching()
    away = Display(ask_prices=(Decimal("10.05"),), ask_sizes=(100,))
    watch._touches.observe("AAPL", T0 - 1, Touch(TEN, 10_050_000), {"XNYS": away})
    watch.note_placed("c-1", child(rests=True))
    watch.note_report(report(Kind.ANSWER))
    watch.note_report(report(Kind.ENDED, ms=900))
    take = xnys(watch).of(Aggression.TAKE)
    assert (whole(take.sent), whole(take.filled)) == (100, 0)


def test_what_comes_to_a_taking_child_later_is_not_what_it_took() -> None:
    watch = watching()
    watch.note_placed("c-1", child(quantity=100, rests=True))
    watch.note_report(report(Kind.ANSWER))
    watch.note_report(fill(40, 40, 60, ms=30))
    watch.note_report(fill(60, 100, 0, ms=500))
    assert whole(xnys(watch).of(Aggression.TAKE).filled) == 40


def test_a_child_in_an_auction_says_nothing_of_taking_or_resting() -> None:
    for quantity, cum in ((100, 100), (100, 40), (100, 0)):
        watch = watching()
        crosses = replace(child(quantity=quantity), crosses=True)
        watch.note_placed("c-1", crosses)
        watch.note_report(report(Kind.ANSWER))
        if cum:
            watch.note_report(fill(cum, cum, quantity - cum, ms=30))
        if cum < quantity:
            watch.note_report(report(Kind.ENDED, ms=40, cum_qty=cum))
        card = xnys(watch)
        assert [card.of(how).children for how in Aggression] == [0] * len(Aggression)
        assert card.improvement.count == 0
        assert whole(card.total.children) == 1


def test_a_resting_child_counts_when_it_ends_with_the_time_to_its_first_fill() -> None:
    watch = watching()
    watch.note_placed("c-1", child(limit=TEN, quantity=700, rests=True))
    watch.note_report(report(Kind.ANSWER))
    watch.note_report(fill(100, 100, 600, price=TEN, ms=1_520))
    watch.note_report(fill(100, 200, 500, price=TEN, ms=3_000))
    card = xnys(watch)
    assert card.of(Aggression.REST).children == 0
    watch.note_report(report(Kind.ENDED, ms=9_000, cum_qty=200))
    rest = card.cells[Aggression.REST][2]
    assert (whole(rest.sent), whole(rest.filled), whole(rest.children)) == (700, 200, 1)
    assert (card.time_to_fill.total // ONE, card.time_to_fill.count) == (1_500_000, ONE)
    assert card.improvement.count == 0


def test_a_dark_child_teaches_the_pool_and_its_improvement_is_against_the_far_touch() -> None:
    watch = watching()
    watch.note_placed("c-1", child(limit=TEN_02, quantity=300, rests=True, venue="DARK"))
    watch.note_report(fill(120, 120, 180, price=TEN_01, venue_id="DARK"))
    watch.note_report(report(Kind.ENDED, cum_qty=120, venue_id="DARK"))
    record = watch.records["DARK"]
    assert isinstance(record.pool, CountingPool)
    assert record.pool.seen == [(300, 120)]
    assert whole(record.card.of(Aggression.DARK).filled) == 120
    gain = record.card.improvement
    assert gain.gain // gain.shares == 10_000


def test_without_a_quote_nothing_is_guessed() -> None:
    watch = ChildWatch(Touches(), {}, CountingPool)
    watch.note_placed("c-1", child(rests=True))
    watch.note_report(report(Kind.ANSWER))
    watch.note_report(fill(100, 100, 0))
    watch.tick(T0 + 100 * SECOND)
    view = scorecard_view(xnys(watch))
    assert set(view) == {"orders", "halfLifeS", "rejectPpm", "latency"}


def test_markouts_are_read_from_the_mid_when_they_are_due_with_our_sign() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    watch.note_placed("c-2", child(limit=TEN))
    watch.note_report(fill(100, 100, 0))
    watch.note_report(fill(100, 100, 0, price=TEN, name="c-2", buy=False))
    for second, bid in ((0, TEN), (5, TEN + 40_000), (30, TEN - 40_000), (55, TEN - 40_000)):
        watch._touches.observe("AAPL", T0 + second * SECOND, Touch(bid, bid + 20_000), {})
    watch.tick(T0 + 61 * SECOND)
    card = xnys(watch)
    # At 1 s the mid is 10.01, at 10 s 10.05: the buyer at 10.02 loses a cent, then gains three.
    assert [whole(tally.count) for tally in card.markouts] == [2, 2, 0]
    gains = [tally.gain // tally.shares for tally in card.markouts[:2]]
    # Decay rounds towards zero.
    assert gains == pytest.approx([(-10_000 - 10_000) // 2, (30_000 - 50_000) // 2], abs=1)
    watch.tick(T0 + 62 * SECOND)
    assert [whole(tally.count) for tally in card.markouts] == [2, 2, 2]


def test_a_markout_without_a_quote_of_its_time_is_absent() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    watch.note_report(fill(100, 100, 0))
    watch.tick(T0 + 100 * SECOND)
    assert [whole(tally.count) for tally in xnys(watch).markouts] == [1, 0, 0]


def test_every_message_twice_changes_nothing() -> None:
    once, twice = watching(), watching()
    messages = [
        report(Kind.ANSWER),
        fill(60, 60, 40, ms=30),
        fill(40, 100, 0, ms=40),
    ]
    for watch, times in ((once, 1), (twice, 2)):
        for _ in range(times):
            watch.note_placed("c-1", child())
            for message in messages:
                for _ in range(times):
                    watch.note_report(message)
        watch.tick(T0 + 5 * SECOND)
    assert xnys(twice).to_state() == xnys(once).to_state()


def test_a_child_taken_back_from_storage_does_not_count_its_stored_fills_again() -> None:
    watch = watching()
    stored = child(limit=TEN, rests=True)
    stored.stored_cum_qty = stored.cum_qty = 60
    stored.answered, stored.ack_us = True, T0
    watch.restore("c-1", stored)
    watch.note_placed("c-1", child(limit=TEN, rests=True))
    watch.note_report(fill(60, 60, 40, ms=30))
    watch.tick(T0 + 3 * SECOND)
    assert xnys(watch).markouts[0].count == 0
    watch.note_report(fill(40, 100, 0, ms=40))
    watch.tick(T0 + 3 * SECOND)
    assert whole(xnys(watch).markouts[0].shares) == 40
    assert whole(xnys(watch).total.filled) == 100


def test_a_child_that_never_left_says_nothing_of_its_venue() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    watch.note_unsent("c-1")
    watch.note_placed("c-1", child())
    assert watch.open == {}
    assert "XNYS" not in watch.records


def test_a_child_that_waited_for_the_logon_says_nothing_of_latency() -> None:
    watch = watching()
    watch.record_of("XNYS").gate.note_session(True, T0 + 10_000)
    watch.note_placed("c-1", child())
    watch.note_report(report(Kind.ANSWER))
    assert xnys(watch).latency.count == 0


def test_one_stall_counts_as_a_second_of_latency() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    watch.note_report(report(Kind.ANSWER, ms=9_000))
    assert xnys(watch).latency.total // xnys(watch).latency.count == SECOND


def test_a_venue_whose_clock_is_wrong_moves_nobody_elses_time() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    watch.note_placed("c-2", child())
    watch.note_report(fill(100, 100, 0, transact_us=T0 + 10**15))
    watch.note_report(fill(100, 100, 0, name="c-2"))
    watch.tick(T0 + 3 * SECOND)
    assert whole(xnys(watch).total.children) == 2
    assert whole(xnys(watch).markouts[0].count) == 2


def test_silence_is_found_on_the_oldest_children_and_only_while_the_session_is_up() -> None:
    watch = watching()
    for number in range(3):
        placed = child()
        placed.placed_us = T0 + number * SECOND
        watch.note_placed(f"c-{number}", placed)
    assert watch.suspects(T0 + 3 * SECOND, 3 * SECOND) == {}
    assert watch.suspects(T0 + 4 * SECOND + 1, 3 * SECOND) == {"XNYS": ["c-0", "c-1"]}
    watch.record_of("XNYS").gate.note_session(False, T0 + 4 * SECOND)
    assert watch.suspects(T0 + 9 * SECOND, 3 * SECOND) == {}
    watch.record_of("XNYS").gate.note_session(True, T0 + 9 * SECOND)
    # A logon counts as a word of the venue: silence begins anew.
    assert watch.suspects(T0 + 10 * SECOND, 3 * SECOND) == {}


def test_a_silent_venue_is_closed_once_and_tried_with_new_children() -> None:
    watch = watching()
    watch.note_placed("c-1", child())
    gate = watch.record_of("XNYS").gate
    watch.note_unanswered("XNYS", "c-1", T0 + 4 * SECOND)
    assert gate.closed_reason == "SILENT: child=c-1, waited_ms=4000, retry_in_s=5"
    watch.tick(T0 + 10 * SECOND)
    assert gate.closed_reason == ""
    assert watch.suspects(T0 + 60 * SECOND, 3 * SECOND) == {}
    late = child()
    late.placed_us = T0 + 60 * SECOND
    watch.note_placed("c-2", late)
    assert watch.suspects(T0 + 64 * SECOND, 3 * SECOND) == {"XNYS": ["c-2"]}


def test_rejects_close_a_venue_and_leave_its_fill_rate_alone() -> None:
    watch = watching()
    for number in range(5):
        watch.note_placed(f"c-{number}", child())
        watch.note_report(report(Kind.REJECTED, name=f"c-{number}"))
    record = watch.records["XNYS"]
    assert record.gate.closed_reason == "REJECTING: rejects=5, of=5, retry_in_s=5"
    assert record.card.of(Aggression.TAKE).sent == 0
    assert scorecard_view(record.card)["rejectPpm"] == 1_000_000


# ---- touches


def test_a_lookup_never_looks_ahead_and_never_takes_a_stale_quote() -> None:
    touches = Touches()
    assert touches.touch("AAPL", T0) is None
    assert touches.observe("AAPL", T0, Touch(1, 3), {})
    assert not touches.observe("AAPL", T0 + 5, Touch(1, 3), {})
    assert touches.observe("AAPL", T0 + 9, Touch(2, None), {})
    assert not touches.observe("AAPL", T0 + 8, Touch(7, 7), {})
    assert touches.touch("AAPL", T0 - 1) is None
    assert touches.touch("AAPL", T0 + 8) == Touch(1, 3)
    assert touches.twice_mid("AAPL", T0 + 8) == 4
    assert touches.twice_mid("AAPL", T0 + 9) is None
    assert touches.touch("AAPL", T0 + 10 + AGE_US_MAX) is None


def test_memory_is_bounded_and_old_books_are_let_go_first() -> None:
    touches = Touches()
    for number in range(5 * QUOTES_MAX):
        touches.observe("AAPL", T0 + number, Touch(number, number + 2), {"XNYS": BOOK})
    history = touches._histories["AAPL"]
    assert len(history.at_us) == len(history.books) == len(history.touches) <= 2 * QUOTES_MAX
    assert sum(book is not None for book in history.books) == BOOKS_MAX
    last = T0 + 5 * QUOTES_MAX - 1
    assert touches.touch("AAPL", last - QUOTES_MAX + 1) == Touch(4 * QUOTES_MAX, 4 * QUOTES_MAX + 2)
    assert touches.reach("AAPL", last, "XNYS", True, TEN_02) == 200
    assert touches.reach("AAPL", last - BOOKS_MAX, "XNYS", True, TEN_02) is None
    assert touches.reach("AAPL", last, "BATS", True, TEN_02) == 0


def test_records_of_new_venues_take_the_half_life() -> None:
    watch = ChildWatch(Touches(), {"A": VenueRecord(venue_id="A")}, CountingPool, half_life_s=60)
    assert watch.record_of("B").card.half_life_s == 60
    assert watch.record_of("A") is watch.records["A"]
