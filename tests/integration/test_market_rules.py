"""The rules of the market as the database holds them: what a fresh one says, and what it refuses."""

from datetime import date
from typing import Any

import psycopg
import pytest

from oms_platform.market_rows import read_market_rules
from oms_platform.market_rules import Ticks
from oms_platform.schema.migrate import upgrade


@pytest.mark.parametrize(
    ("day", "cap", "sub_dollar_cap", "lots"),
    [
        (date(2025, 11, 2), 3_000, 1_500, (100, 100, 100, 100)),
        (date(2025, 11, 3), 3_000, 1_500, (100, 40, 10, 1)),
        (date(2026, 11, 2), 1_000, 500, (100, 40, 10, 1)),
    ],
)
def test_a_fresh_database_holds_the_rules_of_each_day(
    dsn: str, day: date, cap: int, sub_dollar_cap: int, lots: tuple[int, ...]
) -> None:
    with psycopg.connect(dsn) as connection:
        rules = read_market_rules(connection).on(day)
    assert rules.ticks_of("AAPL") == Ticks(tick_micros=10_000, sub_dollar_micros=100)
    assert (rules.access_fee_cap(1_000_000), rules.access_fee_cap(500_000)) == (cap, sub_dollar_cap)
    prices = (250_000_000, 250_010_000, 10_000_000_000, 10_000_010_000)
    assert tuple(rules.round_lot_of("AAPL", price) for price in prices) == lots
    assert rules.order_protection


def test_an_assignment_is_read_and_moves_the_version_that_services_look_at(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:

        def version() -> Any:
            return connection.execute(
                "SELECT version FROM reference_versions WHERE subject = 'instruments'"
            ).fetchone()

        before = version()
        connection.execute("INSERT INTO instrument_rules VALUES ('AAPL', '2026-05-04', 0.005, 40)")
        rules = read_market_rules(connection)
        assert version() != before
    assert rules.on(date(2026, 5, 3)).ticks_of("AAPL").tick_micros == 10_000
    assert rules.on(date(2026, 5, 4)).ticks_of("AAPL").tick_micros == 5_000
    assert rules.on(date(2026, 5, 4)).round_lot_of("AAPL", 1) == 40


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO market_rules VALUES ('2030-01-01', 0.03, 0.0001, 0, 0, true, 'no dollar is on it')",
        "INSERT INTO market_rules VALUES ('2030-01-01', 0.01, 0.0001, 0, 0, true, 'no round lot')",
        "DELETE FROM round_lot_tiers WHERE price_from = 0",
        "INSERT INTO instrument_rules VALUES ('AAPL', '2026-05-04', 0.003, NULL)",
        "INSERT INTO instrument_rules VALUES ('AAPL', '2026-05-04', NULL, 0)",
    ],
)
def test_rules_that_cannot_be_are_refused(dsn: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(dsn) as connection:
        connection.execute(statement)


def test_ticks_and_halts_of_before_are_kept_and_what_was_traded_goes_on_at_any_hour(
    dsn: str,
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    upgrade(dsn, "0011")
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO instruments (symbol, name, status, tick_size, reference_price) VALUES"
            " ('CENT', 'x', 'ACTIVE', 0.01, 10), ('HALF', 'x', 'HALTED', 0.005, 10),"
            " ('GONE', 'x', 'INACTIVE', 0.01, 10)"
        )
    upgrade(dsn, "0012")
    with psycopg.connect(dsn) as connection:
        today = read_market_rules(connection).on(date(2026, 1, 2))
        assert (today.ticks_of("CENT").tick_micros, today.ticks_of("HALF").tick_micros) == (10_000, 5_000)
        assert connection.execute("SELECT symbol, lifted_at FROM halts").fetchall() == [("HALF", None)]
        found = connection.execute(
            "SELECT symbol, status, calendar_id FROM instruments ORDER BY 1"
        ).fetchall()
        assert found == [("CENT", "ACTIVE", "SIM"), ("GONE", "INACTIVE", "SIM"), ("HALF", "ACTIVE", "SIM")]
        # A new one trades by New York's sessions.
        connection.execute("INSERT INTO instruments (symbol, name, reference_price) VALUES ('NEW', 'x', 1)")
        (row,) = connection.execute("SELECT calendar_id FROM instruments WHERE symbol = 'NEW'").fetchall()
        assert row == ("XNYS",)
