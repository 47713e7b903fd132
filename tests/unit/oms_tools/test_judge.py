"""What the judge calls broken: what every look found, and there are at least two."""

from collections.abc import Iterator

import pytest

from oms_tools.verify import judge as judging
from oms_tools.verify.judge import Evidence, judge_what_persists
from oms_tools.verify.report import Finding, Report


def report(*subjects: str) -> Report:
    return Report(findings=[Finding(invariant="all agree", broken=dict.fromkeys(subjects, "differs"))])


@pytest.mark.parametrize(
    ("looks", "broken"),
    [
        ([report()], set()),
        ([report("a"), report()], set()),
        ([report("a"), report("b")], set()),
        ([report("a", "b"), report("b", "c")], {"b"}),
    ],
    ids=["nothing", "on its way", "another on its way", "stays"],
)
def test_what_differs_must_differ_again_even_when_a_look_takes_longer_than_is_waited(
    looks: list[Report], broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: Iterator[Report] = iter(looks)
    monkeypatch.setattr(judging, "judge", lambda _evidence: next(left))
    monkeypatch.setattr(judging, "LOOK_AGAIN_S", 0.0)
    found = judge_what_persists(Evidence(dsn=""), settle_s=0.0)
    assert set(found.findings[0].broken) == broken
    assert next(left, None) is None
