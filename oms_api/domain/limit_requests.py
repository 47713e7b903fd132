"""Changes of risk's rules as they are asked for: read into rows, or what is wrong with each by field."""

from collections.abc import Mapping
from typing import Final

from oms_api.domain.refusal import FieldProblem, shown
from oms_platform.risk_rules import RuleRow, UnreadableRuleError, read_row
from oms_platform.scopes import KINDS, NAME_MAX, Scope, ScopeKind, scope_of

TEXT_MAX: Final = 64


def read_scope(names: Mapping[str, str]) -> Scope | FieldProblem:
    """Return the scope of names by kind, or what is wrong with them."""
    for kind, name in names.items():
        if len(kind) > NAME_MAX or len(name) > NAME_MAX:
            return FieldProblem(field="scope", message=f"must be names of at most {NAME_MAX} characters")
    try:
        return scope_of(names)
    except ValueError as error:
        return FieldProblem(field="scope", message=f"must name kinds that there are: {error}")


def read_limit(
    rule: str,
    scope: Mapping[str, str],
    *,
    mode: str | None,
    severity: str | None,
    on_missing: str | None,
    parameters: Mapping[str, object],
) -> RuleRow | FieldProblem:
    """Return the row that is asked for, or what is wrong with it."""
    found = read_scope(scope)
    if isinstance(found, FieldProblem):
        return found
    for name, value in parameters.items():
        # What is refused is told back, and never at any length.
        if len(name) > TEXT_MAX or isinstance(value, dict | list) or len(shown_whole(value)) > TEXT_MAX:
            field = "parameters" if len(name) > TEXT_MAX else f"parameters.{name}"
            message = f"must be a number, a text, true or false, of at most {TEXT_MAX} characters"
            return FieldProblem(field=field, message=f"{message}, was {shown(value)}")
    try:
        return read_row(
            rule, found, mode=mode, severity=severity, on_missing=on_missing, parameters=parameters
        )
    except UnreadableRuleError as error:
        return FieldProblem(field=error.field, message=error.message)


def shown_whole(value: object) -> str:
    """Return a value's text, of a number too great to be written one that is too long."""
    if isinstance(value, int) and value.bit_length() > 4 * TEXT_MAX:
        return "9" * (TEXT_MAX + 1)
    return str(value)


def scope_field(kind: str) -> str:
    """Return the field of a kind's name, for a refusal."""
    return f"scope.{kind}" if kind in {one.value for one in KINDS} else "scope"


def may_change(scope: Scope, visible: frozenset[str] | None) -> bool:
    """Return whether who sees these accounts, None for every one, may change what is set for a scope."""
    return visible is None or scope.name(ScopeKind.ACCOUNT) in visible
