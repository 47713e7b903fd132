"""What a dialect is: how a family of venues is asked for things. Reports are read whoever wrote them.

The law of these files: a price is written exactly, without exponent and without zeros that say nothing.
"""

from datetime import datetime
from typing import Final, Protocol

from msgspec.structs import replace

from oms_platform.fix.symbols import split_symbol
from oms_platform.prices import MICROS
from oms_platform.sides import CODES, SHORTS
from oms_platform.vocabulary import ChildTerms, ExecInst, OrderCapacity, OrderType, TimeInForce

SOH: Final = "\x01"
TIMES_IN_FORCE: Final = {
    TimeInForce.DAY: "0",
    TimeInForce.GTC: "1",
    TimeInForce.IOC: "3",
    TimeInForce.FOK: "4",
    TimeInForce.OPG: "2",
    TimeInForce.CLO: "7",
}
EXEC_INSTS: Final = {
    ExecInst.INTERMARKET_SWEEP: "f",
    ExecInst.MIDPOINT_PEG: "M",
    ExecInst.PARTICIPATE_DONT_INITIATE: "6",
}
CAPACITIES: Final = {
    OrderCapacity.AGENCY: "A",
    OrderCapacity.PRINCIPAL: "P",
    OrderCapacity.RISKLESS_PRINCIPAL: "R",
}
# Where venues that take a short sale's locate look for its id: FIX 4.4 has no field for it.
LOCATE_ID_TAG: Final = 5700
ORD_TYPES: Final = {OrderType.MARKET: "1", OrderType.LIMIT: "2"}
_PEGGED: Final = "P"


class Dialect(Protocol):
    """A module for each family. Bodies are fields as text, each with its separator.

    cl_ord_id, orig_cl_ord_id: as the venue is to see them. sent_at: what `timestamp` wrote. suffixed: a share
    class goes into SymbolSfx (65).
    """

    BEGIN_STRING: str

    def timestamp(self, at: datetime) -> str:
        """Write a UTCTimestamp as precisely as the family allows."""

    def new_order_single(
        self, child: ChildTerms, cl_ord_id: str, sent_at: str, *, suffixed: bool = False
    ) -> str:
        """Write the body of 35=D. MinQty (110) is left out where any quantity may trade."""

    def order_cancel_request(
        self, child: ChildTerms, orig_cl_ord_id: str, cl_ord_id: str, sent_at: str, *, suffixed: bool = False
    ) -> str:
        """Write the body of 35=F."""

    def order_cancel_replace_request(
        self,
        child: ChildTerms,
        orig_cl_ord_id: str,
        cl_ord_id: str,
        quantity: int,
        sent_at: str,
        *,
        suffixed: bool = False,
    ) -> str:
        """Write the body of 35=G. quantity: its OrderQty then, what is executed included."""

    def order_status_request(
        self, child: ChildTerms, cl_ord_id: str, ask_id: str, *, suffixed: bool = False
    ) -> str:
        """Write the body of 35=H. ask_id: names the question, where the family has a field for that."""


def decimal_text(micros: int) -> str:
    """Write a price that is not negative as a FIX Price."""
    whole, part = divmod(micros, MICROS)
    return f"{whole}.{part:06d}".rstrip("0") if part else str(whole)


def symbol_fields(symbol: str, *, suffixed: bool) -> str:
    """Write a symbol, whole or with its share class in a field of its own."""
    root, suffix = split_symbol(symbol) if suffixed else (symbol, "")
    return f"55={root}{SOH}65={suffix}{SOH}" if suffix else f"55={root}{SOH}"


def order_fields(
    child: ChildTerms, cl_ord_id: str, sent_at: str, *, suffixed: bool = False, capacity_tag: int
) -> str:
    """Write what every family's 35=D has. capacity_tag: of the field that says for whom we trade.

    An order at the middle is a pegged one (40=P, 18=M), its limit the price that it never goes beyond. Of a
    short sale no venue is to find the shares (114=N); where they are borrowed is said in LOCATE_ID_TAG.
    """
    price = ""
    if child.order_type is OrderType.LIMIT:
        price = f"44={decimal_text(child.limit_price_micros)}{SOH}"
    minimum = f"110={child.min_quantity}{SOH}" if child.min_quantity > 0 else ""
    says = "" if child.exec_inst is None else f"18={EXEC_INSTS[child.exec_inst]}{SOH}"
    kind = _PEGGED if child.exec_inst is ExecInst.MIDPOINT_PEG else ORD_TYPES[child.order_type]
    return (
        f"11={cl_ord_id}{SOH}{says}21=1{SOH}38={child.quantity}{SOH}40={kind}{SOH}{price}"
        f"54={CODES[child.side]}{SOH}{symbol_fields(child.symbol, suffixed=suffixed)}"
        f"59={TIMES_IN_FORCE[child.time_in_force]}{SOH}60={sent_at}{SOH}{minimum}"
        f"{_instruction_fields(child, capacity_tag)}"
    )


def _instruction_fields(child: ChildTerms, capacity_tag: int) -> str:
    """Write what a client's instructions add, most often nothing."""
    fields = f"111={child.display_quantity}{SOH}" if child.display_quantity else ""
    if child.capacity is not None:
        fields += f"{capacity_tag}={CAPACITIES[child.capacity]}{SOH}"
    if child.side in SHORTS:
        fields += f"114=N{SOH}"
        if child.locate_id:
            fields += f"{LOCATE_ID_TAG}={child.locate_id}{SOH}"
    return fields


def cancel_fields(
    child: ChildTerms, orig_cl_ord_id: str, cl_ord_id: str, sent_at: str, *, suffixed: bool = False
) -> str:
    """Write what every family's 35=F has."""
    return (
        f"11={cl_ord_id}{SOH}38={child.quantity}{SOH}41={orig_cl_ord_id}{SOH}54={CODES[child.side]}{SOH}"
        f"{symbol_fields(child.symbol, suffixed=suffixed)}60={sent_at}{SOH}"
    )


def replace_fields(
    child: ChildTerms,
    orig_cl_ord_id: str,
    cl_ord_id: str,
    quantity: int,
    sent_at: str,
    *,
    suffixed: bool = False,
    capacity_tag: int,
) -> str:
    """Write what every family's 35=G has: the order as it is to be, and which one it is.

    It shows no more than it has, and has no fewer shares than it may trade at once.
    """
    wanted = replace(
        child,
        quantity=quantity,
        min_quantity=min(child.min_quantity, quantity),
        display_quantity=child.display_quantity if child.display_quantity < quantity else 0,
    )
    order = order_fields(wanted, cl_ord_id, sent_at, suffixed=suffixed, capacity_tag=capacity_tag)
    return f"{order}41={orig_cl_ord_id}{SOH}"


def status_fields(child: ChildTerms, cl_ord_id: str, *, suffixed: bool = False) -> str:
    """Write what every family's 35=H has."""
    symbol = symbol_fields(child.symbol, suffixed=suffixed)
    return f"11={cl_ord_id}{SOH}54={CODES[child.side]}{SOH}{symbol}"
