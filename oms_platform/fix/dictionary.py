"""What a FIX 4.4 message may hold, by the specification's dictionary: the checks that end in a 35=3.

The dictionary is `fix44.txt`, a line for each field (tag, type, values), component and message. In these a
field is its tag, a component `@` and its name, `!` stands behind what must be there, and a group's fields
stand in parentheses behind its count. Pure once it is read.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from oms_platform.fix.wire import Field

INVALID_TAG_NUMBER: Final = 0
REQUIRED_TAG_MISSING: Final = 1
TAG_NOT_DEFINED_FOR_TYPE: Final = 2
TAG_WITHOUT_VALUE: Final = 4
VALUE_OUT_OF_RANGE: Final = 5
INCORRECT_DATA_FORMAT: Final = 6
COMP_ID_PROBLEM: Final = 9
SENDING_TIME_PROBLEM: Final = 10
INVALID_MSG_TYPE: Final = 11
TAG_REPEATED: Final = 13
TAG_OUT_OF_ORDER: Final = 14
GROUP_COUNT_WRONG: Final = 16
REASON_TEXTS: Final = {
    INVALID_TAG_NUMBER: "Invalid tag number",
    REQUIRED_TAG_MISSING: "Required tag missing",
    TAG_NOT_DEFINED_FOR_TYPE: "Tag not defined for this message type",
    TAG_WITHOUT_VALUE: "Tag specified without a value",
    VALUE_OUT_OF_RANGE: "Value is incorrect (out of range) for this tag",
    INCORRECT_DATA_FORMAT: "Incorrect data format for value",
    COMP_ID_PROBLEM: "CompID problem",
    SENDING_TIME_PROBLEM: "SendingTime accuracy problem",
    INVALID_MSG_TYPE: "Invalid MsgType",
    TAG_REPEATED: "Tag appears more than once",
    TAG_OUT_OF_ORDER: "Tag specified out of required order",
    GROUP_COUNT_WRONG: "Incorrect NumInGroup count for repeating group",
}
_INT_DIGITS_MAX: Final = 18
_INTEGER: Final = re.compile(rf"-?[0-9]{{1,{_INT_DIGITS_MAX}}}")
_DECIMAL: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"-(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,12})?"
)
_DATE: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,12})?")
_MONTH: Final = re.compile(r"[0-9]{6}(?:[0-9]{2}|w[1-5])?")
_CHARACTER: Final = re.compile(r"[^\x01]")
_FLAG: Final = re.compile(r"[YN]")
_COUNT: Final = re.compile(r"[0-9]{1,6}")
_FORMATS: Final = {
    "INT": _INTEGER,
    "LENGTH": _INTEGER,
    "SEQNUM": _INTEGER,
    "NUMINGROUP": _COUNT,
    "FLOAT": _DECIMAL,
    "PRICE": _DECIMAL,
    "PRICEOFFSET": _DECIMAL,
    "QTY": _DECIMAL,
    "AMT": _DECIMAL,
    "PERCENTAGE": _DECIMAL,
    "CHAR": _CHARACTER,
    "BOOLEAN": _FLAG,
    "UTCTIMESTAMP": _TIMESTAMP,
    "UTCDATEONLY": _DATE,
    "LOCALMKTDATE": _DATE,
    "UTCTIMEONLY": _TIME,
    "MONTHYEAR": _MONTH,
}
_PARTS: Final = ("header", "trailer")


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Why a message is refused. reason: SessionRejectReason (373); tag: RefTagID (371), "" for none."""

    reason: int
    tag: str = ""


class Group(msgspec.Struct, frozen=True, gc=False):
    """A repeating group: the field that begins each instance, its members, the groups among them."""

    delimiter: str
    members: frozenset[str]
    groups: Mapping[str, "Group"]


class MessageRules(msgspec.Struct, frozen=True, gc=False):
    """The fields that a message may hold at its top level, those it must, and its groups."""

    members: frozenset[str]
    required: tuple[str, ...]
    groups: Mapping[str, Group]


