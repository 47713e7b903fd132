"""A core on stores and carriers in memory: what goes in, what comes out, what is kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from oms_core.adapters.memory_store import InMemoryOrderStore
from oms_core.domain.desk import Desk
from oms_core.domain.order import Order
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.domain.touch import TouchPrices
from oms_core.entrypoints.loop import CoreLoop
from oms_core.entrypoints.republication import ADAPTER_GROUP, ROUTER_GROUP
from oms_core.handlers import Core
from oms_core.ports import UnitOfWork
from oms_platform import ids, order_ids
from oms_platform.kafka.memory import MemoryBroker, MemorySink, MemorySource, Written
from oms_platform.kill_switches import FixedKills
from oms_platform.messages import (
    CancelOrder,
    CancelReject,
    ExecutionReport,
    ReplaceOrder,
    ResumeOrder,
    RouteAnswer,
    RouteRequest,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.risk_rules import Mode, RuleRow, Value
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.trading_calendar import EVER_OPEN, Calendar
from oms_platform.vocabulary import (
    ChildTerms,
    ExecType,
    Message,
    OrderChange,
    OrderTerms,
    OrderType,
    RoutePlaced,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic, decode
from tests.unit.oms_core.orders import NOW, PRICE

ACCOUNT = "ACC-INST-001"
OTHER = "ACC-2"
MUCH = 10**15


def rule(name: str, scope: Scope = EVERYTHING, mode: Mode | None = None, **parameters: Value) -> RuleRow:
    """Return a row of a rule."""
    return RuleRow(rule=name, scope=scope, mode=mode, parameters=parameters)


def limits(
    *,
    quantity_max: int = 1_000_000,
    notional_max: int = MUCH,
    collar_bps: int = 500,
    buying_power: int = MUCH,
) -> tuple[RuleRow, ...]:
    """Return the limits of every account, dollars in micros; short sales are not marked, and orders cross."""
    return (
        rule("ORDER_QTY_EXCEEDS_MAX", quantity_max=quantity_max),
        rule("ORDER_NOTIONAL_EXCEEDS_MAX", notional_max=notional_max),
        rule("PRICE_OUTSIDE_COLLAR", collar_bps=collar_bps),
        rule("BUYING_POWER_EXCEEDED", buying_power=buying_power),
        rule("SHORT_SALE_UNMARKED", mode=Mode.OFF),
        rule("SELF_CROSS", mode=Mode.OFF),
    )


LIMITS = limits()
BID, OFFER = 99_990_000, 100_010_000


@dataclass(slots=True)
class FixedQuotes:
    """Every symbol at one touch."""

    quote: TouchPrices

    def touch(self, symbol: str) -> TouchPrices:
        """Return it."""
        return self.quote


class Scene:
    """Drives one core's loop step by step, under a clock that is set by hand."""

    def __init__(
        self,
        limits: Iterable[RuleRow] = LIMITS,
        refuses: Callable[[UnitOfWork], str | None] = lambda _unit: None,
        calendar: Calendar = EVER_OPEN,
        now: datetime = NOW,
    ) -> None:
        self.now = now
        self.broker = MemoryBroker()
        self.store = InMemoryOrderStore(
            {one: AccountTerms(account_id=one) for one in (ACCOUNT, OTHER)},
            {
                "AAPL": InstrumentTerms(
                    symbol="AAPL",
                    active=True,
                    calendar_id=calendar.calendar_id,
                    reference_micros=PRICE,
                    listing_venue="XNYS",
                )
            },
            refuses=refuses,
            calendars=(calendar,),
            rules=limits,
        )
        self.quotes = FixedQuotes(TouchPrices(bid_micros=BID, offer_micros=OFFER))
        self.sink = MemorySink(self.broker)
        self.market_order_age_max = timedelta(0)
        self.day_orders_wait = False
        self.kills = FixedKills()
        # What the router and the adapter have read, by topic.
        self.read: dict[Topic, int] = {Topic.VALIDATED: 0, Topic.ROUTED: 0}
        self.start()

    def start(self) -> None:
        """Begin a core's life: memory is empty, the store is as the last life left it."""
        self.core = Core(
            desk=Desk(),
            store=self.store,
            quotes=self.quotes,
            market_order_age_max=self.market_order_age_max,
            day_orders_wait=self.day_orders_wait,
            kills=self.kills,
        )
        self.source = MemorySource(self.broker, (Topic.INBOUND, Topic.FILLS), self.store.offsets)
        self.loop = CoreLoop(
            core=self.core,
            store=self.store,
            consumer=self.source,
            publisher=self.sink,
            ring=self,
            clock=lambda: self.now,
        )
        self.loop.take_partitions({0})

    # ---- the ring, as the core sees it

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return how far a topic reaches."""
        return self.broker.ends(topic)

    def read_up_to(self, topic: Topic, group: str) -> Mapping[int, int]:
        """Return how far a group has read."""
        if not group:
            return self.source.reached(topic)
        assert group in (ROUTER_GROUP, ADAPTER_GROUP)
        return {0: self.read[topic]}

    def everybody_has_read(self) -> None:
        """Let the router and the adapter have read what there is."""
        for topic in self.read:
            self.read[topic] = self.broker.ends(topic)[0]

    # ---- what goes in

    def step(self, seconds: float = 0) -> None:
        """Let time pass, and the loop work once."""
        self.now += timedelta(seconds=seconds)
        self.loop.step(0)

    def send(self, topic: Topic, message: Message, account: str = ACCOUNT) -> None:
        """Publish as others do, and let the loop work."""
        sink = MemorySink(self.broker)
        sink.send(topic.value, account, message, event_id=ids.uuid7())
        sink.flush()
        self.step()

    def order(self, *, publish: bool = True, **changes: Any) -> UUID:
        """Take in an order for 300 AAPL at 100, with changes of its terms."""
        order_id = self._new_id()
        values: dict[str, Any] = {
            "account_id": ACCOUNT,
            "channel": "TEST",
            "client_order_id": str(order_id),
            "principal": "trader1",
            "symbol": "AAPL",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity": 300,
            "limit_price_micros": PRICE,
        }
        values |= changes
        if values["order_type"] is OrderType.MARKET:
            values["limit_price_micros"] = None
        if values["time_in_force"] is TimeInForce.GTD:
            values.setdefault("expire_at", self.now + timedelta(days=1))
        request = SubmitOrder(order_id=order_id, received_at=self.now, terms=OrderTerms(**values))
        self.store.take_request(request)
        if publish:
            self.send(Topic.INBOUND, request)
        return order_id

    def publish(self, order_id: UUID) -> None:
        """Publish an order that was taken in."""
        request, _ = self.store.requests[order_id]
        self.send(Topic.INBOUND, request)

    def _new_id(self) -> UUID:
        """Make an id that is born now, by the scene's clock."""
        born, random_part = ids.uuid7_floor(self.now).int >> 80, ids.uuid7().int & (1 << 80) - 1
        return UUID(int=born << 80 | random_part)

    def cancel(self, order_id: UUID, *, publish: bool = True, request_id: UUID | None = None) -> UUID:
        """Take in a request to cancel."""
        request = CancelOrder(
            request_id=request_id or ids.uuid7(),
            order_id=order_id,
            account_id=ACCOUNT,
            received_at=self.now,
        )
        self.store.take_request(request)
        if publish:
            self.send(Topic.INBOUND, request)
        return request.request_id

    def replace(self, order_id: UUID, change: OrderChange, *, request_id: UUID | None = None) -> UUID:
        """Take in a request to change an order."""
        return self._ask(
            ReplaceOrder(
                request_id=request_id or ids.uuid7(),
                order_id=order_id,
                account_id=ACCOUNT,
                received_at=self.now,
                change=change,
            )
        )

    def suspend(self, order_id: UUID) -> UUID:
        """Take in a request to suspend an order."""
        return self._ask(
            SuspendOrder(request_id=ids.uuid7(), order_id=order_id, account_id=ACCOUNT, received_at=self.now)
        )

    def resume(self, order_id: UUID) -> UUID:
        """Take in a request to go on with a suspended order."""
        return self._ask(
            ResumeOrder(request_id=ids.uuid7(), order_id=order_id, account_id=ACCOUNT, received_at=self.now)
        )

    def _ask(self, request: ReplaceOrder | SuspendOrder | ResumeOrder) -> UUID:
        self.store.take_request(request)
        self.send(Topic.INBOUND, request)
        return request.request_id

    def place(self, order_id: UUID, *legs: tuple[str, int], **answer: Any) -> None:
        """Answer the route that the order waits for."""
        order = self.state(order_id)
        children = tuple(
            ChildTerms(
                order_id=order_id,
                cl_ord_id=order_ids.child_cl_ord_id(order_id, order.attempt, number),
                attempt=order.attempt,
                leg=number,
                account_id=ACCOUNT,
                venue_id=venue,
                symbol="AAPL",
                side=order.terms.side,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.DAY,
                quantity=quantity,
                limit_price_micros=order.worked_terms.limit_price_micros or PRICE,
            )
            for number, (venue, quantity) in enumerate(legs, 1)
        )
        placed = RoutePlaced(attempt=order.attempt, children=children, placed_at=self.now, **answer)
        self.send(
            Topic.FILLS,
            RouteAnswer(route_id=ids.uuid7(), order_id=order_id, account_id=ACCOUNT, placed=placed),
        )

    def report(
        self, order_id: UUID, kind: ExecType, leg: int = 1, *, attempt: int = 1, **fields: Any
    ) -> ExecutionReport:
        """Report of a child as the adapter does."""
        report = ExecutionReport(
            order_id=order_id,
            account_id=ACCOUNT,
            cl_ord_id=order_ids.child_cl_ord_id(order_id, attempt, leg),
            venue_id=fields.pop("venue_id", "XNYS"),
            exec_id=fields.pop("exec_id", str(ids.uuid7())),
            exec_type=kind,
            symbol=fields.pop("symbol", "AAPL"),
            side=fields.pop("side", Side.BUY),
            order_qty=fields.pop("order_qty", 300),
            transact_time=fields.pop("transact_time", self.now),
            received_at=self.now,
            **fields,
        )
        self.send(Topic.FILLS, report)
        return report

    def bust(self, order_id: UUID, exec_ref_id: str, leg: int = 1, **fields: Any) -> ExecutionReport:
        """Report that a venue took a trade back."""
        return self.report(order_id, ExecType.TRADE_CANCEL, leg, exec_ref_id=exec_ref_id, **fields)

    def correct(
        self, order_id: UUID, exec_ref_id: str, quantity: int, leg: int = 1, **fields: Any
    ) -> ExecutionReport:
        """Report that a venue corrected a trade, at 100 if no price is given."""
        fields.setdefault("last_px_micros", PRICE)
        return self.report(
            order_id, ExecType.TRADE_CORRECT, leg, exec_ref_id=exec_ref_id, last_qty=quantity, **fields
        )

    def fill(self, order_id: UUID, quantity: int, leg: int = 1, **fields: Any) -> ExecutionReport:
        """Report a trade at 100."""
        fields.setdefault("last_px_micros", PRICE)
        return self.report(order_id, ExecType.TRADE, leg, last_qty=quantity, **fields)

    def keep(
        self,
        order_id: UUID,
        leg: int = 1,
        *,
        attempt: int = 1,
        reason: int = 0,
        venue_id: str = "XNYS",
        replaces: bool = False,
    ) -> None:
        """Let a venue refuse the cancel of a child, or, `replaces`, to change it."""
        child = order_ids.child_cl_ord_id(order_id, attempt, leg)
        self.send(
            Topic.FILLS,
            CancelReject(
                order_id=order_id,
                account_id=ACCOUNT,
                cl_ord_id=f"{child}-C1",
                orig_cl_ord_id=child,
                venue_id=venue_id,
                transact_time=self.now,
                cxl_rej_reason=reason,
                replace=replaces,
            ),
        )

    # ---- what comes out and is kept

    def state(self, order_id: UUID) -> Order:
        """Return an order as the store has it."""
        return self.store.orders[order_id]

    def quantities(self, order_id: UUID) -> tuple[str, int, int]:
        """OrdStatus, CumQty, LeavesQty as the store has them."""
        order = self.state(order_id)
        return order.status.name, order.cum_qty, order.leaves_qty

    def event_types(self, order_id: UUID) -> list[str]:
        """Return the names of the order's events."""
        return [event.type for event in self.store.events.get(order_id, ())]

    def published(self, topic: Topic) -> list[Message]:
        """Return what was published to a topic."""
        return [decode(record.type_name, record.payload) for record in self.broker.records(topic)]

    def route_requests(self) -> list[RouteRequest]:
        """Return the route requests that were published."""
        return [message for message in self.published(Topic.VALIDATED) if isinstance(message, RouteRequest)]

    def exceptions(self) -> list[str]:
        """Return the kinds of the exceptions that were raised."""
        return [exception.kind.name for exception in self.store.exceptions.values()]

    def dead_letters(self) -> list[Written]:
        """Return the dead letters."""
        return self.broker.dead_letters()


def until(at: datetime, seconds: float) -> datetime:
    """Return a time so many seconds later."""
    return at + timedelta(seconds=seconds)
