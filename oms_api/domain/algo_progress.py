"""An algo order's plan against what was done, from its events alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, NamedTuple

import msgspec

from oms_platform.vocabulary import AlgoHeld, AlgoPlanned, OrderReplaced, SharesReleased

_Zoned: Final = msgspec.Meta(tz=True)


class Step(NamedTuple):
    """One event of an order: what was done in all by then, and what it says of the plan, if anything."""

    at: datetime
    cum_qty: int
    of_plan: AlgoPlanned | SharesReleased | AlgoHeld | OrderReplaced | None


class SliceProgress(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One slice of a plan; shares are in all, with those before.

    released_at: when its shares were let go, None while they are not. done_qty: what was done by the time of
    the next slice, or by now; None while it is not due.
    """

    slice: int
    due_at: Annotated[datetime, _Zoned]
    planned_qty: int
    released_qty: int | None
    released_at: Annotated[datetime, _Zoned] | None
    done_qty: int | None


class Progress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order's events tell of its plan. held: why nothing is released though it is due, else empty.

    counted_volume: of the market's, what counts for the participation.
    """

    planned_at: datetime | None
    base_qty: int
    released_qty: int
    counted_volume: int
    held: str
    slices: list[SliceProgress]


def progress_of(steps: Iterable[Step], now: datetime) -> Progress:
    """Return how far an order has come with its last plan."""
    plan: AlgoPlanned | None = None
    releases: list[SharesReleased] = []
    done: list[tuple[datetime, int]] = []
    held, released_qty = "", 0
    for step in steps:
        match step.of_plan:
            case AlgoPlanned() as plan:
                releases, released_qty = [], plan.base_qty
            case SharesReleased() as release:
                releases.append(release)
                released_qty, held = release.quantity, ""
            case AlgoHeld(reason=held):
                pass
            case OrderReplaced():
                plan, releases, held = None, [], ""
            case None:
                pass
        done.append((step.at, step.cum_qty))
    if plan is None:
        return Progress(
            planned_at=None,
            base_qty=0,
            released_qty=released_qty,
            counted_volume=0,
            held=held,
            slices=[],
        )
    ends = [*(one.due_at for one in plan.slices[1:]), now]
    return Progress(
        planned_at=plan.planned_at,
        base_qty=plan.base_qty,
        released_qty=released_qty,
        counted_volume=releases[-1].counted_volume if releases else 0,
        held=held,
        slices=[
            _slice(number, one.due_at, one.quantity, end, releases, done, now)
            for number, (one, end) in enumerate(zip(plan.slices, ends, strict=True), 1)
        ],
    )


def _slice(
    number: int,
    due_at: datetime,
    planned_qty: int,
    end: datetime,
    releases: list[SharesReleased],
    done: list[tuple[datetime, int]],
    now: datetime,
) -> SliceProgress:
    # One release may let several slices go; the first that reaches this one is when it was.
    own = next((one for one in releases if one.slice >= number), None)
    until = min(end, now)
    return SliceProgress(
        slice=number,
        due_at=due_at,
        planned_qty=planned_qty,
        released_qty=None if own is None else own.quantity,
        released_at=None if own is None else own.released_at,
        done_qty=None if due_at > now else max((qty for at, qty in done if at <= until), default=0),
    )
