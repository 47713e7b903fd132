"""Which events of its accounts a FIX client is told: those of orders that it sent, a drop copy all of them.

The law of this file: an event is told or passed over by what is stored alone, so that it is decided the same
whenever it is read again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from oms_api.domain.principal import FIX_CHANNEL
from oms_api.entrypoints.fix_reports import CANCEL_REJECTED, EXEC_TYPES, Message, cancel_ended, event_report
from oms_api.handlers import Placed
from oms_api.ports import FixClient, FixOrders
from oms_platform.fix.clients import DROP_COPY
from oms_platform.messages import CancelOrder, OrderEvent
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
    """An order. canceled_by: the ClOrdID of the cancel that it was asked for last; None: not looked up."""

    __slots__ = ("canceled_by", "terms")

    def __init__(self, terms: OrderTerms, canceled_by: str | None) -> None:
        self.terms = terms
        self.canceled_by = canceled_by


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
        missing = {event.order_id for event in events} - self._known.keys()
        for order_id, terms in (await self._orders.terms(list(missing))).items():
            self._remember(order_id, _Known(terms, None))
        asked = {
            event.request_id
            for event in events
            if event.type in ("CancelRequested", CANCEL_REJECTED) and event.request_id is not None
        }
        cancels = await self._orders.cancels(list(asked))
        return [
            Told(event.account_id, event.stream_sequence, await self._message(event, cancels))
            for event in events
        ]

    async def _message(self, event: OrderEvent, cancels: dict[UUID, CancelOrder]) -> Message | None:
        known = self._known.get(event.order_id)
        if known is None or not self._is_told(known.terms):
            return None
        request = None if event.request_id is None else cancels.get(event.request_id)
        own = request if request is not None and self._is_own(request) else None
        if event.type == CANCEL_REJECTED:
            if own is None:
                return None
            if known.canceled_by == own.cl_ord_id:
                known.canceled_by = _NOBODYS
            return None if self._all else cancel_ended(event, known.terms, own.cl_ord_id)
        if event.type not in EXEC_TYPES:
            return None
        if event.type == "OrderAccepted":
            known.canceled_by = _NOBODYS
        elif event.type == "CancelRequested":
            known.canceled_by = own.cl_ord_id if own is not None else _NOBODYS
        elif event.type == "OrderCanceled" and known.canceled_by is None:
            last = await self._orders.cancel_of(event.order_id)
            known.canceled_by = last.cl_ord_id if last is not None and self._is_own(last) else _NOBODYS
        return event_report(event, known.terms, known.canceled_by or _NOBODYS)

    def _is_told(self, terms: OrderTerms) -> bool:
        return self._all or (terms.channel == FIX_CHANNEL and terms.principal == self._subject)

    def _is_own(self, request: CancelOrder) -> bool:
        """Whether a cancel's ClOrdID is one that the reports of this session name."""
        if not request.cl_ord_id:
            return False
        return self._all or request.principal == self._subject
