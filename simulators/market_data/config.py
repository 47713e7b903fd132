"""Settings of the market data simulator, read once from the environment (`OMS_MARKETDATA_SIM_…`)."""

from dataclasses import dataclass
from typing import Final

from oms_platform.kafka.settings import KafkaFields

PREFIX: Final = "OMS_MARKETDATA_SIM_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """What can be set.

    interval_ms: each symbol is quoted once in it. day_s: the length of a simulated trading day, which starts
    again as soon as it ends. kafka_every: of a symbol's quotes, each n-th goes to Kafka.
    """

    postgres_dsn: str
    grpc_port: int
    health_port: int
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    seed: int = 7
    interval_ms: int = 250
    day_s: int = 23_400
    kafka_bootstrap: str = ""
    kafka_every: int = 4
