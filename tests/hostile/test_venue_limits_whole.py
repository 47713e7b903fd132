"""A limit of a venue, set while orders flow, through a whole stack: what leaves for it, and what is told.

Each order goes to one venue alone and is of a strategy of its own, so that each limit holds for one order.
"""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import pytest

from oms_platform.risk_rules import RULES_AT_VENUES
from tests.hostile.floor import Floor, Placed

VENUE: Final = "XNYS"
# What is set of each rule, how large the order is, and the sizes of what its venue may get of it.
CASES: Final[Mapping[str, tuple[dict[str, object], int, list[int]]]] = {
    "TRADER_NOT_PERMITTED": ({"permitted": False}, 100, []),
    "INSTRUMENT_RESTRICTED": ({"restricted": "EVERYTHING"}, 100, []),
    "ORDER_QTY_EXCEEDS_MAX": ({"quantity_max": 40}, 100, [20, 40, 40]),
    "ORDER_NOTIONAL_EXCEEDS_MAX": ({"notional_max": 1}, 100, []),
    "OPEN_ORDERS_EXCEEDED": ({"open_max": 1}, 100, []),
    "ORDER_RATE_EXCEEDED": ({"orders_max": 1, "window_s": 60}, 100, []),
    "MESSAGE_RATE_EXCEEDED": ({"messages_max": 1, "window_s": 60}, 100, []),
}
# What is counted has had one before.
COUNTED: Final = ("OPEN_ORDERS_EXCEEDED", "ORDER_RATE_EXCEEDED", "MESSAGE_RATE_EXCEEDED")
HELD_BY_GATE: Final = "GATE_VENUE_LIMIT"
# What is looked at after a limit is set, every service has by then.
IN_EFFECT_S: Final = 1.0

pytestmark = pytest.mark.timeout(180)


def limit(floor: Floor, rule: str, *, strategy: str, **parameters: object) -> None:
    scope = {"venue": VENUE, "strategy": strategy}
    row = {"rule": rule, "scope": scope, "parameters": parameters}
    floor.client.post("/api/v1/risk/limits/load", {"limits": [row], "reason": "test"})


def lift(floor: Floor, rule: str, *, strategy: str) -> None:
    row = {"rule": rule, "scope": {"venue": VENUE, "strategy": strategy}, "mode": "OFF"}
    floor.client.post("/api/v1/risk/limits/load", {"limits": [row], "reason": "test"})


def words_of(floor: Floor, placed: Placed) -> str:
    """Return all that an order's cards and its trail say of it, as far as they say anything yet."""
    routes = floor.client.get(f"/api/v1/orders/{placed.order_id}/routes")
    return f"{routes}\n{[event['payload'] for event in floor.events(placed)]}"


def sizes_at_venue(floor: Floor, placed: Placed) -> list[int]:
    """Return the sizes of what the venue got of an order, the smallest first."""
    return sorted(one.asked_qty for one in floor[VENUE].orders_of(UUID(placed.order_id).hex))


@pytest.mark.parametrize("rule", CASES)
def test_what_a_limit_of_its_venue_holds_back_is_in_no_fix_log_and_the_order_says_why(
    floor: Floor, rule: str
) -> None:
    assert set(CASES) == set(RULES_AT_VENUES)
    parameters, quantity, sizes = CASES[rule]
    tags: dict[str, Any] = {"tags": {"strategy": rule}}
    # Orders flow: one goes out before the limit is there.
    first = floor.place(VENUE, quantity=quantity, **tags)
    floor.await_children(first, VENUE)
    limit(floor, rule, strategy=rule, **parameters)
    time.sleep(IN_EFFECT_S)
    terms: dict[str, Any] = {"symbol": first.symbol} if rule in COUNTED else {}
    if rule in COUNTED:
        terms["accountId"] = first.account
        if rule != "OPEN_ORDERS_EXCEEDED":
            # Counting began with the limit.
            floor.await_children(floor.place(VENUE, **terms, **tags), VENUE)
    held = floor.place(VENUE, quantity=quantity, **terms, **tags)
    floor.until_true(lambda: rule in words_of(floor, held), f"word of {rule}")
    if sizes:
        # All of it goes there, in orders that are small enough.
        floor.until_true(lambda: sizes_at_venue(floor, held) == sizes, f"orders of {sizes}")
    time.sleep(IN_EFFECT_S)
    assert sizes_at_venue(floor, held) == sizes
    assert HELD_BY_GATE in words_of(floor, held) or rule not in COUNTED
    with floor.connection() as connection:
        raws = [bytes(raw) for (raw,) in connection.execute("SELECT raw FROM fix_messages").fetchall()]
    parent = UUID(held.order_id).hex.encode()
    assert bool([raw for raw in raws if parent in raw and b"\x0135=D\x01" in raw]) == bool(sizes)
    lift(floor, rule, strategy=rule)
    if rule != "ORDER_QTY_EXCEEDS_MAX":
        # It goes on by itself, and whole.
        floor.until_true(
            lambda: sizes_at_venue(floor, held) == [quantity],
            f"35=D after {rule} was lifted",
            30.0,
        )
