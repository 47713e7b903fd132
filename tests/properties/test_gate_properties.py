"""Whatever the router plans passes the adapter's gate; what grew or became dearer on the way does not."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from execution_adapter.domain.dialects.dialect import SOH, decimal_text
from execution_adapter.domain.dialects.fix44 import new_order_single
from execution_adapter.handlers import plan_problem
from oms_platform.prices import MICROS
from oms_platform.vocabulary import ExecInst, OrderType, Side
from sor_engine.ports import PlannedRoute
from tests.properties.test_route_audit_properties import routes


@settings(max_examples=300, deadline=None)
@given(routes())
def test_whatever_the_router_plans_passes_the_gate(route: PlannedRoute) -> None:
    assert plan_problem(route.decided.plan) == ""


@settings(max_examples=200, deadline=None)
@given(routes(), st.integers(1, 10_000), st.data())
def test_a_plan_that_grew_or_became_dearer_on_the_way_does_not(
    route: PlannedRoute, more: int, data: st.DataObject
) -> None:
    plan = route.decided.plan
    if not plan.children:
        return
    number = data.draw(st.integers(0, len(plan.children) - 1))
    child, terms = plan.children[number], plan.terms
    placed = sum(one.quantity for one in plan.children)
    changed = msgspec.structs.replace(child, quantity=child.quantity + plan.quantity - placed + more)
    if terms.order_type is OrderType.LIMIT and data.draw(st.booleans()):
        limit = terms.limit_price_micros or 0
        dearer = limit + more if terms.side is Side.BUY else limit - more
        changed = msgspec.structs.replace(child, limit_price_micros=dearer)
    children = [*plan.children]
    children[number] = changed
    assert plan_problem(msgspec.structs.replace(plan, children=tuple(children))).startswith("GATE_")


@settings(max_examples=200, deadline=None)
@given(routes())
def test_every_child_is_written_to_fix_exactly(route: PlannedRoute) -> None:
    for child in route.decided.plan.children:
        fields = dict(
            part.split("=", 1) for part in new_order_single(child, child.cl_ord_id, "").split(SOH)[:-1]
        )
        whole, _, part = fields["44"].partition(".")
        assert int(whole) * MICROS + int(part.ljust(6, "0") or 0) == child.limit_price_micros
        assert (int(fields["38"]), int(fields.get("110", "0"))) == (child.quantity, child.min_quantity)
        says = {None: ("2", None), ExecInst.INTERMARKET_SWEEP: ("2", "f"), ExecInst.MIDPOINT_PEG: ("P", "M")}
        assert (fields["40"], fields.get("18")) == says[child.exec_inst]


@given(st.integers(0, 2**62))
def test_a_price_is_written_as_it_is_whatever_its_size(micros: int) -> None:
    whole, _, part = decimal_text(micros).partition(".")
    assert int(whole) * MICROS + int(part.ljust(6, "0")) == micros
    assert not part.endswith("0")
