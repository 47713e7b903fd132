"""A list of orders in a file: what its bytes say, read whole.

The law of this file: any bytes give orders or problems, each with its place in the file, and never an
exception. What an order may say is checked where all orders are, by the API; here only what keeps a file from
saying it.
"""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

ORDERS_MAX: Final = 500
# As much as the API reads of a list.
FILE_BYTES_MAX: Final = 1_048_576
# The list's name, a dash and a line's number are an order's own id, which has 64 characters.
NAME_CHARACTERS_MAX: Final = 56
DIGITS_MAX: Final = 18
PROBLEMS_MAX: Final = 1_000
_SHOWN_CHARACTERS_MAX: Final = 40
_DEPTH_MAX: Final = 8
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_PLACE: Final = re.compile(r"orders\[([0-9]{1,4})\](?:\.(.*))?", re.DOTALL)
# By whether it has a stop price and a limit.
_ORDER_TYPES: Final = {
    (False, False): "MARKET",
    (False, True): "LIMIT",
    (True, False): "STOP",
    (True, True): "STOP_LIMIT",
}
# What is missing of every line is said once.
REQUIRED: Final = ("symbol", "side", "quantity")


class Cell(Enum):
    """How the text of a cell is read. NAME: in capitals. NAMES: several, between spaces."""

    TEXT = "text"
    NAME = "name"
    NAMES = "names"
    WHOLE = "whole"
    FLAG = "flag"


# The fields of an order as REST names them; those of its parts by PART.FIELD.
CELLS: Final[Mapping[str, Cell]] = {
    "clientOrderId": Cell.TEXT,
    "accountId": Cell.TEXT,
    "symbol": Cell.NAME,
    "side": Cell.NAME,
    "orderType": Cell.NAME,
    "quantity": Cell.WHOLE,
    "minQuantity": Cell.WHOLE,
    "limitPrice": Cell.TEXT,
    "stopPrice": Cell.TEXT,
    "timeInForce": Cell.NAME,
    "expireDate": Cell.TEXT,
    "expireTime": Cell.TEXT,
    "routing.profile": Cell.TEXT,
    "routing.avoid": Cell.NAMES,
    "routing.prefer": Cell.NAMES,
    "capacity": Cell.NAME,
    "locateId": Cell.TEXT,
    "displayQty": Cell.WHOLE,
    "postOnly": Cell.FLAG,
    "algo.strategy": Cell.NAME,
    "algo.startAt": Cell.TEXT,
    "algo.endAt": Cell.TEXT,
    "algo.participationBps": Cell.WHOLE,
    "algo.urgency": Cell.WHOLE,
    "algo.slices": Cell.WHOLE,
    "algo.seed": Cell.WHOLE,
    "peg.type": Cell.NAME,
    "peg.offset": Cell.TEXT,
    "basketId": Cell.TEXT,
}
# tags.NAME is a word of the client's own by that name.
TAGS: Final = "tags"
FIELDS: Final = frozenset((*(name.partition(".")[0] for name in CELLS), TAGS))
# What other systems call them.
_ALSO: Final = {
    "qty": "quantity", "shares": "quantity", "orderqty": "quantity", "price": "limitPrice",
    "limit": "limitPrice", "stop": "stopPrice", "tif": "timeInForce", "account": "accountId",
    "type": "orderType", "ordtype": "orderType", "clordid": "clientOrderId", "ticker": "symbol",
}  # fmt: skip


class Problem(NamedTuple):
    """What is wrong, and where in the file. field: empty where it is of no single one."""

    where: str
    field: str
    message: str

    def __str__(self) -> str:
        """Return it in a line."""
        return ": ".join(part for part in (self.where, self.field, self.message) if part)


class Line(NamedTuple):
    """An order as REST takes it, and where it stands in the file. number: of the line, or of the order."""

    where: str
    number: int
    order: dict[str, Any]


class Found(NamedTuple):
    """What a file says: orders, and everything that is wrong with it."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]


class Defaults(NamedTuple):
    """What is put where an order leaves it out. name: of the list, its basketId."""

    name: str
    account: str
    time_in_force: str


def name_problem(name: str) -> str | None:
    """Return what keeps a list from having this name, or None."""
    if (
        0 < len(name) <= NAME_CHARACTERS_MAX
        and name.isascii()
        and name.isprintable()
        and name == name.strip()
    ):
        return None
    bounds = f"must be 1 to {NAME_CHARACTERS_MAX} printable ASCII characters, no space at its ends"
    return f"{bounds}, was {_shown(name)}"


def read_file(content: bytes, *, is_json: bool, defaults: Defaults) -> Found:
    """Read a file's bytes, each order with what it leaves out. At most PROBLEMS_MAX problems are told."""
    if len(content) > FILE_BYTES_MAX:
        return _nothing(f"must be at most {FILE_BYTES_MAX:,} bytes, was {len(content):,} or more")
    text = _decoded(content)
    if isinstance(text, Problem):
        return Found((), (text,))
    problems: list[Problem] = []
    lines = _json_lines(text, problems) if is_json else _csv_lines(text, problems)
    if len(lines) > ORDERS_MAX:
        problems.insert(0, Problem("", "", f"must be 1 to {ORDERS_MAX} orders, was {len(lines):,}"))
    elif not lines and not problems:
        problems.append(Problem("", "", f"must be 1 to {ORDERS_MAX} orders, was none"))
    named = [_named(line, defaults, problems) for line in lines]
    more = len(problems) - PROBLEMS_MAX
    if more > 0:
        problems[PROBLEMS_MAX:] = [Problem("", "", f"and {more:,} more")]
    return Found(tuple(named), tuple(problems))


