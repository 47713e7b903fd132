"""The SOR's settings and its answers', read once from `OMS_SOR_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass

from oms_platform.kafka.settings import KafkaFields
from oms_platform.kill_feed import AGE_S_MAX, require_age


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """Where the parts are, and how old a quote may be before a newer one is asked for.

    profile: of orders that name none and whose account names none. reference_refresh_s: how often venues,
    profiles and scorecards are read again. kills_age_s_max: nothing is placed while the kill switches were
    not looked at for so long.
    """

    postgres_dsn: str
    health_port: int
    market_data_host: str
    market_data_port: int
    kafka_assignment: str = "all"
    kills_age_s_max: float = AGE_S_MAX
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    profile: str = "default"
    quote_age_ms_max: int = 2000
    quote_timeout_ms: int = 200
    reference_refresh_s: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for values that cannot be read or contradict each other."""
        KafkaFields.__post_init__(self)
        require_age("OMS_SOR_KILLS_AGE_S_MAX", self.kills_age_s_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """What sor-answers stands on, and how much is asked of it at once; `profile` and quotes as the router's.

    questions_at_once: are worked on. questions_waiting_max: wait; more are refused.
    """

    postgres_dsn: str
    answers_health_port: int
    answers_grpc_port: int
    market_data_host: str
    market_data_port: int
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    profile: str = "default"
    quote_age_ms_max: int = 2000
    quote_timeout_ms: int = 200
    reference_refresh_s: int = 1
    questions_at_once: int = 2
    questions_waiting_max: int = 20

    def __post_init__(self) -> None:
        """Raise ValueError for a budget that lets nothing through."""
        for name in ("questions_at_once", "questions_waiting_max"):
            if getattr(self, name) < 1:
                raise ValueError(f"OMS_SOR_{name.upper()} must be at least 1, was {getattr(self, name)}")
