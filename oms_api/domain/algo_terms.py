"""How a client states that an order is to be worked over time, and how it is shown again.

Every wrong field is named. What belongs together is said in one place, which core reads too (`order_types`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from oms_api.domain.refusal import FieldProblem, shown
from oms_platform.order_types import PARTICIPATION_BPS_MAX, SLICES_MAX, URGENCY_MAX, problem_of_algo
from oms_platform.vocabulary import Algo, AlgoStrategy, OrderTerms

FIELDS: Final = ("strategy", "startAt", "endAt", "participationBps", "urgency", "slices", "seed")
_STRATEGIES: Final = {member.name: member for member in AlgoStrategy}
_SEED_MAX: Final = 2**63 - 1
_NUMBERS: Final = {"participationBps": PARTICIPATION_BPS_MAX, "urgency": URGENCY_MAX, "slices": SLICES_MAX}
_SHOWN_MAX: Final = 40


def read_algo(value: object, problems: list[FieldProblem]) -> Algo | None:
    """Check an order's `algo`, decoded JSON; None for none, or when it is wrong, which is in `problems`."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problems.append(FieldProblem(field="algo", message=f"must be an object, was {shown(value)}"))
        return None
    before = len(problems)
    problems += [
        FieldProblem(field=f"algo.{str(name)[:_SHOWN_MAX]}", message="is not a field of an algo")
        for name in value
        if name not in FIELDS
    ]
    strategy, start_at, end_at = (
        _strategy(value.get("strategy"), problems),
        _time(value, "startAt", problems),
        _time(value, "endAt", problems),
    )
    if value.get("endAt") is None:
        problems.append(FieldProblem(field="algo.endAt", message="is required"))
    numbers = {name: _number(value.get(name), name, 1, most, problems) for name, most in _NUMBERS.items()}
    seed = _number(value.get("seed"), "seed", 0, _SEED_MAX, problems)
    if len(problems) > before or strategy is None or end_at is None:
        return None
    return Algo(
        strategy=strategy,
        start_at=start_at,
        end_at=end_at,
        participation_bps=numbers["participationBps"] or 0,
        urgency=numbers["urgency"] or 0,
        slices=numbers["slices"] or 0,
        seed=seed,
    )


def algo_problem(terms: OrderTerms) -> FieldProblem | None:
    """Return what an order of these terms has that does not go with its algo, or None."""
    wrong = problem_of_algo(terms)
    return None if wrong is None else FieldProblem(field=wrong[0], message=wrong[1])


def algo_view(algo: Algo | None) -> dict[str, object] | None:
    """Return an algo as a client states it: what it left out is left out."""
    if algo is None:
        return None
    values: dict[str, object | None] = {
        "strategy": algo.strategy.name,
        "startAt": None if algo.start_at is None else _instant(algo.start_at),
        "endAt": _instant(algo.end_at),
        "participationBps": algo.participation_bps or None,
        "urgency": algo.urgency or None,
        "slices": algo.slices or None,
        "seed": algo.seed,
    }
    return {name: value for name, value in values.items() if value is not None}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _strategy(value: object, problems: list[FieldProblem]) -> AlgoStrategy | None:
    found = _STRATEGIES.get(value) if isinstance(value, str) else None
    if found is None:
        said = (
            "is required" if value is None else f"must be one of {', '.join(_STRATEGIES)}, was {shown(value)}"
        )
        problems.append(FieldProblem(field="algo.strategy", message=said))
    return found


def _time(given: Mapping[str, object], name: str, problems: list[FieldProblem]) -> datetime | None:
    """Read a time with its zone, as RFC 3339 writes it."""
    value = given.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is not None and found.tzinfo is not None:
        try:
            return found.astimezone(UTC)
        except OverflowError:
            pass
    message = f"must be a time with its zone, like 2026-11-02T15:00:00Z, was {shown(value)}"
    problems.append(FieldProblem(field=f"algo.{name}", message=message))
    return None


def _number(value: object, name: str, least: int, most: int, problems: list[FieldProblem]) -> int | None:
    if value is None or (type(value) is int and least <= value <= most):
        return value
    message = f"must be a whole number from {least} to {most}, was {shown(value)}"
    problems.append(FieldProblem(field=f"algo.{name}", message=message))
    return None
