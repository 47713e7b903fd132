"""The demo's reference: 20 symbols, 10 accounts, 5 lit venues, a dark one. Seeding again changes nothing."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from sqlalchemy import create_engine
from sqlmodel import Session, SQLModel

from oms_platform.postgres import connect
from oms_platform.risk_rows import add_rules
from oms_platform.risk_rules import RuleRow, read_row
from oms_platform.schema.migrate import sqlalchemy_url
from oms_platform.schema.tables import (
    Account,
    ChargeRow,
    FeeSchedule,
    Instrument,
    InstrumentRule,
    RoutingProfile,
    Venue,
)
from oms_platform.scopes import Scope

INSTRUMENTS: Final = (
    ("AAPL", "Apple Inc.", "227.50"),
    ("MSFT", "Microsoft Corp.", "418.20"),
    ("GOOGL", "Alphabet Inc. Class A", "176.40"),
    ("AMZN", "Amazon.com Inc.", "197.10"),
    ("NVDA", "NVIDIA Corp.", "141.90"),
    ("META", "Meta Platforms Inc.", "559.10"),
    ("TSLA", "Tesla Inc.", "339.60"),
    ("JPM", "JPMorgan Chase & Co.", "243.10"),
    ("V", "Visa Inc.", "309.90"),
    ("JNJ", "Johnson & Johnson", "155.20"),
    ("WMT", "Walmart Inc.", "88.40"),
    ("PG", "Procter & Gamble Co.", "172.30"),
    ("HD", "Home Depot Inc.", "406.50"),
    ("BAC", "Bank of America Corp.", "46.90"),
    ("DIS", "Walt Disney Co.", "115.60"),
)
# One of each kind that is not usual: share classes, by a point and by a slash, a price above 100,000 dollars
# and one below a dollar, a tick of half a penny. The demo's load leaves them alone.
UNUSUAL: Final = (
    ("BRK.A", "Berkshire Hathaway Inc. Class A", "731250.00"),
    ("BRK.B", "Berkshire Hathaway Inc. Class B", "487.40"),
    ("BF/A", "Brown-Forman Corp. Class A", "29.85"),
    ("PENY", "Penny Demo Corp.", "0.4520"),
    ("F", "Ford Motor Co.", "13.2050"),
)
HALF_PENNIES: Final = ("F",)
HALF_PENNIES_FROM: Final = date(2026, 11, 2)
# The market that the simulators make is open at any hour.
CALENDAR: Final = "SIM"
# Where each is listed: of these at the one venue, of the others at the other; both hold auctions.
LISTED_AT_XNAS: Final = frozenset(("AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "META", "TSLA"))
AUCTION_VENUES: Final = ("XNYS", "XNAS")
SECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "TECHNOLOGY": ("AAPL", "MSFT", "NVDA"),
    "COMMUNICATION": ("GOOGL", "META", "DIS"),
    "CONSUMER_DISCRETIONARY": ("AMZN", "TSLA", "HD", "F"),
    "FINANCIALS": ("JPM", "V", "BAC", "BRK.A", "BRK.B"),
    "HEALTH_CARE": ("JNJ",),
    "CONSUMER_STAPLES": ("WMT", "PG", "BF/A"),
}
SECTOR_OF: Final = {symbol: sector for sector, symbols in SECTORS.items() for symbol in symbols}
FIRM: Final = "DEMO"
# The desk of each kind of account.
DESKS: Final = {"INSTITUTION": "AGENCY", "HEDGE_FUND": "PRIME", "RETAIL": "RETAIL"}
INSTITUTIONS: Final = ("ACC-INST-001", "ACC-INST-002", "ACC-INST-003")
HEDGE_FUNDS: Final = ("ACC-HF-001", "ACC-HF-002")
RETAIL: Final = ("ACC-RET-001", "ACC-RET-002", "ACC-RET-003", "ACC-RET-004", "ACC-RET-005")
# venue, name, kind, latency in microseconds, dollars a share for adding and removing (negative: a rebate)
VENUES: Final = (
    ("XNYS", "Big Board", "LIT", 900, "-0.0018", "0.0030"),
    ("XNAS", "Tape C", "LIT", 700, "-0.0020", "0.0030"),
    ("ARCX", "Arc", "LIT", 800, "-0.0021", "0.0030"),
    ("BATS", "Zed", "LIT", 600, "-0.0016", "0.0029"),
    ("EDGX", "Edge X", "LIT", 650, "-0.0024", "0.0027"),
    ("DARK", "Midpoint Pool", "DARK", 1200, "0.0010", "0.0010"),
)
# By desk: shares and dollars of one order, basis points of the collar, dollars of an account's buying power.
LIMITS: Final = {
    "AGENCY": (500_000, "50000000", 500, "5000000000"),
    "PRIME": (200_000, "20000000", 500, "1000000000"),
    "RETAIL": (10_000, "1000000", 300, "25000000"),
}
FIRM_CREDIT: Final = "50000000000"
# Shares of an average day, and a day's volatility in basis points, the same of every symbol.
AVERAGE_VOLUME: Final = 20_000_000
SIGMA_BPS: Final = 180
WEIGHTS: Final = {"price": "0.5", "liquidity": "0.2", "fill_rate": "0.15", "latency": "0.05", "cost": "0.1"}
# A profile for every strategy; orders go by `default` unless they or their accounts say otherwise.
PROFILES: Final = {
    "default": {"strategy": "sweep", "weights": WEIGHTS},
    "best": {"strategy": "best", "weights": WEIGHTS},
    "split": {"strategy": "split", "weights": WEIGHTS},
    "staged": {"strategy": "staged", "weights": WEIGHTS, "staged": {"dark_ms": 300, "then": "sweep"}},
    "dark": {"strategy": "dark", "weights": WEIGHTS, "dark": {"hold_ms": 500, "rounds": 2}},
    "passive": {"strategy": "passive", "weights": WEIGHTS, "passive": {"horizon_ms": 2000}},
    "urgency": {"strategy": "urgency", "weights": WEIGHTS, "passive": {"horizon_ms": 2000}},
}


# Who the demo's profiles and limits are of, and why.
_BY: Final = "demo"
_REASON: Final = "what the demo begins with"


def rows() -> list[SQLModel]:
    """Return the demo's rows, parents before children."""
    accounts = [(account, "INSTITUTION") for account in INSTITUTIONS]
    accounts += [(account, "HEDGE_FUND") for account in HEDGE_FUNDS]
    accounts += [(account, "RETAIL") for account in RETAIL]
    result: list[SQLModel] = []
    for account, kind in accounts:
        name, desk = account.replace("ACC-", "Demo "), DESKS[kind]
        result.append(Account(account_id=account, name=name, kind=kind, firm_id=FIRM, desk_id=desk))
    for venue, name, venue_kind, latency_us, add_fee, remove_fee in VENUES:
        result.append(
            Venue(
                venue_id=venue,
                name=name,
                kind=venue_kind,
                latency_us=latency_us,
                auction_orders=venue in AUCTION_VENUES,
            )
        )
        result.append(
            FeeSchedule(
                venue_id=venue,
                effective_from=date(2026, 1, 1),
                add_fee=Decimal(add_fee),
                remove_fee=Decimal(remove_fee),
            )
        )
    for symbol, name, price in (*INSTRUMENTS, *UNUSUAL):
        result.append(
            Instrument(
                symbol=symbol,
                name=name,
                reference_price=Decimal(price),
                calendar_id=CALENDAR,
                listing_venue="XNAS" if symbol in LISTED_AT_XNAS else "XNYS",
                sector=SECTOR_OF.get(symbol, "UNKNOWN"),
                average_volume=AVERAGE_VOLUME,
                sigma_bps=SIGMA_BPS,
            )
        )
    result += [
        InstrumentRule(symbol=symbol, effective_from=HALF_PENNIES_FROM, tick_size=Decimal("0.005"))
        for symbol in HALF_PENNIES
    ]
    result += [
        ChargeRow(
            charge="sales-fee",
            kind="REGULATORY",
            effective_from=date(2026, 1, 1),
            side="SELL",
            basis_points=Decimal("0.278"),
        ),
        ChargeRow(
            charge="trading-activity-fee",
            kind="REGULATORY",
            effective_from=date(2026, 1, 1),
            side="SELL",
            a_share=Decimal("0.000166"),
            most=Decimal("8.30"),
        ),
    ]
    result += [
        RoutingProfile(profile=name, version=1, settings=settings, created_by=_BY, reason=_REASON)
        for name, settings in PROFILES.items()
    ]
    return result


