"""Client order ids: unique, and in the order in which they were made."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Make a UUIDv7 (RFC 9562): the time in milliseconds, then 74 random bits."""
    noise = int.from_bytes(os.urandom(10))
    return UUID(
        int=(time.time_ns() // 1_000_000 << 80)
        | (0x7 << 76)
        | ((noise >> 62 & 0xFFF) << 64)
        | (0b10 << 62)
        | (noise & (1 << 62) - 1)
    )
