"""The chart carries copies of what other places own: rules, dashboards, the demo's realm.

`python -m tests.helm.chart_files` makes them anew.
"""

import sys
from pathlib import Path

from tests.helm.tools import ROOT

FILES = ROOT / "helm" / "oms-sor" / "files"
# folder of the originals, their names, folder in the chart
COPIED = (
    ("deploy/prometheus", "*.rules.yaml", "prometheus"),
    ("deploy/grafana/dashboards", "*.json", "grafana"),
    ("deploy/keycloak", "oms-realm.json", "keycloak"),
)


def copies() -> dict[Path, str]:
    """Return what each copy in the chart must hold."""
    return {
        FILES / folder / original.name: original.read_text()
        for source, pattern, folder in COPIED
        for original in sorted((ROOT / source).glob(pattern))
    }


def found() -> dict[Path, str]:
    """Return the copies that the chart holds."""
    return {
        path: path.read_text() for _, pattern, folder in COPIED for path in (FILES / folder).glob(pattern)
    }


def main() -> None:
    """Make the chart's copies equal to the originals."""
    wanted = copies()
    for path in found().keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.stdout.write(f"{len(wanted)} copies in {FILES.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
