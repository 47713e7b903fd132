"""An operation of the REST API as a value: what it takes, what it answers, and who may ask for it.

The routes, the OpenAPI document, the Allow header and the tests of who sees what are made from one list of
these, so that none of them can say something else than another.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

import msgspec
from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode, invalid
from oms_api.entrypoints.answers import Answer, etag_of, names_version, ok, refused, with_rate
from oms_api.entrypoints.csv_answers import Table, csv_answer, wants_csv
from oms_api.entrypoints.http_door import BODY_BYTES_MAX, bearer_token, decode_content, read_body
from oms_api.entrypoints.request_fields import read_content, read_query
from oms_api.entrypoints.slashes import names_of
from oms_api.handlers import admit, begin_question, busy, rate_standing, unavailable
from oms_api.ports import BusyError, Ports, UnavailableError

Caller = Request[Any, Any, Any]
Content = dict[str, object]
# It reads its own body, since it is also answered outside of the framework.
PLACE: Final = "placeOrder"
_PART: Final = re.compile(r"\{(\w+)\}")


class NoQuery(msgspec.Struct):
    """An operation without parameters in its query."""


QueryT = TypeVar("QueryT", bound=msgspec.Struct)
BodyT = TypeVar("BodyT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[QueryT]):
    """A request that was let in and read. content: its JSON object, empty where none is taken.

    read: the same as the operation's struct, unless that reads its own.
    """

    request: Caller
    principal: Principal
    path: Mapping[str, str]
    query: QueryT
    content: Content
    read: msgspec.Struct | None = None

    def body(self, kind: type[BodyT]) -> BodyT:
        """Return what was sent, as the operation's struct. Raises TypeError for another one."""
        if not isinstance(self.read, kind):
            raise TypeError(f"expected {kind.__name__}, found {type(self.read).__name__}")
        return self.read

    @property
    def if_match(self) -> str | None:
        """What the caller says of the version that it would change; None when it says nothing.

        One that is empty names no version, and so none is changed.
        """
        given = self.request.headers.getall("if-match", [])
        return ", ".join(given) if given else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[QueryT]):
    """One operation. path: with the names of its parts in braces, as the contract says it.

    body: the JSON object that it takes, and `noun` what that is called; own_reader: the operation itself
    checks it, by the same rules, which a test holds it to. answers: the body by status, None for
    none; the first status is that of a plain result. refusals: those beyond what every such operation may
    answer. table: the list of the answer that may be had as CSV. example: a body that is taken.
    version: what the ETag of an answer is made of. takes_if_match: the change is made only of the version
    that If-Match names, where it is sent. takes_key: it may have an id of its caller's, under which it is
    done once. channeled: it may say through which channel it comes. question: sor-answers works for it: a
    caller has few at once.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    right: Right
    serve: Callable[[Call[QueryT]], Awaitable[object]]
    answers: Mapping[int, Any]
    query: type[QueryT] = NoQuery  # type: ignore[assignment]
    body: type[msgspec.Struct] | None = None
    noun: str = ""
    own_reader: bool = False
    refusals: Sequence[RefusalCode] = ()
    table: Table | None = None
    example: Mapping[str, object] = field(default_factory=dict)
    version: Callable[[Any], object] | None = None
    takes_if_match: bool = False
    takes_key: bool = False
    channeled: bool = False
    body_bytes_max: int = BODY_BYTES_MAX
    question: bool = False

    @property
    def parts(self) -> list[str]:
        """The names in the path."""
        return _PART.findall(self.path)

    @property
    def every_refusal(self) -> list[RefusalCode]:
        """Every refusal that it may answer."""
        codes = {RefusalCode.UNAUTHENTICATED, RefusalCode.FORBIDDEN, RefusalCode.RATE_LIMITED}
        codes |= {RefusalCode.INVALID_REQUEST, RefusalCode.UNAVAILABLE, *self.refusals}
        if self.parts:
            codes.add(RefusalCode.NOT_FOUND)
        if self.takes_if_match:
            codes.add(RefusalCode.PRECONDITION_FAILED)
        return sorted(codes, key=lambda code: code.value)


AnyOperation = Operation[Any]


def respond(answer: Answer | Refusal) -> Response[bytes]:
    """Turn an answer into Litestar's."""
    if isinstance(answer, Refusal):
        answer = refused(answer)
    return Response(
        answer.body, status_code=answer.status, media_type=answer.media_type, headers=dict(answer.headers)
    )