class ReadMessage(msgspec.Struct, frozen=True, gc=False):
    """A message by tag, its groups left out. fault: why it is refused, None when nothing is wrong."""

    fields: dict[str, str]
    fault: Fault | None = None


class _Item(msgspec.Struct, gc=False):
    """A field, with members a group, or with `@` a component: as it stands in a line."""

    name: str
    required: bool
    members: "list[_Item] | None" = None


Check = Callable[[str], int | None]
FIX44: Final = Path(__file__).with_name("fix44.txt")


@cache
def read_dictionary(
    own_tags: tuple[tuple[str, tuple[str, ...]], ...] = (), own_values: tuple[tuple[str, str], ...] = ()
) -> "Dictionary":
    """Read the dictionary of FIX 4.4, once a process.

    own_tags: texts beside it, by message type. own_values: values beside its own, each with its tag.
    """
    lines = FIX44.read_text().splitlines()
    for tag, value in own_values:
        place = next(place for place, line in enumerate(lines) if line.startswith(f"field {tag} "))
        lines[place] += f" {value}"
    for msg_type, tags in own_tags:
        place = next(place for place, line in enumerate(lines) if line.startswith(f"message {msg_type} "))
        lines[place] = " ".join((lines[place], *tags))
        lines += [f"field {tag} STRING" for tag in tags]
    return Dictionary("\n".join(lines))


