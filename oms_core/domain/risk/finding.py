"""What a rule finds: a value, the bound it is held to, and whether it is within."""

from collections.abc import Mapping

from msgspec import Struct

from oms_core.domain.denials import DenialCode
from oms_platform.risk_rules import Unit, Value, shown_value


class Dollars(Struct, frozen=True, gc=False):
    """An amount that is written out only when somebody reads it. micros None: there is none."""

    micros: int | None

    def __str__(self) -> str:
        """Dollars without zeros that say nothing, or none."""
        return "none" if self.micros is None else shown_value(Unit.DOLLARS, self.micros)


class Finding(Struct, frozen=True, gc=False):
    """A value and its bound, in the inside unit. headroom: how far within it is, None where that has no
    sense.

    details: what a denial tells; code: the denial's, where it is not the rule's own.
    """

    passed: bool
    value: Value | Dollars
    bound: Value | Dollars
    unit: Unit = Unit.TEXT
    headroom: int | None = None
    details: Mapping[str, object] = {}
    code: DenialCode | None = None


class Missing(Struct, frozen=True, gc=False):
    """A rule lacks an input, or has it too old to stand for now."""

    input: str


Found = Finding | Missing | None


def is_so(passed: bool, value: str | Dollars, bound: str | Dollars, **details: object) -> Finding:
    """Return the finding of a rule that asks whether something is so."""
    return Finding(passed, value, bound, Unit.TEXT, None, details)


def at_most(value: int, bound: int, unit: Unit, *, free: bool = False, **details: object) -> Finding:
    """Return the finding of a rule that holds a value to a bound.

    free: it passes beyond the bound as well, since it adds nothing. details: shown before the limit.
    """
    passed = free or value <= bound
    return Finding(passed, value, bound, unit, bound - value, details)
