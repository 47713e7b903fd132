"""Plans, what they stood on, and offsets in memory: what Postgres promises, for a simulation."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sor_engine.ports import KeptRoute, PlannedRoute, UnstorableRouteError


class InMemoryRouteStore:
    """RouteStore and half a SorReader. refuses: says why a plan is not taken, None for one that is."""

    def __init__(self, refuses: Callable[[PlannedRoute], str | None] = lambda _route: None) -> None:
        self._refuses = refuses
        self._routes: dict[tuple[UUID, int], PlannedRoute] = {}
        self.offsets: dict[tuple[str, int], int] = {}

    def store(
        self, routes: Sequence[PlannedRoute], next_offsets: Mapping[tuple[str, int], int], now: datetime
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store new plans and the offsets, all or nothing. Returns the plans that were there before."""
        refused = self.unstorable(routes)
        if refused:
            raise UnstorableRouteError("; ".join(refused.values()))
        before: dict[tuple[UUID, int], bytes] = {}
        for route in routes:
            key = (route.decided.plan.order_id, route.decided.plan.attempt)
            kept = self._routes.setdefault(key, route)
            if kept is not route:
                before[key] = kept.payload
        for place, offset in next_offsets.items():
            self.offsets[place] = max(self.offsets.get(place, 0), offset)
        return before

    def unstorable(self, routes: Sequence[PlannedRoute]) -> Mapping[tuple[UUID, int], str]:
        """Return which of `routes` are refused, each with its reason."""
        found = {
            (route.decided.plan.order_id, route.decided.plan.attempt): self._refuses(route)
            for route in routes
        }
        return {key: problem for key, problem in found.items() if problem is not None}

    def routes(self, order_id: UUID) -> list[KeptRoute]:
        """Return every route of an order, by attempt."""
        return [
            KeptRoute(plan=route.decided.plan, digest=route.decided.digest, decided=route.decided)
            for (owner, _), route in sorted(self._routes.items())
            if owner == order_id
        ]
