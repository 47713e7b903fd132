"""A question to another service over gRPC: its answer, its refusal, or that it is away."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_api.ports import BusyError, RoutingRefusedError, TooLateError, UnavailableError

_REFUSALS: Final = (Status.INVALID_ARGUMENT, Status.NOT_FOUND, Status.FAILED_PRECONDITION)
AnswerT = TypeVar("AnswerT")


async def ask(who: str, answer: Awaitable[AnswerT]) -> AnswerT:
    """Wait for an answer. Raises RoutingRefusedError, BusyError, TooLateError, UnavailableError."""
    try:
        return await answer
    except GRPCError as error:
        if error.status in _REFUSALS:
            missing = error.status is Status.NOT_FOUND
            raise RoutingRefusedError(error.message or error.status.name, missing=missing) from error
        if error.status is Status.RESOURCE_EXHAUSTED:
            raise BusyError(f"{who} has too many questions to answer", error.message) from error
        if error.status is Status.DEADLINE_EXCEEDED:
            raise TooLateError(f"{who} did not answer in time", error.message) from error
        raise UnavailableError(f"{who} cannot answer", f"{error.status.name} {error.message}") from error
    except TimeoutError as error:
        raise TooLateError(f"{who} did not answer in time", error) from error
    except (StreamTerminatedError, OSError) as error:
        raise UnavailableError(f"{who} is away", error) from error
