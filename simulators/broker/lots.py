"""Round lots: how many shares are one, and which quantities a venue takes."""

import enum
from collections.abc import Mapping
from typing import Final

ROUND_LOT: Final = 100
_LOT_MAX: Final = 1_000_000


class LotRule(str, enum.Enum):
    """ANY: every quantity. NO_MIXED: whole lots, or less than one. ROUND_ONLY: whole lots."""

    ANY = "ANY"
    NO_MIXED = "NO_MIXED"
    ROUND_ONLY = "ROUND_ONLY"


def wrong_lot(quantity: int, lot: int, rule: LotRule) -> str | None:
    """Return why a venue does not take a quantity, None when it does."""
    if rule is LotRule.ANY or quantity % lot == 0:
        return None
    if quantity < lot:
        return None if rule is LotRule.NO_MIXED else f"odd lot: order_qty must be a multiple of {lot}"
    return f"mixed lot: order_qty must be a multiple of {lot}"


def lots_of(text: str) -> Mapping[str, int]:
    """Read `BRK.A=1,…`: the symbols whose round lot is not 100 shares. Raises ValueError."""
    lots = {}
    for part in filter(None, text.split(",")):
        symbol, _, shares = part.strip().partition("=")
        if not symbol or not shares.isascii() or not shares.isdigit() or not 0 < int(shares) <= _LOT_MAX:
            raise ValueError(f"round_lots must be SYMBOL=SHARES, was {part!r}")
        lots[symbol] = int(shares)
    return lots