def problems_of_refusal(lines: Sequence[Line], fields: Sequence[tuple[str, str]]) -> list[Problem]:
    """Return what the API says of a list, by where its orders stand in the file. fields: name and message."""
    return [_told(lines, field, message) for field, message in fields]


def _told(lines: Sequence[Line], field: str, message: str) -> Problem:
    place = _PLACE.fullmatch(field)
    if place is None or int(place[1]) >= len(lines):
        return Problem("", field, message)
    return Problem(lines[int(place[1])].where, place[2] or "", message)


def _nothing(message: str) -> Found:
    return Found((), (Problem("", "", message),))


def _decoded(content: bytes) -> str | Problem:
    """Return a file's text without the mark that it begins with."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(f"line {line}", "", f"must be UTF-8, was byte 0x{content[error.start]:02x}")
    at = text.find("\0")
    if at >= 0:
        return Problem(f"line {text.count(chr(10), 0, at) + 1}", "", "must be text, was a NUL byte")
    return text


def _named(line: Line, defaults: Defaults, problems: list[Problem]) -> Line:
    """Return an order with what it leaves out: the list's, and an id that is the same in the same file."""
    given = line.order
    if given.get("basketId") not in (None, defaults.name):
        found = _shown(given["basketId"])
        problems.append(Problem(line.where, "basketId", f"must be {defaults.name} or left out, was {found}"))
    kind = _ORDER_TYPES[given.get("stopPrice") is not None, given.get("limitPrice") is not None]
    if given.get("peg") is not None:
        kind = "PEGGED"
    order = {
        "clientOrderId": f"{defaults.name}-{line.number}",
        "accountId": defaults.account,
        "orderType": kind,
        "timeInForce": defaults.time_in_force,
        **{name: value for name, value in given.items() if value is not None},
        "basketId": defaults.name,
    }
    return line._replace(order=order)


# ---- CSV


def _csv_lines(text: str, problems: list[Problem]) -> list[Line]:
    rows = _rows(text, problems)
    first = next(rows, None)
    if first is None:
        return []
    titles = [name.strip() for name in first[1]]
    columns = _columns(f"line {first[0]}", titles, problems)
    lines = []
    for number, cells in rows:
        where = f"line {number}"
        if any(cell.strip() for cell in cells[len(titles) :]):
            message = f"must have {len(titles)} cells as the first line has, was {len(cells)}"
            problems.append(Problem(where, "", message))
        order: dict[str, Any] = {}
        for name, cell in zip(columns, cells, strict=False):
            if name is not None and cell.strip():
                _put(order, name, cell.strip())
        lines.append(Line(where, number, order))
    return lines


