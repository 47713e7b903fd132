"""A FIX counterparty on a bare socket: any bytes out, whole messages in. It shares no code with a service."""

import socket
import time
from datetime import UTC, datetime, timedelta

from tests.patience import EVENTUALLY_S

SOH = b"\x01"


def stamp(offset_s: float = 0.0) -> str:
    """Return the time of now, or so many seconds after it, as FIX writes it."""
    return f"{datetime.now(UTC) + timedelta(seconds=offset_s):%Y%m%d-%H:%M:%S.%f}"[:-3]


def sealed(head: bytes, body: bytes) -> bytes:
    """Put BodyLength and CheckSum around a body. head: BeginString with its SOH."""
    before = head + b"9=%d\x01" % len(body) + body
    return before + b"10=%03d\x01" % (sum(before) % 256)


def fields_of(raw: bytes) -> list[tuple[str, bytes]]:
    """Split a message that holds no data fields."""
    return [(tag.decode(), value) for tag, _, value in (part.partition(b"=") for part in raw.split(SOH)[:-1])]


class RawClient:
    """One connection to a venue's session, as OMS."""

    def __init__(self, port: int, venue_id: str = "XNYS", sender: str = "OMS") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=EVENTUALLY_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.venue_id, self.sender = venue_id, sender
        self.next_out = 1
        self._buffer = b""

    def send_raw(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(raw)

    def send(self, msg_type: str, body: bytes = b"", *, seq: int | None = None, header: bytes = b"") -> None:
        """Send a message under the next number. body and header: fields, `|` between and after them."""
        number = self.next_out if seq is None else seq
        if seq is None:
            self.next_out += 1
        head = f"35={msg_type}|34={number}|49={self.sender}|52={stamp()}|56={self.venue_id}|".encode()
        self.send_raw(sealed(b"8=FIX.4.4\x01", (head + header + body).replace(b"|", SOH)))

    def log_on(self, *, heartbeat_s: int = 30, reset: bool = False, more: bytes = b"") -> dict[str, bytes]:
        """Log on, and return the answer. more: fields of the Logon."""
        more += b"141=Y|" if reset else b""
        self.send("A", b"98=0|108=%d|" % heartbeat_s + more)
        return self.read()

    def read(self, wait_s: float = EVENTUALLY_S) -> dict[str, bytes]:
        """Return the next message by tag. Raises EOFError at the end, TimeoutError when none comes."""
        return dict(fields_of(self.read_raw(wait_s)))

    def read_raw(self, wait_s: float = EVENTUALLY_S) -> bytes:
        """Return the next message's bytes."""
        deadline = time.monotonic() + wait_s
        while (end := self._end()) is None:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the venue closed the connection")
            self._buffer += data
        raw, self._buffer = self._buffer[:end], self._buffer[end:]
        return raw

    def read_until(self, msg_type: str) -> dict[str, bytes]:
        """Read on to a message of a type, and return it."""
        while (found := self.read()).get("35") != msg_type.encode():
            pass
        return found

    def _end(self) -> int | None:
        """Return where the first message ends, by its length."""
        place = self._buffer.find(b"\x019=")
        body = self._buffer.find(SOH, place + 3) + 1
        if place < 0 or body == 0:
            return None
        end = body + int(self._buffer[place + 3 : body - 1]) + 7
        return end if len(self._buffer) >= end else None

    def is_closed(self, wait_s: float = EVENTUALLY_S) -> bool:
        """Wait for the venue to close the connection; what it says before is passed over."""
        try:
            while True:
                self.read_raw(wait_s)
        except (EOFError, ConnectionResetError):
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        """Close the connection without a word."""
        self.socket.close()
