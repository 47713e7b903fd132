"""What of a batch from core and the router is held to clients' orders before anything is worked on."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from execution_adapter.domain.gate import Parent
from execution_adapter.entrypoints.kill_watch import KillWatch
from execution_adapter.entrypoints.plan_batches import PlanBatches, Step
from oms_platform.ids import uuid7
from oms_platform.kill_switches import NO_KILLS
from oms_platform.messages import ReplaceChild
from tests.unit.execution_adapter.orders import LIMIT, NOW, parent_of, plan

ORDER = plan()
CHILD = ORDER.children[0]


def replace_child(price: int | None) -> ReplaceChild:
    return ReplaceChild(
        request_id=uuid7(),
        order_id=ORDER.order_id,
        account_id="ACC",
        cl_ord_id=CHILD.cl_ord_id,
        quantity=100,
        requested_at=NOW,
        limit_price_micros=price,
    )


@pytest.mark.parametrize(
    ("price", "changes", "refused"),
    [
        (None, {}, ""),
        (LIMIT + 10_000, {"pegged": True}, ""),
        (LIMIT - 10_000, {"pegged": True}, "GATE_LIMIT"),
        (LIMIT + 10_000, {}, "GATE_ORDER"),
    ],
)
def test_a_move_is_held_to_the_order_as_its_client_placed_it_and_its_answer_says_so(
    price: int | None, changes: dict[str, Any], refused: str
) -> None:
    parent: Parent = msgspec.structs.replace(parent_of(ORDER), **changes)
    done: list[tuple[str, str]] = []
    manager = SimpleNamespace(
        handle_replace=lambda _message, _now, _now_s: done.append(("asked", "")),
        kills=NO_KILLS,
        note_closings=lambda _closings: None,
        refuse_replace=lambda _message, problem, _now: done.append(("refused", problem.partition(":")[0])),
    )
    store = SimpleNamespace(parents=lambda order_ids: dict.fromkeys(order_ids, parent))
    any_: Any = None
    kills = KillWatch(cast(Any, store), cast(Any, manager))
    batches = PlanBatches(cast(Any, store), cast(Any, manager), any_, any_, any_, frozenset({"XNYS"}), kills)
    steps = [Step(replace_child(price), None, "")]
    batches.hold_to_parents(steps)
    batches.finish(steps, frozenset(), NOW, 0.0)
    assert done == [("refused", refused) if refused else ("asked", "")]
