"""Which events of its accounts a FIX client is told: those of orders that it sent, a drop copy all of them.

The law of this file: an event is told or passed over by what is stored alone, so that it is decided the same
whenever it is read again.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from oms_api.domain.principal import FIX_CHANNEL
from oms_api.entrypoints.fix_reports import (
    CANCEL_REJECTED,
    EXEC_TYPES,
    REPLACE_REJECTED,
    Message,
    Named,
    change_ended,
    event_report,
)
from oms_api.handlers import Placed
from oms_api.ports import FixClient, FixOrders
from oms_platform.fix.clients import DROP_COPY
from oms_platform.messages import CancelOrder, OrderEvent, ReplaceOrder
from oms_platform.vocabulary import OrderTerms

# Orders that are remembered; of others what is stored is read.
KNOWN_MAX: Final = 5_000
_decode: Final = msgspec.json.Decoder(OrderEvent).decode
_NOBODYS: Final = ""


class Told(NamedTuple):
    """An event's place in its account's stream, and its message, None when it is passed over."""

    account_id: str
    stream_sequence: int
    message: Message | None


class _Known:
    """An order as it is now. cl_ord_id: its own, or that of the last replace that the session knows of.

    canceled_by: the ClOrdID of the cancel that it was asked for last; None: not looked up.
    """

    __slots__ = ("canceled_by", "cl_ord_id", "terms")

    def __init__(self, terms: OrderTerms, canceled_by: str | None) -> None:
        self.terms = terms
        self.cl_ord_id = terms.client_order_id
        self.canceled_by = canceled_by

    def replaced(self, terms: OrderTerms, own: CancelOrder | ReplaceOrder | None) -> None:
        """Note what the order became. own: the request, if the session's reports name it."""
        self.terms = terms
        if own is not None:
            self.cl_ord_id = own.cl_ord_id


class EventReports:
    """Turns the events of one session's accounts into its reports."""

    def __init__(self, client: FixClient, orders: FixOrders) -> None:
        self._all = client.settings.kind == DROP_COPY
        self._subject = client.principal.subject
        self._orders = orders
        self._known: OrderedDict[UUID, _Known] = OrderedDict()

    def note_placed(self, placed: Placed) -> bool:
        """Remember an order that is new. Returns whether none of its events was seen yet."""
        if placed.order_id in self._known:
            return False
        self._remember(placed.order_id, _Known(placed.terms, _NOBODYS))
        return True

    def _remember(self, order_id: UUID, known: _Known) -> None:
        self._known[order_id] = known
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    async def reports(self, texts: Sequence[str]) -> list[Told]:
        """Return what is told of events, in their order. Raises UnavailableError."""
        events = [_decode(text) for text in texts]
        await self._look_up(events)
        asked = {request_id for event in events if (request_id := _request_of(event)) is not None}
        requests = await self._orders.changes(list(asked))
        return [
            Told(event.account_id, event.stream_sequence, await self._message(event, requests))
            for event in events
        ]

    async def _look_up(self, events: Sequence[OrderEvent]) -> None:
        """Learn of orders that are not remembered what they were before their first event here."""
        first: dict[UUID, int] = {}
        for event in events:
            if event.order_id not in self._known:
                first.setdefault(event.order_id, event.sequence)
        for order_id, terms in (await self._orders.terms(list(first))).items():
            self._remember(order_id, _Known(terms, None))
        for one in await self._orders.replacements(list(first.items())):
            known = self._known.get(one.order_id)
            if known is not None:
                known.replaced(one.terms, self._own(one.request))

    async def _message(
        self, event: OrderEvent, requests: Mapping[UUID, CancelOrder | ReplaceOrder]
    ) -> Message | None:
        known = self._known.get(event.order_id)
        if known is None or not self._is_told(known.terms):
            return None
        request_id = _request_of(event)
        own = None if request_id is None else self._own(requests.get(request_id))
        if event.type in (CANCEL_REJECTED, REPLACE_REJECTED):
            if own is None:
                return None
            if event.type == CANCEL_REJECTED and known.canceled_by == own.cl_ord_id:
                known.canceled_by = _NOBODYS
            named = Named(own.cl_ord_id, known.cl_ord_id)
            return None if self._all else change_ended(event, known.terms, named)
        if event.type not in EXEC_TYPES:
            return None
        named = Named(known.cl_ord_id)
        if event.type == "OrderAccepted":
            known.canceled_by = _NOBODYS
        elif event.type == "CancelRequested":
            known.canceled_by = own.cl_ord_id if own is not None else _NOBODYS
        elif event.type == "OrderCanceled" and known.canceled_by is None:
            last = self._own(await self._orders.cancel_of(event.order_id))
            known.canceled_by = _NOBODYS if last is None else last.cl_ord_id
        elif own is not None and event.type in ("ReplaceRequested", "OrderReplaced"):
            named = Named(own.cl_ord_id, known.cl_ord_id)
        if event.type in ("CancelRequested", "OrderCanceled") and known.canceled_by:
            named = Named(known.canceled_by, known.cl_ord_id)
        if event.order_replaced is not None:
            known.replaced(event.order_replaced.terms, own)
        return event_report(event, known.terms, named, copy=self._all)

    def _own(self, request: CancelOrder | ReplaceOrder | None) -> CancelOrder | ReplaceOrder | None:
        return request if request is not None and self._is_own(request) else None

    def _is_told(self, terms: OrderTerms) -> bool:
        return self._all or (terms.channel == FIX_CHANNEL and terms.principal == self._subject)

    def _is_own(self, request: CancelOrder | ReplaceOrder) -> bool:
        """Whether a request's ClOrdID is one that the reports of this session name."""
        if not request.cl_ord_id:
            return False
        return self._all or request.principal == self._subject


def _request_of(event: OrderEvent) -> UUID | None:
    """Return the request to cancel or to replace that an event is of, None for another event."""
    if event.type in ("CancelRequested", CANCEL_REJECTED):
        return event.request_id
    of_replace = event.replace_requested or event.order_replaced or event.replace_rejected
    return None if of_replace is None else of_replace.request_id
