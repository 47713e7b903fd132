"""The root span of a request that stores something, whichever door it comes through."""

from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from oms_api.batch_handlers import Answered
from oms_api.change_handlers import Requested, RequestedOfMany
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.handlers import Placed, unavailable
from oms_api.ports import UnavailableError
from oms_platform.telemetry.order_trace import is_traced, now_us, root_id_of, trace_id_of, traced_id
from oms_platform.telemetry.spans import Kind, Span
from oms_platform.telemetry.tracing import FAILED, SAMPLED, Tracer

# What one order, or many, came to.
Done = TypeVar("Done", Placed, Requested, RequestedOfMany, list[Answered])


class RequestTrace:
    """Begins with the request; `end` writes its span if it is traced, or has failed."""

    __slots__ = ("_began_us", "_name", "_parent_id", "_tracer", "trace")

    def __init__(self, tracer: Tracer, given: bytes | None, name: str) -> None:
        self._tracer = tracer
        self._name = name
        self._began_us = now_us()
        self.trace, self._parent_id = tracer.begin(given)

    @property
    def exemplar(self) -> str:
        """The trace's id if it is traced, else empty."""
        return traced_id(self.trace)

    async def over(self, route: str, work: Awaitable[Done | Refusal]) -> Done | Refusal:
        """Await a request's work and write its span. Raises what the work raises."""
        try:
            result = await work
        except UnavailableError as error:
            self.end(route, "", unavailable(error.what))
            raise
        if isinstance(result, Refusal):
            self.end(route, "", result)
        else:
            self.end(route, result.order_id if isinstance(result, Placed | Requested) else "", None)
        return result

    def end(self, route: str, order_id: UUID | str, refusal: Refusal | None) -> None:
        """Say how the request ended; one that nobody could serve is traced always."""
        error = ""
        if refusal is not None and refusal.code is RefusalCode.UNAVAILABLE:
            error = refusal.message
            self.trace = self._tracer.promote(self.trace, FAILED, order_id, error)
        elif refusal is None and is_traced(self.trace):
            self._tracer.announce(self.trace, SAMPLED, order_id)
        if not is_traced(self.trace):
            return
        attributes: dict[str, str | int] = {"route": route, "order_id": str(order_id)}
        if refusal is not None:
            attributes["refusal"] = refusal.code.value
        self._tracer.write(
            Span(
                trace_id=trace_id_of(self.trace),
                span_id=root_id_of(self.trace),
                parent_id=self._parent_id,
                name=self._name,
                began_us=self._began_us,
                ended_us=now_us(),
                kind=Kind.SERVER,
                attributes=attributes,
                error=error,
            )
        )
