"""How fast Python is here and now: figures of two machines, two hours or two interpreters compare by it."""

import time
from typing import Final

ROUNDS: Final = 7
_TURNS: Final = 20_000


def yardstick_ms() -> float:
    """Return the CPU-ms that a fixed piece of Python takes, the least of ROUNDS."""
    return round(min(_round_ns() for _ in range(ROUNDS)) / 1_000_000, 2)


def _round_ns() -> int:
    started = time.process_time_ns()
    kept: dict[str, tuple[int, str]] = {}
    for turn in range(_TURNS):
        name = f"order-{turn % 97}"
        before = kept.get(name)
        shares = turn if before is None else before[0] + turn % 7
        kept[name] = (shares, name[::-1] if shares % 3 else name)
    return time.process_time_ns() - started
