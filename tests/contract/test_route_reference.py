"""What the router knows of venues and instruments is what the tables say, and nothing in its place."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from oms_platform.postgres import Connection, connect
from oms_platform.schema.demo_data import seed
from sor_engine.adapters.postgres_reference import PostgresReference
from sor_engine.ports import Reference

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Tables:
    """The demo's reference tables, and how the router reads them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._reference = PostgresReference(connection, "default", lambda: NOW)

    def load(self) -> Reference:
        return self._reference.load()


@pytest.fixture
def tables(dsn: str) -> Iterator[Tables]:
    seed(dsn)
    with closing(connect(dsn, "contract")) as connection:
        yield Tables(connection)


def test_a_venue_without_a_fee_schedule_has_no_fees_and_not_none_of_them(tables: Tables) -> None:
    tables.connection.execute("DELETE FROM fee_schedules WHERE venue_id = 'ARCX'")
    fees = {venue.venue_id: (venue.add_fee, venue.remove_fee) for venue in tables.load().content.venues}
    assert fees["ARCX"] == (None, None)
    assert all(None not in found for venue_id, found in fees.items() if venue_id != "ARCX")


def test_a_fee_schedule_of_a_later_day_is_none_yet(tables: Tables) -> None:
    tables.connection.execute(
        "UPDATE fee_schedules SET effective_from = '2999-01-01' WHERE venue_id = 'BATS'"
    )
    fees = {venue.venue_id: venue.remove_fee for venue in tables.load().content.venues}
    assert fees["BATS"] is None


@pytest.mark.parametrize("status", ["HALTED", "INACTIVE"])
def test_an_instrument_that_stops_trading_is_known_at_the_next_look(tables: Tables, status: str) -> None:
    assert tables.load().not_traded == {}
    tables.connection.execute("UPDATE instruments SET status = %s WHERE symbol = 'AAPL'", (status,))
    assert tables.load().not_traded == {"AAPL": status}
    tables.connection.execute("UPDATE instruments SET status = 'ACTIVE' WHERE symbol = 'AAPL'")
    assert tables.load().not_traded == {}


def test_a_dark_venue_takes_midpoint_orders_unless_it_says_that_it_does_not(tables: Tables) -> None:
    takes = {venue.venue_id: venue.midpoint_orders for venue in tables.load().content.venues}
    assert takes["DARK"]
    tables.connection.execute("UPDATE venues SET midpoint_orders = false WHERE venue_id = 'DARK'")
    takes = {venue.venue_id: venue.midpoint_orders for venue in tables.load().content.venues}
    assert not takes["DARK"]


def test_every_instrument_has_its_reference_price(tables: Tables) -> None:
    assert tables.load().reference_micros["AAPL"] == 227_500_000
