"""What order types are made of: which have a limit, which wait for a stop price or are worked over time, what
these become.

And which instructions and times in force go together: doors and core's replace read the same tables, and
refuse by field.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from oms_platform.prices import dollars_of, plain
from oms_platform.sides import SHORTS, is_buy, sign
from oms_platform.vocabulary import (
    Algo,
    AlgoStrategy,
    ExecInst,
    OrderTerms,
    OrderType,
    Peg,
    PegType,
    Side,
    TimeInForce,
)

# What a stop is worked as, once the market has reached its price.
_WORKED_AS: Final = {OrderType.STOP: OrderType.MARKET, OrderType.STOP_LIMIT: OrderType.LIMIT}
STOPS: Final = frozenset(_WORKED_AS)
LIMITED: Final = frozenset((OrderType.LIMIT, OrderType.STOP_LIMIT))
# Of these a limit bounds the price, where there is one.
BOUNDED: Final = frozenset((OrderType.PEGGED,))


class StopTrigger(enum.Enum):
    """What triggers a stop: the quote, the last trade, or whichever of them reaches its price first."""

    QUOTE = "quote"
    TRADE = "trade"
    BOTH = "both"


def worked_terms(terms: OrderTerms, peg_micros: int | None = None) -> OrderTerms:
    """Return the terms that an order is worked by: a stop that was triggered is a market or a limit order.

    peg_micros: the price of a pegged one, which is a limit order at that.
    """
    if terms.order_type is OrderType.PEGGED:
        return replace(terms, order_type=OrderType.LIMIT, limit_price_micros=peg_micros)
    kind = _WORKED_AS.get(terms.order_type)
    terms = terms if kind is None else replace(terms, order_type=kind)
    # What the router is given of it, it places as of any other order.
    return terms if terms.algo is None else replace(terms, algo=None)


# ---- times in force

# What trades in its listing market's auction, and nowhere else.
AUCTIONS: Final = frozenset((TimeInForce.OPG, TimeInForce.CLO))
# How each auction is called.
AUCTION_NAMES: Final[Mapping[TimeInForce, str]] = {TimeInForce.OPG: "opening", TimeInForce.CLO: "closing"}
# What is taken while its market is closed, and waits; DAY only where core is told to.
CARRIED: Final = frozenset((TimeInForce.GTC, TimeInForce.GTD)) | AUCTIONS
# An order, or a child, of one of these may rest in a venue's book until it trades. Between them a replace may
# change it.
BOOKED: Final = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD)
# An algo says itself when it ends: beside that, no other time of an order's own.
ALGO_TIMES_IN_FORCE: Final = (TimeInForce.DAY, TimeInForce.GTC)
# What venues are told: core takes a GTD order's children back when its time is over.
_AT_VENUES: Final = {TimeInForce.GTD: TimeInForce.GTC}
_ANY: Final = frozenset(TimeInForce)
FORCES_OF: Final[Mapping[OrderType, frozenset[TimeInForce]]] = {
    kind: frozenset(BOOKED) if kind in STOPS | BOUNDED else _ANY for kind in OrderType
}


def rests_in_sight(force: TimeInForce, exec_inst: ExecInst | None) -> bool:
    """Return whether a venue order may rest where others see it: not one that waits in the dark."""
    return force in BOOKED and exec_inst is not ExecInst.MIDPOINT_PEG


def force_problem(order_type: OrderType, force: TimeInForce) -> tuple[str, str]:
    """Return the field that does not go with a time in force and what is wrong, ("", "") for none."""
    allowed = FORCES_OF[order_type]
    if force not in allowed:
        names = ", ".join(one.name for one in TimeInForce if one in allowed)
        return "timeInForce", f"must be one of {names} of a {order_type.name} order, was {force.name}"
    return "", ""


def venue_force(force: TimeInForce) -> TimeInForce:
    """Return the time in force that an order's children have at venues."""
    return _AT_VENUES.get(force, force)


def at_venues(terms: OrderTerms) -> OrderTerms:
    """Return an order's terms with the time that venues are told: until when it is good is core's alone."""
    return replace(terms, time_in_force=venue_force(terms.time_in_force), expire_at=None)


