"""Files of limits: read whole, every wrong line told by its place and field, nothing asked for before."""

import json
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oms_platform.risk_rules import RULE_SPECS
from oms_tools.cli.limit_commands import effective_lines
from oms_tools.cli.limit_file import read_file
from oms_tools.cli.reasons import checks_in_words

HEAD = "rule,account,symbol,mode,severity,parameters"


def read(folder: Path, text: str, name: str = "limits.csv") -> list[tuple[str, dict[str, object]]]:
    path = folder / name
    path.write_text(text, newline="")
    return read_file(path)


def refused(folder: Path, text: str, name: str = "limits.csv") -> list[str]:
    with pytest.raises(click.ClickException) as caught:
        read(folder, text, name)
    return caught.value.message.splitlines()


def test_rows_of_csv_and_of_json_are_those_that_the_api_takes(tmp_path: Path) -> None:
    rows = [
        {
            "rule": "PRICE_OUTSIDE_COLLAR",
            "severity": "SOFT",
            "scope": {"account": "A-1", "symbol": "BRK.A"},
            "parameters": {"collar_bps": 300, "collar_ticks": 5},
        },
        {"rule": "BUYING_POWER_EXCEEDED", "scope": {}, "parameters": {"buying_power": "1000000.10"}},
        {
            "rule": "SELF_CROSS",
            "mode": "OFF",
            "scope": {"account": "A-1"},
            "parameters": {"prevented": False},
        },
    ]
    text = f"""{HEAD}
PRICE_OUTSIDE_COLLAR,A-1,BRK.A,,SOFT,collar_bps=300; collar_ticks=5
BUYING_POWER_EXCEEDED,,,,,buying_power=1000000.10

SELF_CROSS,A-1,,OFF,,prevented=no
"""
    assert [(place, row) for place, row in read(tmp_path, text)] == [
        ("line 2", rows[0]),
        ("line 3", rows[1]),
        ("line 5", rows[2]),
    ]
    listed = [row | {"version": 7, "changedBy": "x", "reason": "y", "changedAt": "z"} for row in rows]
    assert [row for _, row in read(tmp_path, json.dumps(listed), "limits.json")] == rows
    exact = '[{"rule": "BUYING_POWER_EXCEEDED", "parameters": {"buying_power": 0.1}}]'
    assert read(tmp_path, exact, "a.json")[0][1]["parameters"] == {"buying_power": "0.1"}


def test_every_wrong_line_is_told_by_its_place_and_its_field(tmp_path: Path) -> None:
    text = f"""{HEAD}
SELF_CROSS,A-1,,ON,,
NO_SUCH_RULE,,,ON,,
SELF_CROSS,A-2,,MAYBE,,
PRICE_OUTSIDE_COLLAR,,,,,collar_bps=-1
PRICE_OUTSIDE_COLLAR,,MSFT,,,collar_bps=1;collar_bps=2
PRICE_OUTSIDE_COLLAR,,AAPL,,,colour=1
PRICE_OUTSIDE_COLLAR,,JPM,,,collar_bps
SELF_CROSS,A-1,,OFF,,
SELF_CROSS,A-3,,ON,,,more
SELF_CROSS,A-4,,,,
ORDER_NOTIONAL_EXCEEDS_MAX,A-5,,,,notional_max=11
BUYING_POWER_EXCEEDED,A-5,,,,buying_power=10
"""
    first, *told = refused(tmp_path, text)
    assert first == "nothing was set:"
    assert [line.split(" must")[0].split(" is ")[0] for line in told] == [
        "line 3: rule",
        "line 4: mode",
        "line 5: parameters.collar_bps",
        "line 6: parameters.collar_bps",
        "line 7: parameters.colour",
        "line 8: parameters",
        "line 9: scope",
        "line 10: row",
        "line 11: parameters",
        "line 12: parameters.notional_max",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "a.csv"),
        (HEAD, "a.csv"),
        (f"{HEAD},colour\n", "a.csv"),
        ("account\nA\n", "a.csv"),
        ("{", "a.json"),
        ("[" * 100_000, "a.json"),
        ('{"limits": 7}', "a.json"),
        ("[]", "a.json"),
        ("[7]", "a.json"),
        ('[{"rule": 7}]', "a.json"),
        ('[{"rule": "SELF_CROSS", "scope": []}]', "a.json"),
        ('[{"rule": "SELF_CROSS", "mode": "ON", "scope": {"venue": "XNYS"}}]', "a.json"),
        ('[{"rule": "SELF_CROSS", "mode": "ON", "scope": {"account": 7}}]', "a.json"),
        ('[{"rule": "SELF_CROSS", "parameters": [7]}]', "a.json"),
    ],
)
def test_what_is_no_file_of_limits_is_refused_in_words(tmp_path: Path, text: str, name: str) -> None:
    assert refused(tmp_path, text, name)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {"rule": st.sampled_from([spec.name for spec in RULE_SPECS]) | _JSON},
        optional={
            "scope": st.dictionaries(st.sampled_from(["account", "venue", "desk"]), _JSON, max_size=2)
            | _JSON,
            "mode": st.sampled_from(["ON", "OFF"]) | _JSON,
            "parameters": st.dictionaries(
                st.sampled_from([one.name for spec in RULE_SPECS for one in spec.parameters]),
                _JSON,
                max_size=2,
            )
            | _JSON,
        },
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS)
def test_whatever_is_in_a_file_it_is_read_or_refused_in_words(tmp_path: Path, rows: object) -> None:
    try:
        assert read(tmp_path, json.dumps(rows), "any.json")
    except click.ClickException as error:
        assert error.message


def test_the_table_of_what_holds_is_whole_within_100_columns() -> None:
    longest = "firm=BROKER, sector=TECHNOLOGY, desk=PROGRAM-TRADING, symbol=BRK.A, account=ACC-INST-001"
    answer = {
        "names": {"account": "ACC-INST-001", "symbol": "BRK.A"},
        "limits": [
            {
                "rule": spec.name,
                "mode": "SHADOW",
                "severity": "HARD",
                "onMissing": "DENY",
                "parameters": {
                    one.name: one.choices[-1] if one.choices else "1234567.89" for one in spec.parameters
                },
                "scope": longest,
                "lacks": [],
            }
            for spec in RULE_SPECS
        ],
    }
    lines = effective_lines(answer)
    assert max(len(line) for line in lines) <= 100
    text = "\n".join(lines)
    for spec in RULE_SPECS:
        assert (spec.name in text) == (not spec.facts)
        assert all(f"{one.name} " in text for one in spec.parameters)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("WARNED", "WARNED"),
        ("RISK_OUTCOME_WARNED", "WARNED"),
        ("RISK_OUTCOME_SHADOWED", "watched only"),
        ("OVERRIDDEN", "overridden"),
        ("DENIED", "FAILED"),
        (None, "FAILED"),
    ],
)
def test_what_did_not_pass_and_stopped_nothing_is_not_told_as_failed(outcome: str | None, said: str) -> None:
    check = {"rule": "OPEN_ORDERS_EXCEEDED", "value": "7", "bound": "5", "passed": False, "outcome": outcome}
    assert checks_in_words([check]) == f"open orders 7 of 5, {said}"
