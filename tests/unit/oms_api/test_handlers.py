"""The handlers through fakes: refusals are values, and nothing is stored for them."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from oms_api.change_handlers import Asked, Requested, handle_change
from oms_api.domain.idempotency import KeyConflict, StoredOrder
from oms_api.domain.marks import Mark
from oms_api.domain.order_requests import RequestKind
from oms_api.domain.principal import Principal, Right, rights_of
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode
from oms_api.handlers import (
    Placed,
    admit,
    admit_to_place,
    handle_place_order,
)
from oms_api.ports import (
    HeldPosition,
    IntakeFullError,
    NewChange,
    NewOrder,
    OrderFilter,
    OrderView,
    Ports,
    RateStanding,
    RiskView,
    RowRefused,
    StoredRequest,
    UnavailableError,
)
from oms_api.position_handlers import handle_get_positions
from oms_platform.ids import uuid7
from oms_platform.kill_switches import FixedKills
from oms_platform.market_rules import Ticks
from oms_platform.messages import BookTrade
from oms_platform.trading_calendar import EVER_OPEN, Calendar
from oms_platform.vocabulary import OrderTerms
from oms_platform.wire import encode

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


class CancelLimiter:
    """Cancels' own bucket."""

    def __init__(self, fake: "Fake") -> None:
        self._fake = fake

    def take_leased(self, _principal: str) -> bool:
        return False

    async def take(self, _principal: str) -> float:
        return self._fake.cancel_wait_s

    def standing(self, _principal: str) -> RateStanding | None:
        return None


class RequestLog:
    """What is stored of requests about orders: the RequestKeys, and the intake's part of it."""

    def __init__(self) -> None:
        self.changes: list[NewChange] = []

    async def find(
        self, accounts: frozenset[str] | None, channel: str, request_key: str
    ) -> Sequence[StoredRequest]:
        return [
            StoredRequest(order_id=change.message.order_id, message=message)
            for change in self.changes
            if (message := change.message) is not None
            and not isinstance(message, BookTrade)
            and change.key is not None
            and (accounts is None or change.key[0] in accounts)
            and change.key[1:] == (channel, request_key)
        ]

    def store(self, changes: Sequence[NewChange]) -> frozenset[UUID]:
        taken = {change.key for change in self.changes if change.key is not None}
        fresh = [change for change in changes if change.key not in taken]
        self.changes += fresh
        return frozenset(change.message.request_id for change in fresh)


