"""However often a cancel is asked for while it is pending, one request is stored and all get its id."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from oms_api.adapters.pending_cancels import ANSWER_S_MAX, PendingCancels
from oms_api.ports import NewChange, UnavailableError
from oms_platform.ids import uuid7
from oms_platform.messages import CancelOrder

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class Store:
    """The request log, and what core has made of it: the order's status and its requests with an outcome."""

    def __init__(self) -> None:
        self.requests: list[UUID] = []
        self.status = "ACKNOWLEDGED"
        self.last_cancel: UUID | None = None
        self.answered: set[UUID] = set()
        self.away = False
        self.may_store = asyncio.Event()
        self.may_store.set()
        self.now_s = 100.0

    async def store(self, cancel: NewChange) -> None:
        await self.may_store.wait()
        if self.away:
            raise UnavailableError("away")
        self.requests.append(cancel.message.request_id)

    async def read(self, _statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        await asyncio.sleep(0)
        return [(self.status, self.last_cancel, values[0] in self.answered)]

    def desk(self) -> PendingCancels:
        return PendingCancels(self.store, self.read, monotonic=lambda: self.now_s)

    def core_takes(self, request_id: UUID) -> None:
        self.status, self.last_cancel = "PENDING_CANCEL", request_id
        self.answered.add(request_id)

    def venue_refuses(self) -> None:
        self.status = "PARTIALLY_FILLED"


def cancel(order_id: UUID) -> NewChange:
    message = CancelOrder(
        request_id=uuid7(), order_id=order_id, account_id="A", principal="t", received_at=NOW, channel=""
    )
    return NewChange(message=message, payload=b"", trace="")


def test_twenty_at_once_store_one_and_are_answered_after_it_is_durable() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        desk = store.desk()
        store.may_store.clear()
        asking = [asyncio.create_task(desk.request(cancel(order_id), store.status)) for _ in range(20)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in asking)
        store.may_store.set()
        assert set(await asyncio.gather(*asking)) == set(store.requests)
        assert len(store.requests) == 1

    asyncio.run(scenario())


def test_a_repeat_stores_nothing_until_the_cancel_has_an_outcome_then_one_more() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        desk = store.desk()
        first = await desk.request(cancel(order_id), store.status)
        assert await desk.request(cancel(order_id), store.status) == first
        store.core_takes(first)
        assert await desk.request(cancel(order_id), "ACKNOWLEDGED") == first
        assert await desk.request(cancel(order_id), store.status) == first
        store.venue_refuses()
        again = await asyncio.gather(*(desk.request(cancel(order_id), store.status) for _ in range(20)))
        assert len(set(again)) == 1
        assert store.requests == [first, again[0]]

    asyncio.run(scenario())


def test_another_gateway_knows_of_a_cancel_that_core_has_taken() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        first = await store.desk().request(cancel(order_id), store.status)
        store.core_takes(first)
        assert await store.desk().request(cancel(order_id), store.status) == first
        assert store.requests == [first]

    asyncio.run(scenario())


def test_a_cancel_that_was_not_stored_is_not_pending() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        desk = store.desk()
        store.away = True
        asking = [asyncio.create_task(desk.request(cancel(order_id), store.status)) for _ in range(3)]
        for task in asking:
            with pytest.raises(UnavailableError):
                await task
        store.away = False
        assert await desk.request(cancel(order_id), store.status) == store.requests[0]

    asyncio.run(scenario())


def test_a_client_that_hangs_up_takes_nobody_elses_cancel_with_it() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        desk = store.desk()
        store.may_store.clear()
        gone, other = (asyncio.create_task(desk.request(cancel(order_id), store.status)) for _ in range(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        store.may_store.set()
        assert [await other] == store.requests

    asyncio.run(scenario())


def test_a_cancel_that_nobody_answers_is_asked_for_again() -> None:
    async def scenario() -> None:
        store, order_id = Store(), uuid7()
        desk = store.desk()
        first = await desk.request(cancel(order_id), store.status)
        store.now_s += ANSWER_S_MAX - 1
        assert await desk.request(cancel(order_id), store.status) == first
        store.now_s += 1
        second = await desk.request(cancel(order_id), store.status)
        assert store.requests == [first, second]

    asyncio.run(scenario())


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oms_api.adapters.pending_cancels.PENDING_MAX", 3)

    async def scenario() -> None:
        store = Store()
        desk = store.desk()
        for _ in range(10):
            await desk.request(cancel(uuid7()), store.status)
        assert len(desk._asked) == 3

    asyncio.run(scenario())
