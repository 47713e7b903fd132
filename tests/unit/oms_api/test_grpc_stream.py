"""StreamOrders with the hub: what a call gets, and every way in which it ends leaves nothing behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_api.domain.principal import Principal, rights_of
from oms_api.entrypoints import event_hub, grpc_stream
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.grpc_messages import Contract
from oms_api.entrypoints.grpc_stream import OrderStream
from oms_api.ports import UnavailableError
from oms_platform.wire import encode
from tests.unit.oms_api.test_event_hub import Broker, Store, event, read
from tests.unit.oms_api.test_handlers import Fake

TRADER = Principal(subject="t", rights=rights_of(["trader"]), accounts=frozenset(("A",)))
CONTRACT = Contract()
KIND = CONTRACT.kind("StreamOrdersResponse")


class FakeCall:
    """A client that reads while it may."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def send_message(self, message: Any) -> None:
        await self.may_read.wait()
        self.sent.append(message)


class Rig:
    """A stream of account A, from the beginning, of a store with so many events."""

    def __init__(self, stored: int = 0) -> None:
        self.store, self.fake, self.call = Store(), Fake(), FakeCall()
        self.store.events = [(number, encode(event(number)).decode()) for number in range(1, stored + 1)]
        self.hub = EventHub(self.store, Broker())
        stream: Any = OrderStream(self.fake.ports, self.hub, self.call, KIND, "token")  # type: ignore[arg-type]
        self.task = asyncio.create_task(
            stream.run(TRADER, CONTRACT.kind("StreamOrdersRequest")(account_id="A", from_sequence=0))
        )

    async def ended(self) -> GRPCError:
        with pytest.raises(GRPCError) as caught:
            await asyncio.wait_for(self.task, 10)
        assert self.hub._channels == {}
        return caught.value


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_stored_events_come_first_and_live_ones_after_them() -> None:
    async def scenario() -> None:
        rig = Rig(stored=25)
        await until(lambda: len(rig.call.sent) == 26)
        rig.hub.on_events([read(encode(event(26)))])
        await until(lambda: len(rig.call.sent) == 27)
        assert [message.stream_sequence for message in rig.call.sent] == list(range(27))
        rig.task.cancel()
        await asyncio.wait([rig.task])
        assert rig.hub._channels == {}

    asyncio.run(scenario())


def test_a_client_that_reads_too_slowly_is_let_go_by_the_hubs_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "CLIENT_QUEUE_MAX", 5)

    async def scenario() -> None:
        rig = Rig()
        await until(lambda: len(rig.call.sent) == 1)
        rig.call.may_read.clear()
        await until(lambda: bool(rig.hub._channels["A"].clients))
        for number in range(1, 50):
            rig.hub.on_events([read(encode(event(number)))])
            await asyncio.sleep(0)
        error = await rig.ended()
        assert error.status is Status.RESOURCE_EXHAUSTED
        assert "too slow" in str(error.message)

    asyncio.run(scenario())


def test_a_client_whose_token_ends_is_let_go_and_one_that_cannot_be_asked_about_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grpc_stream, "TOKEN_LOOK_S", 0.01)

    async def scenario() -> None:
        rig = Rig()
        looks = 0

        async def away(_token: str) -> Any:
            nonlocal looks
            looks += 1
            raise UnavailableError("away")

        rig.fake.authenticate = away  # type: ignore[method-assign]
        await until(lambda: looks > 3)
        del rig.fake.authenticate
        rig.fake.verified = "the token has expired"
        error = await rig.ended()
        assert (error.status, error.message) == (Status.UNAUTHENTICATED, "the token has expired")

    asyncio.run(scenario())


def test_a_quiet_stream_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_stream, "HEARTBEAT_S", 0.01)

    async def scenario() -> None:
        rig = Rig(stored=2)
        await until(lambda: len(rig.call.sent) > 5)
        assert [message.stream_sequence for message in rig.call.sent[:5]] == [0, 1, 2, 2, 2]
        rig.hub.stopping.set()
        assert (await rig.ended()).status is Status.UNAVAILABLE

    asyncio.run(scenario())


@pytest.mark.parametrize("when", ["before it began", "while it is told where it begins"])
def test_a_call_that_ends_at_once_leaves_no_reservation(when: str) -> None:
    async def scenario() -> None:
        rig = Rig()
        if when == "before it began":
            rig.store.away = True
            with pytest.raises(UnavailableError):
                await rig.task
        else:
            rig.call.may_read.clear()
            await until(lambda: bool(rig.hub._channels))
            rig.task.cancel()
            await asyncio.wait([rig.task])
        assert rig.hub._channels == {}

    asyncio.run(scenario())
