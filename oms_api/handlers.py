"""What the doors do, whichever door it was: plain functions from a request to an answer or a refusal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode, invalid, no_such_account, no_such_order
from oms_api.domain.terms import NO_ROUTING, Known, RoutingTerms, Terms, content_hash, read_terms
from oms_api.ports import (
    KeyConflict,
    NewCancel,
    NewOrder,
    OrderView,
    Ports,
    PositionView,
    ReferenceData,
    RowRefused,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.messages import CancelOrder, SubmitOrder
from oms_platform.vocabulary import OrderType, Routing, Side, TimeInForce
from oms_platform.wire import encode

RETRY_AFTER_S: Final = 1
_SIDE: Final = {member.name: member for member in Side}
_ORDER_TYPE: Final = {member.name: member for member in OrderType}
_TIME_IN_FORCE: Final = {member.name: member for member in TimeInForce}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that is stored. `created` is false when it was there before."""

    order_id: UUID
    client_order_id: str
    created: bool
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    """A cancel request that is stored; `status` is the order's at that moment."""

    order_id: UUID
    request_id: UUID
    status: str


def unavailable(what: str) -> Refusal:
    """Build the refusal for something that is away."""
    return Refusal(code=RefusalCode.UNAVAILABLE, message=what, retry_after_s=RETRY_AFTER_S)


async def admit(ports: Ports, token: str | None, right: Right) -> Principal | Refusal:
    """Verify the caller, count the request against its rate, and check that it has the right.

    Raises UnavailableError while tokens cannot be verified.
    """
    if not token:
        return Refusal(code=RefusalCode.UNAUTHENTICATED, message="a bearer token is required")
    principal = ports.authenticator.cached(token)
    if principal is None:
        verified = await ports.authenticator.authenticate(token)
        if isinstance(verified, str):
            return Refusal(code=RefusalCode.UNAUTHENTICATED, message=verified)
        principal = verified
    if not ports.limiter.take_leased(principal.subject):
        wait_s = await ports.limiter.take(principal.subject)
        if wait_s > 0:
            return Refusal(
                code=RefusalCode.RATE_LIMITED,
                message=f"more requests than the rate of {principal.subject} allows",
                retry_after_s=math.ceil(wait_s),
            )
    if right not in principal.rights:
        return Refusal(code=RefusalCode.FORBIDDEN, message=f"the token gives no right to {right.value}")
    return principal


async def handle_place_order(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    *,
    channel: str,
    content: Mapping[str, object],
    trace: str,
) -> Placed | Refusal:
    """Check and store an order. Returns after it is durable; raises UnavailableError if that is not known."""
    terms = await read_order_terms(ports, principal, channel, content)
    if isinstance(terms, Refusal):
        return terms
    if not ports.broker.available:
        return unavailable("Kafka is away: new orders are not taken")
    order = _new_order(terms, principal.subject, clock(), trace)
    stored = await ports.intake.submit(order)
    if isinstance(stored, KeyConflict):
        return Refusal(
            code=RefusalCode.DUPLICATE_ORDER_ID,
            message=f"clientOrderId {terms.client_order_id} is order {stored.order_id} with other content",
        )
    if isinstance(stored, RowRefused):
        return invalid(stored.problem)
    return Placed(
        order_id=stored.order_id,
        client_order_id=terms.client_order_id,
        created=stored.created,
        accepted_at=stored.created_at,
    )


async def read_order_terms(
    ports: Ports, principal: Principal, channel: str, content: Mapping[str, object]
) -> Terms | Refusal:
    """Check an order's content, with names that became known just now."""
    known = known_to(ports.reference, principal)
    terms = read_terms(content, channel, known)
    if not isinstance(terms, Terms) and any(problem.message.startswith("unknown ") for problem in terms):
        await ports.reference.refresh()
        terms = read_terms(content, channel, known)
    return terms if isinstance(terms, Terms) else invalid(*terms)


def known_to(reference: ReferenceData, principal: Principal) -> Known:
    """Return what a caller may name: of accounts only its own."""
    return Known(
        tick_size_of=reference.tick_size,
        account_exists=lambda account_id: principal.sees(account_id) and reference.account_exists(account_id),
        profile_exists=reference.profile_exists,
        venue_exists=reference.venue_exists,
    )


def wish_of(routing: RoutingTerms) -> Routing | None:
    """Return wishes as messages carry them, None for none."""
    if routing == NO_ROUTING:
        return None
    return Routing(profile=routing.profile, avoid=routing.avoid, prefer=routing.prefer)


def _new_order(terms: Terms, principal: str, now: datetime, trace: str) -> NewOrder:
    order_id = uuid7()
    message = SubmitOrder(
        order_id=order_id,
        account_id=terms.account_id,
        channel=terms.channel,
        client_order_id=terms.client_order_id,
        symbol=terms.symbol,
        side=_SIDE[terms.side],
        order_type=_ORDER_TYPE[terms.order_type],
        quantity=terms.quantity,
        time_in_force=_TIME_IN_FORCE[terms.time_in_force],
        received_at=now,
        limit_price=terms.limit_price,
        principal=principal,
        routing=wish_of(terms.routing),
    )
    return NewOrder(
        order_id=order_id,
        event_id=uuid7(),
        outbox_id=uuid7(),
        terms=terms,
        content_hash=content_hash(terms),
        principal=principal,
        received_at=now,
        payload=encode(message),
        trace=trace,
    )


async def handle_get_order(ports: Ports, principal: Principal, order_id: str) -> OrderView | Refusal:
    """Return an order of an account that the caller sees; otherwise it does not exist."""
    try:
        found = await ports.reader.order(UUID(order_id))
    except ValueError:
        return no_such_order(order_id)
    if found is None or not principal.sees(found.account_id):
        return no_such_order(order_id)
    return found


async def handle_cancel_order(
    ports: Ports, clock: Clock, principal: Principal, order_id: str, trace: str
) -> CancelRequested | Refusal:
    """Store a request to cancel. A closed order is refused with its status; asking again does no harm."""
    found = await handle_get_order(ports, principal, order_id)
    if isinstance(found, Refusal):
        return found
    if found.closed:
        return Refusal(
            code=RefusalCode.ORDER_CLOSED, message=f"order {order_id} is {found.status}", status=found.status
        )
    if not ports.broker.available:
        return unavailable("Kafka is away: cancels are not taken")
    now = clock()
    request_id = uuid7()
    message = CancelOrder(
        request_id=request_id,
        order_id=found.order_id,
        account_id=found.account_id,
        received_at=now,
        principal=principal.subject,
    )
    await ports.intake.cancel(
        NewCancel(
            request_id=request_id,
            outbox_id=uuid7(),
            order_id=found.order_id,
            account_id=found.account_id,
            received_at=now,
            payload=encode(message),
            trace=trace,
        )
    )
    return CancelRequested(order_id=found.order_id, request_id=request_id, status=found.status)


async def handle_get_positions(
    ports: Ports, principal: Principal, account_id: str
) -> list[PositionView] | Refusal:
    """Return the positions of an account that the caller sees; otherwise it does not exist."""
    if not principal.sees(account_id):
        return no_such_account(account_id)
    if not ports.reference.account_exists(account_id):
        await ports.reference.refresh()
        if not ports.reference.account_exists(account_id):
            return no_such_account(account_id)
    return await ports.reader.positions(account_id)
