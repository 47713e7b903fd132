"""What verdicts keep is kept no longer than what it follows from: a book, an account, an instrument, a mark.

Each asks for a verdict, so that all that is kept is there, changes one thing, and asks again.
"""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from oms_core.domain.desk import Desk
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountTerms, InstrumentTerms, RuleBook
from oms_core.domain.touch import TouchPrices
from oms_core.handlers import Core, verdict_now
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, LIMITS, FixedQuotes, rule

WIDE = 10**15
SECTOR, GROSS = "SECTOR_EXPOSURE_EXCEEDED", "GROSS_EXPOSURE_EXCEEDED"
ORDER = OrderTerms(
    account_id=ACCOUNT,
    channel="API",
    client_order_id="c-1",
    principal="ada",
    symbol="AAPL",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    quantity=1,
    limit_price_micros=PRICE,
)


@pytest.fixture
def core() -> Core:
    """A core whose account holds 100 of each of two symbols of one sector."""
    desk = Desk(
        rules=RuleBook((*LIMITS, rule(SECTOR, sector_max=WIDE), rule(GROSS, gross_max=WIDE))),
        accounts={ACCOUNT: AccountTerms(account_id=ACCOUNT, desk="ONE")},
        instruments={
            symbol: InstrumentTerms(symbol=symbol, active=True, sector="TECH") for symbol in ("AAPL", "MSFT")
        },
    )
    for symbol in desk.instruments:
        desk.keep_position(ACCOUNT, symbol, Position(quantity=100, cost_micros=100 * PRICE))
    return Core(desk=desk, store=None, quotes=FixedQuotes(touch(PRICE)))  # type: ignore[arg-type]


def touch(price: int) -> TouchPrices:
    """Return a quote whose middle is a price."""
    return TouchPrices(bid_micros=price - 10_000, offer_micros=price + 10_000)


def found(core: Core, name: str, after_s: float = 0) -> tuple[object, object, str]:
    """Return the value and the bound of a rule, and for which scope the bound is set."""
    results = verdict_now(core, ORDER, NOW + timedelta(seconds=after_s)).results
    one = next(one for one in results if one.setting.spec.name == name)
    return one.finding.value, one.finding.bound, one.setting.source


def test_a_changed_limit_holds_for_the_next_order(core: Core) -> None:
    assert found(core, GROSS)[1:] == (WIDE, "everything")
    core.desk.rules.take(rule(GROSS, gross_max=7))
    assert found(core, GROSS)[1:] == (7, "everything")
    own = rule(GROSS, Scope(account=ACCOUNT), gross_max=8)
    core.desk.rules.take(own)
    assert found(core, GROSS)[1:] == (8, f"account={ACCOUNT}")
    core.desk.rules.take(own, removed=True)
    assert found(core, GROSS)[1:] == (7, "everything")
    core.desk.rules.take(own)
    assert found(core, GROSS)[1:] == (8, f"account={ACCOUNT}")


def test_another_book_holds_for_the_next_order(core: Core) -> None:
    found(core, GROSS)
    core.desk.rules = RuleBook((*LIMITS, rule(GROSS, gross_max=9)))
    assert found(core, GROSS)[1:] == (9, "everything")


def test_a_rule_that_nobody_has_set_any_more_is_not_asked(core: Core) -> None:
    found(core, GROSS)
    core.desk.rules.take(rule(GROSS, EVERYTHING), removed=True)
    assert GROSS not in [one.setting.spec.name for one in verdict_now(core, ORDER, NOW).results]


def test_an_account_of_another_desk_is_held_to_that_desks_limits(core: Core) -> None:
    for name, bound in (("ONE", 1), ("TWO", 2)):
        core.desk.rules.take(rule(GROSS, Scope(desk=name), gross_max=bound))
    assert found(core, GROSS)[1:] == (1, "desk=ONE")
    core.desk.keep_accounts({ACCOUNT: AccountTerms(account_id=ACCOUNT, desk="TWO")})
    assert found(core, GROSS)[1:] == (2, "desk=TWO")


def test_a_symbol_of_another_sector_counts_in_that_one(core: Core) -> None:
    assert found(core, SECTOR)[0] == 201 * PRICE
    moved = replace(core.desk.instruments["MSFT"], sector="BANKS")
    core.desk.instruments = {**core.desk.instruments, "MSFT": moved}
    assert found(core, SECTOR)[0] == 101 * PRICE
    core.desk.instruments = {"AAPL": replace(core.desk.instruments["AAPL"], sector="BANKS"), "MSFT": moved}
    assert found(core, SECTOR)[0] == 201 * PRICE


def test_positions_are_worth_what_they_are_when_the_order_comes(core: Core) -> None:
    assert found(core, GROSS)[0] == 201 * PRICE
    core.quotes.quote = touch(2 * PRICE)  # type: ignore[attr-defined]
    assert found(core, GROSS, after_s=1)[0] == 401 * PRICE
    core.desk.keep_position(ACCOUNT, "MSFT", Position(quantity=50, cost_micros=50 * PRICE))
    assert found(core, GROSS, after_s=1)[0] == 301 * PRICE
