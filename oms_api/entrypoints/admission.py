"""How a REST route lets its caller in, and how it answers."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal
from oms_api.entrypoints.answers import Answer, refused
from oms_api.entrypoints.http_door import bearer_token
from oms_api.handlers import admit, unavailable
from oms_api.ports import Ports, UnavailableError

Caller = Request[Any, Any, Any]
Serve = Callable[[Principal], Awaitable[Answer | Refusal]]


def respond(answer: Answer | Refusal) -> Response[bytes]:
    """Turn an answer into Litestar's."""
    if isinstance(answer, Refusal):
        answer = refused(answer)
    return Response(
        answer.body, status_code=answer.status, media_type="application/json", headers=dict(answer.headers)
    )


async def enter(ports: Ports, request: Caller, right: Right, serve: Serve) -> Response[bytes]:
    """Admit the caller and serve it; what is away is answered with 503."""
    try:
        token = bearer_token(request.headers.get("authorization", "").encode("latin-1", "replace"))
        principal = await admit(ports, token, right)
        return respond(principal if isinstance(principal, Refusal) else await serve(principal))
    except UnavailableError as error:
        return respond(unavailable(str(error)))
