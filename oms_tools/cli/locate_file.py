"""A day's locates and easy-to-borrow list, as files have them: CSV, read whole before anything is asked.

The law of this file: what is wrong is told by line and field, all of it, and then nothing is loaded. Which
kind a line is of, it says itself: a locate that lacks its fields is never taken for a symbol that needs none.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from oms_tools.cli.line_problems import refuse_problems

SHARES_MAX: Final = 10**9
EASY: Final = "EASY"
LOCATE: Final = "LOCATE"
_OF_LOCATES: Final = ("account", "reference", "broker", "quantity")
_COLUMNS: Final = ("kind", "symbol", *_OF_LOCATES)


@dataclass(slots=True)
class LocateFile:
    """What the API is asked to load; and the place in the file of each line of it.

    easy: the whole list of the day; None for a file that has none, so that the list stays as it is.
    """

    locates: list[dict[str, Any]] = field(default_factory=list)
    easy: list[str] | None = None
    places: dict[str, str] = field(default_factory=dict)


class _WrongError(ValueError):
    """A cell that is not what its column has. Its text: the field and what it must be."""


def read_locates(path: Path) -> LocateFile:
    """Read a file of locates. Raises ClickException with every line that is wrong.

    A line of the kind LOCATE has an account, a symbol, a reference, a broker and a quantity, one of the kind
    EASY a symbol alone.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    names = list(reader.fieldnames or ())
    if not {"kind", "symbol"} <= set(names) or set(names) - set(_COLUMNS):
        raise click.ClickException(
            f"{path}, line 1: columns must be kind, symbol and of {', '.join(_OF_LOCATES)},"
            f" was {', '.join(names) or 'nothing'}"
        )
    found, problems = LocateFile(), []
    try:
        for cells in reader:
            try:
                _take(found, f"line {reader.line_num}", cells)
            except _WrongError as error:
                problems.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        raise click.ClickException(f"{path}, line {reader.line_num}: {error}") from error
    if not found.places and not problems:
        raise click.ClickException(f"{path} has no lines")
    refuse_problems(problems, "nothing was loaded")
    return found


def _take(found: LocateFile, place: str, cells: Mapping[str, Any]) -> None:
    if cells.get(""):
        raise _WrongError("has more cells than there are columns")
    given = {name: str(value).strip() for name, value in cells.items() if value not in (None, "", [])}
    kind, symbol = given.get("kind", "").upper(), given.get("symbol", "").upper()
    if not symbol:
        raise _WrongError("symbol is required")
    if kind == EASY:
        beside = next((name for name in _OF_LOCATES if given.get(name)), None)
        if beside is not None:
            raise _WrongError(f"{beside} must be left out of kind {EASY}, was {given[beside]!r}")
        found.easy = found.easy or []
        found.places[f"easyToBorrow[{len(found.easy)}]"] = place
        found.easy.append(symbol)
        return
    if kind != LOCATE:
        raise _WrongError(f"kind must be {EASY} or {LOCATE}, was {given.get('kind', '')!r}")
    missing = next((name for name in _OF_LOCATES if not given.get(name)), None)
    if missing is not None:
        raise _WrongError(f"{missing} is required of kind {LOCATE}")
    text = given["quantity"]
    if not (text.isascii() and text.isdigit() and int(text) <= SHARES_MAX):
        raise _WrongError(f"quantity must be whole shares from 0 to {SHARES_MAX}, was {text!r}")
    found.places[f"locates[{len(found.locates)}]"] = place
    found.locates.append(
        {
            "accountId": given["account"],
            "symbol": symbol,
            "reference": given["reference"],
            "broker": given["broker"],
            "quantity": int(text),
        }
    )
