"""What a naive router would have paid, against books and sums worked out by hand."""

from decimal import Decimal
from typing import NamedTuple

import pytest

from sor_engine.domain.naive import best_quote
from sor_engine.domain.quality import measure
from sor_engine.domain.quality_evidence import Child, Evidence, Fees, Fill, FirstRoute, Order, Tape
from sor_engine.domain.quality_report import (
    SAVED,
    SAVED_BEST_QUOTE,
    SAVED_BEST_QUOTE_ALL_IN,
    SAVED_LISTING,
    SAVED_LISTING_ALL_IN,
    Cut,
    Report,
)

SECOND = 1_000_000
NO_TAPE = Tape({}, (), 0)
# What each venue asks to take, in dollars a share; the second pays who adds.
TAKE_FEE = {"AAAA": "0.0030", "BBBB": "0.0010", "CCCC": "0.0000"}
Book = dict[str, tuple[tuple[str, int], ...]]


def micros(dollars: str) -> int:
    return int(Decimal(dollars) * 1_000_000)


class Got(NamedTuple):
    """A fill: where, how many, at what price, by a child of which attempt and with what limit."""

    venue: str
    shares: int
    price: str
    attempt: int = 1
    limit: str = ""


def evidence(
    book: Book | None,
    *got: Got,
    side: str = "BUY",
    quantity: int = 1_000,
    limit: str | None = None,
    listing: str = "CCCC",
    asked: int | None = None,
    may_take: bool = True,
) -> Evidence:
    order = Order(
        order_id="order", symbol="AAPL", side=side, quantity=quantity, created_us=0, ended_us=None,
        limit=None if limit is None else micros(limit), listing_venue=listing,
    )  # fmt: skip
    route = None
    if book is not None:
        route = FirstRoute(
            attempt=1,
            quantity=quantity if asked is None else asked,
            limit=order.limit,
            may_take=may_take,
            displayed={
                venue: [(micros(price), size) for price, size in levels] for venue, levels in book.items()
            },
        )
    fees = [
        Fees(venue_id=venue, from_day=0, add_fee=micros(fee), remove_fee=micros(fee))
        for venue, fee in TAKE_FEE.items()
    ]
    return Evidence(
        orders=[order],
        children=[
            Child(
                cl_ord_id=f"child-{number}", order_id="order", venue_id=one.venue, quantity=one.shares,
                limit=micros(one.limit or one.price), created_us=0, attempt=one.attempt,
            )
            for number, one in enumerate(got)
        ],
        fills=[
            Fill(
                order_id="order", venue_id=one.venue, exec_id="1", cl_ord_id=f"child-{number}",
                quantity=one.shares, price=micros(one.price), transact_us=SECOND, received_us=SECOND,
            )
            for number, one in enumerate(got)
        ],
        fees=fees,
        end_us=9 * SECOND,
        first_routes={} if route is None else {"order": route},
    )  # fmt: skip


def saved(report: Report) -> dict[str, Decimal | None]:
    return {figure.name: report.total.sums[figure].dollars for figure in SAVED}


TWO_LEVELS: Book = {
    "AAAA": (("10.00", 100), ("10.03", 900)),
    "BBBB": (("10.00", 50), ("10.01", 500)),
    "CCCC": (("10.02", 2_000),),
}
BIDS: Book = {
    "AAAA": (("9.99", 100), ("9.96", 900)),
    "BBBB": (("9.99", 50), ("9.98", 500)),
    "CCCC": (("9.97", 2_000),),
}


