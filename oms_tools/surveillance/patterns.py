"""The patterns: plain functions of a day and of parameters, each a line of FINDERS.

The law of this file: what is found follows from the day and the parameters alone, and each hit says its
figures, so that a person can work it out again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from oms_platform.prices import dollars_of
from oms_platform.surveillance_patterns import PATTERNS
from oms_tools.surveillance.day import Day, DayExecution, DayOrder, Hit

Values = Mapping[str, int]
OneT = TypeVar("OneT", DayExecution, DayOrder)
_BPS: Final = 10_000


def find(day: Day, patterns: Iterable[str], given: Mapping[str, Values]) -> list[Hit]:
    """Return every hit of patterns. given: parameters by pattern. Raises ValueError for wrong ones."""
    found: list[Hit] = []
    for name in patterns:
        found += FINDERS[name](day, PATTERNS[name].values(given.get(name, {})))
    return sorted(found, key=lambda hit: (hit.began_at, hit.pattern, hit.identity))


def find_wash(day: Day, values: Values) -> Iterator[Hit]:
    """Find executions of one firm that buy and sell the same at like prices and sizes. Each is in one hit."""
    window = timedelta(seconds=values["window_s"])
    for firm, symbol, executions in _by_firm(day.executions):
        buys = [one for one in executions if one.buys]
        for sell in (one for one in executions if not one.buys):
            match = next((one for one in buys if _is_wash(one, sell, window, values)), None)
            if match is not None:
                buys.remove(match)
                yield _wash(firm, symbol, match, sell)


def _is_wash(buy: DayExecution, sell: DayExecution, window: timedelta, values: Values) -> bool:
    smaller, larger = sorted((buy.quantity, sell.quantity))
    low, high = sorted((buy.price_micros, sell.price_micros))
    return (
        abs(buy.at - sell.at) <= window
        and smaller >= values["shares_min"]
        and 100 * smaller >= values["size_pct"] * larger
        and (high - low) * _BPS <= values["price_bps"] * high
    )


def _wash(firm: str, symbol: str, buy: DayExecution, sell: DayExecution) -> Hit:
    first, last = sorted((buy.at, sell.at))
    between_ms = (last - first) // timedelta(milliseconds=1)
    whose = "its account" if buy.account_id == sell.account_id else "accounts"
    return Hit(
        pattern="WASH",
        firm=firm,
        accounts=_unique((buy.account_id, sell.account_id)),
        symbol=symbol,
        orders=_unique((buy.order_id, sell.order_id)),
        began_at=first,
        ended_at=last,
        figures={
            "bought_shares": buy.quantity,
            "bought_px_micros": buy.price_micros,
            "sold_shares": sell.quantity,
            "sold_px_micros": sell.price_micros,
            "between_ms": between_ms,
        },
        why=(
            f"{firm} bought {buy.quantity} {symbol} at {_px(buy.price_micros)} on {buy.venue_id} and sold"
            f" {sell.quantity} at {_px(sell.price_micros)} on {sell.venue_id} within {between_ms} ms,"
            f" for {whose} {', '.join(_unique((buy.account_id, sell.account_id)))}"
        ),
    )


def find_layering(day: Day, values: Values) -> Iterator[Hit]:
    """Find orders away from the market that were canceled soon after an execution the other way."""
    window = timedelta(seconds=values["window_s"])
    orders = {(firm, symbol): found for firm, symbol, found in _by_firm(day.orders)}
    for firm, symbol, executions in _by_firm(day.executions):
        by_order: dict[UUID, list[DayExecution]] = defaultdict(list)
        for one in executions:
            by_order[one.order_id].append(one)
        for done in by_order.values():
            layers = [
                one
                for one in orders.get((firm, symbol), ())
                if _is_layer(one, done[0], done[-1], window, values["away_bps"])
            ]
            shares, bait = sum(one.quantity for one in done), sum(one.quantity for one in layers)
            if len(layers) >= values["orders_min"] and 100 * bait >= values["ratio_pct"] * shares:
                yield _layering(firm, symbol, done, layers)


def _is_layer(
    order: DayOrder, first: DayExecution, last: DayExecution, window: timedelta, away_bps: int
) -> bool:
    if order.buys == first.buys or order.limit_micros is None or order.canceled_at is None or order.executed:
        return False
    away = (first.price_micros - order.limit_micros) * (1 if order.buys else -1)
    return (
        first.at - window <= order.began_at <= first.at <= order.canceled_at <= last.at + window
        and away * _BPS >= away_bps * first.price_micros
    )


def _layering(firm: str, symbol: str, done: Sequence[DayExecution], layers: Sequence[DayOrder]) -> Hit:
    shares, bait = sum(one.quantity for one in done), sum(one.quantity for one in layers)
    ended = max(one.canceled_at for one in layers if one.canceled_at is not None)
    way, other = ("bought", "sell") if done[0].buys else ("sold", "buy")
    return Hit(
        pattern="LAYERING",
        firm=firm,
        accounts=_unique([*(one.account_id for one in done), *(one.account_id for one in layers)]),
        symbol=symbol,
        orders=_unique([done[0].order_id, *(one.order_id for one in layers)]),
        began_at=min(one.began_at for one in layers),
        ended_at=max(ended, done[-1].at),
        figures={
            "canceled_orders": len(layers),
            "canceled_shares": bait,
            "executed_shares": shares,
            "executed_px_micros": done[0].price_micros,
        },
        why=(
            f"{firm} {way} {shares} {symbol} at {_px(done[0].price_micros)} while {len(layers)} orders"
            f" to {other} {bait} stood away from it, none of which traded and all of which were canceled by"
            f" {(ended - done[-1].at).total_seconds():.1f} s after"
        ),
    )


def find_marking(day: Day, values: Values) -> Iterator[Hit]:
    """Find firms that were a great part of the last minutes' volume, with a price that went their way."""
    window = timedelta(seconds=values["window_s"])
    symbols: dict[str, list[DayExecution]] = defaultdict(list)
    for one in _in_time(day.executions):
        symbols[one.symbol].append(one)
    for symbol, executions in symbols.items():
        close = day.closes.get(symbol)
        if close is None:
            continue
        last = [one for one in executions if close - window <= one.at <= close]
        before = [one for one in executions if one.at < close - window]
        if not last:
            continue
        begin, end = (before[-1] if before else last[0]).price_micros, last[-1].price_micros
        volume, move_bps = sum(one.quantity for one in last), (end - begin) * _BPS // begin
        for firm, _, own in _by_firm(last):
            yield from _marking(firm, symbol, own, values, volume, (begin, end, move_bps), close)


