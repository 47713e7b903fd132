"""What requests may name, in memory.

It is read again as soon as it has changed, every few seconds, and when something unknown is named.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

import structlog

from oms_api.ports import KnownNames, UnavailableError
from oms_platform.clock import Clock
from oms_platform.market_rules import DayRules, MarketRules, Ticks, rules_date
from oms_platform.trading_calendar import Calendar

REFRESH_S: Final = 5.0
ASKED_REFRESH_S_MIN: Final = 1.0
# The version of what is stored is looked at so often: a change is in effect well within a second.
LOOK_S: Final = 0.1
_RETRY_S: Final = 0.5

Load = Callable[[], Awaitable[KnownNames]]
log = structlog.get_logger()


class ReferenceCache:
    """The ReferenceData on what `load` reads. version: of what is stored, as somebody else has seen it."""

    def __init__(self, load: Load, clock: Clock, version: Callable[[], object] = lambda: None) -> None:
        self._load = load
        self._clock = clock
        self._version = version
        self._names = KnownNames()
        # The rules of a day: which day, of which rules.
        self._today: tuple[date, MarketRules, DayRules] | None = None
        self._loaded_at = -REFRESH_S
        self._loading = asyncio.Lock()

    def problem(self) -> str | None:
        """Return why there is no reference data, or None."""
        return None if self._loaded_at > 0 else "reference data was not read yet"

    def account_exists(self, account_id: str) -> bool:
        """Return whether the account is known."""
        return account_id in self._names.accounts

    def ticks(self, symbol: str) -> Ticks | None:
        """Return the grid of a known symbol's prices today, else None."""
        return self._rules().ticks_of(symbol) if symbol in self._names.symbols else None

    def round_lot(self, symbol: str, price_micros: int) -> int:
        """Return the shares of a symbol's round lot today, at a price in micros."""
        return self._rules().round_lot_of(symbol, price_micros)

    def _rules(self) -> DayRules:
        names, today = self._names, rules_date(self._clock())
        if self._today is None or self._today[:2] != (today, names.rules):
            self._today = (today, names.rules, names.rules.on(today))
        return self._today[2]

    def calendar(self, symbol: str) -> Calendar | None:
        """Return by which calendar a symbol trades; None where none is known."""
        return self._names.calendars.get(self._names.symbols.get(symbol, ""))

    def profile_exists(self, profile: str) -> bool:
        """Return whether an active routing profile has this name."""
        return profile in self._names.profiles

    def venue_exists(self, venue_id: str) -> bool:
        """Return whether the venue is known."""
        return venue_id in self._names.venues

    async def refresh(self) -> None:
        """Read again what is stored, at most once a second however many ask. Raises UnavailableError."""
        async with self._loading:
            if time.monotonic() - self._loaded_at < ASKED_REFRESH_S_MIN:
                return
            await self._read()

    async def reload(self) -> None:
        """Read again what is stored: something of it was just changed. Raises UnavailableError."""
        async with self._loading:
            await self._read()

    async def _read(self) -> None:
        self._names = await self._load()
        self._loaded_at = time.monotonic()

    async def run(self) -> None:
        """Keep the cache fresh, until cancelled."""
        while True:
            try:
                seen = self._version()
                async with self._loading:
                    await self._read()
                until = time.monotonic() + REFRESH_S
                while time.monotonic() < until and self._version() == seen:
                    await asyncio.sleep(LOOK_S)
            except UnavailableError as error:
                log.warning("reference_not_refreshed", error=str(error))
                await asyncio.sleep(_RETRY_S)
