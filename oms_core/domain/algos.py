"""How an order that is worked over time is planned, and what of it may be worked by a time. All is pure.

A plan is made when the order's time begins, and anew when it is replaced; it is recorded whole
(`AlgoPlanned`), so that a restart goes on by the order alone, and so is each release (`SharesReleased`). A
plan's slices are cumulative: what one leaves undone is worked with the next. Sizes and times are moved a
little, by draws that follow from the seed, and never so far that an order which trades what it is given is
more than a slice off:

* TWAP (evenly) and VWAP (as the day's volume is, `US_VOLUME`) release a slice in the middle of its interval.
* IS releases it at the interval's beginning, by the trajectory of R. Almgren and N. Chriss, Optimal Execution
  of Portfolio Transactions, Journal of Risk 3 (2000): after t of T there are left sinh(k(T-t)) / sinh(kT) of
  the shares. The urgency is kT.
* POV releases all at once, as far as its participation goes.

A participation bounds each of them: no more is released than that part of the volume that was seen since the
plan was made, beyond what was done or at work by then. While nobody knows the volume nothing is released.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Final

from oms_core.domain.order import Order, WorkAlgo
from oms_core.domain.transitions import Lifecycle, Pending
from oms_platform.order_ids import taken_at
from oms_platform.order_types import SLICES_MAX
from oms_platform.trading_calendar import Session
from oms_platform.vocabulary import Algo, AlgoHeld, AlgoPlanned, AlgoSlice, AlgoStrategy, SharesReleased

# What is left at the end has so long to trade; then it is canceled.
END_GRACE: Final = timedelta(seconds=5)
INTERVAL_MIN: Final = timedelta(seconds=1)
INTERVAL_MAX: Final = timedelta(minutes=5)
SLICES_TYPICAL: Final = 20
# How often an order that waits for the market's volume looks at it.
LOOK_EVERY_MAX: Final = timedelta(seconds=30)
# A slice's size and time are moved by up to this part of a slice.
JITTER_PART: Final = 8
_WHOLE: Final = 10**12
_BASIS_POINTS: Final = 10_000
_TICK: Final = timedelta(microseconds=1)
_PRECISION: Final = Context(prec=28)
# Parts in 10,000 of a US day's volume, by thirteenths (half hours of a full day): a U, twice as deep in the
# morning as at noon and highest at the close. Its shape is that of P. Jain and G. Joh, The Dependence between
# Hourly Prices and Trading Volume, Journal of Financial and Quantitative Analysis 23 (1988); the figures are
# rounded ones of our own, and no measurement.
US_VOLUME: Final = (1350, 920, 790, 700, 640, 590, 560, 550, 570, 620, 700, 860, 1150)
# A session that is longer has no such shape.
_US_DAY_MAX: Final = timedelta(hours=12)


# ---- the plan


def begins_at(order: Order, algo: Algo) -> datetime:
    """Return when an order's time begins: when its client says, else when it was taken in."""
    return taken_at(order.order_id) if algo.start_at is None else algo.start_at


def interval_of(algo: Algo, length: timedelta) -> timedelta:
    """Return the time between two slices of a plan of this length."""
    if algo.slices:
        return max(length / algo.slices, _TICK)
    typical = max(INTERVAL_MIN, min(INTERVAL_MAX, length / SLICES_TYPICAL))
    return max(typical, length / SLICES_MAX)


