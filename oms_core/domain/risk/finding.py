"""What a rule finds: a value, the bound it is held to, and whether it is within.

The law of this file: nearly every rule of nearly every order passes, so a finding of one that does is a value
and its bound and no more. What only a denial tells is given with what fails.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from oms_core.domain.denials import DenialCode
from oms_platform.risk_rules import Unit, Value, shown_value

# A member that is looked up at its enum each time costs as much as the finding.
COUNT: Final = Unit.COUNT
DOLLARS: Final = Unit.DOLLARS
SHARES: Final = Unit.SHARES
_TEXT: Final = Unit.TEXT


class Dollars(Struct, frozen=True, gc=False):
    """An amount that is written out only when somebody reads it. micros None: there is none."""

    micros: int | None

    def __str__(self) -> str:
        """Dollars without zeros that say nothing, or none."""
        return "none" if self.micros is None else shown_value(DOLLARS, self.micros)


class Finding(Struct, frozen=True, gc=False):
    """A value and its bound, in the inside unit. headroom: how far within it is, None where that has no
    sense.

    details: what a denial tells; code: the denial's, where it is not the rule's own.
    """

    passed: bool
    value: Value | Dollars
    bound: Value | Dollars
    unit: Unit = _TEXT
    headroom: int | None = None
    details: Mapping[str, object] = {}
    code: DenialCode | None = None


class Missing(Struct, frozen=True, gc=False):
    """A rule lacks an input, or has it too old to stand for now."""

    input: str


Found = Finding | Missing | None


def holds(value: str | Dollars, bound: str | Dollars) -> Finding:
    """Return that what a rule asks for is so."""
    return Finding(True, value, bound)


def fails(
    value: str | Dollars, bound: str | Dollars, code: DenialCode | None = None, /, **details: object
) -> Finding:
    """Return that what a rule asks for is not so. details: what a denial tells."""
    return Finding(False, value, bound, _TEXT, None, details, code)


def within(value: int, bound: int, unit: Unit) -> Finding:
    """Return that a value passes: it is within its bound, or adds nothing."""
    return Finding(True, value, bound, unit, bound - value)


def beyond(value: int, bound: int, unit: Unit, /, **details: object) -> Finding:
    """Return that a value is beyond its bound. details: what a denial tells before the limit."""
    return Finding(False, value, bound, unit, bound - value, details)
