"""Is every process ready, and of our version?"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version

from prometheus_client.parser import text_string_to_metric_families

from oms_tools.doctor.certificates import check_certificate
from oms_tools.doctor.check import ANSWER_S_MAX, Check


def _fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S_MAX) as answer:  # noqa: S310  (given by the operator)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def _in_words(status: int, body: str) -> str:
    """Say what /health/ready says: up, or the problems by the part that has them."""
    try:
        problems = json.loads(body).get("problems") or {}
    except (ValueError, AttributeError):
        return body.strip() or str(status)
    said = "; ".join(f"{part}: {problem}" for part, problem in problems.items())
    return said or ("up" if status == HTTPStatus.OK else f"not up, status {status}")


def check_process(name: str, address: str) -> Iterator[Check]:
    """Look whether a process is ready, of our version, and with a certificate that lasts."""
    try:
        status, body = _fetch(f"{address}/health/ready")
        yield Check(name=f"ready {name}", well=status == HTTPStatus.OK, detail=_in_words(status, body))
        _, text = _fetch(f"{address}/metrics")
    except (OSError, urllib.error.URLError) as error:
        yield Check(name=f"ready {name}", well=False, detail=f"no answer from {address}: {error}")
        return
    ours = version("oms-sor")
    found = {
        sample.labels["version"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "oms_build_info"
    }
    yield Check(
        name=f"version {name}",
        well=found == {ours},
        detail=f"expected {ours}, found {', '.join(sorted(found)) or 'none'}",
    )
    if address.startswith("https://"):
        yield check_certificate(name, address)
