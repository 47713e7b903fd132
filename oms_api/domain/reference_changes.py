"""What may be made of an account or an instrument that is there, as a decision on how it stands.

The law of this file: it is asked under the row's lock, with everything that the answer stands on, and neither
reads nor writes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from oms_api.domain.refusal import Refusal, RefusalCode, changed_meanwhile
from oms_platform.prices import MICROS, dollars_of, plain

# Which status an account may have next: what is to be closed has been suspended first.
NEXT_STATUS: Final[Mapping[str, frozenset[str]]] = {
    "ACTIVE": frozenset(("SUSPENDED",)),
    "SUSPENDED": frozenset(("ACTIVE", "CLOSED")),
    "CLOSED": frozenset(("SUSPENDED",)),
}
# Every core goes by a suspension within a quarter of a second; only then has the last order come that counts.
SUSPENDED_MIN: Final = timedelta(seconds=1)
# The version that a change is to be made of; None: of any.
AsRead = Callable[[int], bool] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """How an account stands. open_orders: that are not over; positions: symbols of which it has shares.

    since: when it was changed last.
    """

    account_id: str
    status: str
    version: int
    since: datetime
    open_orders: int
    positions: int


def account_problem(
    now_is: AccountStanding, status: str | None, as_read: AsRead, now: datetime
) -> Refusal | None:
    """Return why an account cannot be changed so, None where it can. status: that it is to have, if any."""
    name = now_is.account_id
    if as_read is not None and not as_read(now_is.version):
        return changed_meanwhile(f"account {name}")
    if status is None or status == now_is.status:
        return None
    if status not in NEXT_STATUS[now_is.status]:
        after = " or ".join(sorted(NEXT_STATUS[now_is.status]))
        return _conflict(f"account {name} is {now_is.status}, and may be {after} next, not {status}")
    if status != "CLOSED":
        return None
    if now - now_is.since < SUSPENDED_MIN:
        return _conflict(f"account {name} was changed a moment ago: ask again in a second", retry_after_s=1)
    if now_is.open_orders or now_is.positions:
        return _conflict(
            f"account {name} has {_counted(now_is.open_orders, 'open order')} and"
            f" {_counted(now_is.positions, 'position')}: it is closed with none of either"
        )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentStanding:
    """How an instrument stands. open_prices: limits and stops of orders that are not over, micros."""

    symbol: str
    version: int
    open_prices: Sequence[int]


def instrument_problem(
    now_is: InstrumentStanding, tick_micros: int | None, as_read: AsRead
) -> Refusal | None:
    """Return why an instrument cannot be changed so, None where it can. tick_micros: it is to have, if any.

    Below a dollar the tick is everybody's.
    """
    if as_read is not None and not as_read(now_is.version):
        return changed_meanwhile(f"instrument {now_is.symbol}")
    if tick_micros is None:
        return None
    off = [price for price in now_is.open_prices if price >= MICROS and price % tick_micros]
    if not off:
        return None
    return _conflict(
        f"{_counted(len(off), 'price')} of open orders of {now_is.symbol} would be off a tick of"
        f" {_dollars(tick_micros)}, such as {_dollars(off[0])}: they are canceled or replaced first"
    )


def _dollars(micros: int) -> str:
    return f"{plain(dollars_of(micros)):f}"


def _conflict(message: str, retry_after_s: int = 0) -> Refusal:
    return Refusal(code=RefusalCode.CONFLICT, message=message, retry_after_s=retry_after_s)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
