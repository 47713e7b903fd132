"""Door, risk, router and gate read the same rows: what one of them says of a price or a symbol, all say."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from execution_adapter.adapters.postgres_children import PostgresChildStore
from oms_api.adapters.postgres_reader import PostgresReader
from oms_api.adapters.reference_cache import ReferenceCache
from oms_core.adapters.postgres_store import PostgresOrderStore
from oms_core.domain.desk import Desk
from oms_platform.market_rules import Ticks
from oms_platform.postgres import connect
from sor_engine.adapters.postgres_reference import PostgresReference

# Midnight in New York, where the day turns from which a rule counts.
BEFORE, AFTER = datetime(2026, 5, 4, 3, 59, 59, tzinfo=UTC), datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
CENTS, HALVES = Ticks(), Ticks(tick_micros=5_000)
HALT = "INSERT INTO halts VALUES (gen_random_uuid(), 'MSFT', 'news is pending', 'risk1', now())"


async def ticks_of_door(dsn: str, symbol: str, now: datetime) -> Ticks | None:
    """Return the grid that the gateway's doors hold a symbol's prices to at a time."""
    reader = PostgresReader(dsn)
    await reader.open()
    try:
        cache = ReferenceCache(reader.reference, lambda: now)
        await cache.reload()
        return cache.ticks(symbol)
    finally:
        await reader.close()


def ticks_of_everybody(dsn: str, symbol: str, now: datetime) -> list[Ticks]:
    """Return the grid of door, risk, router and gate."""
    of_door = asyncio.run(ticks_of_door(dsn, symbol, now))
    with connect(dsn, "test") as connection:
        desk = Desk()
        PostgresOrderStore(connection, "one", 4, lambda: now).load_reference(desk)
        of_router = PostgresReference(connection, "default", lambda: now).load().rules.ticks_of(symbol)
        stops = PostgresChildStore(connection, "one", clock=lambda: now).look()
    assert of_door is not None and stops is not None
    return [of_door, desk.instruments[symbol].ticks, of_router, stops.instruments[symbol].ticks]


@pytest.mark.parametrize(("now", "expected"), [(BEFORE, CENTS), (AFTER, HALVES)])
def test_everybody_has_the_same_tick_on_each_day(dsn: str, now: datetime, expected: Ticks) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO instrument_rules VALUES ('AAPL', '2026-05-04', 0.005, NULL)")
    assert ticks_of_everybody(dsn, "AAPL", now) == [expected] * 4
    assert ticks_of_everybody(dsn, "MSFT", now) == [CENTS] * 4


def test_who_reads_again_only_after_a_change_sees_the_day_change_too(dsn: str) -> None:
    now = BEFORE
    with connect(dsn, "test") as connection:
        connection.execute("INSERT INTO instrument_rules VALUES ('AAPL', '2026-05-04', 0.005, NULL)")
        desk = Desk()
        core = PostgresOrderStore(connection, "one", 4, lambda: now)
        gate = PostgresChildStore(connection, "one", clock=lambda: now)
        router = PostgresReference(connection, "default", lambda: now)
        core.load_reference(desk)
        router.load()
        assert gate.look() is not None and gate.look() is None
        now = AFTER
        core.load_reference(desk)
        seen = gate.look()
        assert seen is not None and seen.instruments["AAPL"].ticks == HALVES
        assert desk.instruments["AAPL"].ticks == HALVES
        assert router.load().rules.ticks_of("AAPL") == HALVES


def test_a_halt_and_a_calendar_are_seen_by_core_and_a_halt_by_the_gate_and_its_end_too(dsn: str) -> None:
    at_night = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
    with connect(dsn, "test") as connection:
        desk = Desk()
        core = PostgresOrderStore(connection, "one", 4, lambda: at_night)
        gate = PostgresChildStore(connection, "one", clock=lambda: at_night)
        core.load_reference(desk)
        assert desk.may_route("MSFT", at_night) and gate.look() is not None
        connection.execute(HALT)
        core.load_reference(desk)
        seen = gate.look()
        assert desk.instruments["MSFT"].halt == "news is pending" and not desk.may_route("MSFT", at_night)
        assert seen is not None and seen.instruments["MSFT"].halt == "news is pending"
        assert not seen.instruments["AAPL"].halt
        connection.execute("UPDATE halts SET lifted_by = 'risk1', lifted_at = now()")
        connection.execute("UPDATE instruments SET calendar_id = 'XNYS' WHERE symbol = 'AAPL'")
        connection.execute(
            "INSERT INTO calendar_sessions VALUES"
            " ('XNYS', '2026-05-04', '2026-05-04 13:30Z', '2026-05-04 20:00Z', false)"
        )
        core.load_reference(desk)
        seen = gate.look()
        assert desk.may_route("MSFT", at_night) and not desk.may_route("AAPL", at_night)
        assert desk.may_route("AAPL", datetime(2026, 5, 4, 13, 30, tzinfo=UTC))
        assert seen is not None and not seen.instruments["MSFT"].halt
