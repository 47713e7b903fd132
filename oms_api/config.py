"""Settings of the gateway, read once at start."""

from dataclasses import dataclass
from typing import Final

from oms_platform.kafka.settings import KafkaFields

PREFIX: Final = "OMS_API_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(KafkaFields):
    """The gateway: REST, WebSocket and gRPC.

    read_dsn: a replica for queries that may be slightly old, none when empty; it is used while it is at most
    read_lag_ms_max behind. shed_age_s: new orders are refused while the oldest one that this gateway took has
    waited longer for the core's and the router's answer. market_data_port 0: there are no quotes to ask for.
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
    market_data_host: str = "127.0.0.1"
    market_data_port: int = 0
    oidc_audience: str = "oms-api"
    read_dsn: str = ""
    read_lag_ms_max: int = 5_000
    host: str = "127.0.0.1"
    rate_per_s: int = 5_000
    rate_burst: int = 10_000
    queue_max: int = 5_000
    commit_timeout_ms: int = 5_000
    shed_age_s: float = 2.0
    log_level: str = "INFO"
