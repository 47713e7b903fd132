"""`make tenants`: does the time of an answer tell what is another tenant's from what is not there?

Every question of tests/tenants.py is asked of what is foreign, of what is unknown, and of something else that
is unknown, in turn. Prints the median of each, how far foreign is from unknown, and how far the two unknown
are from one another, which is what this machine's noise alone makes of it.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from oms_api.entrypoints.websocket import MESSAGES_BURST
from oms_tools.cli.log_in import fetch_token
from oms_tools.laptop.layout import Layout
from proto.structs import compiled
from tests.raw_grpc import RawClient, framed, raw_client
from tests.stack_rig import StackRig, free_base_port
from tests.tenants import GRPC, Names, grpc_questions, rest_questions, stream_questions

ACCOUNT, OTHERS_ACCOUNT = "ACC-INST-001", "ACC-RET-001"
Ask = Callable[[Names], Awaitable[object]]
console = Console(width=None if sys.stdout.isatty() else 130)


def _order(account: str, names: Names) -> dict[str, object]:
    return {
        "clientOrderId": names.clientOrderId, "accountId": account, "symbol": "AAPL", "side": "BUY",
        "orderType": "LIMIT", "quantity": 1, "limitPrice": "1.00", "timeInForce": "DAY",
    }  # fmt: skip


class _Doors:
    """The doors of a gateway, as the other tenant has them open."""

    def __init__(self, rig: StackRig) -> None:
        self._issuer = rig.layout.issuer_url
        self._url = rig.layout.api_url
        self._grpc_port = rig.layout.port("api_grpc")
        self._token = fetch_token(self._issuer, "trader2")
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._messages_left = 0

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect to each door."""
        headers = {"authorization": f"Bearer {self._token}"}
        self._session = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        self._grpc: RawClient = await stack.enter_async_context(raw_client(self._grpc_port))
        await self.ready()

    async def ready(self) -> None:
        """Open another WebSocket before the one there has sent as many messages at once as it may."""
        if self._messages_left == 0:
            if self._socket is not None:
                await self._socket.close()
            self._socket = await self._session.ws_connect(f"{self._url}/api/v1/stream")
            self._messages_left = MESSAGES_BURST - 10

    async def made(self, user: str, account: str) -> Names:
        """Place an order, and name what its tenant owns."""
        names = Names(accountId=account)
        headers = {"authorization": f"Bearer {fetch_token(self._issuer, user)}"}
        body = _order(account, names)
        async with self._session.post(f"{self._url}/api/v1/orders", json=body, headers=headers) as answer:
            return replace(names, orderId=(await answer.json())["orderId"])

    async def questions(self, own: Names) -> list[tuple[str, Ask]]:
        """Return every question of every door, by its name."""
        async with self._session.get(f"{self._url}/openapi.json") as answer:
            contract = await answer.json()
        # A gRPC connection that is silent for long is let go, so it comes first.
        return [*self._of_grpc(), *self._of_stream(), *self._rest(contract, own)]

    def _rest(self, contract: dict[str, object], own: Names) -> Iterator[tuple[str, Ask]]:
        for where, question in rest_questions(contract, own).items():

            async def ask(names: Names, question=question) -> object:  # type: ignore[no-untyped-def]
                method, path, body = question(names)
                async with self._session.request(method, f"{self._url}{path}", json=body) as answer:
                    return await answer.read()

            yield f"REST {where}", ask

    def _of_grpc(self) -> Iterator[tuple[str, Ask]]:
        token = ("authorization", f"Bearer {self._token}")
        for service in {path.partition("/")[0] for path in GRPC}:
            for where, question in grpc_questions(compiled().FindServiceByName(service)):

                async def ask(names: Names, where=where, question=question) -> object:  # type: ignore[no-untyped-def]
                    return await self._grpc.call(
                        "/" + where.partition(" ")[0], framed(question(names)), token
                    )

                yield f"gRPC {where.rpartition('/')[2]}", ask

    def _of_stream(self) -> Iterator[tuple[str, Ask]]:
        for where, question in stream_questions().items():

            async def ask(names: Names, question=question) -> object:  # type: ignore[no-untyped-def]
                assert self._socket is not None
                self._messages_left -= 1
                await self._socket.send_str(json.dumps(question(names)))
                return await self._socket.receive_str()

            yield f"WebSocket {where}", ask


async def _medians(doors: _Doors, ask: Ask, kinds: list[Names], times: int) -> list[float]:
    """Ask of each in turn, so often. Returns the median of each in microseconds."""
    took: list[list[float]] = [[] for _ in kinds]
    for number in range(times + 5):
        for series, names in zip(took, kinds, strict=True):
            await doors.ready()
            began = time.perf_counter()
            await ask(names)
            if number >= 5:
                series.append((time.perf_counter() - began) * 1e6)
    return [statistics.median(series) for series in took]


async def _run(rig: StackRig, times: int) -> Table:
    table = Table("question", "foreign µs", "unknown µs", "foreign/unknown", "unknown/unknown")
    async with AsyncExitStack() as stack:
        doors = _Doors(rig)
        await doors.open(stack)
        foreign, own = await doors.made("trader1", ACCOUNT), await doors.made("trader2", OTHERS_ACCOUNT)
        for name, ask in await doors.questions(own):
            theirs, unknown, other = await _medians(doors, ask, [foreign, Names(), Names()], times)
            table.add_row(
                name, f"{theirs:.0f}", f"{unknown:.0f}", f"{theirs / unknown:.2f}", f"{other / unknown:.2f}"
            )
    return table


@click.command()
@click.option("--times", default=200, show_default=True, help="How often each is asked.")
def main(times: int) -> None:
    """Time what is foreign beside what is unknown, at every door."""
    with tempfile.TemporaryDirectory(prefix="oms-tenants-") as folder:
        rig = StackRig(layout=Layout(data=Path(folder), base_port=free_base_port()), kafka="memory")
        rig.up()
        try:
            console.print(asyncio.run(_run(rig, times)))
        finally:
            rig.down()


if __name__ == "__main__":
    main()