def _marking(
    firm: str,
    symbol: str,
    own: Sequence[DayExecution],
    values: Values,
    volume: int,
    prices: tuple[int, int, int],
    close: datetime,
) -> Iterator[Hit]:
    begin, end, move_bps = prices
    way = [one for one in own if one.buys == (end > begin)]
    shares = sum(one.quantity for one in way)
    if (
        shares < values["shares_min"]
        or abs(move_bps) < values["move_bps"]
        or 100 * shares < values["share_pct"] * volume
    ):
        return
    share_pct = 100 * shares // volume
    done = "bought" if end > begin else "sold"
    yield Hit(
        pattern="MARKING_THE_CLOSE",
        firm=firm,
        accounts=_unique(one.account_id for one in way),
        symbol=symbol,
        orders=_unique(one.order_id for one in way),
        began_at=way[0].at,
        ended_at=way[-1].at,
        figures={
            "shares": shares,
            "volume_shares": volume,
            "share_pct": share_pct,
            "began_px_micros": begin,
            "ended_px_micros": end,
            "move_bps": move_bps,
        },
        why=(
            f"{firm} {done} {shares} of {volume} {symbol} that traded here in the {values['window_s']} s"
            f" before the close at {close:%H:%M:%S} UTC, {share_pct} %, while the price went from"
            f" {_px(begin)} to {_px(end)}, {move_bps} basis points"
        ),
    )


FINDERS: Final[Mapping[str, Callable[[Day, Values], Iterator[Hit]]]] = {
    "WASH": find_wash,
    "LAYERING": find_layering,
    "MARKING_THE_CLOSE": find_marking,
}
NameT = TypeVar("NameT", str, UUID)


def _px(micros: int) -> str:
    return f"{dollars_of(micros):f}"


def _unique(names: Iterable[NameT]) -> tuple[NameT, ...]:
    return tuple(dict.fromkeys(names))


def _in_time(executions: Iterable[DayExecution]) -> list[DayExecution]:
    return sorted(executions, key=lambda one: (one.at, one.venue_id, one.exec_id))


def _by_firm(found: Iterable[OneT]) -> Iterator[tuple[str, str, list[OneT]]]:
    """Yield what is of one firm and symbol, in time."""
    groups: dict[tuple[str, str], list[OneT]] = defaultdict(list)
    for one in found:
        groups[one.firm, one.symbol].append(one)
    for (firm, symbol), group in groups.items():
        yield firm, symbol, sorted(group, key=_time)


def _time(one: DayExecution | DayOrder) -> tuple[datetime, str]:
    if isinstance(one, DayOrder):
        return one.began_at, str(one.order_id)
    return one.at, f"{one.venue_id} {one.exec_id}"
