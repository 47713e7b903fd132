"""What kill switches mean to core: what is denied, what waits, what is taken out of the market. Pure.

The law of this file: an order that a switch stops is denied when it is new, waits when it is not, and is
canceled when the switch cancels. An order by which a switch closes a position is none of these while that
switch is set, and is canceled when it is released. While nobody knows what is stopped, nothing is denied for
it and everything waits.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from msgspec.structs import replace

from oms_core.domain.denials import DenialCode
from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle, Pending
from oms_platform.kill_switches import NO_KILLS, Kills, KillSwitch, Stage
from oms_platform.vocabulary import OrderTerms


def stopping(kills: Kills, terms: OrderTerms, of: Order | None) -> KillSwitch | None:
    """Return the switch that stops an order, None when none does. of: the order that is to become it.

    What only makes an order smaller puts nothing more into the market, and is let through.
    """
    if of is not None and only_smaller(of.terms, terms):
        return None
    return kills.order_stop(terms)


def only_smaller(before: OrderTerms, after: OrderTerms) -> bool:
    """Return whether an order differs from what it was by having fewer shares, and by nothing else."""
    return after.quantity < before.quantity and after == replace(before, quantity=after.quantity)


def reason_of(switch: KillSwitch) -> str:
    """Return why an order was canceled, as its events say it."""
    return f"{DenialCode.KILLED.name}: {switch}"


def why_canceled(kills: Kills, terms: OrderTerms) -> str | None:
    """Return why an order is to be taken out of the market, as its events say it; None when it is not."""
    if outlived(kills, terms):
        return f"RELEASED: switch={terms.closes_for}, nothing more is closed for it"
    switch = kills.order_cancel(terms)
    return None if switch is None else reason_of(switch)


def outlived(kills: Kills, terms: OrderTerms) -> bool:
    """Return whether an order closes a position for a switch that is not set any more."""
    return terms.closes_for is not None and not kills.unread and not kills.lets_close(terms.closes_for)


def waits(kills: Kills, terms: OrderTerms) -> bool:
    """Return whether no route of an order may be asked for."""
    if not kills.switches and not kills.unread and terms.closes_for is None:
        return False  # what is nearly always so, asked of each event
    return bool(kills.unread) or outlived(kills, terms) or kills.order_stop(terms) is not None


@dataclass(slots=True)
class Found:
    """What there is to do: orders to cancel, to go on with.

    switches: that are new, or at a new stage. covered: (switch, order, name) that a new one found
    live, of the order an empty name, and those of its children.
    """

    switches: list[KillSwitch] = field(default_factory=list)
    covered: list[tuple[UUID, UUID, str]] = field(default_factory=list)
    to_cancel: list[UUID] = field(default_factory=list)
    to_release: list[UUID] = field(default_factory=list)


class KillWatch:
    """Finds what has to be done about live orders when the switches change. One thread only."""

    def __init__(self) -> None:
        self._seen = NO_KILLS
        self._stages: dict[UUID, Stage] = {}
        # Whether nothing was held to switches yet in this life of core.
        self._first = True
        # Whether orders wait because nobody knew what is stopped.
        self._unread = False

    def changed(self, kills: Kills) -> bool:
        """Return whether there is anything to be done since the last time."""
        if kills.unread:
            self._unread = True
            return False
        return self._unread or kills is not self._seen

    def take(self, kills: Kills, orders: Iterable[Order]) -> Found:
        """Return what has to be done about live orders, and take these switches as seen."""
        before, stages, unread = self._seen, self._stages, self._unread
        # Accounts or symbols are within other scopes than they were.
        moved = bool(before.switches) and not kills.names_as(before)
        self._seen, self._unread = kills, False
        self._stages = {switch.switch_id: switch.stage for switch in kills.switches}
        new = [switch for switch in kills.switches if switch.switch_id not in stages]
        rising = [
            one
            for one in kills.switches
            if one.cancels and (moved or stages.get(one.switch_id) is not one.stage)
        ]
        gone = [switch for switch in before.switches if switch.switch_id not in self._stages]
        first, self._first = self._first, False
        found = Found([one for one in kills.switches if stages.get(one.switch_id) is not one.stage])
        if not (new or rising or gone or unread or moved or first):
            return found
        for order in orders:
            terms = order.terms
            if outlived(kills, terms):
                if is_to_be_canceled(order):
                    found.to_cancel.append(order.order_id)
                continue
            for switch in new:
                if kills.stops(switch, terms):
                    names = ["", *(name for name, child in order.children.items() if child.live)]
                    found.covered += [(switch.switch_id, order.order_id, name) for name in names]
            if rising and is_to_be_canceled(order) and kills.order_cancel(terms) is not None:
                found.to_cancel.append(order.order_id)
            elif unread or moved or any(before.stops(switch, terms) for switch in gone):
                found.to_release.append(order.order_id)
        return found


def is_to_be_canceled(order: Order) -> bool:
    """Return whether an order is in the market and no cancel of it was taken."""
    return order.lifecycle is Lifecycle.LIVE and order.pending is not Pending.CANCEL and order.cancel is None