def _rows(text: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line on which a row begins, and its cells; not of rows that say nothing."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problems.append(Problem(f"line {number}", "", f"must be CSV: {error}"))
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield number, cells


def _columns(where: str, titles: Sequence[str], problems: list[Problem]) -> list[str | None]:
    """Return the field of each column, None of one that is none. Every title that is wrong is told."""
    if len(titles) == 1 and (found := re.search(r"[;\t|]", titles[0])) is not None:
        problems.append(Problem(where, "", f"must have commas between its columns, was {_shown(found[0])}"))
        return [None]
    columns: list[str | None] = []
    meant = set()
    for place, title in enumerate(titles, start=1):
        is_tag = title.startswith(f"{TAGS}.") and len(title) > len(TAGS) + 1
        if title and title in columns:
            problems.append(Problem(where, _named_as(title), "must be one column, was several"))
            columns.append(None)
        elif is_tag or title in CELLS:
            columns.append(title)
        else:
            if title:
                problems.append(_unknown(where, title))
                meant.add(nearest(title))
            elif any(titles[place:]):
                problems.append(Problem(where, "", f"must name every column, was empty in column {place}"))
            columns.append(None)
    problems += [
        Problem(where, name, "is required, and no column has it")
        for name in REQUIRED
        if name not in columns and name not in meant
    ]
    return columns


def _unknown(where: str, name: str) -> Problem:
    return Problem(where, _named_as(name), f"is not a field of an order; the nearest is {nearest(name)}")


def nearest(name: str) -> str:
    """Return the field whose name is the most like this one."""
    by_name = {known.lower(): known for known in CELLS} | {TAGS: TAGS}
    word = re.sub(r"[\s_-]", "", name[:_SHOWN_CHARACTERS_MAX].lower())
    if word in _ALSO:
        return _ALSO[word]
    longer = [known for known in by_name if word and known.startswith(word)]
    if longer:
        return by_name[min(longer, key=len)]
    return by_name[difflib.get_close_matches(word, list(by_name), n=1, cutoff=0.0)[0]]


def _put(order: dict[str, Any], name: str, cell: str) -> None:
    """Put a cell's value into an order; what cannot be read as its field is, goes as it stands."""
    part, dot, inner = name.partition(".")
    if part == TAGS:
        order.setdefault(part, {})[inner] = cell
    elif dot:
        order.setdefault(part, {})[inner] = _value(CELLS[name], cell)
    else:
        order[name] = _value(CELLS[name], cell)


def _value(kind: Cell, cell: str) -> object:
    match kind:
        case Cell.WHOLE if _WHOLE.fullmatch(cell):
            return int(cell)
        case Cell.FLAG if cell.lower() in ("true", "false"):
            return cell.lower() == "true"
        case Cell.NAME:
            return cell.upper()
        case Cell.NAMES:
            return cell.upper().split()
        case _:
            return cell


# ---- JSON


class _Object(dict[str, Any]):
    """A JSON object that knows which of its names came twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs] if len(self) < len(pairs) else []
        self.twice = sorted({name for name in names if names.count(name) > 1})


class _NoNumberError(ValueError):
    """A word that JSON does not have as a number."""


def _no_number(word: str) -> object:
    raise _NoNumberError(word)


def _json_lines(text: str, problems: list[Problem]) -> list[Line]:
    try:
        content = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_float=_exact,
            parse_int=lambda digits: int(digits) if _WHOLE.fullmatch(digits) else digits,
            parse_constant=_no_number,
        )
    except json.JSONDecodeError as error:
        problems.append(
            Problem(f"line {error.lineno}", "", f"must be JSON: {error.msg}, column {error.colno}")
        )
        return []
    except _NoNumberError as error:
        problems.append(Problem("", "", f"must be JSON, was {error}"))
        return []
    except RecursionError:
        problems.append(Problem("", "", "must be a list of orders, was nested too deeply"))
        return []
    if not isinstance(content, list):
        problems.append(Problem("", "", f"must be a list of orders, was {_shown(content)}"))
        return []
    lines = []
    for index, value in enumerate(content):
        where = f"[{index}]"
        if not isinstance(value, _Object):
            problems.append(Problem(where, "", f"must be an object, was {_shown(value)}"))
            continue
        problems += [_unknown(where, name) for name in value if name not in FIELDS]
        problems += [Problem(where, field, message) for field, message in _unfit(value, "", 1)]
        lines.append(Line(where, index, dict(value)))
    return lines


def _exact(digits: str) -> str:
    """Return a number with a fraction as its digits, which are a price as they stand."""
    return (
        format(Decimal(digits), "f") if len(digits) <= _SHOWN_CHARACTERS_MAX and _is_short(digits) else digits
    )


def _is_short(digits: str) -> bool:
    exponent = re.search(r"[eE][+-]?([0-9]+)$", digits)
    return exponent is None or (len(exponent[1]) <= 2 and int(exponent[1]) <= DIGITS_MAX)


def _unfit(value: object, place: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield what cannot be sent of a JSON value, by its place in the order."""
    if depth > _DEPTH_MAX:
        yield place, "must not be nested so deeply"
    elif isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            yield place, f"must be text, was half a character in {_shown(value)}"
        elif "\0" in value:
            yield place, "must be text, was a NUL character"
    elif isinstance(value, list):
        for one in value:
            yield from _unfit(one, place, depth + 1)
    elif isinstance(value, _Object):
        yield from ((_joined(place, name), "is given more than once") for name in value.twice)
        for name, one in value.items():
            yield from _unfit(name, _joined(place, name), depth)
            yield from _unfit(one, _joined(place, name), depth + 1)


def _joined(place: str, name: str) -> str:
    return f"{place}.{_named_as(name)}" if place else _named_as(name)


def _named_as(name: str) -> str:
    """Return a name of the file's as a message shows it."""
    return _shown(name)[1:-1] or '""'


def _shown(value: object) -> str:
    """Return a value as a message shows it, never long."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return str(value)
    text = value if len(value) <= _SHOWN_CHARACTERS_MAX else f"{value[:_SHOWN_CHARACTERS_MAX]}…"
    return f'"{text}"' if text.isprintable() else ascii(text)
