"""Locates through a core: drawn as orders are accepted, given back as their shares are, over its lives."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from oms_core.domain.locates import Locate, LocateKey
from oms_core.handlers import verdicts_of_basket
from oms_platform.risk_rules import Mode, RuleRow, Value
from oms_platform.scopes import Scope
from oms_platform.trading_calendar import Calendar, Session
from oms_platform.vocabulary import ExecType, OrderChange, OrderTerms, Side, TimeInForce
from tests.unit.oms_core.orders import NOW
from tests.unit.oms_core.scene import ACCOUNT, LIMITS, Scene, rule

TODAY = date(2026, 11, 2)
KEY = LocateKey(ACCOUNT, "AAPL", "L-1")
COUNTED = (*LIMITS, rule("LOCATE_EXCEEDED", counted=True))


def scene(quantity: int = 1_000, rules: tuple[RuleRow, ...] = COUNTED, **more: object) -> Scene:
    """Return a core of an account with a locate of so many shares for today."""
    found = Scene(rules, **more)  # type: ignore[arg-type]
    found.store.load_locates({KEY: Locate(quantity, TODAY)})
    found.step(0.25)
    return found


def short(scene: Scene, quantity: int, reference: str = "L-1", **changes: object) -> UUID:
    """Sell so many short, under a locate."""
    return scene.order(side=Side.SELL_SHORT, quantity=quantity, locate_id=reference, **changes)


def drawn(scene: Scene) -> tuple[int, int]:
    """Return what is drawn, as the core knows it and as it is stored."""
    return scene.core.desk.locates.drawn[KEY], scene.store.draws.get(KEY, 0)


def denial(scene: Scene, order_id: UUID) -> str:
    """Return why an order was denied, empty where it was not."""
    event = scene.store.events[order_id][0]
    return "" if event.order_denied is None else event.order_denied.denial


def refusal(scene: Scene, order_id: UUID) -> str:
    """Return why an order's last replace was refused, empty where none was."""
    events = [one.replace_rejected for one in scene.store.events[order_id]]
    return next((one.reason for one in reversed(events) if one is not None), "")


def test_of_two_orders_of_60_percent_of_a_locate_exactly_one_passes() -> None:
    one = scene()
    first, second = short(one, 600), short(one, 600)
    assert denial(one, first) == ""
    assert denial(one, second) == "LOCATE_EXCEEDED: locate=L-1, order=600, drawn=600, limit=1000"
    assert drawn(one) == (600, 600)
    check = next(
        c for c in one.store.events[first][0].order_accepted.checks  # type: ignore[union-attr]
        if c.rule == "LOCATE_EXCEEDED"
    )  # fmt: skip
    assert (check.value, check.bound, check.headroom) == ("600", "1000", "400")


def test_of_a_basket_each_order_is_held_to_what_those_before_it_would_draw_and_nothing_is_left_of_it() -> (
    None
):
    one = scene()
    wanted = [one.state(short(one, 1_001)).terms] * 2
    terms = [_of(t, 600) for t in wanted]
    assert [v.denial is None for v in verdicts_of_basket(one.core, terms, one.now)] == [True, False]
    assert drawn(one) == (0, 0)


def _of(terms: OrderTerms, quantity: int) -> OrderTerms:
    values = {name: getattr(terms, name) for name in terms.__struct_fields__}
    return OrderTerms(**(values | {"quantity": quantity}))


def test_a_cancel_gives_back_what_was_not_sold() -> None:
    one = scene()
    order_id = short(one, 600)
    one.place(order_id, ("XNYS", 600))
    one.fill(order_id, 200, side=Side.SELL_SHORT)
    one.cancel(order_id)
    assert drawn(one) == (600, 600)
    one.report(order_id, ExecType.CANCELED, side=Side.SELL_SHORT)
    assert one.state(order_id).closed
    assert drawn(one) == (200, 200)


def test_a_bust_gives_back_what_it_takes_from_the_order_once_the_order_is_over() -> None:
    one = scene()
    order_id = short(one, 600)
    one.place(order_id, ("XNYS", 600))
    one.fill(order_id, 600, exec_id="E-1", side=Side.SELL_SHORT)
    assert drawn(one) == (600, 600)
    one.bust(order_id, "E-1", side=Side.SELL_SHORT)
    # The order is open again, and may sell them still.
    assert (one.state(order_id).closed, drawn(one)) == (False, (600, 600))
    one.place(order_id, ("XNYS", 600))
    one.cancel(order_id)
    one.report(order_id, ExecType.CANCELED, attempt=2, side=Side.SELL_SHORT)
    assert drawn(one) == (0, 0)


def test_a_bust_of_an_order_that_another_life_of_the_core_has_closed_gives_back_too() -> None:
    one = scene()
    order_id = short(one, 600)
    one.place(order_id, ("XNYS", 600))
    one.fill(order_id, 100, exec_id="E-1", side=Side.SELL_SHORT)
    one.cancel(order_id)
    one.report(order_id, ExecType.CANCELED, side=Side.SELL_SHORT)
    one.start()
    assert drawn(one) == (100, 100)
    one.bust(order_id, "E-1", side=Side.SELL_SHORT)
    assert drawn(one) == (0, 0)


