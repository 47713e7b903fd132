"""The core's settings, read once from `OMS_CORE_*` (shared ones also from `OMS_*`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """day_ends_utc: "HH:MM" at which DAY orders expire, empty when the market never closes."""

    postgres_dsn: str
    kafka_bootstrap: str
    health_port: int
    grpc_port: int
    market_data_host: str = "127.0.0.1"
    market_data_port: int = 0
    kafka_assignment: str = "all"
    kafka_fetch_wait_ms: int = 5
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    day_ends_utc: str = ""
