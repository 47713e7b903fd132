"""An account's day: where it begins, its peak, what a restart leaves of it, and what its losses set off."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.days import (
    PEAK_GROWN_MIN,
    PEAK_STORED_EVERY,
    WORTH_STORED_EVERY,
    AccountDay,
    Days,
    LossWatch,
)
from oms_core.domain.touch import TouchPrices
from oms_core.ports import Opening, UnitOfWork
from oms_platform.ids import uuid7
from oms_platform.kill_switches import Kills, Stage, Trigger, TriggerKind, TriggerMode
from oms_platform.market_rules import rules_date
from oms_platform.prices import MICROS
from oms_platform.scopes import Scope
from oms_platform.vocabulary import Side
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, LIMITS, Scene, rule

DOLLAR = MICROS
LOSSES = (
    *LIMITS,
    rule("DAILY_LOSS_EXCEEDED", loss_max=1_000 * DOLLAR),
    rule("DRAWDOWN_EXCEEDED", drawdown_max=2_000 * DOLLAR),
)
TODAY = rules_date(NOW)


@pytest.fixture
def scene() -> Scene:
    """A core whose account holds 300 AAPL, bought at 100 at a mark of 100, and whose day has begun."""
    scene = Scene(limits=LOSSES)
    scene.step()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300)
    scene.step(1)
    return scene


def mark(scene: Scene, dollars: int, seconds: float = 1) -> None:
    """Let the market be at a price, and core look at it."""
    price = dollars * DOLLAR
    scene.quotes.quote = TouchPrices(bid_micros=price - 10_000, offer_micros=price + 10_000)
    scene.step(seconds)


def denial(scene: Scene, **changes: Any) -> str:
    """Return why an order of now is denied, empty if it is not; one that is taken is canceled."""
    changes.setdefault("quantity", 1)
    changes.setdefault("limit_price_micros", scene.quotes.quote.offer_micros)
    order_id = scene.order(**changes)
    denied = scene.store.events[order_id][0].order_denied
    scene.cancel(order_id)
    return "" if denied is None else denied.denial


def stored(scene: Scene) -> AccountDay:
    """Return what is stored of the account's day."""
    return scene.store.days[ACCOUNT, scene.core.desk.days.trade_date or TODAY]


def test_who_has_lost_enough_opens_nothing_more_and_closes_whatever_he_holds(scene: Scene) -> None:
    assert stored(scene).opening_micros == 0
    mark(scene, 97)
    assert denial(scene) == ""
    mark(scene, 96)
    assert denial(scene) == "DAILY_LOSS_EXCEEDED: loss=1200.00, limit=1000.00"
    assert denial(scene, side=Side.SELL, quantity=300, limit_price_micros=scene.quotes.quote.bid_micros) == ""
    mark(scene, 98)
    assert denial(scene) == ""


def test_what_was_won_and_given_back_is_held_to_the_peak_of_the_day(scene: Scene) -> None:
    mark(scene, 110)
    mark(scene, 104)
    assert denial(scene) == ""
    mark(scene, 103)
    assert denial(scene) == "DRAWDOWN_EXCEEDED: peak=3000.00, now=900.00, limit=2000.00"


def test_a_new_peak_leaves_the_whole_drawdown_from_there(scene: Scene) -> None:
    mark(scene, 101)
    scene.quotes.quote = TouchPrices(bid_micros=105 * DOLLAR, offer_micros=105 * DOLLAR)
    scene.now += timedelta(milliseconds=1)
    # Nobody has looked at the account since the market moved.
    order_id = scene.order(quantity=1, limit_price_micros=105 * DOLLAR)
    accepted = scene.store.events[order_id][0].order_accepted
    assert accepted is not None
    (check,) = [one for one in accepted.checks if one.rule == "DRAWDOWN_EXCEEDED"]
    assert (check.value, check.headroom) == ("0.00", "2000.00")


def test_a_core_that_begins_anew_goes_on_from_the_same_beginning_and_peak(scene: Scene) -> None:
    mark(scene, 110, 6)
    assert stored(scene).peak_micros == 3_000 * DOLLAR
    mark(scene, 101)
    scene.start()
    scene.step(1)
    assert denial(scene).startswith("DRAWDOWN_EXCEEDED: peak=3000.00, now=300.00")
    mark(scene, 96)
    scene.start()
    scene.step()
    assert denial(scene).startswith("DAILY_LOSS_EXCEEDED: loss=1200.00")


def test_a_batch_that_is_taken_apart_is_held_to_the_same_day() -> None:
    refused: list[int] = []

    def once(unit: UnitOfWork) -> str | None:
        if unit.events and armed and not refused:
            refused.append(1)
            return "refused once"
        return None

    armed: list[int] = []
    scene = Scene(limits=LOSSES, refuses=once)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300)
    mark(scene, 97)
    armed.append(1)
    assert denial(scene) == "" and refused
    mark(scene, 96)
    refused.clear()
    assert denial(scene).startswith("DAILY_LOSS_EXCEEDED: loss=1200.00") and refused


