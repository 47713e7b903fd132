"""Every operation of the API: the one table that all clients are made of.

The law of this file: an operation is here once, with the names that /openapi.json gives its parameters and
fields; tests/contract/test_client.py holds both to each other.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from oms_client import answers
from oms_client.calls import Call, Paging, body_of, if_match, listing, operation, path_of, query_of
from oms_client.order_ids import uuid7

Side = Literal["BUY", "SELL", "SELL_SHORT", "SELL_SHORT_EXEMPT"]
Capacity = Literal["AGENCY", "PRINCIPAL", "RISKLESS_PRINCIPAL"]
TimeInForce = Literal["DAY", "GTC", "GTD", "IOC", "FOK", "OPG", "CLO"]
PegType = Literal["PRIMARY", "MIDPOINT", "MARKET"]
CommandKind = Literal["LOGOUT", "LOGON", "RESET", "RESEND", "RECONCILE"]
AlgoStrategy = Literal["TWAP", "VWAP", "POV", "IS"]
KillStage = Literal["BLOCK", "CANCEL", "FLATTEN"]
KillTriggerStage = Literal["BLOCK", "CANCEL"]
KillTriggerMode = Literal["ON", "SHADOW", "OFF"]
AccountKind = Literal["INSTITUTION", "HEDGE_FUND", "RETAIL"]
AccountStatus = Literal["ACTIVE", "SUSPENDED", "CLOSED"]
InstrumentStatus = Literal["ACTIVE", "INACTIVE"]
# Dollars. Text and Decimal stay exact; a float does not, and is not taken.
Price = Decimal | str | int
Id = UUID | str
CHANNEL: Final = "API"
_ORDERS: Final = "/api/v1/orders"
_ORDER: Final = f"{_ORDERS}/{{order_id}}"
_ACCOUNTS: Final = "/api/v1/accounts"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account_id}}"
_INSTRUMENTS: Final = "/api/v1/instruments"
_INSTRUMENT: Final = f"{_INSTRUMENTS}/{{symbol}}"
_RISK_ALERTS: Final = "/api/v1/risk/alerts"
_SURVEILLANCE: Final = "/api/v1/surveillance"
_PROFILES: Final = "/api/v1/routing/profiles"
_PROFILE: Final = f"{_PROFILES}/{{name}}"
_EXCEPTIONS: Final = "/api/v1/exceptions"
_EXCEPTION: Final = f"{_EXCEPTIONS}/{{exception_id}}"
_SWITCHES: Final = "/api/v1/kill-switches"
_KILL_TRIGGERS: Final = "/api/v1/kill-triggers"
_RULES: Final = "/api/v1/risk/rules"
_LIMITS: Final = "/api/v1/risk/limits"
_OVERRIDES: Final = "/api/v1/risk/overrides"
_LOCATES: Final = "/api/v1/locates"
_CALENDARS: Final = "/api/v1/calendars"
_HALTS: Final = "/api/v1/halts"
_SESSIONS: Final = "/api/v1/fix-sessions"
_SESSION: Final = f"{_SESSIONS}/{{venue_id}}"


def _list(names: str | Sequence[str] | None) -> list[str] | None:
    if names is None:
        return None
    return [names] if isinstance(names, str) else list(names)


def _routing(profile: str | None, avoid: Sequence[str], prefer: Sequence[str]) -> dict[str, Any] | None:
    return body_of(profile=profile, avoid=list(avoid) or None, prefer=list(prefer) or None) or None


# By whether it has a stop price and a limit.
_ORDER_TYPES: Final = {
    (False, False): "MARKET",
    (False, True): "LIMIT",
    (True, False): "STOP",
    (True, True): "STOP_LIMIT",
}


def _terms(
    account: str,
    symbol: str,
    side: Side,
    quantity: int,
    limit_price: Price | None,
    stop_price: Price | None,
    time_in_force: TimeInForce,
    expire_date: date | str | None,
    expire_time: datetime | None,
    min_quantity: int | None,
    algo: Mapping[str, Any] | None,
    basket_id: str | None,
    routing: Mapping[str, Any] | None,
    instructions: Mapping[str, Any],
    peg: Mapping[str, Any] | None,
) -> dict[str, Any]:
    kind = _ORDER_TYPES[stop_price is not None, limit_price is not None]
    return body_of(
        accountId=account,
        symbol=symbol,
        side=side,
        orderType=kind if peg is None else "PEGGED",
        quantity=quantity,
        minQuantity=min_quantity,
        limitPrice=None if limit_price is None else str(limit_price),
        stopPrice=None if stop_price is None else str(stop_price),
        timeInForce=time_in_force,
        **_expiry(expire_date, expire_time),
        algo=algo,
        peg=peg,
        basketId=basket_id,
        routing=routing,
        **instructions,
    )


def _peg(peg: PegType | None, peg_offset: Price | None) -> dict[str, Any] | None:
    if peg is None:
        return None
    return body_of(type=peg, offset=None if peg_offset is None else str(peg_offset))


def _instructions(
    capacity: Capacity | None,
    tags: Mapping[str, str] | None,
    locate_id: str | None,
    display_qty: int | None,
    post_only: bool,
) -> dict[str, Any]:
    return body_of(
        capacity=capacity,
        tags=None if tags is None else dict(tags),
        locateId=locate_id,
        displayQty=display_qty,
        postOnly=post_only or None,
    )


def algo(
    strategy: AlgoStrategy,
    *,
    end_at: datetime,
    start_at: datetime | None = None,
    participation_bps: int | None = None,
    urgency: int | None = None,
    slices: int | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Return how an order is worked over time, for `place` and `replace`.

    start_at, end_at: with a time zone; without a start it begins when it is taken. participation_bps: at most
    so many hundredths of a percent of what the market trades; POV has to have it. urgency: of IS, 1 to 10.
    slices: in how many parts. seed: what their sizes and times are drawn from; else the order's own id.
    """
    return body_of(
        strategy=strategy,
        startAt=None if start_at is None else start_at.isoformat(),
        endAt=end_at.isoformat(),
        participationBps=participation_bps,
        urgency=urgency,
        slices=slices,
        seed=seed,
    )


def _change(
    quantity: int | None,
    limit_price: Price | None,
    stop_price: Price | None,
    time_in_force: TimeInForce | None,
    expire_date: date | str | None,
    expire_time: datetime | None,
    display_qty: int | None,
    algo: Mapping[str, Any] | None,
    peg: object,
) -> dict[str, Any]:
    return body_of(
        quantity=quantity,
        limitPrice=None if limit_price is None else str(limit_price),
        stopPrice=None if stop_price is None else str(stop_price),
        timeInForce=time_in_force,
        **_expiry(expire_date, expire_time),
        displayQty=display_qty,
        algo=algo,
        peg=peg,
    )


def _expiry(expire_date: date | str | None, expire_time: datetime | None) -> dict[str, str | None]:
    return {
        "expireDate": None if expire_date is None else str(expire_date),
        "expireTime": None if expire_time is None else expire_time.isoformat(),
    }


def _order(
    *,
    account: str,
    symbol: str,
    side: Side,
    quantity: int,
    limit_price: Price | None = None,
    stop_price: Price | None = None,
    time_in_force: TimeInForce = "DAY",
    expire_date: date | str | None = None,
    expire_time: datetime | None = None,
    min_quantity: int | None = None,
    client_order_id: str | None = None,
    algo: Mapping[str, Any] | None = None,
    basket_id: str | None = None,
    profile: str | None = None,
    avoid: Sequence[str] = (),
    prefer: Sequence[str] = (),
    capacity: Capacity | None = None,
    tags: Mapping[str, str] | None = None,
    locate_id: str | None = None,
    display_qty: int | None = None,
    post_only: bool = False,
    peg: PegType | None = None,
    peg_offset: Price | None = None,
) -> dict[str, Any]:
    terms = _terms(
        account, symbol, side, quantity, limit_price, stop_price, time_in_force, expire_date, expire_time,
        min_quantity, algo, basket_id, _routing(profile, avoid, prefer),
        _instructions(capacity, tags, locate_id, display_qty, post_only), _peg(peg, peg_offset),
    )  # fmt: skip
    return {"clientOrderId": client_order_id or str(uuid7()), **terms}


