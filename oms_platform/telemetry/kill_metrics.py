"""What is measured of kill switches, by every process that goes by them."""

from collections import Counter as Counted
from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from oms_platform.kill_switches import STAGES, KillSwitch

kills_set = Gauge("oms_kill_switches_set", "Kill switches that are set, by stage", ["stage"])
kills_age_seconds = Gauge(
    "oms_kill_switches_age_seconds", "Time since the kill switches were looked at; infinite before the first"
)
kills_unread_total = Counter("oms_kill_switches_unread_total", "Looks at the kill switches that failed")
triggers_total = Counter(
    "oms_kill_triggers_total", "Triggers that set their switch, or would have", ["kind", "mode"]
)


def count_switches(switches: Iterable[KillSwitch]) -> None:
    """Set the gauge of what is set."""
    found = Counted(switch.stage for switch in switches)
    for stage in STAGES:
        kills_set.labels(stage.value).set(found[stage])