def schedule(
    algo: Algo,
    *,
    seed: int,
    begins_at: datetime,
    base_qty: int,
    quantity: int,
    session: Session | None = None,
) -> tuple[AlgoSlice, ...]:
    """Return the slices that release what is beyond `base_qty` of `quantity` shares until the algo's end.

    seed: what sizes and times are drawn from. session: whose day VWAP follows; without one it is TWAP.
    """
    shares, length = quantity - base_qty, algo.end_at - begins_at
    if shares <= 0 or length <= timedelta(0) or algo.strategy is AlgoStrategy.POV:
        return (AlgoSlice(due_at=begins_at, quantity=quantity),)
    count = max(1, min(shares, length // interval_of(algo, length)))
    progress = _progress(algo, begins_at, session)
    sizes = [shares * progress(number, count) // _WHOLE for number in range(count + 1)]
    return tuple(
        AlgoSlice(
            due_at=_due_at(algo, seed, begins_at, length, number, count),
            quantity=base_qty + _moved(seed, sizes, number),
        )
        for number in range(1, count + 1)
    )


def _due_at(
    algo: Algo, seed: int, begins_at: datetime, length: timedelta, number: int, count: int
) -> datetime:
    moved = _draw(seed, "time", number, 1000)
    if algo.strategy is AlgoStrategy.IS:
        return begins_at + length * (number - 1) / count + length * abs(moved) / (1000 * JITTER_PART * count)
    return begins_at + length * (2 * number - 1) / (2 * count) + length * moved / (1000 * JITTER_PART * count)


def _moved(seed: int, sizes: Sequence[int], number: int) -> int:
    """Return a slice's cumulative shares, moved by up to a part of the smaller of it and the next."""
    if number == len(sizes) - 1:
        return sizes[number]
    room = min(sizes[number] - sizes[number - 1], sizes[number + 1] - sizes[number])
    return sizes[number] + _draw(seed, "size", number, room // JITTER_PART)


def _draw(seed: int, what: str, number: int, most: int) -> int:
    """Return a whole number from -most to most that follows from the seed."""
    digest = hashlib.sha256(f"{seed}/{what}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2 * most + 1) - most


def _progress(algo: Algo, begins_at: datetime, session: Session | None) -> Callable[[int, int], int]:
    """Return which part (of _WHOLE) of the shares a strategy wants done after slice `number` of `count`."""
    if algo.strategy is AlgoStrategy.IS:
        return lambda number, count: _shortfall(algo.urgency, number, count)
    day = None if session is None else session.closes_at - session.opens_at
    if algo.strategy is not AlgoStrategy.VWAP or session is None or day is None or day > _US_DAY_MAX:
        return lambda number, count: _WHOLE * number // count
    opens_at, length = session.opens_at, algo.end_at - begins_at
    first, last = _volume_until(begins_at - opens_at, day), _volume_until(algo.end_at - opens_at, day)
    if last <= first:
        return lambda number, count: _WHOLE * number // count

    def by_volume(number: int, count: int) -> int:
        done = _volume_until(begins_at - opens_at + length * number / count, day) - first
        return _WHOLE if number == count else _WHOLE * done // (last - first)

    return by_volume


def _volume_until(after: timedelta, day: timedelta) -> int:
    """Return the part (of _WHOLE) of a day's volume that is traded so long after its opening."""
    ticks, whole = max(0, min(after, day) // _TICK), day // _TICK
    bins = len(US_VOLUME)
    full, rest = divmod(ticks * bins, whole)
    done = sum(US_VOLUME[:full]) * whole + (US_VOLUME[full] * rest if full < bins else 0)
    return _WHOLE * done // (sum(US_VOLUME) * whole)


def _shortfall(urgency: int, number: int, count: int) -> int:
    left = _sinh(Decimal(urgency * (count - number)) / count) / _sinh(Decimal(urgency))
    return int(_WHOLE * (1 - left))


def _sinh(value: Decimal) -> Decimal:
    return (_PRECISION.exp(value) - _PRECISION.exp(-value)) / 2


# ---- what is due


def planned_by(plan: AlgoPlanned, now: datetime) -> tuple[int, AlgoSlice | None]:
    """Return how many slices of a plan are due, and the last of them; None before the first."""
    due = [one for one in plan.slices if one.due_at <= now]
    return len(due), due[-1] if due else None


def is_under_way(order: Order) -> bool:
    """Whether an algo order is to be released by its time now: it is live, and nothing holds it."""
    return (
        order.terms.algo is not None
        and order.lifecycle is Lifecycle.LIVE
        and order.pending is Pending.NONE
        and order.cancel is None
        and order.suspended is None
    )


def worked(
    order: Order, work: WorkAlgo, now: datetime
) -> tuple[AlgoPlanned | SharesReleased | AlgoHeld, ...]:
    """Return what a look at an algo order makes of it: a plan, a release, or that it is held; or nothing."""
    algo = order.terms.algo
    if algo is None or not is_under_way(order):
        return ()
    begin = max(now, begins_at(order, algo))
    if now < begin or now >= algo.end_at + END_GRACE:
        return ()
    if order.plan is not None:
        return _released(order, algo, order.plan, order.release, work, now)
    plan = AlgoPlanned(
        planned_at=begin,
        base_qty=order.released_qty,
        slices=schedule(
            algo,
            seed=order.order_id.int if algo.seed is None else algo.seed,
            begins_at=begin,
            base_qty=order.released_qty,
            quantity=order.terms.quantity,
            session=work.session,
        ),
        volume=work.volume,
    )
    return (plan, *_released(order, algo, plan, None, work, now))


def _released(
    order: Order,
    algo: Algo,
    plan: AlgoPlanned,
    before: SharesReleased | None,
    work: WorkAlgo,
    now: datetime,
) -> tuple[SharesReleased | AlgoHeld, ...]:
    number, due = planned_by(plan, now)
    if due is None:
        return ()
    seen = plan.volume if before is None or before.volume is None else before.volume
    counted = 0 if before is None else before.counted_volume
    begun_anew = False
    wanted = min(due.quantity, order.terms.quantity)
    if algo.participation_bps:
        if work.volume is None:
            waits = wanted > order.released_qty and not order.held
            return (AlgoHeld(reason=_unknown(order), held_at=now),) if waits else ()
        # A feed that begins again counts from 0: what was traded meanwhile nobody saw.
        begun_anew = seen is None or work.volume < seen
        counted += 0 if seen is None else max(0, work.volume - seen)
        wanted = min(wanted, plan.base_qty + counted * algo.participation_bps // _BASIS_POINTS)
    if wanted <= order.released_qty and not begun_anew and not order.held:
        return ()
    if work.denied and wanted > order.released_qty:
        held = f"SLICE_DENIED: {work.denied}"
        # Its figures may be others at each look.
        told = _rule_in(order.held) == _rule_in(held)
        return () if told else (AlgoHeld(reason=held, held_at=now),)
    return (
        SharesReleased(
            quantity=max(wanted, order.released_qty),
            slice=number,
            due_at=due.due_at,
            released_at=now,
            volume=work.volume if algo.participation_bps else None,
            counted_volume=counted,
        ),
    )


def _rule_in(held: str) -> list[str]:
    return held.split(": ", 2)[:2]


def _unknown(order: Order) -> str:
    return f"VOLUME_UNKNOWN: symbol={order.terms.symbol}, expected a fresh quote that tells what was traded"


def slice_due(order: Order, now: datetime) -> int:
    """Return the shares that a plan would release now beyond those that are, whatever the volume was."""
    if order.plan is None or not is_under_way(order):
        return 0
    _, due = planned_by(order.plan, now)
    wanted = 0 if due is None else min(due.quantity, order.terms.quantity)
    return max(0, wanted - order.released_qty)


# ---- when to look at it again


def next_look(order: Order, now: datetime) -> datetime | None:
    """Return when an algo order has to be looked at next; None for one that waits for nothing of time."""
    algo = order.terms.algo
    if algo is None or order.closed or order.cancel is not None or order.lifecycle is not Lifecycle.LIVE:
        return None
    over = algo.end_at + END_GRACE
    if not is_under_way(order):
        return over
    if order.plan is None:
        return min(max(now, begins_at(order, algo)), over)
    number, due = planned_by(order.plan, now)
    if due is not None and min(due.quantity, order.terms.quantity) > order.released_qty:
        waits = algo.participation_bps or order.held
        return min(over, now + _look_every(algo, order.plan) if waits else now)
    later = order.plan.slices[number:]
    return min(later[0].due_at, over) if later else over


def _look_every(algo: Algo, plan: AlgoPlanned) -> timedelta:
    """Return how often an order that its participation holds looks at the volume."""
    length = max(algo.end_at - plan.planned_at, timedelta(0))
    return max(INTERVAL_MIN, min(LOOK_EVERY_MAX, interval_of(algo, length)))


def is_over(order: Order, now: datetime) -> bool:
    """Whether an algo's time is over, so that what is left of it is to be canceled."""
    algo = order.terms.algo
    return (
        algo is not None
        and now >= algo.end_at + END_GRACE
        and order.lifecycle is Lifecycle.LIVE
        and order.cancel is None
    )
