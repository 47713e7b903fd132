"""Hold an order to every rule, by the settings that hold for it, and say what came of each.

The law of this file: every rule is asked, whatever another said; of those that deny, the first by precedence
is what the client is told. A rule that raises denies (RULE_FAILED), and stops nothing else.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from oms_core.domain.account import UnmarkedError
from oms_core.domain.denials import DenialCode, render
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Finding, Found, Missing
from oms_platform.overrides import Override
from oms_platform.risk_book import RuleBook, Setting
from oms_platform.risk_rules import Mode, OnMissing, Severity, Unit, Value, shown_value
from oms_platform.vocabulary import RiskCheck, RiskOutcome

Limits = Mapping[str, Value]
Check = Callable[[RiskContext, Limits], Found]


class Result(Struct, frozen=True, gc=False):
    """What came of a rule. overridden_by: who let it pass, of one that is OVERRIDDEN."""

    setting: Setting
    finding: Finding
    outcome: RiskOutcome
    overridden_by: str = ""

    @property
    def denial(self) -> str:
        """What the client is told: CODE: key=value, key=value."""
        finding, spec = self.finding, self.setting.spec
        details = finding.details or {"value": shown_value(finding.unit, finding.value)}
        if "limit" not in details and finding.unit is not Unit.TEXT:
            details = {**details, "limit": shown_value(finding.unit, finding.bound)}
        return render(finding.code or DenialCode[spec.name], **details)

    @property
    def check(self) -> RiskCheck:
        """The result as it is stored and shown."""
        finding = self.finding
        return RiskCheck(
            rule=self.setting.spec.name if finding.code is None else finding.code.name,
            value=shown_value(finding.unit, finding.value),
            bound=shown_value(finding.unit, finding.bound),
            passed=finding.passed,
            headroom="" if finding.headroom is None else shown_value(finding.unit, finding.headroom),
            outcome=self.outcome,
            scope=self.setting.source,
            overridden_by=self.overridden_by,
        )


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """What came of every rule that was asked, by precedence; reserved_price_micros is set when it passed.

    broken: the rules that raised, each with what. overridable: every rule that denies may be overridden.
    override: by which it passed.
    """

    results: tuple[Result, ...]
    denial: str | None
    reserved_price_micros: int
    broken: tuple[str, ...] = ()
    overridable: bool = False
    override: Override | None = None

    @property
    def checks(self) -> tuple[RiskCheck, ...]:
        """Every rule's check."""
        return tuple(result.check for result in self.results)

    @property
    def kept(self) -> tuple[RiskCheck, ...]:
        """The checks that are stored: all of a denial; else those with a limit, and what did not pass."""
        if self.denial is not None:
            return self.checks
        return tuple(
            result.check
            for result in self.results
            if result.finding.headroom is not None or result.outcome is not RiskOutcome.PASSED
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the order was only warned about."""
        return tuple(result.denial for result in self.results if result.outcome is RiskOutcome.WARNED)


def check_risk(context: RiskContext, book: RuleBook, rules: Mapping[str, Check]) -> Verdict:
    """Hold an order to every rule of the book. rules: the functions, by name."""
    results: list[Result] = []
    denied: Result | None = None
    broken: list[str] = []
    for setting in book.asked(context.scope):
        try:
            found = (
                rules[setting.spec.name](context, setting.values) if not setting.lacks else _lacking(setting)
            )
        except UnmarkedError as error:
            found = Missing(f"mark of {error.symbol}")
        except Exception as error:
            broken.append(f"{setting.spec.name}: {type(error).__name__}: {error}")
            found = _failed(setting)
        if found is None:
            continue
        finding = found if isinstance(found, Finding) else _missing(setting, found.input)
        if finding.passed:
            results.append(Result(setting, finding, _PASSED))
            continue
        result = Result(setting, finding, _outcome(setting, finding))
        results.append(result)
        if denied is None and result.outcome is RiskOutcome.DENIED:
            denied = result
    return Verdict(
        results=tuple(results),
        denial=None if denied is None else denied.denial,
        reserved_price_micros=0 if denied is not None else context.figures.price_micros or 0,
        broken=tuple(broken),
    )


_PASSED: Final = RiskOutcome.PASSED
# What says that nobody knows whether the order is within.
_ALWAYS_HARD: Final = frozenset((DenialCode.RULE_FAILED, DenialCode.LIMIT_MISSING))


def _outcome(setting: Setting, finding: Finding) -> RiskOutcome:
    if setting.mode is Mode.SHADOW:
        return RiskOutcome.SHADOWED
    if finding.code in _ALWAYS_HARD or setting.severity is not Severity.SOFT:
        return RiskOutcome.DENIED
    return RiskOutcome.WARNED


@lru_cache(maxsize=1024)
def _rule_of(code: DenialCode, rule: str, what: str, passed: bool) -> Finding:
    return Finding(passed, what, "known", Unit.TEXT, None, {"rule": rule, "missing": what}, code)


def _lacking(setting: Setting) -> Finding:
    return _rule_of(DenialCode.LIMIT_MISSING, setting.spec.name, ", ".join(setting.lacks), False)


def _missing(setting: Setting, what: str) -> Finding:
    passed = setting.on_missing is OnMissing.PASS
    return _rule_of(DenialCode.INPUT_MISSING, setting.spec.name, what, passed)


def _failed(setting: Setting) -> Finding:
    rule = setting.spec.name
    return Finding(False, "raised", "an answer", Unit.TEXT, None, {"rule": rule}, DenialCode.RULE_FAILED)
