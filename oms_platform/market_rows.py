"""The rows of the market's rules and hours, as every service reads them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from oms_platform.market_rules import Assignment, MarketRules, RuleSet, Ticks
from oms_platform.prices import micros_of
from oms_platform.trading_calendar import AuctionRule, Calendar, Session

RULES: Final = (
    "SELECT effective_from, tick_size, sub_dollar_tick_size, access_fee_cap, sub_dollar_cap_ppm,"
    " order_protection FROM market_rules ORDER BY effective_from"
)
ROUND_LOTS: Final = "SELECT effective_from, price_from, round_lot FROM round_lot_tiers ORDER BY 1, 2"
ASSIGNMENTS: Final = "SELECT symbol, effective_from, tick_size, round_lot FROM instrument_rules ORDER BY 1, 2"
CALENDARS: Final = (
    "SELECT calendar_id, zone, continuous_from, settlement_days FROM calendars ORDER BY calendar_id"
)
SESSIONS: Final = (
    "SELECT calendar_id, session_date, opens_at, closes_at, early_close FROM calendar_sessions"
    " WHERE closes_at > %s ORDER BY calendar_id, opens_at"
)
AUCTION_RULES: Final = (
    "SELECT calendar_id, auction, effective_from, lead_s, cutoff_s FROM auction_rules"
    " ORDER BY calendar_id, effective_from"
)
# What is over for so long is asked for by nobody who trades.
SESSIONS_KEPT: Final = timedelta(days=14)
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


def calendars_of(
    calendars: Iterable[Row], sessions: Iterable[Row], auction_rules: Iterable[Row]
) -> tuple[Calendar, ...]:
    """Return the calendars of rows of CALENDARS, SESSIONS and AUCTION_RULES."""
    rules: defaultdict[tuple[str, str], list[AuctionRule]] = defaultdict(list)
    for calendar_id, auction, effective_from, lead_s, cutoff_s in auction_rules:
        lead, cutoff = timedelta(seconds=lead_s), timedelta(seconds=cutoff_s)
        rules[calendar_id, auction].append(
            AuctionRule(effective_from=effective_from, lead=lead, cutoff=cutoff)
        )
    found: defaultdict[str, list[Session]] = defaultdict(list)
    for calendar_id, session_date, opens_at, closes_at, early_close in sessions:
        one = Session(
            session_date=session_date, opens_at=opens_at, closes_at=closes_at, early_close=early_close
        )
        found[calendar_id].append(one)
    return tuple(
        Calendar(
            calendar_id=calendar_id,
            zone=zone,
            continuous_from=None
            if turns_at is None
            else timedelta(hours=turns_at.hour, minutes=turns_at.minute, seconds=turns_at.second),
            sessions=tuple(found[calendar_id]),
            openings=tuple(rules[calendar_id, "OPENING"]),
            closings=tuple(rules[calendar_id, "CLOSING"]),
            settlement_days=settlement_days,
        )
        for calendar_id, zone, turns_at, settlement_days in calendars
    )


def read_calendars(connection: psycopg.Connection[Any], now: datetime) -> tuple[Calendar, ...]:
    """Read every calendar, with the sessions that are to come and those of the last days."""
    return calendars_of(
        connection.execute(CALENDARS).fetchall(),
        connection.execute(SESSIONS, (now - SESSIONS_KEPT,)).fetchall(),
        connection.execute(AUCTION_RULES).fetchall(),
    )
