"""The SOR's settings, read once from `OMS_SOR_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the parts are, and how old a quote may be before a newer one is asked for."""

    postgres_dsn: str
    kafka_bootstrap: str
    health_port: int
    market_data_host: str
    market_data_port: int
    kafka_assignment: str = "all"
    kafka_fetch_wait_ms: int = 5
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    profile: str = "default"
    quote_age_ms_max: int = 2000
    quote_timeout_ms: int = 200
    gather_us: int = 2000
    reference_refresh_s: int = 30
