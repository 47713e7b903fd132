"""The pages of docs/ that are drawn from code: order states, denials, the rules of risk, metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oms_core.domain.denials import DenialCode
from oms_core.domain.transitions import LIFECYCLE, PENDING
from oms_platform.risk_rules import NOT_ABOVE, RULE_SPECS, AtVenue, Parameter, RuleSpec, Unit, shown_value
from tests.observability.metrics_page import metrics_page

DOCS = Path(__file__).parents[2] / "docs"


def order_states() -> str:
    """Draw both tables as Mermaid diagrams and as tables."""
    lines = [
        "# Order states",
        "",
        "Drawn from `oms_core/domain/transitions.py` by `make docs`; what is not here is illegal and"
        " changes nothing.",
        "",
        "## Lifecycle",
        "",
        "`NEW` is FIX PendingNew; `LIVE` is New, PartiallyFilled or, while a request is pending,"
        " PendingCancel or PendingReplace.",
        "",
        *_diagram(LIFECYCLE),
        "",
        "| in | event | leads to | when CumQty = OrderQty |",
        "|---|---|---|---|",
        *(f"| {a.value} | {event} | {to[0].value} | {to[1].value} |" for (a, event), to in LIFECYCLE.items()),
        "",
        "## Pending request",
        "",
        "A cancel is pending until every live child has answered: then the order is over, or the cancel is"
        " rejected for what venues keep.",
        "",
        *_diagram(PENDING),
        "",
        "| pending | event | leads to | about another request |",
        "|---|---|---|---|",
        *(f"| {a.value} | {event} | {to[0].value} | {to[1].value} |" for (a, event), to in PENDING.items()),
    ]
    return "\n".join(lines) + "\n"


def _diagram(table: Mapping[tuple[Any, str], tuple[Any, Any]]) -> list[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, event), targets in table.items():
        for after in dict.fromkeys(targets):
            arrows.setdefault((before.value, after.value), []).append(event)
    drawn = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return ["```mermaid", "stateDiagram-v2", *drawn, "```"]


def denials() -> str:
    """Draw the closed list of denials."""
    lines = [
        "# Denials",
        "",
        "Drawn from `oms_core/domain/denials.py` by `make docs`. An order that risk denies is REJECTED,"
        " and its text is",
        "`CODE: key=value, key=value`: the rule, what was found, and the limit.",
        "",
        "| code | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{code.name}` | {code.value} |" for code in DenialCode]
    return "\n".join(lines) + "\n"


RULES_TEST = "tests/unit/oms_core/test_rules.py"


def risk_rules() -> str:
    """Draw the catalogue of risk's rules: what each is for, what can be set of it, and where it is tested."""
    lines = [
        "# Rules of risk",
        "",
        "Drawn from `oms_platform/risk_rules.py` by `make docs`, by precedence: of the rules that deny an",
        "order its client is told the first. How they are set: [risk.md](risk.md). Each is held to what it",
        f"says by its row of `RULES_TABLE` in `{RULES_TEST}`, which the tests there go through.",
        "",
        "| rule | meaning | set by | for | test |",
        "|---|---|---|---|---|",
        *(_risk_rule(spec) for spec in RULE_SPECS),
        "",
        "## At a venue",
        "",
        "A scope of these may name a venue. What is set so is held to by each order that is sent there",
        "([risk.md](risk.md#at-a-venue)): by the router, which leaves the venue out or sends less, and by",
        "the last gate; or by the gate alone, which counts what leaves. The others are asked before a venue"
        " is chosen.",
        "",
        "| rule | at a venue | asked where this is set | by |",
        "|---|---|---|---|",
        *(_at_venue(spec.name, spec.at_venue) for spec in RULE_SPECS if spec.at_venue is not None),
        "",
        "## What must not contradict",
        "",
        "Of two parameters of one scope the first must not be above the second, or no order could reach it.",
        "",
        "| parameter | not above |",
        "|---|---|",
        *(f"| `{a}` of `{rule_a}` | `{b}` of `{rule_b}` |" for (rule_a, a), (rule_b, b) in NOT_ABOVE),
    ]
    return "\n".join(lines) + "\n"


def _risk_rule(spec: RuleSpec) -> str:
    parameters = "; ".join(_parameter(one) for one in spec.parameters)
    held = "a fact: nothing of it" if spec.facts else parameters
    required = " Required." if spec.required else ""
    controls = "; ".join(spec.controls)
    test = f"`RULES_TABLE['{spec.name}']`"
    return f"| `{spec.name}` | {spec.meaning}{required} | {held} | {controls} | {test} |"


def _at_venue(rule: str, one: AtVenue) -> str:
    needs = f"`{one.needs}`" + (f" ({', '.join(one.choices)})" if one.choices else "")
    return f"| `{rule}` | {one.meaning} | {needs} | {'router and gate' if one.routed else 'gate'} |"


def _parameter(one: Parameter) -> str:
    if one.unit is Unit.YES_NO:
        bounds = "yes or no"
    elif one.unit is Unit.CHOICE:
        bounds = ", ".join(one.choices)
    else:
        bounds = f"{shown_value(one.unit, one.least)} to {shown_value(one.unit, one.most)} {one.unit.value}"
    default = "no limit" if one.default is None else shown_value(one.unit, one.default)
    return f"`{one.name}`: {one.meaning} ({bounds}; {default} if not set)"


PAGES = {
    "order-states.md": order_states,
    "denials.md": denials,
    "risk-rules.md": risk_rules,
    "metrics.md": metrics_page,
}


def stale_pages() -> list[str]:
    """Return the pages that are not what the code draws."""
    return [
        name
        for name, draw in PAGES.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text() != draw()
    ]


def main() -> None:
    """Draw every page."""
    for name, draw in PAGES.items():
        (DOCS / name).write_text(draw())


if __name__ == "__main__":
    main()
