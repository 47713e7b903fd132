"""Changes of limits as they are asked for: whatever comes is a row, or a field and why not, told shortly."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.limit_requests import may_change, read_limit
from oms_api.domain.refusal import FieldProblem
from oms_platform.risk_rules import RULE_SPECS, RuleRow, Unit, contradiction
from oms_platform.scopes import EVERYTHING, KINDS, Scope

NAMES = st.sampled_from([kind.value for kind in KINDS]) | st.text(max_size=80)
PARAMETERS = [(spec.name, one) for spec in RULE_SPECS for one in spec.parameters]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
# The longest list that a message names is that of the rules.
MESSAGE_MAX = 1_200


@given(
    one=st.sampled_from(PARAMETERS),
    value=JSON | st.just(10**5_000) | st.just("1e999999") | st.just("9" * 100_000),
    scope=st.dictionaries(NAMES, st.text(min_size=1, max_size=80), max_size=2),
)
def test_whatever_is_asked_for_is_a_row_within_its_bounds_or_a_short_refusal_by_field(
    one: tuple[str, object], value: object, scope: dict[str, str]
) -> None:
    rule, parameter = one[0], next(p for name, p in PARAMETERS if (name, p) == one)
    found = read_limit(
        rule, scope, mode=None, severity=None, on_missing=None, parameters={parameter.name: value}
    )
    if isinstance(found, FieldProblem):
        assert found.field in ("scope", f"parameters.{parameter.name}")
        assert len(found.message) <= MESSAGE_MAX
        return
    kept = found.parameters[parameter.name]
    if parameter.unit is Unit.YES_NO:
        assert kept is value
    elif parameter.unit is Unit.CHOICE:
        assert kept in parameter.choices
    else:
        assert isinstance(kept, int) and parameter.least <= kept <= parameter.most
        assert kept == (Decimal(str(value)) * 1_000_000 if parameter.unit is Unit.DOLLARS else value)


@given(
    names=st.dictionaries(st.text(), JSON, min_size=1, max_size=2),
    mode=st.none() | st.text(),
)
def test_parameters_that_no_rule_has_are_refused_and_told_shortly(
    names: dict[str, object], mode: str | None
) -> None:
    found = read_limit("SELF_CROSS", {}, mode=None, severity=None, on_missing=None, parameters=names)
    assert isinstance(found, FieldProblem)
    assert found.field.startswith("parameters") and len(found.field) + len(found.message) <= MESSAGE_MAX


def test_who_sees_some_accounts_changes_what_is_of_these_accounts_only() -> None:
    mine = frozenset(("A",))
    assert may_change(Scope(account="A", symbol="S"), mine)
    assert not any(may_change(scope, mine) for scope in (EVERYTHING, Scope(symbol="S"), Scope(account="B")))
    assert may_change(EVERYTHING, None) and not may_change(EVERYTHING, frozenset())


def test_a_contradiction_names_the_parameter_of_either_rule() -> None:
    def row(rule: str, name: str, micros: int) -> RuleRow:
        return RuleRow(rule=rule, scope=EVERYTHING, parameters={name: micros})

    net, gross = row("NET_EXPOSURE_EXCEEDED", "net_max", 2), row("GROSS_EXPOSURE_EXCEEDED", "gross_max", 1)
    found = contradiction((net, gross))
    assert found is not None
    assert (
        found.of("NET_EXPOSURE_EXCEEDED"),
        found.of("GROSS_EXPOSURE_EXCEEDED"),
        found.of("SELF_CROSS"),
    ) == (
        *("net_max", "gross_max"),
        "",
    )
    assert contradiction((net, row("GROSS_EXPOSURE_EXCEEDED", "gross_max", 2))) is None
