"""The venue's own journal: a JSON line for each order, report and fault, written before any of it is sent.

It is flushed to the operating system, so it survives the process but not the machine. A second small file
says how many of its lines were handed to FIX; what comes after is sent again at the next start. A torn last
line is cut off.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Counter

from oms_platform.errors import BrokenInvariantError
from simulators.broker.protocol import FaultSown, Kept, Record

JOURNAL_NAME: Final = "journal.jsonl"
MARK_NAME: Final = "journal.sent"
_MARK_WIDTH: Final = 20
journal_bytes_total = Counter("oms_broker_journal_bytes_total", "Bytes written to the journal")


class Journal:
    """Append-only. `replay` must be called once, before the first `append`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / JOURNAL_NAME
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._mark = os.open(folder / MARK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        self._encode = msgspec.json.Encoder().encode
        self._lines = 0

    def replay(self, restore: Callable[[Record], None]) -> list[Record]:
        """Hand every record but the faults to `restore`. Returns those that may not have been sent.

        Raises BrokenInvariantError when a line before the last cannot be read.
        """
        decode = msgspec.json.Decoder(Kept).decode
        sent = int(os.pread(self._mark, _MARK_WIDTH, 0) or b"0")
        unsent: list[Record] = []
        good_bytes = 0
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    record: Kept = decode(line)
                except msgspec.MsgspecError as error:
                    if lines.read(1):
                        raise BrokenInvariantError(f"{self._path} line {self._lines + 1}: {error}") from error
                    break
                if not line.endswith(b"\n"):
                    break
                self._lines += 1
                good_bytes += len(line)
                if isinstance(record, FaultSown):
                    continue
                restore(record)
                if self._lines > sent:
                    unsent.append(record)
        os.ftruncate(self._file, good_bytes)
        return unsent

    def append(self, records: Iterable[Kept]) -> None:
        """Write records and give them to the operating system."""
        encode = self._encode
        encoded = [encode(record) for record in records]
        if not encoded:
            return
        self._lines += len(encoded)
        left = memoryview(b"\n".join([*encoded, b""]))
        journal_bytes_total.inc(len(left))
        while left:
            left = left[os.write(self._file, left) :]

    def mark_sent(self) -> None:
        """Remember that everything appended so far was handed to FIX."""
        os.pwrite(self._mark, b"%0*d" % (_MARK_WIDTH, self._lines), 0)

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        os.close(self._mark)
