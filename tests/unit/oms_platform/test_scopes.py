"""Scopes: what they cover, and which of several that cover one thing is the closest."""

from itertools import combinations

import pytest

from oms_platform.scopes import EVERYTHING, KINDS, NAME_MAX, Scope, ScopeKind, scope_of

THING = Scope(
    firm="F",
    venue="XNYS",
    sector="TECH",
    desk="D",
    strategy="TWAP",
    symbol="AAPL",
    trader="ada",
    account="A1",
)
EVERY = [
    scope_of({kind.value: THING.name(kind) for kind in kinds})
    for size in range(len(KINDS) + 1)
    for kinds in combinations(KINDS, size)
]


def test_a_scope_has_a_name_of_every_kind_and_of_no_other() -> None:
    assert set(Scope.__struct_fields__) == {kind.value for kind in ScopeKind}


@pytest.mark.parametrize("scope", EVERY, ids=str)
def test_a_scope_covers_what_has_all_of_its_names_and_nothing_that_has_another(scope: Scope) -> None:
    assert scope.covers(THING)
    for kind in KINDS:
        other = scope_of({**{one.value: THING.name(one) for one in KINDS}, kind.value: "other"})
        assert scope.covers(other) == (kind not in scope.kinds)


def test_no_two_scopes_of_one_thing_weigh_the_same() -> None:
    assert len({scope.weight for scope in EVERY}) == len(EVERY) == 2 ** len(KINDS)


def test_one_name_of_a_weightier_kind_is_closer_than_all_lighter_ones_together() -> None:
    for place, kind in enumerate(KINDS):
        lighter = scope_of({one.value: THING.name(one) for one in KINDS[:place]})
        assert scope_of({kind.value: THING.name(kind)}).weight > lighter.weight


def test_the_root_covers_everything_and_says_so() -> None:
    assert EVERYTHING.covers(THING) and EVERYTHING.weight == 0 and str(EVERYTHING) == "everything"
    assert str(Scope(symbol="AAPL", account="A1")) == "symbol=AAPL, account=A1"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"planet": "Mars"}, "a scope is made of"),
        ({"symbol": ""}, "symbol must be 1 to"),
        ({"symbol": "A" * (NAME_MAX + 1)}, "symbol must be 1 to"),
        ({"account": "A\x00B"}, "account must be 1 to"),
    ],
)
def test_names_that_cannot_be_a_scope_are_refused(names: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scope_of(names)