def rules() -> list[RuleRow]:
    """Return what the demo sets of the risk rules.

    Its accounts begin flat and sell what they do not have, and its load trades both ways at once: unmarked
    short sales are only warned of, and own orders that cross are only watched.
    """
    everything = Scope()
    result = [
        _rule("SHORT_SALE_UNMARKED", everything, severity="SOFT"),
        _rule("SELF_CROSS", everything, mode="SHADOW"),
        _rule("FIRM_CREDIT_EXCEEDED", Scope(firm=FIRM), credit=FIRM_CREDIT),
    ]
    for desk, (quantity, notional, collar, power) in LIMITS.items():
        scope = Scope(desk=desk)
        result += [
            _rule("ORDER_QTY_EXCEEDS_MAX", scope, quantity_max=quantity),
            _rule("ORDER_NOTIONAL_EXCEEDS_MAX", scope, notional_max=notional),
            _rule("PRICE_OUTSIDE_COLLAR", scope, collar_bps=collar),
            _rule("BUYING_POWER_EXCEEDED", scope, buying_power=power),
        ]
    return result


def _rule(
    rule: str, scope: Scope, *, mode: str | None = None, severity: str | None = None, **parameters: object
) -> RuleRow:
    return read_row(rule, scope, mode=mode, severity=severity, on_missing=None, parameters=parameters)


def seed(dsn: str) -> int:
    """Store the demo's rows that are missing; what is there is left as it is. Returns how many were new."""
    engine = create_engine(sqlalchemy_url(dsn))
    new = 0
    try:
        with Session(engine) as session:
            for row in rows():
                key = tuple(getattr(row, column.name) for column in row.__table__.primary_key)  # type: ignore[attr-defined]
                if session.get(type(row), key) is None:
                    session.add(row)
                    session.flush()
                    new += 1
            session.commit()
    finally:
        engine.dispose()
    with connect(dsn, "oms-seed") as connection:
        return new + add_rules(connection, rules(), by=_BY, reason=_REASON)
