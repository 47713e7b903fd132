"""REST that breaks things on purpose, and says what held: in a laptop's stack that has a chaos door only.

A gateway that is not told of one (OMS_API_CHAOS_URL) has none of this: its contract does not say it, and its
paths are not found.
"""

from typing import Final

import structlog

from oms_api.domain.chaos import Chaos, ChaosAction, ChaosRequest
from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.ports import ChaosDoor

PATH: Final = "/api/v1/chaos"
TAG: Final = "Chaos"
log = structlog.get_logger()


def chaos_operations(door: ChaosDoor) -> list[AnyOperation]:
    """Return the operations of a gateway that has a chaos door."""

    async def look(_call: Call[NoQuery]) -> Chaos:
        return await door.look()

    async def ask(call: Call[NoQuery]) -> ChaosAction | Refusal:
        request, by = call.body(ChaosRequest), call.principal.subject
        found = await door.ask(request, by)
        log.warning(
            "chaos_asked", by=by, kind=request.kind, target=request.target, fault=request.fault,
            seconds=request.seconds, refused=found.message if isinstance(found, Refusal) else "",
        )  # fmt: skip
        return found

    return [
        Operation(
            method="GET", path=PATH, name="getChaos", tag=TAG, right=Right.CHAOS, serve=look,
            summary="What can be broken, what is, and whether every invariant holds", answers={200: Chaos},
        ),
        Operation(
            method="POST", path=PATH, name="askChaos", tag=TAG, right=Right.CHAOS, serve=ask,
            summary="Break something for some seconds: it mends by itself", body=ChaosRequest,
            noun="what to break", answers={202: ChaosAction}, refusals=[RefusalCode.CONFLICT],
            example={"kind": "KILL", "target": "oms-core", "seconds": 8},
        ),
    ]  # fmt: skip
