"""The broker simulator's own parts, put together in this process: door, sessions, engines, journal, loop."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from simulators.broker.adapters.journal import Journal
from simulators.broker.bootstrap import Loop, make_stores, replay
from simulators.broker.config import VENUES
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.fix_acceptor import FixAcceptor
from simulators.broker.entrypoints.inbox import Inbox
from simulators.broker.handlers import Exchange
from simulators.broker.unkind import UnkindVenue

TICKS = {"AAPL": Decimal("0.01"), "MSFT": Decimal("0.01")}


class VenueInProcess:
    """All venues on a port of their own; `turn` does one round of the loop."""

    def __init__(self, folder: Path) -> None:
        self.engines = {
            venue_id: UnkindVenue(venue_id, TICKS, seed=7, behaviour=Behaviour(touch_fill=0))
            for venue_id in VENUES
        }
        self.journal = Journal(folder)
        unsent = replay(self.journal, self.engines)
        self.door = FixAcceptor(host="127.0.0.1", port=0, stores=make_stores(folder))
        self.exchange = Exchange(self.engines, self.journal, self.door)
        self.exchange.recover(unsent, datetime.now(UTC))
        self.loop = Loop(
            Inbox(self.door.wake), self.exchange, self.door, delays_s={}, pending_s=0.0, day_s=0.0
        )
        self.door.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.door.port

    def close(self) -> None:
        """Log everybody out and let go."""
        self.door.stop()
        self.journal.close()


@contextmanager
def running_venue(folder: Path) -> Iterator[VenueInProcess]:
    """Run the loop on a thread until the block ends; an exception of the loop fails the block."""
    venue = VenueInProcess(folder)
    stopping = threading.Event()
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            while not stopping.is_set():
                venue.loop.turn()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=serve, name="venue", daemon=True)
    thread.start()
    try:
        yield venue
    finally:
        stopping.set()
        venue.door.wake()
        thread.join(10)
        venue.close()
    if failed:
        raise failed[0]
