"""The Ground of a laptop's stack: the supervisor's files, the database, the broker's control port."""

import contextlib
import http.client
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg

from oms_platform.ids import uuid7_floor
from oms_tools.chaos.conductor import Counts
from oms_tools.chaos.offers import FAULTS
from oms_tools.laptop.layout import Layout, last_state
from oms_tools.laptop.outages import Outage, begin_outage
from oms_tools.laptop.parts import postgres_dsn

_TIMEOUT_S: Final = 3
# Without events core has said nothing of it.
_COUNTS: Final = """
    SELECT count(*), count(*) FILTER (WHERE closed), count(*) FILTER (WHERE NOT closed AND sequence > 1),
           count(*) FILTER (WHERE NOT closed AND sequence = 1)
    FROM orders WHERE order_id >= %s AND order_id < %s
"""


class LaptopGround:
    """One stack. ask: sends a body to a path of the broker's control port and returns the answer."""

    def __init__(self, layout: Layout, ask: Callable[[str, str, object], Any]) -> None:
        self._layout, self._ask = layout, ask
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def processes(self) -> dict[str, int | None]:
        """Return the pid of each process of the stack that is ready, None of one that is not."""
        programs = last_state(self._layout.data).get("programs", {})
        return {name: program["pid"] if program["ready"] else None for name, program in programs.items()}

    def venues(self) -> dict[str, bool]:
        """Return whether each venue's session is up; none where they run elsewhere. Raises psycopg.Error."""
        if last_state(self._layout.data).get("venues"):
            return {}
        return dict(self._read("SELECT venue_id, up FROM fix_sessions ORDER BY venue_id", ()))

    def kill(self, process: str, from_: datetime, until: datetime) -> None:
        """Keep a process down for a time."""
        outage = Outage(program=process, from_s=from_.timestamp(), until_s=until.timestamp())
        begin_outage(self._layout.outage_file, outage)

    def cut(self, venue: str, seconds: int) -> None:
        """Break a venue's session off for a time. Raises OSError when the venues are away."""
        self._ask("POST", f"{venue}/cut", {"seconds": seconds})

    def be_unkind(self, venue: str, fault: str, seconds: int) -> None:
        """Let a venue misbehave for a time. Raises OSError when the venues are away."""
        self._ask("PUT", venue, {"rates": {fault: FAULTS[fault].rate}, "seconds": seconds})

    def count(self, since: datetime, until: datetime) -> Counts:
        """Count the orders that were acked in a time. Raises psycopg.Error."""
        return Counts(*self._read(_COUNTS, (uuid7_floor(since), uuid7_floor(until)))[0])

    def _read(self, question: str, values: tuple[object, ...]) -> list[Any]:
        with self._lock:
            if self._connection is None:
                dsn = postgres_dsn(self._layout.port("postgres"))
                self._connection = psycopg.connect(dsn, autocommit=True, connect_timeout=_TIMEOUT_S)
            try:
                return self._connection.execute(question, values).fetchall()
            except psycopg.Error:
                with contextlib.suppress(psycopg.Error):
                    self._connection.close()
                self._connection = None
                raise


def control_of(port: int) -> Callable[[str, str, object], Any]:
    """Return how the broker's control port is asked."""

    def ask(method: str, path: str, content: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(method, f"/control/venues/{path}", msgspec.json.encode(content))
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != http.client.OK:
            raise OSError(f"the broker's control port answered {answer.status}: {body[:200]!r}")
        return msgspec.json.decode(body)

    return ask