def _of_request(request_id: str | None, channel: str) -> dict[str, str]:
    """Return the headers of a request with an id of its own, which all its repeats have."""
    return {"Idempotency-Key": request_id or str(uuid7()), "X-OMS-Channel": channel}


def _selection(
    account: str | Sequence[str] | None,
    symbol: str | Sequence[str] | None,
    side: Side | None,
    venue: str | Sequence[str] | None,
    older_than: int | None,
    order_ids: Sequence[Id] | None,
    client_order_ids: Sequence[str] | None,
    basket_id: str | None,
    after: Id | None,
) -> tuple[tuple[str, str], ...]:
    return query_of(
        accountId=_list(account),
        symbol=_list(symbol),
        side=side,
        venue=_list(venue),
        olderThan=older_than,
        orderId=None if order_ids is None else [str(order_id) for order_id in order_ids],
        clientOrderId=_list(client_order_ids),
        basketId=basket_id,
        after=after,
    )


class Operations:
    """What can be asked of the API. `order_id` and its like may be text or UUID."""

    # ---- orders

    @operation("placeOrder")
    def place(
        self,
        *,
        account: str,
        symbol: str,
        side: Side,
        quantity: int,
        limit_price: Price | None = None,
        stop_price: Price | None = None,
        time_in_force: TimeInForce = "DAY",
        expire_date: date | str | None = None,
        expire_time: datetime | None = None,
        min_quantity: int | None = None,
        client_order_id: str | None = None,
        algo: Mapping[str, Any] | None = None,
        basket_id: str | None = None,
        profile: str | None = None,
        avoid: Sequence[str] = (),
        prefer: Sequence[str] = (),
        capacity: Capacity | None = None,
        tags: Mapping[str, str] | None = None,
        locate_id: str | None = None,
        display_qty: int | None = None,
        post_only: bool = False,
        peg: PegType | None = None,
        peg_offset: Price | None = None,
        channel: str = CHANNEL,
    ) -> Call[answers.Placed]:
        """Place an order: a market order, or with a limit_price (dollars a share) a limit order.

        stop_price: dollars a share; the order waits until the market reaches it, and is worked as a market or
        a limit order then. time_in_force OPG, CLO: such an order trades in its listing market's opening or
        closing auction, and nowhere else. expire_date, expire_time: of a GTD order exactly one, the date of a
        session of the instrument's calendar, with whose close it ends, or a time with its zone. quantity,
        min_quantity: whole shares. client_order_id: unique by account and channel; without one, one is made,
        once for this call and all its repeats, so that the order is never doubled. capacity: for whom we
        trade, agency where it is not said. tags: words of your own that are kept with it. locate_id: of the
        shares that a SELL_SHORT order borrows. display_qty: of a limit order that rests, the shares that are
        shown at once. post_only: such an order takes nothing that is displayed. algo: how it is worked over
        time (`algo`). basket_id: the list that it is sent with. Returns when it is stored; `created` is false
        when it was there before. Raises ConflictError when the id is of another order.
        """
        return Call(
            method="POST",
            path=_ORDERS,
            shape=answers.Placed,
            body=_order(
                account=account,
                symbol=symbol,
                side=side,
                quantity=quantity,
                limit_price=limit_price,
                stop_price=stop_price,
                time_in_force=time_in_force,
                expire_date=expire_date,
                expire_time=expire_time,
                min_quantity=min_quantity,
                client_order_id=client_order_id,
                algo=algo,
                basket_id=basket_id,
                profile=profile,
                avoid=avoid,
                prefer=prefer,
                capacity=capacity,
                tags=tags,
                locate_id=locate_id,
                display_qty=display_qty,
                post_only=post_only,
                peg=peg,
                peg_offset=peg_offset,
            ),
            headers={"X-OMS-Channel": channel},
        )

    @listing("listOrders")
    def orders(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        status: str | Sequence[str] | None = None,
        is_open: bool | None = None,
        side: Side | None = None,
        client_order_id: str | None = None,
        basket_id: str | None = None,
        principal: str | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        oldest_first: bool = False,
        most: int | None = None,
    ) -> Paging[answers.Order]:
        """Iterate over orders, the newest first unless asked otherwise, over all pages, or up to `most`.

        account, symbol, status: one or several. is_open: only those that are not closed, or only those that
        are. basket_id: sent with this list. principal: placed by this person or program. created_from,
        created_to: created then or later, and before then; with a time zone.
        """
        call = Call(
            method="GET",
            path=_ORDERS,
            shape=answers.OrderPage,
            query=query_of(
                accountId=_list(account),
                symbol=_list(symbol),
                status=_list(status),
                open=is_open,
                side=side,
                clientOrderId=client_order_id,
                basketId=basket_id,
                principal=principal,
                sort="createdAt" if oldest_first else None,
                **{"from": created_from, "to": created_to},
            ),
        )
        return Paging(call=call, rows="orders", row=answers.Order, most=most)

    @operation("getOrder")
    def order(self, order_id: Id) -> Call[answers.Order]:
        """Return an order as it stands."""
        return Call(method="GET", path=path_of(_ORDER, order_id=order_id), shape=answers.Order)

    @operation("getOrderAlgo")
    def algo_progress(self, order_id: Id) -> Call[answers.AlgoProgress]:
        """Return an algo order's plan against what was done. Raises NotFoundError for an order without."""
        return Call(
            method="GET", path=path_of(f"{_ORDER}/algo", order_id=order_id), shape=answers.AlgoProgress
        )

    @operation("cancelOrder")
    def cancel(
        self, order_id: Id, *, channel: str = CHANNEL, version: int | None = None
    ) -> Call[answers.CancelRequested]:
        """Ask for an order to be canceled; while such a request is pending, asking again gives the same one.

        version: the `sequence` at which it was read; it is canceled only if that is still so. Raises
        ConflictError when the order is over, whose order_status says how, or is another than it was read.
        """
        return Call(
            method="DELETE",
            path=path_of(_ORDER, order_id=order_id),
            shape=answers.CancelRequested,
            headers={"X-OMS-Channel": channel} | if_match(version),
        )

    @operation("placeOrders")
    def place_all(
        self,
        orders: Sequence[Mapping[str, Any]],
        *,
        all_or_nothing: bool = False,
        check_only: bool = False,
        channel: str = CHANNEL,
    ) -> Call[answers.PlacedMany]:
        """Place up to 500 orders, each by the parameters of `place` but for the channel.

        A wrong one stops no other, and says so at its place. With all_or_nothing none is placed then: raises
        InvalidRequestError, whose fields name each problem by its place (`orders[3].quantity`), and
        ConflictError when all that is wrong is that client_order_ids are of other orders. check_only: the
        same, with risk's verdict on each order after those before it, and nothing is stored. One without a
        client_order_id gets one, for this call and all its repeats.
        """
        return Call(
            method="POST",
            path=f"{_ORDERS}/batch",
            shape=answers.PlacedMany,
            body={
                "orders": [_order(**one) for one in orders],
                "allOrNothing": all_or_nothing,
                "checkOnly": check_only,
            },
            headers={"X-OMS-Channel": channel},
        )

    @operation("replaceOrder")
    def replace(
        self,
        order_id: Id,
        *,
        quantity: int | None = None,
        limit_price: Price | None = None,
        stop_price: Price | None = None,
        time_in_force: TimeInForce | None = None,
        expire_date: date | str | None = None,
        expire_time: datetime | None = None,
        display_qty: int | None = None,
        algo: Mapping[str, Any] | None = None,
        peg: PegType | None = None,
        peg_offset: Price | None = None,
        request_id: str | None = None,
        channel: str = CHANNEL,
        version: int | None = None,
    ) -> Call[answers.Requested]:
        """Ask for an order to be changed; what is left out stays as it is.

        quantity: shares in all, with what is done; below that it becomes that. stop_price: of an order that
        still waits for it. display_qty: 0 to show all of it. algo: whole, of the strategy that the order has.
        peg, peg_offset: both, of a pegged order.
        request_id: the request's own id, unique by account and channel, also among client_order_ids; without
        one, one is made, once for this call and all its repeats, so that it is never asked twice. version:
        the `sequence` at which the order was read; it is changed only if that is still so. Raises
        ConflictError when the order is over, has a cancel or a replace pending, or is another than it was
        read.
        """
        return Call(
            method="PATCH",
            path=path_of(_ORDER, order_id=order_id),
            shape=answers.Requested,
            body=_change(
                quantity,
                limit_price,
                stop_price,
                time_in_force,
                expire_date,
                expire_time,
                display_qty,
                algo,
                _peg(peg, peg_offset),
            ),
            headers=_of_request(request_id, channel) | if_match(version),
        )

    @operation("previewReplace")
    def preview_replace(
        self,
        order_id: Id,
        *,
        quantity: int | None = None,
        limit_price: Price | None = None,
        stop_price: Price | None = None,
        time_in_force: TimeInForce | None = None,
        expire_date: date | str | None = None,
        expire_time: datetime | None = None,
        display_qty: int | None = None,
        algo: Mapping[str, Any] | None = None,
        peg: PegType | None = None,
        peg_offset: Price | None = None,
    ) -> Call[answers.ReplacePreview]:
        """Return the risk verdict of a change of an order that is not asked for; parameters as `replace`."""
        change = _change(
            quantity, limit_price, stop_price, time_in_force, expire_date, expire_time, display_qty, algo,
            _peg(peg, peg_offset),
        )  # fmt: skip
        return Call(
            method="POST",
            path=path_of(f"{_ORDER}/replace/preview", order_id=order_id),
            shape=answers.ReplacePreview,
            body=change,
        )

    @operation("suspendOrder")
    def suspend(
        self,
        order_id: Id,
        *,
        request_id: str | None = None,
        channel: str = CHANNEL,
        version: int | None = None,
    ) -> Call[answers.Requested]:
        """Ask for an order to be taken out of the market, to go on with it later.

        request_id, version: as of `replace`.
        """
        return Call(
            method="POST",
            path=path_of(f"{_ORDER}/suspend", order_id=order_id),
            shape=answers.Requested,
            headers=_of_request(request_id, channel) | if_match(version),
        )

    @operation("resumeOrder")
    def resume(
        self,
        order_id: Id,
        *,
        request_id: str | None = None,
        channel: str = CHANNEL,
        version: int | None = None,
    ) -> Call[answers.Requested]:
        """Ask for a suspended order to be worked again.

        request_id, version: as of `replace`.
        """
        return Call(
            method="POST",
            path=path_of(f"{_ORDER}/resume", order_id=order_id),
            shape=answers.Requested,
            headers=_of_request(request_id, channel) | if_match(version),
        )

    @operation("cancelOrders")
    def cancel_all(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        side: Side | None = None,
        venue: str | Sequence[str] | None = None,
        older_than: int | None = None,
        order_ids: Sequence[Id] | None = None,
        client_order_ids: Sequence[str] | None = None,
        basket_id: str | None = None,
        after: Id | None = None,
        request_id: str | None = None,
        channel: str = CHANNEL,
    ) -> Call[answers.RequestedMany]:
        """Ask for open orders to be canceled, up to 1,000; `more` says that there are others.

        Something has to be given, and what is given narrows. venue: with a live order there. older_than:
        seconds since they were created. order_ids, client_order_ids: these, each of which is answered.
        basket_id: sent with this list. after: the orders that follow this one, the last of an answer with
        `more`. request_id: as of `replace`; a repeat means the same orders, and no more.
        """
        return Call(
            method="DELETE",
            path=_ORDERS,
            shape=answers.RequestedMany,
            query=_selection(
                account, symbol, side, venue, older_than, order_ids, client_order_ids, basket_id, after
            ),
            headers=_of_request(request_id, channel),
        )

    @operation("suspendOrders")
    def suspend_all(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        side: Side | None = None,
        venue: str | Sequence[str] | None = None,
        older_than: int | None = None,
        order_ids: Sequence[Id] | None = None,
        client_order_ids: Sequence[str] | None = None,
        basket_id: str | None = None,
        after: Id | None = None,
        request_id: str | None = None,
        channel: str = CHANNEL,
    ) -> Call[answers.RequestedMany]:
        """Ask for open orders to be taken out of the market, chosen as by `cancel_all`."""
        return Call(
            method="POST",
            path=f"{_ORDERS}/suspend",
            shape=answers.RequestedMany,
            query=_selection(
                account, symbol, side, venue, older_than, order_ids, client_order_ids, basket_id, after
            ),
            headers=_of_request(request_id, channel),
        )

    @operation("resumeOrders")
    def resume_all(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        side: Side | None = None,
        venue: str | Sequence[str] | None = None,
        older_than: int | None = None,
        order_ids: Sequence[Id] | None = None,
        client_order_ids: Sequence[str] | None = None,
        basket_id: str | None = None,
        after: Id | None = None,
        request_id: str | None = None,
        channel: str = CHANNEL,
    ) -> Call[answers.RequestedMany]:
        """Ask for suspended orders to be worked again, chosen as by `cancel_all`."""
        return Call(
            method="POST",
            path=f"{_ORDERS}/resume",
            shape=answers.RequestedMany,
            query=_selection(
                account, symbol, side, venue, older_than, order_ids, client_order_ids, basket_id, after
            ),
            headers=_of_request(request_id, channel),
        )

    @operation("getOrderEvents")
    def order_events(self, order_id: Id) -> Call[answers.OrderEvents]:
        """Return an order's audit trail, oldest first."""
        return Call(
            method="GET", path=path_of(f"{_ORDER}/events", order_id=order_id), shape=answers.OrderEvents
        )

    @operation("getOrderExecutions")
    def order_executions(self, order_id: Id) -> Call[answers.OrderExecutions]:
        """Return an order's fills, oldest first."""
        path = path_of(f"{_ORDER}/executions", order_id=order_id)
        return Call(method="GET", path=path, shape=answers.OrderExecutions)

    @operation("getOrderRoutes")
    def order_routes(self, order_id: Id) -> Call[answers.OrderRoutes]:
        """Return an order's routing decisions, explained, first attempt first."""
        return Call(
            method="GET", path=path_of(f"{_ORDER}/routes", order_id=order_id), shape=answers.OrderRoutes
        )

    # ---- over all orders

    @listing("listExecutions")
    def executions(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        venue: str | Sequence[str] | None = None,
        side: Side | None = None,
        recorded_from: datetime | None = None,
        recorded_to: datetime | None = None,
        oldest_first: bool = False,
        most: int | None = None,
    ) -> Paging[answers.Execution]:
        """Iterate over executions of all orders, the newest first unless asked otherwise, or up to `most`.

        account, symbol, venue: one or several. recorded_from, recorded_to: recorded then or later, and before
        then; with a time zone.
        """
        call = Call(
            method="GET",
            path="/api/v1/executions",
            shape=answers.ExecutionPage,
            query=query_of(
                accountId=_list(account),
                symbol=_list(symbol),
                venueId=_list(venue),
                side=side,
                sort="recordedAt" if oldest_first else None,
                **{"from": recorded_from, "to": recorded_to},
            ),
        )
        return Paging(call=call, rows="executions", row=answers.Execution, most=most)

    @listing("listRequests")
    def requests(
        self,
        *,
        account: str | Sequence[str] | None = None,
        principal: str | Sequence[str] | None = None,
        kind: str | Sequence[str] | None = None,
        order_id: Id | None = None,
        received_from: datetime | None = None,
        received_to: datetime | None = None,
        most: int | None = None,
    ) -> Paging[answers.Request]:
        """Iterate over who asked for what, the newest first, or up to `most`; for those who administer.

        account, principal, kind (NEW, CANCEL, REPLACE, SUSPEND, RESUME, BOOK): one or several. received_from:
        a day before received_to if left out; received_to: now if left out; with a time zone.
        """
        call = Call(
            method="GET",
            path="/api/v1/requests",
            shape=answers.RequestPage,
            query=query_of(
                accountId=_list(account),
                principal=_list(principal),
                kind=_list(kind),
                orderId=order_id,
                **{"from": received_from, "to": received_to},
            ),
        )
        return Paging(call=call, rows="requests", row=answers.Request, most=most)

    @listing("listChanges")
    def changes(
        self,
        *,
        table: str | Sequence[str] | None = None,
        actor: str | Sequence[str] | None = None,
        key: str | None = None,
        made_from: datetime | None = None,
        made_to: datetime | None = None,
        most: int | None = None,
    ) -> Paging[answers.Change]:
        """Iterate over who changed what, the newest first, or up to `most`; for those who audit.

        table, actor: one or several. key: one of the values that name the row. Times with a time zone.
        """
        call = Call(
            method="GET",
            path="/api/v1/audit",
            shape=answers.ChangePage,
            query=query_of(
                table=_list(table), actor=_list(actor), key=key, **{"from": made_from, "to": made_to}
            ),
        )
        return Paging(call=call, rows="changes", row=answers.Change, most=most)

    # ---- routing

    @operation("previewRoute")
    def preview(
        self,
        *,
        account: str,
        symbol: str,
        side: Side,
        quantity: int,
        limit_price: Price | None = None,
        stop_price: Price | None = None,
        time_in_force: TimeInForce = "DAY",
        expire_date: date | str | None = None,
        expire_time: datetime | None = None,
        min_quantity: int | None = None,
        algo: Mapping[str, Any] | None = None,
        basket_id: str | None = None,
        profile: str | None = None,
        avoid: Sequence[str] = (),
        prefer: Sequence[str] = (),
        capacity: Capacity | None = None,
        tags: Mapping[str, str] | None = None,
        locate_id: str | None = None,
        display_qty: int | None = None,
        post_only: bool = False,
        peg: PegType | None = None,
        peg_offset: Price | None = None,
    ) -> Call[answers.Preview]:
        """Return the plan and the risk verdict of an order that is not sent."""
        terms = _terms(
            account, symbol, side, quantity, limit_price, stop_price, time_in_force, expire_date, expire_time,
            min_quantity, algo, basket_id, _routing(profile, avoid, prefer),
            _instructions(capacity, tags, locate_id, display_qty, post_only), _peg(peg, peg_offset),
        )  # fmt: skip
        return Call(method="POST", path="/api/v1/routes/preview", shape=answers.Preview, body=terms)

    @operation("whatIf")
    def what_if(
        self,
        order_id: Id,
        attempt: int = 1,
        *,
        profile: str | None = None,
        strategy: str | None = None,
        weights: Mapping[str, Price] | None = None,
        without: Sequence[str] = (),
        fees: Mapping[str, Mapping[str, Price]] | None = None,
    ) -> Call[answers.WhatIf]:
        """Decide a stored route again, changed.

        without: venues. fees: by venue, `add` and `remove` in dollars a share.
        """
        texts = None if weights is None else {name: str(value) for name, value in weights.items()}
        by_venue = None
        if fees is not None:
            by_venue = {
                venue: {name: str(value) for name, value in fee.items()} for venue, fee in fees.items()
            }
        return Call(
            method="POST",
            path=path_of(f"{_ORDER}/routes/{{attempt}}/whatif", order_id=order_id, attempt=attempt),
            shape=answers.WhatIf,
            body=body_of(
                profile=profile,
                strategy=strategy,
                weights=texts,
                without=list(without) or None,
                fees=by_venue,
            ),
        )

    @operation("getRouteInputs")
    def route_inputs(self, order_id: Id, attempt: int = 1) -> Call[answers.RouteInputs]:
        """Return the frozen book and reference that a decision stood on."""
        path = path_of(f"{_ORDER}/routes/{{attempt}}/inputs", order_id=order_id, attempt=attempt)
        return Call(method="GET", path=path, shape=answers.RouteInputs)

    @operation("getScorecards")
    def scorecards(self) -> Call[answers.Scorecards]:
        """Return what our own fills say of each venue."""
        return Call(method="GET", path="/api/v1/venues/scorecards", shape=answers.Scorecards)

    @operation("getExecutionQuality")
    def execution_quality(
        self,
        *,
        account: str | Sequence[str] | None = None,
        symbol: str | Sequence[str] | None = None,
        side: Side | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        cut: str | None = None,
        limit: int | None = None,
    ) -> Call[answers.ExecutionQuality]:
        """Return what orders cost against the quotes of their time, the last day's unless asked otherwise.

        account, symbol: one or several. cut: venue, strategy, symbol, side, account or order. limit: so many
        lines. created_from, created_to: created then or later, and before then; with a time zone.
        """
        query = query_of(
            accountId=_list(account),
            symbol=_list(symbol),
            side=side,
            cut=cut,
            limit=limit,
            **{"from": created_from, "to": created_to},
        )
        path = "/api/v1/execution-quality"
        return Call(method="GET", path=path, shape=answers.ExecutionQuality, query=query)

    @operation("listProfiles")
    def profiles(self) -> Call[answers.Profiles]:
        """Return routing profiles, the newest active version of each."""
        return Call(method="GET", path=_PROFILES, shape=answers.Profiles)

    @operation("getProfile")
    def profile(self, name: str) -> Call[answers.Profile]:
        """Return the newest active version of a routing profile."""
        return Call(method="GET", path=path_of(_PROFILE, name=name), shape=answers.Profile)

    @operation("listProfileVersions")
    def profile_versions(self, name: str) -> Call[answers.ProfileVersions]:
        """Return the versions of a routing profile, the newest first, with who added and retired each."""
        return Call(
            method="GET", path=path_of(f"{_PROFILE}/versions", name=name), shape=answers.ProfileVersions
        )

    @operation("addProfile")
    def add_profile(
        self, name: str, settings: Mapping[str, Any], *, reason: str, version: int | None = None
    ) -> Call[answers.ProfileAdded]:
        """Add a version of a routing profile, active from now on.

        version: the newest one as it was read, 0 for none; nothing is added if it is another. Raises
        ConflictError then.
        """
        return Call(
            method="POST",
            path=path_of(_PROFILE, name=name),
            shape=answers.ProfileAdded,
            body={**settings, "reason": reason},
            headers=if_match(version),
            repeatable=False,
        )

    @operation("retireProfile")
    def retire_profile(
        self, name: str, *, reason: str, version: int | None = None
    ) -> Call[answers.ProfileRetired]:
        """Retire a routing profile. version: the newest one as it was read; else ConflictError is raised."""
        return Call(
            method="DELETE",
            path=path_of(_PROFILE, name=name),
            shape=answers.ProfileRetired,
            query=query_of(reason=reason),
            headers=if_match(version),
            repeatable=False,
        )

    @operation("getAccountRouting")
    def account_routing(self, account: str) -> Call[answers.Preferences]:
        """Return how an account wants to be routed."""
        path = path_of(f"{_ACCOUNT}/routing", account_id=account)
        return Call(method="GET", path=path, shape=answers.Preferences)

    @operation("setAccountRouting")
    def set_account_routing(
        self,
        account: str,
        *,
        profile: str | None = None,
        avoid: Sequence[str] = (),
        prefer: Sequence[str] = (),
        version: int | None = None,
    ) -> Call[answers.Preferences]:
        """Replace how an account wants to be routed.

        version: as it was read; nothing is changed if it is another. Raises ConflictError then.
        """
        return Call(
            method="PUT",
            path=path_of(f"{_ACCOUNT}/routing", account_id=account),
            shape=answers.Preferences,
            body=_routing(profile, avoid, prefer) or {},
            headers=if_match(version),
            repeatable=version is None,
        )

    # ---- what there is

    @operation("getMe")
    def me(self) -> Call[answers.Me]:
        """Return who the token speaks for."""
        return Call(method="GET", path="/api/v1/me", shape=answers.Me)

    @operation("listAccounts")
    def accounts(self) -> Call[answers.Accounts]:
        """Return the accounts that the caller sees."""
        return Call(method="GET", path=_ACCOUNTS, shape=answers.Accounts)

    @operation("getAccount")
    def account(self, account: str) -> Call[answers.Account]:
        """Return an account."""
        return Call(method="GET", path=path_of(_ACCOUNT, account_id=account), shape=answers.Account)

    @operation("openAccount")
    def open_account(
        self, account: str, *, name: str, kind: AccountKind, firm: str, desk: str, reason: str
    ) -> Call[answers.Account]:
        """Open an account, which trades within a second. Raises ConflictError when there is one of its id."""
        body = {
            "accountId": account, "name": name, "kind": kind, "firm": firm, "desk": desk, "reason": reason,
        }  # fmt: skip
        return Call(method="POST", path=_ACCOUNTS, shape=answers.Account, body=body, repeatable=False)

    @operation("changeAccount")
    def change_account(
        self,
        account: str,
        *,
        reason: str,
        status: AccountStatus | None = None,
        name: str | None = None,
        firm: str | None = None,
        desk: str | None = None,
        version: int | None = None,
    ) -> Call[answers.Account]:
        """Suspend an account, let it trade again, close it, or change its name, firm or desk.

        version: as it was read; nothing is changed if it is another. Raises ConflictError then, and where an
        account that is to be closed has open orders or positions.
        """
        return Call(
            method="PATCH",
            path=path_of(_ACCOUNT, account_id=account),
            shape=answers.Account,
            body=body_of(status=status, name=name, firm=firm, desk=desk, reason=reason),
            headers=if_match(version),
            repeatable=False,
        )

    @operation("getPositions")
    def positions(self, account: str) -> Call[answers.Positions]:
        """Return an account's positions."""
        path = path_of(f"{_ACCOUNT}/positions", account_id=account)
        return Call(method="GET", path=path, shape=answers.Positions)

    @operation("getPnl")
    def pnl(self, account: str) -> Call[answers.Pnl]:
        """Return an account's profit and loss and its cash, at the marks of now."""
        return Call(method="GET", path=path_of(f"{_ACCOUNT}/pnl", account_id=account), shape=answers.Pnl)

    @operation("listCashEntries")
    def cash_entries(self, account: str, *, limit: int | None = None) -> Call[answers.CashEntries]:
        """Return what moved an account's cash beside executions, the newest first. limit: how many."""
        path = path_of(f"{_ACCOUNT}/cash-entries", account_id=account)
        return Call(method="GET", path=path, shape=answers.CashEntries, query=query_of(limit=limit))

    @operation("enterCash")
    def enter_cash(
        self,
        account: str,
        kind: str,
        amount: Price,
        *,
        reason: str,
        entry_id: Id | None = None,
    ) -> Call[answers.CashEntry]:
        """Deposit cash to an account, or withdraw what has settled of it. kind: DEPOSIT, WITHDRAWAL.

        entry_id: under which it is done once, however often it is asked for; one is made where none is given.
        """
        body = {
            "kind": kind,
            "amount": str(amount),
            "reason": reason,
            "entryId": str(entry_id or uuid7()),
        }
        path = path_of(f"{_ACCOUNT}/cash-entries", account_id=account)
        return Call(method="POST", path=path, shape=answers.CashEntry, body=body)

    @operation("loadPositions")
    def load_positions(
        self,
        positions: Sequence[Mapping[str, Any]] = (),
        cash: Sequence[Mapping[str, Any]] = (),
        *,
        replace: bool = False,
        reason: str,
    ) -> Call[answers.PositionsLoaded]:
        """Say what accounts hold at a start of day, all of it or nothing.

        positions: accountId, symbol, quantity, cost; cash: accountId, amount; dollars. replace: also of
        accounts that have open orders, or have traded today.
        """
        body = {
            "positions": [dict(one) for one in positions],
            "cash": [dict(one) for one in cash],
            "replace": replace,
            "reason": reason,
        }
        path = "/api/v1/positions/load"
        return Call(method="POST", path=path, shape=answers.PositionsLoaded, body=body, repeatable=False)

    @operation("splitSymbol")
    def split(
        self,
        symbol: str,
        numerator: int,
        denominator: int,
        *,
        price: Price | None = None,
        check: bool = False,
        reason: str,
    ) -> Call[answers.Split]:
        """Split a halted symbol without open orders: numerator shares for every denominator.

        price: of a part of a share that is paid out; by default the reference price after the split.
        check: only say what it would do.
        """
        body = body_of(
            symbol=symbol,
            numerator=numerator,
            denominator=denominator,
            price=None if price is None else str(price),
            check=check,
            reason=reason,
        )
        path = "/api/v1/corporate-actions/split"
        return Call(method="POST", path=path, shape=answers.Split, body=body, repeatable=False)

    @operation("renameSymbol")
    def rename(
        self, symbol: str, new_symbol: str, *, check: bool = False, reason: str
    ) -> Call[answers.Rename]:
        """Hold what all accounts have of a halted symbol without open orders under another symbol.

        The old symbol is INACTIVE then. check: only say what it would do.
        """
        body = body_of(symbol=symbol, newSymbol=new_symbol, check=check, reason=reason)
        path = "/api/v1/corporate-actions/rename"
        return Call(method="POST", path=path, shape=answers.Rename, body=body, repeatable=False)

    @operation("listInstruments")
    def instruments(self) -> Call[answers.Instruments]:
        """Return what is traded."""
        return Call(method="GET", path=_INSTRUMENTS, shape=answers.Instruments)

    @operation("getInstrument")
    def instrument(self, symbol: str) -> Call[answers.Instrument]:
        """Return an instrument."""
        path = path_of(_INSTRUMENT, symbol=symbol)
        return Call(method="GET", path=path, shape=answers.Instrument)

    @operation("addInstrument")
    def add_instrument(
        self,
        symbol: str,
        *,
        name: str,
        reference_price: Price,
        calendar: str,
        reason: str,
        sector: str | None = None,
        listing_venue: str | None = None,
        tick_size: Price | None = None,
        lot_size: int | None = None,
        average_volume: int | None = None,
        sigma_bps: int | None = None,
    ) -> Call[answers.Instrument]:
        """List an instrument, which trades within a second. tick_size, lot_size: None for everybody's.

        Raises ConflictError when there is one of its symbol.
        """
        body = body_of(
            symbol=symbol,
            name=name,
            referencePrice=str(reference_price),
            calendarId=calendar,
            sector=sector,
            listingVenue=listing_venue,
            tickSize=None if tick_size is None else str(tick_size),
            lotSize=lot_size,
            averageVolume=average_volume,
            sigmaBps=sigma_bps,
            reason=reason,
        )
        return Call(method="POST", path=_INSTRUMENTS, shape=answers.Instrument, body=body, repeatable=False)

    @operation("changeInstrument")
    def change_instrument(
        self,
        symbol: str,
        *,
        reason: str,
        status: InstrumentStatus | None = None,
        name: str | None = None,
        sector: str | None = None,
        listing_venue: str | None = None,
        tick_size: Price | None = None,
        lot_size: int | None = None,
        version: int | None = None,
    ) -> Call[answers.Instrument]:
        """Take an instrument off the list or back, or change its tick, round lot or sector, from today on.

        version: as it was read; nothing is changed if it is another. Raises ConflictError then, and where
        prices of open orders would be off the tick.
        """
        return Call(
            method="PATCH",
            path=path_of(_INSTRUMENT, symbol=symbol),
            shape=answers.Instrument,
            body=body_of(
                status=status,
                name=name,
                sector=sector,
                listingVenue=listing_venue,
                tickSize=None if tick_size is None else str(tick_size),
                lotSize=lot_size,
                reason=reason,
            ),
            headers=if_match(version),
            repeatable=False,
        )

    @operation("listVenues")
    def venues(self) -> Call[answers.Venues]:
        """Return where orders go, with fees, closures and FIX sessions."""
        return Call(method="GET", path="/api/v1/venues", shape=answers.Venues)

    @operation("listQuotes")
    def quotes(self, symbols: str | Sequence[str] | None = None) -> Call[answers.Quotes]:
        """Return the newest national best bids and offers, last trades and volumes.

        Of every instrument where no symbol is named.
        """
        query = query_of(symbol=_list(symbols))
        return Call(method="GET", path="/api/v1/quotes", shape=answers.Quotes, query=query)

    @operation("getBook")
    def book(self, symbol: str) -> Call[answers.Book]:
        """Return every venue's displayed book of a symbol."""
        path = path_of("/api/v1/quotes/{symbol}/book", symbol=symbol)
        return Call(method="GET", path=path, shape=answers.Book)

    # ---- the desk

    @operation("listExceptions")
    def exceptions(
        self,
        *,
        status: str | None = None,
        venue: str | None = None,
        kind: str | None = None,
        order_id: Id | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Call[answers.ExecutionExceptions]:
        """Return what venues said that could not be applied, the newest first. before: raised before then."""
        query = query_of(
            status=status,
            venueId=venue,
            kind=kind,
            orderId=order_id,
            before=before,
            limit=limit,
        )
        return Call(method="GET", path=_EXCEPTIONS, shape=answers.ExecutionExceptions, query=query)

    @operation("getException")
    def exception(self, exception_id: Id) -> Call[answers.ExecutionException]:
        """Return an exception, with the message as it came."""
        path = path_of(_EXCEPTION, exception_id=exception_id)
        return Call(method="GET", path=path, shape=answers.ExecutionException)

    @operation("ignoreException")
    def ignore_exception(self, exception_id: Id, *, reason: str) -> Call[answers.ExecutionException]:
        """Close an exception without effect."""
        path = path_of(f"{_EXCEPTION}/ignore", exception_id=exception_id)
        return Call(
            method="POST",
            path=path,
            shape=answers.ExecutionException,
            body={"reason": reason},
            repeatable=False,
        )

    @operation("bookException")
    def book_exception(
        self,
        exception_id: Id,
        *,
        reason: str,
        last_qty: int | None = None,
        last_px: Price | None = None,
        account: str | None = None,
        symbol: str | None = None,
        side: Side | None = None,
    ) -> Call[answers.BookingTaken]:
        """Book the trade of an exception. What is left out is as the exception says it."""
        return Call(
            method="POST",
            path=path_of(f"{_EXCEPTION}/book", exception_id=exception_id),
            shape=answers.BookingTaken,
            body=body_of(
                reason=reason,
                lastQty=last_qty,
                lastPx=None if last_px is None else str(last_px),
                accountId=account,
                symbol=symbol,
                side=side,
            ),
            repeatable=False,
        )

    @operation("listKillSwitches")
    def kill_switches(self, *, released: bool | None = None) -> Call[answers.KillSwitches]:
        """Return kill switches, the newest first. released: also those that were."""
        return Call(method="GET", path=_SWITCHES, shape=answers.KillSwitches, query=query_of(all=released))

    @operation("getKillSwitch")
    def kill_switch(self, switch_id: Id) -> Call[answers.KillSwitchDetail]:
        """Return a kill switch: who goes by it, what it found open, what of that is outstanding."""
        path = path_of(f"{_SWITCHES}/{{switch_id}}", switch_id=switch_id)
        return Call(method="GET", path=path, shape=answers.KillSwitchDetail)

    @operation("setKillSwitch")
    def set_kill_switch(
        self,
        *,
        reason: str,
        stage: KillStage = "BLOCK",
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        venue: str | None = None,
        everything: bool = False,
    ) -> Call[answers.KillSwitch]:
        """Stop what has every name that is given: nothing new of it leaves. CANCEL: what is open ends, too.

        FLATTEN: then its positions are closed. everything: where no name is given.
        """
        return Call(
            method="POST",
            path=_SWITCHES,
            shape=answers.KillSwitch,
            body=body_of(
                firm=firm,
                desk=desk,
                accountId=account,
                trader=trader,
                strategy=strategy,
                sector=sector,
                symbol=symbol,
                venueId=venue,
                everything=everything,
                stage=stage,
                reason=reason,
            ),
            repeatable=False,
        )

    @operation("raiseKillSwitch")
    def raise_kill_switch(self, switch_id: Id, *, stage: KillStage, reason: str) -> Call[answers.KillSwitch]:
        """Have a kill switch go further."""
        path = path_of(f"{_SWITCHES}/{{switch_id}}/raise", switch_id=switch_id)
        body = {"stage": stage, "reason": reason}
        return Call(method="POST", path=path, shape=answers.KillSwitch, body=body, repeatable=False)

    @operation("previewFlatten")
    def preview_flatten(
        self,
        *,
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        everything: bool = False,
    ) -> Call[answers.FlattenPreview]:
        """Return the positions that a kill switch of a scope would close. everything: no name is given."""
        body = body_of(
            firm=firm, desk=desk, accountId=account, sector=sector, symbol=symbol, everything=everything
        )
        return Call(method="POST", path=f"{_SWITCHES}/preview", shape=answers.FlattenPreview, body=body)

    @operation("releaseKillSwitch")
    def release_kill_switch(self, switch_id: Id, *, reason: str) -> Call[answers.KillSwitch]:
        """Let a scope trade again."""
        path = path_of(f"{_SWITCHES}/{{switch_id}}/release", switch_id=switch_id)
        body = {"reason": reason}
        return Call(method="POST", path=path, shape=answers.KillSwitch, body=body, repeatable=False)

    @operation("listKillTriggers")
    def kill_triggers(self) -> Call[answers.KillTriggers]:
        """Return what sets kill switches by itself."""
        return Call(method="GET", path=_KILL_TRIGGERS, shape=answers.KillTriggers)

    @operation("putKillTrigger")
    def put_kill_trigger(
        self,
        *,
        kind: str,
        threshold: int,
        window: int,
        mode: KillTriggerMode,
        reason: str,
        stage: KillTriggerStage = "BLOCK",
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        venue: str | None = None,
        everything: bool = False,
    ) -> Call[answers.KillTrigger]:
        """Make a trigger of a kind and scope, or make the one that is there another.

        threshold: in the unit of its kind. window: seconds.
        """
        return Call(
            method="PUT",
            path=_KILL_TRIGGERS,
            shape=answers.KillTrigger,
            body=body_of(
                kind=kind,
                threshold=threshold,
                windowS=window,
                mode=mode,
                stage=stage,
                firm=firm,
                desk=desk,
                accountId=account,
                trader=trader,
                strategy=strategy,
                sector=sector,
                symbol=symbol,
                venueId=venue,
                everything=everything,
                reason=reason,
            ),
        )

    # ---- limits

    @operation("listRiskRules")
    def risk_rules(self) -> Call[answers.RiskRules]:
        """Return the rules of pre-trade risk, by precedence, with what can be set of them."""
        return Call(method="GET", path=_RULES, shape=answers.RiskRules)

    @listing("listLimits")
    def limits(
        self,
        *,
        rule: str | None = None,
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        venue: str | None = None,
        most: int | None = None,
    ) -> Paging[answers.Limit]:
        """Iterate over what is set of the rules, the newest first, or up to `most`.

        rule: of this one; the others: of scopes that have this name, and perhaps more of other kinds.
        """
        names = query_of(
            rule=rule, firm=firm, desk=desk, account=account, trader=trader, strategy=strategy, sector=sector,
            symbol=symbol, venue=venue,
        )  # fmt: skip
        call = Call(method="GET", path=_LIMITS, shape=answers.LimitPage, query=names)
        return Paging(call=call, rows="limits", row=answers.Limit, most=most)

    @listing("listLimitChanges")
    def limit_changes(
        self,
        *,
        rule: str | None = None,
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        venue: str | None = None,
        most: int | None = None,
    ) -> Paging[answers.LimitChange]:
        """Iterate over who changed what of the rules, and why, the newest first; named as in `limits`."""
        names = query_of(
            rule=rule, firm=firm, desk=desk, account=account, trader=trader, strategy=strategy, sector=sector,
            symbol=symbol, venue=venue,
        )  # fmt: skip
        call = Call(method="GET", path=f"{_LIMITS}/history", shape=answers.LimitHistory, query=names)
        return Paging(call=call, rows="changes", row=answers.LimitChange, most=most)

    @operation("getEffectiveLimits")
    def effective_limits(
        self,
        *,
        account: str | None = None,
        symbol: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        venue: str | None = None,
    ) -> Call[answers.EffectiveLimits]:
        """Return what holds for an order, of every rule, and of which scope that is.

        venue: what holds for what is sent there, of the rules that may be set for a venue.
        """
        names = query_of(account=account, symbol=symbol, trader=trader, strategy=strategy, venue=venue)
        path = f"{_LIMITS}/effective"
        return Call(method="GET", path=path, shape=answers.EffectiveLimits, query=names)

    @operation("setLimit")
    def set_limit(
        self,
        rule: str,
        *,
        reason: str,
        limit_scope: Mapping[str, str] | None = None,
        mode: str | None = None,
        severity: str | None = None,
        on_missing: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Call[answers.Limit]:
        """Set a rule for a scope: a whole row. What holds already changes nothing.

        limit_scope: names by firm, desk, account, trader, strategy, sector, symbol; None for everything.
        mode: OFF, SHADOW, ON. severity: HARD, SOFT, OVERRIDE. on_missing: DENY, PASS. What is None comes from
        wider scopes. version: of the row that is replaced, 0 for none; nothing is set if it is another.
        Raises ConflictError then.
        """
        return Call(
            method="PUT",
            path=_LIMITS,
            shape=answers.Limit,
            body=body_of(
                rule=rule,
                scope=None if limit_scope is None else dict(limit_scope),
                mode=mode,
                severity=severity,
                onMissing=on_missing,
                parameters=None if parameters is None else dict(parameters),
                reason=reason,
                version=version,
            ),
            repeatable=version is None,
        )

    @operation("loadLimits")
    def load_limits(self, rows: Sequence[Mapping[str, Any]], *, reason: str) -> Call[answers.LimitsSet]:
        """Set many rows together, or none of them.

        rows: rule, scope, mode, severity, onMissing, parameters; of those but the rule, what is set.
        """
        body = {"limits": [dict(row) for row in rows], "reason": reason}
        return Call(method="POST", path=f"{_LIMITS}/load", shape=answers.LimitsSet, body=body)

    @operation("removeLimit")
    def remove_limit(
        self,
        rule: str,
        *,
        reason: str,
        firm: str | None = None,
        desk: str | None = None,
        account: str | None = None,
        trader: str | None = None,
        strategy: str | None = None,
        sector: str | None = None,
        symbol: str | None = None,
        venue: str | None = None,
        version: int | None = None,
    ) -> Call[answers.Limit]:
        """Remove what is set of a rule for the scope of just these names. Returns what was set.

        version: of the row; nothing is removed if it is another. Raises ConflictError then.
        """
        query = query_of(
            rule=rule, reason=reason, version=version, firm=firm, desk=desk, account=account, trader=trader,
            strategy=strategy, sector=sector, symbol=symbol, venue=venue,
        )  # fmt: skip
        return Call(method="DELETE", path=_LIMITS, shape=answers.Limit, query=query, repeatable=False)

    # ---- overrides

    @operation("listOverrides")
    def overrides(
        self,
        *,
        account: str | None = None,
        order: UUID | str | None = None,
        every: bool | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Call[answers.Overrides]:
        """Return the leave that was given for denied orders and is not used, the newest first.

        order: of this one. every: also what was used, revoked, or has expired. before: granted before then.
        limit: at most so many.
        """
        query = query_of(accountId=account, orderId=order, all=every, before=before, limit=limit)
        return Call(method="GET", path=_OVERRIDES, shape=answers.Overrides, query=query)

    @operation("grantOverride")
    def grant_override(
        self,
        *,
        reason: str,
        order: UUID | str | None = None,
        account: str | None = None,
        client_order_id: str | None = None,
        rules: Sequence[str] | None = None,
        expires_minutes: int | None = None,
    ) -> Call[answers.Override]:
        """Let an order pass that risk denied, or the replace of it that was denied last.

        It passes once, when its trader sends the same again.

        order: or account and client_order_id. rules: of those that denied, which are let pass; None for all.
        expires_minutes: until when it may be sent, 15 if None. Raises ConflictError where leave for the same
        denial was given already.
        """
        return Call(
            method="POST",
            path=_OVERRIDES,
            shape=answers.Override,
            body=body_of(
                orderId=None if order is None else str(order),
                accountId=account,
                clientOrderId=client_order_id,
                rules=None if rules is None else list(rules),
                expiresMinutes=expires_minutes,
                reason=reason,
            ),
            repeatable=False,
        )

    @operation("revokeOverride")
    def revoke_override(self, order: UUID | str, *, reason: str) -> Call[answers.Overrides]:
        """Take back the leave of an order that is not used. Returns it."""
        query = query_of(orderId=order, reason=reason)
        return Call(method="DELETE", path=_OVERRIDES, shape=answers.Overrides, query=query, repeatable=False)

    # ---- locates

    @operation("listLocates")
    def locates(
        self, *, day: date | None = None, account: str | None = None, symbol: str | None = None
    ) -> Call[answers.Locates]:
        """Return a day's locates with what is drawn of them, and its easy-to-borrow list.

        day: of the session, today in New York if None.
        """
        on = None if day is None else day.isoformat()
        query = query_of(day=on, accountId=account, symbol=symbol)
        return Call(method="GET", path=_LOCATES, shape=answers.Locates, query=query)

    @operation("loadLocates")
    def load_locates(
        self,
        locates: Sequence[Mapping[str, Any]] = (),
        easy_to_borrow: Sequence[str] | None = None,
        *,
        day: date | None = None,
        reason: str,
    ) -> Call[answers.Locates]:
        """Load a day's locates and its easy-to-borrow list, all of it or nothing. Returns what was loaded.

        locates: accountId, symbol, reference, broker, quantity. easy_to_borrow: the whole list of the day; it
        stays as it is if None. day: of the session, today in New York if None.
        """
        body = body_of(
            locates=[dict(one) for one in locates],
            easyToBorrow=None if easy_to_borrow is None else list(easy_to_borrow),
            day=None if day is None else day.isoformat(),
            reason=reason,
        )
        return Call(method="POST", path=f"{_LOCATES}/load", shape=answers.Locates, body=body)

    # ---- the market

    @operation("listCalendars")
    def calendars(self) -> Call[answers.Calendars]:
        """Return when markets trade."""
        return Call(method="GET", path=_CALENDARS, shape=answers.Calendars)

    @operation("getCalendar")
    def calendar(
        self, calendar: str, *, first: date | None = None, last: date | None = None
    ) -> Call[answers.CalendarSessions]:
        """Return a calendar's sessions, from today for two weeks where no day is named."""
        query = query_of(
            first=None if first is None else first.isoformat(),
            last=None if last is None else last.isoformat(),
        )
        path = path_of(f"{_CALENDARS}/{{calendar_id}}", calendar_id=calendar)
        return Call(method="GET", path=path, shape=answers.CalendarSessions, query=query)

    @operation("setSession")
    def set_session(
        self,
        calendar: str,
        day: date,
        *,
        reason: str,
        opens: str | None = None,
        closes: str | None = None,
        early_close: bool = False,
    ) -> Call[answers.Session]:
        """Set when a market trades on a day. opens, closes: by its zone's clock, 13:00; None: as they are."""
        return Call(
            method="PUT",
            path=path_of(f"{_CALENDARS}/{{calendar_id}}/sessions/{{day}}", calendar_id=calendar, day=day),
            shape=answers.Session,
            body=body_of(opens=opens, closes=closes, earlyClose=early_close, reason=reason),
            repeatable=False,
        )

    @operation("removeSession")
    def remove_session(self, calendar: str, day: date, *, reason: str) -> Call[answers.Session]:
        """Close a market for a day. Returns the session that there was."""
        return Call(
            method="DELETE",
            path=path_of(f"{_CALENDARS}/{{calendar_id}}/sessions/{{day}}", calendar_id=calendar, day=day),
            shape=answers.Session,
            query=query_of(reason=reason),
            repeatable=False,
        )

    @operation("listHalts")
    def halts(self, *, lifted: bool | None = None) -> Call[answers.Halts]:
        """Return halts, the newest first. lifted: also those that were."""
        return Call(method="GET", path=_HALTS, shape=answers.Halts, query=query_of(all=lifted))

    @operation("setHalt")
    def set_halt(self, symbol: str, *, reason: str) -> Call[answers.Halt]:
        """Halt a symbol: its new orders are denied, nothing of it leaves for a venue; cancels go on."""
        body = body_of(symbol=symbol, reason=reason)
        return Call(method="POST", path=_HALTS, shape=answers.Halt, body=body, repeatable=False)

    @operation("liftHalt")
    def lift_halt(self, symbol: str, *, reason: str) -> Call[answers.Halt]:
        """Let a symbol trade again."""
        path = path_of(f"{_HALTS}/{{symbol}}/lift", symbol=symbol)
        body = {"reason": reason}
        return Call(method="POST", path=path, shape=answers.Halt, body=body, repeatable=False)

    @operation("listReconciliations")
    def reconciliations(
        self,
        *,
        venue: str | None = None,
        broken: bool | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Call[answers.Reconciliations]:
        """Return comparisons of open orders with venues, the newest first. before: ended before then."""
        return Call(
            method="GET",
            path="/api/v1/reconciliations",
            shape=answers.Reconciliations,
            query=query_of(venueId=venue, broken=broken, before=before, limit=limit),
        )

    # ---- post-trade

    @operation("listRiskAlerts")
    def risk_alerts(
        self,
        *,
        state: str | None = None,
        account: str | None = None,
        rule: str | None = None,
        level: str | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Call[answers.RiskAlerts]:
        """Return limits that are near or passed, the newest first. before: first seen before then."""
        query = query_of(state=state, accountId=account, rule=rule, level=level, before=before, limit=limit)
        return Call(method="GET", path=_RISK_ALERTS, shape=answers.RiskAlerts, query=query)

    @operation("acknowledgeRiskAlert")
    def acknowledge_risk_alert(
        self, alert_id: Id, *, note: str, times_raised: int | None = None
    ) -> Call[answers.RiskAlert]:
        """Say that an alert was seen. times_raised: as it was seen; it is refused if it was raised again."""
        return Call(
            method="POST",
            path=path_of(f"{_RISK_ALERTS}/{{alert_id}}/acknowledge", alert_id=alert_id),
            shape=answers.RiskAlert,
            body=body_of(note=note, timesRaised=times_raised),
            repeatable=False,
        )

    @operation("listFindings")
    def findings(
        self,
        *,
        day: date | None = None,
        pattern: str | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> Call[answers.Findings]:
        """Return what surveillance found, the latest day first."""
        on = None if day is None else day.isoformat()
        query = query_of(day=on, pattern=pattern, state=state, limit=limit)
        return Call(method="GET", path=_SURVEILLANCE, shape=answers.Findings, query=query)

    @operation("listSurveillanceReports")
    def surveillance_reports(
        self, *, day: date | None = None, limit: int | None = None
    ) -> Call[answers.SurveillanceReports]:
        """Return the runs of surveillance, the newest first."""
        query = query_of(day=None if day is None else day.isoformat(), limit=limit)
        path = f"{_SURVEILLANCE}/reports"
        return Call(method="GET", path=path, shape=answers.SurveillanceReports, query=query)

    @operation("reviewFinding")
    def review_finding(self, finding_id: Id, *, note: str) -> Call[answers.Finding]:
        """Say what a person found of a finding."""
        return Call(
            method="POST",
            path=path_of(f"{_SURVEILLANCE}/{{finding_id}}/review", finding_id=finding_id),
            shape=answers.Finding,
            body={"note": note},
            repeatable=False,
        )

    # ---- venues' FIX sessions

    @operation("listFixSessions")
    def fix_sessions(self) -> Call[answers.FixSessions]:
        """Return every venue's FIX session."""
        return Call(method="GET", path=_SESSIONS, shape=answers.FixSessions)

    @operation("getFixSession")
    def fix_session(self, venue: str) -> Call[answers.FixSession]:
        """Return a venue's FIX session."""
        return Call(method="GET", path=path_of(_SESSION, venue_id=venue), shape=answers.FixSession)

    @operation("listFixCommands")
    def fix_commands(self, venue: str) -> Call[answers.FixCommands]:
        """Return what was asked of a venue's session, the newest first."""
        path = path_of(f"{_SESSION}/commands", venue_id=venue)
        return Call(method="GET", path=path, shape=answers.FixCommands)

    @operation("askFixSession")
    def ask_fix_session(
        self,
        venue: str,
        kind: CommandKind,
        *,
        reason: str,
        begin_seq_no: int | None = None,
        end_seq_no: int | None = None,
    ) -> Call[answers.FixCommand]:
        """Ask something of a venue's session, which is done within seconds.

        begin_seq_no, end_seq_no: of RESEND; without an end, up to the newest.
        """
        body = body_of(kind=kind, reason=reason, beginSeqNo=begin_seq_no, endSeqNo=end_seq_no)
        path = path_of(f"{_SESSION}/commands", venue_id=venue)
        return Call(method="POST", path=path, shape=answers.FixCommand, body=body, repeatable=False)

    @operation("withdrawFixCommand")
    def withdraw_fix_command(self, venue: str, command_id: Id) -> Call[answers.FixCommand]:
        """Take back what was asked of a session, while it is not done."""
        path = path_of(f"{_SESSION}/commands/{{command_id}}", venue_id=venue, command_id=command_id)
        return Call(method="DELETE", path=path, shape=answers.FixCommand, repeatable=False)
