"""A source's token for asyncio; the law is that of tokens.py."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from oms_client.tokens import KeptToken

AsyncTokenSource = Callable[[], str | Awaitable[str]]


class AsyncTokens(KeptToken):
    """A source's token, for asyncio. A source that is no coroutine function runs in a thread."""

    def __init__(self, source: AsyncTokenSource) -> None:
        super().__init__()
        self._source = source
        self._lock = asyncio.Lock()

    async def current(self) -> str:
        """Return a token that counts, as far as is known."""
        return self.fresh() or await self._ask("")

    async def renew(self, refused: str) -> bool:
        """Ask for another token than one that was refused. Returns whether there is one."""
        return await self._ask(refused) != refused

    async def _ask(self, refused: str) -> str:
        async with self._lock:
            kept = self.fresh()
            if kept not in ("", refused):
                return kept
            source = self._source
            found = source() if inspect.iscoroutinefunction(source) else await asyncio.to_thread(source)
            token: str = await found if inspect.isawaitable(found) else found
            return self.keep(token)