@pytest.mark.parametrize(
    ("what", "found", "by_price", "all_in", "listing", "listing_all_in"),
    [
        # The naive one gets 100 at 10.00 and 200 at 10.03 of AAAA: 3,006; we paid 3,002 at two venues.
        # Fees: ours 100 * 0.0030 + 200 * 0.0010 = 0.50, its 300 * 0.0030 = 0.90. CCCC: 300 * 10.02, no fee.
        ("a buy over two levels", evidence(TWO_LEVELS, Got("AAAA", 100, "10.00"), Got("BBBB", 200, "10.01")),
         "4", "4.4", "4", "3.5"),
        # The same with the signs turned: it gets 100 * 9.99 + 200 * 9.96 = 2,991, we got 2,995.
        ("a sell over two levels",
         evidence(BIDS, Got("AAAA", 100, "9.99"), Got("BBBB", 200, "9.98"), side="SELL"),
         "4", "4.4", "4", "3.5"),
        ("a short sale is a sale",
         evidence(BIDS, Got("AAAA", 100, "9.99"), Got("BBBB", 200, "9.98"), side="SELL_SHORT"),
         "4", "4.4", "4", "3.5"),
        # 50 at BBBB cost a tick of nothing more by price, and 0.10 less in fees.
        ("fees alone turn it", evidence(TWO_LEVELS, Got("BBBB", 50, "10.00")), "0", "0.1", "1", "0.95"),
        # A worse price for a lower fee: 100 * 0.01 lost, 100 * 0.0020 won.
        ("it may lose", evidence(TWO_LEVELS, Got("BBBB", 100, "10.01")), "-1", "-0.8", "1", "0.9"),
        # What both send to the same venue both have as it came, also at another price than was displayed.
        ("the same venue", evidence(TWO_LEVELS, Got("AAAA", 150, "10.01", limit="10.03")),
         "0", "0", "1.5", "1.05"),
        # 100 of AAAA are both's; the 50 others are set against its next level, 10.03.
        ("the same venue and another",
         evidence(TWO_LEVELS, Got("AAAA", 100, "9.99", limit="10.00"), Got("BBBB", 50, "10.00")),
         "1.5", "1.6", "4", "3.65"),
        # A child of a later attempt is not what the naive one would have sent.
        ("the same venue later", evidence(TWO_LEVELS, Got("AAAA", 100, "10.02", attempt=2)),
         "-2", "-2", "0", "-0.3"),
        # One that rests there, short of what is displayed, is not either: it saved the spread.
        ("the same venue, resting", evidence(TWO_LEVELS, Got("AAAA", 100, "9.98")), "2", "2", "4", "3.7"),
        # Locked or crossed, it takes like any other.
        ("a crossed book",
         evidence({"AAAA": (("10.00", 100),), "BBBB": (("9.95", 100),), "CCCC": (("10.00", 100),)},
                  Got("AAAA", 100, "10.00")),
         "-5", "-5.2", "0", "-0.3"),
    ],
)  # fmt: skip
def test_savings_are_those_worked_out_by_hand(
    what: str, found: Evidence, by_price: str, all_in: str, listing: str, listing_all_in: str
) -> None:
    report = measure(found, NO_TAPE)
    assert saved(report) == {
        "saved_best_quote": Decimal(by_price),
        "saved_best_quote_all_in": Decimal(all_in),
        "saved_listing_venue": Decimal(listing),
        "saved_listing_venue_all_in": Decimal(listing_all_in),
    }, what
    assert all(found.missing == 0 for found in (report.total.sums[figure] for figure in SAVED))


def test_basis_points_are_of_what_we_paid() -> None:
    report = measure(evidence(TWO_LEVELS, Got("AAAA", 100, "10.00"), Got("BBBB", 200, "10.01")), NO_TAPE)
    assert report.total.sums[SAVED_BEST_QUOTE].bps == Decimal("13.3245")  # 4 / 3,002


