"""Lists as CSV (RFC 4180) for whoever asks for text/csv: a line each, columns named as in JSON.

No cell is a formula to a spreadsheet: a text that could be one has an apostrophe before it.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from oms_api.entrypoints.answers import JSON, Answer, encode

CSV: Final = "text/csv"
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
# What spreadsheets begin a formula with, or leave out before one.
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
_QUALITY: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class Table(msgspec.Struct, frozen=True):
    """The list of an answer that is told as CSV. rows: its field there. kind: of a row."""

    rows: str
    kind: type[msgspec.Struct]


def wants_csv(accept: str) -> bool:
    """Return whether an Accept header prefers CSV to JSON: by quality, then by how exactly it is named."""
    quality, exactness = _preference(accept, CSV)
    return quality > 0 and (quality, exactness) > _preference(accept, JSON)


def _preference(accept: str, kind: str) -> tuple[float, int]:
    ranges = ("*/*", kind.partition("/")[0] + "/*", kind)
    quality, exactness = 0.0, -1
    for part in accept.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        if name in ranges and ranges.index(name) > exactness:
            exactness = ranges.index(name)
            given = next((found for word in parameters if (found := _QUALITY.fullmatch(word))), None)
            quality = 1.0 if given is None else float(given[1])
    return quality, exactness


def csv_answer(table: Table, page: object, path: str, query: Sequence[tuple[str, str]]) -> Answer:
    """Return a page as CSV. path, query: of the request; the page after it is a Link (RFC 8288)."""
    rows: list[dict[str, Any]] = msgspec.json.decode(encode(getattr(page, table.rows)))
    names = [field.encode_name for field in msgspec.structs.fields(table.kind)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    cursor = getattr(page, "next_cursor", None)
    headers: tuple[tuple[str, str], ...] = ()
    if cursor is not None:
        following = urlencode([*(one for one in query if one[0] != "cursor"), ("cursor", cursor)])
        headers = (("link", f'<{path}?{following}>; rel="next"'),)
    return Answer(status=200, body=text.getvalue().encode(), headers=headers, media_type=CSV)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
