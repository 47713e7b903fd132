"""An order's trace as it travels beside its messages: a text.

Its first 55 characters are the W3C traceparent, whose parent is the order's root span; every span of the
order is a child of that. While an order is not traced, the hops that it has passed follow behind: the
process that finds that it fails or is slow writes those too, so that its trace is whole though nobody knew at
its start. Until then it costs one concatenation a hop.

A hop is a letter, when it began (13 hexadecimal digits, microseconds since 1970), a dot, how long it took, a
semicolon. Letters are none of the hexadecimal digits.
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Final

TRACEPARENT_LENGTH: Final = 55
# What an order that is routed again and again carries of its past.
HOPS_LENGTH_MAX: Final = 600
# The hops travel in a header of their own, so that the other one is what W3C says.
HOPS_HEADER: Final = "oms-hops"
_TRACED: Final = "01"
_UNTRACED: Final = "00"
_TRACE: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01](?:[R-Z][0-9a-f]{13}\.[0-9a-f]{1,13};)*")


class Hop:
    """The letters of the hops that an order's messages remember."""

    SUBMIT: Final = "R"
    CANCEL: Final = "X"
    CORE: Final = "Y"
    FILLS: Final = "Z"
    SOR: Final = "S"
    ADAPTER: Final = "T"
    VENUE: Final = "V"


def new_trace(trace_id: str, root_id: str, *, traced: bool) -> str:
    """Return the trace of an order that begins; ids are 32 and 16 hexadecimal digits."""
    return f"00-{trace_id}-{root_id}-{_TRACED if traced else _UNTRACED}"


def now_us() -> int:
    """Return the time as microseconds since 1970."""
    return time.time_ns() // 1_000


def read_trace(given: bytes) -> str:
    """Return what came with a message as a trace; empty when it is none."""
    return "" if _TRACE.fullmatch(given) is None else given.decode()


def is_traced(trace: str) -> bool:
    """Whether an order is traced from here on."""
    return trace[53:55] == _TRACED


def trace_id_of(trace: str) -> str:
    """Return the trace's id, 32 hexadecimal digits; empty for an order of which no trace is known."""
    return trace[3:35]


def traced_id(trace: str) -> str:
    """Return the trace's id if the order is traced, else an empty text."""
    return trace[3:35] if trace[53:55] == _TRACED else ""


def traceparent_of(trace: str) -> str:
    """Return what goes into the W3C header."""
    return trace[:TRACEPARENT_LENGTH]


def passed(trace: str, hop: str) -> str:
    """Return the trace after a hop; one that is traced, or not known, or has too many, stays as it is."""
    if trace[53:55] == _UNTRACED and len(trace) < HOPS_LENGTH_MAX:
        return trace + hop
    return trace


def spent_us(trace: str, at_us: int) -> int:
    """Return the microseconds since the first hop began, without what venues took; 0 when none is known."""
    if len(trace) <= TRACEPARENT_LENGTH:
        return 0
    spent = at_us - int(trace[56:69], 16)
    found = trace.find(Hop.VENUE, TRACEPARENT_LENGTH)
    while found > 0:
        spent -= int(trace[found + 15 : trace.index(";", found)], 16)
        found = trace.find(Hop.VENUE, found + 1)
    return spent


def hops_of(trace: str) -> Iterable[tuple[str, int, int]]:
    """Return (letter, began_us, took_us) of each hop."""
    for text in trace[TRACEPARENT_LENGTH:].split(";")[:-1]:
        began, _, took = text[1:].partition(".")
        yield text[0], int(began, 16), int(took, 16)


def hop_text(hop: str, began_us: int, ended_us: int) -> str:
    """Return what `passed` adds for a hop."""
    return f"{hop}{began_us:013x}.{max(0, ended_us - began_us):x};"


def is_untraced(trace: str) -> bool:
    """Whether a trace is known, and the order not traced so far."""
    return trace[53:55] == _UNTRACED


def root_id_of(trace: str) -> str:
    """Return the id of the order's root span, 16 hexadecimal digits."""
    return trace[36:52]


def as_traced(trace: str) -> str:
    """Return the trace of an order that is traced from here on; its past is written already."""
    return f"{trace[:53]}{_TRACED}"


def trace_of_headers(headers: Mapping[str, bytes | None]) -> str:
    """Return the trace that a record's headers carry; empty when they carry none."""
    parent = headers.get("traceparent")
    return "" if parent is None else read_trace(parent + (headers.get(HOPS_HEADER) or b""))
