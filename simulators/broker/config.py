"""Settings of the broker simulator, read once from the environment (`OMS_BROKER_SIM_…`)."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from simulators.broker.book_order import SelfMatch
from simulators.broker.fees import fees_of
from simulators.broker.lots import LotRule, lots_of

PREFIX: Final = "OMS_BROKER_SIM_"
VENUES: Final = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK")
DARK_VENUES: Final = frozenset({"DARK"})
COUNTERPARTY: Final = "OMS"
BAND_BPS_MAX: Final = 5_000
_Rule = TypeVar("_Rule", bound=enum.Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set.

    latency_us: time added before a venue acts on a message, "500" for all or "XNYS=500,DARK=1200".
    pending_us: time between PendingCancel or PendingReplace and the decision; below 0 the venue decides at
    once and reports no pending state. day_s: DAY orders are done for the day each time so many seconds have
    gone; 0 is never. control_port: where faults may be asked for, on loopback only; 0 is nowhere.
    The probabilities are from 0 to 1; see `engine.Behaviour`.
    self_match (NONE, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT), lot_rule (ANY, NO_MIXED,
    ROUND_ONLY): one word for all venues, or "XNYS=CANCEL_OLDEST,…". self_match_by_account: of one account (1)
    only, otherwise all orders are one firm's. round_lots: "BRK.A=1", the symbols whose lot is not 100 shares.
    fees: "XNYS=-0.0020/0.0030/0.0010": dollars a share, added, removed, in a cross. band_bps: the half width
    of the band in hundredths of a percent, 0 for none; limit_s: how long the market stands at it before a
    pause of pause_s. refuses_while_halted: new orders do not wait while a symbol does not trade.
    protects_others: a displayed venue trades nothing beyond what another displays, unless the order is an
    intermarket sweep (18=f), and lets nothing lock it.
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
    self_match: str = SelfMatch.NONE.value
    self_match_by_account: bool = False
    lot_rule: str = LotRule.ANY.value
    round_lots: str = ""
    fees: str = ""
    band_bps: int = 0
    limit_s: float = 15.0
    pause_s: float = 300.0
    refuses_while_halted: bool = False
    protects_others: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be read."""
        latencies_us(self.latency_us)
        by_venue(self.self_match, SelfMatch)
        by_venue(self.lot_rule, LotRule)
        lots_of(self.round_lots)
        unknown = fees_of(self.fees).keys() - set(VENUES)
        if unknown:
            raise ValueError(f"fees names venues {sorted(unknown)}, expected some of {', '.join(VENUES)}")
        if not (0 <= self.band_bps <= BAND_BPS_MAX and self.limit_s >= 0 and self.pause_s >= 0):
            raise ValueError(f"band_bps must be from 0 to {BAND_BPS_MAX}, limit_s and pause_s 0 or more")


def by_venue(text: str, rule: type[_Rule]) -> dict[str, _Rule]:
    """Read one word for all venues, or `XNYS=WORD,…`: the others have the first. Raises ValueError."""
    if "=" not in text:
        return dict.fromkeys(VENUES, rule(text))
    rules = dict.fromkeys(VENUES, next(iter(rule)))
    for part in text.split(","):
        venue_id, _, word = part.strip().partition("=")
        if venue_id not in rules:
            raise ValueError(f"expected one of {', '.join(VENUES)}, found {venue_id!r}")
        rules[venue_id] = rule(word)
    return rules


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
