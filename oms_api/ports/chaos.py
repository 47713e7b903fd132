"""The door of a laptop's stack that breaks things on purpose."""

from typing import Protocol

from oms_api.domain.chaos import Chaos, ChaosAction, ChaosRequest
from oms_api.domain.refusal import Refusal


class ChaosDoor(Protocol):
    """Breaks things, and tells what was broken and what held. Raises UnavailableError."""

    async def look(self) -> Chaos:
        """Return how everything stands."""
        ...

    async def ask(self, request: ChaosRequest, by: str) -> ChaosAction | Refusal:
        """Begin what is asked for, or say why not. by: who asks."""
        ...