def forces_after(force: TimeInForce, *, has_algo: bool = False) -> tuple[TimeInForce, ...]:
    """Return what a replace may make of a time in force: itself, or of one that rests another one."""
    if force not in BOOKED:
        return (force,)
    return ALGO_TIMES_IN_FORCE if has_algo else BOOKED


# ---- what goes together


class Instructions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the table looks at of an order. algo: it is worked over time. round_lot: shares, at its limit."""

    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int
    min_quantity: int = 0
    display_quantity: int = 0
    post_only: bool = False
    locate_id: str = ""
    algo: bool = False
    round_lot: int = 1
    peg: Peg | None = None


class Unfit(NamedTuple):
    """What does not go together: the field as REST calls it, what it had to be, what it was."""

    field: str
    expected: str
    found: str


class _Rule(NamedTuple):
    """A line of the table. fits: whether an order that gives the field may."""

    field: str
    fits: Callable[[Instructions], bool]
    expected: Callable[[Instructions], str]


def _left_out_of_type(one: Instructions) -> str:
    return f"left out of a {one.order_type.name} order"


def _in_no_auction(one: Instructions) -> bool:
    return one.time_in_force not in AUCTIONS


def _left_out_of_minimum(_one: Instructions) -> str:
    return "left out of an order with a minQuantity"


def _left_out_of_time(one: Instructions) -> str:
    return f"left out of an order that is {one.time_in_force.name}"


def _left_out_of_peg(one: Instructions) -> str:
    return f"left out of a {'' if one.peg is None else one.peg.peg_type.name} peg"


def _follows_from_behind(one: Instructions) -> bool:
    peg = one.peg
    return peg is None or peg.peg_type is not PegType.PRIMARY or sign(one.side) * peg.offset_micros <= 0


def _behind(one: Instructions) -> str:
    way = "0 or below" if is_buy(one.side) else "0 or above"
    return f"{way} of a PRIMARY peg that is {one.side.name}"


def _shows_its_price(one: Instructions) -> bool:
    return one.peg is None or one.peg.peg_type is not PegType.MIDPOINT


def _rests_beside_its_side(one: Instructions) -> bool:
    return one.peg is None or one.peg.peg_type is PegType.PRIMARY


# What these instructions are about rests at a price.
_RESTING: Final = (OrderType.LIMIT, OrderType.PEGGED)
# How each field is told, None where an order does not give it.
_GIVEN: Final[dict[str, Callable[[Instructions], str | None]]] = {
    "locateId": lambda one: one.locate_id or None,
    "displayQty": lambda one: str(one.display_quantity) if one.display_quantity else None,
    "postOnly": lambda one: "true" if one.post_only else None,
    "minQuantity": lambda one: str(one.min_quantity) if one.min_quantity else None,
    "peg": lambda one: (
        one.peg.peg_type.name if one.peg else ("none" if one.order_type is OrderType.PEGGED else None)
    ),
    "peg.offset": lambda one: (
        str(plain(dollars_of(one.peg.offset_micros))) if one.peg and one.peg.offset_micros else None
    ),
}
_TABLE: Final = (
    _Rule("locateId", lambda one: one.side in SHORTS, lambda one: f"left out of a {one.side.name} order"),
    _Rule("peg", lambda one: one.order_type is OrderType.PEGGED, _left_out_of_type),
    _Rule("peg", lambda one: one.peg is not None, lambda _one: "what the price of a PEGGED order follows"),
    # It would follow itself: its own price is the best of its side then.
    _Rule("peg.offset", _follows_from_behind, _behind),
    _Rule("peg.offset", _shows_its_price, _left_out_of_peg),
    _Rule("displayQty", lambda one: one.order_type in _RESTING, _left_out_of_type),
    _Rule("displayQty", _shows_its_price, _left_out_of_peg),
    _Rule("displayQty", lambda one: one.time_in_force in BOOKED, _left_out_of_time),
    _Rule("displayQty", lambda one: not one.min_quantity, _left_out_of_minimum),
    _Rule(
        "displayQty",
        lambda one: one.display_quantity >= one.round_lot,
        lambda one: f"at least a round lot of {one.round_lot}",
    ),
    _Rule(
        "displayQty",
        lambda one: one.display_quantity < one.quantity,
        lambda one: f"below the quantity {one.quantity}",
    ),
    _Rule("postOnly", lambda one: one.order_type in _RESTING, _left_out_of_type),
    _Rule("postOnly", _rests_beside_its_side, _left_out_of_peg),
    _Rule("postOnly", lambda one: one.time_in_force in BOOKED, _left_out_of_time),
    _Rule("postOnly", lambda one: not one.min_quantity, _left_out_of_minimum),
    # In a cross any part of an order may trade.
    _Rule("minQuantity", _in_no_auction, _left_out_of_time),
    # What takes nothing keeps no schedule.
    _Rule("postOnly", lambda one: not one.algo, lambda _one: "left out of an order with an algo"),
)


def instructions_of(terms: OrderTerms, round_lot: int = 1) -> Instructions:
    """Return what the table looks at of an order's terms."""
    return Instructions(
        side=terms.side,
        order_type=terms.order_type,
        time_in_force=terms.time_in_force,
        quantity=terms.quantity,
        min_quantity=terms.min_quantity,
        display_quantity=terms.display_quantity,
        post_only=terms.post_only,
        locate_id=terms.locate_id,
        algo=terms.algo is not None,
        round_lot=round_lot,
        peg=terms.peg,
    )


