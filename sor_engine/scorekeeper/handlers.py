"""What messages and quotes say, as the domain's plain numbers: here they are translated and nowhere else."""

from decimal import Decimal
from typing import Final

from oms_platform.clock import microseconds
from oms_platform.messages import CancelReject, ExecutionReport, Quote, RouteAnswer
from oms_platform.order_types import AUCTIONS, BOOKED
from oms_platform.sides import is_buy
from oms_platform.vocabulary import ExecInst, ExecType, Message
from sor_engine.domain.market import micros
from sor_engine.scorekeeper.domain.child_watch import Child, ChildWatch, Kind, Report
from sor_engine.scorekeeper.domain.touches import QuoteChange, Touch, Touches

_PRICE_MAX: Final = Decimal(10**11)
_KINDS: Final = {
    ExecType.TRADE: Kind.TRADE,
    ExecType.REJECTED: Kind.REJECTED,
    ExecType.CANCELED: Kind.ENDED,
    ExecType.EXPIRED: Kind.ENDED,
    ExecType.DONE_FOR_DAY: Kind.ENDED,
}
# The ExecID of the adapter's own report of a child that was never sent, before its ClOrdID.
_UNSENT: Final = "NS-"


def note_message(watch: ChildWatch, message: Message) -> None:
    """Give a message of `executions.fills` or `executions.acks` to the watch."""
    if isinstance(message, ExecutionReport):
        if message.exec_type is ExecType.CANCELED and message.exec_id == f"{_UNSENT}{message.cl_ord_id}":
            watch.note_unsent(message.cl_ord_id)
            return
        watch.note_report(
            Report(
                message.venue_id,
                message.cl_ord_id,
                message.exec_id,
                _KINDS.get(message.exec_type, Kind.ANSWER),
                message.symbol,
                is_buy(message.side),
                microseconds(message.transact_time),
                microseconds(message.received_at),
                message.last_qty,
                message.last_px_micros or 0,
                message.cum_qty,
                message.leaves_qty,
            )
        )
    elif isinstance(message, RouteAnswer):
        placed_us = microseconds(message.placed.placed_at)
        for child in message.placed.children:
            watch.note_placed(
                child.cl_ord_id,
                Child(
                    venue_id=child.venue_id,
                    quantity=child.quantity,
                    limit=child.limit_price_micros,
                    rests=child.time_in_force in BOOKED,
                    placed_us=placed_us,
                    post_only=child.exec_inst is ExecInst.PARTICIPATE_DONT_INITIATE,
                    crosses=child.time_in_force in AUCTIONS,
                ),
            )
    elif isinstance(message, CancelReject) and not message.replace:
        watch.note_said(message.venue_id, microseconds(message.transact_time))


def note_quote(touches: Touches, quote: Quote) -> QuoteChange | None:
    """Give a quote to the touches. Returns what the tape takes: a changed best bid or offer."""
    bid, offer = _price(quote.national_best_bid), _price(quote.national_best_offer)
    touch = Touch(None if bid is None else micros(bid), None if offer is None else micros(offer))
    books = {venue.venue_id: venue for venue in quote.venues}
    if not touches.observe(quote.symbol, microseconds(quote.quoted_at), touch, books):
        return None
    return QuoteChange(symbol=quote.symbol, quoted_at=quote.quoted_at, bid=bid, offer=offer)


def _price(price: Decimal | None) -> Decimal | None:
    """Return a price, None for one that no venue can mean."""
    return price if price is not None and price.is_finite() and 0 < price < _PRICE_MAX else None
