"""Requests read by the structs that the contract publishes: every wrong field is found and named.

A struct's field is a parameter of a query, or a member of a JSON object; its type and its Meta are what is
checked here and what the OpenAPI document says.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from oms_api.domain.decimals import read_decimal
from oms_api.domain.refusal import FieldProblem, Refusal, invalid, shown
from oms_api.domain.terms import read_id

ATTEMPT_MAX: Final = 1_000_000
TIME_MIN: Final = datetime(1971, 1, 1, tzinfo=UTC)
TIME_MAX: Final = datetime(8999, 1, 1, tzinfo=UTC)
# What a request names wrongly is told until here: an answer is not much longer than its request.
PROBLEMS_MAX: Final = 20
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
StructT = TypeVar("StructT", bound=msgspec.Struct)


# Of a list whose values may hold commas.
WHOLE: Final = {"whole": True}


class _WrongError(Exception):
    """A value is not what its type says."""


def one_of(names: Iterable[str], title: str) -> msgspec.Meta:
    """Return what makes a text one of these names, in requests and in the contract.

    title: of the schema there, so that a generated client has one type for it, wherever it is used.
    """
    return msgspec.Meta(title=title, extra_json_schema={"enum": list(names)})


def read_query(
    kind: type[StructT], given: Iterable[tuple[str, str]]
) -> tuple[StructT | None, list[FieldProblem]]:
    """Read a query's parameters. A list may be given by repeating its name or, unless it is WHOLE, by commas.

    Returns the struct, or None and what is wrong.
    """
    fields = {field.encode_name: field.type for field in _struct(kind).fields}
    problems: list[FieldProblem] = []
    content: dict[str, object] = {}
    for name, value in given:
        if isinstance(_of(fields.get(name)), inspect.ListType):
            listed = content.setdefault(name, [])
            if isinstance(listed, list):
                listed += [value] if _is_whole(fields[name]) else value.split(",")
        elif name in content:
            problems.append(FieldProblem(field=_name(name), message="is given more than once"))
        else:
            content[name] = value
    found = _Reading(problems, "a filter", strict=False).struct(_struct(kind), content, "")
    return (None, problems[:PROBLEMS_MAX]) if problems else (found, [])


def read_content(
    kind: type[StructT], content: Mapping[str, object], noun: str
) -> tuple[StructT | None, list[FieldProblem]]:
    """Read a decoded JSON object. Returns the struct, or None and what is wrong."""
    problems: list[FieldProblem] = []
    found = _Reading(problems, f"a field of {noun}", strict=True).struct(_struct(kind), content, "")
    return (None, problems[:PROBLEMS_MAX]) if problems else (found, [])


class _Reading:
    """Reads one request. strict: values have JSON's types; otherwise each is a text. noun: of its fields."""

    def __init__(self, problems: list[FieldProblem], noun: str, *, strict: bool) -> None:
        self._problems, self._noun, self._strict = problems, noun, strict

    def struct(self, kind: inspect.StructType, content: Mapping[Any, object], at: str) -> Any:
        """Read an object. What is returned holds only if nothing is wrong."""
        known = {field.encode_name: field for field in kind.fields}
        for name in content:
            if name not in known:
                self._wrong(f"{at}{_name(name)}", f"is not {self._noun}")
        found: dict[str, object] = {}
        for name, field in known.items():
            if name in content:
                found[field.name] = self._value(field.type, content[name], f"{at}{name}")
            elif field.required:
                self._wrong(f"{at}{name}", "is required")
        return None if self._problems else kind.cls(**found)

    def _value(self, kind: inspect.Type, value: object, at: str) -> object:
        inner = _of(kind)
        if value is None and _takes_none(kind):
            return None
        match inner:
            case inspect.StructType() if isinstance(value, Mapping):
                return self.struct(inner, value, f"{at}.")
            case inspect.DictType() if isinstance(value, Mapping):
                return {
                    name: self._value(inner.value_type, one, f"{at}.{_name(name)}")
                    for name, one in value.items()
                }
            case inspect.ListType(max_length=most) if isinstance(value, list) and len(value) <= (
                most or 1000
            ):
                # Of objects, which one it is that has a wrong field.
                of_objects = isinstance(_of(inner.item_type), inspect.StructType)
                return [
                    self._value(inner.item_type, one, f"{at}[{place}]" if of_objects else at)
                    for place, one in enumerate(value)
                ]
            case _:
                try:
                    return _leaf(inner, _extra(kind), value, strict=self._strict)
                except _WrongError:
                    self._wrong(at, f"must be {described(kind)}, was {shown(value)}")
                    return None

    def _wrong(self, field: str, message: str) -> None:
        self._problems.append(FieldProblem(field=field, message=message))


