"""What executions are charged, by whom and when; and what a core makes of it with each of them."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from oms_core.domain.fees import FEE_MAX, Charge, ChargeKind, FeeBook, VenueFees
from oms_core.domain.positions import Position
from oms_platform.vocabulary import ExecType, Side
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene

DAY = date(2026, 11, 2)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
REGULATORY, COMMISSION = ChargeKind.REGULATORY, ChargeKind.COMMISSION


def venue(effective_from: date = BEFORE, **more: Any) -> VenueFees:
    return VenueFees(
        venue_id="XNYS", effective_from=effective_from, added_micros=-2_000, removed_micros=3_000, **more
    )


def charge(name: str = "sales-fee", kind: ChargeKind = REGULATORY, **more: Any) -> Charge:
    more.setdefault("effective_from", BEFORE)
    return Charge(name=name, kind=kind, **more)


def fee(book: FeeBook, **terms: Any) -> int:
    """Return what 300 shares at 100 dollars are charged that were bought on DAY."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT, "venue_id": "XNYS", "side": Side.BUY, "quantity": 300, "price_micros": PRICE,
        "last_liquidity": 2, "day": DAY,
    }  # fmt: skip
    return book.fee(**(values | terms))


@pytest.mark.parametrize(
    ("last_liquidity", "a_share"), [(1, -2_000), (2, 3_000), (3, 3_000), (4, 3_000), (0, 3_000), (9, 3_000)]
)
def test_a_venue_takes_for_removing_unless_it_says_that_shares_were_added(
    last_liquidity: int, a_share: int
) -> None:
    assert fee(FeeBook([venue()]), last_liquidity=last_liquidity) == 300 * a_share


def test_what_is_routed_on_or_trades_in_an_auction_may_have_a_fee_of_its_own() -> None:
    book = FeeBook([venue(routed_micros=4_000, auction_micros=0)])
    assert [fee(book, last_liquidity=code) for code in (3, 4)] == [1_200_000, 0]


def test_the_schedule_of_the_day_counts_and_that_of_no_other_venue() -> None:
    book = FeeBook([venue(BEFORE), venue(AFTER, routed_micros=1)])
    later = FeeBook([venue(BEFORE), VenueFees(venue_id="XNYS", effective_from=DAY, added_micros=0,
                                              removed_micros=1)])  # fmt: skip
    assert (fee(book), fee(later), fee(later, day=BEFORE)) == (900_000, 300, 900_000)
    assert (fee(book, day=BEFORE - timedelta(days=1)), fee(book, venue_id="XNAS")) == (0, 0)


@pytest.mark.parametrize(
    ("row", "bought", "sold"),
    [
        # 0.278 basis points of 30,000 dollars.
        ({"rate": 278_000}, 834_000, 834_000),
        ({"rate": 278_000, "side": Side.SELL}, 0, 834_000),
        ({"share_micros": 166}, 49_800, 49_800),
        ({"share_micros": 166, "least_micros": 50_000}, 50_000, 50_000),
        ({"share_micros": 166, "most_micros": 9}, 9, 9),
        ({"share_micros": 166, "venue_id": "XNAS"}, 0, 0),
        ({"share_micros": 166, "account_id": "OTHER"}, 0, 0),
        ({"share_micros": 166, "effective_from": AFTER}, 0, 0),
        ({"share_micros": 166, "ends_on": DAY}, 0, 0),
        ({"share_micros": 166, "ends_on": AFTER}, 49_800, 49_800),
    ],
)
def test_a_charge_is_of_what_it_names(row: dict[str, Any], bought: int, sold: int) -> None:
    book = FeeBook(charges=[charge(**row)])
    assert fee(book) == bought
    for side in (Side.SELL, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT):
        assert fee(book, side=side) == sold


@pytest.mark.parametrize(("notional", "micros"), [(5_000, 0), (5_001, 1), (15_000, 2), (25_000, 2)])
def test_a_charge_is_rounded_half_to_even_to_the_micro(notional: int, micros: int) -> None:
    # A basis point of 10,000 micros is 1.
    book = FeeBook(charges=[charge(rate=1_000_000)])
    assert fee(book, quantity=1, price_micros=notional) == micros


def test_each_charge_is_rounded_by_itself() -> None:
    book = FeeBook(charges=[charge(name, rate=1_000_000) for name in ("one", "two")])
    assert fee(book, quantity=1, price_micros=5_001) == 2


def test_the_newest_row_of_a_name_counts_and_names_add_up() -> None:
    rows = [charge(share_micros=1), charge(share_micros=2, effective_from=DAY), charge("tax", share_micros=4)]
    assert fee(FeeBook(charges=rows)) == 300 * 6
    assert fee(FeeBook(charges=rows), day=BEFORE) == 300 * 5


