"""`oms scorecards` as it is printed."""

import io
import json
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from oms_tools.routing_audit import scorecards as command
from sor_engine.domain.scorecard import Aggression, Scorecard, scorecard_view


def answer() -> dict[str, Any]:
    """Return what REST answers: a measured venue, and one that is closed and was never measured."""
    card = Scorecard()
    card.note_answer(0, 1_250)
    card.note_end(0, Aggression.TAKE, 100, 90, sent=100, filled=90)
    card.note_markout(0, 1, -2_500, 10_000_000, 100)
    return {
        "venues": [
            {
                "venueId": "XNYS",
                "closedReason": "",
                "closedUntil": None,
                "updatedAt": "2026-03-02T15:00:00+00:00",
                "scorecard": scorecard_view(card),
            },
            {
                "venueId": "BATS",
                "closedReason": "REJECTING: rejects=6, of=8, retry_in_s=5",
                "closedUntil": "2026-03-02T15:00:05+00:00",
                "updatedAt": "2026-03-02T15:00:00+00:00",
                "scorecard": scorecard_view(Scorecard()),
            },
        ]
    }


def test_the_table_says_what_its_figures_are() -> None:
    text = io.StringIO()
    command.print_scorecards(answer()["venues"], Console(file=text, width=140, color_system=None))
    legend = " ".join(text.getvalue().partition("BATS")[2].split())
    for name in (
        "take",
        "rest",
        "dark",
        "reject",
        "hidden",
        "ack ms",
        "fill s",
        "impr. bp",
        "1s, 10s, 60s bp",
    ):
        assert f"{name}:" in legend or f"{name}," in legend, name


def test_a_line_a_venue_with_dashes_for_what_was_not_measured() -> None:
    text = io.StringIO()
    command.print_scorecards(answer()["venues"], Console(file=text, width=140, color_system=None))
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert lines[1] == [
        *("XNYS", "open", "1", "90.0%", "–", "–", "0.0%", "–", "1.25", "–", "–", "–", "-2.50", "–")
    ]
    assert lines[2] == ["BATS", "REJECTING", "0", *["–"] * 11]
    assert "BATS REJECTING: rejects=6, of=8, retry_in_s=5, tried again at 2026-03-02T15:00:05+00:00" in (
        text.getvalue()
    )


def test_json_is_what_rest_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def scorecards(self) -> dict[str, Any]:
            return answer()

    monkeypatch.setattr(command.ApiClient, "of_stack", lambda _data, _user: Client())
    result = CliRunner().invoke(command.scorecards, ["--json"], catch_exceptions=False)
    assert json.loads(result.output) == answer()
    result = CliRunner().invoke(command.scorecards, [], catch_exceptions=False)
    assert "XNYS" in result.output
