"""The scorekeeper's settings, read once from `OMS_SOR_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass

from oms_platform.kafka.settings import KafkaFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """Where the parts are, how fast is forgotten, and how long is kept.

    half_life_s: after so long an observation counts half. silent_ms: how long a venue may leave an order
    unanswered. retention_days: how long routes and quotes are kept. audit_retention_days: how long the log of
    changes is kept, six years.
    """

    postgres_dsn: str
    scorekeeper_health_port: int
    market_data_host: str
    market_data_port: int
    kafka_fetch_wait_ms: int = 50
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    half_life_s: int = 1800
    silent_ms: int = 3000
    gather_ms: int = 50
    retention_days: int = 30
    audit_retention_days: int = 2192
