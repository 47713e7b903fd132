"""How positions, quotes and alerts stand, to every WebSocket that listens to them.

The law of this file: what is told is how a thing stands now. A client that subscribes is told all of it at
once, and then each thing that is another; one that reads slowly is told the newest of each, and what was in
between never. Nothing is read or asked for while nobody listens.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec
import structlog

from oms_api.entrypoints import stream_messages
from oms_api.entrypoints.answers import encode
from oms_api.entrypoints.event_hub import HubClient
from oms_api.entrypoints.stream_requests import StreamChannel
from oms_api.ports import (
    AlertView,
    DeskState,
    EncodedEvent,
    HeldPosition,
    LiveQuotes,
    MarketData,
    Marks,
    QuoteView,
    UnavailableError,
)
from oms_api.position_handlers import streamed

POSITIONS_EVERY_S: Final = 0.2
# As often a position that has not changed is told at another mark.
MARKS_EVERY_S: Final = 1.0
# Positions that changed without an event that this gateway saw are noticed so late.
POSITIONS_ALL_EVERY_S: Final = 5.0
QUOTES_EVERY_S: Final = 0.1
ALERTS_EVERY_S: Final = 1.0
_ALL_ALERTS: Final = ""
# Kinds of alerts that tell of accounts also where they name none.
_OF_ACCOUNTS: Final = frozenset(("EXECUTION_EXCEPTION", "RISK_LIMIT"))
FAILED: Final = "an unexpected error: connect and subscribe again"
_TRADES: Final = frozenset(("TradeApplied", "TradeCorrected"))
log = structlog.get_logger()


class _Topic:
    """Who listens to what of one channel, and how each thing was told last: its JSON by name and id."""

    def __init__(self, channel: StreamChannel) -> None:
        self.channel = channel
        self.clients: dict[str, set[HubClient]] = defaultdict(set)
        self.told: dict[str, dict[str, str]] = defaultdict(dict)

    def tell(self, name: str, thing: str, text: str, may_see: Callable[[HubClient], bool]) -> None:
        """Tell everybody who listens to a name how a thing stands, unless that is known."""
        if self.told[name].get(thing) == text:
            return
        self.told[name][thing] = text
        for client in self.clients[name]:
            if may_see(client):
                client.push_state(self.channel.value, f"{name} {thing}", text)

    def drop(self, client: HubClient, names: Iterable[str]) -> None:
        """Tell a client no more of some names."""
        for name in list(names):
            listening = self.clients.get(name)
            if listening is None:
                continue
            listening.discard(client)
            if not listening:
                del self.clients[name]
                self.told.pop(name, None)


def _everybody(_client: HubClient) -> bool:
    return True


class StateChannels:
    """Tells clients of positions, quotes and alerts. Everything here runs in the event loop."""

    def __init__(self, desk: DeskState, market_data: MarketData, marks: Marks, quotes: LiveQuotes) -> None:
        self._desk = desk
        self._market_data = market_data
        self._marks = marks
        self._quotes = quotes
        self._positions = _Topic(StreamChannel.POSITIONS)
        self._quoted = _Topic(StreamChannel.QUOTES)
        self._alerts = _Topic(StreamChannel.ALERTS)
        self._open: dict[str, AlertView] = {}
        self._changed: set[str] = set()
        # What accounts that are listened to hold, as it was read last: by account and symbol.
        self._held: dict[str, dict[str, HeldPosition]] = {}
        self._quotes_live = False
        # What works for those who listen, by channel; nothing for a channel to which nobody does.
        self._working: dict[StreamChannel, list[asyncio.Task[None]]] = {}

    # ---- who listens

    async def watch_positions(self, client: HubClient, accounts: Sequence[str]) -> None:
        """Tell a client the positions of accounts, and then each that changes. Raises UnavailableError."""
        await self._read_positions(accounts)
        await self._mark_positions(accounts)
        found = [text for account in accounts for text in self._positions.told[account].values()]
        client.push(stream_messages.state("positions", found, snapshot=True, accounts=list(accounts)))
        self._listen(self._positions, client, accounts, self._follow_positions)

    async def watch_quotes(self, client: HubClient, symbols: Sequence[str]) -> None:
        """Tell a client the quotes of symbols, and then each that changes. Raises UnavailableError."""
        self._take_quotes(await self._market_data.quotes(symbols))
        self._say_whether_quotes_are_live()
        found = [text for symbol in symbols for text in self._quoted.told[symbol].values()]
        client.push(
            stream_messages.state(
                "quotes", found, snapshot=True, live=self._quotes.live, symbols=list(symbols)
            )
        )
        self._listen(self._quoted, client, symbols, self._follow_quotes, self._quotes.follow)

    async def watch_alerts(self, client: HubClient) -> None:
        """Tell a client what it should look at, and then each that opens or ends. Raises UnavailableError."""
        self._take_alerts(await self._desk.alerts())
        seen = [encode(alert).decode() for alert in self._open.values() if _may_see(alert)(client)]
        client.push(stream_messages.state("alerts", seen, snapshot=True))
        self._listen(self._alerts, client, [_ALL_ALERTS], self._follow_alerts)

    def _listen(
        self,
        topic: _Topic,
        client: HubClient,
        names: Sequence[str],
        *works: Callable[[], Awaitable[None]],
    ) -> None:
        for name in names:
            topic.clients[name].add(client)
        if topic.channel not in self._working:
            begun = self._working[topic.channel] = [asyncio.ensure_future(work()) for work in works]
            for task in begun:
                task.add_done_callback(lambda done: self._ended(topic, done))

    def _ended(self, topic: _Topic, done: asyncio.Future[None]) -> None:
        """Let the listeners of a channel go whose work has failed: nobody is told that old things stand."""
        error = None if done.cancelled() else done.exception()
        if error is None:
            return
        log.error("state_channel_failed", channel=topic.channel.value, exc_info=error)
        for client in {client for listening in topic.clients.values() for client in listening}:
            client.give_up(FAILED)
            self._drop(topic, client, list(topic.clients))

    def accounts_of(self, client: HubClient) -> list[str]:
        """Return the accounts whose positions a client listens to."""
        return [account for account, clients in self._positions.clients.items() if client in clients]

    def drop_positions(self, client: HubClient, accounts: Iterable[str]) -> None:
        """Tell a client no more of accounts' positions."""
        self._drop(self._positions, client, accounts)

    def drop_quotes(self, client: HubClient, symbols: Iterable[str]) -> None:
        """Tell a client no more of symbols' quotes."""
        self._drop(self._quoted, client, symbols)

    def drop_alerts(self, client: HubClient) -> None:
        """Tell a client no more of alerts."""
        self._drop(self._alerts, client, [_ALL_ALERTS])

    def drop_all(self, client: HubClient) -> None:
        """Tell a client nothing more."""
        for topic in (self._positions, self._quoted, self._alerts):
            self._drop(topic, client, list(topic.clients))

    def _drop(self, topic: _Topic, client: HubClient, names: Iterable[str]) -> None:
        topic.drop(client, names)
        if not topic.clients:
            for work in self._working.pop(topic.channel, []):
                work.cancel()
            if topic is self._alerts:
                self._open.clear()

    def close(self) -> None:
        """End all work."""
        for works in self._working.values():
            for work in works:
                work.cancel()

    # ---- how things stand

    def on_events(self, events: Iterable[EncodedEvent]) -> None:
        """Note which accounts' positions a trade has changed."""
        for item in events:
            if item.event.type in _TRADES and item.event.account_id in self._positions.clients:
                self._changed.add(item.event.account_id)

    async def _follow_positions(self) -> None:
        loop = asyncio.get_running_loop()
        all_at, mark_at = loop.time() + POSITIONS_ALL_EVERY_S, loop.time() + MARKS_EVERY_S
        while True:
            await asyncio.sleep(POSITIONS_EVERY_S)
            if loop.time() >= all_at:
                self._changed.update(self._positions.clients)
                all_at = loop.time() + POSITIONS_ALL_EVERY_S
            accounts, self._changed = self._changed & self._positions.clients.keys(), set()
            try:
                if accounts:
                    await self._read_positions(accounts)
                if loop.time() >= mark_at:
                    accounts = set(self._positions.clients)
                    mark_at = loop.time() + MARKS_EVERY_S
                await self._mark_positions(accounts)
            except UnavailableError as error:
                log.warning("positions_not_read", error=str(error))
                self._changed.update(accounts)
            self._held = {name: held for name, held in self._held.items() if name in self._positions.clients}

    async def _read_positions(self, accounts: Iterable[str]) -> None:
        for held in await self._desk.positions(sorted(accounts)):
            self._held.setdefault(held.account_id, {})[held.symbol] = held

    async def _mark_positions(self, accounts: Iterable[str]) -> None:
        """Tell accounts' positions at the marks of now."""
        held = [one for account in accounts for one in self._held.get(account, {}).values()]
        marks = await self._marks.marks({one.symbol for one in held})
        for one in held:
            text = encode(streamed(one, marks[one.symbol])).decode()
            self._positions.tell(one.account_id, one.symbol, text, _everybody)

    async def _follow_quotes(self) -> None:
        while True:
            await asyncio.sleep(QUOTES_EVERY_S)
            self._say_whether_quotes_are_live()
            newest = (self._quotes.newest(symbol) for symbol in self._quoted.clients)
            self._take_quotes([quote for quote in newest if quote is not None])

    def _say_whether_quotes_are_live(self) -> None:
        """Tell everybody who listens to quotes whether these come in, if that is another than before."""
        if self._quotes.live == self._quotes_live:
            return
        self._quotes_live = self._quotes.live
        for client in {client for listening in self._quoted.clients.values() for client in listening}:
            symbols = [symbol for symbol, listening in self._quoted.clients.items() if client in listening]
            client.push(
                stream_messages.state("quotes", [], snapshot=False, live=self._quotes.live, symbols=symbols)
            )

    def _take_quotes(self, found: Sequence[QuoteView]) -> None:
        for quote in found:
            self._quoted.tell(quote.symbol, quote.symbol, encode(quote).decode(), _everybody)

    async def _follow_alerts(self) -> None:
        while True:
            await asyncio.sleep(ALERTS_EVERY_S)
            try:
                self._take_alerts(await self._desk.alerts())
            except UnavailableError as error:
                log.warning("alerts_not_read", error=str(error))

    def _take_alerts(self, found: Sequence[AlertView]) -> None:
        now = {alert.alert_id: alert for alert in found}
        ended = [alert for alert_id, alert in self._open.items() if alert_id not in now]
        self._open = now
        for alert in [*(msgspec.structs.replace(alert, open=False) for alert in ended), *found]:
            self._alerts.tell(_ALL_ALERTS, alert.alert_id, encode(alert).decode(), _may_see(alert))
        for alert in ended:
            self._alerts.told[_ALL_ALERTS].pop(alert.alert_id, None)


def _may_see(alert: AlertView) -> Callable[[HubClient], bool]:
    """Return who may know of an alert: of an exception or a limit of no account, who sees every one."""
    account_id = alert.account_id

    def sees(client: HubClient) -> bool:
        if account_id is not None:
            return client.principal.sees(account_id)
        return alert.kind not in _OF_ACCOUNTS or client.principal.sees_every_account

    return sees
