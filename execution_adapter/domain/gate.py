"""The last check before the wire: what a plan asks of venues is what its client's order allows, and no more.

The law of this file: nothing that the router or core computed is believed. A plan is held to the order as the
gateway stored it and to what the order's other children have or may trade; a child is held, each time it is
about to be sent, to limits of our own, to the market, and to what a person has stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from execution_adapter.domain.venue_gate import VenueGate
from oms_platform.kill_switches import UNKNOWN_OWNER, FixedKills, KillBoard, Kills, KillSwitch, Owner
from oms_platform.market_rules import Ticks
from oms_platform.order_types import AUCTIONS, BOOKED, rests_in_sight
from oms_platform.sides import far, is_within, near, sign
from oms_platform.vocabulary import ChildTerms, ExecInst, OrderTerms, OrderType, Side

_SOH: Final = "\x01"
_BPS: Final = 10_000
# Kinds of orders that are counted until the oldest are forgotten.
_COUNTED_MAX: Final = 50_000


class Closes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order closes for a kill switch, as core's rows have it: signed shares that are held.

    held_then: when the order was decided. held: now, with applied_qty of what the order has executed in it.
    """

    switch_id: UUID
    held_then: int
    held: int
    applied_qty: int


class Parent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A client's order as the gateway stored it, and what became of its children.

    committed: by ClOrdID of each child, shares that are executed or may be. canceled_through,
    refused_through: the last attempt that a cancel ended, and the last of which a plan was refused. pegged:
    it is worked at a price that follows the market, and its limit, where there is one, bounds that. closes:
    of an order that is no client's, but a kill switch's.
    """

    account_id: str
    symbol: str
    side: Side
    quantity: int
    limit_price_micros: int | None
    closed: bool = False
    canceled_through: int = 0
    refused_through: int = 0
    committed: Mapping[str, int] = {}
    pegged: bool = False
    closes: Closes | None = None

    def allows_price(self, price_micros: int | None) -> bool:
        """Return whether the order may be worked at a limit."""
        limit = self.limit_price_micros
        if not self.pegged:
            return price_micros == limit
        return price_micros is not None and (limit is None or is_within(self.side, price_micros, limit))


# ---- plans


def problem_of(
    order_id: UUID,
    attempt: int,
    quantity: int,
    terms: OrderTerms,
    children: Sequence[ChildTerms],
    cl_ord_id_of: Callable[[int], str],
) -> str:
    """Return why these children must not be sent, as CODE: key=value; empty when they may.

    quantity: what the attempt may place. cl_ord_id_of: the ClOrdID that a leg must have.
    """
    if not terms.symbol or _SOH in terms.symbol:
        return f"GATE_SYMBOL: symbol={terms.symbol!r}"
    placed = sum([child.quantity for child in children])
    bound = min(quantity, terms.quantity)
    if placed > bound:
        return f"GATE_QUANTITY: children={placed}, allowed={bound}"
    seen: set[str] = set()
    for child in children:
        problem = _problem_of_child(child, order_id, attempt, terms)
        if problem:
            return problem
        expected = cl_ord_id_of(child.leg)
        if child.cl_ord_id != expected or expected in seen:
            return f"GATE_ID: cl_ord_id={child.cl_ord_id}, expected={expected} once"
        seen.add(expected)
    return ""


def problem_of_parent(
    parent: Parent | None, terms: OrderTerms, children: Sequence[ChildTerms], committed: int
) -> str:
    """Return why a plan does not fit the order that its client placed; empty when it does.

    committed: shares of the order that its other children have executed, or may.
    """
    # The quantity may be another since the plan was made: what is committed is held to the order's, below.
    if parent is None:
        return "GATE_ORDER: no client placed the order"
    for name, found, expected in (
        ("account_id", terms.account_id, parent.account_id),
        ("symbol", terms.symbol, parent.symbol),
        ("side", terms.side, parent.side),
    ):
        if found != expected:
            return f"GATE_ORDER: {name}={_text(found)}, the client asked for {_text(expected)}"
    limit = terms.limit_price_micros
    if not parent.allows_price(limit):
        return f"GATE_ORDER: limit_price_micros={limit}, the client asked for {parent.limit_price_micros}"
    if parent.closed:
        return "GATE_CLOSED: the order is over"
    placed = sum([child.quantity for child in children])
    if committed + placed > parent.quantity:
        return f"GATE_COMMITTED: children={placed}, committed={committed}, quantity={parent.quantity}"
    return "" if parent.closes is None else _problem_of_closing(parent, parent.closes, committed + placed)


def _problem_of_closing(parent: Parent, closes: Closes, may_trade: int) -> str:
    """Return how an order would not only close what is held. may_trade: what it has executed, or may."""
    way = sign(parent.side)
    held_then, held = -way * closes.held_then, -way * closes.held
    if parent.quantity > held_then:
        return f"GATE_FLATTEN: quantity={parent.quantity}, held={held_then} when it was decided"
    if may_trade - closes.applied_qty > max(0, held):
        return f"GATE_FLATTEN: may trade={may_trade - closes.applied_qty}, held={held}"
    return ""


def problem_of_price_change(parent: Parent | None, price_micros: int) -> str:
    """Return why a child of an order must not get another price where it is; empty when it may."""
    if parent is None:
        return "GATE_ORDER: no client placed the order"
    if not parent.pegged:
        return "GATE_ORDER: the price of the order's children does not change"
    if parent.closed:
        return "GATE_CLOSED: the order is over"
    if not parent.allows_price(price_micros):
        return f"GATE_LIMIT: micros={price_micros}, limit={parent.limit_price_micros}"
    return ""


def _problem_of_child(child: ChildTerms, order_id: UUID, attempt: int, terms: OrderTerms) -> str:
    leg = child.leg
    for name, found, expected in (
        ("order_id", child.order_id, order_id),
        ("attempt", child.attempt, attempt),
        ("account_id", child.account_id, terms.account_id),
        ("symbol", child.symbol, terms.symbol),
        ("side", child.side, terms.side),
        ("capacity", child.capacity, terms.capacity),
        ("locate_id", child.locate_id, terms.locate_id),
    ):
        if found != expected:
            return f"GATE_TERMS: leg={leg}, {name}={_text(found)}, expected={_text(expected)}"
    if leg <= 0 or child.quantity <= 0 or child.hold_ms < 0:
        return f"GATE_LEG: leg={leg}, quantity={child.quantity}, hold_ms={child.hold_ms}"
    if not 0 <= child.min_quantity <= child.quantity:
        return f"GATE_MINIMUM: leg={leg}, min_quantity={child.min_quantity}, quantity={child.quantity}"
    return _problem_of_instructions(child, terms) or _problem_of_price(child, terms)


def _problem_of_instructions(child: ChildTerms, terms: OrderTerms) -> str:
    """Return how a child takes what its order may not, or shows more than its order does."""
    leg, says = child.leg, child.exec_inst
    forces = (child.time_in_force, terms.time_in_force)
    if forces[0] is not forces[1] and not AUCTIONS.isdisjoint(forces):
        # What is for an auction trades there and nowhere else, and nothing else does.
        return f"GATE_AUCTION: leg={leg}, time_in_force={forces[0].name}, order={forces[1].name}"
    posts = says is ExecInst.PARTICIPATE_DONT_INITIATE
    if terms.post_only != posts or (posts and child.time_in_force not in BOOKED):
        told = "none" if says is None else says.name
        force = child.time_in_force.name
        return f"GATE_POST_ONLY: leg={leg}, exec_inst={told}, time_in_force={force}, order={terms.post_only}"
    shown = child.display_quantity or child.quantity
    may_show = terms.display_quantity or child.quantity
    rests = rests_in_sight(child.time_in_force, says)
    if shown > child.quantity or child.display_quantity < 0 or (rests and shown > may_show):
        return f"GATE_DISPLAY: leg={leg}, shown={shown}, quantity={child.quantity}, order={may_show}"
    return ""


def _problem_of_price(child: ChildTerms, terms: OrderTerms) -> str:
    leg, price = child.leg, child.limit_price_micros
    if child.order_type is not OrderType.LIMIT or price <= 0:
        return f"GATE_PRICE: leg={leg}, order_type={child.order_type.name}, micros={price}"
    limit = terms.limit_price_micros
    if limit is None and terms.order_type is not OrderType.LIMIT:
        return ""
    if limit is None or not is_within(terms.side, price, limit):
        return f"GATE_LIMIT: leg={leg}, micros={price}, limit={limit}"
    return ""


def _text(value: object) -> str:
    return value.name if isinstance(value, Side) else str(value)


# ---- children, each time one is about to be sent


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a symbol today. reference_micros: its price where there is no quote, None for none.

    ticks: the grid of its prices. halt: why it is halted, empty when it is not.
    """

    active: bool
    reference_micros: int | None
    ticks: Ticks = Ticks()
    halt: str = ""


