"""The adapter's settings, read once from `OMS_ADAPTER_…`, or `OMS_…` for what services share."""

from dataclasses import dataclass
from pathlib import Path

from oms_platform.kafka.settings import KafkaFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(KafkaFields):
    """Where the parts are and how the FIX sessions run."""

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

    @property
    def secrets_folder(self) -> Path | None:
        """Where the secrets' files are, None when there is no such place."""
        return Path(self.secrets_dir) if self.secrets_dir else None
