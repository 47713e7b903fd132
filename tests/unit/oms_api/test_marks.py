"""Marks: whatever quotes do, the last good one stands, and says that it is stale; it is never a silent 0."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.marks import Mark, MarkBook, MarkSource, Quoted

NOW = datetime(2026, 11, 2, 15, tzinfo=UTC)
REFERENCE = 100_000_000
GOOD = Quoted(bid_micros=99_990_000, offer_micros=100_010_001, quoted_at=NOW)
MARKED = Mark(micros=100_000_000, source=MarkSource.QUOTE, at=NOW)
BAD = [
    (None, "missing"),
    (Quoted(bid_micros=None, offer_micros=REFERENCE, quoted_at=NOW), "missing"),
    (Quoted(bid_micros=REFERENCE, offer_micros=None, quoted_at=NOW), "missing"),
    (Quoted(bid_micros=0, offer_micros=REFERENCE, quoted_at=NOW), "missing"),
    (Quoted(bid_micros=REFERENCE + 1, offer_micros=REFERENCE, quoted_at=NOW), "crossed"),
    (Quoted(bid_micros=149_999_999, offer_micros=150_000_003, quoted_at=NOW), "absurd"),
    (Quoted(bid_micros=1, offer_micros=99_999_997, quoted_at=NOW), "absurd"),
]


def book() -> MarkBook:
    return MarkBook(age_max=timedelta(seconds=10), off_bps_max=5_000)


def test_a_good_quote_is_marked_by_its_middle() -> None:
    assert book().mark("S", GOOD, REFERENCE, NOW) == MARKED
    assert book().mark("S", GOOD, None, NOW) == MARKED
    locked = Quoted(bid_micros=7, offer_micros=7, quoted_at=NOW)
    assert book().mark("S", locked, None, NOW).micros == 7


@pytest.mark.parametrize(("quoted", "reason"), BAD)
def test_a_bad_quote_leaves_the_last_good_mark_or_the_reference_and_says_why(
    quoted: Quoted | None, reason: str
) -> None:
    marks = book()
    first = marks.mark("S", quoted, REFERENCE, NOW)
    assert first == Mark(micros=REFERENCE, source=MarkSource.REFERENCE, reason=reason)
    assert marks.mark("S", GOOD, REFERENCE, NOW) == MARKED
    after = marks.mark("S", quoted, REFERENCE, NOW)
    assert after == Mark(micros=100_000_000, source=MarkSource.STALE, at=NOW, reason=reason)
    assert after.stale
    assert not MARKED.stale


def test_without_a_quote_and_a_reference_there_is_no_mark() -> None:
    assert book().mark("S", None, None, NOW) == Mark(reason="missing")


@pytest.mark.parametrize(("age_s", "source"), [(10, MarkSource.QUOTE), (10.001, MarkSource.STALE)])
def test_an_old_quote_is_stale(age_s: float, source: MarkSource) -> None:
    found = book().mark("S", GOOD, REFERENCE, NOW + timedelta(seconds=age_s))
    assert (found.source, found.micros, found.at) == (source, 100_000_000, NOW)
    assert found.reason == ("" if source is MarkSource.QUOTE else "old")


def test_a_quote_from_before_the_last_one_does_not_move_the_mark() -> None:
    marks = book()
    marks.mark("S", GOOD, REFERENCE, NOW)
    older = Quoted(bid_micros=1, offer_micros=2 * REFERENCE, quoted_at=NOW - timedelta(seconds=1))
    assert marks.mark("S", older, REFERENCE, NOW) == MARKED


PRICES = st.none() | st.integers(-1, 10**9)


@given(
    st.lists(st.tuples(st.none() | st.builds(Quoted, bid_micros=PRICES, offer_micros=PRICES,
                                             quoted_at=st.just(NOW)))),
    st.none() | st.integers(0, 10**9),
)  # fmt: skip
def test_a_mark_is_above_0_or_there_is_none(
    quotes: list[tuple[Quoted | None]], reference: int | None
) -> None:
    marks = book()
    for (quoted,) in quotes:
        found = marks.mark("S", quoted, reference, NOW)
        assert (found.micros is None) == (found.source is MarkSource.NONE)
        assert found.micros is None or found.micros > 0
        assert found.stale == bool(found.reason)
