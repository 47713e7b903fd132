"""The patterns that surveillance looks for, and their parameters: what tools run and doors may name.

The law of this file: a parameter is a whole number in the unit that its name ends with, with a default, and
what is given in its place is refused by its name, its value and its bounds.
"""

from collections.abc import Mapping
from typing import Final

import msgspec


class PatternParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A number from least to most, both included."""

    name: str
    meaning: str
    least: int
    most: int
    default: int


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern as people may know it. rules: what it is looked for under."""

    name: str
    meaning: str
    rules: tuple[str, ...]
    parameters: tuple[PatternParameter, ...]

    def values(self, given: Mapping[str, int]) -> dict[str, int]:
        """Return every parameter's value. Raises ValueError for one that is unknown or out of its bounds."""
        known = {one.name: one for one in self.parameters}
        for name, value in given.items():
            one = known.get(name)
            if one is None:
                raise ValueError(f"{self.name}.{name} must be one of {', '.join(known)}")
            if not one.least <= value <= one.most:
                raise ValueError(f"{self.name}.{name} must be {one.least} to {one.most}, was {value}")
        return {one.name: given.get(one.name, one.default) for one in self.parameters}


def _number(name: str, meaning: str, least: int, most: int, default: int) -> PatternParameter:
    return PatternParameter(name=name, meaning=meaning, least=least, most=most, default=default)


_DAY_S: Final = 86_400
_ALL_BPS: Final = 10_000

PATTERNS: Final[Mapping[str, Pattern]] = {
    one.name: one
    for one in (
        Pattern(
            name="WASH",
            meaning="One firm buys and sells a symbol at like prices and sizes within a short time.",
            rules=("Securities Exchange Act, section 9(a)(1)", "FINRA Rule 5210, supplementary material .02"),
            parameters=(
                _number("window_s", "between the two executions", 1, _DAY_S, 60),
                _number("price_bps", "that the two prices may be apart", 0, _ALL_BPS, 5),
                _number("size_pct", "of the larger, that the smaller has at least", 1, 100, 80),
                _number("shares_min", "of the smaller", 1, 2**31 - 1, 100),
            ),
        ),
        Pattern(
            name="LAYERING",
            meaning="Orders away from the market one way are canceled soon after an execution the other way.",
            rules=("Securities Exchange Act, section 9(a)(2)", "FINRA Rule 2020"),
            parameters=(
                _number("window_s", "from an order to the execution, and on to its cancel", 1, _DAY_S, 30),
                _number("orders_min", "that were canceled", 2, 10_000, 3),
                _number("away_bps", "from the execution's price, each at least", 0, _ALL_BPS, 5),
                _number("ratio_pct", "canceled shares, of the shares executed the other way", 1, 10**6, 300),
            ),
        ),
        Pattern(
            name="MARKING_THE_CLOSE",
            meaning="A firm is a great part of what traded in the last minutes, and the price went its way.",
            rules=("Securities Exchange Act, section 9(a)(2)", "FINRA Rule 5210"),
            parameters=(
                _number("window_s", "before the close", 1, _DAY_S, 300),
                _number("share_pct", "of the shares that traded here in the window", 1, 100, 30),
                _number("move_bps", "that the last price has moved since the window began", 1, _ALL_BPS, 20),
                _number("shares_min", "of the firm", 1, 2**31 - 1, 500),
            ),
        ),
    )
}
