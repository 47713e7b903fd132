"""What a person stops: nothing of it leaves for a venue, its open orders come back, all else goes on."""

from typing import Any
from uuid import UUID

from tests.hostile.floor import Floor

PATH = "/api/v1/kill-switches"


def stop(floor: Floor, scope: str, name: str, *, cancels: bool = False) -> str:
    """Stop a scope, and wait until the adapter knows it."""
    since = floor.log_end()
    body = {"scope": scope, "name": name, "cancels": cancels, "reason": "drill"}
    found: dict[str, Any] = floor.client.post(PATH, body)
    floor.until_logged("killed", scope, since=since)
    return str(found["switchId"])


def release(floor: Floor, switch_id: str) -> None:
    floor.client.post(f"{PATH}/{switch_id}/release", {"reason": "over"})


def test_nothing_of_a_stopped_account_leaves_and_what_is_open_comes_back(floor: Floor) -> None:
    venue = floor["XNYS"]
    venue.hear("F")
    placed, child = floor.rest("XNYS")
    switch_id = stop(floor, "ACCOUNT", placed.account, cancels=True)
    try:
        venue.session.send("8", child.cancel(venue.cancel_request(child)))
        closed = floor.until_event(placed, "ChildClosed")
        assert closed["payload"]["childClosed"]["outcome"] == "EXEC_TYPE_CANCELED"

        def refused() -> bool:
            ends = [one for one in floor.events(placed) if one["eventType"] == "ChildClosed"]
            return any("GATE_KILLED" in one["payload"]["childClosed"].get("text", "") for one in ends)

        floor.until_true(refused, "refusal by the gate")
        assert floor.sizes_at("XNYS", placed) == [100]
        # It can still be canceled by its client.
        floor.cancel(placed)
        floor.until(placed, "CANCELED")
    finally:
        release(floor, switch_id)
    floor.goes_on(at="XNYS")


def test_a_halted_symbol_sends_nothing_until_it_is_not_halted_any_more(floor: Floor) -> None:
    probe, child = floor.rest("XNAS")
    floor["XNAS"].session.send("8", child.fill(100))
    floor.until(probe, "FILLED")
    since = floor.log_end()
    with floor.connection() as connection:
        connection.execute(
            "INSERT INTO halts (halt_id, symbol, reason, set_by, set_at)"
            " VALUES (gen_random_uuid(), %s, 'drill', 'tests', now())",
            (probe.symbol,),
        )
    try:
        floor.until_logged("halted", f'"{probe.symbol}"', since=since)
        # Core knows a halt after its next look and denies the order; the router plans nothing of one that is
        # on its way, and the gate holds what is planned.
        placed = floor.place("XNAS", symbol=probe.symbol)

        def stopped() -> bool:
            found = floor.order(placed)
            held = any(code in found["text"] for code in ("GATE_HALTED", "NOT_TRADED"))
            return found["status"] == "REJECTED" or held

        floor.until_true(stopped, f"end of {placed.order_id}")
        if floor.order(placed)["status"] != "REJECTED":
            if "GATE_HALTED" in floor.order(placed)["text"]:
                floor.until_logged("GATE_HALTED", UUID(placed.order_id).hex, since=since)
            floor.cancel(placed)
            floor.until(placed, "CANCELED")
        assert floor.sizes_at("XNAS", placed) in ([], [100])
    finally:
        with floor.connection() as connection:
            connection.execute(
                "UPDATE halts SET lifted_by = 'tests', lifted_at = now() WHERE symbol = %s", (probe.symbol,)
            )
