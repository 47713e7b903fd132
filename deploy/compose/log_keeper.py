"""Keeps the logs in OpenSearch bounded: their index template first, then, every few minutes, old days go.

One index a day, `oms-logs-2026.01.31`. A day goes when it is older than OMS_LOGS_DAYS, or, oldest first, when
all days together take more than OMS_LOGS_MIB; today's too when it alone is more, and begins anew. Only the
standard library: it runs in an image of the project, but is no part of it. `log_keeper.py check` is the
container's health check.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

PREFIX = "oms-logs-"
DAY_FORMAT = "%Y.%m.%d"
SWEEP_EVERY_S = 300.0
RETRY_EVERY_S = 5.0
TIMEOUT_S = 10.0
# The last sweep that went well; older than three of them is not healthy.
SWEPT = Path("/tmp/swept")  # noqa: S108
KEYWORD = {"type": "keyword"}
# What a line may carry is not known beforehand: its fields are keywords, without a mapping of each.
FIELDS = {"type": "flat_object"}
TEMPLATE: dict[str, Any] = {
    "index_patterns": [f"{PREFIX}*"],
    "template": {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "5s"},
        "mappings": {
            "dynamic": False,
            "properties": {
                "@timestamp": {"type": "date"},
                "body": {"type": "text", "fields": {"keyword": KEYWORD | {"ignore_above": 256}}},
                "severity": {"properties": {"text": KEYWORD, "number": {"type": "byte"}}},
                "traceId": KEYWORD,
                "spanId": KEYWORD,
                "attributes": FIELDS,
                "resource": FIELDS,
            },
        },
    },
}


def say(event: str, **fields: object) -> None:
    """Write a line as the services do."""
    line = {"service": "log-keeper", "event": event, **fields}
    print(json.dumps(line | {"timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}), flush=True)  # noqa: T201


def ask(url: str, method: str = "GET", body: object = None) -> Any:
    """Return OpenSearch's answer. Raises OSError (urllib's errors are such)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return json.load(answer)


def day_of(index: str) -> date | None:
    """Return the day of an index's name; None for a name of another kind."""
    try:
        return datetime.strptime(index.removeprefix(PREFIX), DAY_FORMAT).replace(tzinfo=UTC).date()
    except ValueError:
        return None


def to_end(sizes: dict[str, int], today: date, days: int, bytes_max: int) -> list[str]:
    """Return which indices go, oldest first. sizes: bytes by index."""
    dated = sorted((day, index) for index in sizes if (day := day_of(index)) is not None)
    total = sum(sizes.values())
    ending = []
    for day, index in dated:
        if day <= today - timedelta(days=days) or total > bytes_max:
            ending.append(index)
            total -= sizes[index]
    return ending


def sweep(url: str, days: int, bytes_max: int) -> None:
    """End what is too old or too much. Raises OSError."""
    found = ask(f"{url}/_cat/indices/{PREFIX}*?format=json&bytes=b&h=index,store.size")
    sizes = {line["index"]: int(line["store.size"] or 0) for line in found}
    for index in to_end(sizes, datetime.now(UTC).date(), days, bytes_max):
        ask(f"{url}/{index}", "DELETE")
        say("logs_ended", level="info", index=index, bytes=sizes[index])


def main() -> None:
    """Make the template, then sweep for ever; OpenSearch away is said and waited for."""
    url = os.environ.get("OMS_LOGS_URL", "http://opensearch:9200")
    days = int(os.environ.get("OMS_LOGS_DAYS", "7"))
    mib = int(os.environ.get("OMS_LOGS_MIB", "2048"))
    if days < 1 or mib < 1:
        sys.exit(f"OMS_LOGS_DAYS and OMS_LOGS_MIB must be 1 or more, were {days} and {mib}")
    while True:
        try:
            ask(f"{url}/_index_template/{PREFIX.rstrip('-')}", "PUT", TEMPLATE)
            sweep(url, days, mib * 2**20)
            SWEPT.touch()
            time.sleep(SWEEP_EVERY_S)
        except OSError as error:
            said = error.read() if isinstance(error, urllib.error.HTTPError) else b""
            detail = said.decode(errors="replace")[:500]
            say("logs_not_swept", level="warning", url=url, error=str(error), detail=detail)
            time.sleep(RETRY_EVERY_S)


def check() -> None:
    """Exit with 0 when the last sweep that went well is not long ago."""
    age_s = time.time() - SWEPT.stat().st_mtime if SWEPT.exists() else float("inf")
    sys.exit(0 if age_s < 3 * SWEEP_EVERY_S else f"last sweep {age_s:.0f} s ago")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else main()