def test_a_commission_of_its_own_stands_in_place_of_everybodys() -> None:
    rows = [
        charge("all", COMMISSION, share_micros=10),
        charge("fund", COMMISSION, share_micros=1, account_id=ACCOUNT),
        charge(share_micros=100),
    ]
    assert fee(FeeBook(charges=rows)) == 300 * 101
    assert fee(FeeBook(charges=rows), account_id="OTHER") == 300 * 110


def test_no_shares_are_charged_nothing_and_no_fee_is_too_large_to_be_stored() -> None:
    book = FeeBook(charges=[charge(least_micros=5, rate=10**12)])
    assert fee(book, quantity=0) == 0
    assert fee(book, quantity=10**9, price_micros=10**17) == FEE_MAX


BOOK = FeeBook([venue()], [charge(rate=278_000, side=Side.SELL)])


def charged(calendar_days: int = 0, **more: Any) -> Scene:
    scene = Scene(now=NOW + timedelta(days=calendar_days), **more)
    scene.store.set_fees(BOOK)
    scene.step()
    return scene


def placed(scene: Scene, **changes: Any) -> Any:
    order_id = scene.order(**changes)
    scene.place(order_id, ("XNYS", 300))
    return order_id


def position(scene: Scene) -> Position:
    return scene.store.positions[ACCOUNT, "AAPL"]


def test_a_fill_is_stored_with_its_fee_which_is_in_the_position_and_in_the_cash_of_its_day() -> None:
    scene = charged()
    scene.fill(placed(scene), 300, last_liquidity=1)
    trade = scene.store.executions[0].trade_applied
    assert trade is not None
    assert (trade.fee_micros, trade.settles_on, trade.last_liquidity) == (-600_000, "2026-11-03", 1)
    assert position(scene).fees_micros == -600_000
    assert position(scene).net_cash_micros == -300 * PRICE
    assert scene.store.cash == {(ACCOUNT, "2026-11-03"): -300 * PRICE + 600_000}


def test_a_bust_gives_the_fee_back_and_a_correction_takes_that_of_the_trades_own_day() -> None:
    scene = charged()
    first, second = placed(scene), placed(scene)
    scene.fill(first, 300, exec_id="E1")
    scene.fill(second, 200, exec_id="E2", last_liquidity=1)
    scene.now += timedelta(days=3)
    scene.store.set_fees(FeeBook([venue(), VenueFees(venue_id="XNYS", effective_from=AFTER, added_micros=7,
                                                     removed_micros=9)]))  # fmt: skip
    scene.step()
    scene.bust(first, "E1")
    scene.correct(second, "E2", 100, exec_id="C1")
    assert position(scene).fees_micros == -200_000
    scene.correct(second, "C1", 150, exec_id="C2")
    assert position(scene).fees_micros == -300_000
    assert scene.store.cash == {(ACCOUNT, "2026-11-03"): -150 * PRICE + 300_000}
    scene.bust(second, "E2")
    assert position(scene) == Position()
    assert scene.store.cash == {(ACCOUNT, "2026-11-03"): 0}


def test_a_core_that_begins_anew_gives_back_what_was_charged() -> None:
    scene = charged()
    order_id = placed(scene, side=Side.SELL)
    scene.fill(order_id, 300, exec_id="E1", side=Side.SELL)
    scene.correct(order_id, "E1", 100, exec_id="C1", side=Side.SELL)
    scene.store.set_fees(FeeBook())
    scene.start()
    scene.bust(order_id, "E1", side=Side.SELL)
    assert position(scene).fees_micros == 0
    assert scene.store.cash == {(ACCOUNT, "2026-11-03"): 0}


def test_a_report_that_comes_again_after_the_schedule_has_changed_is_a_repeat() -> None:
    scene = charged()
    order_id = placed(scene)
    report = scene.fill(order_id, 100, exec_id="E1")
    scene.store.set_fees(FeeBook())
    scene.now += timedelta(seconds=1)
    scene.report(order_id, ExecType.TRADE, exec_id="E1", last_qty=100, last_px_micros=PRICE,
                 trade_date=report.trade_date)  # fmt: skip
    assert (scene.exceptions(), position(scene).fees_micros) == ([], 300_000)


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_a_day_that_cannot_be_is_the_day_on_which_the_trade_came(year: int) -> None:
    scene = charged()
    order_id = placed(scene)
    at = datetime(year, 12 if year > 1 else 1, 31 if year > 1 else 1, tzinfo=NOW.tzinfo)
    scene.fill(order_id, 100, exec_id="E1", transact_time=at)
    scene.bust(order_id, "E1")
    assert scene.store.cash == {(ACCOUNT, "2026-11-03"): 0}
    assert position(scene).fees_micros == 0
