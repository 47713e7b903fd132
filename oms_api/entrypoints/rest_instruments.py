"""REST about instruments that are listed and changed, each with a reason."""

from decimal import Decimal
from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.reference_changes import InstrumentStanding, instrument_problem
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_accounts import TAG, Code, Title, as_read, of_everybody
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_orders import Price
from oms_api.entrypoints.rest_reference import INSTRUMENT_PATH, INSTRUMENTS, no_such_symbol
from oms_api.ports import InstrumentChange, InstrumentView, NewInstrument, Ports
from oms_platform.clock import Clock
from oms_platform.market_rules import rules_date
from oms_platform.prices import MICROS, micros_of

STATUSES: Final = ("ACTIVE", "INACTIVE")
# A share class stands behind a point, a slash or a hyphen.
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=16, pattern=r"^[A-Z0-9]+(?:[./-][A-Z0-9]+)*$")]
Shares = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Volume = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Volatility = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
VenueName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\u0000]+$")]
_OF_EVERYBODY: Final = "to change what everybody trades"


class InstrumentRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An instrument that is to be listed. tickSize, lotSize: those that everybody has if left out.

    averageVolume: shares of a day; sigmaBps: a day's volatility; rules that need them say that they are not
    there.
    """

    symbol: Symbol
    name: Title
    reference_price: Price
    calendar_id: VenueName
    sector: Code = "UNKNOWN"
    listing_venue: VenueName | None = None
    tick_size: Price | None = None
    lot_size: Shares | None = None
    average_volume: Volume | None = None
    sigma_bps: Volatility | None = None
    reason: Reason


class InstrumentChangeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is to be another of an instrument, from today on, and why. What is left out stays as it is."""

    name: Title | None = None
    status: Annotated[str, one_of(STATUSES, "InstrumentStatus")] | None = None
    sector: Code | None = None
    listing_venue: VenueName | None = None
    tick_size: Price | None = None
    lot_size: Shares | None = None
    reason: Reason


def instrument_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. An instrument is everybody's, and so takes a token of every account."""

    async def add(call: Call[NoQuery]) -> InstrumentView | Refusal:
        asked = call.body(InstrumentRequest)
        refusal = of_everybody(call.principal, _OF_EVERYBODY)
        if refusal is not None:
            return refusal
        problems = [*_tick_problems(asked.tick_size), *await _venue_problems(ports, asked.listing_venue)]
        if asked.calendar_id not in {one.calendar_id for one in await ports.market.calendars()}:
            message = f"must be a known calendar, was {shown(asked.calendar_id)}"
            problems.append(FieldProblem(field="calendarId", message=message))
        if asked.reference_price <= 0:
            message = f"must be above 0, was {shown(asked.reference_price)}"
            problems.append(FieldProblem(field="referencePrice", message=message))
        if problems:
            return invalid(*problems)
        new = NewInstrument(
            symbol=asked.symbol,
            name=asked.name.strip(),
            reference_price=asked.reference_price,
            calendar_id=asked.calendar_id,
            sector=asked.sector,
            listing_venue=asked.listing_venue,
            tick_size=asked.tick_size,
            lot_size=asked.lot_size,
            average_volume=asked.average_volume,
            sigma_bps=asked.sigma_bps,
        )
        found = await ports.catalog.add_instrument(
            new, rules_date(clock()), by=call.principal.subject, reason=asked.reason.strip()
        )
        if found is None:
            message = f"there is an instrument {asked.symbol} already"
            return Refusal(code=RefusalCode.CONFLICT, message=message)
        await ports.reference.reload()
        return found

    async def change(call: Call[NoQuery]) -> InstrumentView | Refusal:
        asked, symbol, version = call.body(InstrumentChangeRequest), call.path["symbol"], as_read(call)
        refusal = of_everybody(call.principal, _OF_EVERYBODY)
        if refusal is not None:
            return refusal
        wanted = InstrumentChange(
            name=None if asked.name is None else asked.name.strip(),
            status=asked.status,
            sector=asked.sector,
            listing_venue=asked.listing_venue,
            tick_size=asked.tick_size,
            lot_size=asked.lot_size,
        )
        problems = [*_tick_problems(asked.tick_size), *await _venue_problems(ports, asked.listing_venue)]
        if wanted == InstrumentChange():
            message = "must be given, or name, sector, listingVenue, tickSize or lotSize"
            problems.append(FieldProblem(field="status", message=message))
        if problems:
            return invalid(*problems)
        tick_micros = None if asked.tick_size is None else micros_of(asked.tick_size)

        def problem(standing: InstrumentStanding) -> Refusal | None:
            return instrument_problem(standing, tick_micros, version)

        found = await ports.catalog.change_instrument(
            symbol,
            wanted,
            rules_date(clock()),
            problem,
            by=call.principal.subject,
            reason=asked.reason.strip(),
        )
        if found is None:
            return no_such_symbol(symbol)
        if not isinstance(found, Refusal):
            await ports.reference.reload()
        return found

    return [
        Operation(
            method="POST", path=INSTRUMENTS, name="addInstrument", tag=TAG, right=Right.ADMIN, serve=add,
            summary="List an instrument, which trades within a second", body=InstrumentRequest,
            noun="an instrument", answers={201: InstrumentView}, refusals=[RefusalCode.CONFLICT],
            version=lambda found: found.version,
            example={
                "symbol": "NEWS", "name": "News Corp.", "referencePrice": "27.50", "calendarId": "XNYS",
                "sector": "COMMUNICATION", "listingVenue": "XNAS", "reason": "its first day",
            },
        ),
        Operation(
            method="PATCH", path=INSTRUMENT_PATH, name="changeInstrument", tag=TAG, right=Right.ADMIN,
            serve=change, summary="Take an instrument off the list or back, change its tick, lot or sector",
            body=InstrumentChangeRequest, noun="a change of an instrument", answers={200: InstrumentView},
            refusals=[RefusalCode.CONFLICT], version=lambda found: found.version, takes_if_match=True,
            example={"sector": "TECHNOLOGY", "reason": "reclassified"},
        ),
    ]  # fmt: skip


def _tick_problems(tick: Decimal | None) -> list[FieldProblem]:
    """Return what is wrong with a tick: a dollar is on the grid from either side."""
    if tick is None or (0 < tick <= 1 and MICROS % micros_of(tick) == 0):
        return []
    return [FieldProblem(field="tickSize", message=f"must divide a dollar, was {shown(tick)}")]


async def _venue_problems(ports: Ports, venue: str | None) -> list[FieldProblem]:
    if venue is None or ports.reference.venue_exists(venue):
        return []
    await ports.reference.refresh()
    if ports.reference.venue_exists(venue):
        return []
    return [FieldProblem(field="listingVenue", message=f"must be a known venue, was {shown(venue)}")]
