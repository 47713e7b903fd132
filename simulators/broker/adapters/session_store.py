"""What a venue's session has sent, and the number that it expects next: an append-only file a session.

Written before anything of it is on the wire, and given to the operating system, so it survives the process
but not the machine. A torn last message is cut off.
"""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NUMBER_WIDTH: Final = 20
_READ_BYTES: Final = 1 << 20


class SessionStore:
    """The messages of one session by their numbers, from 1 without a gap; `next_in` is what is expected."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._body = os.open(folder / f"{name}.body", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._mark = os.open(folder / f"{name}.seqnums", os.O_RDWR | os.O_CREAT, 0o644)
        # Where each message begins, the first at 0, and where the next one will.
        self._starts = array("Q", [0])
        self._unwritten: list[bytes] = []
        self._index()
        self.next_in = int(os.pread(self._mark, _NUMBER_WIDTH, 0) or b"1")
        self._written_next_in = self.next_in

    def _index(self) -> None:
        """Find where each message begins. A message says how long it is (BodyLength, 9)."""
        place = 0
        size = os.fstat(self._body).st_size
        buffer, base = b"", 0
        while place < size:
            if place - base > len(buffer) - _READ_BYTES // 2:
                buffer, base = os.pread(self._body, _READ_BYTES, place), place
            end = _end_of_message(buffer, place - base)
            if end is None:
                break
            place = base + end
            self._starts.append(place)
        os.ftruncate(self._body, place)

    @property
    def next_out(self) -> int:
        """The number of the next message."""
        return len(self._starts)

    def append(self, raw: bytes) -> None:
        """Keep a message under the next number; `flush` writes it."""
        self._unwritten.append(raw)
        self._starts.append(self._starts[-1] + len(raw))

    def flush(self) -> None:
        """Write what was appended, and the number that is expected."""
        if self._unwritten:
            left = memoryview(b"".join(self._unwritten))
            self._unwritten = []
            while left:
                left = left[os.write(self._body, left) :]
        if self.next_in != self._written_next_in:
            self._written_next_in = self.next_in
            os.pwrite(self._mark, b"%0*d" % (_NUMBER_WIDTH, self.next_in), 0)

    def read(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the messages from one number to another, as far as they are there."""
        self.flush()
        for seq in range(max(1, begin), min(end, self.next_out - 1) + 1):
            start = self._starts[seq - 1]
            yield seq, os.pread(self._body, self._starts[seq] - start, start)

    def reset(self) -> None:
        """Forget everything: both numbers are 1 again."""
        self._unwritten = []
        self._starts = array("Q", [0])
        os.ftruncate(self._body, 0)
        self.next_in = 1
        self.flush()

    def forget_newest(self, count: int) -> None:
        """Lose the last messages, as a store does that was restored from a copy."""
        self.flush()
        keep = max(1, self.next_out - count)
        del self._starts[keep:]
        os.ftruncate(self._body, self._starts[-1])

    def close(self) -> None:
        """Write what is left and close the files."""
        self.flush()
        os.close(self._body)
        os.close(self._mark)


def _end_of_message(buffer: bytes, start: int) -> int | None:
    """Return where a message ends, None when it is torn or longer than what was read."""
    length_at = buffer.find(b"\x019=", start) + 3
    body_at = buffer.find(b"\x01", length_at) + 1
    if length_at == 2 or body_at == 0 or not buffer[length_at : body_at - 1].isdigit():
        return None
    end = body_at + int(buffer[length_at : body_at - 1]) + len(b"10=000\x01")
    return end if buffer[end - 7 : end - 4] == b"10=" and buffer[end - 1 : end] == b"\x01" else None
