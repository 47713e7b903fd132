"""What the doors do about many new orders at once: each is checked, counted and stored as one alone.

The law of this file: a wrong order stops no other, unless its caller wants all or nothing; then every check
is made of all of them first, one that is refused refuses the whole, and they are stored by one commit.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oms_api.domain.idempotency import KeyConflict, StoredOrder
from oms_api.domain.kill_refusals import refusal_of_order
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import channel_problem
from oms_api.handlers import (
    Placed,
    Placer,
    handle_place_order,
    placer_of,
    read_order_terms,
    refusal_of_timing,
    unavailable,
)
from oms_api.ports import NewOrder, Ports, RiskView, RowRefused, UnavailableError
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import OrderTerms
from oms_platform.wire import encode

ORDERS_MAX: Final = 500
FLAGS: Final = ("allOrNothing", "checkOnly")
BATCH_FIELDS: Final = ("orders", *FLAGS)
# So many problems of a whole batch are named.
PROBLEMS_MAX: Final = 2_000
# What is asked for again when others have taken one of its keys meanwhile.
TRIES_MAX: Final = 3
_PRECEDENCE: Final = list(RefusalCode)
# What may pass when the same is sent again later; what is wrong with an order comes before it.
_PASSING: Final = frozenset((RefusalCode.RATE_LIMITED, RefusalCode.UNAVAILABLE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Orders to be placed, as clients state each of them. check_only: they are checked, none is stored."""

    orders: Sequence[object]
    all_or_nothing: bool = False
    check_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An order that would be placed. stored: the one that its key stands for already, if any.

    risk: the verdict that it would get after those before it; None of one that is stored, or is to be, and
    where core cannot be asked.
    """

    terms: OrderTerms
    stored: StoredOrder | None
    risk: RiskView | None = None


Answered = Placed | Checked | Refusal


def read_batch(content: Mapping[str, object]) -> Batch | Refusal:
    """Check what a batch is, decoded JSON; not the orders in it, which are answered one by one."""
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a field of a batch")
        for name in content
        if name not in BATCH_FIELDS
    ]
    orders, flags = content.get("orders"), {name: content.get(name, False) for name in FLAGS}
    if not isinstance(orders, list) or not 1 <= len(orders) <= ORDERS_MAX:
        found = f"{len(orders)}" if isinstance(orders, list) else shown(orders)
        message = f"must be a list of 1 to {ORDERS_MAX} orders, was {found}"
        problems.append(FieldProblem(field="orders", message=message))
    problems += [
        FieldProblem(field=name, message=f"must be true or false, was {shown(value)}")
        for name, value in flags.items()
        if not isinstance(value, bool)
    ]
    if problems or not isinstance(orders, list):
        return invalid(*problems)
    return Batch(
        orders=orders,
        all_or_nothing=flags["allOrNothing"] is True,
        check_only=flags["checkOnly"] is True,
    )


async def handle_place_batch(
    ports: Ports, clock: Clock, principal: Principal, batch: Batch, *, channel: str, trace: str
) -> list[Answered] | Refusal:
    """Place the orders of a batch. Returns what each is answered, in their order, or why none was placed.

    The caller was let in and counted once; each order after the first is counted too. Raises UnavailableError
    when it is not known whether orders of which all were wanted are stored.
    """
    problem = channel_problem(channel)
    if problem is not None:
        return invalid(problem)
    placers = [
        Placer(principal=principal, over_rate=None),
        *[await placer_of(ports, principal) for _ in batch.orders[1:]],
    ]
    lines = list(zip(placers, batch.orders, strict=True))
    if batch.all_or_nothing:
        whole = await _place_whole(ports, clock, principal, lines, channel, trace, batch.check_only)
        return whole if isinstance(whole, Refusal) else await _with_verdicts(ports, whole)
    if batch.check_only:
        checks = [_checked(ports, clock, principal, *line, channel) for line in lines]
        return await _with_verdicts(ports, await asyncio.gather(*map(_answered, checks)))

    async def one(placer: Placer | Refusal, content: object) -> Placed | Refusal:
        if isinstance(placer, Refusal):
            return placer
        if not isinstance(content, dict):
            return _no_order("orders", content)
        return await handle_place_order(ports, clock, placer, channel=channel, content=content, trace=trace)

    return await asyncio.gather(*map(_answered, [one(*line) for line in lines]))


async def _with_verdicts(ports: Ports, answered: list[Answered]) -> list[Answered]:
    """Add what risk would say of each order that is checked only, each account's one after the other.

    Where core cannot be asked, nothing is added.
    """
    places: dict[str, list[int]] = {}
    for place, one in enumerate(answered):
        if isinstance(one, Checked) and one.stored is None:
            places.setdefault(one.terms.account_id, []).append(place)
    found = list(answered)
    for account_id, own in places.items():
        orders = [one.terms for place in own if isinstance(one := answered[place], Checked)]
        try:
            verdicts = await ports.risk.verdicts(account_id, orders)
        except UnavailableError:
            # What the doors say of them stands.
            continue
        for place, terms, risk in zip(own, orders, verdicts, strict=True):
            found[place] = Checked(terms=terms, stored=None, risk=risk)
    return found


async def _answered(work: Awaitable[Answered]) -> Answered:
    """Return what an order is answered; one whose outcome is not known says so, and hides no other's."""
    try:
        return await work
    except UnavailableError as error:
        return unavailable(error.what)


def _no_order(field: str, content: object) -> Refusal:
    return invalid(FieldProblem(field=field, message=f"must be an object, was {shown(content)}"))


