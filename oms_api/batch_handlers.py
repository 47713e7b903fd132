"""What the doors do about many new orders at once: each is checked, counted and stored as one alone.

The law of this file: a wrong order stops no other, unless its caller wants all or nothing; then every check
is made of all of them before any is stored.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oms_api.domain.idempotency import KeyConflict
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import channel_problem
from oms_api.handlers import (
    Placed,
    Placer,
    handle_place_order,
    place,
    placer_of,
    read_order_terms,
    refusal_of_timing,
    unavailable,
)
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import OrderTerms

ORDERS_MAX: Final = 500
BATCH_FIELDS: Final = ("orders", "allOrNothing")
_NOT_PLACED: Final = Refusal(
    code=RefusalCode.CONFLICT, message="another order of the batch is refused: none of it was placed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Orders to be placed, as clients state each of them."""

    orders: Sequence[object]
    all_or_nothing: bool = False


def read_batch(content: Mapping[str, object]) -> Batch | Refusal:
    """Check what a batch is, decoded JSON; not the orders in it, which are answered one by one."""
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a field of a batch")
        for name in content
        if name not in BATCH_FIELDS
    ]
    orders, all_or_nothing = content.get("orders"), content.get("allOrNothing", False)
    if not isinstance(orders, list) or not 1 <= len(orders) <= ORDERS_MAX:
        found = f"{len(orders)}" if isinstance(orders, list) else shown(orders)
        message = f"must be a list of 1 to {ORDERS_MAX} orders, was {found}"
        problems.append(FieldProblem(field="orders", message=message))
    if not isinstance(all_or_nothing, bool):
        message = f"must be true or false, was {shown(all_or_nothing)}"
        problems.append(FieldProblem(field="allOrNothing", message=message))
    if problems or not isinstance(orders, list):
        return invalid(*problems)
    return Batch(orders=orders, all_or_nothing=all_or_nothing is True)


async def handle_place_batch(
    ports: Ports, clock: Clock, principal: Principal, batch: Batch, *, channel: str, trace: str
) -> list[Placed | Refusal] | Refusal:
    """Place the orders of a batch. Returns what each would be answered alone, in their order.

    The caller was let in and counted once; each order after the first is counted too.
    """
    problem = channel_problem(channel)
    if problem is not None:
        return invalid(problem)
    placers = [
        Placer(principal=principal, over_rate=None),
        *[await placer_of(ports, principal) for _ in batch.orders[1:]],
    ]
    if batch.all_or_nothing:
        return await _all_or_nothing(ports, clock, principal, placers, batch.orders, channel, trace)

    async def one(placer: Placer | Refusal, content: object) -> Placed | Refusal:
        if isinstance(placer, Refusal):
            return placer
        if not isinstance(content, dict):
            return _no_order(content)
        return await handle_place_order(ports, clock, placer, channel=channel, content=content, trace=trace)

    work = [one(placer, content) for placer, content in zip(placers, batch.orders, strict=True)]
    return await asyncio.gather(*map(_answered, work))


async def _answered(work: Awaitable[Placed | Refusal]) -> Placed | Refusal:
    """Return what an order is answered; one whose outcome is not known says so, and hides no other's."""
    try:
        return await work
    except UnavailableError as error:
        return unavailable(error.what)


def _no_order(content: object) -> Refusal:
    return invalid(FieldProblem(field="orders", message=f"must be objects, one was {shown(content)}"))


async def _all_or_nothing(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    placers: Sequence[Placer | Refusal],
    orders: Sequence[object],
    channel: str,
    trace: str,
) -> list[Placed | Refusal]:
    checked = [
        await _checked(ports, clock, principal, placer, content, channel)
        for placer, content in zip(placers, orders, strict=True)
    ]
    keys = [terms.client_order_id for terms in checked if isinstance(terms, OrderTerms)]
    twice = {key for key in keys if keys.count(key) > 1}
    answers: list[OrderTerms | Refusal] = [
        _twice(terms) if isinstance(terms, OrderTerms) and terms.client_order_id in twice else terms
        for terms in checked
    ]
    if any(isinstance(answer, Refusal) for answer in answers):
        return [answer if isinstance(answer, Refusal) else _NOT_PLACED for answer in answers]
    work = [
        place(ports, SubmitOrder(order_id=uuid7(), received_at=clock(), terms=terms), trace)
        for terms in answers
        if isinstance(terms, OrderTerms)
    ]
    return await asyncio.gather(*map(_answered, work))


def _twice(terms: OrderTerms) -> Refusal:
    message = (
        f"must be another one for each order of the batch, {shown(terms.client_order_id)} is given twice"
    )
    return invalid(FieldProblem(field="clientOrderId", message=message))


async def _checked(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    placer: Placer | Refusal,
    content: object,
    channel: str,
) -> OrderTerms | Refusal:
    """Return an order's terms, or why it would be refused alone; what is stored already is not refused."""
    if isinstance(placer, Refusal):
        return placer
    if not isinstance(content, dict):
        return _no_order(content)
    terms = await read_order_terms(ports, principal, channel, content)
    if isinstance(terms, Refusal):
        return terms
    found = await ports.keys.find(terms)
    if isinstance(found, KeyConflict):
        return Refusal(
            code=RefusalCode.DUPLICATE_ORDER_ID,
            message=f"clientOrderId {terms.client_order_id} is order {found.order_id} with other content",
        )
    if found is not None:
        return terms
    if placer.over_rate is not None:
        return placer.over_rate
    late = refusal_of_timing(ports.reference, terms, content, clock())
    if late is not None:
        return late
    reason = ports.backlog.problem()
    if not reason:
        return terms
    ports.backlog.count_refused()
    return unavailable(reason)
