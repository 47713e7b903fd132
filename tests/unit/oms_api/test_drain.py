"""How the gateway leaves: what is being answered is waited for, what comes is refused, health goes on."""

import asyncio
import json
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_api.entrypoints import drain
from oms_api.entrypoints.drain import Drain


async def ask(app: Any, path: str, kind: str = "http") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(event: Any) -> None:
        sent.append(event)

    await app({"type": kind, "path": path}, None, send)
    return sent


def test_what_came_before_is_waited_for_and_what_comes_is_refused_but_for_health() -> None:
    async def scenario() -> None:
        leaving, go_on, began = Drain(), asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, _receive: Any, send: Any) -> None:
            began.set()
            await go_on.wait()
            await send({"answered": scope["path"]})

        app = leaving.http(slow)
        first = asyncio.create_task(ask(app, "/api/v1/orders"))
        await began.wait()
        leaving.begin()
        settled = asyncio.create_task(leaving.settle())
        start, body = await ask(app, "/api/v1/orders")
        assert start["status"] == 503
        assert json.loads(body["body"])["error"]["code"] == "UNAVAILABLE"
        assert not settled.done()
        go_on.set()
        assert await ask(app, "/health/ready") == [{"answered": "/health/ready"}]
        assert await first == [{"answered": "/api/v1/orders"}]
        await settled

    asyncio.run(scenario())


def test_a_request_that_is_never_answered_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "SETTLE_S_MAX", 0.01)

    async def scenario() -> None:
        leaving, began = Drain(), asyncio.Event()

        async def stuck(_stream: Any) -> None:
            began.set()
            await asyncio.Event().wait()

        call = asyncio.create_task(leaving._counted(stuck)(None))
        await began.wait()
        leaving.begin()
        await leaving.settle()
        call.cancel()

    asyncio.run(scenario())


def test_a_grpc_call_that_comes_after_is_refused_as_unavailable() -> None:
    async def scenario() -> None:
        leaving, called = Drain(), []

        async def call(stream: Any) -> None:
            called.append(stream)

        await leaving._counted(call)("first")
        leaving.begin()
        with pytest.raises(GRPCError) as error:
            await leaving._counted(call)("second")
        assert error.value.status is Status.UNAVAILABLE
        assert called == ["first"]

    asyncio.run(scenario())
