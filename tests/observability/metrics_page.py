"""docs/metrics.md, drawn from where metrics are defined in the code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oms_platform.telemetry.metrics import HOPS

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "oms_platform": "Every process",
    "oms_api": "oms-api",
    "oms_core": "oms-core",
    "sor_engine": "sor-engine, the scorekeeper and sor-answers",
    "execution_adapter": "execution-adapter",
    "simulators": "The simulators",
    "oms_tools": "Tools: the judge and the laptop's stack",
}
KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram", "BatchHistogram": "histogram"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """One metric as the code defines it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def defined_in(package: str) -> Iterator[Defined]:
    """Yield every metric that a package defines."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [item.value for item in node.args[:2] if isinstance(item, ast.Constant)]
            if node.func.id not in KINDS or len(texts) < 2:
                continue
            lists = [item for item in node.args[2:3] if isinstance(item, ast.List)]
            labels = tuple(
                label.value for found in lists for label in found.elts if isinstance(label, ast.Constant)
            )
            yield Defined(name=texts[0], kind=KINDS[node.func.id], labels=labels, meaning=texts[1])


def metrics_page() -> str:
    """Draw the page."""
    lines = [
        "# Metrics",
        "",
        "Drawn from the code by `make docs`. Every process serves them on `/metrics` of its health port."
        "Beside these there are `prometheus_client`'s own `process_…` and `python_…`. A process may show a"
        " metric of another of its",
        "package, at 0.",
        "",
        "Every label set is bounded: by a closed list in the code, or by the venues that an administrator"
        " enters. No label takes",
        "an account, a symbol, an order, or any text that a client sends.",
        "",
        "## Hops",
        "",
        "`oms_hop_seconds{hop=…}`, a histogram; `oms_hop_target_seconds{hop=…}`, the time within which 99 of"
        " 100 are to pass.",
        "",
        "| hop | from | to | p99 target |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {hop.begins} | {hop.ends} | {hop.p99_s * 1000:g} ms |" for name, hop in HOPS.items()
    ]
    for package, title in PACKAGES.items():
        lines += ["", f"## {title}", "", "| metric | type | labels | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{found.name}` | {found.kind} | {', '.join(found.labels)} | {found.meaning} |"
            for found in sorted(defined_in(package), key=lambda found: found.name)
        ]
    lines += [
        "",
        "## Watching the judge",
        "",
        "`oms verify --every 60 --metrics-port 9108` judges every minute and serves `oms_verify_…`. With"
        " `--dsn` it judges any",
        "deployment; what it is not told of (`--kafka`, `--fix-store`, `--venue-journal`) it leaves out.",
    ]
    return "\n".join(lines) + "\n"