def test_a_replace_draws_what_it_is_larger_and_gives_back_what_it_is_smaller() -> None:
    one = scene()
    order_id = short(one, 600)
    one.place(order_id, ("XNYS", 600))
    one.fill(order_id, 100, exec_id="E-1", side=Side.SELL_SHORT)
    one.replace(order_id, OrderChange(quantity=1_000))
    assert (one.state(order_id).terms.quantity, drawn(one)) == (1_000, (1_000, 1_000))
    one.replace(order_id, OrderChange(quantity=1_001))
    assert refusal(one, order_id) == "LOCATE_EXCEEDED: locate=L-1, order=1001, drawn=0, limit=1000"
    one.replace(order_id, OrderChange(quantity=400))
    # While its child is taken back it may still sell all of it.
    assert drawn(one) == (1_000, 1_000)
    one.place(order_id, ("XNYS", 400))
    for attempt in (1, 2):
        one.report(order_id, ExecType.CANCELED, attempt=attempt, side=Side.SELL_SHORT)
    assert (one.state(order_id).terms.quantity, drawn(one)) == (400, (400, 400))


def test_nothing_leaks_over_lives_of_a_core_and_a_locate_is_drawn_on_as_it_is_then() -> None:
    one = scene()
    open_, done = short(one, 300), short(one, 200)
    one.place(done, ("XNYS", 200))
    one.fill(done, 200, side=Side.SELL_SHORT)
    for _ in range(3):
        one.start()
        assert drawn(one) == (500, 500)
    assert denial(one, short(one, 501)) != ""
    # The lender gives more, and then less than is drawn: what is open goes on, nothing new does.
    one.store.load_locates({KEY: Locate(2_000, TODAY)})
    one.step(0.25)
    assert denial(one, short(one, 501)) == ""
    one.store.load_locates({KEY: Locate(100, TODAY)})
    one.step(0.25)
    assert denial(one, short(one, 1)) == "LOCATE_EXCEEDED: locate=L-1, order=1, drawn=1001, limit=100"
    one.replace(open_, OrderChange(quantity=299))
    assert refusal(one, open_) == ""


def test_a_refused_batch_draws_nothing() -> None:
    refused: list[UUID] = []
    one = scene(
        refuses=lambda unit: "no" if any(e.message.order_id in refused for e in unit.events) else None
    )
    order_id = short(one, 600, publish=False)
    refused.append(order_id)
    one.publish(order_id)
    assert drawn(one) == (0, 0)


@pytest.mark.parametrize(
    ("values", "passes"),
    [({"counted": True}, False), ({"counted": False}, True), ({}, True)],
)
def test_locates_are_counted_where_that_is_set_and_drawn_anyway(
    values: dict[str, Value], passes: bool
) -> None:
    one = scene(
        100, (*LIMITS, rule("LOCATE_EXCEEDED", scope=Scope(account=ACCOUNT), **values)) if values else LIMITS
    )
    assert (denial(one, short(one, 600)) == "") is passes
    assert drawn(one) == ((600, 600) if passes else (0, 0))


def test_a_rule_that_only_watches_lets_more_be_drawn_than_there_is() -> None:
    one = scene(100, (*LIMITS, rule("LOCATE_EXCEEDED", mode=Mode.SHADOW, counted=True)))
    assert denial(one, short(one, 600)) == ""
    assert drawn(one) == (600, 600)


def test_a_locate_that_is_loaded_after_orders_have_named_it_has_their_shares_drawn() -> None:
    one = Scene(LIMITS)
    short(one, 600)
    one.store.set_rules(COUNTED)
    one.store.load_locates({KEY: Locate(1_000, TODAY)})
    one.step(0.25)
    assert denial(one, short(one, 401)) == "LOCATE_EXCEEDED: locate=L-1, order=401, drawn=600, limit=1000"


def test_locates_fail_closed_where_none_of_the_day_is_loaded() -> None:
    one = Scene(COUNTED)
    assert denial(one, short(one, 1)) == "INPUT_MISSING: rule=LOCATE_EXCEEDED, missing=locates of the day"


def test_a_list_of_yesterday_says_nothing_of_today() -> None:
    one = Scene(COUNTED)
    one.store.load_locates({}, {TODAY - timedelta(days=3): frozenset(("AAPL",))})
    one.step(0.25)
    stale = "INPUT_MISSING: rule=LOCATE_MISSING, missing=easy-to-borrow list of the day"
    assert denial(one, short(one, 1, "")) == stale
    one.store.load_locates({}, {TODAY: frozenset(("AAPL",))})
    one.step(0.25)
    assert denial(one, short(one, 1, "")) == ""
    one.store.load_locates({}, {TODAY: frozenset()})
    one.step(0.25)
    assert denial(one, short(one, 1, "")) == "LOCATE_MISSING: symbol=AAPL"


def test_what_waits_for_the_next_session_draws_on_the_locates_of_that_day() -> None:
    monday = Session(
        session_date=TODAY, opens_at=datetime(2026, 11, 2, 14, 30, tzinfo=UTC),
        closes_at=datetime(2026, 11, 2, 21, 0, tzinfo=UTC),
    )  # fmt: skip
    market = Calendar(calendar_id="XNYS", zone="America/New_York", sessions=(monday,))
    friday_evening = NOW - timedelta(days=2, hours=12)
    one = scene(calendar=market, now=friday_evening)
    order_id = short(one, 600, time_in_force=TimeInForce.GTD, expire_at=monday.closes_at)
    assert denial(one, order_id) == ""
    assert drawn(one) == (600, 600)
