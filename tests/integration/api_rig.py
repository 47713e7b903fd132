"""The gateway as a real process on real parts, and a small client, for its tests."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from joserfc import jwt

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import OrderStatus, Side
from oms_platform.wire import encode
from oms_tools.laptop.dev_grants import ALGORITHM, AUDIENCE, issue_token, load_key
from oms_tools.laptop.dev_issuer import make_server
from oms_tools.laptop.parts import memory_kafka_part, postgres_dsn
from tests.conftest import running
from tests.patience import EVENTUALLY_S
from tests.ports import free_port


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = EVENTUALLY_S) -> Any:
    """Wait until a condition holds and return its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.02)


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> dict[str, str]:
        """The wrong fields of a 400, by name."""
        return {problem["field"]: problem["message"] for problem in self.json["error"]["fields"]}


def call(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Reply:
    """Send one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


@contextmanager
def dev_issuer(data: Path) -> Iterator[str]:
    """Run the dev issuer in this process. Gives its address."""
    server = make_server(data, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def process(
    arguments: list[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module until the block ends."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(5)


@dataclass
class Gateway:
    """A running gateway."""

    http_port: int
    grpc_port: int
    health_port: int
    issuer: str
    issuer_data: Path
    dsn: str
    log: Path
    process: subprocess.Popen[bytes]

    def token_of(self, name: str, role: str, accounts: list[str]) -> str:
        """Return the token of a caller who is no persona."""
        key, now = load_key(self.issuer_data), int(time.time())
        claims = {"iss": self.issuer, "sub": name, "aud": AUDIENCE, "iat": now, "exp": now + 600}
        own = {"oms_accounts": accounts, "realm_access": {"roles": [role]}}
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims | own, key)

    def token(self, user: str = "trader1", **changes: Any) -> str:
        return issue_token(
            self.issuer_data, user, changes.get("issuer", self.issuer), changes.get("lifetime_s", 600)
        )

    def call(
        self, method: str, path: str, body: Any = None, user: str | None = "trader1", **headers: str
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            sent.setdefault("Authorization", f"Bearer {self.token(user)}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        return call(self.http_port, method, path, data, sent)

    def place(
        self, user: str | None = "trader1", headers: dict[str, str] | None = None, **changes: Any
    ) -> Reply:
        return self.call("POST", "/api/v1/orders", terms(**changes), user, **(headers or {}))

    def ready(self) -> bool:
        try:
            return call(self.http_port, "GET", "/health/ready").status == 200
        except OSError:
            return False

    def metric(self, line: str) -> float:
        """Return the value of a metric; 0 when it is not there."""
        for found in call(self.health_port, "GET", "/metrics").body.decode().splitlines():
            if found.startswith(f"{line} "):
                return float(found.rsplit(" ", 1)[1])
        return 0.0


def terms(**changes: Any) -> dict[str, Any]:
    """A good order with changes; a change to `...` leaves the field out."""
    content = {
        "clientOrderId": f"c-{uuid.uuid4().hex[:16]}",
        "accountId": "ACC-INST-001",
        "symbol": "AAPL",
        "side": "BUY",
        "orderType": "LIMIT",
        "quantity": 100,
        "limitPrice": "187.21",
        "timeInForce": "DAY",
    } | changes
    return {name: value for name, value in content.items() if value is not ...}


@contextmanager
def gateway(
    folder: Path, dsn: str, kafka: str, redis_port: int, *, wait_ready: bool = True, **settings: str
) -> Iterator[Gateway]:
    """Run a dev issuer and a gateway until the block ends."""
    http_port, grpc_port, health_port = free_port(), free_port(), free_port()
    with dev_issuer(folder / "issuer") as issuer:
        environment = {
            "OMS_POSTGRES_DSN": dsn,
            "OMS_KAFKA_BOOTSTRAP": kafka,
            "OMS_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "OMS_API_HTTP_PORT": str(http_port),
            "OMS_API_GRPC_PORT": str(grpc_port),
            "OMS_API_HEALTH_PORT": str(health_port),
            "OMS_API_SOR_PORT": str(free_port()),
            "OMS_API_CORE_PORT": str(free_port()),
            "OMS_API_OIDC_ISSUER": issuer,
            # No core answers here.
            "OMS_API_SHED_AGE_S": "3600",
        } | settings
        log = folder / "gateway.log"
        with process(["oms_api"], environment, log) as running:
            made = Gateway(http_port, grpc_port, health_port, issuer, folder / "issuer", dsn, log, running)
            if wait_ready:
                wait_for(made.ready, f"a ready gateway; its log: {log}", EVENTUALLY_S)
            yield made


@contextmanager
def gateway_alone(folder: Path, postgres_port: int, redis_port: int, **settings: str) -> Iterator[Gateway]:
    """Run a gateway on a database and an in-memory Kafka of its own until the block ends."""
    name, kafka_port = f"api_{uuid.uuid4().hex[:12]}", free_port()
    with (
        running(memory_kafka_part(kafka_port), folder / "kafka.log"),
        psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection,
    ):
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
        dsn = postgres_dsn(postgres_port, name)
        with gateway(folder, dsn, f"127.0.0.1:{kafka_port}", redis_port, **settings) as made:
            yield made
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def event(account_id: str, stream_sequence: int, **changes: Any) -> OrderEvent:
    fields: dict[str, Any] = {
        "event_id": uuid7(),
        "order_id": uuid7(),
        "account_id": account_id,
        "client_order_id": "c",
        "sequence": 2,
        "stream_sequence": stream_sequence,
        "type": "OrderAccepted",
        "status": OrderStatus.ACKNOWLEDGED,
        "symbol": "AAPL",
        "side": Side.BUY,
        "quantity": 100,
        "occurred_at": utc_now(),
        "leaves_qty": 100,
    }
    return OrderEvent(**(fields | changes))


def store_events(api: Gateway, *events: OrderEvent) -> None:
    """Store events as core does, with where their accounts' streams are."""
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        for item in events:
            connection.execute(
                "WITH head AS (INSERT INTO account_streams VALUES (%(account)s, %(number)s)"
                " ON CONFLICT (account_id) DO UPDATE SET head = EXCLUDED.head)"
                " INSERT INTO order_events VALUES"
                " (%(order)s, %(sequence)s, %(account)s, %(number)s, %(type)s, NULL, %(payload)s, %(at)s)",
                {
                    "order": item.order_id,
                    "sequence": item.sequence,
                    "account": item.account_id,
                    "number": item.stream_sequence,
                    "type": item.type,
                    "payload": encode(item).decode(),
                    "at": item.occurred_at,
                },
            )


def ready(port: int) -> bool:
    """Return whether a service says that it is ready."""
    try:
        return call(port, "GET", "/health/ready").status == 200
    except OSError:
        return False
