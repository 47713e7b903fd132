"""Which events a FIX client is told, and that it hangs on what is stored alone."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.entrypoints.fix_events import EventReports
from oms_api.handlers import Placed
from oms_api.ports import FixClient, Replacement
from oms_platform.fix.clients import ClientSettings
from oms_platform.messages import CancelOrder, OrderEvent, ReplaceOrder
from oms_platform.vocabulary import (
    CancelRejected,
    OrderChange,
    OrderReplaced,
    OrderStatus,
    OrderTerms,
    OrderType,
    ReplaceRejected,
    ReplaceRequested,
    Side,
    TimeInForce,
)
from oms_platform.wire import encode

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ORDER = UUID("01900000-0000-7000-8000-000000000001")
REQUESTS = {
    name: UUID(int=ORDER.int + number)
    for number, name in enumerate(("Y", "Z", "rest", "R", "S", "elsewhere"), 1)
}


def terms(channel: str = "FIX", principal: str = "fix:FUND") -> OrderTerms:
    return OrderTerms(
        account_id="ACC", channel=channel, client_order_id="X", principal=principal, symbol="AAPL",
        side=Side.BUY, order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY, quantity=100,
    )  # fmt: skip


# What the requests of these names ask for.
REPLACES = {"R": 150, "S": 80, "elsewhere": 60}


def replace(name: str) -> ReplaceOrder:
    by_fix = name != "elsewhere"
    return ReplaceOrder(
        request_id=REQUESTS[name], order_id=ORDER, account_id="ACC", received_at=NOW,
        principal="fix:FUND" if by_fix else "trader1", cl_ord_id=name if by_fix else "",
        change=OrderChange(quantity=REPLACES[name]),
    )  # fmt: skip


def cancel(name: str) -> CancelOrder:
    by_fix = name != "rest"
    return CancelOrder(
        request_id=REQUESTS[name], order_id=ORDER, account_id="ACC", received_at=NOW,
        principal="fix:FUND" if by_fix else "trader1", cl_ord_id=name if by_fix else "",
    )  # fmt: skip


CANCELS = [name for name in REQUESTS if name not in REPLACES]


class Stored:
    """The FixOrders of one order, by what was stored until `seen` events: as the statements read it."""

    def __init__(self, order: OrderTerms, events: Sequence[OrderEvent]) -> None:
        self._order = order
        self._events = events

    async def terms(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderTerms]:
        return dict.fromkeys(order_ids, self._order)

    async def changes(self, request_ids: Sequence[UUID]) -> dict[UUID, CancelOrder | ReplaceOrder]:
        named = [name for name in REQUESTS if REQUESTS[name] in request_ids]
        return {REQUESTS[name]: replace(name) if name in REPLACES else cancel(name) for name in named}

    async def replacements(self, orders: Sequence[tuple[UUID, int]]) -> list[Replacement]:
        before = dict(orders).get(ORDER, 0)
        done = [one.order_replaced for one in self._events if one.sequence < before]
        of_request = {REQUESTS[name]: replace(name) for name in REPLACES}
        return [
            Replacement(order_id=ORDER, terms=one.terms, request=of_request[one.request_id])
            for one in done
            if one is not None
        ]

    async def cancel_of(self, _order_id: UUID) -> CancelOrder | None:
        ended = {event.request_id for event in self._events if event.type == "CancelRejected"}
        asked = [event.request_id for event in self._events if event.type == "CancelRequested"]
        left = [name for name in CANCELS for request in asked if REQUESTS[name] == request not in ended]
        return cancel(left[-1]) if left else None


def event(number: int, kind: str, status: OrderStatus, request: str = "") -> OrderEvent:
    changes: dict[str, Any] = {"request_id": REQUESTS[request]} if request else {}
    if kind == "CancelRejected":
        changes["cancel_rejected"] = CancelRejected(request_id=REQUESTS[request], reason="kept")
    if kind == "ReplaceRejected":
        changes = {"replace_rejected": ReplaceRejected(request_id=REQUESTS[request], reason="kept")}
    if kind in ("ReplaceRequested", "OrderReplaced"):
        became = msgspec.structs.replace(terms(), quantity=REPLACES[request])
        about: dict[str, Any] = {
            "request_id": REQUESTS[request], "terms": became, "reserved_price_micros": 1,
        }  # fmt: skip
        changes = (
            {"replace_requested": ReplaceRequested(**about, requested_at=NOW)}
            if kind == "ReplaceRequested"
            else {"order_replaced": OrderReplaced(**about)}
        )
    return OrderEvent(
        event_id=UUID(int=ORDER.int + 100 + number), order_id=ORDER, account_id="ACC", client_order_id="X",
        sequence=number + 2, stream_sequence=number + 1, type=kind, status=status, symbol="AAPL",
        side=Side.BUY, quantity=100, leaves_qty=100, occurred_at=NOW, **changes,
    )  # fmt: skip


def reports(order: OrderTerms, events: Sequence[OrderEvent], kind: str = "ORDERS") -> EventReports:
    rights = ("READ",) if kind == "DROP_COPY" else ("READ", "TRADE", "CANCEL")
    settings = ClientSettings(comp_id="FUND", username="x", accounts=("ACC",), kind=kind, rights=rights)
    client = FixClient(settings=settings, password_hash="", enabled=True, version="1")
    return EventReports(client, Stored(order, events))  # type: ignore[arg-type]


def told(by: EventReports, events: Sequence[OrderEvent]) -> list[Any]:
    return asyncio.run(by.reports([encode(one).decode() for one in events]))


ACKED, PENDING = OrderStatus.ACKNOWLEDGED, OrderStatus.PENDING_CANCEL
REPLACING = OrderStatus.PENDING_REPLACE
STEPS = st.sampled_from(
    [
        [("TradeApplied", ACKED, "")],
        [("RoutePlaced", ACKED, "")],
        [("CancelRequested", PENDING, "Y"), ("CancelRejected", ACKED, "Y")],
        [("CancelRequested", PENDING, "Z"), ("CancelRejected", PENDING, "Y"), ("CancelRejected", ACKED, "Z")],
        [("CancelRequested", PENDING, "rest"), ("CancelRejected", ACKED, "rest")],
        [("ReplaceRequested", REPLACING, "R"), ("OrderReplaced", ACKED, "R")],
        [("ReplaceRequested", REPLACING, "S"), ("ReplaceRejected", ACKED, "S")],
        [("OrderReplaced", ACKED, "elsewhere"), ("ReplaceRejected", ACKED, "S")],
        [("OrderSuspended", OrderStatus.SUSPENDED, ""), ("OrderResumed", ACKED, "")],
    ]
)
ENDS = st.sampled_from(
    [
        [("OrderCanceled", OrderStatus.CANCELED, "")],
        [("CancelRequested", PENDING, "Z"), ("OrderCanceled", OrderStatus.CANCELED, "")],
        [("CancelRequested", PENDING, "rest"), ("OrderCanceled", OrderStatus.CANCELED, "")],
        [("OrderExpired", OrderStatus.EXPIRED, "")],
    ]
)


@given(st.lists(STEPS, max_size=4), ENDS, st.sampled_from(["ORDERS", "DROP_COPY"]))
def test_event_is_told_the_same_whoever_tells_it_and_from_wherever_it_is_read(
    steps: list[list[tuple[str, OrderStatus, str]]], end: list[tuple[str, OrderStatus, str]], kind: str
) -> None:
    plan = [("OrderAccepted", ACKED, ""), *(one for step in [*steps, end] for one in step)]
    # A request is made once.
    plan = [one for place, one in enumerate(plan) if one not in plan[:place] or not one[2]]
    events = [event(number, *one) for number, one in enumerate(plan)]
    live = reports(terms(), events, kind)
    live.note_placed(
        Placed(order_id=ORDER, client_order_id="X", created=True, accepted_at=NOW, terms=terms())
    )
    expected = told(live, events)
    for start in range(len(events)):
        assert told(reports(terms(), events, kind), events[start:]) == expected[start:]
    assert [one.stream_sequence for one in expected] == [one.stream_sequence for one in events]


@pytest.mark.parametrize(
    ("channel", "principal", "orders", "copy"),
    [("FIX", "fix:FUND", True, True), ("FIX", "fix:OTHER", False, True), ("API", "fix:FUND", False, True)],
)
def test_client_is_told_of_its_own_orders_and_a_drop_copy_of_all(
    channel: str, principal: str, orders: bool, copy: bool
) -> None:
    events = [event(0, "OrderAccepted", ACKED)]
    for kind, expected in (("ORDERS", orders), ("DROP_COPY", copy)):
        (one,) = told(reports(terms(channel, principal), events, kind), events)
        assert (one.message is not None) == expected
        # CopyMsgIndicator is the drop copy's alone.
        assert ("797=Y" in str(one.message)) == (kind == "DROP_COPY")


def test_reject_of_a_cancel_that_came_by_another_door_is_not_told() -> None:
    events = [event(0, "CancelRequested", PENDING, "rest"), event(1, "CancelRejected", ACKED, "rest")]
    asked, kept = told(reports(terms(), events), events)
    assert "11=X\x01" in asked.message.body and "41=" not in asked.message.body
    assert kept.message is None


def tags(message: Any) -> dict[str, str]:
    return dict(field.split("=", 1) for field in message.body.split("\x01") if field)


def test_an_order_goes_by_the_clordid_and_the_terms_of_its_last_replace() -> None:
    plan = [
        ("OrderAccepted", ACKED, ""), ("ReplaceRequested", REPLACING, "R"), ("OrderReplaced", ACKED, "R"),
        ("TradeApplied", ACKED, ""), ("ReplaceRejected", ACKED, "S"), ("OrderReplaced", ACKED, "elsewhere"),
        ("CancelRequested", PENDING, "Y"), ("OrderCanceled", OrderStatus.CANCELED, ""),
    ]  # fmt: skip
    events = [event(number, *one) for number, one in enumerate(plan)]
    found = [tags(one.message) for one in told(reports(terms(), events), events)]
    assert [(one.get("150"), one["11"], one.get("41"), one.get("38")) for one in found] == [
        ("0", "X", None, "100"),
        ("E", "R", "X", "100"),
        ("5", "R", "X", "150"),
        ("F", "R", None, "150"),
        (None, "S", "R", None),
        ("5", "R", None, "60"),
        ("6", "Y", "R", "60"),
        ("4", "Y", "R", "60"),
    ]
    assert (found[4]["434"], found[4]["102"], found[4]["58"]) == ("2", "99", "kept")