def test_the_next_day_begins_at_what_the_account_is_worth_then(scene: Scene) -> None:
    mark(scene, 96)
    assert denial(scene) != ""
    mark(scene, 96, 24 * 3600)
    assert rules_date(scene.now) != TODAY
    assert stored(scene).opening_micros == -1_200 * DOLLAR
    assert denial(scene) == ""
    mark(scene, 92)
    assert denial(scene).startswith("DAILY_LOSS_EXCEEDED: loss=1200.00")


def test_a_gap_over_night_is_lost_or_won_in_the_day_that_opens_with_it(scene: Scene) -> None:
    quote = scene.quotes.quote
    mark(scene, 101)
    # Nobody quotes over night; the market opens 5 dollars lower than it was last seen.
    scene.quotes.quote = TouchPrices()
    scene.step(16 * 3600)
    assert rules_date(scene.now) != TODAY
    mark(scene, 96)
    assert stored(scene).opening_micros == 300 * DOLLAR
    assert denial(scene) == "DAILY_LOSS_EXCEEDED: loss=1500.00, limit=1000.00"
    # What only closes goes on, and a recovery lets all go on.
    scene.quotes.quote = quote
    scene.step(1)
    assert denial(scene) == ""


@pytest.mark.parametrize("looked", [61, 3600])
def test_a_core_that_was_away_over_night_and_a_weekend_begins_the_day_where_the_last_one_was_seen(
    scene: Scene, looked: int
) -> None:
    mark(scene, 101, looked)
    scene.quotes.quote = TouchPrices()
    scene.now += timedelta(days=3)
    scene.start()
    scene.step(1)
    mark(scene, 96)
    assert stored(scene).opening_micros == 300 * DOLLAR
    assert denial(scene) == "DAILY_LOSS_EXCEEDED: loss=1500.00, limit=1000.00"


def test_a_day_that_was_long_ago_says_nothing_of_this_one(scene: Scene) -> None:
    mark(scene, 101, 61)
    scene.now += timedelta(days=11)
    scene.start()
    mark(scene, 96)
    assert stored(scene).opening_micros == -1_200 * DOLLAR
    assert denial(scene) == ""


def test_what_is_brought_in_before_the_first_look_of_a_day_is_neither_won_nor_lost(scene: Scene) -> None:
    mark(scene, 101)
    scene.quotes.quote = TouchPrices()
    scene.step(16 * 3600)
    opening = Opening(
        action_id=uuid7(), account_id=ACCOUNT, symbol="AAPL", quantity=1_300, cost_micros=1_300 * 90 * DOLLAR
    )
    scene.store.take_action(opening)
    # A core that ends before it has seen a mark has not forgotten it.
    scene.step(1)
    scene.start()
    scene.step(1)
    held = scene.core.desk.position(ACCOUNT, "AAPL")
    assert held.quantity == 1_300
    mark(scene, 90)
    brought = 1_300 * 90 - 300 * 100
    assert stored(scene).opening_micros == (300 + brought) * DOLLAR


def test_a_day_that_nobody_knows_the_beginning_of_denies_what_opens() -> None:
    scene = Scene(limits=(*LIMITS, rule("DAILY_LOSS_EXCEEDED", loss_max=1_000 * DOLLAR)))
    quote, scene.quotes.quote = scene.quotes.quote, TouchPrices()
    scene.step()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300)
    scene.step(24 * 3600)
    unmarked = "INPUT_MISSING: rule=DAILY_LOSS_EXCEEDED, missing="
    assert denial(scene, limit_price_micros=PRICE) == f"{unmarked}worth at the day's beginning"
    assert denial(scene, side=Side.SELL, limit_price_micros=PRICE) == ""
    scene.quotes.quote = quote
    scene.step(0.3)
    assert denial(scene) == ""
    scene.quotes.quote = TouchPrices()
    scene.step(0.3)
    assert denial(scene, limit_price_micros=PRICE) == f"{unmarked}mark of AAPL"


def test_a_peak_is_stored_when_it_has_grown_enough_and_not_at_once_again() -> None:
    days = Days()
    days.begin(TODAY)
    assert days.look(ACCOUNT, 0, NOW) is not None
    for seconds, worth, kept in (
        (1, 10 * PEAK_GROWN_MIN, None),
        (PEAK_STORED_EVERY.total_seconds(), 9 * PEAK_GROWN_MIN, 10 * PEAK_GROWN_MIN),
        (50, 10 * PEAK_GROWN_MIN + PEAK_GROWN_MIN - 1, None),
        (51, 11 * PEAK_GROWN_MIN, 11 * PEAK_GROWN_MIN),
        (51, 99 * PEAK_GROWN_MIN, None),
    ):
        found = days.look(ACCOUNT, worth, NOW + timedelta(seconds=seconds))
        assert (None if found is None else found.peak_micros) == kept, seconds


