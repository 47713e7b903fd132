"""Symbols in FIX: a share class in Symbol (55) or in SymbolSfx (65), read either way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.fix.symbols import is_same_symbol, named_symbol, split_symbol

NAMES = st.text("ABCXYZ019", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("symbol", "parts"),
    [
        ("AAPL", ("AAPL", "")),
        ("BRK.B", ("BRK", "B")),
        ("BF/A", ("BF", "A")),
        ("A.B/C", ("A.B", "C")),
        (".A", (".A", "")),
        ("A.", ("A.", "")),
        ("", ("", "")),
    ],
)
def test_a_symbol_is_divided_where_its_class_begins(symbol: str, parts: tuple[str, str]) -> None:
    assert split_symbol(symbol) == parts


@given(NAMES, st.sampled_from("./"), NAMES, NAMES)
def test_a_symbol_is_known_again_either_way_and_no_other_one_is(
    root: str, mark: str, suffix: str, other: str
) -> None:
    ours = f"{root}{mark}{suffix}"
    assert is_same_symbol(ours, root, suffix) and is_same_symbol(ours, ours, "")
    assert is_same_symbol(ours, root, other) == (other == suffix)
    assert not is_same_symbol(ours, root, "")
    assert is_same_symbol(ours, ours, other) == (other == suffix)
    assert named_symbol(root, suffix, {ours, "AAPL."}.__contains__) == ours
    assert named_symbol(ours, "", {ours}.__contains__) == ours


def test_a_symbol_that_nobody_knows_is_refused_by_the_name_that_it_would_have() -> None:
    assert named_symbol("BRK", "B", set[str]().__contains__) == "BRK.B"
