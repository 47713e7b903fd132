"""Reference data as SQLModel tables: what the seed writes and every service reads at start."""

from datetime import date, time
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _price() -> Any:
    return Field(sa_column=Column(Numeric(18, 6), nullable=False))


class Account(SQLModel, table=True):
    """Who trades. kind: INSTITUTION, HEDGE_FUND, RETAIL. status: ACTIVE, SUSPENDED, CLOSED.

    firm_id, desk_id: what limits and kill switches may name it by.
    """

    __tablename__ = "accounts"
    account_id: str = Field(primary_key=True)
    name: str
    kind: str
    status: str = "ACTIVE"
    firm_id: str = "FIRM"
    desk_id: str = "DESK"


class Instrument(SQLModel, table=True):
    """What is traded, at the hours of its calendar. The price in dollars.

    listing_venue: who holds its auctions; None for nobody that is known. sector: what limits name it by.
    average_volume: shares of a day. sigma_bps: a day's volatility, basis points of the price. lower_band,
    upper_band: the prices between which it may trade; None for no bands.
    """

    __tablename__ = "instruments"
    symbol: str = Field(primary_key=True)
    name: str
    status: str = "ACTIVE"
    reference_price: Decimal = _price()
    calendar_id: str = Field(default="XNYS", foreign_key="calendars.calendar_id")
    listing_venue: str | None = Field(default=None, foreign_key="venues.venue_id")
    sector: str = "UNKNOWN"
    average_volume: int | None = Field(default=None, sa_column=Column(BigInteger))
    sigma_bps: int | None = None
    lower_band: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))
    upper_band: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))


class Calendar(SQLModel, table=True):
    """When a market trades. continuous_from: it never closes, and its day turns at this time of the zone."""

    __tablename__ = "calendars"
    calendar_id: str = Field(primary_key=True)
    zone: str
    continuous_from: time | None = None


class AuctionRule(SQLModel, table=True):
    """When orders for a market's OPENING or CLOSING auction are sent and taken, in sessions from a date on.

    lead_s, cutoff_s: seconds before it from which they are sent, and up to which they are taken.
    """

    __tablename__ = "auction_rules"
    calendar_id: str = Field(primary_key=True, foreign_key="calendars.calendar_id")
    auction: str = Field(primary_key=True)
    effective_from: date = Field(primary_key=True)
    lead_s: int
    cutoff_s: int
    source: str


class InstrumentRule(SQLModel, table=True):
    """What an instrument has of its own from a day on: dollars, shares; None as everybody has it."""

    __tablename__ = "instrument_rules"
    symbol: str = Field(primary_key=True, foreign_key="instruments.symbol")
    effective_from: date = Field(primary_key=True)
    tick_size: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))
    round_lot: int | None = None


class Venue(SQLModel, table=True):
    """Where orders go. kind: LIT, DARK. latency_us: the expected time to an acknowledgement.

    midpoint_orders: of a dark venue, whether it takes orders that are pegged to the middle (40=P, 18=M).
    reserve_orders, post_only_orders: whether it takes orders that show a part of themselves (111), and orders
    that take nothing (18=6). auction_orders: orders for its opening and its closing auction (59=2, 59=7).
    """

    __tablename__ = "venues"
    venue_id: str = Field(primary_key=True)
    name: str
    kind: str
    status: str = "ACTIVE"
    latency_us: int
    lot_size: int = 1
    min_quantity: int = 1
    midpoint_orders: bool = True
    reserve_orders: bool = True
    post_only_orders: bool = True
    auction_orders: bool = False


class FeeSchedule(SQLModel, table=True):
    """Dollars a share for adding and removing liquidity from a day on; a rebate is negative.

    routed_fee, auction_fee: of what was routed on, or traded in an auction; None: as for removing.
    """

    __tablename__ = "fee_schedules"
    venue_id: str = Field(primary_key=True, foreign_key="venues.venue_id")
    effective_from: date = Field(primary_key=True)
    add_fee: Decimal = _price()
    remove_fee: Decimal = _price()
    routed_fee: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))
    auction_fee: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))


class ChargeRow(SQLModel, table=True):
    """What executions are charged beside venues' fees, in dollars (oms_core/domain/fees.py)."""

    __tablename__ = "charges"
    charge: str = Field(primary_key=True)
    effective_from: date = Field(primary_key=True)
    ends_on: date | None = None
    kind: str
    account_id: str | None = Field(default=None, foreign_key="accounts.account_id")
    venue_id: str | None = Field(default=None, foreign_key="venues.venue_id")
    side: str | None = None
    a_share: Decimal = Field(default=Decimal(0), sa_column=Column(Numeric(18, 6), nullable=False))
    basis_points: Decimal = Field(default=Decimal(0), sa_column=Column(Numeric(12, 6), nullable=False))
    least: Decimal = Field(default=Decimal(0), sa_column=Column(Numeric(18, 6), nullable=False))
    most: Decimal | None = Field(default=None, sa_column=Column(Numeric(18, 6)))


class RoutingProfile(SQLModel, table=True):
    """A version of a routing profile; its settings are what the SOR's scoring reads."""

    __tablename__ = "routing_profiles"
    profile: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    active: bool = True
    settings: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_by: str
    reason: str
