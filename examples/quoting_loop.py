"""A quoting loop: a bid and an offer around the market, moved when it moves, for so many seconds.

    export OMS_TOKEN=$(oms token --user trader1)
    python examples/quoting_loop.py --symbol AAPL --quantity 100 --seconds 30

The law of this file: at most one open order a side that it knows of, never more than `position_max` shares
long or short by its own fills, and when it stops, however it stops, every order that it placed is canceled.

What it knows of its orders is what the stream says. After a cut connection the stream goes on where it was;
after a Resync its snapshots, and `client.order`, say how each order stands.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from oms_client import (
    ApiError,
    AsyncClient,
    ConflictError,
    Order,
    OrderEvent,
    RateLimitedError,
    Snapshot,
    UnavailableError,
    uuid7,
)
from oms_client.async_streams import AsyncStream
from oms_client.operations import Side

SIDES: Final[tuple[Side, Side]] = ("BUY", "SELL")
OVER: Final = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
CHANNEL: Final = "QUOTES"
LOOK_S: Final = 0.25
BEGIN_S_MAX: Final = 15.0
CLOSE_S_MAX: Final = 60.0


@dataclass
class OwnOrder:
    """An order of ours. filled: shares. canceling: its cancel was taken."""

    side: Side
    price: Decimal
    filled: int = 0
    canceling: bool = False
    is_over: bool = False


@dataclass
class QuotingLoop:
    """Quotes one symbol for one account. width: ticks between the market and our prices."""

    client: AsyncClient
    account: str
    symbol: str
    quantity: int
    width: int
    position_max: int
    position: int = 0
    filled: int = 0
    placed: int = 0
    orders: dict[UUID, OwnOrder] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # Of this run: an order is ours if its id begins so.
    prefix: str = field(default_factory=lambda: f"quote-{uuid7().hex[-12:]}")

    async def run(self, seconds: float) -> None:
        """Quote for so long, or until it is told to stop; then cancel what is open, until nothing is."""
        instrument = await self.client.instrument(self.symbol)
        async with self.client.stream([self.account]) as stream:
            begun = asyncio.Event()
            listening = asyncio.create_task(self._listen(stream, begun))
            quoting = asyncio.create_task(self._quote(begun, instrument.tick_size))
            try:
                await asyncio.wait([listening, quoting], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # An order that is on its way is waited for, so that it is among those that are canceled.
                self.stopping.set()
                await asyncio.gather(quoting, return_exceptions=True)
                await self._cancel_all()
            if not listening.done():
                listening.cancel()
            for task in (quoting, listening):
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    # ---- what happens to our orders

    async def _listen(self, stream: AsyncStream, begun: asyncio.Event) -> None:
        async for item in stream:
            if isinstance(item, Snapshot):
                still_open = {order.order_id: order for order in item.orders}
                for order_id in self._open():
                    self._take(still_open.get(order_id) or await self.client.order(order_id))
                begun.set()
            elif isinstance(item, OrderEvent) and item.client_order_id.startswith(self.prefix):
                self._take(item)

    def _take(self, word: Order | OrderEvent) -> None:
        """Take what an order or an event says of one of ours; older words change nothing."""
        side: Side = "BUY" if word.side == "BUY" else "SELL"
        own = self.orders.setdefault(word.order_id, OwnOrder(side, Decimal(0)))
        shares = max(0, word.cum_qty - own.filled)
        own.filled += shares
        own.is_over = own.is_over or word.status in OVER
        self.filled += shares
        self.position += shares if side == "BUY" else -shares
        if shares:
            print(f"{word.status} {side} {shares} {self.symbol}, position {self.position}", flush=True)

    def _open(self, side: Side | None = None) -> dict[UUID, OwnOrder]:
        """Return our open orders, of one side or of both."""
        return {
            order_id: own
            for order_id, own in self.orders.items()
            if not own.is_over and side in (None, own.side)
        }

    # ---- what we do

    async def _quote(self, begun: asyncio.Event, tick: Decimal) -> None:
        async with asyncio.timeout(BEGIN_S_MAX):
            await begun.wait()
        while not self.stopping.is_set():
            with contextlib.suppress(UnavailableError, RateLimitedError):
                await self._look(tick)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self.stopping.wait()

    async def _look(self, tick: Decimal) -> None:
        """Hold our orders to the market as it is now."""
        found = (await self.client.quotes(self.symbol)).quotes
        if not found or found[0].bid is None or found[0].ask is None:
            return await self._cancel(self._open())
        wanted = {"BUY": found[0].bid - self.width * tick, "SELL": found[0].ask + self.width * tick}
        for side in SIDES:
            own = self._open(side)
            if any(one.price != wanted[side] for one in own.values()):
                await self._cancel(own)
            elif not own and self._may(side):
                await self._place(side, wanted[side])
        return None

    def _may(self, side: Side) -> bool:
        """Whether another order of a side could not take the position beyond its bound."""
        after = self.position + (self.quantity if side == "BUY" else -self.quantity)
        return abs(after) <= self.position_max

    async def _place(self, side: Side, price: Decimal) -> None:
        self.placed += 1
        answer = await self.client.place(
            account=self.account,
            symbol=self.symbol,
            side=side,
            quantity=self.quantity,
            limit_price=price,
            client_order_id=f"{self.prefix}-{self.placed}",
            channel=CHANNEL,
        )
        print(f"quoted {side} {self.quantity} at {price}", flush=True)
        # The stream may have told of it before the answer came.
        self.orders.setdefault(answer.order_id, OwnOrder(side, price)).price = price

    async def _cancel(self, orders: dict[UUID, OwnOrder]) -> None:
        for order_id, own in orders.items():
            if not own.canceling:
                # One that was over before its cancel came: the stream says how.
                with contextlib.suppress(ConflictError):
                    await self.client.cancel(order_id, channel=CHANNEL)
                own.canceling = True

    async def _cancel_all(self) -> None:
        """Cancel every open order of this run, by the gateway's word and not by ours, until there is none."""
        async with asyncio.timeout(CLOSE_S_MAX):
            while ours := await self._listed_as_open():
                for order_id in ours:
                    with contextlib.suppress(ConflictError, UnavailableError, RateLimitedError):
                        await self.client.cancel(order_id, channel=CHANNEL)
                await asyncio.sleep(LOOK_S)
            for order_id in self._open():
                self._take(await self.client.order(order_id))

    async def _listed_as_open(self) -> list[UUID]:
        listed = self.client.orders(account=self.account, symbol=self.symbol, is_open=True)
        return [order.order_id async for order in listed if order.client_order_id.startswith(self.prefix)]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("OMS_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--account", default="ACC-INST-001")
    parser.add_argument("--symbol", default="AAPL")
    parser.add_argument("--quantity", type=int, default=100, help="shares of each order")
    parser.add_argument("--width", type=int, default=1, help="ticks away from the best bid and offer")
    parser.add_argument("--position-max", type=int, default=1_000, help="shares long or short at most")
    parser.add_argument("--seconds", type=float, default=30.0)
    return parser.parse_args()


async def main() -> int:
    """Quote until the time is over, or SIGINT or SIGTERM."""
    given = arguments()
    token = os.environ.get("OMS_TOKEN")
    if not token:
        print("expected a token in OMS_TOKEN: oms token --user trader1", file=sys.stderr)
        return 2
    async with AsyncClient(given.url, token) as client:
        loop = QuotingLoop(
            client, given.account, given.symbol, given.quantity, given.width, given.position_max
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, loop.stopping.set)
        try:
            await loop.run(given.seconds)
        except ApiError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(f"placed {loop.placed} orders, {loop.filled} shares filled, position {loop.position}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
