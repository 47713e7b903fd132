"""A whole stack that trades with raw venues, and what a client, a person and a venue see of it.

The law of this file: what is expected is what the venue sent, by its own books; what is found is asked of the
public doors and of the tables that a person reads.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, INSTRUMENTS, VENUES
from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig
from tests.venues.fix_bytes import Fields
from tests.venues.raw_session import Sent
from tests.venues.raw_venue import RawVenues, Venue
from tests.venues.venue_order import VenueOrder, changed

LIT: Final = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX")
VENUE_IDS: Final = tuple(venue[0] for venue in VENUES)
OPEN_STATUSES: Final = ("ACKNOWLEDGED", "PARTIALLY_FILLED")
LOOK_S: Final = 0.03
# How long the router may take to see that a venue's session is back, and with how many orders that is tried.
REOPENS_S: Final = 10.0
ROUTES_MAX: Final = 20
ROUTE_EVENTS: Final = frozenset(("RouteRequested", "RouteDeferred", "RoutePlaced"))
_REFERENCE: Final = {symbol: Decimal(price) for symbol, _, price in INSTRUMENTS}
# An order of such an account and symbol has a position of its own for as long as no other test has the same.
_PLACES: Final = itertools.cycle(itertools.product(INSTITUTIONS + HEDGE_FUNDS, sorted(_REFERENCE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that a client placed. before, cash_before: the position of its account and symbol then."""

    order_id: str
    account: str
    symbol: str
    side: str
    price: str
    quantity: int
    before: int
    cash_before: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A row of execution_exceptions."""

    kind: str
    status: str
    venue_id: str
    order_id: str
    exec_id: str
    raw: bytes
    detail: str


@dataclass(slots=True)
class Floor:
    """One stack with its venues. restarts: of each process, when the running test began."""

    rig: StackRig
    venues: RawVenues
    client: ApiClient
    restarts: dict[str, int] = field(default_factory=dict)
    logons: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, venue_id: str) -> Venue:
        """Return a venue."""
        return self.venues[venue_id]

    @property
    def secrets(self) -> Path:
        """Where the adapter finds its sessions' secrets."""
        return self.rig.layout.data / "secrets"

    @property
    def dsn(self) -> str:
        """The address of the stack's database."""
        return postgres_dsn(self.rig.layout.port("postgres"))

    # ---- what a client does

    def place(
        self,
        *venue_ids: str,
        quantity: int = 100,
        side: str = "BUY",
        time_in_force: str = "DAY",
        symbol: str = "",
        profile: str = "",
        away: Decimal = Decimal("0.02"),
        **terms: Any,
    ) -> Placed:
        """Place a limit order that only these venues may get: it rests, or takes at once when it is IOC.

        away: how far from the market its limit is, as a part of the price. terms: other fields of the order.
        """
        account, symbol = next(place for place in _PLACES if symbol in {"", place[1]})
        # Two percent from the market: within every collar, out of reach of a quote, or well within it.
        lower = (side == "BUY") == (time_in_force in {"DAY", "GTC"})
        price = str((_REFERENCE[symbol] * (1 - away if lower else 1 + away)).quantize(Decimal("0.01")))
        before, cash_before = self._position(account, symbol)
        routing: dict[str, object] = {"avoid": [venue for venue in VENUE_IDS if venue not in venue_ids]}
        body: dict[str, Any] = {
            "clientOrderId": f"hostile-{time.time_ns()}",
            "accountId": account,
            "symbol": symbol,
            "side": side,
            "orderType": "LIMIT",
            "limitPrice": price,
            "quantity": quantity,
            "timeInForce": time_in_force,
            "routing": routing | ({"profile": profile} if profile else {}),
        } | terms
        order_id = self.client.post("/api/v1/orders", body)["orderId"]
        return Placed(
            order_id=order_id,
            account=account,
            symbol=symbol,
            side=side,
            price=price,
            quantity=quantity,
            before=before,
            cash_before=cash_before,
        )

    def cancel(self, placed: Placed) -> None:
        """Ask for an order's cancel."""
        self.client.delete(f"/api/v1/orders/{placed.order_id}")

    def rest(self, venue_id: str, **terms: Any) -> tuple[Placed, VenueOrder]:
        """Place an order that rests at one venue, acknowledged there."""
        placed = self.place(venue_id, **terms)
        child = self.await_children(placed, venue_id)[0]
        self.until(placed, "ACKNOWLEDGED")
        return placed, child

    def child(self, placed: Placed, venue_id: str, attempt: int = 1, leg: int = 1) -> VenueOrder:
        """Wait for a child at its venue."""
        return self[venue_id].order(child_id(placed, attempt, leg))

    def await_children(self, placed: Placed, venue_id: str) -> list[VenueOrder]:
        """Wait for an order's children at one venue, whichever legs they are."""
        venue, parent = self[venue_id], UUID(placed.order_id).hex
        venue.session.wait(lambda: bool(venue.orders_of(parent)), f"35=D of {parent}", REOPENS_S)
        return venue.orders_of(parent)

    def second_child(self, placed: Placed, venue_id: str) -> VenueOrder:
        """Wait for the second child at one venue, of any attempt: the first ones may have found it down."""
        venue, parent = self[venue_id], UUID(placed.order_id).hex
        venue.session.wait(lambda: len(venue.orders_of(parent)) > 1, f"second 35=D of {parent}", REOPENS_S)
        return venue.orders_of(parent)[1]

    def sizes_at(self, venue_id: str, placed: Placed) -> list[int]:
        """Return the size of each child of an order that a venue got, in the order they came."""
        return [order.asked_qty for order in self[venue_id].orders_of(UUID(placed.order_id).hex)]

    # ---- what a client sees

    def order(self, placed: Placed) -> dict[str, Any]:
        """Return the order."""
        found: dict[str, Any] = self.client.get(f"/api/v1/orders/{placed.order_id}")
        return found

    def events(self, placed: Placed) -> list[dict[str, Any]]:
        """Return the order's audit trail."""
        found: list[dict[str, Any]] = self.client.get(f"/api/v1/orders/{placed.order_id}/events")["events"]
        return found

    def executions(self, placed: Placed) -> list[tuple[str, int, Decimal]]:
        """Return (ExecID, quantity, price) of the order's executions."""
        found = self.client.get(f"/api/v1/orders/{placed.order_id}/executions")["executions"]
        return sorted((fill["execId"], fill["lastQty"], Decimal(fill["lastPx"])) for fill in found)

    def position(self, account: str, symbol: str) -> int:
        """Return the position of an account in a symbol."""
        return self._position(account, symbol)[0]

    def _position(self, account: str, symbol: str) -> tuple[int, Decimal]:
        """Return the shares that an account has of a symbol, and what it was paid for them."""
        found = self.client.get(f"/api/v1/accounts/{account}/positions")["positions"]
        row = next((row for row in found if row["symbol"] == symbol), None)
        return (0, Decimal(0)) if row is None else (int(row["quantity"]), Decimal(row["netCash"]))

    def until(self, placed: Placed, *statuses: str, timeout_s: float = EVENTUALLY_S) -> dict[str, Any]:
        """Wait until an order has one of these statuses."""
        return self.until_order(placed, lambda order: order["status"] in statuses, f"{statuses}", timeout_s)

    def until_order(
        self,
        placed: Placed,
        condition: Callable[[dict[str, Any]], bool],
        what: str,
        timeout_s: float = EVENTUALLY_S,
    ) -> dict[str, Any]:
        """Wait for a condition over an order. Raises AssertionError with what happened to it."""
        deadline = time.monotonic() + timeout_s
        while not condition(order := self.order(placed)):
            if time.monotonic() > deadline:
                raise AssertionError(f"order is {shown(order)}, expected {what}{self._story(placed)}")
            time.sleep(LOOK_S)
        return order

    def _story(self, placed: Placed) -> str:
        lines = [
            f"\n  {event['sequence']} {event['eventType']} {event['status']}" for event in self.events(placed)
        ]
        lines.append(f"\n  executions {self.executions(placed)[-5:]}")
        return "".join(lines[-15:] + [f"\n  {noted}" for noted in self.exceptions_of(placed)])

    def until_position(self, placed: Placed, shares: int) -> None:
        """Wait until an order has moved its position by so many shares."""
        self.until_true(
            lambda: self.position(placed.account, placed.symbol) == placed.before + shares,
            f"position of {placed.before + shares}, {self.position(placed.account, placed.symbol)} is",
        )

    def until_event(self, placed: Placed, event_type: str, timeout_s: float = EVENTUALLY_S) -> dict[str, Any]:
        """Wait for an entry of an order's audit trail."""
        found: dict[str, Any] = self.until_true(
            lambda: next((e for e in self.events(placed) if e["eventType"] == event_type), None),
            f"{event_type} of {placed.order_id}",
            timeout_s,
        )
        return found

    def until_books(self, placed: Placed, orders: Iterable[VenueOrder], status: str) -> dict[str, Any]:
        """Wait until the books are as the venues' books: executions, CumQty, average, position, cash."""
        trades = sorted(
            (trade.exec_id, trade.qty, trade.px.quantize(Decimal("0.000001")))
            for order in orders
            for trade in order.trades.values()
        )
        shares = sum(qty for _, qty, _ in trades)
        order = self.until_order(
            placed,
            lambda found: (
                found["status"] == status
                and found["cumQty"] == min(shares, placed.quantity)
                and self.executions(placed) == trades
            ),
            f"{status} with CumQty {min(shares, placed.quantity)} by {trades[-5:]}",
        )
        notional = sum((qty * px for _, qty, px in trades), Decimal(0))
        assert (order["avgPx"] is None) == (shares == 0)
        if shares:
            assert Decimal(order["avgPx"]) == (notional / shares).quantize(Decimal("0.000001"))
        sign = 1 if placed.side == "BUY" else -1
        position, cash = self._position(placed.account, placed.symbol)
        assert position == placed.before + sign * shares
        assert cash == placed.cash_before - sign * notional
        assert order["leavesQty"] == (0 if order["closed"] else placed.quantity - order["cumQty"])
        return order

    # ---- what a person sees

    def exceptions_of(self, placed: Placed) -> list[Noted]:
        """Return the exceptions that name an order."""
        return self._exceptions("order_id = %s", UUID(placed.order_id))

    def exceptions_with(self, raws: Sequence[bytes]) -> list[Noted]:
        """Return the exceptions with one of these raw messages."""
        return self._exceptions("raw = ANY(%s)", list(raws))

    def _exceptions(self, condition: str, value: object) -> list[Noted]:
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT kind, status, venue_id, coalesce(order_id::text, ''), exec_id, raw, detail"
                f" FROM execution_exceptions WHERE {condition} ORDER BY raised_at",
                (value,),
            ).fetchall()
        return [
            Noted(
                kind=row[0],
                status=row[1],
                venue_id=row[2],
                order_id=row[3],
                exec_id=row[4],
                raw=bytes(row[5]),
                detail=row[6],
            )
            for row in rows
        ]

    def until_exception(
        self, sent: Sent, *kinds: str, venue_id: str = "", timeout_s: float = EVENTUALLY_S
    ) -> Noted:
        """Wait for the open exception that keeps a message byte for byte. Raises AssertionError."""
        found: list[Noted] = self.until_true(
            lambda: self.exceptions_with(sent.raws), f"exception with {sent.shown}", timeout_s
        )
        assert {noted.kind for noted in found} <= {*kinds}, found
        assert {noted.status for noted in found} == {"OPEN"}, found
        assert all(noted.detail for noted in found), found
        assert not venue_id or {noted.venue_id for noted in found} == {venue_id}, found
        return found[0]

    def until_exception_of(
        self,
        placed: Placed,
        *kinds: str,
        exec_id: str | None = None,
        sent: Sent | None = None,
        timeout_s: float = EVENTUALLY_S,
    ) -> Noted:
        """Wait for an open exception of one of these kinds that names an order. Raises AssertionError.

        exec_id, sent: the report that it must be about: it has that id, or is kept byte for byte.
        """
        raws = [] if sent is None else sent.raws
        found = self.until_true(
            lambda: [
                noted
                for noted in self.exceptions_of(placed)
                if noted.kind in kinds and (exec_id in {None, noted.exec_id} or noted.raw in raws)
            ],
            f"exception of kind {kinds} for {placed.order_id}, order {shown(self.order(placed))}",
            timeout_s,
        )
        assert found[0].status == "OPEN"
        assert found[0].detail
        noted: Noted = found[0]
        return noted

    def until_journaled(self, sent: Sent) -> None:
        """Wait until a message is in the journal, byte for byte as it was on the wire."""

        def rows() -> bool:
            with self.connection() as connection:
                row = connection.execute(
                    "SELECT count(*) FROM fix_messages WHERE inbound AND raw = ANY(%s)", (sent.raws,)
                ).fetchone()
            return row is not None and row[0] > 0

        self.until_true(rows, f"row of the journal with {sent.shown}")

    def until_kept(self, placed: Placed, sent: Sent, exec_id: str, timeout_s: float = EVENTUALLY_S) -> str:
        """Wait until a trade is booked, or kept for a person. Returns "booked" or the exception's kind."""

        def where() -> str:
            if any(found == exec_id for found, _, _ in self.executions(placed)):
                return "booked"
            kept = self.exceptions_with(sent.raws)
            kept += [noted for noted in self.exceptions_of(placed) if noted.exec_id == exec_id]
            return kept[0].kind if kept else ""

        found: str = self.until_true(where, f"trace of {sent.shown}", timeout_s)
        return found

    @staticmethod
    def until_true(look: Callable[[], Any], what: str, timeout_s: float = EVENTUALLY_S) -> Any:
        """Wait until something is found, and return it. Raises AssertionError with what is missing."""
        deadline = time.monotonic() + timeout_s
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {timeout_s} s")
            time.sleep(LOOK_S)
        return found

    @staticmethod
    def until_empty(look: Callable[[], dict[str, str]], what: str, timeout_s: float = EVENTUALLY_S) -> None:
        """Wait until nothing is found any more. Raises AssertionError with what is still there."""
        deadline = time.monotonic() + timeout_s
        while found := look():
            if time.monotonic() > deadline:
                lines = "".join(f"\n  {name} {text}" for name, text in found.items())
                raise AssertionError(f"{what}, after {timeout_s} s:{lines}")
            time.sleep(LOOK_S)

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection to the stack's database."""
        with contextlib.closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
            yield connection

    def log_end(self, name: str = "execution-adapter") -> int:
        """Return how long a process's log is."""
        return self._log(name).stat().st_size

    def until_logged(
        self, *words: str, since: int, name: str = "execution-adapter", timeout_s: float = EVENTUALLY_S
    ) -> str:
        """Wait for a line of a log with all these words, in whatever case. Raises AssertionError."""

        def line() -> str:
            with self._log(name).open("rb") as log:
                log.seek(since)
                lines = log.read().decode(errors="replace").splitlines()
            return next((one for one in lines if all(word.lower() in one.lower() for word in words)), "")

        found: str = self.until_true(line, f"line with {words} in the log of {name}", timeout_s)
        return found

    def _log(self, name: str) -> Path:
        return self.rig.layout.logs / f"{name}.log"

    def is_judged_clean(self) -> None:
        """Hold that what the judge finds broken is explained by an open exception of that order."""
        with self.connection() as connection:
            explained = {
                str(row[0]): str(row[1])
                for row in connection.execute(
                    "SELECT order_id, string_agg(kind, ', ') FROM execution_exceptions"
                    " WHERE status = 'OPEN' AND order_id IS NOT NULL GROUP BY order_id"
                )
            }
        report = self.rig.verify(settle_s=0)
        unexplained = []
        for finding in report["findings"]:
            found = [sentence for sentence in finding["violations"] if not _is_about(sentence, explained)]
            if finding["broken"] > len(finding["violations"]):
                found.append(f"… {finding['broken']} in all: {finding['invariant']}")
            unexplained += found
        assert not unexplained, "\n".join(unexplained)

    # ---- whether anybody else was harmed

    def can_begin(self) -> bool:
        """Begin a test. Returns whether everything stands well, as far as the last test has left it so."""
        try:
            if not self.is_well():
                return False
            self.begin()
        except AssertionError:
            return False
        return True

    def begin(self) -> None:
        """Let the venues answer everything again, and remember how everything stands."""
        self.restarts = self._restarts()
        for venue in self.venues.venues.values():
            venue.hear()
            venue.answers.clear()
            venue.session.gap_fills = False
        for venue_id, count in self.logons.items():
            if self[venue_id].session.logons != count:
                self.await_routed_to(venue_id)
        self.logons = {name: venue.session.logons for name, venue in self.venues.venues.items()}

    def is_well(self) -> bool:
        """Return whether no process was started again since the last test began, and every session is up."""
        programs = self.rig.programs()
        if not all(program["ready"] for program in programs.values()):
            return False
        if self.restarts and self._restarts() != self.restarts:
            return False
        sessions = [venue.session for venue in self.venues.venues.values()]
        for session in sessions:
            session.takes_connections = True
        deadline = time.monotonic() + EVENTUALLY_S
        with contextlib.suppress(AssertionError):
            for session in sessions:
                session.await_logon(max(0.0, deadline - time.monotonic()))
            return True
        return False

    def goes_on(self, *, at: str, disturbed: Sequence[str] = ()) -> None:
        """Hold that nobody else was harmed by what a venue did.

        No process was started again, no other session was down, and orders are filled at that venue and at
        another. disturbed: venues whose session may have been down.
        """
        assert self._restarts() == self.restarts, self.rig.log_ends()
        calm = {name: count for name, count in self.logons.items() if name not in disturbed}
        assert {name: self[name].session.logons for name in calm} == calm
        other = next(name for name in LIT if name != at and name not in disturbed)
        probes = [(venue_id, self.place(venue_id, quantity=7)) for venue_id in (at, other)]
        children = [self.await_children(placed, venue_id)[-1] for venue_id, placed in probes]
        for (venue_id, _), child in zip(probes, children, strict=True):
            self[venue_id].session.send("8", child.fill(7))
        for (_, placed), child in zip(probes, children, strict=True):
            self.until_books(placed, [child], "FILLED")
            assert self.exceptions_of(placed) == []
        if at in disturbed:
            self.await_routed_to(at)

    def await_routed_to(self, venue_id: str) -> None:
        """Wait until the router has seen that a venue's session is back, so that a first route goes there."""
        for _ in range(ROUTES_MAX):
            placed = self.place(venue_id, quantity=7)
            child = self.await_children(placed, venue_id)[-1]
            self[venue_id].session.send("8", child.fill(7))
            self.until(placed, "FILLED")
            if child.cl_ord_id == child_id(placed):
                return
        raise AssertionError(f"{venue_id} is not routed to at once after {ROUTES_MAX} orders")

    def only_children(
        self, placed: Placed, venue_id: str, *expected: int, disturbed: Sequence[str] = ()
    ) -> None:
        """Hold the size of every child of an order that a venue ever got: no other was sent.

        Another child would have been on its way before the orders of `goes_on`, which wait for their fills,
        or its route would be asked for.
        """
        self.goes_on(at=venue_id, disturbed=disturbed)
        assert self.sizes_at(venue_id, placed) == [*expected], self._story(placed)
        events = self.events(placed)
        routes = [event["eventType"] for event in events if event["eventType"] in ROUTE_EVENTS]
        assert routes[-1] == "RoutePlaced" or self.order(placed)["closed"], self._story(placed)

    def _restarts(self) -> dict[str, int]:
        return {name: program["restarts"] for name, program in self.rig.programs().items()}


