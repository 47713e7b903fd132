"""The OpenAPI 3.1 document, made from the operations that the gateway serves."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from oms_api.domain.order_requests import KEY_FIELD
from oms_api.domain.principal import Right
from oms_api.domain.refusal import RefusalCode
from oms_api.domain.terms import CLIENT_ORDER_ID_LENGTH_MAX
from oms_api.entrypoints.answers import JSON, PROBLEM_JSON, STATUS_OF, Problem
from oms_api.entrypoints.csv_answers import CSV
from oms_api.entrypoints.operation import PLACE, AnyOperation, NoQuery

TITLE: Final = "OMS order gateway"
VERSION: Final = "1"
_SNAKE: Final = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "Orders, their routing, executions and positions. Prices are decimal text in dollars, quantities whole"
    " shares, times ISO 8601 in UTC. A request is repeated safely under its clientOrderId."
)
_RIGHTS: Final = {
    Right.READ: "Needs the right to read.",
    Right.TRADE: "Needs the right to trade.",
    Right.CANCEL: "Needs the right to cancel.",
    Right.STOP: "Needs the right to stop trading.",
    Right.RELEASE: "Needs the right to let what is stopped trade again.",
    Right.FLATTEN: "Needs the right to have positions closed.",
    Right.LIMITS: "Needs the right to change limits.",
    Right.OVERRIDE: "Needs the right to override risk for an order of somebody else.",
    Right.ADMIN: "Needs the right to administer.",
    Right.AUDIT: "Needs the right to audit.",
    Right.CHAOS: "Needs the right to break things on purpose.",
}
_OF_PATH: Final[dict[str, dict[str, Any]]] = {
    "orderId": {"type": "string", "format": "uuid"},
    "exceptionId": {"type": "string", "format": "uuid"},
    "switchId": {"type": "string", "format": "uuid"},
    "day": {"type": "string", "format": "date"},
    "attempt": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
}
_REQUEST_ID: Final = {
    "name": "X-Request-Id",
    "in": "header",
    "description": (
        "Comes back with the answer, and is in the logs. Another is made where it is left out, or is not 1 to"
        " 128 printable ASCII characters without a space."
    ),
    "schema": {"type": "string"},
}
_CHANNEL: Final = {
    "name": "X-OMS-Channel",
    "in": "header",
    "description": "Where the order comes from; a clientOrderId is unique by account and channel.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,32}$", "default": "API"},
}
_KEY: Final = {
    "name": KEY_FIELD,
    "in": "header",
    "description": (
        "The request's own id, unique by account and channel among orders' clientOrderIds and requests' ids."
        " The same one again is the same request, and gets its answer; with other content it is refused."
    ),
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": CLIENT_ORDER_ID_LENGTH_MAX,
        "pattern": "^[!-~](?:[ -~]*[!-~])?$",
    },
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what was read: the change is made only of that, or not at all.",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what was read before: it is told again only if it has changed.",
    "schema": {"type": "string"},
}
_ETAG: Final = {
    "etag": {
        "description": "Of this version; If-Match takes it.",
        "schema": {"type": "string", "pattern": '^"[^"]*"$'},
    }
}
_RATE_FIELD: Final = '^"[a-z-]+";{}=[0-9]+;{}=[0-9]+$'
# As every amount is written: no exponent, no zeros behind it.
_PLAIN_DECIMAL: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$"
_HEADER: Final = {"x-request-id": {"description": "Of this request.", "schema": {"type": "string"}}}
_RETRY_AFTER: Final = {
    "retry-after": {"description": "Seconds until it may pass.", "schema": {"type": "integer", "minimum": 1}}
}
_LINK: Final = {
    "link": {
        "description": 'With text/csv: the page after this one (`rel="next"`), left out on the last.',
        "schema": {"type": "string"},
    }
}
_RATE: Final = {
    "ratelimit-policy": {
        "description": "The caller's bucket by name: `q` requests at once, refilled over `w` seconds.",
        "schema": {"type": "string", "pattern": _RATE_FIELD.format("q", "w")},
    },
    "ratelimit": {
        "description": "`r` requests are left of that, about; all of them are there again after `t` seconds.",
        "schema": {"type": "string", "pattern": _RATE_FIELD.format("r", "t")},
    },
}


def document(operations: Sequence[AnyOperation]) -> dict[str, Any]:
    """Return the document. Order, names and words are those of the operations."""
    kinds: list[Any] = [Problem]
    for operation in operations:
        kinds += [kind for kind in operation.answers.values() if kind is not None]
        kinds += [operation.body] if operation.body is not None else []
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_anything, ref_template=_REF)
    of_kind = dict(zip(map(repr, kinds), schemas, strict=True))
    named: dict[str, Any] = {}
    for name, schema in components.items():
        named[name] = _as_sent(schema, named)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, of_kind, named)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in operations)],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _as_sent(schema: Any, named: dict[str, Any]) -> Any:
    """Return a schema with names as they are sent, in the forms that generators of clients make types of.

    A list of names is a component of its own, which is added to `named`. An amount is its text or its number,
    as two schemas: few languages have a type for `type: [string, number]`. A default of null is left
    out: it says no more than that the field may be, and some make a required field of it.
    """
    if isinstance(schema, list):
        return [_as_sent(one, named) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _as_sent(one, named) for name, one in schema.items() if (name, one) != ("default", None)}
    if isinstance(found.get("description"), str):
        found["description"] = _SNAKE.sub(_camel, found["description"])
    if "enum" in found and "title" in found:
        return _named({name: found.pop(name) for name in ("title", "enum", "type")}, named) | found
    if found.get("format") == "decimal" and "pattern" not in found:
        found["pattern"] = _PLAIN_DECIMAL
    elif found.get("format") == "decimal":
        number = {"type": "number"} | {name: found.pop(name) for name in _BOUNDS if name in found}
        text = {name: found.pop(name) for name in ("type", "format", "pattern")}
        found["anyOf"] = [text, number]
    elif "anyOf" in found:
        found["anyOf"] = [branch for one in found["anyOf"] for branch in _branches(one)]
    return found


def _named(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    name = schema["title"]
    if named.setdefault(name, schema) != schema:
        raise ValueError(f"expected one schema that is called {name}, found two")
    return {"$ref": _REF.format(name=name)}


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return schema["anyOf"] if set(schema) == {"anyOf"} else [schema]


def _camel(match: re.Match[str]) -> str:
    first, *rest = match[0].split("_")
    return first + "".join(part.capitalize() for part in rest)


def _anything(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError(f"expected a type that the contract can name, found {kind}")


def _operation(operation: AnyOperation, of_kind: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _RIGHTS[operation.right],
        "tags": [operation.tag],
        "parameters": [
            *(_path_parameter(name) for name in operation.parts),
            *_query_parameters(operation.query, named),
            _REQUEST_ID,
            *([_CHANNEL] if operation.channeled else []),
            *([_KEY] if operation.takes_key else []),
            *([_IF_NONE_MATCH] if _may_be_seen(operation) else []),
            *([_IF_MATCH] if operation.takes_if_match else []),
        ],
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": of_kind[repr(operation.body)]}
        if operation.example:
            content["example"] = operation.example
        found["requestBody"] = {"required": True, "content": {JSON: content}}
    found["responses"] = _responses(operation, of_kind)
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    schema = _OF_PATH.get(name, {"type": "string", "minLength": 1, "pattern": r"^[^/\u0000]+$"})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: type[msgspec.Struct], named: dict[str, Any]) -> list[dict[str, Any]]:
    # Of one struct, so that what its fields say of themselves is all there is.
    properties: dict[str, Any] = {}
    required: list[str] = []
    if msgspec.structs.fields(query):
        (_, components) = msgspec.json.schema_components([query], ref_template=_REF)
        schema = _as_sent(components[query.__name__], named)
        properties, required = schema["properties"], schema.get("required", [])
    found = []
    for name, schema in properties.items():
        plain = _without_null(schema)
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required}
        if "description" in plain:
            parameter["description"] = plain.pop("description")
        found.append(parameter | {"schema": plain})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is given: it is never null."""
    found = dict(schema)
    kinds = [kind for kind in found.pop("anyOf", []) if kind != {"type": "null"}]
    return (kinds[0] if kinds else {}) | found


