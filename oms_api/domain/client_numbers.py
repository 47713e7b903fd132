"""The numbers of a client's FIX session: what comes next either way, what is not stored yet, and how far each
account's events were reported.

The law of this file: what is taken as a change is exactly what has happened since the last one was stored,
and says from where it moves on, so that a store can refuse a writer that has lost the session.
"""

from datetime import datetime
from typing import Final

import msgspec

_TYPE: Final = b"\x0135="
_ADMIN_TYPES: Final = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"A"))


class SentMessage(msgspec.Struct, kw_only=True, gc=False):
    """An application message under its MsgSeqNum.

    account_id, stream_sequence: of the event that it reports.
    """

    seq: int
    raw: bytes
    account_id: str | None = None
    stream_sequence: int | None = None


class StoredNumbers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session as it is stored. numbers: counts how often they have begun at 1; streams: by account."""

    numbers: int
    next_in: int
    next_out: int
    began_at: datetime
    streams: dict[str, int]


class NumbersChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is to be stored of a session at once, and from where it moves on."""

    comp_id: str
    was_numbers: int
    was_out: int
    now: StoredNumbers
    messages: tuple[SentMessage, ...]


class ClientNumbers:
    """A session's numbers in memory. next_in: the MsgSeqNum that is expected next."""

    def __init__(self, comp_id: str, stored: StoredNumbers, now: datetime) -> None:
        self.comp_id = comp_id
        self.next_in = stored.next_in
        self.next_out = stored.next_out
        self.numbers = stored.numbers
        self.began_at = stored.began_at
        self.streams = dict(stored.streams)
        self.now = now
        self._stored = stored
        self._unsaved: list[SentMessage] = []

    def append(self, raw: bytes) -> None:
        """Keep a message under the next number; of the session's own only the number is kept."""
        start = raw.index(_TYPE) + len(_TYPE)
        if raw[start : raw.index(b"\x01", start)] not in _ADMIN_TYPES:
            self._unsaved.append(SentMessage(seq=self.next_out, raw=raw))
        self.next_out += 1

    def reset(self) -> None:
        """Begin both numbers at 1 again. What was reported stays reported."""
        self.numbers += 1
        self.next_in = self.next_out = 1
        self.began_at = self.now
        self._unsaved.clear()

    def note_reported(self, account_id: str, stream_sequence: int) -> None:
        """Say that the message that was appended last reports this event."""
        message = self._unsaved[-1]
        message.account_id, message.stream_sequence = account_id, stream_sequence

    @property
    def must_be_saved(self) -> bool:
        """Whether a number has moved since the last change that was stored."""
        kept = self._stored
        return (self.numbers, self.next_in, self.next_out) != (kept.numbers, kept.next_in, kept.next_out)

    @property
    def has_passed_events(self) -> bool:
        """Whether events were passed over since then."""
        return self.streams != self._stored.streams

    def change(self) -> NumbersChange:
        """Return what is to be stored now."""
        kept = self._stored
        now = StoredNumbers(
            numbers=self.numbers,
            next_in=self.next_in,
            next_out=self.next_out,
            began_at=self.began_at,
            streams=dict(self.streams),
        )
        return NumbersChange(
            comp_id=self.comp_id,
            was_numbers=kept.numbers,
            was_out=kept.next_out,
            now=now,
            messages=tuple(self._unsaved),
        )

    def saved(self, change: NumbersChange) -> None:
        """Take note that a change is stored. Nothing may have happened since it was made."""
        self._stored = change.now
        self._unsaved.clear()
