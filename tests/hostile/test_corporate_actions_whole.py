"""Splits and renames with `--cancel-open` through a whole stack: open orders are out at the venues before."""

import pytest

from oms_tools.cli.position_commands import CANCEL_WAIT_S
from tests.hostile.floor import VENUE_IDS, Floor, Placed
from tests.hostile.test_hostile_venue_flattened import bought
from tests.venues.fix_bytes import Message
from tests.venues.raw_session import RawSession

VENUE = "XNYS"


def halt(floor: Floor, symbol: str) -> None:
    floor.client.post("/api/v1/halts", {"symbol": symbol, "reason": "corporate action"})


def lift(floor: Floor, symbol: str) -> None:
    floor.client.post(f"/api/v1/halts/{symbol}/lift", {"reason": "done"})


def resting(floor: Floor, placed: Placed) -> Placed:
    """Rest an order for the symbol of another one at its venue."""
    order, _ = floor.rest(VENUE, symbol=placed.symbol)
    return order


def held_by_all(floor: Floor, symbol: str) -> int:
    """Return the shares that all accounts hold together."""
    with floor.connection() as connection:
        query = "SELECT coalesce(sum(quantity), 0) FROM positions WHERE symbol = %s"
        return int((connection.execute(query, (symbol,)).fetchone() or (0,))[0])


def test_a_split_takes_open_orders_out_at_their_venue_and_multiplies_what_is_held(floor: Floor) -> None:
    placed = bought(floor, 101)
    held = floor.position(placed.account, placed.symbol)
    order = resting(floor, placed)
    halt(floor, placed.symbol)
    refused = floor.rig.oms("corporate-action", "split", placed.symbol, "3:2", "--reason", "3 for 2")
    assert refused.returncode == 1 and order.order_id in refused.stderr, refused
    done = floor.rig.oms(
        "corporate-action", "split", placed.symbol, "3:2", "--cancel-open", "--reason", "3 for 2"
    )
    assert done.returncode == 0 and "done" in done.stdout, done
    assert floor.order(order)["status"] == "CANCELED"
    (child,) = floor.await_children(order, VENUE)
    assert (child.leaves, child.cum) == (0, 0)
    assert floor.position(placed.account, placed.symbol) == held * 3 // 2
    lift(floor, placed.symbol)
    floor.is_judged_clean()


def test_while_a_venue_is_silent_about_a_cancel_nothing_is_split_and_the_order_is_named(
    floor: Floor,
) -> None:
    placed = bought(floor, 100)
    held = held_by_all(floor, placed.symbol)
    order = resting(floor, placed)
    (child,) = floor.await_children(order, VENUE)

    def nothing(_session: RawSession, _message: Message) -> None:
        """Say nothing."""

    for kind in ("F", "H"):
        floor[VENUE].answers[kind] = nothing
    halt(floor, placed.symbol)
    words = ("corporate-action", "split", placed.symbol, "2:1", "--cancel-open", "--reason", "2 for 1")
    refused = floor.rig.oms(*words)
    assert refused.returncode == 1
    assert f"after {CANCEL_WAIT_S:g} s" in refused.stderr and order.order_id[-8:] in refused.stderr, refused
    assert held_by_all(floor, placed.symbol) == held
    # The venue has traded it meanwhile: the fill is of before the split, and is split with the rest.
    floor[VENUE].answers.clear()
    floor[VENUE].session.send("8", child.fill(child.leaves))
    floor.until(order, "FILLED")
    done = floor.rig.oms(*words)
    assert done.returncode == 0, done
    assert held_by_all(floor, placed.symbol) == 2 * (held + order.quantity)
    lift(floor, placed.symbol)
    floor.is_judged_clean()


def test_a_rename_takes_open_orders_out_and_moves_what_is_held_to_the_new_symbol(floor: Floor) -> None:
    placed = bought(floor, 100)
    held, of_all = floor.position(placed.account, placed.symbol), held_by_all(floor, placed.symbol)
    order = resting(floor, placed)
    with floor.connection() as connection:
        (new,) = connection.execute(
            "SELECT symbol FROM instruments i WHERE status = 'ACTIVE' AND NOT EXISTS ("
            " SELECT FROM positions p WHERE p.symbol = i.symbol AND p.quantity <> 0) ORDER BY 1 DESC LIMIT 1"
        ).fetchone() or pytest.fail("every instrument is held")
    halt(floor, placed.symbol)
    words = ("corporate-action", "rename", placed.symbol, str(new), "--cancel-open", "--reason", "new name")
    looked = floor.rig.oms(*words, "--check")
    assert looked.returncode == 1 and order.order_id in looked.stderr, looked
    done = floor.rig.oms(*words)
    assert done.returncode == 0, done
    assert floor.order(order)["status"] == "CANCELED"
    assert all(child.leaves == 0 for child in floor.await_children(order, VENUE))
    assert floor.position(placed.account, placed.symbol) == 0
    assert (floor.position(placed.account, str(new)), held_by_all(floor, str(new))) == (held, of_all)
    assert not [one for name in VENUE_IDS for one in floor[name].orders.values() if one.leaves]
    with floor.connection() as connection:
        rows = connection.execute("SELECT status FROM instruments WHERE symbol = %s", (placed.symbol,))
        assert rows.fetchall() == [("INACTIVE",)]
        connection.execute("UPDATE instruments SET status = 'ACTIVE' WHERE symbol = %s", (placed.symbol,))
    lift(floor, placed.symbol)
    floor.is_judged_clean()
