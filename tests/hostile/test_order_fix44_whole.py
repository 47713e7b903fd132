"""FIX 4.4 Appendix D (`tests/scenarios/order_rows`), whole: REST, every service, FIX, a venue on raw sockets.

A tenth of the rows' shares, so that they stay within an account's limits; prices are percent of the first.
What the door refuses at once has no event. A row with a session's end is walked on the machine and through
core: this stack's market has none.
"""

import contextlib
from decimal import Decimal
from uuid import UUID

import pytest

from oms_client.errors import ConflictError
from tests.hostile.floor import Floor, Placed
from tests.scenarios.order_rows import ROWS, Line
from tests.venues.fix_bytes import Message
from tests.venues.venue_order import CANCELED, VenueOrder

SCALE = 10
VENUES = ("XNYS", "XNAS")
WHOLE = [name for name, lines in ROWS.items() if all(line.act != "session ends" for line in lines)]
# What makes a venue answer a request, once it was asked.
ASKED = ("PENDING_CANCEL", "PENDING_REPLACE", "SUSPENDED")


class WholeOrder:
    """A row from a client's side, and from its venues'."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.placed: Placed | None = None
        self.status = ""
        # (its order at the venue, ExecID) of each trade.
        self.trades: list[tuple[VenueOrder, str]] = []
        # ClOrdIDs of the requests that venues have answered.
        self.answered: set[str] = set()
        for venue_id in VENUES:
            floor[venue_id].hear("F", "G")

    def do(self, line: Line) -> None:
        """Let an act happen, and hold the order to what it is after it."""
        said = "" if self.placed is None else self._types()
        refused = self._act(line)
        placed = self._order
        status, *quantities = line.state
        wanted = [quantity // SCALE for quantity in quantities]
        self.floor.until_order(
            placed,
            lambda order: (
                order["status"] == status
                and [order["quantity"], order["cumQty"], order["leavesQty"]] == wanted
            ),
            f"{line}",
        )
        self.status = status
        if line.says and not refused:
            new = self.floor.until_true(
                lambda: line.says in self._types()[len(said) :] or None, f"{line.says} after {line.act}"
            )
            assert new
        if line.says.endswith("Requested") or line.says == "OrderSuspended":
            for child in self._live:
                self._request(child)

    @property
    def _order(self) -> Placed:
        assert self.placed is not None
        return self.placed

    def _types(self) -> list[str]:
        return [event["eventType"] for event in self.floor.events(self._order)]

    @property
    def _live(self) -> list[VenueOrder]:
        parent = UUID(self._order.order_id).hex
        found = [order for venue in VENUES for order in self.floor[venue].orders_of(parent)]
        return [order for order in found if order.leaves and not order.closed_as]

    def _send(self, child: VenueOrder, msg_type: str, body: object) -> None:
        self.floor[self._venue_of(child)].session.send(msg_type, body)  # type: ignore[arg-type]

    def _venue_of(self, child: VenueOrder) -> str:
        return next(venue for venue in VENUES if child.cl_ord_id in self.floor[venue].orders)

    def _request(self, child: VenueOrder) -> Message:
        """Wait for a request of a child that its venue has not answered yet."""
        session = self.floor[self._venue_of(child)].session
        found = self.floor.until_true(
            lambda: [m for kind in "FG" for m in session.of_type(kind) if self._is_open(child, m)],
            f"35=F or 35=G of {child.name}",
        )
        return found[0]

    def _is_open(self, child: VenueOrder, request: Message) -> bool:
        return request.text(41) == child.name and request.text(11) not in self.answered

    def _act(self, line: Line) -> bool:
        """Let an act happen. Returns whether the door has answered it whole."""
        path = f"/api/v1/orders/{'' if self.placed is None else self.placed.order_id}"
        client = self.floor.client
        try:
            match line.act:
                case "new":
                    self.placed = self.floor.place(
                        *VENUES, quantity=10_000 // SCALE, time_in_force=line.force
                    )
                    self._until_worked()
                case "denied":
                    self.placed = self.floor.place(*VENUES, quantity=10_000 // SCALE, away=Decimal(-8))
                case "cancel":
                    client.delete(path)
                    # A second one is answered by the first one's request.
                    return self.status == "PENDING_CANCEL"
                case "suspend" | "resume":
                    client.request("POST", f"{path}/{line.act}")
                case "replace":
                    client.request("PATCH", path, body=self._change(line))
                case _:
                    self._venues(line)
        except ConflictError:
            return True
        return False

    def _until_worked(self) -> None:
        """Wait until venues have all that the order has open."""
        self.floor.until_true(
            lambda: sum(child.leaves for child in self._live) == self._order.quantity, "children of it all"
        )

    def _change(self, line: Line) -> dict[str, object]:
        change: dict[str, object] = {"quantity": line.numbers[0] // SCALE} if line.numbers else {}
        if line.price is not None:
            price = Decimal(self._order.price) * line.price / 100
            change["limitPrice"] = str(price.quantize(Decimal("0.01")))
        return change

    def _venues(self, line: Line) -> None:
        match line.act:
            case "trade":
                left = line.numbers[0] // SCALE
                if self.status not in ASKED:
                    # What the order has open has been routed again, whatever became of its last children.
                    self.floor.until_true(
                        lambda: sum(child.leaves for child in self._live) >= left, f"{left} shares at venues"
                    )
                for child in self._live:
                    if shares := min(left, child.leaves):
                        trade = f"T-{child.cl_ord_id}-{len(self.trades)}"
                        self._send(child, "8", child.fill(shares, exec_id=trade))
                        self.trades.append((child, trade))
                    left -= shares
            case "bust" | "reopen":
                child, trade = self.trades[line.numbers[0] - 1]
                if line.act == "bust":
                    child.closed_as = child.closed_as or CANCELED
                self._send(child, "8", child.bust(trade))
            case "correct":
                child, trade = self.trades[line.numbers[0] - 1]
                self._send(child, "8", child.correct(trade, line.numbers[1] // SCALE, child.price))
            case act:
                for child in self._live:
                    self._end(child, act, line)

    def _end(self, child: VenueOrder, act: str, line: Line) -> None:
        asked = self._request(child) if self.status in ASKED else None
        if asked is not None:
            self.answered.add(asked.text(11))
        match act:
            case "venues cancel":
                self._send(child, "8", child.cancel(asked))
            case "venues replace":
                assert asked is not None and asked.msg_type == "G", asked
                self._send(child, "8", child.replace(asked))
            case "venues keep" | "venues refuse":
                assert asked is not None and asked.msg_type == ("F" if act == "venues keep" else "G"), asked
                self._send(child, "9", child.refuse_cancel(asked, 0))
            case "venues reject":
                self._send(child, "8", child.reject())
            case "venues are done":
                child.closed_as = "3"
                self._send(child, "8", child.report("3"))
            case "venues have":
                self._send(child, "8", child.restate(line.numbers[0] // SCALE))
            case _:
                raise AssertionError(act)


@pytest.mark.parametrize("row", WHOLE)
def test_row(floor: Floor, row: str) -> None:
    order = WholeOrder(floor)
    for line in ROWS[row]:
        order.do(line)
    with contextlib.suppress(ConflictError):
        for venue_id in VENUES:
            floor[venue_id].hear()
        if not floor.order(order.placed)["closed"]:  # type: ignore[arg-type]
            floor.cancel(order.placed)  # type: ignore[arg-type]


def test_all_of_it_is_judged_clean(floor: Floor) -> None:
    floor.is_judged_clean()
