"""Requests about orders under their clients' own ids, on a real database: stored once, and found again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest

from oms_api.adapters.group_commit import GroupCommit
from oms_api.adapters.postgres_reader import PostgresReader
from oms_api.adapters.request_lookup import RequestLookup
from oms_api.domain.idempotency import KeyConflict, StoredOrder
from oms_api.ports import NewChange, NewOrder, Request, RowRefused
from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.messages import CancelOrder, ReplaceOrder, SubmitOrder
from oms_platform.vocabulary import OrderChange, OrderTerms, OrderType, Side, TimeInForce
from oms_platform.wire import encode

ACCOUNT, OTHER = "ACC-INST-001", "ACC-INST-002"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Line:
    """The RequestLine: what was given to Kafka."""

    def __init__(self) -> None:
        self.published: list[Request] = []

    def publish(self, requests: Sequence[Request]) -> None:
        self.published += requests


def new_order(client_order_id: str, account_id: str = ACCOUNT) -> NewOrder:
    terms = OrderTerms(
        account_id=account_id, channel="API", client_order_id=client_order_id, principal="t",
        symbol="AAPL", side=Side.BUY, order_type=OrderType.LIMIT, quantity=100,
        limit_price_micros=187_210_000, time_in_force=TimeInForce.DAY,
    )  # fmt: skip
    message = SubmitOrder(order_id=uuid7(), received_at=utc_now(), terms=terms)
    return NewOrder(message=message, payload=encode(message), trace="")


class Desk:
    """A running intake, and how what it stored is found."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.line = Line()
        self.intake = GroupCommit(dsn, self.line, queue_max=10_000, commit_timeout_s=5)
        self.reader = PostgresReader(dsn)
        self.keys = RequestLookup(self.reader.read)

    async def place(self, client_order_id: str, account_id: str = ACCOUNT) -> Any:
        return await self.intake.submit(new_order(client_order_id, account_id))

    def rows(self, table: str) -> int:
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return 0 if row is None else int(row[0])


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[Desk]:
    desk = Desk(dsn)
    work = asyncio.create_task(desk.intake.run())
    await desk.reader.open()
    while desk.intake.problem():
        await asyncio.sleep(0.01)
    try:
        yield desk
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await desk.reader.close()


def replace(order_id: Any, key: str, quantity: int = 200, account_id: str = ACCOUNT) -> NewChange:
    message = ReplaceOrder(
        request_id=uuid7(), order_id=order_id, account_id=account_id, principal="t", received_at=utc_now(),
        channel="API", cl_ord_id=key, change=OrderChange(quantity=quantity),
    )  # fmt: skip
    return NewChange(
        message=message, payload=encode(message), trace="", key=(account_id, "API", key) if key else None
    )


def cancel(order_id: Any, key: str, account_id: str) -> NewChange:
    message = CancelOrder(
        request_id=uuid7(), order_id=order_id, account_id=account_id, principal="t", received_at=utc_now(),
        channel="API", cl_ord_id=key, selected_by="symbol=AAPL",
    )  # fmt: skip
    return NewChange(message=message, payload=encode(message), trace="", key=(account_id, "API", key))


Scenario = Callable[[Desk], Awaitable[None]]


def run(dsn: str, scenario: Scenario) -> None:
    async def all_of_it() -> None:
        async with running(dsn) as desk:
            await scenario(desk)

    asyncio.run(all_of_it())


