"""Who may read an answer in a browser: allowed origins, and nobody whose name only looks like one."""

import asyncio
from typing import Any

import pytest

from oms_api.config import PREFIX, ApiSettings
from oms_api.entrypoints.cross_origin import CrossOrigin
from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.rest import operations
from oms_platform.settings import SettingsError, load_settings

DESK = b"https://desk.example.com"
FOREIGN = [
    [],
    [b"null"],
    [b""],
    [b"*"],
    [b"https://evil.example.com"],
    [b"http://desk.example.com"],
    [b"https://desk.example.com:8443"],
    [b"https://desk.example.com/"],
    [b"https://desk.example.com.evil.example"],
    [b"https://DESK.example.com"],
    [b"https://desk.example.com, https://evil.example.com"],
    [DESK, DESK],
    [DESK, b"null"],
]
REQUIRED = {"HTTP_PORT": "1", "GRPC_PORT": "2", "POSTGRES_DSN": "postgresql://x", "REDIS_URL": "redis://x"}
REQUIRED |= {"KAFKA_BOOTSTRAP": "k:1", "OIDC_ISSUER": "https://i", "SOR_PORT": "3", "CORE_PORT": "4"}
REQUIRED |= {"HEALTH_PORT": "5"}


def ask(
    method: str, origins: list[bytes], *more: tuple[bytes, bytes]
) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Send one request. Returns the status and headers; the application behind answers 418."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [(b"vary", b"accept")]})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        raise AssertionError("nothing is read here")

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [*((b"origin", one) for one in origins), *more]
    scope = {"type": "http", "method": method, "path": "/api/v1/orders", "headers": headers}
    asyncio.run(CrossOrigin(app, frozenset([DESK.decode()]))(scope, receive, send))
    return sent[0]["status"], sent[0]["headers"]


PREFLIGHT = (b"access-control-request-method", b"POST")


def test_a_page_of_an_allowed_origin_may_read_every_answer() -> None:
    for method in ("GET", "POST", "OPTIONS"):
        status, headers = ask(method, [DESK])
        assert status == 418
        assert (b"access-control-allow-origin", DESK) in headers
        assert [value for name, value in headers if name == b"vary"] == [b"accept", b"origin"]


@pytest.mark.parametrize("origins", FOREIGN)
def test_nobody_else_may_and_what_is_kept_of_an_answer_is_kept_by_origin(origins: list[bytes]) -> None:
    for method, more in (("GET", ()), ("POST", ()), ("OPTIONS", (PREFLIGHT,))):
        status, headers = ask(method, origins, *more)
        assert status == 418
        assert not [name for name, _ in headers if name.startswith(b"access-control")]
        assert (b"vary", b"origin") in headers


def test_a_preflight_of_an_allowed_origin_is_answered_before_anybody_is_asked() -> None:
    status, headers = ask("OPTIONS", [DESK], PREFLIGHT)
    assert status == 204
    found = dict(headers)
    assert found[b"access-control-allow-origin"] == DESK
    assert {b"POST", b"DELETE"} <= set(found[b"access-control-allow-methods"].split(b", "))
    allowed = found[b"access-control-allow-headers"].split(b", ")
    assert {b"authorization", b"content-type", b"x-oms-channel", b"x-request-id"} <= set(allowed)


def test_credentials_are_never_allowed() -> None:
    for method, more in (("GET", ()), ("OPTIONS", (PREFLIGHT,))):
        assert b"access-control-allow-credentials" not in dict(ask(method, [DESK], *more)[1])


def settings(origins: str) -> ApiSettings:
    """Read settings with these origins."""
    return load_settings(
        ApiSettings,
        PREFIX,
        {f"{PREFIX}{name}": value for name, value in REQUIRED.items()} | {f"{PREFIX}CORS_ORIGINS": origins},
    )


def test_origins_are_given_by_commas_and_none_is_the_default() -> None:
    assert settings("").allowed_origins == frozenset()
    named = "https://a.example, http://localhost:3000,http://[::1]:8080,"
    assert settings(named).allowed_origins == {
        "https://a.example",
        "http://localhost:3000",
        "http://[::1]:8080",
    }


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "a.example", "https://a.example/", "https://A.example", "https://*.example", "https://a.example:443",
     "http://a.example:80", "ftp://a.example", "https://u@a.example", "https://a.example https://b.example"],
)  # fmt: skip
def test_what_no_browser_names_is_refused_at_start(origin: str) -> None:
    with pytest.raises(SettingsError, match="OMS_API_CORS_ORIGINS"):
        settings(f"https://a.example,{origin}")


def test_whatever_the_contract_has_a_page_of_an_allowed_origin_may_send_and_read() -> None:
    served: Any = None
    contract = document(operations(served, served))
    preflight, answer = dict(ask("OPTIONS", [DESK], PREFLIGHT)[1]), dict(ask("GET", [DESK])[1])
    allowed = {
        kind: set(preflight[b"access-control-allow-" + kind].decode().split(", "))
        for kind in (b"methods", b"headers")
    }
    exposed = set(answer[b"access-control-expose-headers"].decode().split(", "))
    for methods in contract["paths"].values():
        assert {method.upper() for method in methods} <= allowed[b"methods"]
        for operation in methods.values():
            sent = {one["name"].lower() for one in operation["parameters"] if one["in"] == "header"}
            assert sent <= allowed[b"headers"], operation["operationId"]
            for response in operation["responses"].values():
                assert set(response["headers"]) <= exposed, operation["operationId"]
