"""The OpenAPI document: valid by the official schema of 3.1, whole, in one spelling, easy on generators."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from oms_api.domain.principal import Right
from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.rest import operations
from oms_api.entrypoints.rest_chaos import chaos_operations

_served: Any = None
CONTRACT = document(operations(_served, _served))
# With what only a stack that has a chaos door serves.
WITH_CHAOS = document([*operations(_served, _served), *chaos_operations(_served)])
OPENAPI = jsonschema_rs.validator_for(OPENAPI_31)
JSON_SCHEMA = jsonschema_rs.validator_for({"$ref": "https://json-schema.org/draft/2020-12/schema"})
CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
HEADER = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
Document = dict[str, Any]


def schemas(found: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every schema, also those within others, and where it stands."""

    def within(where: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if not isinstance(schema, dict):
            return
        yield where, schema
        for name, one in schema.get("properties", {}).items():
            yield from within(f"{where}.{name}", one)
        for name in ("items", "additionalProperties"):
            yield from within(f"{where}/{name}", schema.get(name))
        for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for number, one in enumerate(schema.get(name, [])):
                yield from within(f"{where}/{name}/{number}", one)

    for name, schema in found["components"]["schemas"].items():
        yield from within(name, schema)
    for where, operation in served(found):
        for parameter in operation["parameters"]:
            yield from within(f"{where} {parameter['name']}", parameter["schema"])
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for kind, content in part.get("content", {}).items():
                yield from within(f"{where} {kind}", content["schema"])


def test_the_page_about_log_in_says_what_each_right_is_asked_for() -> None:
    page = (Path(__file__).parents[3] / "docs" / "log-in.md").read_text()
    told = {
        right: re.findall(r"`(\w+)`", names)
        for right, names in re.findall(r"^\| (\w+) \| (`.*) \|$", page, re.M)
    }
    asked: dict[str, list[str]] = {}
    for operation in [*operations(_served, _served), *chaos_operations(_served)]:
        if operation.right is not Right.READ:
            asked.setdefault(operation.right.value, []).append(operation.name)
    assert told == asked


def served(found: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every operation and where it stands."""
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(part: Any) -> Iterator[str]:
    """Return the target of every reference."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for one in part.values():
            yield from references(one)
    elif isinstance(part, list):
        for one in part:
            yield from references(one)


def invalid(found: Document) -> Iterator[str]:
    """What the schema of OpenAPI 3.1, or that of JSON Schema, refuses."""
    for error in OPENAPI.iter_errors(found):
        yield f"{error.instance_path}: {error.message}"
    for where, schema in schemas(found):
        for error in JSON_SCHEMA.iter_errors(schema):
            yield f"{where}: {error.message}"


def ambiguous(found: Document) -> Iterator[str]:
    """Operations of one name; references to what is not there, and components that nothing refers to."""
    names = [operation["operationId"] for _, operation in served(found)]
    yield from (name for name in set(names) if names.count(name) > 1)
    targets = set(references(found))
    components = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    yield from targets ^ components


def undeclared(found: Document) -> Iterator[str]:
    """Parts of a path that are no parameters, parameters that are no part, and parameters of one name."""
    for where, operation in served(found):
        given = [(one["in"], one["name"]) for one in operation["parameters"]]
        yield from (f"{where}: {one} twice" for one in set(given) if given.count(one) > 1)
        in_path = {name for place, name in given if place == "path"}
        if in_path != set(re.findall(r"\{(\w+)\}", where)):
            yield f"{where}: declares {in_path}"
        yield from (
            f"{where}: {one['name']} is not required"
            for one in operation["parameters"]
            if one["in"] == "path" and one.get("required") is not True
        )


def misspelt(found: Document) -> Iterator[str]:
    """Names that are not camelCase, and names in prose that are not."""
    for where, operation in served(found):
        names = [(one["name"], HEADER if one["in"] == "header" else CAMEL) for one in operation["parameters"]]
        names += [(operation["operationId"], CAMEL)]
        names += [(name, HEADER) for one in operation["responses"].values() for name in one["headers"]]
        yield from (f"{where}: {name}" for name, form in names if not form.fullmatch(name))
    for where, schema in schemas(found):
        for name in [*schema.get("properties", {}), *schema.get("required", [])]:
            if not CAMEL.fullmatch(name):
                yield f"{where}: {name}"
        if re.search(r"\b[a-z]+_[a-z]", schema.get("description", "")):
            yield f"{where}: {schema['description']}"


def hard_to_generate(found: Document) -> Iterator[str]:
    """What generators make nothing of, or something else of, than is meant."""
    for where, schema in schemas(found):
        if isinstance(schema.get("type"), list):
            yield f"{where}: several types at once"
        if schema.get("type") == "null" and "/anyOf/" not in where:
            yield f"{where}: nothing but null"
        if "default" in schema and schema["default"] is None:
            yield f"{where}: a default of null"
        if "enum" in schema and where not in found["components"]["schemas"]:
            yield f"{where}: a list of names without a name of its own"
        if any(set(one) == {"anyOf"} for one in schema.get("anyOf", [])):
            yield f"{where}: alternatives within alternatives"


RULES = (invalid, ambiguous, undeclared, misspelt, hard_to_generate)


@pytest.mark.parametrize("rule", RULES)
def test_the_document_keeps_every_rule(rule: Callable[[Document], Iterator[str]]) -> None:
    assert list(rule(CONTRACT)) == []
    assert list(rule(WITH_CHAOS)) == []


def _order(found: Document) -> dict[str, Any]:
    order: dict[str, Any] = found["components"]["schemas"]["OrderRequest"]
    return order


def _place(found: Document) -> dict[str, Any]:
    place: dict[str, Any] = found["paths"]["/api/v1/orders"]["post"]
    return place


def _cancel(found: Document) -> dict[str, Any]:
    cancel: dict[str, Any] = found["paths"]["/api/v1/orders/{orderId}"]["delete"]
    return cancel


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        (invalid, lambda found: found.pop("info")),
        (invalid, lambda found: _place(found)["responses"]["201"].pop("description")),
        (invalid, lambda found: _place(found)["parameters"][0].pop("in")),
        (invalid, lambda found: _order(found)["properties"]["quantity"].update(minimum="1")),
        (ambiguous, lambda found: _place(found).update(operationId="cancelOrder")),
        (ambiguous, lambda found: found["components"]["schemas"].pop("Side")),
        (ambiguous, lambda found: found["components"]["schemas"].update(Unused={})),
        (undeclared, lambda found: _cancel(found).update(parameters=[])),
        (undeclared, lambda found: _cancel(found)["parameters"][0].update(required=False)),
        (undeclared, lambda found: _cancel(found)["parameters"].append(_cancel(found)["parameters"][0])),
        (misspelt, lambda found: _order(found)["properties"].update(min_qty={})),
        (misspelt, lambda found: _place(found)["parameters"][0].update(name="request_id")),
        (misspelt, lambda found: _order(found).update(description="min_quantity: shares.")),
        (hard_to_generate, lambda found: _order(found)["properties"].update(a={"type": ["string", "null"]})),
        (hard_to_generate, lambda found: _order(found)["properties"].update(a={"type": "null"})),
        (hard_to_generate, lambda found: _order(found)["properties"].update(a={"default": None})),
        (hard_to_generate, lambda found: _order(found)["properties"].update(a={"enum": ["A"]})),
        (hard_to_generate, lambda found: _order(found).update(anyOf=[{"anyOf": []}])),
    ],
)
def test_a_document_that_breaks_a_rule_is_found(
    rule: Callable[[Document], Iterator[str]], spoil: Callable[[Document], object]
) -> None:
    found = copy.deepcopy(CONTRACT)
    spoil(found)
    assert list(rule(found)) != []
