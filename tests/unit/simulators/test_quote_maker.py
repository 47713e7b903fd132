"""Prices and quotes: correlated, shaped like a day, on the grid, never crossed, the same for a seed."""

import math
import statistics
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from oms_platform.messages import Quote
from oms_platform.schema.demo_data import INSTRUMENTS
from simulators.instruments import Instrument
from simulators.market_data.price_paths import PricePaths, day_shape
from simulators.market_data.profiles import SYMBOLS, SymbolProfile
from simulators.market_data.quote_maker import LEVELS, QuoteMaker, best_levels

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAY_S = 23_400
TICK = Decimal("0.01")
DEMO = [
    Instrument(symbol=symbol, tick_size=TICK, reference_price=Decimal(price))
    for symbol, _, price in INSTRUMENTS
]


def make_quotes(count: int, *, seed: int = 7, at: datetime = AT) -> list[Quote]:
    maker = QuoteMaker(DEMO, seed=seed, interval_s=0.25, day_s=DAY_S)
    return [maker.next_quote(at) for _ in range(count)]


def test_same_seed_makes_the_same_quotes_and_another_seed_others() -> None:
    assert make_quotes(600) == make_quotes(600)
    assert make_quotes(600) != make_quotes(600, seed=8)


def test_wall_clock_changes_nothing_but_the_stamp() -> None:
    other = datetime(2030, 1, 1, tzinfo=UTC)
    stamped = [(quote.symbol, quote.national_best_bid, quote.venues) for quote in make_quotes(300, at=other)]
    assert stamped == [(quote.symbol, quote.national_best_bid, quote.venues) for quote in make_quotes(300)]
    assert {quote.quoted_at for quote in make_quotes(30, at=other)} == {other}


def test_every_symbol_is_quoted_in_turn_with_its_own_sequence() -> None:
    quotes = make_quotes(3 * len(DEMO))
    assert [quote.symbol for quote in quotes[: len(DEMO)]] == [instrument.symbol for instrument in DEMO]
    assert [quote.sequence for quote in quotes] == [1] * len(DEMO) + [2] * len(DEMO) + [3] * len(DEMO)


def test_quotes_are_on_the_grid_ordered_and_never_crossed_or_locked() -> None:
    for quote in make_quotes(3_000):
        bid, offer = quote.national_best_bid, quote.national_best_offer
        assert bid is not None and offer is not None and 0 < bid < offer
        lit = [venue for venue in quote.venues if venue.venue_id != "DARK"]
        assert max(venue.bid_prices[0] for venue in lit) == bid
        assert min(venue.ask_prices[0] for venue in lit) == offer
        for venue in lit:
            assert len(venue.bid_prices) == len(venue.ask_sizes) == LEVELS
            assert list(venue.bid_prices) == sorted(set(venue.bid_prices), reverse=True)
            assert list(venue.ask_prices) == sorted(set(venue.ask_prices))
            assert all(price % TICK == 0 for price in venue.bid_prices + venue.ask_prices)
            assert all(size > 0 and size % 100 == 0 for size in venue.bid_sizes + venue.ask_sizes)


def test_dark_venue_is_quoted_without_levels() -> None:
    (quote, *_) = make_quotes(1)
    assert [venue.venue_id for venue in quote.venues] == ["XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK"]
    dark = quote.venues[-1]
    assert (dark.bid_prices, dark.bid_sizes, dark.ask_prices, dark.ask_sizes) == ((), (), (), ())


def test_spread_is_wider_for_wilder_symbols_and_sizes_are_of_usual_lots() -> None:
    spreads: dict[str, list[int]] = defaultdict(list)
    sizes: list[int] = []
    for quote in make_quotes(6_000):
        assert quote.national_best_bid is not None and quote.national_best_offer is not None
        spreads[quote.symbol].append(int((quote.national_best_offer - quote.national_best_bid) / TICK))
        sizes += [size for venue in quote.venues for size in venue.bid_sizes]
    usual = {symbol: statistics.mean(found) for symbol, found in spreads.items()}
    assert 1 <= usual["JNJ"] < usual["AAPL"] < usual["META"] < usual["TSLA"] <= 4.5
    assert 500 <= statistics.median(sizes) <= 3_000


