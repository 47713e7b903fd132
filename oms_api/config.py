"""Settings of the gateway and of its outbox relay, read once at start."""

from dataclasses import dataclass
from typing import Final

PREFIX: Final = "OMS_API_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The gateway: REST, WebSocket and gRPC."""

    http_port: int
    grpc_port: int
    postgres_dsn: str
    kafka_bootstrap: str
    redis_url: str
    oidc_issuer: str
    sor_port: int
    core_port: int
    sor_host: str = "127.0.0.1"
    core_host: str = "127.0.0.1"
    oidc_audience: str = "oms-api"
    host: str = "127.0.0.1"
    kafka_fetch_wait_ms: int = 5
    rate_per_s: int = 5_000
    rate_burst: int = 10_000
    queue_max: int = 5_000
    commit_timeout_ms: int = 5_000
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The outbox relay."""

    postgres_dsn: str
    kafka_bootstrap: str
    relay_health_port: int
    host: str = "127.0.0.1"
    kafka_fetch_wait_ms: int = 5
    log_level: str = "INFO"