def unfit(one: Instructions) -> tuple[Unfit, ...]:
    """Return what of an order's instructions does not go together, of each field the first."""
    found: dict[str, Unfit] = {}
    for field, fits, expected in _TABLE:
        given = _GIVEN[field](one)
        if given is not None and field not in found and not fits(one):
            found[field] = Unfit(field, expected(one), given)
    return tuple(found.values())


# ---- algos

PARTICIPATION_BPS_MAX: Final = 10_000
URGENCY_MAX: Final = 10
SLICES_MAX: Final = 200
ALGO_ORDER_TYPES: Final = (OrderType.MARKET, OrderType.LIMIT)
# What a strategy must be given (True) or must not (False); what is not here may be.
_ALGO_NEEDS: Final = {
    AlgoStrategy.TWAP: {"urgency": False},
    AlgoStrategy.VWAP: {"urgency": False},
    AlgoStrategy.POV: {"urgency": False, "participation_bps": True},
    AlgoStrategy.IS: {"urgency": True},
}
# By the field's name at the doors: its name here, and its bounds where it is given.
_ALGO_BOUNDS: Final = {
    "participationBps": ("participation_bps", PARTICIPATION_BPS_MAX),
    "urgency": ("urgency", URGENCY_MAX),
    "slices": ("slices", SLICES_MAX),
}


def problem_of_algo(terms: OrderTerms) -> tuple[str, str] | None:
    """Return what is wrong with an order's algo: the field, as doors call it, and why; None for nothing."""
    algo = terms.algo
    if algo is None:
        return None
    if terms.order_type not in ALGO_ORDER_TYPES:
        return "orderType", f"must be MARKET or LIMIT of an order with an algo, was {terms.order_type.name}"
    if terms.time_in_force not in ALGO_TIMES_IN_FORCE:
        allowed = " or ".join(one.name for one in ALGO_TIMES_IN_FORCE)
        was = terms.time_in_force.name
        return "timeInForce", f"must be {allowed} of an order with an algo, was {was}"
    if terms.min_quantity:
        return "minQuantity", f"must be left out of an order with an algo, was {terms.min_quantity}"
    return problem_of_parameters(algo)


def problem_of_parameters(algo: Algo) -> tuple[str, str] | None:
    """Return what is wrong with an algo by itself: the field, as doors call it, and why; None for nothing."""
    strategy = algo.strategy
    for field, (name, most) in _ALGO_BOUNDS.items():
        value = getattr(algo, name)
        needed = _ALGO_NEEDS[strategy].get(name)
        if not 0 <= value <= most:
            return f"algo.{field}", f"must be 1 to {most}, was {value}"
        if needed is True and not value:
            return f"algo.{field}", f"is required for {strategy.name}"
        if needed is False and value:
            return f"algo.{field}", f"must be left out of {strategy.name}, was {value}"
    start, end = algo.start_at, algo.end_at
    if start is not None and end <= start:
        return "algo.endAt", f"must be after algo.startAt {start.isoformat()}, was {end.isoformat()}"
    return None
