"""Positions at what they are worth, and how accounts stand by them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec.structs import asdict

from oms_api.domain.marks import Mark
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import Refusal, no_such_account
from oms_api.ports import (
    HeldPosition,
    PnlView,
    Ports,
    PositionView,
    Standing,
    StreamedPosition,
    UnsettledView,
)
from oms_platform.market_rules import rules_date
from oms_platform.prices import dollars_of, plain


def marked(held: HeldPosition, mark: Mark) -> PositionView:
    """Return a position at a mark. Without one, what follows from it is not known: it is never 0 for that."""
    price = None if mark.micros is None else plain(dollars_of(mark.micros))
    unrealized = None if price is None else plain(held.quantity * price - held.cost)
    if not held.quantity:
        unrealized = Decimal(0)
    return PositionView(
        held.symbol,
        held.quantity,
        held.cost,
        held.realized_pnl,
        held.net_cash,
        held.updated_at,
        held.fees,
        held.opened,
        price,
        mark.source.value,
        mark.at,
        mark.reason,
        mark.stale,
        unrealized,
        None if unrealized is None else plain(held.realized_pnl + unrealized),
    )


def streamed(held: HeldPosition, mark: Mark) -> StreamedPosition:
    """Return a position at a mark, with its account."""
    return StreamedPosition(**asdict(marked(held, mark)), account_id=held.account_id)


async def marked_all(ports: Ports, held: Iterable[HeldPosition]) -> list[PositionView]:
    """Return positions at their marks."""
    positions = list(held)
    marks = await ports.marks.marks({one.symbol for one in positions})
    return [marked(one, marks[one.symbol]) for one in positions]


async def account_seen(ports: Ports, principal: Principal, account_id: str) -> Refusal | None:
    """Return the refusal of an account that does not exist for a caller; None for one that does."""
    if not principal.sees(account_id):
        return no_such_account(account_id)
    if not ports.reference.account_exists(account_id):
        await ports.reference.refresh()
        if not ports.reference.account_exists(account_id):
            return no_such_account(account_id)
    return None


async def handle_get_positions(
    ports: Ports, principal: Principal, account_id: str
) -> list[PositionView] | Refusal:
    """Return the positions of an account that the caller sees; otherwise it does not exist."""
    refusal = await account_seen(ports, principal, account_id)
    if refusal is not None:
        return refusal
    return await marked_all(ports, await ports.reader.positions(account_id))


async def handle_get_pnl(
    ports: Ports, principal: Principal, account_id: str, now: datetime
) -> PnlView | Refusal:
    """Return how an account stands that the caller sees; otherwise it does not exist."""
    refusal = await account_seen(ports, principal, account_id)
    if refusal is not None:
        return refusal
    standing = await ports.books.standing(account_id, rules_date(now))
    marks = await ports.marks.marks({one.symbol for one in standing.held})
    return pnl_of(account_id, standing, marks, now)


def pnl_of(account_id: str, standing: Standing, marks: Mapping[str, Mark], now: datetime) -> PnlView:
    """Return how an account stands at some marks."""
    positions = [marked(one, marks[one.symbol]) for one in standing.held]
    open_ones = [one for one in positions if one.quantity]
    values = [None if one.mark is None else one.quantity * one.mark for one in open_ones]
    realized = sum((one.realized_pnl for one in positions), Decimal(0))
    unrealized = _sum(one.unrealized_pnl for one in positions)
    return PnlView(
        account_id=account_id,
        as_of=now,
        cash=plain(standing.cash),
        settled_cash=plain(standing.settled),
        unsettled=[UnsettledView(day, plain(amount)) for day, amount in standing.unsettled],
        gross=_sum(None if value is None else abs(value) for value in values),
        net=_sum(values),
        realized_pnl=plain(realized),
        unrealized_pnl=unrealized,
        total_pnl=None if unrealized is None else plain(realized + unrealized),
        fees=plain(sum((one.fees for one in positions), Decimal(0))),
        stale=any(one.stale for one in open_ones),
        positions=positions,
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Return a sum; None where a part of it is not known."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return plain(total)
