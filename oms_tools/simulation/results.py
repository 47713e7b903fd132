"""What came of a simulated run."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken invariant, at which step of which seed."""

    seed: int
    step: int
    rule: str
    text: str


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of a run. seconds: of CPU. digest: of everything that was published and sent."""

    seed: int
    orders: int
    steps: int = 0
    simulated_s: float = 0.0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    requests_said: int = 0
    requests_needed: int = 0
    events: int = 0
    fills: int = 0
    digest: str = ""
    violation: Violation | None = None
