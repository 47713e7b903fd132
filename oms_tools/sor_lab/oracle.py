"""The oracle that sees everything, and a bound that nothing can beat.

The law of this file: both know the true books, hidden and dark sizes included. Supply at different venues is
separable in the lab (a take at one venue adds nothing at another), so taking the cheapest all-in shares first
is exact: no other plan for the same shares costs less.

*oracle*: one shot at arrival. It reaches each venue when its child would (decision, wire and venue latency)
and meets what is there then: displayed, hidden and dark. What nobody has is marked at the end like
everybody's rest. It is the least that marketable flow can cost at that moment, and the yardstick of the
captured fraction.

*bound*: the same with hindsight over the whole horizon. Every share that was ever on offer is bought at its
price; a share may also rest at the best price at which anything traded, or be marked at the far touch of the
end. Each is a relaxation of what routers do, so no router's cost of an order is below it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.exchange import TICK_DOLLARS, Delays, Exchange, Fill, LegResult
from oms_tools.sor_lab.flow import LabOrder
from oms_tools.sor_lab.session import Outcome, settle
from oms_tools.sor_lab.world import Episode, Side
from sor_engine.domain.plan import Leg

_WITHOUT_END: Final = 2**62


class Supply(NamedTuple):
    """Shares on offer: signed all-in dollars a share (lower is better), shares, and where they come from.

    price2: twice the price in ticks. lit: whether the venue displays.
    """

    all_in: float
    quantity: int
    venue_id: str
    price2: int
    at_us: int
    fee: float
    lit: bool


def at_arrival(order: LabOrder, episode: Episode, delays: Delays) -> Outcome:
    """Return what the oracle makes of an order."""
    exchange = Exchange(episode, delays, buy=order.buy)
    left, fills = order.quantity, []
    for supply in sorted(_now(order, exchange)):
        taken = min(left, supply.quantity)
        if not taken:
            break
        left -= taken
        fills.append(Fill(supply.at_us, supply.venue_id, taken, supply.price2, supply.fee))
        if supply.lit:
            exchange.take_share(supply.venue_id, supply.price2 // 2, taken, supply.at_us)
    result = LegResult(Leg("", order.quantity, 0, TimeInForce.IOC), tuple(fills), 0, rejected=False)
    return settle(order, exchange, [result], routes=1)


def _now(order: LabOrder, exchange: Exchange) -> Iterator[Supply]:
    side = 1 if order.buy else -1
    for name, lit in exchange.lit.items():
        at_us = exchange.delays.internal_us + exchange.latency_us(name)
        fee = float(lit.remove_fee)
        for price, size, hidden in exchange.levels(name, at_us, ask=order.buy):
            if _inside(order, 2 * price):
                all_in = side * price * TICK_DOLLARS + fee
                yield Supply(all_in, size + hidden, name, 2 * price, at_us, fee, True)
    for name, dark in exchange.dark.items():
        at_us = exchange.delays.internal_us + exchange.latency_us(name)
        mid2, fee = exchange.mid2(at_us), float(dark.fee)
        for contra in exchange.episode.contras[name, order.buy]:
            if contra.from_us <= at_us <= contra.to_us and _inside(order, mid2):
                yield Supply(
                    side * mid2 * TICK_DOLLARS / 2 + fee, contra.quantity, name, mid2, at_us, fee, False
                )


def _inside(order: LabOrder, price2: int) -> bool:
    if order.limit is None:
        return True
    return price2 <= 2 * order.limit if order.buy else price2 >= 2 * order.limit


def bound_cost(order: LabOrder, episode: Episode) -> float:
    """Return a cost in dollars that no router can go below on this order."""
    exchange = Exchange.watching(episode)
    side = 1 if order.buy else -1
    supplies = sorted(
        [*_ever_lit(order, exchange), *_ever_dark(order, exchange), *_without_end(order, exchange)]
    )
    dollars, left = 0.0, order.quantity
    for all_in, quantity in sorted(supplies):
        taken = min(left, quantity)
        dollars += taken * all_in
        left -= taken
        if not left:
            break
    return dollars - side * order.quantity * exchange.mid2(0) * TICK_DOLLARS / 2


def _during(side: Side, horizon_us: int) -> Iterator[tuple[int, int, int]]:
    """Yield every level that is there at some time from arrival to the horizon."""
    yield from side.at(0).levels
    for snapshot in side.snapshots:
        if 0 < snapshot.at_us <= horizon_us:
            yield from snapshot.levels


def _ever_lit(order: LabOrder, exchange: Exchange) -> Iterator[tuple[float, int]]:
    side = 1 if order.buy else -1
    for name, lit in exchange.lit.items():
        most: dict[int, int] = {}
        for price, size, hidden in _during(
            exchange.episode.sides[name, order.buy], exchange.episode.horizon_us
        ):
            most[price] = max(most.get(price, 0), size + hidden)
        for price, shares in most.items():
            yield side * price * TICK_DOLLARS + float(lit.remove_fee), shares


def _ever_dark(order: LabOrder, exchange: Exchange) -> Iterator[tuple[float, int]]:
    """Offer each dark interest at a mid that the market never beats: best bid and best offer of the
    horizon."""
    side, horizon_us = 1 if order.buy else -1, exchange.episode.horizon_us
    near, far = [], []
    for name in exchange.lit:
        tops = {}
        for ask in (False, True):
            path = exchange.episode.sides[name, ask]
            shots = [path.at(0), *[shot for shot in path.snapshots if 0 < shot.at_us <= horizon_us]]
            tops[ask] = [side * shot.levels[0].price for shot in shots]
        near.append(min(tops[not order.buy]))
        far.append(min(tops[order.buy]))
    mid2 = max(near) + min(far)
    for name, dark in exchange.dark.items():
        for contra in exchange.episode.contras[name, order.buy]:
            if contra.to_us >= 0:
                yield mid2 * TICK_DOLLARS / 2 + float(dark.fee), contra.quantity


def _without_end(order: LabOrder, exchange: Exchange) -> Iterator[tuple[float, int]]:
    """Offer what has no size: the mark at the end, and for orders that may wait, resting."""
    side, episode = 1 if order.buy else -1, exchange.episode
    take_fee = min([float(lit.remove_fee) for lit in exchange.lit.values()])
    tops = [
        side * levels[0].price
        for name in exchange.lit
        if (levels := exchange.levels(name, episode.horizon_us, ask=order.buy))
    ]
    yield min(tops) * TICK_DOLLARS + take_fee, _WITHOUT_END
    if order.tif is TimeInForce.IOC:
        return
    traded = [
        side * outflow.price
        for name in exchange.lit
        for outflow in episode.sides[name, not order.buy].outflows
        if outflow.trade and 0 <= outflow.at_us <= episode.horizon_us
    ]
    crossed = [
        side * (moment.ask if order.buy else moment.bid)
        for moment in (episode.best_at(0), *episode.best)
        if moment.at_us >= 0 or moment is episode.best_at(0)
    ]
    add_fee = min([float(lit.add_fee) for lit in exchange.lit.values()])
    yield min([*traded, *crossed]) * TICK_DOLLARS + add_fee, _WITHOUT_END
