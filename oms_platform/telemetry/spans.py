"""A span as it is made here, before it is exported."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol


class Kind(Enum):
    """What a span does, in OpenTelemetry's words."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Link(NamedTuple):
    """Another span that a span has to do with, in hexadecimal digits."""

    trace_id: str
    span_id: str


def new_span_id() -> str:
    """Return 16 hexadecimal digits."""
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, whole. began_us, ended_us: since 1970.

    parent_id: empty for a root. service: empty for the one that writes it.
    """

    trace_id: str
    name: str
    began_us: int
    ended_us: int
    parent_id: str = ""
    span_id: str = field(default_factory=new_span_id)
    kind: Kind = Kind.INTERNAL
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: str = ""
    service: str = ""
    links: Sequence[Link] = ()

    @property
    def link(self) -> Link:
        """What another span links to."""
        return Link(self.trace_id, self.span_id)


class SpanSink(Protocol):
    """Where spans go."""

    def write(self, span: Span) -> None:
        """Take a span; never waits."""
