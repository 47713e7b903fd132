"""The core's settings, read once from `OMS_CORE_*` (shared ones also from `OMS_*`)."""

from dataclasses import dataclass
from typing import Final

from oms_platform.kafka.settings import KafkaFields
from oms_platform.kill_feed import AGE_S_MAX, require_age
from oms_platform.order_types import StopTrigger

PEG_INTERVAL_MS_MIN: Final = 10
PCT_MIN: Final = 50
PCT_MAX: Final = 100
PEG_INTERVAL_MS_MAX: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """market_order_age_s_max: a market order that reaches core so long after it was taken is denied
    (ORDER_STALE), 0 to route it however old it is. quote_age_s_max: a quote older than that values no order.
    day_orders_wait: DAY orders that come while their market is closed wait for its next session; otherwise
    they are denied (MARKET_CLOSED). stop_trigger: what triggers stops: quote (the national best), trade (the
    last one), or both. peg_interval_ms: a pegged order is moved once in so many milliseconds at most.
    peg_moves_per_s: and all of them together so often in a second, 0 for any number: with more of them each
    is moved less often. advertised: HOST:PORT at which others reach this core's gRPC; empty for its own host
    and port. kills_age_s_max: no route is asked for while the kill switches were not looked at for so long.
    alert_warn_pcts: at which percent of a limit that positions and marks move an alert is raised before it is
    passed, by commas, empty for none. alert_margin_pct: points below them at which it is over.
    drop_copy: each execution is copied to the topic drop.copy.
    """

    postgres_dsn: str
    health_port: int
    grpc_port: int
    market_data_host: str = "127.0.0.1"
    market_data_port: int = 0
    kafka_assignment: str = "all"
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    market_order_age_s_max: float = 0
    quote_age_s_max: float = 10
    day_orders_wait: bool = False
    advertised: str = ""
    stop_trigger: str = StopTrigger.QUOTE.value
    peg_interval_ms: int = 250
    peg_moves_per_s: int = 250
    kills_age_s_max: float = AGE_S_MAX
    alert_warn_pcts: str = "80,90"
    alert_margin_pct: int = 5
    drop_copy: bool = True

    @property
    def alert_shares(self) -> tuple[int, ...]:
        """At which percent of a limit an alert is raised, the last one 100. Raises ValueError."""
        return read_shares(self.alert_warn_pcts)

    def __post_init__(self) -> None:
        """Raise ValueError for values that cannot be read or contradict each other."""
        KafkaFields.__post_init__(self)
        require_age("OMS_CORE_KILLS_AGE_S_MAX", self.kills_age_s_max)
        for name, value in (
            ("OMS_CORE_MARKET_ORDER_AGE_S_MAX", self.market_order_age_s_max),
            ("OMS_CORE_QUOTE_AGE_S_MAX", self.quote_age_s_max),
        ):
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more seconds, was {value}")
        if not PEG_INTERVAL_MS_MIN <= self.peg_interval_ms <= PEG_INTERVAL_MS_MAX:
            raise ValueError(
                f"OMS_CORE_PEG_INTERVAL_MS must be {PEG_INTERVAL_MS_MIN} to {PEG_INTERVAL_MS_MAX}"
                f" milliseconds, was {self.peg_interval_ms}"
            )
        read_shares(self.alert_warn_pcts)
        if not 0 <= self.alert_margin_pct < PCT_MIN:
            raise ValueError(
                f"OMS_CORE_ALERT_MARGIN_PCT must be 0 to {PCT_MIN - 1} points, was {self.alert_margin_pct}"
            )
        if self.peg_moves_per_s < 0:
            raise ValueError(f"OMS_CORE_PEG_MOVES_PER_S must be 0 or more, was {self.peg_moves_per_s}")
        triggers = [one.value for one in StopTrigger]
        if self.stop_trigger not in triggers:
            raise ValueError(
                f"OMS_CORE_STOP_TRIGGER must be one of {', '.join(triggers)}, was {self.stop_trigger!r}"
            )


def read_shares(warn_pcts: str) -> tuple[int, ...]:
    """Return the shares at which alerts are raised, the last one 100. Raises ValueError."""
    name = "OMS_CORE_ALERT_WARN_PCTS"
    try:
        shares = [int(text) for text in warn_pcts.split(",") if text.strip()]
    except ValueError:
        raise ValueError(f"{name} must be whole numbers of percent by commas, was {warn_pcts!r}") from None
    if shares != sorted(set(shares)) or any(not PCT_MIN <= share < PCT_MAX for share in shares):
        raise ValueError(
            f"{name} must be {PCT_MIN} to {PCT_MAX - 1} percent, each above the one before, was {warn_pcts!r}"
        )
    return (*shares, PCT_MAX)
