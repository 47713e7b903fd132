"""What requests may name, read again as soon as what is stored has another version."""

import asyncio

from oms_api.adapters.reference_cache import REFRESH_S, ReferenceCache
from oms_api.ports import KnownNames
from oms_platform.clock import utc_now

SOON_S = REFRESH_S / 2


def test_what_another_gateway_has_changed_is_known_long_before_the_next_regular_look() -> None:
    stored, version = {"A"}, [1]

    async def load() -> KnownNames:
        return KnownNames(accounts=frozenset(stored))

    async def scenario() -> None:
        cache = ReferenceCache(load, utc_now, lambda: version[0])
        running = asyncio.create_task(cache.run())
        async with asyncio.timeout(SOON_S):
            while not cache.account_exists("A"):
                await asyncio.sleep(0.01)
            stored.add("B")
            version[0] += 1
            while not cache.account_exists("B"):
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(scenario())
