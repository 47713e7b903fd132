"""Rows of risk's rules as people write them: NAME=VALUE, and files of rows in JSON or CSV.

The law of this file: a file is read whole, and what is wrong in it is told by line and field, all of it.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from oms_platform.risk_rules import (
    SPEC_OF,
    RuleRow,
    Unit,
    UnreadableRuleError,
    contradiction,
    read_row,
)
from oms_platform.scopes import KINDS as SCOPE_KINDS
from oms_platform.scopes import Scope, scope_of
from oms_tools.cli.line_problems import refuse_problems

KINDS: Final = tuple(kind.value for kind in SCOPE_KINDS)
# What a list of limits also says of a row, which a load makes anew.
_OF_THE_PAST: Final = frozenset(("version", "changedBy", "reason", "changedAt"))
_FIELDS: Final = frozenset(("rule", "scope", "mode", "severity", "onMissing", "parameters"))
_COLUMNS: Final = frozenset(("rule", *KINDS, "mode", "severity", "onMissing", "parameters"))
_YES_NO: Final = {"yes": True, "true": True, "no": False, "false": False}
DIGITS_MAX: Final = 20


def read_parameters(rule: str, given: Sequence[str]) -> dict[str, object]:
    """Return parameters of NAME=VALUE. Raises UnreadableRuleError for what is not of that form."""
    found: dict[str, object] = {}
    for one in given:
        name, equals, text = one.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UnreadableRuleError("parameters", f"must be NAME=VALUE, was {one!r}")
        if name in found:
            raise UnreadableRuleError(f"parameters.{name}", "is given more than once")
        found[name] = _value(rule, name, text.strip())
    return found


def _value(rule: str, name: str, text: str) -> object:
    """Return a value as the API takes it; what it cannot be is left for the check of the row."""
    spec = SPEC_OF.get(rule)
    parameter = None if spec is None else spec.parameter(name)
    if parameter is None or parameter.unit in (Unit.DOLLARS, Unit.CHOICE, Unit.TEXT):
        return text
    if parameter.unit is Unit.YES_NO:
        return _YES_NO.get(text.lower(), text)
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= DIGITS_MAX else text


def read_file(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of a file as the API takes them, each with its place.

    JSON: a list of rows, or what `oms limits list --json` prints. CSV: columns rule, the kinds of scopes,
    mode, severity, onMissing, and parameters as NAME=VALUE, several with `;` between. Raises ClickException
    with every line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{")
    lines = list(_json_lines(path, text) if is_json else _csv_lines(path, text))
    if not lines:
        raise click.ClickException(f"{path} has no rows")
    problems: list[str] = []
    rows: dict[tuple[str, Scope], tuple[str, RuleRow]] = {}
    for place, line in lines:
        try:
            row = _row(line)
            first = rows.setdefault((row.rule, row.scope), (place, row))
            if first[0] != place:
                raise UnreadableRuleError("scope", f"must not be of the same rule as {first[0]}")
        except UnreadableRuleError as error:
            problems.append(f"{place}: {error}")
    problems += _contradictions(rows.values())
    refuse_problems(problems, "nothing was set")
    return [(place, _asked(line)) for place, line in lines]


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        # Dollars stay as they are written.
        found = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} is no JSON: {error}") from error
    rows = found.get("limits") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise click.ClickException(f"{path} must be a list of rows, or an object with one in `limits`")
    for number, row in enumerate(rows, 1):
        yield f"row {number}", row if isinstance(row, dict) else {"": row}


def _csv_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        unknown = sorted(set(reader.fieldnames or ()) - _COLUMNS)
        if unknown or "rule" not in (reader.fieldnames or ()):
            raise click.ClickException(
                f"{path}, line 1: columns must be rule and of {', '.join(sorted(_COLUMNS - {'rule'}))},"
                f" was {', '.join(reader.fieldnames or ['nothing'])}"
            )
        for cells in reader:
            place = f"line {reader.line_num}"
            if "" in cells:
                yield place, {"": "a cell too many"}
                continue
            row: dict[str, Any] = {
                name: cells[name] for name in ("rule", "mode", "severity", "onMissing") if cells.get(name)
            }
            row["scope"] = {kind: cells[kind] for kind in KINDS if cells.get(kind)}
            row["parameters"] = tuple(
                one for one in (cells.get("parameters") or "").split(";") if one.strip()
            )
            yield place, row
    except csv.Error as error:
        raise click.ClickException(f"{path}, line {reader.line_num}: {error}") from error


def _asked(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line as the API takes it. Raises UnreadableRuleError."""
    asked = {name: value for name, value in line.items() if name in _FIELDS and value is not None}
    if isinstance(asked.get("parameters"), tuple):
        asked["parameters"] = read_parameters(str(asked.get("rule", "")), asked["parameters"])
    return asked


def _row(line: Mapping[str, Any]) -> RuleRow:
    """Return a line as a row. Raises UnreadableRuleError."""
    unknown = next((name for name in line if name not in _FIELDS | _OF_THE_PAST), None)
    if unknown is not None:
        raise UnreadableRuleError(unknown or "row", "is not a field of a row")
    asked = _asked(line)
    scope, parameters = asked.get("scope", {}), asked.get("parameters", {})
    for field, value in (("scope", scope), ("parameters", parameters)):
        if not isinstance(value, dict):
            raise UnreadableRuleError(field, f"must be an object, was {value!r}")
    for field in ("rule", "mode", "severity", "onMissing"):
        if not isinstance(asked.get(field, ""), str):
            raise UnreadableRuleError(field, f"must be a text, was {asked[field]!r}")
    return read_row(
        asked.get("rule", ""),
        read_names(scope),
        mode=asked.get("mode"),
        severity=asked.get("severity"),
        on_missing=asked.get("onMissing"),
        parameters=parameters,
    )


def read_names(names: Mapping[str, Any]) -> Scope:
    """Return the scope of names by kind. Raises UnreadableRuleError."""
    for kind, name in names.items():
        if not isinstance(name, str):
            raise UnreadableRuleError(f"scope.{kind}", f"must be a text, was {name!r}")
    try:
        return scope_of(names)
    except ValueError as error:
        raise UnreadableRuleError("scope", str(error)) from None


def _contradictions(rows: Iterable[tuple[str, RuleRow]]) -> list[str]:
    """Return what rows of a file contradict each other."""
    by_scope: dict[Scope, dict[str, tuple[str, RuleRow]]] = {}
    for place, row in rows:
        by_scope.setdefault(row.scope, {})[row.rule] = (place, row)
    problems = []
    for of_scope in by_scope.values():
        found = contradiction(row for _, row in of_scope.values())
        if found is not None:
            rule, name = found.first
            problems.append(f"{of_scope[rule][0]}: parameters.{name} {found.message}")
    return problems
