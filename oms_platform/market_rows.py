"""The rows of the market's rules, as every service reads them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from oms_platform.market_rules import Assignment, MarketRules, RuleSet, Ticks
from oms_platform.prices import micros_of

RULES: Final = (
    "SELECT effective_from, tick_size, sub_dollar_tick_size, access_fee_cap, sub_dollar_cap_ppm,"
    " order_protection FROM market_rules ORDER BY effective_from"
)
ROUND_LOTS: Final = "SELECT effective_from, price_from, round_lot FROM round_lot_tiers ORDER BY 1, 2"
ASSIGNMENTS: Final = "SELECT symbol, effective_from, tick_size, round_lot FROM instrument_rules ORDER BY 1, 2"
Row = Sequence[Any]


def rules_of(sets: Iterable[Row], round_lots: Iterable[Row], assignments: Iterable[Row]) -> MarketRules:
    """Return the rules of rows of RULES, ROUND_LOTS and ASSIGNMENTS."""
    tiers: defaultdict[object, list[tuple[int, int]]] = defaultdict(list)
    for effective_from, price_from, round_lot in round_lots:
        tiers[effective_from].append((micros_of(price_from), round_lot))
    own: defaultdict[str, list[Assignment]] = defaultdict(list)
    for symbol, effective_from, tick_size, round_lot in assignments:
        tick_micros = None if tick_size is None else micros_of(tick_size)
        one = Assignment(effective_from=effective_from, tick_micros=tick_micros, round_lot=round_lot)
        own[symbol].append(one)
    return MarketRules(
        sets=tuple(
            RuleSet(
                effective_from=effective_from,
                ticks=Ticks(tick_micros=micros_of(tick), sub_dollar_micros=micros_of(sub_dollar_tick)),
                round_lots=tuple(tiers[effective_from]),
                access_fee_cap_micros=micros_of(cap),
                sub_dollar_cap_ppm=cap_ppm,
                order_protection=protection,
            )
            for effective_from, tick, sub_dollar_tick, cap, cap_ppm, protection in sets
        ),
        assignments={symbol: tuple(found) for symbol, found in own.items()},
    )


def read_market_rules(connection: psycopg.Connection[Any]) -> MarketRules:
    """Read every rule that is stored."""
    return rules_of(
        connection.execute(RULES).fetchall(),
        connection.execute(ROUND_LOTS).fetchall(),
        connection.execute(ASSIGNMENTS).fetchall(),
    )
