"""What FIX clients ask: 35=D, F, G, H and AF to the handlers that every door has, and their answers.

A tag that FIX 4.4 knows and this file does not read is left aside. Messages of one type that come together
are done together, what is of another type waits for them. A request that may have been sent before is
answered with how its order stands, and done once.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from itertools import groupby
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from oms_api.change_handlers import Asked, Requested, handle_change
from oms_api.domain.order_requests import RequestKind
from oms_api.domain.principal import FIX_CHANNEL, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints import fix_algos, fix_reports
from oms_api.entrypoints.fix_reports import Message
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.handlers import (
    Placed,
    handle_get_order,
    handle_place_order,
    placer_of,
    refusal_of,
    unavailable,
)
from oms_api.ports import (
    MESSAGES,
    FixClient,
    FixOrders,
    IntakeFullError,
    OrderFilter,
    OrderView,
    Ports,
    UnavailableError,
)
from oms_platform.clock import Clock
from oms_platform.fix.clients import DROP_COPY
from oms_platform.fix.session import Fields
from oms_platform.fix.symbols import named_symbol
from oms_platform.ids import uuid7
from oms_platform.messages import ReplaceOrder, SubmitOrder
from oms_platform.sides import SIDE_OF_CODE

# Tags of ours, of a 35=D: the routing profile, and venues by spaces.
PROFILE_TAG, AVOID_TAG, PREFER_TAG = "9501", "9502", "9503"
# Where the id of a short sale's locate stands, as venues have it.
LOCATE_ID_TAG: Final = "5700"
# What a 35=D may have here that FIX 4.4 does not know.
OWN_TAGS: Final = (PROFILE_TAG, AVOID_TAG, PREFER_TAG, LOCATE_ID_TAG)
MASS_STATUS_MAX: Final = 1_000
# Of one session at the store, so that others and the other doors have their share of its connections.
READS_AT_ONCE: Final = 3
CHANGES_AT_ONCE: Final = 50
_ANY_SEQUENCE: Final = 2**31 - 1
_ALL_ORDERS, _OF_SYMBOL = "7", "1"
# BusinessRejectReason (380).
_OTHER, _UNSUPPORTED_TYPE, _NOT_AUTHORIZED = 0, 3, 6
_WHOLE: Final = re.compile(r"0*([0-9]{1,18})(?:\.0*)?")
_PRICE: Final = re.compile(r"-?[0-9]{0,18}(?:\.[0-9]{0,18})?")
# LocalMktDate, and UTCTimestamp to the microsecond.
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})-([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?")

log = structlog.get_logger()
refused_total = Counter("oms_api_fix_refused_total", "Requests of FIX clients that were refused", ["reason"])
failures_total = Counter("oms_api_fix_failures_total", "Messages of FIX clients that the gateway failed at")
messages_total = Counter("oms_api_fix_messages_total", "Messages of FIX clients' sessions", ["way", "type"])
# The types that are counted by themselves.
_COUNTED: Final = frozenset(("D", "F", "G", "H", "AF", "8", "9", "j"))


def count_message(way: str, msg_type: str) -> None:
    """Count an application message. way: in or out."""
    messages_total.labels(way, msg_type if msg_type in _COUNTED else "other").inc()


def read_order(
    fields: Fields, accounts: Sequence[str], is_known: Callable[[str], bool] = lambda _symbol: False
) -> dict[str, object]:
    """Turn a 35=D into what a REST client would have sent; what has no meaning here goes on as it came.

    A session with one account may leave Account (1) out. is_known: whether there is such a symbol.
    """
    account = fields.get("1") or (accounts[0] if len(accounts) == 1 else None)
    content: dict[str, object | None] = {
        "clientOrderId": fields["11"],
        "accountId": account,
        "symbol": named_symbol(fields["55"], fields.get("65", ""), is_known),
        "side": _name(SIDE_OF_CODE, fields["54"]),
        "orderType": _name(fix_reports.ORD_TYPES, fields["40"]),
        "quantity": _shares(fields.get("38")),
        "minQuantity": _shares(fields.get("110")) or None,
        "limitPrice": _price(fields.get("44")),
        "stopPrice": _price(fields.get("99")),
        "timeInForce": _name(fix_reports.TIMES_IN_FORCE, fields.get("59", "0")),
        **_expiry(fields),
        "routing": _routing(fields),
        "capacity": None if "528" not in fields else _name(fix_reports.CAPACITIES, fields["528"]),
        "locateId": _locate_id(fields),
        "displayQty": _shares(fields.get("111")),
        "postOnly": fix_reports.POST_ONLY in fields.get("18", "").split(" ") or None,
        "algo": fix_algos.read_algo(fields),
        "peg": _peg(fields),
    }
    return {name: value for name, value in content.items() if value is not None}


def read_replace(fields: Fields) -> dict[str, object]:
    """Turn a 35=G into what a REST client would have sent; what it leaves out stays as it is."""
    code = fields.get("59")
    content: dict[str, object | None] = {
        "quantity": _shares(fields.get("38")),
        "limitPrice": _price(fields.get("44")),
        "stopPrice": _price(fields.get("99")),
        "timeInForce": None if code is None else _name(fix_reports.TIMES_IN_FORCE, code),
        **_expiry(fields),
        "displayQty": _shares(fields.get("111")),
        "algo": fix_algos.read_algo(fields),
        "peg": _peg(fields),
    }
    return {name: value for name, value in content.items() if value is not None}


def _peg(fields: Fields) -> dict[str, object] | None:
    """Return what an order's price follows (18), and by how much beside it (211), in dollars that move with
    it.

    Another kind of offset (836), or one that does not move (835), goes on as it came, and is refused.
    """
    codes = [code for code in fields.get("18", "").split(" ") if code in fix_reports.PEG_TYPES]
    given = [tag for tag in ("211", "835", "836") if tag in fields]
    if not codes and not given:
        return None
    peg: dict[str, object] = {"type": fix_reports.PEG_TYPES[codes[0]]} if len(codes) == 1 else {}
    if "211" in fields:
        peg["offset"] = _price(fields["211"])
    for tag, name in (("835", "PegMoveType"), ("836", "PegOffsetType")):
        if fields.get(tag, "0") != "0":
            peg[name] = fields[tag]
    return peg


def _fixed_problem(fields: Fields, order: OrderView) -> str:
    """Return which field a 35=G would change that none can, empty for none."""
    for tag, name, found, stays in (
        ("55", "Symbol", fields.get("55", order.symbol), order.symbol),
        ("54", "Side", _name(SIDE_OF_CODE, fields.get("54", "")), order.side),
        ("40", "OrdType", _name(fix_reports.ORD_TYPES, fields.get("40", "")), order.order_type),
    ):
        if found and found != stays:
            return f"{name} ({tag}) must be the order's {stays}, was {found}"
    return ""


def _name(known: Mapping[str, Enum], code: str) -> str:
    return known[code].name if code in known else code


def _shares(text: str | None) -> object:
    """Read a quantity; one that is no whole number stays text, and is refused as such."""
    whole = None if text is None else _WHOLE.fullmatch(text)
    return text if whole is None else int(whole[1])


def _price(text: str | None) -> object:
    """Read a price as FIX may write it, with zeros before it and without a digit on one side of the point."""
    if text is None or _PRICE.fullmatch(text) is None or not text.strip("-."):
        return text
    return Decimal(text)


def _expiry(fields: Fields) -> dict[str, object | None]:
    """Read ExpireDate (432) and ExpireTime (126) as REST writes them; what is none goes on as it came."""
    day, time = fields.get("432"), fields.get("126")
    if day is not None and (found := _DATE.fullmatch(day)):
        day = "-".join(found.groups())
    if time is not None and (found := _TIME.fullmatch(time)):
        year, month, day_of_month, clock_time, fraction = found.groups()
        time = f"{year}-{month}-{day_of_month}T{clock_time}{fraction or ''}Z"
    return {"expireDate": day, "expireTime": time}


def _routing(fields: Fields) -> dict[str, object] | None:
    routing: dict[str, object] = {}
    if PROFILE_TAG in fields:
        routing["profile"] = fields[PROFILE_TAG]
    for tag, name in ((AVOID_TAG, "avoid"), (PREFER_TAG, "prefer")):
        if tag in fields:
            routing[name] = fields[tag].split(" ")
    return routing or None


def _locate_id(fields: Fields) -> str | None:
    """Read the locate of a short sale. One that we are asked to find (LocateReqd 114=Y) is none."""
    return None if fields.get("114") == "Y" else fields.get(LOCATE_ID_TAG)


def _may_be_repeated(fields: Fields) -> bool:
    """Whether the sender says that it may have sent this before: PossDupFlag (43), PossResend (97)."""
    return fields.get("43") == "Y" or fields.get("97") == "Y"


class FixRequests:
    """Does what one client's session asks.

    note_placed: told of each order that is new, once it is durable; returns whether nothing was reported yet.
    """

    def __init__(
        self,
        ports: Ports,
        orders: FixOrders,
        client: FixClient,
        clock: Clock,
        note_placed: Callable[[Placed], bool],
    ) -> None:
        self._ports = ports
        self._orders = orders
        self._settings = client.settings
        self._principal = client.principal
        self._clock = clock
        self._note_placed = note_placed
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._changes = asyncio.Semaphore(CHANGES_AT_ONCE)

    async def answer(self, messages: Sequence[Fields]) -> list[Message]:
        """Do what messages ask, in their order. Returns what is to be sent.

        Raises UnavailableError when it is not known what became of one of them.
        """
        answers: list[Message] = []
        for msg_type, run in groupby(messages, key=lambda fields: fields["35"]):
            work = [self._contained(fields) for fields in run]
            for answer in await asyncio.gather(*work, return_exceptions=True):
                count_message("in", msg_type)
                if isinstance(answer, BaseException):
                    raise answer
                answers += answer
        return answers

    async def _contained(self, fields: Fields) -> list[Message]:
        """Do what one message asks. One that the gateway fails at holds up none of those behind it."""
        try:
            return await self._answer(fields)
        except UnavailableError:
            raise
        except Exception:
            failures_total.inc()
            log.error("fix_request_failed", msg_type=fields["35"], exc_info=True)
            text = "an unexpected error: what became of it is not known, ask for it (35=H)"
            return [fix_reports.business_reject(fields, _OTHER, text)]

    async def _answer(self, fields: Fields) -> list[Message]:
        if self._settings.kind == DROP_COPY:
            text = "a drop copy sends nothing but the session's own messages"
            return [fix_reports.business_reject(fields, _NOT_AUTHORIZED, text)]
        work: Callable[[Fields], Awaitable[list[Message]]] | None = {
            "D": self._place,
            "F": self._cancel,
            "G": self._replace,
            "H": self._status,
            "AF": self._mass_status,
        }.get(fields["35"])
        if work is None:
            return [fix_reports.business_reject(fields, _UNSUPPORTED_TYPE, "Unsupported Message Type")]
        return await work(fields)

    # ---- 35=D

    async def _place(self, fields: Fields) -> list[Message]:
        placer = await placer_of(self._ports, self._principal)
        if isinstance(placer, Refusal):
            return [self._rejected(fields, placer)]
        content = read_order(fields, self._settings.accounts, self._is_known)
        traced = RequestTrace(self._ports.tracer, None, SubmitOrder.__name__)
        try:
            result = await traced.over(
                "FIX 35=D",
                handle_place_order(
                    self._ports, self._clock, placer, channel=FIX_CHANNEL, content=content, trace=traced.trace
                ),
            )
        except IntakeFullError as error:
            return [self._rejected(fields, unavailable(error.what))]
        if isinstance(result, Refusal):
            if result.code is RefusalCode.DUPLICATE_ORDER_ID:
                return [await self._conflict(fields, str(content["accountId"]), result)]
            return [self._rejected(fields, result)]
        if result.created:
            if not self._note_placed(result):
                return []
            return [fix_reports.pending_new(result.order_id, result.terms, self._exec_id(), self._clock())]
        found = await self._view(result.order_id)
        if found is not None and _may_be_repeated(fields):
            return [fix_reports.status_report(found, fields["11"])]
        text = (
            f"{RefusalCode.DUPLICATE_ORDER_ID.value}: clientOrderId={fields['11']}, order={result.order_id}"
        )
        return [self._duplicate(fields, found, text)]

    async def _conflict(self, fields: Fields, account_id: str, refusal: Refusal) -> Message:
        """Refuse an order whose ClOrdID another has; how one of another session stands is not said."""
        order_id = await self._id_of([account_id], fields["11"])
        found = None if order_id is None else await self._view(order_id)
        if found is None:
            return self._rejected(fields, refusal)
        return self._duplicate(fields, found, fix_reports.words_of(refusal))

    def _duplicate(self, fields: Fields, found: OrderView | None, text: str) -> Message:
        if found is None:
            refusal = Refusal(code=RefusalCode.DUPLICATE_ORDER_ID, message=f"clientOrderId={fields['11']}")
            return self._rejected(fields, refusal)
        return fix_reports.duplicate(found, fields["11"], self._exec_id(), text)

    def _rejected(self, fields: Fields, refusal: Refusal) -> Message:
        refused_total.labels(refusal.code.value).inc()
        return fix_reports.order_rejected(fields, refusal, self._exec_id(), self._clock())

    @staticmethod
    def _exec_id() -> str:
        return uuid7().hex

    # ---- 35=F and G

    async def _cancel(self, fields: Fields) -> list[Message]:
        order = await self._named(fields, "41")
        refused = await refusal_of(self._ports, self._principal, Right.CANCEL)
        if refused is not None:
            return [self._kept(fields, order, fix_reports.BROKER_OPTION, fix_reports.words_of(refused))]
        if order is None:
            return [self._kept(fields, None, fix_reports.CANCEL_UNKNOWN_ORDER, "unknown order")]
        if _may_be_repeated(fields) and await self._has_change(order, fields["11"]):
            return [fix_reports.status_report(order, fields["11"])]
        if await self._id_of(self._settings.accounts, fields["11"]) is not None:
            return [self._kept(fields, order, fix_reports.CANCEL_DUPLICATE, "ClOrdID (11) is an order's")]
        asked = Asked(
            kind=RequestKind.CANCEL,
            order_id=str(order.order_id),
            content={},
            channel=FIX_CHANNEL,
            cl_ord_id=fields["11"],
        )
        result = await self._change(asked)
        if isinstance(result, Refusal):
            closed = result.code is RefusalCode.ORDER_CLOSED
            reason = fix_reports.TOO_LATE if closed else fix_reports.CANCEL_OTHER
            now = await self._view(order.order_id)
            return [self._kept(fields, now, reason, fix_reports.words_of(result))]
        if not result.created:
            if await self._has_change(order, fields["11"]):
                return [fix_reports.status_report(order, fields["11"])]
            text = f"a cancel is pending: request {result.request_id}"
            return [self._kept(fields, order, fix_reports.CANCEL_PENDING, text)]
        # Its first report is the event that it is taken.
        return []

    async def _replace(self, fields: Fields) -> list[Message]:
        """Ask for a replace, whose ClOrdID is an idempotency key as an order's is."""
        of_replace = fix_reports.OF_REPLACE
        order = await self._named(fields, "41")
        refused = await refusal_of(self._ports, self._principal, Right.TRADE)
        if refused is not None:
            text = fix_reports.words_of(refused)
            return [self._kept(fields, order, fix_reports.BROKER_OPTION, text, of_replace)]
        if order is None:
            return [self._kept(fields, None, fix_reports.CANCEL_UNKNOWN_ORDER, "unknown order", of_replace)]
        problem = _fixed_problem(fields, order)
        if problem:
            return [self._kept(fields, order, fix_reports.CANCEL_OTHER, problem, of_replace)]
        asked = Asked(
            kind=RequestKind.REPLACE,
            order_id=str(order.order_id),
            content=read_replace(fields),
            channel=FIX_CHANNEL,
            request_key=fields["11"],
        )
        result = await self._change(asked)
        now = order if isinstance(result, Requested) and result.created else await self._view(order.order_id)
        if isinstance(result, Refusal):
            reason = fix_reports.REASON_OF_CODE.get(result.code, fix_reports.CANCEL_OTHER)
            return [self._kept(fields, now, reason, fix_reports.words_of(result), of_replace)]
        if result.created:
            # Its first report is the event that it is taken.
            return []
        if now is not None and _may_be_repeated(fields):
            return [fix_reports.status_report(now, fields["11"])]
        text = f"{RefusalCode.DUPLICATE_REQUEST_ID.value}: ClOrdID (11) is request {result.request_id}'s"
        return [self._kept(fields, now, fix_reports.CANCEL_DUPLICATE, text, of_replace)]

    async def _change(self, asked: Asked) -> Requested | Refusal:
        traced = RequestTrace(self._ports.tracer, None, MESSAGES[asked.kind].__name__)
        work = handle_change(self._ports, self._clock, self._principal, asked, trace=traced.trace)
        async with self._changes:
            return await traced.over(f"FIX {asked.kind.value.lower()}", work)

    def _kept(
        self,
        fields: Fields,
        order: OrderView | None,
        reason: int,
        text: str,
        answers: str = fix_reports.OF_CANCEL,
    ) -> Message:
        refused_total.labels("CANCEL" if answers == fix_reports.OF_CANCEL else "REPLACE").inc()
        return fix_reports.cancel_rejected(fields, order, reason, text, self._clock(), answers)

    # ---- 35=H and AF

    async def _status(self, fields: Fields) -> list[Message]:
        more = ((790, fields.get("790")),)
        refused = await refusal_of(self._ports, self._principal, Right.READ)
        if refused is not None:
            text = fix_reports.words_of(refused)
            return [fix_reports.status_unknown(fields, text, more, self._clock())]
        order = await self._named(fields, "11")
        if order is None:
            return [fix_reports.status_unknown(fields, "unknown order", more, self._clock())]
        return [fix_reports.status_report(order, fields["11"], more)]

    def _is_known(self, symbol: str) -> bool:
        return self._ports.reference.ticks(symbol) is not None

    def _symbol_of(self, fields: Fields) -> str:
        return named_symbol(fields["55"], fields.get("65", ""), self._is_known)

    async def _mass_status(self, fields: Fields) -> list[Message]:
        """Say how each open order of the session stands, the oldest first, or that there is none."""
        asked = ((584, fields["584"]),)
        refused = await refusal_of(self._ports, self._principal, Right.READ)
        text = "" if refused is None else fix_reports.words_of(refused)
        if fields["585"] not in (_ALL_ORDERS, _OF_SYMBOL):
            text = f"MassStatusReqType (585) must be 1 or 7, was {fields['585']}"
        elif fields["585"] == _OF_SYMBOL and "55" not in fields:
            text = "Symbol (55) is required with MassStatusReqType (585) 1"
        found: list[OrderView] = []
        if not text:
            wanted = OrderFilter(
                limit=MASS_STATUS_MAX + 1,
                accounts=self._principal.accounts,
                symbols=frozenset((self._symbol_of(fields),)) if fields["585"] == _OF_SYMBOL else None,
                closed=False,
                channel=FIX_CHANNEL,
                principal=self._principal.subject,
                as_of_now=True,
            )
            async with self._reads:
                found = await self._ports.reader.orders(wanted)
            if not found:
                text = "no open order"
            elif len(found) > MASS_STATUS_MAX:
                text = f"more than {MASS_STATUS_MAX} orders are open: ask by symbol, or for each (35=H)"
        if text:
            more = (*asked, (911, 0), (912, "Y"))
            return [fix_reports.status_unknown(fields, text, more, self._clock())]
        names = {order.order_id: order.client_order_id for order in found}
        async with self._reads:
            replaced = await self._orders.replacements([(order_id, _ANY_SEQUENCE) for order_id in names])
        for one in replaced:
            if one.request is not None and one.request.cl_ord_id and self._is_own(one.request):
                names[one.order_id] = one.request.cl_ord_id
        reports = []
        for number, order in enumerate(reversed(found), 1):
            more = (*asked, (911, len(found)), (912, "Y" if number == len(found) else "N"))
            reports.append(fix_reports.status_report(order, names[order.order_id], more))
        return reports

    def _is_own(self, request: ReplaceOrder) -> bool:
        return request.principal == self._principal.subject

    async def _named(self, fields: Fields, tag: str) -> OrderView | None:
        """Return the order of this session that a tag names by its ClOrdID; any other one does not exist."""
        accounts = self._settings.accounts
        if "1" in fields:
            accounts = tuple({fields["1"]} & {*accounts})
        order_id = await self._id_of(accounts, fields[tag])
        return None if order_id is None else await self._view(order_id)

    async def _id_of(self, accounts: Sequence[str], cl_ord_id: str) -> UUID | None:
        async with self._reads:
            return await self._orders.order_id(accounts, cl_ord_id)

    async def _has_change(self, order: OrderView, cl_ord_id: str) -> bool:
        async with self._reads:
            return await self._orders.has_change(order.order_id, cl_ord_id)

    async def _view(self, order_id: UUID) -> OrderView | None:
        async with self._reads:
            found = await handle_get_order(self._ports, self._principal, str(order_id))
        if isinstance(found, Refusal) or found.principal != self._principal.subject:
            return None
        return found
