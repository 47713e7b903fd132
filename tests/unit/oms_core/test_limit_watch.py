"""Watched limits: what is watched is what orders are held to, and core keeps its alerts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from oms_core.domain.desk import Desk
from oms_core.domain.limit_watch import LAP_EVERY, LimitWatch
from oms_core.domain.positions import Position
from oms_core.domain.risk import RULES, AccountTerms, InstrumentTerms, RuleBook
from oms_core.domain.risk.standing import kinds_in_use, look_at_account, look_at_firm
from oms_core.domain.touch import TouchPrices
from oms_platform.ids import uuid7
from oms_platform.messages import RiskAlert
from oms_platform.risk_rules import RULE_SPECS, Mode, RuleRow, Watched
from oms_platform.scopes import Scope
from oms_platform.trading_calendar import Calendar, Hours, Session
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, LIMITS, Scene, rule

DOLLAR = 1_000_000
ALL = tuple(
    rule(name, **{parameter: 1_000 * DOLLAR})
    for name, parameter in (
        ("BUYING_POWER_EXCEEDED", "buying_power"),
        ("FIRM_CREDIT_EXCEEDED", "credit"),
        ("GROSS_EXPOSURE_EXCEEDED", "gross_max"),
        ("NET_EXPOSURE_EXCEEDED", "net_max"),
        ("SYMBOL_EXPOSURE_EXCEEDED", "symbol_max"),
        ("SECTOR_EXPOSURE_EXCEEDED", "sector_max"),
    )
)
SYMBOLS = ("A", "B", "C")
MARKS = {"A": 10 * DOLLAR, "B": 20 * DOLLAR, "C": 7 * DOLLAR}


def desk(positions: dict[str, int], rows: tuple[RuleRow, ...] = ALL) -> Desk:
    found = Desk(rules=RuleBook(rows), owns=lambda account: account == "X")
    found.instruments = {
        name: InstrumentTerms(symbol=name, active=True, sector="S1" if name < "C" else "S2")
        for name in SYMBOLS
    }
    found.keep_accounts({"X": AccountTerms(account_id="X")})
    for symbol, quantity in positions.items():
        cost = quantity * MARKS[symbol]
        found.keep_position("X", symbol, Position(quantity=quantity, cost_micros=cost))
    return found


def standings(found: Desk, marks: dict[str, int] = MARKS) -> dict[tuple[str, str], int]:
    look = look_at_account(found, found.accounts["X"], marks.get, RULES, kinds_in_use(found))
    return {(one.rule, one.scope.symbol or one.scope.sector): one.value // DOLLAR for one in look.standings}


def test_each_watched_rule_is_asked_for_what_it_is_of() -> None:
    assert standings(desk({"A": 10, "B": -5, "C": 100})) == {
        ("BUYING_POWER_EXCEEDED", ""): 900,
        ("GROSS_EXPOSURE_EXCEEDED", ""): 900,
        ("NET_EXPOSURE_EXCEEDED", ""): 700,
        ("SYMBOL_EXPOSURE_EXCEEDED", "A"): 100,
        ("SYMBOL_EXPOSURE_EXCEEDED", "B"): 100,
        ("SYMBOL_EXPOSURE_EXCEEDED", "C"): 700,
        ("SECTOR_EXPOSURE_EXCEEDED", "S1"): 200,
        ("SECTOR_EXPOSURE_EXCEEDED", "S2"): 700,
    }
    firm = look_at_firm(desk({"A": 10}), "FIRM", RULES).standings
    assert [(one.rule, one.value // DOLLAR, one.scope) for one in firm] == [
        ("FIRM_CREDIT_EXCEEDED", 100, Scope(firm="FIRM"))
    ]


def test_marks_move_what_is_at_marks_and_not_what_is_at_cost() -> None:
    found = standings(desk({"A": 10}), MARKS | {"A": 15 * DOLLAR})
    assert (found["GROSS_EXPOSURE_EXCEEDED", ""], found["BUYING_POWER_EXCEEDED", ""]) == (150, 100)


def _order(symbol: str, side: Side, price: int) -> OrderTerms:
    return OrderTerms(
        account_id="X", channel="T", client_order_id="1", symbol=symbol, side=side, quantity=1,
        order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY, limit_price_micros=price,
    )  # fmt: skip


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(-50, 50), max_size=3), st.sampled_from(SYMBOLS))
def test_what_is_watched_is_what_an_order_is_held_to_but_for_its_own_shares(
    positions: dict[str, int], symbol: str
) -> None:
    """Held to the same rules, an order of one share finds the standing and at most its own value more."""
    found = desk(positions)
    look = look_at_account(found, found.accounts["X"], MARKS.get, RULES, kinds_in_use(found))
    watched = {(one.rule, one.scope.symbol or one.scope.sector): one.value for one in look.standings}
    sector, price = found.sector_of(symbol), MARKS[symbol]
    for spec in RULE_SPECS:
        if spec.watched is None or spec.watched is Watched.FIRM:
            continue
        values = []
        for side in (Side.BUY, Side.SELL):
            context = found.risk_context(_order(symbol, side, price), TouchPrices(), NOW, mark=MARKS.get)
            of_order = RULES[spec.name](context, {one.name: 10**15 for one in spec.parameters})
            assert of_order is not None
            values.append(of_order.value)  # type: ignore[union-attr]
        key = {Watched.ACCOUNT: "", Watched.SYMBOL: symbol, Watched.SECTOR: sector}[spec.watched]
        here = watched.get((spec.name, key), 0)
        assert max(0, here) <= max(values) <= max(0, here) + price  # type: ignore[type-var, operator]


def test_a_rule_that_is_off_or_not_set_is_not_watched_and_one_without_a_mark_cannot_tell() -> None:
    off = rule("GROSS_EXPOSURE_EXCEEDED", mode=Mode.OFF, gross_max=1)
    assert standings(desk({"A": 10}, (off,))) == {}
    assert standings(desk({"A": 10}, ())) == {}
    found = desk({"A": 10, "C": 1})
    look = look_at_account(found, found.accounts["X"], {"C": DOLLAR}.get, RULES, kinds_in_use(found))
    assert look.unmarked == ["A"]
    assert look.unknown == {f"{name}_EXPOSURE_EXCEEDED" for name in ("GROSS", "NET", "SYMBOL", "SECTOR")}
    assert ("BUYING_POWER_EXCEEDED", "") in {(one.rule, one.scope.symbol) for one in look.standings}


def test_a_rule_that_raises_is_named_and_stops_no_other() -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("no")

    rules = {**RULES, "NET_EXPOSURE_EXCEEDED": broken}
    found = desk({"A": 10})
    look = look_at_account(found, found.accounts["X"], MARKS.get, rules, kinds_in_use(found))
    assert look.broken == ["NET_EXPOSURE_EXCEEDED: ZeroDivisionError: no"]
    assert "GROSS_EXPOSURE_EXCEEDED" in {one.rule for one in look.standings}
    assert "NET_EXPOSURE_EXCEEDED" in look.unknown


def test_a_slice_costs_no_more_than_its_bound_and_a_lap_sees_everybody_once_a_second() -> None:
    found = Desk(rules=RuleBook(ALL))
    found.accounts = {f"X{n}": AccountTerms(account_id=f"X{n}") for n in range(40)}
    found.instruments = {name: InstrumentTerms(symbol=name, active=True) for name in SYMBOLS}
    found.owned = frozenset(found.accounts)
    for name in found.accounts:
        found.keep_position(name, "A", Position(quantity=1, cost_micros=1))
    watch, now, looked = LimitWatch((), NOW, 0, new_id=uuid7), NOW, []
    while watch.is_due(now):
        looked.append(watch.slice(found, MARKS.get, RULES, now, cost_max=400).looked)
        now += timedelta(milliseconds=20)
    assert sum(looked) == 40 and max(looked) <= 5
    assert not watch.is_due(NOW + LAP_EVERY / 2) and watch.is_due(NOW + LAP_EVERY)
    again = watch.slice(found, MARKS.get, RULES, NOW + LAP_EVERY, cost_max=10**6)
    assert again.looked == 0
    moved = watch.slice(found, {"A": 1}.get, RULES, NOW + 2 * LAP_EVERY, cost_max=10**6)
    assert moved.looked == 40


def test_a_mark_is_missed_only_while_its_market_is_open() -> None:
    day = Session(
        session_date=NOW.date(), opens_at=NOW + timedelta(hours=1), closes_at=NOW + timedelta(hours=2)
    )
    found = desk({"A": 10})
    found.hours = Hours((Calendar(calendar_id="XNYS", sessions=(day,)),))
    found.instruments = {"A": InstrumentTerms(symbol="A", active=True, calendar_id="XNYS")}
    watch, raised = LimitWatch((), NOW, 0, new_id=uuid7), []
    for hours in (0, 1, 3):
        seen = watch.slice(found, {}.get, RULES, NOW + timedelta(hours=hours), cost_max=10**6)
        raised += [(hours, one.cleared_at is None) for one in seen.changed if one.rule == "INPUT_MISSING"]
    assert raised == [(1, True), (3, False)]


# ---- in core's loop


def held(quantity: int = 300, **limits: int) -> Scene:
    """Return a core whose account holds AAPL at 100, and has these limits."""
    names = {"gross_max": "GROSS_EXPOSURE_EXCEEDED", "credit": "FIRM_CREDIT_EXCEEDED"}
    rows = [rule(names[name], **{name: value * DOLLAR}) for name, value in limits.items()]
    scene = Scene(limits=(*LIMITS, *rows))
    order_id = scene.order(quantity=quantity)
    scene.place(order_id, ("XNYS", quantity))
    scene.fill(order_id, quantity)
    return scene


def mark(scene: Scene, dollars: int | None) -> None:
    """Move the mark, and let core look."""
    price = None if dollars is None else dollars * DOLLAR
    scene.quotes.quote = TouchPrices(bid_micros=price, offer_micros=price)
    scene.step(1)


def alerts(scene: Scene) -> list[tuple[str, str, bool]]:
    return [(one.rule, one.level, one.cleared_at is None) for one in scene.store.alerts.values()]


def published(scene: Scene) -> list[RiskAlert]:
    return [one for one in scene.published(Topic.ALERTS) if isinstance(one, RiskAlert)]


def test_a_mark_that_moves_raises_an_alert_that_is_stored_and_published_and_clears_it() -> None:
    scene = held(gross_max=41_000)
    mark(scene, 100)
    assert alerts(scene) == []
    mark(scene, 140)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", True)]
    mark(scene, 135)
    mark(scene, 136)
    assert len(published(scene)) == 1
    mark(scene, 100)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", False)]
    raised, cleared = published(scene)
    assert (raised.value, raised.bound, raised.headroom) == ("42000.00", "41000.00", "-1000.00")
    assert (cleared.alert_id, cleared.version, cleared.worst) == (raised.alert_id, 2, "42000.00")
    assert cleared.cleared_at == scene.now


def test_a_firms_alert_is_its_own() -> None:
    scene = held(credit=30_000)
    scene.step(1)
    [alert] = scene.store.alerts.values()
    assert (alert.rule, alert.account_id, alert.partition) == ("FIRM_CREDIT_EXCEEDED", "", 0)
    assert (alert.level, str(alert.scope)) == ("WARNING", "firm=FIRM")


def test_a_mark_that_is_missing_is_an_alert_and_no_pass() -> None:
    scene = held(gross_max=41_000)
    mark(scene, 140)
    mark(scene, None)
    assert ("INPUT_MISSING", "WARNING", True) in alerts(scene)
    assert ("GROSS_EXPOSURE_EXCEEDED", "BREACH", True) in alerts(scene)
    mark(scene, 140)
    assert ("INPUT_MISSING", "WARNING", False) in alerts(scene)


def test_a_core_that_restarts_raises_nothing_anew_and_says_again_what_is_open() -> None:
    scene = held(gross_max=41_000)
    mark(scene, 140)
    before = published(scene)
    scene.start()
    scene.step(1)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", True)]
    mark(scene, 100)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", False)]
    *again, cleared = published(scene)
    assert again == [*before, before[-1]] and cleared.cleared_at == scene.now
    scene.start()
    scene.order()
    assert published(scene)[-1] == cleared


def test_an_alert_that_a_batch_refused_is_raised_by_the_next() -> None:
    refused: list[UUID] = []

    def refuses(unit: Any) -> str | None:
        """Refuse the first batch with an alert and an order in it."""
        if unit.alerts and unit.events and not refused:
            refused.append(unit.alerts[0].alert_id)
            return "no"
        return None

    scene = Scene(
        limits=(*LIMITS, rule("GROSS_EXPOSURE_EXCEEDED", gross_max=41_000 * DOLLAR)), refuses=refuses
    )
    first = scene.order()
    scene.place(first, ("XNYS", 300))
    scene.fill(first, 300)
    price = 140 * DOLLAR
    scene.quotes.quote = TouchPrices(bid_micros=price, offer_micros=price)
    scene.now += timedelta(seconds=1)
    scene.order(quantity=1, side=Side.SELL, limit_price_micros=PRICE * 14 // 10)
    scene.step(1)
    assert len(refused) == 1
    assert [one.alert_id for one in scene.store.alerts.values() if one.cleared_at is None] != refused
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", True)]


def test_a_limit_that_is_set_or_lifted_is_watched_at_once() -> None:
    scene = held()
    scene.step(1)
    scene.store.set_rules((*LIMITS, rule("GROSS_EXPOSURE_EXCEEDED", gross_max=10_000 * DOLLAR)))
    scene.step(1)
    scene.step(1)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", True)]
    scene.store.set_rules(LIMITS)
    scene.step(1)
    scene.step(1)
    assert alerts(scene) == [("GROSS_EXPOSURE_EXCEEDED", "BREACH", False)]
    assert ACCOUNT in {one.account_id for one in scene.store.alerts.values()}
