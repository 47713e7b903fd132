"""Orders of every kind but the plain ones: times in force, stops, instructions, short sales and algos."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

# Returns a limit price: of an order that waits in a book, or, False, of one that trades at once.
PriceOf = Callable[[bool], str]
GTD_S: Final = (5, 60)
ALGO_S: Final = (5, 30)
# Above every round lot, so that a part of it can be shown; within what every account may order.
_SHARES: Final = 500
_SHOWN: Final = 100
_CENTS: Final = 100


def _time(now: datetime, seconds: int) -> str:
    return (now + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _limit(price: PriceOf, *, waits: bool, **more: Any) -> dict[str, Any]:
    return {"orderType": "LIMIT", "limitPrice": price(waits)} | more


def _gtd(draw: Random, price: PriceOf, now: datetime) -> dict[str, Any]:
    return _limit(price, waits=True, timeInForce="GTD", expireTime=_time(now, draw.randint(*GTD_S)))


def _stop(draw: Random, price: PriceOf, _now: datetime) -> dict[str, Any]:
    # What a limit order would wait at is on the other side of the market from where a stop waits.
    return {"orderType": "STOP", "stopPrice": price(draw.random() < 0.5)}


def _stop_limit(draw: Random, price: PriceOf, _now: datetime) -> dict[str, Any]:
    stop = price(draw.random() < 0.5)
    return {"orderType": "STOP_LIMIT", "stopPrice": stop, "limitPrice": stop, "timeInForce": "GTC"}


def _pegged(peg_type: str, offset: str = "0") -> dict[str, Any]:
    return {"orderType": "PEGGED", "side": "BUY", "peg": {"type": peg_type, "offset": offset}}


def _worked(strategy: str, **more: Any) -> Callable[[Random, PriceOf, datetime], dict[str, Any]]:
    def made(draw: Random, _price: PriceOf, now: datetime) -> dict[str, Any]:
        algo = {"strategy": strategy, "endAt": _time(now, draw.randint(*ALGO_S))} | more
        return {"orderType": "MARKET", "algo": algo, "quantity": _SHARES}

    return made


KINDS: Final[Mapping[str, Callable[[Random, PriceOf, datetime], dict[str, Any]]]] = {
    "IOC": lambda _draw, price, _now: _limit(price, waits=False, timeInForce="IOC"),
    "FOK": lambda _draw, price, _now: _limit(price, waits=False, timeInForce="FOK"),
    "GTC": lambda _draw, price, _now: _limit(price, waits=True, timeInForce="GTC"),
    "GTD": _gtd,
    "STOP": _stop,
    "STOP_LIMIT": _stop_limit,
    "MIN_QUANTITY": lambda _draw, price, _now: _limit(price, waits=False, minQuantity=1),
    "DISPLAY": lambda _draw, price, _now: _limit(price, waits=True, quantity=_SHARES, displayQty=_SHOWN),
    "POST_ONLY": lambda draw, price, _now: _limit(price, waits=draw.random() < 0.5, postOnly=True),
    "PRIMARY_PEG": lambda draw, _price, _now: _pegged("PRIMARY", f"{-draw.randint(0, 5) / _CENTS:.2f}"),
    "MIDPOINT_PEG": lambda _draw, _price, _now: _pegged("MIDPOINT"),
    "MARKET_PEG": lambda _draw, _price, _now: _pegged("MARKET"),
    "SHORT": lambda draw, price, _now: _limit(
        price, waits=draw.random() < 0.5, side="SELL_SHORT", locateId="BENCH"
    ),
    "DARK": lambda _draw, price, _now: _limit(price, waits=False, routing={"profile": "staged"}),
    "TWAP": _worked("TWAP"),
    "VWAP": _worked("VWAP"),
    "POV": _worked("POV", participationBps=2_000),
    "IS": _worked("IS", urgency=5),
}