def test_a_request_is_stored_once_under_its_key_however_often_and_at_once_it_comes(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        placed = await desk.place("one")
        stored = await asyncio.gather(*(desk.intake.change(replace(placed.order_id, "k")) for _ in range(20)))
        assert sorted(stored) == [False] * 19 + [True]
        assert not await desk.intake.change(replace(placed.order_id, "k"))
        assert await desk.intake.change(replace(placed.order_id, "k2"))
        assert await desk.intake.change(replace(placed.order_id, ""))
        assert (desk.rows("order_keys"), desk.rows("order_requests")) == (3, 4)
        kinds = [type(request.message).__name__ for request in desk.line.published]
        assert kinds == ["SubmitOrder", "ReplaceOrder", "ReplaceOrder", "ReplaceOrder"]

    run(dsn, scenario)


def test_an_order_and_a_request_do_not_have_the_same_key_whichever_came_first(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        placed = await desk.place("one")
        assert not await desk.intake.change(replace(placed.order_id, "one"))
        assert await desk.intake.change(replace(placed.order_id, "k"))
        assert await desk.place("k") == KeyConflict(order_id=placed.order_id)
        at_once = await asyncio.gather(
            desk.intake.change(replace(placed.order_id, "both")), desk.place("both")
        )
        assert at_once == [True, KeyConflict(order_id=placed.order_id)]
        other = await asyncio.gather(
            desk.place("second"), desk.intake.change(replace(placed.order_id, "second"))
        )
        assert isinstance(other[0], StoredOrder) and other[0].created and other[1] is False
        assert (desk.rows("orders"), desk.rows("order_requests")) == (2, 4)

    run(dsn, scenario)


def test_what_a_key_stands_for_is_found_by_its_event_and_before_it_has_one(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        placed = await desk.place("one")
        asked = replace(placed.order_id, "k")
        await desk.intake.change(asked)
        (found,) = await desk.keys.find(frozenset((ACCOUNT,)), "API", "k")
        assert found.message == asked.message
        with psycopg.connect(desk.dsn) as connection:
            connection.execute(
                "INSERT INTO order_events VALUES (%s, 2, %s, 1, 'ReplaceRejected', %s, '{}', now())",
                (placed.order_id, ACCOUNT, asked.message.request_id),
            )
        (found,) = await desk.keys.find(frozenset((ACCOUNT,)), "API", "k")
        assert found.message == asked.message
        (own,) = await desk.keys.find(None, "API", "one")
        assert (own.order_id, own.message) == (placed.order_id, None)
        for accounts, channel, key in (
            (frozenset((OTHER,)), "API", "k"), (frozenset[str](), "API", "k"), (None, "DESK", "k"),
            (None, "API", "no"),
        ):  # fmt: skip
            assert await desk.keys.find(accounts, channel, key) == []

    run(dsn, scenario)


@pytest.mark.parametrize("count", [3, 700])
def test_the_requests_of_one_about_many_are_stored_and_found_together(dsn: str, count: int) -> None:
    async def scenario(desk: Desk) -> None:
        placed = await asyncio.gather(
            *(desk.place(f"c{number}", (ACCOUNT, OTHER)[number % 2]) for number in range(count))
        )
        alone = replace(placed[0].order_id, "alone")
        await desk.intake.change(alone)
        asked = [
            cancel(one.order_id, "all", (ACCOUNT, OTHER)[number % 2]) for number, one in enumerate(placed)
        ]
        ids = {change.message.request_id for change in asked}
        again = [cancel(one.order_id, "all", ACCOUNT) for one in placed[::2]]
        first, second = await asyncio.gather(desk.intake.change_all(asked), desk.intake.change_all(again))
        assert (first, second) == (ids, frozenset())
        assert await desk.intake.change_all(again) == frozenset()
        found = await desk.keys.find(None, "API", "all")
        messages = [one.message for one in found if one.message is not None]
        assert {message.request_id for message in messages} == ids
        mine = await desk.keys.find(frozenset((OTHER,)), "API", "all")
        assert {one.order_id for one in mine} == {one.order_id for one in placed[1::2]}

    run(dsn, scenario)


def test_an_order_is_read_as_it_was_replaced(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        placed = await desk.place("one")
        before = await desk.reader.order(placed.order_id, None)
        with psycopg.connect(desk.dsn) as connection:
            connection.execute(
                "UPDATE orders SET quantity = 250, leaves_qty = 250, limit_price = 188.5,"
                " time_in_force = 'GTC'"
            )
        after = await desk.reader.order(placed.order_id, None)
        assert before is not None and after is not None
        assert (after.quantity, str(after.limit_price), after.time_in_force) == (250, "188.5", "GTC")
        assert (
            msgspec.structs.replace(
                after, quantity=100, leaves_qty=100, limit_price=before.limit_price, time_in_force="DAY"
            )
            == before
        )

    run(dsn, scenario)


def test_of_a_list_all_orders_are_stored_by_one_commit_or_none_whoever_has_a_key_of_theirs(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        names = [f"o{number}" for number in range(500)]
        assert await desk.intake.submit_all([new_order(name) for name in names])
        assert (desk.rows("orders"), desk.rows("order_keys"), desk.rows("order_requests")) == (500, 500, 500)
        assert [len(desk.line.published), await desk.intake.submit_all([])] == [500, True]
        # A key of an order, of a request about one, and one that two orders of the list have.
        placed = await desk.place("single")
        assert await desk.intake.change(replace(placed.order_id, "asked"))
        for taken in ("o499", "single", "asked", "new-1"):
            wanted = [new_order("new-1"), new_order("new-2"), new_order(taken)]
            assert await desk.intake.submit_all(wanted) is False
        # Of an account that there is not.
        refused = await desk.intake.submit_all([new_order("new-1"), new_order("new-2", "NOBODYS")])
        assert isinstance(refused, RowRefused) and refused.problem.field == "accountId"
        assert (desk.rows("orders"), len(desk.line.published)) == (501, 502)
        assert await desk.intake.submit_all([new_order("new-1"), new_order("new-2")])

    run(dsn, scenario)


def test_of_lists_and_orders_at_once_each_is_whole_and_no_key_is_stored_twice(dsn: str) -> None:
    async def scenario(desk: Desk) -> None:
        async with running(dsn) as other:
            lists = [[new_order("both"), new_order(f"list-{number}")] for number in range(6)]
            outcomes = await asyncio.gather(
                *(
                    one.intake.submit_all(orders)
                    for one, orders in zip([desk, other] * 3, lists, strict=True)
                ),
                desk.place("both"),
                other.place("both"),
            )
        stored = [outcome for outcome in outcomes[:6] if outcome is True]
        singles = [outcome for outcome in outcomes[6:] if outcome.created]
        assert len(stored) + len(singles) == 1
        assert desk.rows("orders") == (2 if stored else 1) == desk.rows("order_requests")

    run(dsn, scenario)
