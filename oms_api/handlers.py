"""What the doors do, whichever door it was: plain functions from a request to an answer or a refusal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from oms_api.domain.idempotency import KeyConflict, StoredOrder
from oms_api.domain.kill_refusals import refusal_of_order
from oms_api.domain.order_times import expiry_problem
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import (
    Refusal,
    RefusalCode,
    invalid,
    no_such_order,
)
from oms_api.domain.terms import Known, principal_problem, read_id, read_terms
from oms_api.ports import (
    IntakeFullError,
    NewOrder,
    OrderView,
    Ports,
    RateLimiter,
    RateStanding,
    ReferenceData,
    RowRefused,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import OrderTerms
from oms_platform.wire import encode

RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that is stored. `created` is false when it was there before. terms: as asked for now."""

    order_id: UUID
    client_order_id: str
    created: bool
    accepted_at: datetime
    terms: OrderTerms


def unavailable(what: str) -> Refusal:
    """Build the refusal for something that is away."""
    return Refusal(code=RefusalCode.UNAVAILABLE, message=what, retry_after_s=RETRY_AFTER_S)


async def admit(ports: Ports, token: str | None, right: Right) -> Principal | Refusal:
    """Verify the caller, count the request against its rate, and check that it has the right.

    Raises UnavailableError while tokens cannot be verified.
    """
    principal = await _verify(ports, token)
    if isinstance(principal, Refusal):
        return principal
    return await refusal_of(ports, principal, right) or principal


async def refusal_of(ports: Ports, principal: Principal, right: Right) -> Refusal | None:
    """Count a known caller's request against its rate. Returns why it is not let in, None if it is."""
    return await _over_rate(ports, principal, right) or _lacks(principal, right)


