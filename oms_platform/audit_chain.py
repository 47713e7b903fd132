"""The links of the audit's chains: each is a SHA-256 over the link before it and a row, as the row is stored.

An account's events are one chain, in the order of its stream; the rows of `audit_log` are another. Numbers
are big-endian, texts UTF-8. Migration 0022 has the same in SQL (`order_event_link`, `audit_link`), by which
the database links its own rows and `oms verify` looks at core's; a test holds the two together.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from oms_platform.clock import microseconds

LINK_BYTES: Final = 32
# What the first row of a chain is linked to.
GENESIS: Final = bytes(LINK_BYTES)
_NO_REQUEST: Final = bytes(16)
# Whether a request is named, order_id, sequence, stream_sequence, request_id, occurred_at in microseconds
# since 1970, and how many bytes the request's digest (-1: it has none), account_id and type have. These
# follow, and then the payload.
_EVENT: Final = struct.Struct(">?16sii16sqiii")
_LENGTH: Final = struct.Struct(">i")
_NUMBERS: Final = struct.Struct(">qq")
_NULL: Final = _LENGTH.pack(-1)


def request_digest(kind: str, payload: bytes) -> bytes:
    """Return the digest of a request: of its kind, a line feed, and its bytes as they are stored."""
    return sha256(kind.encode() + b"\n" + payload).digest()


def event_link(
    before: bytes,
    order_id: UUID,
    sequence: int,
    account_id: str,
    stream_sequence: int,
    type_name: str,
    request_id: UUID | None,
    digest: bytes | None,
    payload: bytes,
    occurred_at: datetime,
) -> bytes:
    """Return the link of a row of `order_events`.

    before: the link of the event before it in its account's stream. digest: of the request that it is the
    outcome of, None where it names none or not for the first time.
    """
    account, kind = account_id.encode(), type_name.encode()
    head = _EVENT.pack(
        request_id is not None,
        order_id.int.to_bytes(16),
        sequence,
        stream_sequence,
        _NO_REQUEST if request_id is None else request_id.int.to_bytes(16),
        microseconds(occurred_at),
        -1 if digest is None else len(digest),
        len(account),
        len(kind),
    )
    return sha256(before + head + (digest or b"") + account + kind + payload).digest()


def audit_link(before: bytes, sequence: int, at: datetime, texts: Sequence[str | None]) -> bytes:
    """Return the link of a row of `audit_log`.

    texts: actor, reason, table_name, operation, key, before, after; JSON as Postgres writes it. Each has its
    length before it, -1 for NULL.
    """
    parts = [before, _NUMBERS.pack(sequence, microseconds(at))]
    for text in texts:
        if text is None:
            parts.append(_NULL)
        else:
            encoded = text.encode()
            parts += (_LENGTH.pack(len(encoded)), encoded)
    return sha256(b"".join(parts)).digest()
