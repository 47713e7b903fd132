"""A second person's leave: for which rules and terms it is good, and that it is used once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.risk import RULES, RiskContext, RuleBook, Verdict, check_risk
from oms_core.domain.risk.overridden import overridden
from oms_platform import ids
from oms_platform.messages import OrderEvent, ReplaceOrder
from oms_platform.overrides import Override, denials_of, is_no_more, is_no_worse
from oms_platform.risk_rules import Mode, OnMissing, RuleRow, Severity
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import (
    Algo,
    AlgoStrategy,
    ExecType,
    OrderChange,
    OrderTerms,
    OrderType,
    RiskCheck,
    RiskOutcome,
    Side,
    Tag,
    TimeInForce,
)
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene, limits, rule
from tests.unit.oms_core.test_rules import RULES_TABLE, SETTABLE, context, row_of, terms, verdict

CENT = 10_000


def leave(wanted: OrderTerms, checks: tuple[RiskCheck, ...], **changes: Any) -> Override:
    """Return a leave for an order that was denied."""
    values: dict[str, Any] = {
        "override_id": ids.uuid7(),
        "request_id": ids.uuid7(),
        "order_id": None,
        "terms": wanted,
        "trader": wanted.principal,
        "checks": checks,
        "granted_by": "risk1",
        "reason": "the client is good for it",
        "expires_at": NOW + timedelta(minutes=15),
    }
    return Override(**(values | changes))


# ---- each rule


@pytest.mark.parametrize("name", SETTABLE)
def test_a_rule_that_may_be_overridden_says_so_and_passes_by_a_leave_for_what_it_denied(name: str) -> None:
    for found, denial in RULES_TABLE[name].beyond:
        denied = overridden(verdict(found, name, row_of(name, severity=Severity.OVERRIDE)), (), PRICE)
        assert denied.overridable
        assert (denied.denial or "").startswith(denial) and denied.denial.endswith(", override=possible")
        granted = leave(found.terms, denials_of(denied.checks))
        passed = overridden(verdict(found, name, row_of(name, severity=Severity.OVERRIDE)), (granted,), PRICE)
        assert (passed.denial, passed.override, passed.reserved_price_micros) == (None, granted, PRICE)
        (check,) = passed.kept
        assert (check.outcome, check.overridden_by) == (RiskOutcome.OVERRIDDEN, "risk1")
        assert not check.passed


@pytest.mark.parametrize("name", SETTABLE)
@pytest.mark.parametrize("severity", [Severity.HARD, None])
def test_no_leave_lets_a_hard_rule_pass(name: str, severity: Severity | None) -> None:
    for found, _ in RULES_TABLE[name].beyond:
        granted = leave(
            found.terms, denials_of(verdict(found, name, row_of(name, severity=Severity.OVERRIDE)).checks)
        )
        hard = verdict(found, name, row_of(name, severity=severity))
        assert overridden(hard, (granted,), PRICE) == hard
        assert hard.denial is not None and not hard.overridable


@pytest.mark.parametrize("name", [name for name, table in RULES_TABLE.items() if table.lacking])
def test_a_rule_that_lacks_its_figures_leaves_nothing_to_a_second_person(name: str) -> None:
    row = row_of(name, severity=Severity.OVERRIDE, on_missing=OnMissing.DENY)
    for found, _ in RULES_TABLE[name].lacking:
        denied = overridden(verdict(found, name, row), (), PRICE)
        assert denied.denial is not None and not denied.overridable


def by_two_rules(found: RiskContext, **severities: Severity) -> Verdict:
    """Return the verdict of an order of too many shares and dollars."""
    rows = [RuleRow(rule=name, scope=EVERYTHING, mode=Mode.OFF) for name in RULES]
    rows += [
        RuleRow(
            rule="ORDER_QTY_EXCEEDS_MAX",
            scope=Scope(account="A-1"),
            mode=Mode.ON,
            severity=severities.get("shares", Severity.OVERRIDE),
            parameters={"quantity_max": 50},
        ),
        RuleRow(
            rule="ORDER_NOTIONAL_EXCEEDS_MAX",
            scope=Scope(account="A-1"),
            mode=Mode.ON,
            severity=severities.get("dollars", Severity.OVERRIDE),
            parameters={"notional_max": 50 * PRICE},
        ),
    ]
    return check_risk(found, RuleBook(rows), RULES)


def test_a_leave_covers_every_rule_that_denies_or_none() -> None:
    denied = by_two_rules(context())
    both = leave(terms(), denials_of(denied.checks))
    one = replace(both, checks=both.checks[:1])
    assert overridden(denied, (one, both), PRICE).override == both
    assert overridden(denied, (one,), PRICE).override is None
    harder = by_two_rules(context(), dollars=Severity.HARD)
    assert overridden(harder, (both,), PRICE) == harder
    softer = by_two_rules(context(), dollars=Severity.SOFT)
    assert overridden(softer, (one,), PRICE).override == one


# ---- what is worse, what is more


def check(value: str, bound: str, headroom: str, name: str = "ORDER_QTY_EXCEEDS_MAX") -> RiskCheck:
    """Return a check that denies."""
    return RiskCheck(
        rule=name, value=value, bound=bound, headroom=headroom, outcome=RiskOutcome.DENIED, scope="default"
    )


THEN = check("1000.00", "500.00", "-500.00")
COLLAR = "PRICE_OUTSIDE_COLLAR"


@pytest.mark.parametrize(
    ("now", "then", "covered"),
    [
        (THEN, THEN, True),
        (check("900", "500", "-400"), THEN, True),
        (check("1000", "800", "-200"), THEN, True),
        (check("1010", "500", "-510"), THEN, True),
        (check("1010.01", "500", "-510.01"), THEN, False),
        (check("1000", "499.99", "-500.01"), THEN, False),
        (check("800", "499", "-301"), THEN, False),
        # A floor: a limit to sell that is below it.
        (check("90", "95", "-5"), check("90", "95", "-5"), True),
        (check("91", "95", "-4"), check("90", "95", "-5"), True),
        (check("89.1", "95", "-5.9"), check("90", "95", "-5"), True),
        (check("89", "95", "-6"), check("90", "95", "-5"), False),
        (check("90", "95.01", "-5.01"), check("90", "95", "-5"), False),
        # A bound that follows the market may move a little.
        (check("105.01", "104.90", "-0.11", COLLAR), check("105.01", "105.00", "-0.01", COLLAR), True),
        (check("105.01", "103.90", "-1.11", COLLAR), check("105.01", "105.00", "-0.01", COLLAR), False),
        # Without figures, or by figures that do not say which way is worse, it is the same or another.
        (check("none", "a locate", ""), check("none", "a locate", ""), True),
        (check("none", "a locate", ""), check("none", "two locates", ""), False),
        (check("1", "2", "7"), check("1", "2", "7"), True),
        (check("1", "3", "7"), check("1", "2", "7"), False),
    ],
)
def test_a_rule_is_no_worse_than_when_leave_was_given(now: RiskCheck, then: RiskCheck, covered: bool) -> None:
    assert is_no_worse(now, then) is covered


MORE: dict[str, dict[str, Any]] = {
    "account_id": {"account_id": "A-2"},
    "principal": {"principal": "bob"},
    "symbol": {"symbol": "MSFT"},
    "side": {"side": Side.SELL},
    "order_type": {"order_type": OrderType.STOP_LIMIT, "stop_price_micros": PRICE},
    "time_in_force": {"time_in_force": TimeInForce.GTC},
    "quantity": {"quantity": 101},
    "limit_price_micros": {"limit_price_micros": PRICE + CENT},
    "min_quantity": {"min_quantity": 1},
    "stop_price_micros": {"stop_price_micros": PRICE},
    "expire_at": {"expire_at": NOW},
    "tags": {"tags": (Tag(name="strategy", text="S2"),)},
    "locate_id": {"locate_id": "L-1"},
    "display_quantity": {"display_quantity": 10},
    "post_only": {"post_only": True},
    "closes_for": {"closes_for": UUID(int=1)},
}
# Of the client and its door, not of the order; or given by a message of its own.
FREE = {"channel", "client_order_id", "basket_id"}
COMPOUND = {"routing", "capacity", "peg", "algo"}


def test_every_field_of_an_order_is_held_to_the_leave_or_is_its_clients_own() -> None:
    assert set(MORE) | FREE | COMPOUND == set(OrderTerms.__struct_fields__)


@pytest.mark.parametrize("name", MORE)
def test_a_leave_is_good_for_no_other_terms(name: str) -> None:
    assert not is_no_more(terms(**MORE[name]), terms())


def test_a_leave_is_good_for_fewer_shares_a_better_limit_and_another_name() -> None:
    assert is_no_more(terms(quantity=1, limit_price_micros=1, client_order_id="c-2", channel="FIX"), terms())
    selling = terms(side=Side.SELL)
    assert is_no_more(replace(selling, limit_price_micros=PRICE + CENT), selling)
    assert not is_no_more(replace(selling, limit_price_micros=PRICE - CENT), selling)
    unlimited = terms(limit_price_micros=None, order_type=OrderType.MARKET)
    assert is_no_more(unlimited, unlimited)
    assert not is_no_more(unlimited, terms()) and not is_no_more(terms(), unlimited)


# ---- through core


OVERRIDABLE = (
    *limits(quantity_max=100),
    RuleRow(
        rule="ORDER_QTY_EXCEEDS_MAX",
        scope=Scope(account=ACCOUNT),
        severity=Severity.OVERRIDE,
        parameters={"quantity_max": 100},
    ),
)


@pytest.fixture
def scene() -> Scene:
    """A core whose orders of more than 100 shares need a second person."""
    return Scene(limits=OVERRIDABLE)


def last(scene: Scene, order_id: UUID) -> OrderEvent:
    """Return the last event of an order."""
    return scene.store.events[order_id][-1]


def grant(scene: Scene, order_id: UUID, **changes: Any) -> Override:
    """Grant an order that was denied, and let core learn of it."""
    denied = last(scene, order_id).order_denied
    assert denied is not None and denied.overridable
    wanted = scene.store.orders[order_id].terms
    granted = leave(
        wanted, denials_of(denied.checks), request_id=order_id, expires_at=scene.now + timedelta(minutes=15)
    )
    granted = replace(granted, **changes)
    scene.store.grant(granted)
    scene.step(0.25)
    return granted


def kind_of(scene: Scene, order_id: UUID) -> str:
    """Return what became of an order that was sent."""
    found = [event.type for event in scene.store.events[order_id]]
    return found[0]


def test_what_was_granted_passes_once_and_its_event_names_who_granted_it(scene: Scene) -> None:
    denied = scene.order()
    assert scene.state(denied).text == "ORDER_QTY_EXCEEDS_MAX: quantity=300, limit=100, override=possible"
    granted = grant(scene, denied)
    sent = scene.order()
    accepted = last(scene, sent).order_accepted
    assert accepted is not None and accepted.override is not None
    assert (accepted.override.override_id, accepted.override.granted_by) == (granted.override_id, "risk1")
    (passed,) = [one for one in accepted.checks if one.outcome is RiskOutcome.OVERRIDDEN]
    assert (passed.rule, passed.overridden_by) == ("ORDER_QTY_EXCEEDS_MAX", "risk1")
    assert scene.store.overrides_used == {granted.override_id: sent}
    assert kind_of(scene, scene.order()) == "OrderDenied"


def test_two_that_come_in_one_batch_do_not_both_pass(scene: Scene) -> None:
    grant(scene, scene.order())
    first, second = scene.order(publish=False), scene.order(publish=False)
    for order_id in (first, second):
        request, _ = scene.store.requests[order_id]
        scene.sink.send(Topic.INBOUND.value, ACCOUNT, request, event_id=ids.uuid7())
    scene.sink.flush()
    scene.step()
    assert [kind_of(scene, one) for one in (first, second)] == ["OrderAccepted", "OrderDenied"]


@pytest.mark.parametrize(
    "changes",
    [{"principal": "trader2"}, {"quantity": 301}, {"limit_price_micros": PRICE + CENT}, {"side": Side.SELL}],
)
def test_another_order_does_not_pass_by_it(scene: Scene, changes: dict[str, Any]) -> None:
    grant(scene, scene.order())
    assert kind_of(scene, scene.order(**changes)) == "OrderDenied"
    assert kind_of(scene, scene.order(quantity=200)) == "OrderAccepted"


def test_what_is_expired_lets_nothing_pass(scene: Scene) -> None:
    grant(scene, scene.order(), expires_at=scene.now + timedelta(minutes=1))
    scene.step(60)
    assert kind_of(scene, scene.order()) == "OrderDenied"


def test_a_limit_that_became_tighter_or_harder_since_is_not_covered(scene: Scene) -> None:
    grant(scene, scene.order())
    tighter = replace(OVERRIDABLE[-1], parameters={"quantity_max": 99})
    for rows, kind in (
        ((*OVERRIDABLE, tighter), "OrderDenied"),
        ((*OVERRIDABLE, replace(tighter, severity=Severity.HARD)), "OrderDenied"),
        ((*OVERRIDABLE, rule("PRICE_OUTSIDE_COLLAR", Scope(account=ACCOUNT), collar_bps=1)), "OrderAccepted"),
        (OVERRIDABLE, "OrderDenied"),
    ):
        scene.store.set_rules(rows)
        scene.step(0.25)
        assert kind_of(scene, scene.order()) == kind


def test_a_rule_that_denies_now_and_did_not_then_is_not_covered(scene: Scene) -> None:
    grant(scene, scene.order())
    row = rule("ORDER_NOTIONAL_EXCEEDS_MAX", Scope(account=ACCOUNT), notional_max=PRICE)
    scene.store.set_rules((*OVERRIDABLE, replace(row, severity=Severity.OVERRIDE)))
    scene.step(0.25)
    assert kind_of(scene, scene.order()) == "OrderDenied"
    scene.store.set_rules(OVERRIDABLE)
    scene.step(0.25)
    assert kind_of(scene, scene.order()) == "OrderAccepted"


def test_what_was_revoked_in_the_last_moment_stores_nothing_and_the_order_is_denied(scene: Scene) -> None:
    granted = grant(scene, scene.order())
    # Core has not looked yet: it finds out when it stores.
    del scene.store.overrides[granted.override_id]
    scene.store._reference_version += 1
    sent = scene.order()
    assert kind_of(scene, sent) == "OrderDenied"
    assert not scene.store.overrides_used


def test_what_was_used_is_used_after_a_restart(scene: Scene) -> None:
    grant(scene, scene.order())
    scene.order()
    scene.start()
    assert kind_of(scene, scene.order()) == "OrderDenied"


def replace_it(scene: Scene, order_id: UUID, principal: str = "trader1", **change: Any) -> OrderEvent:
    """Ask for a replace. Returns its first outcome."""
    request = ReplaceOrder(
        request_id=ids.uuid7(), order_id=order_id, account_id=ACCOUNT, received_at=scene.now,
        principal=principal, change=OrderChange(**change),
    )  # fmt: skip
    scene.store.take_request(request)
    scene.send(Topic.INBOUND, request)
    return next(event for event in scene.store.events[order_id] if event.request_id == request.request_id)


def test_a_replace_passes_by_a_leave_for_itself_and_no_order_does(scene: Scene) -> None:
    order_id = scene.order(quantity=100)
    scene.place(order_id, ("XNYS", 100))
    denied = replace_it(scene, order_id, quantity=300).replace_rejected
    assert denied is not None and denied.overridable and denied.terms is not None
    assert denied.terms.quantity == 300
    granted = leave(
        denied.terms,
        denials_of(denied.checks),
        order_id=order_id,
        expires_at=scene.now + timedelta(minutes=9),
    )
    scene.store.grant(granted)
    scene.step(0.25)
    assert kind_of(scene, scene.order()) == "OrderDenied"
    assert replace_it(scene, order_id, "trader2", quantity=300).replace_rejected is not None
    taken = replace_it(scene, order_id, quantity=300).replace_requested
    assert taken is not None and taken.override is not None
    assert taken.override.override_id == granted.override_id
    assert set(scene.store.overrides_used) == {granted.override_id}


def test_what_a_whole_algo_was_let_pass_its_slices_pass_too(scene: Scene) -> None:
    algo = Algo(strategy=AlgoStrategy.TWAP, slices=2, end_at=scene.now + timedelta(seconds=60))
    denied = scene.order(quantity=1_000, algo=algo)
    grant(scene, denied)
    sent = scene.order(quantity=1_000, algo=algo)
    for _ in range(40):
        scene.step(1)
    assert not any(event.algo_held for event in scene.store.events[sent])
    released = [event.shares_released for event in scene.store.events[sent] if event.shares_released]
    assert released and released[0].quantity > 100
    scene.start()
    assert scene.core.desk.orders[sent].overridden == ("ORDER_QTY_EXCEEDS_MAX",)


def test_a_replace_that_comes_too_late_uses_no_leave_and_tells_no_terms(scene: Scene) -> None:
    order_id = scene.order(quantity=100)
    scene.place(order_id, ("XNYS", 100))
    denied = replace_it(scene, order_id, quantity=300).replace_rejected
    assert denied is not None and denied.terms is not None
    granted = leave(
        denied.terms,
        denials_of(denied.checks),
        order_id=order_id,
        expires_at=scene.now + timedelta(minutes=9),
    )
    scene.store.grant(granted)
    scene.step(0.25)
    scene.cancel(order_id)
    scene.report(order_id, ExecType.CANCELED)
    late = replace_it(scene, order_id, quantity=300).replace_rejected
    assert late is not None and late.terms is None and not late.overridable
    assert not scene.store.overrides_used