@pytest.mark.parametrize(
    ("what", "found", "short"),
    [
        ("more than it displays", evidence({"AAAA": (("10.00", 99),)}, Got("BBBB", 100, "10.00")), 100),
        ("more than it displays within the limit",
         evidence(TWO_LEVELS, Got("BBBB", 101, "10.01"), limit="10.02", listing="AAAA"), 101),
        ("nothing is displayed", evidence({"AAAA": ()}, Got("BBBB", 10, "10.00")), 10),
        ("nobody is open to it", evidence({}, Got("BBBB", 10, "10.00")), 10),
        # 100 came of 60 that were displayed; of the 10 others it would have found none.
        ("the same venue, hidden shares, and another",
         evidence({"AAAA": (("10.00", 60),)}, Got("AAAA", 100, "10.00"), Got("BBBB", 10, "10.00")), 110),
        ("no book was kept", evidence(None, Got("BBBB", 10, "10.00")), 0),
        ("shares that were asked for later",
         evidence(TWO_LEVELS, Got("BBBB", 40, "10.00"), Got("BBBB", 11, "10.01", attempt=2), asked=50), 0),
        ("an order that may not take", evidence(TWO_LEVELS, Got("BBBB", 10, "10.00"), may_take=False), 0),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_counted_and_never_assumed(what: str, found: Evidence, short: int) -> None:
    filled = sum(fill.quantity for fill in found.fills)
    for figure in (SAVED_BEST_QUOTE, SAVED_BEST_QUOTE_ALL_IN):
        total = measure(found, NO_TAPE).total.sums[figure]
        assert (total.dollars, total.shares, total.missing, total.short) == (None, 0, filled, short), what


def test_all_that_is_displayed_is_enough_and_a_share_more_is_not() -> None:
    book: Book = {"AAAA": (("10.00", 60), ("10.01", 40))}
    enough = measure(evidence(book, Got("BBBB", 100, "10.00")), NO_TAPE).total.sums[SAVED_BEST_QUOTE]
    assert (enough.dollars, enough.missing) == (Decimal("0.4"), 0)
    short = measure(evidence(book, Got("BBBB", 101, "10.00")), NO_TAPE).total.sums[SAVED_BEST_QUOTE]
    assert (short.dollars, short.short) == (None, 101)


def test_a_symbol_whose_listing_venue_is_not_known_is_compared_with_the_best_quote_alone() -> None:
    sums = measure(evidence(TWO_LEVELS, Got("BBBB", 50, "10.00"), listing=""), NO_TAPE).total.sums
    assert sums[SAVED_BEST_QUOTE].shares == 50
    for figure in (SAVED_LISTING, SAVED_LISTING_ALL_IN):
        assert (sums[figure].shares, sums[figure].missing, sums[figure].short) == (0, 50, 0)


def test_a_listing_venue_that_displays_nothing_fills_nothing() -> None:
    found = evidence({"AAAA": (("10.00", 100),)}, Got("BBBB", 50, "10.00"), listing="CCCC")
    assert measure(found, NO_TAPE).total.sums[SAVED_LISTING].short == 50


def test_without_a_schedule_the_price_is_compared_and_the_fees_are_not() -> None:
    found = evidence(TWO_LEVELS, Got("DDDD", 50, "10.00"))
    sums = measure(found, NO_TAPE).total.sums
    assert (sums[SAVED_BEST_QUOTE].dollars, sums[SAVED_BEST_QUOTE].missing) == (Decimal(0), 0)
    assert (sums[SAVED_BEST_QUOTE_ALL_IN].dollars, sums[SAVED_BEST_QUOTE_ALL_IN].missing) == (None, 50)


def test_venues_lines_pair_the_best_shares_with_the_best_displayed() -> None:
    # AAAA displays 100 at 10.00, then 10.03. The 100 at 9.99 meet the first, the dearer the rest.
    found = evidence(TWO_LEVELS, Got("BBBB", 200, "10.01"), Got("CCCC", 100, "9.99"))
    lines = {
        tally.name: tally.sums[SAVED_BEST_QUOTE].dollars
        for tally in measure(found, NO_TAPE, (Cut.VENUE,)).venues
    }
    assert lines["BBBB"] == Decimal(4)
    assert lines["CCCC"] == Decimal(1)


def test_among_equal_prices_the_naive_router_goes_where_most_is_displayed_then_by_name() -> None:
    order = evidence(TWO_LEVELS).orders[0]

    def chosen(book: Book) -> str:
        route = evidence(book).first_routes["order"]
        return best_quote(route, order)

    assert chosen(TWO_LEVELS) == "AAAA"
    assert chosen({"AAAA": (("10.00", 50),), "BBBB": (("10.00", 51),)}) == "BBBB"
    assert chosen({"BBBB": (("10.00", 50),), "AAAA": (("10.00", 50),)}) == "AAAA"
    assert chosen({"AAAA": (), "BBBB": (("10.05", 1),)}) == "BBBB"
    assert chosen({"AAAA": ()}) == ""