class Touch(msgspec.Struct, frozen=True, gc=False):
    """The national best bid and offer, as far as somebody quotes them."""

    bid_micros: int | None = None
    offer_micros: int | None = None


class WireLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bounds of our own for one 35=D, whatever anybody else allows. 0: no bound.

    collar_bps: how far through the market its price may be. orders_per_s: of one session. repeats_per_s: of
    orders that are the same in account, venue, symbol, side, quantity and price.
    """

    quantity_max: int = 0
    notional_max_micros: int = 0
    collar_bps: int = 0
    orders_per_s: int = 0
    repeats_per_s: int = 0


UNLIMITED: Final = WireLimits()
_NO_TOUCH: Final = Touch()


class WireGate:
    """Holds each child to limits, market and switches. One thread only.

    kills: the switches and the limits of venues, asked anew for each child. owners: who asked for an order,
    as far as that matters; of one that is not there nobody knows, and what names somebody stops it. venues:
    what is held to limits of venues. closings: by order, the switch for which it closes a position.
    """

    def __init__(
        self,
        limits: WireLimits = UNLIMITED,
        touch_of: Callable[[str], Touch] = lambda _symbol: _NO_TOUCH,
        kills: KillBoard | None = None,
    ) -> None:
        self._limits = limits
        self._touch_of = touch_of
        self.kills: KillBoard = FixedKills() if kills is None else kills
        self.owners: dict[UUID, Owner] = {}
        self.venues = VenueGate()
        self.closings: dict[UUID, UUID] = {}
        # None: nothing is known of instruments, and they are not asked about.
        self.instruments: Mapping[str, Instrument] | None = None
        # (the second, how many in it), by venue and by what the same orders have in common.
        self._sent: dict[str, tuple[int, int]] = {}
        self._repeated: dict[tuple[object, ...], tuple[int, int]] = {}
        # Orders of which venues have, or had, more than was counted when their plans were let through.
        self._outgrown: dict[UUID, None] = {}

    def note_more(self, order_id: UUID) -> None:
        """More of an order turned out to be executed or at venues: what is not sent of it may be too much."""
        self._outgrown[order_id] = None
        if len(self._outgrown) > _COUNTED_MAX:
            del self._outgrown[next(iter(self._outgrown))]

    def note_counted(self, order_id: UUID) -> None:
        """All that venues have of an order was counted, with what is not sent yet: there is room for it."""
        self._outgrown.pop(order_id, None)

    def outgrown(self, child: ChildTerms) -> str:
        """Return why a child must not leave any more, as CODE: key=value; empty when it may."""
        if child.order_id not in self._outgrown:
            return ""
        return f"GATE_COMMITTED: children={child.quantity}, venues have more of the order than was counted"

    def refuses(self, child: ChildTerms, now_s: float, *, moves: bool = False) -> str:
        """Return why a child must not be sent now, as CODE: key=value; empty when it may.

        One that may be sent counts as sent. moves: its venue has it, and it is to get another price.
        """
        kills = self.kills.known()
        return (
            self._killed(child, kills)
            or self._beyond_limits(child)
            or self._beyond_market(child)
            or self._beyond_venue(child, kills, now_s, moves=moves)
            or self._too_often(child, now_s)
        )

    def _beyond_venue(self, child: ChildTerms, kills: Kills, now_s: float, *, moves: bool) -> str:
        limits = kills.limits
        if limits is None:
            return ""
        owner = self.owners.get(child.order_id)
        if owner is None and limits.names_owners:
            return "GATE_VENUE_LIMIT: a limit names a trader or a strategy, and nobody knows the order's yet"
        thing = kills.thing(child.account_id, child.symbol, owner or UNKNOWN_OWNER, child.venue_id)
        return self.venues.refuses(child, limits.asked(thing), now_s, moves=moves)

    def _killed(self, child: ChildTerms, kills: Kills) -> str:
        if kills.unread:
            return f"GATE_KILL_UNREAD: {kills.unread}"
        closes_for = self.closings.get(child.order_id)
        if closes_for is not None and not kills.lets_close(closes_for):
            return f"GATE_FLATTEN: switch={closes_for} is not set to close positions"
        found = next((switch for switch in kills.switches if self.is_stopped(child, switch)), None)
        return "" if found is None else f"GATE_KILLED: {found}"

    def is_stopped(self, child: ChildTerms, switch: KillSwitch) -> bool:
        """Return whether a switch stops a child; of what closes for a switch, only one that names a venue."""
        if not switch.scope.venue and self.kills.known().lets_close(self.closings.get(child.order_id)):
            return False
        owner = self.owners.get(child.order_id, UNKNOWN_OWNER)
        return switch.stops(self.kills.known().thing(child.account_id, child.symbol, owner, child.venue_id))

    def _beyond_limits(self, child: ChildTerms) -> str:
        limits, notional = self._limits, child.quantity * child.limit_price_micros
        if limits.quantity_max and child.quantity > limits.quantity_max:
            return f"GATE_SIZE: quantity={child.quantity}, limit={limits.quantity_max}"
        if limits.notional_max_micros and notional > limits.notional_max_micros:
            return f"GATE_NOTIONAL: micros={notional}, limit={limits.notional_max_micros}"
        return ""

    def _beyond_market(self, child: ChildTerms) -> str:
        reference = None
        if self.instruments is not None:
            instrument = self.instruments.get(child.symbol)
            if instrument is None or not instrument.active:
                return f"GATE_HALTED: symbol={child.symbol}"
            if instrument.halt:
                return f"GATE_HALTED: symbol={child.symbol}, reason={instrument.halt}"
            reference = instrument.reference_micros
            price, tick = child.limit_price_micros, instrument.ticks.at(child.limit_price_micros)
            if price % tick:
                return f"GATE_TICK: micros={price}, tick={tick}"
        if not self._limits.collar_bps:
            return ""
        touch, side = self._touch_of(child.symbol), child.side
        market = far(side, touch.bid_micros, touch.offer_micros) or near(
            side, touch.bid_micros, touch.offer_micros
        )
        market = market or reference
        if market is None:
            return f"GATE_COLLAR: no price of {child.symbol} is known"
        away = market * self._limits.collar_bps // _BPS
        bound = market + sign(side) * away
        price = child.limit_price_micros
        if not is_within(side, price, bound):
            return f"GATE_COLLAR: micros={price}, market={market}, bound={bound}"
        return ""

    def _too_often(self, child: ChildTerms, now_s: float) -> str:
        limits, second = self._limits, int(now_s)
        at, sent = self._sent.get(child.venue_id, (second, 0))
        sent = sent if at == second else 0
        if limits.orders_per_s and sent >= limits.orders_per_s:
            return f"GATE_RATE: venue={child.venue_id}, orders_per_s={limits.orders_per_s}"
        if limits.repeats_per_s:
            key = (
                child.account_id,
                child.venue_id,
                child.symbol,
                child.side,
                child.quantity,
                child.limit_price_micros,
            )
            at, same = self._repeated.get(key, (second, 0))
            same = same if at == second else 0
            if same >= limits.repeats_per_s:
                return f"GATE_REPEATED: same orders in a second={same}, limit={limits.repeats_per_s}"
            if len(self._repeated) >= _COUNTED_MAX:
                self._repeated.clear()
            self._repeated[key] = (second, same + 1)
        self._sent[child.venue_id] = (second, sent + 1)
        return ""
