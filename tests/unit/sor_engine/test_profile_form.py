"""The form of routing profiles on the desk page has every setting that the router reads, and its default.

What the form does not know it leaves out, and a save from it would take that setting away without a word.
"""

import re
from pathlib import Path
from typing import Any

from sor_engine.domain.profile import LIT_STRATEGIES, RETIRED, StrategyName, read_profile

FORM = (Path(__file__).parents[3] / "desk/src/views/admin/profile.ts").read_text()
SETTINGS = dict(re.findall(r'\{ path: "([\w.]+)".*?standard: "(\w[\w.]*)"', FORM))
TERMS = set(re.findall(r"(\w+): \"", re.search(r"TERMS.*?= \{(.*?)\}", FORM)[1]))  # type: ignore[index]
STRATEGIES = set(re.findall(r"^  (\w+): \"", re.search(r"STRATEGIES.*?\{(.*?)\n\};", FORM, re.S)[1], re.M))  # type: ignore[index]
PARTS = ("weights", "staged", "passive", "dark")


class Asked(dict[str, Any]):
    """Settings that are all left out but one weight, and remember which the router looked for."""

    def __init__(self, found: set[str], place: str = "") -> None:
        super().__init__()
        self._found, self._place = found, place

    def __bool__(self) -> bool:
        return True

    def get(self, name: str, default: object = None) -> Any:
        if name in PARTS:
            return Asked(self._found, f"{name}.")
        self._found.add(self._place + name)
        return "1" if self._place + name == "weights.price" else default


def test_the_form_has_every_setting_that_the_router_reads_and_no_other() -> None:
    found: set[str] = set()
    read_profile("p", 1, Asked(found))
    assert {f"weights.{term}" for term in TERMS} | set(SETTINGS) | {"strategy"} == found - set(RETIRED)
    assert {one.value for one in StrategyName} == STRATEGIES
    lit = re.search(r"LIT = \[(.*?)\]", FORM)[1]  # type: ignore[index]
    assert set(re.findall(r"\w+", lit)) == {one.value for one in LIT_STRATEGIES}


def test_what_the_form_says_holds_where_a_setting_is_blank_is_what_the_router_takes() -> None:
    settings: dict[str, Any] = {"weights": {"price": "1"}}
    blank = read_profile("p", 1, settings)
    for path, standard in SETTINGS.items():
        part, _, name = path.rpartition(".")
        value = int(standard) if standard.isdigit() else standard
        given = settings | ({part: {name: value}} if part else {name: value})
        assert read_profile("p", 1, given) == blank, path