class Placer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A caller who may trade. over_rate: what it is answered, unless its order is stored already."""

    principal: Principal
    over_rate: Refusal | None


async def admit_to_place(ports: Ports, token: str | None) -> Placer | Refusal:
    """Admit the caller of an order; one over its rate still learns what became of an order that is stored.

    Raises UnavailableError while tokens cannot be verified.
    """
    principal = await _verify(ports, token)
    return principal if isinstance(principal, Refusal) else await placer_of(ports, principal)


async def placer_of(ports: Ports, principal: Principal) -> Placer | Refusal:
    """Admit a known caller of an order, as `admit_to_place` does."""
    over_rate = await _over_rate(ports, principal, Right.TRADE)
    lacking = _lacks(principal, Right.TRADE)
    if lacking is not None:
        return over_rate or lacking
    return Placer(principal=principal, over_rate=over_rate)


async def _verify(ports: Ports, token: str | None) -> Principal | Refusal:
    if not token:
        return Refusal(code=RefusalCode.UNAUTHENTICATED, message="a bearer token is required")
    verified = ports.authenticator.cached(token) or await ports.authenticator.authenticate(token)
    if isinstance(verified, str):
        return Refusal(code=RefusalCode.UNAUTHENTICATED, message=verified)
    problem = principal_problem(verified.subject)
    return verified if problem is None else invalid(problem)


def _limiter(ports: Ports, right: Right) -> RateLimiter:
    # Whoever has ordered too much can still cancel.
    return ports.cancel_limiter if right is Right.CANCEL else ports.limiter


def rate_standing(
    ports: Ports, token: str | None, right: Right, *, question: bool = False
) -> RateStanding | None:
    """Return what the caller of a request that was counted may still ask for; None if it was not.

    question: whether it is one for sor-answers, which have a rate of their own.
    """
    principal = ports.authenticator.cached(token) if token else None
    limiter = ports.question_limiter if question else _limiter(ports, right)
    return None if principal is None else limiter.standing(principal.subject)


async def begin_question(ports: Ports, principal: Principal) -> Refusal | None:
    """Count a question and take one of the caller's places for it. Returns why it is not asked, or None.

    The place of a question that is asked has to be given back.
    """
    over_rate = await _counted(ports.question_limiter, principal)
    if over_rate is not None:
        return over_rate
    if ports.question_places.take(principal.subject):
        return None
    return busy(f"{principal.subject} has as many questions unanswered as it may have")


def busy(what: str) -> Refusal:
    """Build the refusal for a question that may be answered later."""
    return Refusal(code=RefusalCode.RATE_LIMITED, message=what, retry_after_s=RETRY_AFTER_S)


async def _over_rate(ports: Ports, principal: Principal, right: Right) -> Refusal | None:
    return await _counted(_limiter(ports, right), principal)


async def _counted(limiter: RateLimiter, principal: Principal) -> Refusal | None:
    if limiter.take_leased(principal.subject):
        return None
    wait_s = await limiter.take(principal.subject)
    if wait_s <= 0:
        return None
    return Refusal(
        code=RefusalCode.RATE_LIMITED,
        message=f"more requests than the rate of {principal.subject} allows",
        retry_after_s=math.ceil(wait_s),
    )


def _lacks(principal: Principal, right: Right) -> Refusal | None:
    if right in principal.rights:
        return None
    return Refusal(code=RefusalCode.FORBIDDEN, message=f"the token gives no right to {right.value}")


async def handle_place_order(
    ports: Ports,
    clock: Clock,
    placer: Placer,
    *,
    channel: str,
    content: Mapping[str, object],
    trace: str,
) -> Placed | Refusal:
    """Check and store an order. Returns after it is durable; raises UnavailableError if that is not known.

    What is stored already gets its first answer, whatever else new orders are refused for.
    """
    terms = await read_order_terms(ports, placer.principal, channel, content)
    if isinstance(terms, Refusal):
        return terms
    refusal = placer.over_rate
    late = None if refusal is not None else refusal_of_timing(ports.reference, terms, content, clock())
    if refusal is None and late is None and (reason := ports.backlog.problem()):
        refusal = unavailable(reason)
    killed = refusal_of_order(ports.kills.known(), terms)
    refused = refusal or late or killed
    if refused is not None:
        found = await ports.keys.find(terms)
        if found is not None:
            return _placed(terms, found)
        if refused is not late and refused is not killed and placer.over_rate is None:
            ports.backlog.count_refused()
        return refused
    return await place(ports, SubmitOrder(order_id=uuid7(), received_at=clock(), terms=terms), trace)


async def place(ports: Ports, message: SubmitOrder, trace: str) -> Placed | Refusal:
    """Store an order, or find it stored. Raises UnavailableError if neither is known."""
    terms = message.terms
    try:
        stored = await ports.intake.submit(NewOrder(message=message, payload=encode(message), trace=trace))
    except IntakeFullError:
        found = await ports.keys.find(terms)
        if found is None:
            raise
        stored = found
    return _placed(terms, stored)


def _placed(terms: OrderTerms, stored: StoredOrder | KeyConflict | RowRefused) -> Placed | Refusal:
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
        terms=terms,
    )


async def read_order_terms(
    ports: Ports, principal: Principal, channel: str, content: Mapping[str, object]
) -> OrderTerms | Refusal:
    """Check an order's content, with names that became known just now."""
    known = known_to(ports.reference, principal)
    terms = read_terms(content, channel=channel, principal=principal.subject, known=known)
    if not isinstance(terms, OrderTerms) and any(problem.message.startswith("unknown ") for problem in terms):
        await ports.reference.refresh()
        terms = read_terms(content, channel=channel, principal=principal.subject, known=known)
    return terms if isinstance(terms, OrderTerms) else invalid(*terms)


def refusal_of_timing(
    reference: ReferenceData, terms: OrderTerms, content: Mapping[str, object], now: datetime
) -> Refusal | None:
    """Return why an order comes too late for what it asks for, None if it does not. content: as it was given.

    One that is stored already is not asked this: what it says was in time when it came.
    """
    calendar = reference.calendar(terms.symbol)
    problem = None
    if terms.expire_at is not None and calendar is not None:
        problem = expiry_problem(terms.expire_at, content, calendar, now)
    return None if problem is None else invalid(problem)


def known_to(reference: ReferenceData, principal: Principal) -> Known:
    """Return what a caller may name: of accounts only its own."""
    return Known(
        ticks_of=reference.ticks,
        round_lot_of=reference.round_lot,
        account_exists=lambda account_id: principal.sees(account_id) and reference.account_exists(account_id),
        profile_exists=reference.profile_exists,
        venue_exists=reference.venue_exists,
        calendar_of=reference.calendar,
    )


async def handle_get_order(ports: Ports, principal: Principal, order_id: str) -> OrderView | Refusal:
    """Return an order of an account that the caller sees; otherwise it does not exist."""
    known = read_id(order_id)
    found = None if known is None else await ports.reader.order(known, principal.visible)
    if found is None:
        return no_such_order(order_id)
    return found