async def _serve(
    ports: Ports, operation: AnyOperation, request: Caller, token: str | None
) -> Answer | Refusal:
    """Admit the caller, read what it sends, and do what it asks for; what is away is answered with 503."""
    try:
        principal = await admit(ports, token, operation.right)
        if isinstance(principal, Refusal):
            return principal
        query, problems = read_query(operation.query, request.query_params.multi_items())
        if query is None:
            return invalid(*problems)
        sent = await _content(operation, request)
        if isinstance(sent, Refusal):
            return sent
        content, read = sent
        path = names_of(request.scope, request.path_params)
        if any("\0" in value for value in path.values()):
            return Refusal(code=RefusalCode.NOT_FOUND, message="no such page")
        call = Call(request=request, principal=principal, path=path, query=query, content=content, read=read)
        result = await (_ask(ports, operation, call) if operation.question else operation.serve(call))
        if isinstance(result, Answer | Refusal):
            return result
        return _told(operation, request, result)
    except BusyError as error:
        return busy(error.what)
    except UnavailableError as error:
        return unavailable(error.what)


async def _ask(ports: Ports, operation: AnyOperation, call: Call[Any]) -> object:
    """Do what makes others work in a place of the caller's own."""
    refusal = await begin_question(ports, call.principal)
    if refusal is not None:
        return refusal
    try:
        return await operation.serve(call)
    finally:
        ports.question_places.give_back(call.principal.subject)


def _told(operation: AnyOperation, request: Caller, result: object) -> Answer:
    if operation.version is not None:
        return _versioned(operation, request, result, etag_of(operation.version(result)))
    if operation.table is None:
        return ok(result, next(iter(operation.answers)))
    if wants_csv(", ".join(request.headers.getall("accept", []))):
        query = request.query_params.multi_items()
        answer = csv_answer(operation.table, result, request.url.path, list(query))
    else:
        answer = ok(result)
    return replace(answer, headers=(*answer.headers, ("vary", "accept")))


def _versioned(operation: AnyOperation, request: Caller, result: object, etag: str) -> Answer:
    """Return an answer with its ETag; one that a reader has already is not told again."""
    seen = ", ".join(request.headers.getall("if-none-match", []))
    if seen and request.method in ("GET", "HEAD") and names_version(seen, etag, weakly=True):
        return Answer(status=304, body=b"", headers=(("etag", etag),))
    answer = ok(result, next(iter(operation.answers)))
    return replace(answer, headers=(*answer.headers, ("etag", etag)))


async def _content(
    operation: AnyOperation, request: Caller
) -> tuple[Content, msgspec.Struct | None] | Refusal:
    if operation.body is None or operation.name == PLACE:
        return {}, None
    headers = dict(request.scope["headers"])
    receive: Any = request.receive
    most = operation.body_bytes_max
    body = await read_body(receive, headers.get(b"content-length"), most)
    if body is None:
        return Refusal(code=RefusalCode.INVALID_REQUEST, message=f"the body must be at most {most} bytes")
    content = decode_content(body, headers.get(b"content-type"))
    if isinstance(content, Refusal):
        return content
    if operation.own_reader:
        return content, None
    read, problems = read_content(operation.body, content, operation.noun)
    return invalid(*problems) if read is None else (content, read)


def routes_of(ports: Ports, operations: Sequence[AnyOperation]) -> list[HTTPRouteHandler]:
    """Return Litestar's routes: one for each path, whatever its methods."""
    by_path: dict[str, dict[str, AnyOperation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(ports, path, by_method) for path, by_method in by_path.items()]


def _route(ports: Ports, path: str, by_method: Mapping[str, AnyOperation]) -> HTTPRouteHandler:
    methods: list[Any] = [*by_method, *(["HEAD"] if "GET" in by_method else [])]

    @route(_PART.sub(r"{\1:str}", path), http_method=methods, status_code=200, include_in_schema=False)
    async def serve(request: Caller) -> Response[bytes]:
        method = "GET" if request.method == "HEAD" else request.method
        operation = by_method[method]
        token = bearer_token(request.headers.get("authorization", "").encode("latin-1", "replace"))
        answer = await _serve(ports, operation, request, token)
        if isinstance(answer, Refusal):
            answer = refused(answer)
        standing = rate_standing(ports, token, operation.right, question=operation.question)
        return respond(with_rate(answer, standing))

    return serve


def allowed_methods(operations: Sequence[AnyOperation], path: str) -> list[str]:
    """Return the methods that a path takes, as an Allow header names them."""
    named = [operation for operation in operations if operation.path == path]
    matching = [one for one in operations if re.fullmatch(_PART.sub(r"[^/]+", one.path), path)]
    # A path that is written out is no id.
    found = {operation.method for operation in named or matching}
    if not found:
        return []
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})
