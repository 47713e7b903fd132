"""The pages of docs/ that are drawn from code: order states, denials, metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oms_core.domain.denials import DenialCode
from oms_core.domain.transitions import LIFECYCLE, PENDING
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


PAGES = {"order-states.md": order_states, "denials.md": denials, "metrics.md": metrics_page}


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