def _leaf(kind: inspect.Type, extra: Mapping[str, Any], value: object, *, strict: bool) -> object:
    """Read a value that holds no others. Raises _WrongError."""
    match kind:
        case inspect.StrType():
            return _text(kind, extra.get("enum"), value)
        case inspect.CustomType(cls=given) if given is object:
            # What else it must be is the operation's to say.
            return value
        case inspect.BoolType():
            found: object = value if strict else {"true": True, "false": False}.get(str(value))
            return _if(isinstance(found, bool), found)
        case inspect.IntType():
            number = value if strict or not _WHOLE.fullmatch(str(value)) else int(str(value))
            least, most = kind.ge, kind.le
            return _if(
                type(number) is int
                and (least is None or number >= least)
                and (most is None or number <= most),
                number,
            )
        case inspect.DecimalType():
            amount = read_decimal(value)
            return _if(amount is not None and _matches(extra.get("pattern"), f"{amount:f}"), amount)
        case inspect.UUIDType():
            return _if((identifier := read_id(value)) is not None, identifier)
        case inspect.DateTimeType():
            return _time(value)
        case _:
            raise _WrongError


def _if(holds: bool, value: object) -> object:
    if not holds:
        raise _WrongError
    return value


def _text(kind: inspect.StrType, enum: list[str] | None, value: object) -> str:
    if not isinstance(value, str) or "\0" in value or (enum is not None and value not in enum):
        raise _WrongError
    if not (kind.min_length or 0) <= len(value) <= (kind.max_length or len(value)):
        raise _WrongError
    return str(_if(_matches(kind.pattern, value), value))


def _matches(pattern: str | None, text: str) -> bool:
    """Return whether a text is of a pattern as JSON Schema means it: there `$` is no line's end."""
    return pattern is None or re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _time(value: object) -> datetime:
    """Read an ISO 8601 time or date, UTC where it names no zone. Raises _WrongError.

    One before or after all that is stored becomes a bound that is so, too.
    """
    text = str(value)
    try:
        # A "+" of an offset that was not percent-encoded has become a space.
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise _WrongError from None
    if found.year < TIME_MIN.year:
        return TIME_MIN
    if found.year > TIME_MAX.year:
        return TIME_MAX
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def described(kind: inspect.Type) -> str:
    """Return in words what a value must be."""
    inner, enum = _of(kind), _extra(kind).get("enum")
    if enum is not None:
        return f"one of {', '.join(enum)}"
    match inner:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least, le=most) if least is not None and most is not None:
            return f"a whole number from {least} to {most}"
        case inspect.IntType():
            return "a whole number"
        case inspect.DecimalType():
            return "a decimal number"
        case inspect.DateTimeType():
            return "an ISO 8601 time such as 2026-01-31T14:30:00Z"
        case inspect.UUIDType():
            return "a UUID"
        case inspect.StrType(min_length=least, max_length=most) if most is not None:
            return f"a text of {least or 0} to {most} characters"
        case inspect.StrType():
            return "a text"
        case inspect.ListType(max_length=most):
            return "a list" if most is None else f"a list of at most {most}"
        case _:
            return "an object"


_NOT_THERE: Final = inspect.AnyType()
_STRUCTS: Final[dict[type, inspect.StructType]] = {}


def _struct(kind: type[msgspec.Struct]) -> inspect.StructType:
    found = _STRUCTS.get(kind)
    if found is None:
        info = inspect.type_info(kind)
        if not isinstance(info, inspect.StructType):
            raise TypeError(f"expected a struct, found {kind}")
        found = _STRUCTS[kind] = info
    return found


def _of(kind: inspect.Type | None) -> inspect.Type:
    """Return a type without its metadata, and without the None that may stand in its place."""
    if isinstance(kind, inspect.Metadata):
        return _of(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _of(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return kind or _NOT_THERE


def _takes_none(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _takes_none(kind.type)
    return isinstance(kind, inspect.NoneType) or (isinstance(kind, inspect.UnionType) and kind.includes_none)


def _is_whole(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and kind.extra == WHOLE


def _extra(kind: inspect.Type) -> dict[str, Any]:
    if isinstance(kind, inspect.Metadata):
        return (kind.extra_json_schema or {}) | _extra(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _extra(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return {}


def _name(text: object) -> str:
    return shown(text).strip('"')


def attempt_of(text: str) -> int | Refusal:
    """Read the number of a routing attempt in a path."""
    if _WHOLE.fullmatch(text) and 1 <= int(text) <= ATTEMPT_MAX:
        return int(text)
    return invalid(FieldProblem(field="attempt", message=f"must be a whole number from 1 to {ATTEMPT_MAX}"))