async def _place_whole(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    lines: Sequence[tuple[Placer | Refusal, object]],
    channel: str,
    trace: str,
    check_only: bool,
) -> list[Answered] | Refusal:
    for _ in range(TRIES_MAX):
        checks = [_checked(ports, clock, principal, *line, channel) for line in lines]
        checked = _without_doubles(
            await asyncio.gather(*map(_answered, checks)), [content for _, content in lines]
        )
        refusal = _whole_refusal(checked)
        if refusal is not None or check_only:
            return refusal or checked
        found = [one for one in checked if isinstance(one, Checked)]
        stored = await _store_whole(ports, clock, found, trace)
        if stored is not None:
            return stored
    return unavailable("others ask for some of these orders at the same time: nothing was stored")


async def _store_whole(
    ports: Ports, clock: Clock, checked: Sequence[Checked], trace: str
) -> list[Answered] | Refusal | None:
    """Store those that are not stored yet, all or none. Returns None when a key was taken meanwhile."""
    now = clock()
    order_ids = [uuid7() if one.stored is None else one.stored.order_id for one in checked]
    messages = [
        SubmitOrder(order_id=order_id, received_at=now, terms=one.terms)
        for one, order_id in zip(checked, order_ids, strict=True)
        if one.stored is None
    ]
    outcome = await ports.intake.submit_all(
        [NewOrder(message=message, payload=encode(message), trace=trace) for message in messages]
    )
    if isinstance(outcome, RowRefused):
        problem = outcome.problem
        return invalid(FieldProblem(field="orders", message=f"{problem.field}: {problem.message}"))
    if not outcome:
        return None
    return [
        Placed(
            order_id=order_id,
            client_order_id=one.terms.client_order_id,
            created=one.stored is None,
            accepted_at=now if one.stored is None else one.stored.created_at,
            terms=one.terms,
        )
        for one, order_id in zip(checked, order_ids, strict=True)
    ]


def _whole_refusal(answered: Sequence[Answered]) -> Refusal | None:
    """Return why a batch is refused whole, each problem by its order's place; None if no order is refused.

    Its code is the first by RefusalCode of those that its orders would have. What may pass later is told
    only where nothing else is wrong.
    """
    refused = [(index, one) for index, one in enumerate(answered) if isinstance(one, Refusal)]
    wrong = [(index, one) for index, one in refused if one.code not in _PASSING]
    told = wrong or refused
    if not told:
        return None
    first = min((one for _, one in told), key=lambda one: _PRECEDENCE.index(one.code))
    verb = "is" if len(told) == 1 else "are"
    message = f"{len(told)} of {len(answered)} orders {verb} refused, and none was placed"
    if not wrong:
        message += f": {first.message}"
    fields = [problem for index, one in wrong for problem in _of_place(index, one)]
    more = len(fields) - PROBLEMS_MAX
    if more > 0:
        fields = [*fields[:PROBLEMS_MAX], FieldProblem(field="", message=f"and {more} more")]
    return Refusal(
        code=first.code,
        message=message,
        fields=tuple(fields),
        retry_after_s=0 if wrong else max(one.retry_after_s for _, one in told),
    )


def _of_place(index: int, refusal: Refusal) -> list[FieldProblem]:
    """Return what is wrong with the order at a place of the batch."""
    place = f"orders[{index}]"
    if not refusal.fields:
        field = f"{place}.clientOrderId" if refusal.code is RefusalCode.DUPLICATE_ORDER_ID else place
        return [FieldProblem(field=field, message=refusal.message)]
    return [
        FieldProblem(field=f"{place}.{problem.field}" if problem.field else place, message=problem.message)
        for problem in refusal.fields
    ]


def _without_doubles(answered: Sequence[Answered], contents: Sequence[object]) -> list[Answered]:
    """Refuse every order whose account and id another one of the batch has, beside what else is wrong."""
    keys = [_key_given(content) for content in contents]
    given = Counter(keys)
    return [
        one if key is None or given[key] == 1 else _twice(one, key[1])
        for one, key in zip(answered, keys, strict=True)
    ]


def _key_given(content: object) -> tuple[str, str] | None:
    """Return an order's account and id as its client states them; None where they are no texts."""
    if not isinstance(content, Mapping):
        return None
    account, client_order_id = content.get("accountId"), content.get("clientOrderId")
    if not isinstance(account, str) or not isinstance(client_order_id, str) or not client_order_id:
        return None
    return account, client_order_id


def _twice(answered: Answered, client_order_id: str) -> Refusal:
    message = f"must be another one for each order of a batch, was {shown(client_order_id)} in several"
    problem = FieldProblem(field="clientOrderId", message=message)
    others = answered.fields if isinstance(answered, Refusal) else ()
    return invalid(*(other for other in others if other.field != problem.field), problem)


async def _checked(
    ports: Ports,
    clock: Clock,
    principal: Principal,
    placer: Placer | Refusal,
    content: object,
    channel: str,
) -> Checked | Refusal:
    """Return an order's terms, or why it would be refused alone; what is stored already is not refused."""
    if isinstance(placer, Refusal):
        return placer
    if not isinstance(content, dict):
        return _no_order("", content)
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
        return Checked(terms=terms, stored=found)
    if placer.over_rate is not None:
        return placer.over_rate
    late = refusal_of_timing(ports.reference, terms, content, clock())
    if late is not None:
        return late
    killed = refusal_of_order(ports.kills.known(), terms)
    if killed is not None:
        return killed
    reason = ports.backlog.problem()
    if not reason:
        return Checked(terms=terms, stored=None)
    ports.backlog.count_refused()
    return unavailable(reason)
