"""What a person stops: nothing of it leaves for a venue, its open orders come back, all else goes on.

How soon a kill is in effect is measured by what the adapter's journal says was handed to sessions after it.
"""

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from oms_client.errors import ConflictError
from tests.hostile.floor import Floor, Placed

PATH = "/api/v1/kill-switches"
# How long orders flow before they are killed, and how many at least are in the market then.
OPEN_MIN = 40
SERVICES = {"oms-api", "oms-core", "sor", "adapter"}


def stop(floor: Floor, stage: str, **scope: object) -> str:
    """Stop a scope, and wait until every service goes by it."""
    found: dict[str, Any] = floor.client.post(PATH, scope | {"stage": stage, "reason": "drill"})
    switch_id = str(found["switchId"])
    in_effect(floor, switch_id)
    return switch_id


def shown(floor: Floor, switch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = floor.client.get(f"{PATH}/{switch_id}")
    return found


def in_effect(floor: Floor, switch_id: str) -> None:
    floor.until_true(
        lambda: {one["service"] for one in shown(floor, switch_id)["inEffect"]} == SERVICES,
        "word of every service that it goes by the switch",
    )


def release(floor: Floor, switch_id: str) -> None:
    floor.client.post(f"{PATH}/{switch_id}/release", {"reason": "over"})


def until_taken(floor: Floor, venue_id: str, **terms: Any) -> Placed:
    """Place an order as soon as it is taken again."""

    def taken() -> Placed | None:
        try:
            placed = floor.place(venue_id, **terms)
        except ConflictError as error:
            assert error.code == "KILLED"
            return None
        # Core may hear of the release a little later than the door.
        order = floor.until_order(placed, lambda one: one["status"] != "NEW", "word of core")
        return None if order["status"] == "REJECTED" else placed

    found: Placed = floor.until_true(taken, "order that is taken")
    return found


class Flow:
    """Orders that rest at one venue, one after the other, until the door refuses one."""

    def __init__(self, floor: Floor) -> None:
        self._floor, self.placed = floor, list[Placed]()
        self.refused: ConflictError | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self.refused is None:
            try:
                self.placed.append(self._floor.place("XNYS"))
            except ConflictError as error:
                self.refused = error

    def end(self) -> None:
        self._thread.join(10)


def last_sent(floor: Floor) -> datetime:
    """Return when the adapter handed its last 35=D to a session."""
    with floor.connection() as connection:
        row = connection.execute(
            "SELECT max(at) FROM fix_messages WHERE NOT inbound AND position(%s IN raw) > 0",
            (b"\x0135=D\x01",),
        ).fetchone()
    assert row is not None and row[0] is not None
    at: datetime = row[0]
    return at


def test_a_kill_under_flow_is_in_effect_everywhere_confirmed_and_holds_over_kill_9(
    floor: Floor, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = Flow(floor)
    floor.until_true(lambda: len(floor["XNYS"].orders) >= OPEN_MIN, "flow of orders")
    called_at = datetime.now(UTC)
    found = floor.client.post(PATH, {"everything": True, "stage": "CANCEL", "reason": "drill"})
    switch_id = str(found["switchId"])
    flow.end()
    assert flow.refused is not None and flow.refused.code == "KILLED"
    in_effect(floor, switch_id)

    def confirmed() -> dict[str, Any] | None:
        now = shown(floor, switch_id)
        whole = now["childrenOver"] == now["childrenCovered"] and now["ordersOver"] == now["ordersCovered"]
        return now if whole and not now["outstanding"] else None

    effect = floor.until_true(confirmed, "end of every order and child that was open")
    assert effect["childrenCovered"] >= OPEN_MIN
    for placed in flow.placed:
        order = floor.until(placed, "CANCELED", "REJECTED")
        assert f"switch={switch_id}" in order["text"]
    late_s = (last_sent(floor) - called_at).total_seconds()
    services = {
        one["service"]: (datetime.fromisoformat(one["since"]) - called_at).total_seconds()
        for one in effect["inEffect"]
    }
    record_property("last_new_order_after_call_s", late_s)
    with capsys.disabled():
        print(f"\nlast 35=D {late_s:+.3f} s after the call; in effect after {services}")
    sent_before = last_sent(floor)
    for name in ("oms-core", "execution-adapter"):
        floor.rig.await_ready_again(name, floor.rig.kill(name))
    with pytest.raises(ConflictError) as refused:
        floor.place("XNYS")
    assert refused.value.code == "KILLED"
    release(floor, switch_id)
    assert last_sent(floor) == sent_before
    probe = until_taken(floor, "XNYS", quantity=7)
    floor["XNYS"].session.send("8", floor.await_children(probe, "XNYS")[-1].fill(7))
    floor.until(probe, "FILLED")


def test_what_is_open_of_a_stopped_account_is_canceled_and_what_its_venue_keeps_is_shown(
    floor: Floor,
) -> None:
    venue = floor["XNYS"]
    venue.hear("F")
    placed, child = floor.rest("XNYS")
    switch_id = stop(floor, "BLOCK", accountId=placed.account, symbol=placed.symbol)
    try:
        assert {one["why"] for one in shown(floor, switch_id)["outstanding"]} == {
            "the switch blocks what is new, and cancels nothing"
        }
        floor.client.post(f"{PATH}/{switch_id}/raise", {"stage": "CANCEL", "reason": "worse"})
        request = venue.cancel_request(child)
        floor.until(placed, "PENDING_CANCEL")
        whys = {one["clOrdId"]: one["why"] for one in shown(floor, switch_id)["outstanding"]}
        assert whys[child.cl_ord_id] == "no answer"
        venue.session.send("8", child.cancel(request))
        assert floor.until(placed, "CANCELED")["text"].startswith(f"KILLED: switch={switch_id}")
        floor.until_true(lambda: not shown(floor, switch_id)["outstanding"], "end of what is outstanding")
        with pytest.raises(ConflictError):
            floor.client.post(
                "/api/v1/orders",
                {
                    "clientOrderId": "x", "accountId": placed.account, "symbol": placed.symbol, "side": "BUY",
                    "orderType": "MARKET", "quantity": 1, "timeInForce": "DAY",
                },
            )  # fmt: skip
        assert floor.sizes_at("XNYS", placed) == [100]
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