class Fake:
    """Every port at once; `outcome` is what the store answers with."""

    def __init__(self) -> None:
        self.orders: list[NewOrder] = []
        self.cancels: list[NewChange] = []
        self.outcome: Any = None
        # What it answers to orders of which all are to be stored or none.
        self.whole: bool | RowRefused = True
        # What the idempotency key of any order stands for, and why new ones are not taken.
        self.stored: StoredOrder | KeyConflict | None = None
        self.full = False
        self.backlog_problem = ""
        self.refused = 0
        self.order_view: OrderView | None = None
        self.listed: list[OrderView] = []
        self.filters: list[OrderFilter] = []
        self.log = RequestLog()
        self.risk_is_away = False
        self.accounts: set[str] = {"A"}
        self.later_accounts: set[str] = set()
        self.wait_s = 0.0
        self.cancel_wait_s = 0.0
        self.verified: Principal | str = TRADER
        self.kills = FixedKills()

    async def submit(self, order: NewOrder) -> StoredOrder | KeyConflict | RowRefused:
        if self.full:
            raise IntakeFullError("full")
        self.orders.append(order)
        return self.outcome or StoredOrder(
            order_id=order.message.order_id, created_at=order.message.received_at, created=True
        )

    async def submit_all(self, orders: Sequence[NewOrder]) -> bool | RowRefused:
        if self.full:
            raise IntakeFullError("full")
        if self.whole is True:
            self.orders += orders
        return self.whole

    async def request(self, cancel: NewChange, _status: str) -> UUID:
        self.cancels.append(cancel)
        return cancel.message.request_id

    async def change(self, change: NewChange) -> bool:
        return bool(self.log.store([change]))

    async def change_all(self, changes: Sequence[NewChange]) -> frozenset[UUID]:
        return self.log.store(changes)

    async def orders_of(self, wanted: OrderFilter) -> list[OrderView]:
        self.filters.append(wanted)
        return [
            order
            for order in self.listed
            if (wanted.accounts is None or order.account_id in wanted.accounts)
            and (wanted.order_ids is None or order.order_id in wanted.order_ids)
            and (wanted.client_order_ids is None or order.client_order_id in wanted.client_order_ids)
            and (wanted.statuses is None or order.status in wanted.statuses)
            and (wanted.symbols is None or order.symbol in wanted.symbols)
        ][: wanted.limit]

    async def find(self, _terms: OrderTerms) -> StoredOrder | KeyConflict | None:
        return self.stored

    def problem(self) -> str:
        return self.backlog_problem

    def count_refused(self) -> None:
        self.refused += 1

    async def order(self, _order_id: UUID, visible: frozenset[str] | None) -> OrderView | None:
        found = self.order_view
        return found if found is None or visible is None or found.account_id in visible else None

    def account_exists(self, account_id: str) -> bool:
        return account_id in self.accounts

    def ticks(self, symbol: str) -> Ticks | None:
        return Ticks() if symbol == "S" else None

    def calendar(self, symbol: str) -> Calendar | None:
        return EVER_OPEN if symbol == "S" else None

    def round_lot(self, _symbol: str, _price_micros: int) -> int:
        return 100

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

    async def positions(self, _account_id: str) -> list[HeldPosition]:
        return []

    async def verdicts(self, _account_id: str, orders: Sequence[OrderTerms]) -> list[RiskView]:
        if self.risk_is_away:
            raise UnavailableError("oms-core is away")
        return [RiskView(accepted=True, denial="", checks=[]) for _ in orders]

    async def marks(self, symbols: Iterable[str]) -> dict[str, Mark]:
        return {symbol: Mark() for symbol in symbols}

    @property
    def ports(self) -> Ports:
        every: Any = self
        return Ports(
            intake=every,
            cancels=every,
            keys=every,
            request_keys=self.log,
            backlog=every,
            reader=FakeReader(self),
            reference=every,
            limiter=every,
            cancel_limiter=CancelLimiter(self),
            question_limiter=every,
            authenticator=every,
            router=every,
            risk=every,
            routing_admin=every,
            exceptions=every,
            switches=every,
            kills=self.kills,
            limits=every,
            overrides=every,
            locates=every,
            books=every,
            marks=every,
            market=every,
            reconciliations=every,
            alerts=every,
            surveillance=every,
            catalog=every,
            market_data=every,
            records=every,
            fix_sessions=every,
        )


class FakeReader:
    """The OrderReader of a Fake, whose `orders` are those that were placed."""

    def __init__(self, fake: Fake) -> None:
        self.order: Any = fake.order
        self.orders: Any = fake.orders_of
        self.positions: Any = fake.positions


@pytest.fixture
def fake() -> Fake:
    return Fake()


def place(fake: Fake, **changes: Any) -> Placed | Refusal:
    """Place an order as the doors do."""

    async def scenario() -> Placed | Refusal:
        placer = await admit_to_place(fake.ports, "token")
        if isinstance(placer, Refusal):
            return placer
        content = CONTENT | changes
        return await handle_place_order(
            fake.ports, lambda: NOW, placer, channel="API", content=content, trace="t"
        )

    return asyncio.run(scenario())


def test_a_placed_order_is_stored_with_its_message(fake: Fake) -> None:
    placed = place(fake)
    assert isinstance(placed, Placed)
    (order,) = fake.orders
    message = order.message
    assert (placed.order_id, placed.created, placed.accepted_at) == (message.order_id, True, NOW)
    assert order.payload == encode(message)
    assert (message.terms.channel, message.terms.principal) == ("API", "t")


FIRST = StoredOrder(order_id=uuid7(), created_at=NOW, created=False)


def over_rate(fake: Fake) -> None:
    fake.wait_s = 0.2


def overloaded(fake: Fake) -> None:
    fake.backlog_problem = "orders wait for more than 2 s"


def full(fake: Fake) -> None:
    fake.full = True


REASONS = [(over_rate, RefusalCode.RATE_LIMITED), (overloaded, RefusalCode.UNAVAILABLE), (full, None)]


@pytest.mark.parametrize(("reason", "code"), REASONS)
def test_a_new_order_is_refused_and_not_stored(fake: Fake, reason: Any, code: RefusalCode | None) -> None:
    reason(fake)
    if code is None:
        with pytest.raises(IntakeFullError):
            place(fake)
    else:
        refusal = place(fake)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.retry_after_s) == (code, 1)
    assert fake.orders == []
    assert fake.refused == (reason is overloaded)


