"""The chaos operations of the gateway: only where a laptop's stack says so, by a right of their own."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from oms_api.adapters.chaos_door import AWAY, HttpChaosDoor
from oms_api.config import PREFIX, ApiSettings
from oms_api.domain.chaos import ChaosAction, ChaosRequest
from oms_api.domain.principal import RIGHTS_OF_ROLE, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.desk_page import page_routes
from oms_api.entrypoints.rest import build_rest
from oms_api.ports import UnavailableError
from oms_platform.clock import utc_now
from oms_platform.health import Health
from oms_platform.settings import SettingsError, load_settings

_ports: Any = None
_door: Any = object()
NEEDED = {
    "OMS_API_HTTP_PORT": "1", "OMS_API_GRPC_PORT": "2", "OMS_API_HEALTH_PORT": "3",
    "OMS_API_POSTGRES_DSN": "postgresql://localhost/oms", "OMS_API_REDIS_URL": "redis://localhost:1/0",
    "OMS_API_OIDC_ISSUER": "http://issuer", "OMS_API_SOR_PORT": "4", "OMS_API_CORE_PORT": "5",
    "OMS_API_KAFKA_BOOTSTRAP": "localhost:6",
}  # fmt: skip
REQUEST = ChaosRequest(kind="KILL", target="oms-core", seconds=5)
ACTION = {
    "kind": "KILL", "target": "oms-core", "fault": "", "by": "admin1", "does": "", "phase": "ON",
    "startedAt": "2026-11-27T12:00:00Z", "endsAt": "2026-11-27T12:00:05Z", "overAt": None,
    "acked": 0, "closed": 0, "working": 0, "waiting": 0,
}  # fmt: skip


def test_a_gateway_without_a_chaos_door_does_not_know_of_one() -> None:
    with TestClient(build_rest(_ports, utc_now, Health())) as client:
        for method in ("GET", "POST"):
            assert client.request(method, "/api/v1/chaos").status_code == 404
        assert "haos" not in client.get("/schema/openapi.json").text
    with TestClient(build_rest(_ports, utc_now, Health(), _door)) as client:
        assert {"get", "post"} == set(client.get("/schema/openapi.json").json()["paths"]["/api/v1/chaos"])


def test_the_page_is_told_of_a_demo_only_where_there_is_one() -> None:
    for is_demo in (False, True):
        app = build_rest(_ports, utc_now, Health())
        for page in page_routes("http://issuer", "web", "openid", is_demo=is_demo):
            app.register(page)
        with TestClient(app) as client:
            assert client.get("/page-settings.json").json().get("demo", False) is is_demo


@pytest.mark.parametrize(
    "url",
    [
        "http://chaos:9100",
        "http://10.0.0.1:9100",
        "http://localhost:9100",
        "https://127.0.0.1:9100",
        "http://127.0.0.1",
        "http://127.0.0.1:9100/x",
        "http://127.0.0.1:9100@evil:80",
    ],
)
def test_a_door_elsewhere_than_on_this_machine_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no other place may break things"):
        load_settings(ApiSettings, PREFIX, NEEDED | {"OMS_API_CHAOS_URL": url, "OMS_API_CHAOS_PASSWORD": "x"})


@pytest.mark.parametrize("name", ["OMS_API_CHAOS_URL", "OMS_API_CHAOS_PASSWORD"])
def test_a_door_and_its_password_come_together(name: str) -> None:
    assert load_settings(ApiSettings, PREFIX, NEEDED).chaos_url == ""
    with pytest.raises(SettingsError, match="set together"):
        load_settings(ApiSettings, PREFIX, NEEDED | {name: "http://127.0.0.1:9100"})


def test_administrators_alone_may_break_things() -> None:
    assert [role for role, rights in RIGHTS_OF_ROLE.items() if Right.CHAOS in rights] == ["admin"]


# ---- what the door says


class Door:
    """A door that says one thing, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.said = 200, b"{}"
        self.sent: list[tuple[str, str | None, bytes]] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                door.sent.append((self.path, self.headers.get("Authorization"), body))
                self.send_response(door.status)
                self.send_header("Content-Length", str(len(door.said)))
                self.end_headers()
                self.wfile.write(door.said)

            do_POST = do_GET  # noqa: N815  (http.server's name)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.client = HttpChaosDoor(f"http://127.0.0.1:{self.server.server_address[1]}", "secret")

    def ask(self) -> ChaosAction | Refusal:
        return asyncio.run(self.client.ask(REQUEST, "admin1"))


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_what_is_asked_goes_on_with_who_asks_and_the_password(door: Door) -> None:
    door.status, door.said = 202, msgspec.json.encode(ACTION)
    answer = door.ask()
    assert isinstance(answer, ChaosAction) and (answer.target, answer.by) == ("oms-core", "admin1")
    path, password, body = door.sent[0]
    assert (path, password) == ("/chaos", "Bearer secret")
    assert msgspec.json.decode(body) == {
        "request": {"kind": "KILL", "target": "oms-core", "seconds": 5, "fault": ""},
        "by": "admin1",
    }


def test_what_the_door_refuses_is_refused_with_its_reason(door: Door) -> None:
    door.status, door.said = 409, b'{"message": "one thing at a time", "field": ""}'
    refused = door.ask()
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.message) == (RefusalCode.CONFLICT, "one thing at a time")
    door.status, door.said = 400, b'{"message": "must be one of oms-core", "field": "target"}'
    wrong = door.ask()
    assert isinstance(wrong, Refusal) and wrong.code is RefusalCode.INVALID_REQUEST
    assert [(one.field, one.message) for one in wrong.fields] == [("target", "must be one of oms-core")]


@pytest.mark.parametrize(("status", "said"), [(202, b"{}"), (202, b"<html>"), (500, b""), (404, b"[]")])
def test_a_door_that_says_something_else_does_not_answer(door: Door, status: int, said: bytes) -> None:
    door.status, door.said = status, said
    with pytest.raises(UnavailableError, match=AWAY):
        door.ask()
    with pytest.raises(UnavailableError, match=AWAY):
        asyncio.run(door.client.look())


def test_a_door_that_is_away_does_not_answer(door: Door) -> None:
    door.server.shutdown()
    door.server.server_close()
    with pytest.raises(UnavailableError, match=AWAY):
        asyncio.run(door.client.look())
