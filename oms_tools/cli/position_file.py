"""What accounts hold at a start of day, as files have it: CSV or JSON, read whole before anything is asked.

The law of this file: what is wrong is told by line and field, all of it, and then nothing is set.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

from oms_tools.cli.line_problems import refuse_problems

SHARES_MAX: Final = 10**9
DOLLARS_BOUND: Final = 10**15
_MICRO: Final = Decimal("0.000001")
_COLUMNS: Final = frozenset(("account", "symbol", "quantity", "cost", "averageCost", "cash"))


@dataclass(slots=True)
class Holdings:
    """What the API is asked to load; and the place in the file of each line of it."""

    positions: list[dict[str, Any]] = field(default_factory=list)
    cash: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


class _WrongError(ValueError):
    """A cell that is not what its column has. Its text: the field and what it must be."""


def read_holdings(path: Path) -> Holdings:
    """Read a file of positions and cash. Raises ClickException with every line that is wrong.

    A line is of an account and has either symbol, quantity, and cost or averageCost, or cash. CSV: with these
    columns; JSON: a list of objects of them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] == "["
    found, problems = Holdings(), []
    first: dict[tuple[str, str], str] = {}
    for place, cells in _json_lines(path, text) if is_json else _csv_lines(path, text):
        try:
            _take(found, place, cells, first)
        except _WrongError as error:
            problems.append(f"{place}: {error}")
    if not found.places and not problems:
        raise click.ClickException(f"{path} has no lines")
    refuse_problems(problems, "nothing was loaded")
    return found


def _take(found: Holdings, place: str, cells: Mapping[str, Any], first: dict[tuple[str, str], str]) -> None:
    unknown = sorted(set(cells) - _COLUMNS)
    if unknown:
        raise _WrongError(f"{unknown[0] or 'a cell'} is none of {', '.join(sorted(_COLUMNS))}")
    given = {name: str(value).strip() for name, value in cells.items() if value not in (None, "")}
    account = given.pop("account", "")
    if not account:
        raise _WrongError("account is required")
    symbol = given.get("symbol", "").upper()
    earlier = first.setdefault((account, symbol), place)
    if earlier != place:
        raise _WrongError(f"symbol must not be of the same account as in {earlier}, was {symbol or 'cash'}")
    if "cash" in given:
        if len(given) > 1:
            other = next(name for name in given if name != "cash")
            raise _WrongError(f"{other} must be left out beside cash, was {given[other]!r}")
        found.places[f"cash[{len(found.cash)}]"] = place
        found.cash.append({"accountId": account, "amount": f"{_dollars('cash', given['cash']):f}"})
        return
    if not symbol:
        raise _WrongError("symbol is required, or cash")
    line = {"accountId": account, "symbol": symbol, **_position(given)}
    found.places[f"positions[{len(found.positions)}]"] = place
    found.positions.append(line)


def _position(given: Mapping[str, str]) -> dict[str, Any]:
    quantity = _number("quantity", given.get("quantity", ""))
    if quantity != int(quantity) or abs(quantity) > SHARES_MAX:
        raise _WrongError(
            f"quantity must be whole shares from -{SHARES_MAX} to {SHARES_MAX}, was {given['quantity']!r}"
        )
    if ("cost" in given) == ("averageCost" in given):
        raise _WrongError("cost must be given or averageCost, and not both")
    if "cost" in given:
        cost = _dollars("cost", given["cost"])
    else:
        average = _dollars("averageCost", given["averageCost"])
        if average < 0:
            raise _WrongError(f"averageCost must be 0 or above, was {given['averageCost']!r}")
        cost = average * quantity
        if abs(cost) >= DOLLARS_BOUND:
            raise _WrongError(
                f"averageCost must make a cost below {DOLLARS_BOUND}, was {given['averageCost']!r}"
            )
    if cost * quantity < 0 or (cost and not quantity):
        raise _WrongError(f"cost must have the sign of the {int(quantity)} shares, was {cost:f}")
    return {"quantity": int(quantity), "cost": f"{cost:f}"}


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not text or not number.is_finite() or abs(number.adjusted()) > len(str(DOLLARS_BOUND)):
        raise _WrongError(f"{name} must be a number, was {text!r}")
    return number


def _dollars(name: str, text: str) -> Decimal:
    amount = _number(name, text)
    if abs(amount) >= DOLLARS_BOUND:
        raise _WrongError(
            f"{name} must be between -{DOLLARS_BOUND} and {DOLLARS_BOUND} dollars, was {text!r}"
        )
    if amount != amount.quantize(_MICRO):
        raise _WrongError(f"{name} must have at most 6 decimal places, was {text!r}")
    return amount


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        # Numbers stay as they are written.
        found = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} is no JSON: {error}") from error
    if not isinstance(found, list):
        raise click.ClickException(f"{path} must be a list of objects")
    for number, row in enumerate(found, 1):
        yield f"row {number}", row if isinstance(row, dict) else {"": row}


def _csv_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    names = list(reader.fieldnames or ())
    if "account" not in names or set(names) - _COLUMNS:
        wanted = ", ".join(sorted(_COLUMNS - {"account"}))
        raise click.ClickException(
            f"{path}, line 1: columns must be account and of {wanted}, was {', '.join(names) or 'nothing'}"
        )
    try:
        for cells in reader:
            yield f"line {reader.line_num}", cells
    except csv.Error as error:
        raise click.ClickException(f"{path}, line {reader.line_num}: {error}") from error
