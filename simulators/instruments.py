"""What the simulators know of the traded instruments: read once from Postgres at start, as plain values."""

from dataclasses import dataclass
from decimal import Decimal

from sqlmodel import col, select

from oms_platform.clock import utc_now
from oms_platform.errors import OperationalError
from oms_platform.market_rows import read_market_rules
from oms_platform.market_rules import rules_date
from oms_platform.postgres import Connection, connect
from oms_platform.prices import dollars_of, micros_of
from oms_platform.schema.tables import Instrument as InstrumentRow

_QUERY = str(
    select(col(InstrumentRow.symbol), col(InstrumentRow.reference_price)).order_by(col(InstrumentRow.symbol))
)


class InstrumentsMissingError(OperationalError):
    """The database has no instruments yet: it is not migrated or not seeded."""

    dependency = "schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A symbol, its reference price and its tick size there, both in dollars."""

    symbol: str
    tick_size: Decimal
    reference_price: Decimal


def read_instruments(connection: Connection) -> tuple[Instrument, ...]:
    """Return every instrument in the order of its symbol, prices without trailing zeros."""
    today = read_market_rules(connection).on(rules_date(utc_now()))
    return tuple(
        Instrument(
            symbol=symbol,
            tick_size=_plain(dollars_of(today.ticks_of(symbol).at(micros_of(price)))),
            reference_price=_plain(price),
        )
        for symbol, price in connection.execute(_QUERY).fetchall()
    )


def _plain(value: Decimal) -> Decimal:
    """Drop trailing zeros of the fraction, and only those: 0.010000 is 0.01, 100.000000 is 100."""
    return Decimal(f"{value.normalize():f}")


def require_instruments(dsn: str, application: str) -> tuple[Instrument, ...]:
    """Read the instruments. Raises PostgresUnavailableError, or InstrumentsMissingError before the seed."""
    with connect(dsn, application) as connection:
        there = connection.execute("SELECT to_regclass('instruments') IS NOT NULL").fetchone()
        instruments = read_instruments(connection) if there == (True,) else ()
    if not instruments:
        raise InstrumentsMissingError("expected instruments, found none: run `oms migrate` and store some")
    return instruments
