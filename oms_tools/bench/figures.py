"""Percentiles, slopes, and numbers an order."""

import math
from collections.abc import Mapping, Sequence


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return p50, p99 and max by nearest rank, rounded to a thousandth; None each without values."""
    if not values:
        return {"p50": None, "p99": None, "max": None}
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)

    return {"p50": rank(0.50), "p99": rank(0.99), "max": round(ordered[-1], 3)}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the least-squares slope of (seconds, value) points, a second; 0 with fewer than two."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def last_part(points: Sequence[tuple[float, float]], seconds_max: float) -> list[tuple[float, float]]:
    """Return the points of the last half of their time, and of no more than its last `seconds_max`."""
    if not points:
        return []
    first, last = points[0][0], points[-1][0]
    since = max((first + last) / 2, last - seconds_max)
    return [point for point in points if point[0] >= since]


def per_order(counts: Mapping[str, float], orders: int, digits: int = 3) -> dict[str, float]:
    """Return each count an order."""
    return {name: round(count / max(1, orders), digits) for name, count in counts.items()}