@pytest.mark.parametrize(("reason", "_code"), REASONS)
def test_an_order_that_is_stored_gets_its_first_answer_whatever_new_ones_are_refused_for(
    fake: Fake, reason: Any, _code: Any
) -> None:
    reason(fake)
    fake.stored = FIRST
    placed = place(fake)
    assert isinstance(placed, Placed)
    assert (placed.order_id, placed.created, placed.accepted_at) == (FIRST.order_id, False, NOW)
    fake.stored = KeyConflict(order_id=FIRST.order_id)
    refusal = place(fake)
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.DUPLICATE_ORDER_ID
    assert (fake.orders, fake.refused) == ([], 0)


@pytest.mark.parametrize(("reason", "_code"), REASONS)
def test_wrong_content_is_named_whatever_new_orders_are_refused_for(
    fake: Fake, reason: Any, _code: Any
) -> None:
    reason(fake)
    refusal = place(fake, quantity=-5)
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.INVALID_REQUEST


def cancel(fake: Fake, channel: str = "") -> Requested | Refusal:
    asked = Asked(kind=RequestKind.CANCEL, order_id=str(uuid7()), content={}, channel=channel)
    return asyncio.run(handle_change(fake.ports, lambda: NOW, TRADER, asked, trace="t"))


def test_a_cancel_is_taken_while_new_orders_are_not_and_keeps_who_asked_and_where(fake: Fake) -> None:
    overloaded(fake)
    fake.order_view = view()
    taken = cancel(fake, "DESK")
    assert isinstance(taken, Requested)
    (stored,) = fake.cancels
    message = stored.message
    assert (message.request_id, message.order_id) == (taken.request_id, fake.order_view.order_id)
    assert (message.principal, message.channel, message.account_id) == ("t", "DESK", "A")
    assert stored.payload == encode(message)


def test_a_cancel_through_a_channel_that_cannot_be_stored_is_refused(fake: Fake) -> None:
    fake.order_view = view()
    refusal = cancel(fake, "a\0b")
    assert isinstance(refusal, Refusal)
    assert [problem.field for problem in refusal.fields] == ["X-OMS-Channel"]
    assert fake.cancels == []


def view(**changes: Any) -> OrderView:
    fields: dict[str, Any] = {
        "order_id": uuid7(), "account_id": "A", "channel": "API", "client_order_id": "c", "symbol": "S",
        "side": "BUY", "order_type": "MARKET", "time_in_force": "DAY", "quantity": 1,
        "limit_price": None, "stop_price": None, "expire_at": None,
        "status": "NEW", "closed": False, "cum_qty": 0, "leaves_qty": 1, "filled_notional": Decimal(0),
        "text": "", "sequence": 1, "created_at": NOW, "updated_at": NOW, "avg_px": None,
        "capacity": "AGENCY", "display_qty": None, "post_only": False, "locate_id": None, "tags": None,
        "min_quantity": None, "routing": None, "algo": None, "peg": None, "basket_id": None, "principal": "t",
    }  # fmt: skip
    return OrderView(**(fields | changes))


def test_a_caller_whose_name_cannot_be_stored_is_refused_before_anything_is_asked(fake: Fake) -> None:
    for subject in ("a\0b", "\ud800", "", "x" * 300):
        fake.verified = Principal(subject=subject, rights=rights_of(["trader"]), accounts=frozenset(("A",)))
        for found in (place(fake), asyncio.run(admit(fake.ports, "token", Right.READ))):
            assert isinstance(found, Refusal)
            assert (found.code, [problem.field for problem in found.fields]) == (
                RefusalCode.INVALID_REQUEST,
                ["principal"],
            )
    assert fake.orders == []


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


@pytest.mark.parametrize("right", [right for right in Right if right is not Right.ADMIN])
def test_whoever_has_ordered_too_much_can_still_cancel_and_nothing_else(fake: Fake, right: Right) -> None:
    fake.wait_s = 0.5
    admitted = asyncio.run(admit(fake.ports, "good", right))
    if right is Right.CANCEL:
        assert admitted is TRADER
    else:
        assert isinstance(admitted, Refusal)
        assert admitted.code is RefusalCode.RATE_LIMITED


def test_cancels_have_a_bound_of_their_own(fake: Fake) -> None:
    fake.cancel_wait_s = 0.5
    refusal = asyncio.run(admit(fake.ports, "good", Right.CANCEL))
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.RATE_LIMITED
    assert asyncio.run(admit(fake.ports, "good", Right.TRADE)) is TRADER
