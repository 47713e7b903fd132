"""The adapter's settings, read once from `OMS_ADAPTER_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass
from pathlib import Path

from oms_platform.kafka.settings import KafkaFields
from oms_platform.kill_feed import AGE_S_MAX, require_age


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """Where the parts are and how the FIX sessions run.

    gate_…: bounds for each order that leaves, whatever anybody else allows (domain/gate.py); 0 for none. The
    collar stands on the quotes of the market data service, where there is one, else on reference prices.
    reconcile_s: how often every open order is compared with its venue besides at each logon; 0 for never.
    kills_age_s_max: nothing leaves while the kill switches were not looked at for so long.
    """

    postgres_dsn: str
    health_port: int
    fix_host: str
    fix_port: int
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    fix_sender: str = "OMS"
    # Where the sessions' secrets are, a file each; none: in environment variables OMS_ADAPTER_SECRET_….
    secrets_dir: str = ""
    heartbeat_s: int = 10
    reconnect_s: int = 1
    status_timeout_s: float = 5.0
    checkpoint_s: float = 1.0
    flush_ms_max: int = 20
    inbox_max: int = 20_000
    market_data_host: str = "127.0.0.1"
    market_data_port: int = 0
    reconcile_s: float = 300.0
    gate_quantity_max: int = 1_000_000
    gate_notional_max: int = 100_000_000
    gate_collar_bps: int = 1_000
    gate_orders_per_s: int = 5_000
    gate_repeats_per_s: int = 200
    kills_age_s_max: float = AGE_S_MAX

    def __post_init__(self) -> None:
        """Raise ValueError for bounds that no order could keep."""
        KafkaFields.__post_init__(self)
        require_age("OMS_ADAPTER_KILLS_AGE_S_MAX", self.kills_age_s_max)
        for name in ("quantity_max", "notional_max", "collar_bps", "orders_per_s", "repeats_per_s"):
            if (value := getattr(self, f"gate_{name}")) < 0:
                raise ValueError(f"OMS_ADAPTER_GATE_{name.upper()} must be 0 or more, was {value}")

    @property
    def secrets_folder(self) -> Path | None:
        """Where the secrets' files are, None when there is no such place."""
        return Path(self.secrets_dir) if self.secrets_dir else None
