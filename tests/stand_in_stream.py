"""A stream of order events that keeps what docs/asyncapi.yaml says, and breaks what a test tells it to."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.server import ServerConnection, serve

from tests.ports import free_port

Event = dict[str, Any]
# What is sent of the events that a client is to get, and how the connection then ends: with a code, by being
# cut off (0), or not at all (None).
Mischief = Callable[[list[Event]], tuple[list[Event], int | None]]


def event(account: str, sequence: int, **changed: Any) -> Event:
    """Return an event as core publishes it."""
    return {
        "eventId": f"01900000-0000-7000-8000-{sequence:012d}",
        "orderId": "01900000-0000-7000-8000-0000deadbeef",
        "accountId": account,
        "clientOrderId": "c",
        "sequence": 2,
        "streamSequence": sequence,
        "type": "OrderAccepted",
        "status": "ORDER_STATUS_ACKNOWLEDGED",
        "symbol": "AAPL",
        "side": "SIDE_BUY",
        "quantity": 100,
        "occurredAt": "2026-03-02T15:00:00.123456Z",
    } | changed


def nothing(events: list[Event]) -> tuple[list[Event], int | None]:
    """Send what is to be sent, and stay."""
    return events, None


def any_mischief(chance: random.Random) -> Mischief:
    """Return what drops, doubles and reorders events, and then ends the connection somehow."""

    def done(events: list[Event]) -> tuple[list[Event], int | None]:
        sent = [one for one in events for _ in range(chance.choice((0, 1, 1, 1, 1, 2)))]
        if sent and chance.random() < 0.5:
            place = chance.randrange(len(sent))
            sent.insert(chance.randrange(len(sent)), sent.pop(place))
        return sent[: chance.randrange(len(sent) + 1)], chance.choice((0, 1001, 1011, 1012, 1013))

    return done


@dataclass
class StandInStream:
    """logs: every account's events. heads: where a snapshot stands, and where a live subscription begins.

    mischief: of one connection after the other, then none. refusals: how connections are answered instead,
    one after the other: a status of HTTP, or a close code. said: what clients said, by connection; tokens:
    theirs.
    """

    logs: dict[str, list[Event]]
    heads: dict[str, int] = field(default_factory=dict)
    epoch: str = "e1"
    mischief: list[Mischief] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    url: str = ""
    said: list[list[dict[str, Any]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def talk(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        own: list[dict[str, Any]] = []
        self.said.append(own)
        if self.refusals:
            socket.close(self.refusals.pop(0), "as the test says")
            return
        mischief = self.mischief.pop(0) if self.mischief else nothing
        for text in socket:
            message = json.loads(text)
            own.append(message)
            if message["type"] == "auth":
                socket.send(json.dumps({"type": "authenticated", "expiresAt": "2026-03-02T15:00:00Z"}))
            elif message.get("epoch", self.epoch) != self.epoch:
                resync = {"type": "resync", "accounts": message["accounts"], "epoch": self.epoch}
                socket.send(json.dumps(resync))
            elif not self._serve(socket, message, mischief):
                return

    def _serve(self, socket: ServerConnection, message: dict[str, Any], mischief: Mischief) -> bool:
        accounts, since = message["accounts"], message.get("from", {})
        starts = {name: since.get(name, self.heads.get(name, 0)) for name in accounts}
        told = {} if message.get("snapshot") else starts
        head = {"type": "subscribed", "accounts": accounts, "streamSequence": told, "epoch": self.epoch}
        socket.send(json.dumps(head))
        for name in accounts if message.get("snapshot") else ():
            at = {"accountId": name, "streamSequence": starts[name], "epoch": self.epoch, "orders": []}
            socket.send(json.dumps({"type": "snapshot", **at}))
        due = [one for name in accounts for one in self.logs[name][starts[name] :]]
        events, ending = mischief(due)
        for first in range(0, len(events), 3):
            socket.send(json.dumps({"type": "events", "events": events[first : first + 3]}))
        if ending == 0:
            socket.socket.close()
        elif ending is not None:
            socket.close(ending, "as the test says")
        return ending is None


@contextmanager
def stand_in_stream(found: StandInStream) -> Iterator[StandInStream]:
    """Serve a stream until the block ends."""
    port = free_port()
    found.url = f"http://127.0.0.1:{port}"

    def admit(socket: ServerConnection, request: Any) -> Any:
        found.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if found.refusals and found.refusals[0] < 1000:
            return socket.respond(found.refusals.pop(0), "as the test says")
        return None

    with serve(found.talk, "127.0.0.1", port, process_request=admit) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()
