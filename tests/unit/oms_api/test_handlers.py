"""The handlers through fakes: refusals are values, and nothing is stored for them."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from oms_api.domain.principal import Principal, Right, rights_of
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode
from oms_api.handlers import Placed, admit, handle_get_positions, handle_place_order
from oms_api.ports import (
    KeyConflict,
    NewCancel,
    NewOrder,
    Ports,
    PositionView,
    RowRefused,
    StoredOrder,
    UnavailableError,
)
from oms_platform.ids import uuid7

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
TRADER = Principal(subject="t", rights=rights_of(["trader"]), accounts=frozenset(("A",)))
CONTENT = {
    "clientOrderId": "c",
    "accountId": "A",
    "symbol": "S",
    "side": "BUY",
    "orderType": "MARKET",
    "quantity": 1,
}


class Fake:
    """Every port at once; `outcome` is what the store answers with."""

    def __init__(self) -> None:
        self.orders: list[NewOrder] = []
        self.outcome: Any = None
        self.accounts: set[str] = {"A"}
        self.later_accounts: set[str] = set()
        self.available = True
        self.wait_s = 0.0
        self.verified: Principal | str = TRADER

    async def submit(self, order: NewOrder) -> StoredOrder | KeyConflict | RowRefused:
        self.orders.append(order)
        return self.outcome or StoredOrder(
            order_id=order.order_id, created_at=order.received_at, created=True
        )

    async def cancel(self, cancel: NewCancel) -> None:
        raise UnavailableError(str(cancel.order_id))

    def account_exists(self, account_id: str) -> bool:
        return account_id in self.accounts

    def tick_size(self, symbol: str) -> Decimal | None:
        return Decimal("0.01") if symbol == "S" else None

    def profile_exists(self, profile: str) -> bool:
        return profile == "default"

    def venue_exists(self, venue_id: str) -> bool:
        return venue_id == "XNYS"

    async def refresh(self) -> None:
        self.accounts |= self.later_accounts

    def take_leased(self, _principal: str) -> bool:
        return False

    async def take(self, _principal: str) -> float:
        return self.wait_s

    def cached(self, _token: str) -> Principal | None:
        return None

    async def authenticate(self, _token: str) -> Principal | str:
        return self.verified

    async def positions(self, _account_id: str) -> list[PositionView]:
        return []

    @property
    def ports(self) -> Ports:
        every: Any = self
        return Ports(
            intake=every,
            reader=every,
            reference=every,
            limiter=every,
            authenticator=every,
            broker=every,
            router=every,
            risk=every,
            routing_admin=every,
        )


@pytest.fixture
def fake() -> Fake:
    return Fake()


def place(fake: Fake, **changes: Any) -> Placed | Refusal:
    return asyncio.run(
        handle_place_order(
            fake.ports, lambda: NOW, TRADER, channel="API", content=CONTENT | changes, trace="t"
        )
    )


def test_a_placed_order_is_stored_with_its_message(fake: Fake) -> None:
    placed = place(fake)
    assert isinstance(placed, Placed)
    (order,) = fake.orders
    assert (placed.order_id, placed.created, placed.accepted_at) == (order.order_id, True, NOW)
    assert b'"side":"SIDE_BUY"' in order.payload
    assert order.outbox_id > order.event_id > order.order_id


def test_without_kafka_nothing_is_stored(fake: Fake) -> None:
    fake.available = False
    refusal = place(fake)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry_after_s, fake.orders) == (RefusalCode.UNAVAILABLE, 1, [])


def test_an_account_that_was_made_a_moment_ago_is_known(fake: Fake) -> None:
    fake.accounts, fake.later_accounts = set(), {"A"}
    assert isinstance(place(fake), Placed)


def test_an_account_of_others_is_as_unknown_as_one_that_is_not_there(fake: Fake) -> None:
    fake.accounts = {"A", "B"}
    for account in ("B", "C"):
        refusal = place(fake, accountId=account)
        assert isinstance(refusal, Refusal)
        assert refusal.fields == (FieldProblem(field="accountId", message=f'unknown account "{account}"'),)


def test_a_row_that_the_store_refuses_is_an_invalid_request(fake: Fake) -> None:
    fake.outcome = RowRefused(problem=FieldProblem(field="accountId", message="unknown account"))
    refusal = place(fake)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, len(refusal.fields)) == (RefusalCode.INVALID_REQUEST, 1)


def test_a_key_with_other_content_is_refused_and_names_the_order(fake: Fake) -> None:
    first = uuid7()
    fake.outcome = KeyConflict(order_id=first)
    refusal = place(fake)
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.DUPLICATE_ORDER_ID
    assert str(first) in refusal.message


def test_admission_checks_token_then_rate_then_right(fake: Fake) -> None:
    def code(token: str | None, right: Right) -> object:
        found = asyncio.run(admit(fake.ports, token, right))
        return found.code if isinstance(found, Refusal) else found

    assert code(None, Right.READ) is RefusalCode.UNAUTHENTICATED
    assert code("good", Right.TRADE) is TRADER
    fake.verified = Principal(subject="v", rights=rights_of(["viewer", "unknown"]), accounts=frozenset())
    assert code("good", Right.TRADE) is RefusalCode.FORBIDDEN
    fake.wait_s = 0.2
    assert code("good", Right.READ) is RefusalCode.RATE_LIMITED
    fake.verified = "expired"
    assert code("good", Right.READ) is RefusalCode.UNAUTHENTICATED


def test_positions_of_an_account_that_is_not_there_are_not_found(fake: Fake) -> None:
    everyone = Principal(subject="d", rights=rights_of(["admin"]), accounts=frozenset("*"))
    assert everyone.sees_every_account
    assert asyncio.run(handle_get_positions(fake.ports, everyone, "A")) == []
    refusal = asyncio.run(handle_get_positions(fake.ports, everyone, "Z"))
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.NOT_FOUND
    assert UUID(int=0) not in [order.order_id for order in fake.orders]
