"""Settings of the broker simulator, read once from the environment (`OMS_BROKER_SIM_…`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "OMS_BROKER_SIM_"
VENUES: Final = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK")
DARK_VENUES: Final = frozenset({"DARK"})
COUNTERPARTY: Final = "OMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set.

    latency_us: time added before a venue acts on a message, "500" for all or "XNYS=500,DARK=1200".
    pending_us: time between PendingCancel or PendingReplace and the decision; below 0 the venue decides at
    once and reports no pending state. day_s: DAY orders are done for the day each time so many seconds have
    gone; 0 is never. control_port: where faults may be asked for, on loopback only; 0 is nowhere.
    The probabilities are from 0 to 1; see `engine.Behaviour`.
    prevents_self_match: an order that would trade with a resting one of ours cancels that.
    """

    postgres_dsn: str
    market_data_port: int
    fix_port: int
    health_port: int
    data: Path
    market_data_host: str = "127.0.0.1"
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    seed: int = 7
    latency_us: str = "0"
    pending_us: int = -1
    day_s: int = 0
    control_port: int = 0
    reject_probability: float = 0.0
    cancel_reject_probability: float = 0.0
    thin_probability: float = 0.0
    touch_fill_probability: float = 0.25
    hidden_probability: float = 0.6
    prevents_self_match: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a latency that cannot be read."""
        latencies_us(self.latency_us)


def latencies_us(text: str) -> dict[str, int]:
    """Read `Settings.latency_us` for every venue. Raises ValueError for an unknown venue or no number."""
    if "=" not in text:
        return dict.fromkeys(VENUES, _latency_us(text))
    result = dict.fromkeys(VENUES, 0)
    for part in text.split(","):
        venue_id, _, value = part.strip().partition("=")
        if venue_id not in result:
            raise ValueError(f"latency_us names venue {venue_id!r}, expected one of {', '.join(VENUES)}")
        result[venue_id] = _latency_us(value)
    return result


def _latency_us(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(f"latency_us must be 0 or more, was {value}")
    return value
