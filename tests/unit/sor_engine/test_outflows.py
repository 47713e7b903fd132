"""Outflows of queues, read from hand-made quotes."""

from decimal import Decimal
from typing import NamedTuple

from sor_engine.domain.outflows import THROUGH, QueueWatch

HORIZON_US = 1_000_000
Level = tuple[str, int]


class Shown(NamedTuple):
    bid_prices: tuple[Decimal, ...]
    bid_sizes: tuple[int, ...]
    ask_prices: tuple[Decimal, ...]
    ask_sizes: tuple[int, ...]


def shown(bids: list[Level], asks: list[Level]) -> Shown:
    return Shown(
        tuple(Decimal(price) for price, _ in bids),
        tuple(size for _, size in bids),
        tuple(Decimal(price) for price, _ in asks),
        tuple(size for _, size in asks),
    )


def bids_of(*quotes: list[Level]) -> int:
    """Return the outflow of one venue's bids over one window of evenly spaced quotes."""
    watch = QueueWatch(HORIZON_US, 10)
    for step, bids in enumerate(quotes):
        at_us = step * HORIZON_US // (len(quotes) - 1)
        watch.observe(at_us, {"XNYS": shown(bids, [("10.10", 500)])})
    (outflow,) = watch.samples(buy=True)["XNYS"]
    return outflow


def test_what_is_less_displayed_at_the_price_has_left() -> None:
    assert bids_of([("10.00", 900)], [("10.00", 600)], [("10.00", 500)]) == 400


def test_what_joins_behind_does_not_count_against_what_left() -> None:
    assert bids_of([("10.00", 900)], [("10.00", 600)], [("10.00", 1_000)], [("10.00", 950)]) == 350


def test_when_the_price_moves_away_the_whole_queue_has_left() -> None:
    assert bids_of([("10.00", 900)], [("10.00", 800)], [("9.99", 300)]) == 900
    assert bids_of([("10.00", 900)], [("10.00", 800)], []) == 900


def test_a_queue_that_left_and_came_back_counts_once() -> None:
    assert bids_of([("10.00", 900)], [("9.99", 300)], [("10.00", 200)], [("10.00", 50)]) == 1_050


def test_a_better_price_in_front_moves_nothing() -> None:
    assert bids_of([("10.00", 900)], [("10.01", 100), ("10.00", 900)]) == 0
    # The queue itself is out of sight.
    assert bids_of([("10.00", 900)], [("10.02", 100), ("10.01", 100)]) == 0


def test_the_queue_behind_a_better_price_is_still_watched() -> None:
    assert bids_of([("10.00", 900)], [("10.01", 100), ("10.00", 700)]) == 200


def test_the_other_side_at_the_price_filled_everybody() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    watch.observe(0, {"XNYS": shown([("10.00", 900)], [("10.10", 500)])})
    watch.observe(500_000, {"XNYS": shown([("9.98", 100)], [("10.00", 500)])})
    watch.observe(1_000_000, {"XNYS": shown([("10.00", 100)], [("10.10", 500)])})
    assert watch.samples(buy=True) == {"XNYS": (THROUGH,)}
    assert watch.samples(buy=False) == {"XNYS": (0,)}


def test_offers_are_the_queues_of_a_sell() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    watch.observe(0, {"XNYS": shown([("10.00", 900)], [("10.10", 500)])})
    watch.observe(1_000_000, {"XNYS": shown([("10.00", 900)], [("10.11", 500)])})
    watch.observe(2_000_000, {"XNYS": shown([("10.00", 900)], [("10.09", 20), ("10.11", 450)])})
    watch.observe(3_000_000, {"XNYS": shown([("10.10", 900)], [("10.12", 10)])})
    # Moved away; 50 left behind a better price; the bid reached the price that began the window.
    assert watch.samples(buy=False) == {"XNYS": (500, 50, THROUGH)}


def test_a_gap_begins_anew_without_a_sample() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    watch.observe(0, {"XNYS": shown([("10.00", 900)], [])})
    watch.observe(2_000_001, {"XNYS": shown([("10.00", 100)], [])})
    assert watch.samples(buy=True) == {}
    watch.observe(3_000_001, {"XNYS": shown([("10.00", 70)], [])})
    assert watch.samples(buy=True) == {"XNYS": (30,)}


def test_a_quote_from_before_begins_anew() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    watch.observe(5_000_000, {"XNYS": shown([("10.00", 900)], [])})
    watch.observe(1_000_000, {"XNYS": shown([("10.00", 100)], [])})
    watch.observe(2_000_000, {"XNYS": shown([("10.00", 90)], [])})
    assert watch.samples(buy=True) == {"XNYS": (10,)}


def test_the_last_samples_are_kept_and_all_venues_have_the_same_windows() -> None:
    watch = QueueWatch(HORIZON_US, 3)
    for step in range(6):
        left = 10_000 - step * (step + 1) // 2
        book = {
            "XNYS": shown([("10.00", left)], [("10.10", 500)]),
            "BATS": shown([("9.99", 2 * left)], [("10.10", 500)]),
        }
        watch.observe(step * HORIZON_US, book)
    assert watch.samples(buy=True) == {"XNYS": (3, 4, 5), "BATS": (6, 8, 10)}


def test_a_venue_that_was_seen_once_does_not_take_the_samples_of_the_others() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    for step in range(9):
        book = {"XNYS": shown([("10.00", 1_000 - 10 * step)], [])}
        if step == 4:
            book["BATS"] = shown([("10.00", 500)], [])
        watch.observe(step * HORIZON_US, book)
    assert watch.samples(buy=True) == {"XNYS": (10,) * 8}


def test_a_window_without_one_of_the_venues_is_in_nobodys_samples() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    for step in range(6):
        book = {"XNYS": shown([("10.00", 1_000 - 10 * step)], [])}
        if step != 2:
            book["BATS"] = shown([("10.00", 500 - 20 * step)], [])
        watch.observe(step * HORIZON_US, book)
    samples = watch.samples(buy=True)
    assert samples["XNYS"] == (10,) * 4
    assert len(samples["BATS"]) == 4


def test_one_side_missing_leaves_the_other_watched() -> None:
    watch = QueueWatch(HORIZON_US, 10)
    watch.observe(0, {"XNYS": shown([("10.00", 900)], []), "BATS": shown([], [("10.10", 5)])})
    watch.observe(1_000_000, {"XNYS": shown([("10.00", 600)], []), "BATS": shown([], [("10.10", 2)])})
    assert watch.samples(buy=True) == {"XNYS": (300,)}
    assert watch.samples(buy=False) == {"BATS": (3,)}
