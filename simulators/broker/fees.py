"""What a venue takes for a trade, or gives for it: dollars a share by who added and who removed liquidity."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

# LastLiquidityInd (851).
ADDED: Final = 1
REMOVED: Final = 2
AUCTION: Final = 4
_FEE_MAX: Final = Decimal(10)
_PARTS: Final = 3


class FeeSchedule(NamedTuple):
    """Dollars a share for who added, who removed, and who traded in a cross; below 0 it is a rebate."""

    added: Decimal
    removed: Decimal
    auction: Decimal

    def fee_text(self, quantity: int, liquidity: int) -> str:
        """Return a trade's fee in dollars as text. Raises KeyError for a liquidity (851) that has none."""
        a_share = {ADDED: self.added, REMOVED: self.removed, AUCTION: self.auction}[liquidity]
        return plain(a_share * quantity)


def plain(amount: Decimal) -> str:
    """Return an amount without an exponent, without zeros at its end and never as -0."""
    return f"{amount.normalize() + 0:f}"


def returned(fee: str) -> str:
    """Return what is given back of a fee: as much, the other way."""
    return plain(-Decimal(fee)) if fee else ""


def fees_of(text: str) -> Mapping[str, FeeSchedule]:
    """Read `XNYS=-0.0020/0.0030/0.0010,…` (added/removed/cross), "" for no venue. Raises ValueError."""
    schedules = {}
    for part in filter(None, text.split(",")):
        venue_id, _, amounts = part.strip().partition("=")
        try:
            fees = [Decimal(amount) for amount in amounts.split("/")]
        except InvalidOperation:
            fees = []
        if not venue_id or len(fees) != _PARTS or not all(_is_fee(fee) for fee in fees):
            raise ValueError(f"fees must be VENUE=ADDED/REMOVED/CROSS in dollars a share, was {part!r}")
        schedules[venue_id] = FeeSchedule(*fees)
    return schedules


def _is_fee(fee: Decimal) -> bool:
    return fee.is_finite() and abs(fee) <= _FEE_MAX
