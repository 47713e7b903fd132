"""REST about what there is: oneself, accounts, instruments, venues, quotes and books."""

from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import EVERY_ACCOUNT, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, no_such_account, shown
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.rest_orders import Text
from oms_api.ports import (
    AccountView,
    BookView,
    InstrumentView,
    Ports,
    QuoteView,
    VenueView,
    View,
)

TAG: Final = "Reference and market data"
SYMBOLS_MAX: Final = 100
ACCOUNTS: Final = "/api/v1/accounts"
ACCOUNT_PATH: Final = f"{ACCOUNTS}/{{accountId}}"
INSTRUMENTS: Final = "/api/v1/instruments"
INSTRUMENT_PATH: Final = f"{INSTRUMENTS}/{{symbol}}"


class QuotesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which quotes; every instrument's where no symbol is named."""

    symbol: Annotated[list[Text], msgspec.Meta(max_length=SYMBOLS_MAX)] | None = None


class Me(View, frozen=True):
    """Who the token speaks for. accounts: `*` alone is every account. rights: read, trade, admin."""

    subject: str
    rights: list[str]
    accounts: list[str]


class Accounts(View, frozen=True):
    """The accounts that the caller sees, by id."""

    accounts: list[AccountView]


class Instruments(View, frozen=True):
    """What is traded, by symbol."""

    instruments: list[InstrumentView]


class Venues(View, frozen=True):
    """Where orders go, by id."""

    venues: list[VenueView]


class Quotes(View, frozen=True):
    """The newest quotes, in the order that was asked for; a symbol that nobody quotes is left out."""

    quotes: list[QuoteView]


def reference_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations."""
    return [*_of_caller(ports), *_of_market(ports)]


def _of_caller(ports: Ports) -> list[AnyOperation]:
    async def me(call: Call[NoQuery]) -> Me:
        who = call.principal
        accounts = [EVERY_ACCOUNT] if who.sees_every_account else sorted(who.accounts)
        return Me(who.subject, sorted(right.value for right in who.rights), accounts)

    async def accounts(call: Call[NoQuery]) -> Accounts:
        return Accounts(
            [one for one in await ports.catalog.accounts() if call.principal.sees(one.account_id)]
        )

    async def account(call: Call[NoQuery]) -> AccountView | Refusal:
        account_id = call.path["accountId"]
        found = [one for one in await ports.catalog.accounts() if one.account_id == account_id]
        if not found or not call.principal.sees(account_id):
            return no_such_account(account_id)
        return found[0]

    return [
        Operation(
            method="GET", path="/api/v1/me", name="getMe", tag=TAG, right=Right.READ, serve=me,
            summary="Who the token speaks for", answers={200: Me},
        ),
        Operation(
            method="GET", path=ACCOUNTS, name="listAccounts", tag=TAG, right=Right.READ,
            serve=accounts, summary="The accounts that the caller sees", answers={200: Accounts},
        ),
        Operation(
            method="GET", path=ACCOUNT_PATH, name="getAccount", tag=TAG, right=Right.READ, serve=account,
            summary="An account", answers={200: AccountView}, version=lambda found: found.version,
        ),
    ]  # fmt: skip


def _of_market(ports: Ports) -> list[AnyOperation]:
    async def instruments(_call: Call[NoQuery]) -> Instruments:
        return Instruments(await ports.catalog.instruments())

    async def instrument(call: Call[NoQuery]) -> InstrumentView | Refusal:
        symbol = call.path["symbol"]
        found = [one for one in await ports.catalog.instruments() if one.symbol == symbol]
        return found[0] if found else no_such_symbol(symbol)

    async def venues(_call: Call[NoQuery]) -> Venues:
        return Venues(await ports.catalog.venues())

    async def quotes(call: Call[QuotesQuery]) -> Quotes | Refusal:
        symbols = call.query.symbol
        known = [one.symbol for one in await ports.catalog.instruments()]
        unknown = [] if symbols is None else [symbol for symbol in symbols if symbol not in known]
        if unknown:
            return invalid(FieldProblem(field="symbol", message=f"unknown symbol {shown(unknown[0])}"))
        return Quotes(await ports.market_data.quotes(symbols or known))

    async def book(call: Call[NoQuery]) -> BookView | Refusal:
        symbol = call.path["symbol"]
        found = await ports.market_data.book(symbol)
        return no_such_symbol(symbol) if found is None else found

    return [
        Operation(
            method="GET", path=INSTRUMENTS, name="listInstruments", tag=TAG, right=Right.READ,
            serve=instruments, summary="What is traded", answers={200: Instruments},
        ),
        Operation(
            method="GET", path=INSTRUMENT_PATH, name="getInstrument", tag=TAG,
            right=Right.READ, serve=instrument, summary="An instrument",
            answers={200: InstrumentView}, version=lambda found: found.version,
        ),
        Operation(
            method="GET", path="/api/v1/venues", name="listVenues", tag=TAG, right=Right.READ, serve=venues,
            summary="Where orders go, with fees, closures and FIX sessions", answers={200: Venues},
        ),
        Operation(
            method="GET", path="/api/v1/quotes", name="listQuotes", tag=TAG, right=Right.READ, serve=quotes,
            summary="The newest national best bids and offers, last trades and volumes", query=QuotesQuery,
            answers={200: Quotes},
        ),
        Operation(
            method="GET", path="/api/v1/quotes/{symbol}/book", name="getBook", tag=TAG, right=Right.READ,
            serve=book, summary="Every venue's displayed book of a symbol", answers={200: BookView},
        ),
    ]  # fmt: skip


def no_such_symbol(symbol: str) -> Refusal:
    """Build the refusal for an instrument that there is not."""
    return Refusal(code=RefusalCode.NOT_FOUND, message=f"no instrument {symbol[:40]}")
