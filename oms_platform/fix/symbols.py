"""A symbol in FIX: whole in Symbol (55), or its root there and its share class in SymbolSfx (65).

Inside, a class stands after a point or a slash: BRK.B, BF/A.
"""

from collections.abc import Callable
from typing import Final

_MARKS: Final = "./"


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return a symbol's root and its class, which is empty where there is none."""
    place = max(symbol.rfind(mark) for mark in _MARKS)
    return (symbol[:place], symbol[place + 1 :]) if 0 < place < len(symbol) - 1 else (symbol, "")


def is_same_symbol(ours: str, symbol: str, suffix: str) -> bool:
    """Whether a message's 55 and 65 name a symbol of ours; a counterparty may write it either way."""
    root, own = split_symbol(ours)
    if symbol == ours:
        return suffix in ("", own)
    return bool(suffix) and (symbol, suffix) == (root, own)


def named_symbol(symbol: str, suffix: str, is_known: Callable[[str], bool]) -> str:
    """Return the symbol that 55 and 65 name: one that is known, else with a point.

    What 65 adds is never left out: when-issued shares (WI) are others than those of the symbol alone.
    """
    if suffix in ("", split_symbol(symbol)[1]):
        return symbol
    names = [f"{symbol}{mark}{suffix}" for mark in _MARKS]
    return next((name for name in names if is_known(name)), names[0])
