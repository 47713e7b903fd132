"""How a client states what the price of a pegged order follows, and how it is shown again."""

from collections.abc import Mapping
from typing import Final

from oms_api.domain.decimals import PRICE_BOUND, PRICE_DECIMALS_MAX, read_decimal
from oms_api.domain.refusal import FieldProblem, shown
from oms_platform.prices import dollars_of, micros_of, plain
from oms_platform.vocabulary import Peg, PegType

FIELDS: Final = ("type", "offset")
_TYPES: Final = {member.name: member for member in PegType}


def read_peg(value: object, problems: list[FieldProblem]) -> Peg | None:
    """Check an order's `peg`, decoded JSON; None for none, or when it is wrong, which is in `problems`.

    offset: dollars beside what is followed, below 0 for lower; none is 0.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problems.append(FieldProblem(field="peg", message=f"must be an object, was {shown(value)}"))
        return None
    before = len(problems)
    problems += [
        FieldProblem(field=f"peg.{shown(name).strip(chr(34))}", message="is not a field of a peg")
        for name in value
        if name not in FIELDS
    ]
    named = value.get("type")
    peg_type = _TYPES.get(named) if isinstance(named, str) else None
    if peg_type is None:
        said = "is required" if named is None else f"must be one of {', '.join(_TYPES)}, was {shown(named)}"
        problems.append(FieldProblem(field="peg.type", message=said))
    offset_micros = _offset(value.get("offset"), problems)
    if peg_type is None or len(problems) > before:
        return None
    return Peg(peg_type=peg_type, offset_micros=offset_micros)


def _offset(value: object, problems: list[FieldProblem]) -> int:
    if value is None:
        return 0
    offset = read_decimal(value)
    if offset is None:
        message = f"must be a decimal number of dollars, was {shown(value)}"
    elif abs(offset) >= PRICE_BOUND:
        message = f"must be between -{PRICE_BOUND} and {PRICE_BOUND}, was {shown(value)}"
    elif offset != round(offset, PRICE_DECIMALS_MAX):
        message = f"must have at most {PRICE_DECIMALS_MAX} decimal places, was {shown(value)}"
    else:
        return micros_of(offset)
    problems.append(FieldProblem(field="peg.offset", message=message))
    return 0


def peg_view(peg: Peg | None) -> dict[str, str] | None:
    """Return what an order's price follows as a client states it: an offset of 0 is left out."""
    if peg is None:
        return None
    offset = {"offset": str(plain(dollars_of(peg.offset_micros)))} if peg.offset_micros else {}
    return {"type": peg.peg_type.name, **offset}
