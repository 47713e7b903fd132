"""What a check found: how much it looked at, and each violation as a sentence."""

from dataclasses import dataclass, field
from typing import Final

VIOLATIONS_SHOWN_MAX: Final = 20


@dataclass(slots=True, kw_only=True)
class Finding:
    """One invariant's outcome. broken: what is wrong, by the order, execution or account."""

    invariant: str
    examined: int = 0
    broken: dict[str, str] = field(default_factory=dict)

    def violate(self, subject: str, sentence: str) -> None:
        """Note what is wrong of a subject."""
        self.broken[subject] = sentence

    @property
    def violations(self) -> list[str]:
        """The first few violations as sentences."""
        return [
            f"{subject}: {self.broken[subject]}" for subject in sorted(self.broken)[:VIOLATIONS_SHOWN_MAX]
        ]


@dataclass(slots=True, kw_only=True)
class Report:
    """Every invariant's outcome. left_out: what could not be looked at, and why."""

    findings: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether no invariant is broken."""
        return not any(finding.broken for finding in self.findings)

    def keep_what_persists_from(self, earlier: "Report") -> None:
        """Drop what an earlier look did not find broken too: it was on its way."""
        for finding, before in zip(self.findings, earlier.findings, strict=True):
            finding.broken = {
                subject: sentence for subject, sentence in finding.broken.items() if subject in before.broken
            }

    def as_json(self) -> dict[str, object]:
        """Return the report for machines."""
        return {
            "clean": self.clean,
            "findings": [
                {
                    "invariant": finding.invariant,
                    "examined": finding.examined,
                    "broken": len(finding.broken),
                    "violations": finding.violations,
                }
                for finding in self.findings
            ],
            "left_out": self.left_out,
        }