def _may_be_seen(operation: AnyOperation) -> bool:
    return operation.version is not None and operation.method == "GET"


def _headers(operation: AnyOperation, status: int) -> dict[str, Any]:
    found: dict[str, Any] = dict(_HEADER)
    if status in (201, 308) and operation.name in ("placeOrder", "ordersMoved"):
        found["location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    if operation.version is not None and status < 400:
        found |= _ETAG
    if status in (429, 503):
        found |= _RETRY_AFTER
    # An order's own answer is not held up for it.
    if status != 401 and (operation.name != PLACE or status == 429):
        found |= _RATE
    return found


def _responses(operation: AnyOperation, of_kind: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, kind in operation.answers.items():
        headers = _headers(operation, status)
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
        if kind is not None:
            answer["content"] = {JSON: {"schema": of_kind[repr(kind)]}}
        if operation.table is not None:
            names = [field.encode_name for field in msgspec.structs.fields(operation.table.kind)]
            rows = _SNAKE.sub(_camel, operation.table.rows)
            description = f"A line each of `{rows}`, the names in the first: {', '.join(names)}."
            answer["content"][CSV] = {"schema": {"type": "string", "description": description}}
            headers |= _LINK if operation.query is not NoQuery else {}
        found[str(status)] = answer
    if _may_be_seen(operation):
        found["304"] = {"description": HTTPStatus(304).phrase, "headers": _headers(operation, 304)}
    by_status: dict[int, list[RefusalCode]] = {}
    for code in operation.every_refusal:
        by_status.setdefault(STATUS_OF[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        found[str(status)] = {
            "description": " or ".join(code.value for code in codes),
            "headers": _headers(operation, status),
            "content": {PROBLEM_JSON: {"schema": of_kind[repr(Problem)]}},
        }
    return found
