"""What a check finds, of which deployment, and how it says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oms_platform.kafka.settings import KafkaSettings

ANSWER_S_MAX: Final = 3.0
# How many of many are named.
NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where to look. endpoints: each process's name and its health's address. disk: a folder, or None.

    read_dsn, issuer: the read replica and the OIDC issuer, empty when there is none to look at.
    """

    dsn: str
    kafka: KafkaSettings
    endpoints: Mapping[str, str]
    disk: Path | None = None
    read_dsn: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check's outcome. well: None when it could not be made."""

    name: str
    well: bool | None
    detail: str


def limited(name: str, found: float, bound: float, unit: str, of: str = "") -> Check:
    """Check that a figure is at most `bound`."""
    detail = f"{of + ' ' if of else ''}{found:,.3g} {unit}, must be at most {bound:,g}"
    return Check(name=name, well=found <= bound, detail=detail)


def named(names: list[str]) -> str:
    """Return the first few of those that a check does not hold for, as the end of a sentence."""
    return (
        f"; not so: {', '.join(names[:NAMED_MAX])}{', …' if len(names) > NAMED_MAX else ''}" if names else ""
    )
