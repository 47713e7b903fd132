"""Settings of the gateway and of its outbox relay, read once at start."""

from dataclasses import dataclass
from typing import Final

from oms_platform.kafka.settings import KafkaFields

PREFIX: Final = "OMS_API_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(KafkaFields):
    """The gateway: REST, WebSocket and gRPC.

    read_dsn: a replica for queries that may be slightly old, none when empty; it is used while it is at most
    read_lag_ms_max behind.
    """

    http_port: int
    grpc_port: int
    postgres_dsn: str
    redis_url: str
    oidc_issuer: str
    sor_port: int
    core_port: int
    sor_host: str = "127.0.0.1"
    core_host: str = "127.0.0.1"
    oidc_audience: str = "oms-api"
    read_dsn: str = ""
    read_lag_ms_max: int = 5_000
    host: str = "127.0.0.1"
    rate_per_s: int = 5_000
    rate_burst: int = 10_000
    queue_max: int = 5_000
    commit_timeout_ms: int = 5_000
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings(KafkaFields):
    """The outbox relay."""

    postgres_dsn: str
    relay_health_port: int
    host: str = "127.0.0.1"
    log_level: str = "INFO"