def child_id(placed: Placed, attempt: int = 1, leg: int = 1) -> str:
    """Return a child's ClOrdID."""
    return f"{UUID(placed.order_id).hex}-{attempt}-{leg}"


def _is_about(sentence: str, order_ids: Iterable[str]) -> bool:
    """Return whether a sentence of the judge names one of these orders, or a child of one."""
    return any(order_id in sentence or UUID(order_id).hex in sentence for order_id in order_ids)


def shown(order: dict[str, Any]) -> str:
    """Return what matters of an order."""
    return f"{order['status']} cum {order['cumQty']} leaves {order['leavesQty']} ({order['text']})"


def tagged(fields: Fields, *more: tuple[int, bytes | str | int]) -> Fields:
    """Return fields and more behind them."""
    return [*fields, *more]


def report(fields: Fields, **values: bytes | str | int) -> tuple[str, Fields]:
    """Return a 35=8 with some values changed, as `send_together` takes it."""
    return "8", changed(fields, **values)


def start_floor(data: Path, base_port: int, fix_port: int, kafka: str, environment: dict[str, str]) -> Floor:
    """Start venues and a stack that trades with them."""
    venues = RawVenues(fix_port, VENUE_IDS).__enter__()
    rig = StackRig(
        layout=Layout(data=data, base_port=base_port),
        kafka=kafka,
        environment=environment,
        venues=f"127.0.0.1:{fix_port}",
    )
    try:
        rig.up()
    except RuntimeError:
        venues.__exit__()
        raise
    floor = Floor(rig, venues, rig.client("admin1"))
    with floor.connection() as connection:
        # An order is meant for the venue that a test names, whatever the simulated market displays elsewhere.
        connection.execute("UPDATE market_rules SET order_protection = false")
    for venue in venues.venues.values():
        venue.session.await_logon()
    return floor


def stop_floor(floor: Floor) -> None:
    """Stop the stack, then its venues."""
    floor.rig.down()
    floor.venues.__exit__()
