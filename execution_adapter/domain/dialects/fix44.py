"""FIX 4.4 as our venues speak it: what is asked of them, as the fields of a message's body.

The law of this file: a price is written exactly, without exponent and without zeros that say nothing.
"""

from typing import Final

from oms_platform.prices import MICROS
from oms_platform.vocabulary import ChildTerms, OrderType, Side, TimeInForce

BEGIN_STRING: Final = "FIX.4.4"
SOH: Final = "\x01"
_SIDES: Final = {Side.BUY: "1", Side.SELL: "2"}
_TIMES_IN_FORCE: Final = {
    TimeInForce.DAY: "0",
    TimeInForce.GTC: "1",
    TimeInForce.IOC: "3",
    TimeInForce.FOK: "4",
}


def decimal_text(micros: int) -> str:
    """Write a price that is not negative as a FIX Price."""
    whole, part = divmod(micros, MICROS)
    return f"{whole}.{part:06d}".rstrip("0") if part else str(whole)


def new_order_single(child: ChildTerms, sent_at: str) -> str:
    """Write the body of 35=D. MinQty (110) is left out where any quantity may trade."""
    price = ""
    if child.order_type is OrderType.LIMIT:
        price = f"44={decimal_text(child.limit_price_micros)}{SOH}"
    minimum = f"110={child.min_quantity}{SOH}" if child.min_quantity > 0 else ""
    return (
        f"11={child.cl_ord_id}{SOH}21=1{SOH}38={child.quantity}{SOH}40={'2' if price else '1'}{SOH}{price}"
        f"54={_SIDES[child.side]}{SOH}55={child.symbol}{SOH}59={_TIMES_IN_FORCE[child.time_in_force]}{SOH}"
        f"60={sent_at}{SOH}{minimum}"
    )


def order_cancel_request(child: ChildTerms, cl_ord_id: str, sent_at: str) -> str:
    """Write the body of 35=F."""
    return (
        f"11={cl_ord_id}{SOH}38={child.quantity}{SOH}41={child.cl_ord_id}{SOH}54={_SIDES[child.side]}{SOH}"
        f"55={child.symbol}{SOH}60={sent_at}{SOH}"
    )


def order_status_request(child: ChildTerms, ask_id: str) -> str:
    """Write the body of 35=H."""
    return f"11={child.cl_ord_id}{SOH}54={_SIDES[child.side]}{SOH}55={child.symbol}{SOH}790={ask_id}{SOH}"