class Dictionary:
    """Checks messages field by field, in the order in which FIX's session rules name what is wrong.

    text: lines as in `fix44.txt`.
    """

    def __init__(self, text: str) -> None:
        lines = [line.split(" ") for line in text.splitlines()]
        self._checks = {
            words[1]: _check_of(words[1], words[2], words[3:]) for words in lines if words[0] == "field"
        }
        self._components = {words[1]: _items(iter(words[2:])) for words in lines if words[0] == "component"}
        parts = {words[0]: self._rules(_items(iter(words[1:]))) for words in lines if words[0] in _PARTS}
        self._header = parts["header"]
        self._header_tags = self._header.members
        self._trailer_tags = parts["trailer"].members
        self._messages = {
            words[1]: self._rules(_items(iter(words[2:]))) for words in lines if words[0] == "message"
        }

    # ---- reading the lines

    def _rules(self, items: Sequence[_Item]) -> MessageRules:
        members: set[str] = set()
        required: set[str] = set()
        groups: dict[str, Group] = {}
        for item, needed in self._flat(items, is_required=True):
            members.add(item.name)
            if needed:
                required.add(item.name)
            if item.members is not None:
                groups[item.name] = self._group(item.members)
        return MessageRules(frozenset(members), tuple(sorted(required, key=int)), groups)

    def _flat(self, items: Sequence[_Item], *, is_required: bool) -> Iterator[tuple[_Item, bool]]:
        """Yield fields and groups, those of components among them, and whether each must be there."""
        for item in items:
            needed = is_required and item.required
            if item.name.startswith("@"):
                yield from self._flat(self._components[item.name[1:]], is_required=needed)
            else:
                yield item, needed

    def _group(self, members: Sequence[_Item]) -> Group:
        rules = self._rules(members)
        first = next(self._flat(members, is_required=False))[0]
        return Group(first.name, rules.members, rules.groups)

    # ---- checking a message

    def read(self, fields: list[Field]) -> ReadMessage:
        """Return a message by tag, and the first thing that is wrong with it."""
        values: dict[str, str] = {}
        msg_type = fields[2][1]
        rules = self._messages.get(msg_type)
        fault: Fault | None = None
        place, part = 0, 0
        while place < len(fields):
            tag, value = fields[place]
            place += 1
            here = self._part_of(tag)
            if here < part:
                fault = fault or Fault(TAG_OUT_OF_ORDER, tag)
            part = max(part, here)
            if tag in values:
                fault = fault or Fault(TAG_REPEATED, tag)
                continue
            values[tag] = value
            fault = fault or self._value_fault(tag, value)
            if here != _BODY or rules is None:
                continue
            if tag not in rules.members:
                fault = fault or self._stranger(tag)
            elif (group := rules.groups.get(tag)) is not None:
                count, place, inner = self._walk_group(fields, place, group)
                fault = fault or inner
                if fault is None and count != int(value):
                    fault = Fault(GROUP_COUNT_WRONG, tag)
        return ReadMessage(values, self._first_fault(values, rules, fault))

    def _first_fault(
        self, values: Mapping[str, str], rules: MessageRules | None, fault: Fault | None
    ) -> Fault | None:
        """Return what FIX names first: structure, then type, then what is missing, then values."""
        if fault is not None and fault.reason == TAG_OUT_OF_ORDER:
            return fault
        if rules is None:
            return Fault(INVALID_MSG_TYPE)
        for tag in (*self._header.required, *rules.required):
            if tag not in values:
                return Fault(REQUIRED_TAG_MISSING, tag)
        return fault

    def _part_of(self, tag: str) -> int:
        if tag in self._header_tags:
            return _HEADER
        return _TRAILER if tag in self._trailer_tags else _BODY

    def _value_fault(self, tag: str, value: str) -> Fault | None:
        check = self._checks.get(tag)
        if not value:
            return Fault(TAG_WITHOUT_VALUE, tag)
        if check is None:
            return None
        reason = check(value)
        return None if reason is None else Fault(reason, tag)

    def _stranger(self, tag: str) -> Fault:
        known = tag in self._checks
        return Fault(TAG_NOT_DEFINED_FOR_TYPE if known else INVALID_TAG_NUMBER, tag)

    def _walk_group(self, fields: list[Field], place: int, group: Group) -> tuple[int, int, Fault | None]:
        """Go over a group's instances. Returns their number, where they end, and the first fault in them."""
        count = 0
        fault: Fault | None = None
        seen: set[str] = set()
        while place < len(fields) and (tag := fields[place][0]) in group.members:
            value = fields[place][1]
            if tag == group.delimiter:
                count += 1
                seen.clear()
            elif tag in seen:
                fault = fault or Fault(TAG_REPEATED, tag)
            seen.add(tag)
            fault = fault or self._value_fault(tag, value)
            place += 1
            inner = group.groups.get(tag)
            if inner is not None:
                found, place, deeper = self._walk_group(fields, place, inner)
                fault = fault or deeper
                if fault is None and found != int(value):
                    fault = Fault(GROUP_COUNT_WRONG, tag)
        return count, place, fault


_HEADER, _BODY, _TRAILER = range(3)


def _items(words: Iterator[str]) -> list[_Item]:
    """Read items up to the parenthesis that ends them, or to the end."""
    items: list[_Item] = []
    for word in words:
        if word == ")":
            break
        if word == "(":
            items[-1].members = _items(words)
        else:
            items.append(_Item(word.removesuffix("!"), word.endswith("!")))
    return items


def _check_of(tag: str, kind: str, values: Sequence[str]) -> Check | None:
    """Return what checks a field's value: its format, then its list of values. None when any text will do."""
    pattern = _FORMATS.get(kind)
    allowed = frozenset(values)
    several = kind == "MULTIPLEVALUESTRING"
    # MsgType is checked by itself: an unknown one has a reason of its own.
    if tag == "35" or (pattern is None and not allowed):
        return None
    matches = None if pattern is None else pattern.fullmatch

    def check(value: str) -> int | None:
        if matches is not None and matches(value) is None:
            return INCORRECT_DATA_FORMAT
        if allowed and value not in allowed and not (several and allowed.issuperset(value.split(" "))):
            return VALUE_OUT_OF_RANGE
        return None

    return check
