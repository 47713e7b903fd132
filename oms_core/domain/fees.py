"""What an execution is charged: its venue's access fee or rebate, commissions, and fees of the regulator.

The law of this file: a fee is a function of the execution's terms and of the schedule that was in force on
its day, and of nothing else. Each charge of an execution is rounded to the micro by itself, half to even, and
then held to its least and its most. Amounts are micros, a rebate is below 0. docs/positions.md
"""

import enum
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct

from oms_platform.prices import average_micros, micros_of
from oms_platform.sides import is_buy
from oms_platform.vocabulary import Side

# LastLiquidityInd (851). What a venue does not say, or says otherwise, is charged as having removed.
ADDED: Final = 1
REMOVED: Final = 2
ROUTED: Final = 3
AUCTION: Final = 4
Row = Sequence[Any]
# A basis point is a ten thousandth; rates are millionths of it.
_RATE_DIVISOR: Final = 10_000 * 1_000_000
# No execution is charged more than a billion dollars, or given more: price and shares may be absurd, and the
# fee has to fit its field.
FEE_MAX: Final = 10**15
# Days, venues and accounts whose charges are remembered.
_REMEMBERED_MAX: Final = 10_000


class ChargeKind(enum.Enum):
    """Who is paid. Of commissions an account's own stand in place of everybody's; the others add up."""

    COMMISSION = "COMMISSION"
    REGULATORY = "REGULATORY"


class VenueFees(Struct, frozen=True, kw_only=True, gc=False):
    """Micros a share that a venue takes from a day on, by who brought liquidity; None: as for removing."""

    venue_id: str
    effective_from: date
    added_micros: int
    removed_micros: int
    routed_micros: int | None = None
    auction_micros: int | None = None

    def a_share(self, last_liquidity: int) -> int:
        """Return the micros of a share by LastLiquidityInd."""
        if last_liquidity == ADDED:
            return self.added_micros
        found = {ROUTED: self.routed_micros, AUCTION: self.auction_micros}.get(last_liquidity)
        return self.removed_micros if found is None else found


class Charge(Struct, frozen=True, kw_only=True, gc=False):
    """What executions are charged besides, from a day until another, or until the next of its name.

    account_id, venue_id: empty for every one. side: None for both. rate: millionths of a basis point of the
    notional. least_micros, most_micros: of an execution; most None for no bound. ends_on: the first day on
    which it is not charged any more.
    """

    name: str
    kind: ChargeKind
    effective_from: date
    ends_on: date | None = None
    account_id: str = ""
    venue_id: str = ""
    side: Side | None = None
    share_micros: int = 0
    rate: int = 0
    least_micros: int = 0
    most_micros: int | None = None

    def fee(self, quantity: int, notional_micros: int) -> int:
        """Return what an execution is charged, in micros."""
        micros = self.share_micros * quantity + average_micros(notional_micros * self.rate, _RATE_DIVISOR)
        micros = max(micros, self.least_micros)
        return micros if self.most_micros is None else min(micros, self.most_micros)


class FeeBook:
    """The schedules of every venue, and the charges, by day."""

    def __init__(self, venues: Iterable[VenueFees] = (), charges: Iterable[Charge] = ()) -> None:
        self._venues = sorted(venues, key=lambda one: one.effective_from)
        self._charges = sorted(charges, key=lambda one: one.effective_from)
        self._found: dict[tuple[str, str, bool, date], tuple[VenueFees | None, tuple[Charge, ...]]] = {}

    def fee(
        self,
        *,
        account_id: str,
        venue_id: str,
        side: Side,
        quantity: int,
        price_micros: int,
        last_liquidity: int,
        day: date,
    ) -> int:
        """Return what an execution of a day is charged, in micros; one of no shares is charged nothing."""
        if not quantity:
            return 0
        key = account_id, venue_id, is_buy(side), day
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED_MAX:
                self._found.clear()
            found = self._found[key] = self._in_force(account_id, venue_id, side, day)
        venue, charges = found
        micros = 0 if venue is None else venue.a_share(last_liquidity) * quantity
        notional = quantity * price_micros
        for charge in charges:
            micros += charge.fee(quantity, notional)
        return max(-FEE_MAX, min(micros, FEE_MAX))

    def _in_force(
        self, account_id: str, venue_id: str, side: Side, day: date
    ) -> tuple[VenueFees | None, tuple[Charge, ...]]:
        venues = [one for one in self._venues if one.venue_id == venue_id and one.effective_from <= day]
        newest = {one.name: one for one in self._charges if one.effective_from <= day}
        fitting = [
            one
            for one in newest.values()
            if (one.ends_on is None or day < one.ends_on)
            and one.account_id in ("", account_id)
            and one.venue_id in ("", venue_id)
            and (one.side is None or is_buy(one.side) == is_buy(side))
        ]
        has_own = any(one.kind is ChargeKind.COMMISSION and one.account_id for one in fitting)
        charged = tuple(
            one
            for one in fitting
            if not (has_own and one.kind is ChargeKind.COMMISSION and not one.account_id)
        )
        return venues[-1] if venues else None, charged


def book_of(schedules: Iterable[Row], charges: Iterable[Row]) -> FeeBook:
    """Return the book of stored rows.

    schedules: of `fee_schedules`: venue, date, dollars a share for adding, removing, routing on (or None) and
    auctions (or None). charges: of `charges`, its columns in the order of Charge's names.
    """
    venues = [
        VenueFees(
            venue_id=venue_id,
            effective_from=effective_from,
            added_micros=micros_of(added),
            removed_micros=micros_of(removed),
            routed_micros=None if routed is None else micros_of(routed),
            auction_micros=None if auction is None else micros_of(auction),
        )
        for venue_id, effective_from, added, removed, routed, auction in schedules
    ]
    others = [
        Charge(
            name=name,
            kind=ChargeKind(kind),
            effective_from=effective_from,
            ends_on=ends_on,
            account_id=account_id or "",
            venue_id=venue_id or "",
            side=None if side is None else Side[side],
            share_micros=micros_of(a_share),
            # Millionths of a basis point are to it what micros are to a dollar.
            rate=micros_of(basis_points),
            least_micros=micros_of(least),
            most_micros=None if most is None else micros_of(most),
        )
        for (
            name,
            kind,
            effective_from,
            ends_on,
            account_id,
            venue_id,
            side,
            a_share,
            basis_points,
            least,
            most,
        ) in charges
    ]
    return FeeBook(venues, others)