def test_a_day_is_u_shaped_and_averages_one() -> None:
    assert day_shape(0) == day_shape(1) == 1.5
    assert day_shape(0.5) == 0.75
    assert statistics.mean(day_shape(step / 1_000) for step in range(1_001)) == pytest.approx(1, abs=0.01)


def test_day_wraps_and_the_market_stays_open() -> None:
    paths = PricePaths([SYMBOLS["AAPL"]], seed=7, interval_s=1, day_s=10)
    fractions = []
    for _ in range(25):
        fractions.append(round(paths.day_fraction, 6))
        paths.advance()
    assert fractions[:11] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0]
    assert fractions[10:20] == fractions[:10]


def test_symbols_move_together_as_much_as_their_profiles_say() -> None:
    profile = SymbolProfile(volatility=0.3, correlation=0.8, liquidity=1)
    loner = SymbolProfile(volatility=0.3, correlation=0.0, liquidity=1)
    paths = PricePaths([profile, profile, loner], seed=7, interval_s=1, day_s=DAY_S)
    last, moves = [0.0, 0.0, 0.0], ([], [], [])  # type: tuple[list[float], ...], ...
    for _ in range(3 * 20_000):
        index, log_return = paths.advance()
        moves[index].append(log_return - last[index])
        last[index] = log_return
    # Quotes are staggered, so two symbols share all but a third of each interval's common factor.
    assert statistics.correlation(moves[0], moves[1]) == pytest.approx(0.64 * 2 / 3, abs=0.03)
    assert statistics.correlation(moves[0], moves[2]) == pytest.approx(0, abs=0.03)


def test_price_stays_near_its_reference_over_many_days() -> None:
    wild = SymbolProfile(volatility=0.6, correlation=0.5, liquidity=1)
    paths = PricePaths([wild], seed=7, interval_s=60, day_s=DAY_S)
    returns = [paths.advance()[1] for _ in range(200 * DAY_S // 60)]
    assert max(map(abs, returns)) < math.log(1.5)


def test_best_levels_keeps_one_level_of_each_venue() -> None:
    (quote, *_) = make_quotes(1)
    best = best_levels(quote)
    assert [len(venue.bid_prices) for venue in best.venues] == [1, 1, 1, 1, 1, 0]
    assert best.venues[0].ask_prices == quote.venues[0].ask_prices[:1]
    assert (best.symbol, best.sequence, best.national_best_bid) == (
        quote.symbol,
        quote.sequence,
        quote.national_best_bid,
    )


def test_quote_maker_without_instruments_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one instrument"):
        QuoteMaker([], seed=7, interval_s=0.25, day_s=DAY_S)


def test_what_was_traded_is_at_the_touch_in_lots_and_its_volume_is_their_sum() -> None:
    volumes: dict[str, int] = defaultdict(int)
    before: dict[str, Quote] = {}
    for quote in make_quotes(3_000):
        volume = quote.volume
        assert volume is not None
        if volume != volumes[quote.symbol]:
            assert quote.last_price in (quote.national_best_bid, quote.national_best_offer)
            assert quote.last_size > 0 and quote.last_size % 100 == 0
            assert volume == volumes[quote.symbol] + quote.last_size
        elif quote.symbol in before:
            known = before[quote.symbol]
            assert (quote.last_price, quote.last_size) == (known.last_price, known.last_size)
        else:
            assert (quote.last_price, quote.last_size, volume) == (None, 0, 0)
        volumes[quote.symbol], before[quote.symbol] = volume, quote
        best = best_levels(quote)
        assert (best.last_price, best.last_size, best.volume) == (quote.last_price, quote.last_size, volume)
    assert all(volumes[instrument.symbol] > 10_000 for instrument in DEMO)
