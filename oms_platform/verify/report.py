"""What a check found: how much it looked at, and each violation as a sentence."""

from dataclasses import dataclass, field
from typing import Final

VIOLATIONS_KEPT_MAX: Final = 20


@dataclass(slots=True, kw_only=True)
class Finding:
    """One invariant's outcome. violations keeps the first few sentences, count all of them."""

    invariant: str
    examined: int = 0
    count: int = 0
    violations: list[str] = field(default_factory=list)

    def violate(self, sentence: str) -> None:
        """Note one violation."""
        self.count += 1
        if len(self.violations) < VIOLATIONS_KEPT_MAX:
            self.violations.append(sentence)


@dataclass(slots=True, kw_only=True)
class Report:
    """Every invariant's outcome. left_out: what could not be looked at, and why."""

    findings: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether no invariant is broken."""
        return not any(finding.count for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """Return the report for machines."""
        return {
            "clean": self.clean,
            "findings": [
                {
                    "invariant": finding.invariant,
                    "examined": finding.examined,
                    "broken": finding.count,
                    "violations": finding.violations,
                }
                for finding in self.findings
            ],
            "left_out": self.left_out,
        }
