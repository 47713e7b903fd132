"""What a second person's leave makes of a verdict that denies.

The law of this file: only a verdict of which every denying rule may be overridden changes, and only by one
leave that lets all of them pass as they stand now. A rule that is hard, or that says that nobody knows,
denies whatever was granted.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from oms_core.domain.risk.verdict import Result, Verdict
from oms_platform.overrides import Override
from oms_platform.risk_rules import Severity
from oms_platform.vocabulary import OverrideUsed, RiskOutcome

# What a denial says of itself, where a second person may let the same order pass.
POSSIBLE: Final = "override=possible"


def may_be_overridden(result: Result) -> bool:
    """Whether a rule that denies leaves it to a second person; one without its figures does not."""
    return result.setting.severity is Severity.OVERRIDE and result.finding.code is None


def overridden(verdict: Verdict, granted: Iterable[Override], price_micros: int) -> Verdict:
    """Return a verdict that denies as it is with the leave for just this order.

    price_micros: that a share holds of the buying power, if it passes.
    """
    denied = [one for one in verdict.results if one.outcome is RiskOutcome.DENIED]
    if verdict.denial is None or not all(may_be_overridden(one) for one in denied):
        return verdict
    stands = [one.check for one in denied]
    used = next((one for one in granted if one.lets_pass(stands)), None)
    if used is None:
        return replace(verdict, overridable=True, denial=f"{verdict.denial}, {POSSIBLE}")
    results = tuple(
        replace(one, outcome=RiskOutcome.OVERRIDDEN, overridden_by=used.granted_by)
        if one.outcome is RiskOutcome.DENIED
        else one
        for one in verdict.results
    )
    return replace(verdict, results=results, denial=None, reserved_price_micros=price_micros, override=used)


def used_of(verdict: Verdict) -> OverrideUsed | None:
    """Return by which leave an order passes, as its event carries it."""
    used = verdict.override
    if used is None:
        return None
    return OverrideUsed(override_id=used.override_id, granted_by=used.granted_by, reason=used.reason)
