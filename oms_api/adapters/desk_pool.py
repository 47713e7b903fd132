"""A few connections for what the desk asks: small statements that no order waits for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from oms_api.ports import UnavailableError
from oms_platform.postgres import read_plain_decimals

# The fields of an ExecutionView, in its order, of the view `executions`.
EXECUTION_COLUMNS: Final = (
    "order_id, sequence, account_id, venue_id, exec_id, cl_ord_id, symbol, side, last_qty, last_px,"
    " transact_time, received_at, recorded_at, fee, settles_on, last_liquidity"
)
_ACT: Final = "SELECT set_config('oms.actor', %s, true), set_config('oms.reason', %s, true)"
POOL_WAIT_S: Final = 2.0
CONNECTIONS_MAX: Final = 3
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)


class DeskPool:
    """Runs statements: one at a time, each a transaction of its own, or several in one."""

    def __init__(self, dsn: str) -> None:
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=0,
            max_size=CONNECTIONS_MAX,
            open=False,
            timeout=POOL_WAIT_S,
            configure=read_plain_decimals,
            kwargs={
                "autocommit": True,
                "application_name": "oms-api-desk",
                "connect_timeout": 3,
                "options": "-c oms.actor=oms-api",
            },
        )

    async def open(self) -> None:
        """Get ready to connect."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, *, by: str, reason: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Run the block in one transaction. Raises UnavailableError while Postgres is away.

        by: who changes something in it, and the reason, for the audit.
        """
        try:
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_ACT, (by, reason))
                yield connection
        except _AWAY as error:
            raise UnavailableError("Postgres is away", str(error).strip()) from error

    async def run(
        self, statement: str, values: Any = (), *, by: str | None = None, reason: str = ""
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows. Raises UnavailableError while Postgres is away.

        by: who changes something with it, and the reason, for the audit.
        """
        try:
            async with self._pool.connection() as connection:
                if by is None:
                    return await _rows(connection, statement, values)
                async with connection.transaction():
                    await connection.execute(_ACT, (by, reason))
                    return await _rows(connection, statement, values)
        except _AWAY as error:
            raise UnavailableError("Postgres is away", str(error).strip()) from error


async def _rows(
    connection: psycopg.AsyncConnection[Any], statement: str, values: Any
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement, values)
    return await cursor.fetchall() if cursor.description else []
