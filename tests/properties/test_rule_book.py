"""What holds for an order follows from the rows alone, however the book came to them and was asked before."""

from hypothesis import given
from hypothesis import strategies as st

from oms_platform.risk_book import RuleBook
from oms_platform.risk_rules import Mode, RuleRow
from oms_platform.scopes import Scope

NAMES = ("", "A", "B")
SCOPES = st.builds(
    Scope,
    firm=st.sampled_from(NAMES),
    desk=st.sampled_from(NAMES),
    symbol=st.sampled_from(NAMES),
    account=st.sampled_from(NAMES),
)
THINGS = [
    Scope(firm=firm, desk=desk, symbol=symbol, account=account)
    for firm in "AB"
    for desk in "AB"
    for symbol in "AB"
    for account in "AB"
]
ROWS = st.builds(
    RuleRow,
    rule=st.sampled_from(("ORDER_QTY_EXCEEDS_MAX", "PRICE_OUTSIDE_COLLAR", "OPEN_ORDERS_EXCEEDED")),
    scope=SCOPES,
    mode=st.sampled_from((None, Mode.ON, Mode.SHADOW, Mode.OFF)),
    parameters=st.sampled_from(({"quantity_max": 1}, {"quantity_max": 2}, {"open_max": 1}, {})),
)


@given(st.lists(st.tuples(ROWS, st.booleans()), max_size=12))
def test_a_book_that_was_asked_and_changed_says_what_a_new_one_says(
    changes: list[tuple[RuleRow, bool]],
) -> None:
    book = RuleBook()
    for row, removed in changes:
        book.take(row, removed=removed)
        new = RuleBook(book.rows)
        for thing in THINGS:
            assert book.settings(thing) == new.settings(thing)
            assert book.asked(thing) == new.asked(thing)
