"""The SOR's settings, read once from `OMS_SOR_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass

from oms_platform.kafka.settings import KafkaFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """Where the parts are, and how old a quote may be before a newer one is asked for.

    profile: of orders that name none and whose account names none. reference_refresh_s: how often venues,
    profiles and scorecards are read again.
    """

    postgres_dsn: str
    health_port: int
    grpc_port: int
    market_data_host: str
    market_data_port: int
    kafka_assignment: str = "all"
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    profile: str = "default"
    quote_age_ms_max: int = 2000
    quote_timeout_ms: int = 200
    reference_refresh_s: int = 1
