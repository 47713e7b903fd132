"""How late the event loop is: every request of the gateway waits at least so long."""

import asyncio
from typing import Final

from oms_platform.telemetry.metrics import FINE_BUCKETS_S, BatchHistogram

LOOK_S: Final = 0.1

lag_seconds = BatchHistogram(
    "oms_api_event_loop_lag_seconds",
    "How much later than asked for the event loop ran a timer",
    (),
    FINE_BUCKETS_S,
)


async def watch_loop() -> None:
    """Measure until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK_S
        await asyncio.sleep(LOOK_S)
        lag_seconds.observe(loop.time() - due)
