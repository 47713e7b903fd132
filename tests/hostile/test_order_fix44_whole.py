"""FIX 4.4 Appendix D (`tests/scenarios/order_rows`), whole: REST, every service, FIX, a venue on raw sockets.

A tenth of the rows' shares, so that they stay within an account's limits; prices are percent of the first.
What the door refuses at once has no event. The rows with a session's end are walked side by side: up to
there in a session that goes on for long, then its close is set to be at once, as an exchange does that closes
early, and they go on in the next session, or with none to come.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
CLOSE = "session ends"
WHOLE = [name for name, lines in ROWS.items() if all(line.act != CLOSE for line in lines)]
OVER_A_CLOSE = [name for name in ROWS if name not in WHOLE]
# What trades again at once after the close, and what does not.
SYMBOL, CLOSED_SYMBOL = "AAPL", "MSFT"
AGAIN, NOT_AGAIN = "AGAIN", "NOT_AGAIN"
# Core looks at its calendars every five seconds.
# What makes a venue answer a request, once it was asked.
ASKED = ("PENDING_CANCEL", "PENDING_REPLACE", "SUSPENDED")


class WholeOrder:
    """A row from a client's side, and from its venues'."""

    def __init__(self, floor: Floor, symbol: str = "") -> None:
        self.floor = floor
        self.symbol = symbol
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
        # The close of many rows has come before it is looked for at one of them.
        said = [] if self.placed is None or line.act == CLOSE else self._types()
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

    def _request(self, child: VenueOrder, kinds: str = "FG") -> Message:
        """Wait for a request of a child, of one of these MsgTypes, that its venue has not answered yet."""
        session = self.floor[self._venue_of(child)].session
        found = self.floor.until_true(
            lambda: [m for kind in kinds for m in session.of_type(kind) if self._is_open(child, m)],
            f"35=F or 35=G of {child.name}",
        )
        request: Message = found[0]
        return request

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
                        *VENUES, quantity=10_000 // SCALE, time_in_force=line.force, symbol=self.symbol
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
            case "session ends":
                return
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
        # A cancel may have come behind a replace that is not answered yet.
        kinds = {"venues replace": "G", "venues refuse": "G", "venues keep": "F"}.get(act, "FG")
        asked = self._request(child, kinds) if self.status in ASKED else None
        if asked is not None:
            self.answered.add(asked.text(11))
        match act:
            case "venues cancel":
                self._send(child, "8", child.cancel(asked))
            case "venues replace":
                assert asked is not None
                self._send(child, "8", child.replace(asked))
            case "venues keep" | "venues refuse":
                assert asked is not None
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


class Sessions:
    """The sessions of two markets, as rows: SYMBOL's goes on with the next one, CLOSED_SYMBOL's has none."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.begins = datetime.now(UTC) - timedelta(hours=1)
        self.closes = self.begins + timedelta(hours=9)
        self.opens = self.closes + timedelta(hours=12)

    def _do(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        with self.floor.connection() as connection, connection.transaction():
            for statement, values in statements:
                connection.execute(statement, values)

    def begin(self) -> None:
        """Let both be in their first session."""
        session = "INSERT INTO calendar_sessions VALUES (%s, %s, %s, %s, false)"
        day, next_day = self.begins.date(), self.begins.date() + timedelta(days=1)
        self._do(
            ("INSERT INTO calendars VALUES (%s, 'UTC', NULL), (%s, 'UTC', NULL)", (AGAIN, NOT_AGAIN)),
            (session, (AGAIN, day, self.begins, self.closes)),
            (session, (AGAIN, next_day, self.closes, self.opens)),
            (session, (NOT_AGAIN, day, self.begins, self.closes)),
            (session, (NOT_AGAIN, next_day, self.opens, self.opens + timedelta(hours=8))),
            ("UPDATE instruments SET calendar_id = %s WHERE symbol = %s", (AGAIN, SYMBOL)),
            ("UPDATE instruments SET calendar_id = %s WHERE symbol = %s", (NOT_AGAIN, CLOSED_SYMBOL)),
        )

    def close(self) -> None:
        """Close both now, hours before they were to close."""
        now = datetime.now(UTC)
        moved = "UPDATE calendar_sessions SET {} = %s WHERE {} = %s AND calendar_id = ANY(%s)"
        both = [AGAIN, NOT_AGAIN]
        self._do(
            (moved.format("opens_at", "opens_at"), (now, self.closes, both)),
            (moved.format("closes_at", "closes_at"), (now, self.closes, both)),
        )

    def end(self) -> None:
        """Let everything trade at any time again."""
        self._do(
            ("UPDATE instruments SET calendar_id = 'SIM' WHERE calendar_id LIKE %s", (f"%{AGAIN}",)),
            ("DELETE FROM calendars WHERE calendar_id LIKE %s", (f"%{AGAIN}",)),
        )


@pytest.fixture
def sessions(floor: Floor) -> Iterator[Sessions]:
    """Markets with sessions."""
    sessions = Sessions(floor)
    sessions.begin()
    yield sessions
    sessions.end()


def test_each_row_over_a_close_and_what_waits_behind_it(floor: Floor, sessions: Sessions) -> None:
    rows = {row: WholeOrder(floor, SYMBOL) for row in OVER_A_CLOSE}
    ends = {row: [line.act for line in ROWS[row]].index(CLOSE) for row in rows}
    for row, order in rows.items():
        for line in ROWS[row][: ends[row]]:
            order.do(line)
    day, day_child = floor.rest("ARCX", symbol=CLOSED_SYMBOL)
    gtc, gtc_child = floor.rest("ARCX", symbol=CLOSED_SYMBOL, time_in_force="GTC")
    until = sessions.closes.isoformat()
    till, till_child = floor.rest(
        "ARCX", symbol=CLOSED_SYMBOL, time_in_force="GTD", expireTime=until, away=Decimal("-0.02")
    )
    algo = floor.place("ARCX", symbol=CLOSED_SYMBOL, algo={"strategy": "TWAP", "endAt": until, "slices": 1})

    sessions.close()
    floor.until(day, "EXPIRED")
    for row, order in rows.items():
        for line in ROWS[row][ends[row] :]:
            order.do(line)

    # Where no session follows: DAY orders are out of their venues, GTC ones are left there, and count.
    assert day_child.closed_as == CANCELED and not gtc_child.closed_as
    assert floor.until(algo, "EXPIRED")["text"] == "the trading day ended"
    over = floor.until(till, "EXPIRED")
    assert over["text"].endswith("its market does not open again before") and till_child.closed_as == CANCELED
    assert floor.sizes_at("ARCX", algo) == []
    floor["ARCX"].session.send("8", gtc_child.fill(40))
    assert floor.until(gtc, "PARTIALLY_FILLED")["leavesQty"] == 60
    # What a venue gives back is not routed before the open, and new orders wait for it, or are denied.
    floor["ARCX"].session.send("8", gtc_child.cancel(None))
    opens = f"{sessions.opens.isoformat(timespec='seconds').removesuffix('+00:00')}Z"
    waits = floor.place("ARCX", symbol=CLOSED_SYMBOL, time_in_force="GTC")
    for placed in (gtc, waits):
        text = f"waits for the open at {opens}"
        floor.until_order(placed, lambda order, text=text: order["text"] == text, text)  # type: ignore[misc]
    denied = floor.until(floor.place("ARCX", symbol=CLOSED_SYMBOL), "REJECTED")
    assert denied["text"].startswith(f"MARKET_CLOSED: symbol={CLOSED_SYMBOL}, calendar={NOT_AGAIN}")
    assert floor.sizes_at("ARCX", waits) == [] and len(floor.sizes_at("ARCX", gtc)) == 1
    for placed in (gtc, waits):
        floor.cancel(placed)
        floor.until(placed, "CANCELED")
    assert floor.order(gtc)["cumQty"] == 40


def test_all_of_it_is_judged_clean(floor: Floor) -> None:
    floor.is_judged_clean()