def test_what_an_account_is_worth_is_stored_each_minute_in_which_it_has_changed() -> None:
    days, minute = Days(), WORTH_STORED_EVERY.total_seconds()
    days.begin(TODAY)
    assert days.look(ACCOUNT, 0, NOW) is not None
    for seconds, worth, is_stored in (
        (minute - 1, -5, False), (minute, -5, True), (minute + 1, -6, False), (3 * minute, -5, False),
        (3 * minute + 1, -7, True),
    ):  # fmt: skip
        found = days.look(ACCOUNT, worth, NOW + timedelta(seconds=seconds))
        assert (found is not None) is is_stored, seconds
        assert found is None or found.last_micros == worth


def test_the_days_of_a_firm_are_summed_by_the_firm_that_accounts_are_of() -> None:
    days = Days()
    days.begin(TODAY)
    for account, opening, now in (("A", 100, 70), ("B", 0, 5), ("C", 0, -7)):
        days.look(account, opening, NOW)
        days.look(account, now, NOW)
    days.recount(lambda account: "F" if account != "C" else "G")
    assert dict(days.firms) == {"F": -25, "G": -7}
    assert days.sum_of(["A", "C", "nobody"]) == -37
    days.begin(TODAY + timedelta(days=1))
    assert days.sum_of(["A", "C"]) == 0 and not days.firms and days.of("A") is None


# ---- kill switches


def trigger(**changes: Any) -> Trigger:
    """Return a trigger by a loss of 1,000 dollars."""
    values: dict[str, Any] = {
        "trigger_id": UUID(int=5),
        "kind": TriggerKind.LOSS.name,
        "scope": Scope(account=ACCOUNT),
        "threshold": 1_000,
        "window_s": 60,
        "stage": Stage.BLOCK,
        "mode": TriggerMode.ON.name,
    }
    return Trigger(**(values | changes))


@pytest.mark.parametrize(
    "scope", [Scope(account=ACCOUNT), Scope(firm="FIRM"), Scope(desk="DESK"), Scope(firm="FIRM", desk="DESK")]
)
def test_a_loss_sets_the_switch_of_its_scope_and_says_how_much_it_was(scene: Scene, scope: Scope) -> None:
    scene.kills.kills = Kills(triggers=(trigger(scope=scope),))
    mark(scene, 97)
    assert scene.kills.asked == []
    mark(scene, 96)
    (asked,) = scene.kills.asked
    assert asked.scope == scope
    assert asked.figures == "lost 1200 dollars of the day, threshold 1000"
    mark(scene, 95)
    assert len(scene.kills.asked) == 1


@pytest.mark.parametrize("scope", [Scope(account="ACC-2"), Scope(firm="ANOTHER"), Scope(desk="ANOTHER")])
def test_a_loss_of_others_sets_nothing(scene: Scene, scope: Scope) -> None:
    scene.kills.kills = Kills(triggers=(trigger(scope=scope),))
    mark(scene, 50)
    assert scene.kills.asked == []


def test_what_was_lost_before_a_release_does_not_set_the_switch_again(scene: Scene) -> None:
    scene.kills.kills = Kills(triggers=(trigger(),))
    mark(scene, 96)
    scene.kills.kills = Kills(triggers=(trigger(is_set=True),))
    mark(scene, 95, 100)
    scene.kills.kills = Kills(triggers=(trigger(released_at=scene.now),))
    mark(scene, 95, 100)
    mark(scene, 92, 100)
    assert len(scene.kills.asked) == 1
    # Another 1,000 dollars than at the release.
    mark(scene, 91, 100)
    assert len(scene.kills.asked) == 2
    assert scene.kills.asked[1].figures == "lost 1200 dollars of the day, threshold 1000"


def test_a_core_with_a_part_of_the_accounts_holds_its_part_of_a_firms_loss(scene: Scene) -> None:
    scene.core.desk.share = (2, 4)
    scene.kills.kills = Kills(triggers=(trigger(scope=Scope(firm="FIRM")), trigger(trigger_id=UUID(int=6))))
    mark(scene, 98)
    (asked,) = scene.kills.asked
    assert asked.scope == Scope(firm="FIRM")
    assert asked.figures == "lost 600 dollars of the day, threshold 500"


def test_a_loss_counts_from_the_release_of_its_day_only() -> None:
    watch, yesterday = LossWatch(), TODAY - timedelta(days=1)
    one = trigger(released_at=NOW)

    def lost(pnl: int, released: date | None) -> int:
        return watch.lost(one, pnl, TODAY, released)

    assert (lost(-5, None), lost(-5, yesterday), lost(-5, TODAY), lost(-9, TODAY)) == (5, 5, 0, 4)
    assert watch.lost(replace(one, is_set=True), -9, TODAY, TODAY) == 4
    assert watch.lost(replace(one, released_at=NOW + timedelta(1)), -9, TODAY, TODAY) == 0
