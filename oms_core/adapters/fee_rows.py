"""The rows of the fee schedules and of the charges, as core reads them."""

from typing import Final

from oms_core.domain.fees import Charge, ChargeKind, FeeBook, VenueFees
from oms_platform.postgres import Connection
from oms_platform.prices import micros_of
from oms_platform.vocabulary import Side

_SCHEDULES: Final = (
    "SELECT venue_id, effective_from, add_fee, remove_fee, routed_fee, auction_fee FROM fee_schedules"
)
_CHARGES: Final = (
    "SELECT charge, kind, effective_from, ends_on, account_id, venue_id, side, a_share, basis_points, least,"
    " most FROM charges"
)


def read_fees(connection: Connection) -> FeeBook:
    """Read every schedule and every charge that is stored."""
    schedules = [
        VenueFees(
            venue_id=venue_id,
            effective_from=effective_from,
            added_micros=micros_of(added),
            removed_micros=micros_of(removed),
            routed_micros=None if routed is None else micros_of(routed),
            auction_micros=None if auction is None else micros_of(auction),
        )
        for venue_id, effective_from, added, removed, routed, auction in connection.execute(_SCHEDULES)
    ]
    charges = [
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
        ) in connection.execute(_CHARGES)
    ]
    return FeeBook(schedules, charges)
