"""The pages of docs/ that are drawn from code: order states, denials, metrics."""

from pathlib import Path

from oms_core.domain.denials import DenialCode
from oms_core.domain.transitions import TRANSITIONS
from tests.observability.metrics_page import metrics_page

DOCS = Path(__file__).parents[2] / "docs"


def order_states() -> str:
    """Draw the transition table as a Mermaid diagram and as a table."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), targets in TRANSITIONS.items():
        for target in targets:
            arrows.setdefault((state.value, target.value), []).append(event)
    lines = [
        "# Order states",
        "",
        "Drawn from `oms_core/domain/transitions.py` by `make docs`; what is not here is illegal and"
        " changes nothing.",
        "`NEW` is FIX PendingNew, `LIVE` is New, PartiallyFilled or (while a cancel is pending)"
        " PendingCancel.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> NEW: OrderReceived",
    ]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    lines += ["```", "", "| in | event | leads to |", "|---|---|---|"]
    lines += [
        f"| {state.value} | {event} | {' or '.join(target.value for target in targets)} |"
        for (state, event), targets in TRANSITIONS.items()
    ]
    return "\n".join(lines) + "\n"


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
