"""ClOrdIDs as venues take them: short, of the venue's alphabet, one for each of ours, and found again."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_adapter.domain.session_settings import ALPHABETS, ClOrdIds
from execution_adapter.domain.wire_ids import WireIds, child_of
from execution_adapter.entrypoints.own_names import OwnNames
from oms_platform.order_ids import cancel_cl_ord_id, child_cl_ord_id

children = st.builds(
    child_cl_ord_id,
    st.uuids().map(lambda found: UUID(int=found.int)),
    st.integers(1, 999),
    st.integers(1, 99),
)
rules = st.one_of(
    st.builds(ClOrdIds, length=st.integers(15, 40), alphabet=st.sampled_from(["upper", "alphanumeric"])),
    st.builds(ClOrdIds, length=st.integers(23, 40), alphabet=st.just("digits")),
)
# Requests of one child are closer together than so.
numbers = st.integers(1, 10**12).flatmap(
    lambda first: st.lists(st.integers(first, first + 900_000), min_size=1, max_size=5, unique=True)
)


@given(rules, st.sets(children, min_size=1, max_size=8), numbers)
def test_every_id_of_ours_has_one_of_its_own_that_the_venue_takes(
    rule: ClOrdIds, names: set[str], requests: list[int]
) -> None:
    ids = WireIds({"V": rule})
    found: dict[str, str] = {}
    for name in names:
        found[ids.of_child("V", name)] = name
        for number in requests:
            request = cancel_cl_ord_id(name, number)
            found[ids.of_request("V", name, request)] = request
    assert len(found) == len(names) * (1 + len(requests))
    for wire_id, own in found.items():
        assert len(wire_id) == rule.length
        assert set(wire_id) <= set(ALPHABETS[rule.alphabet])
        assert ids.own("V", wire_id) == own


@pytest.mark.parametrize("times", [1, 2, 7])
def test_no_request_has_the_id_of_its_child(times: int) -> None:
    for alphabet, characters in ALPHABETS.items():
        rule = ClOrdIds(length=30, alphabet=alphabet)
        ids, name = WireIds({"V": rule}), "a-1-1"
        for near in (-1, 0, 1):
            number = times * len(characters) ** rule.request_length + near
            assert ids.of_request("V", name, cancel_cl_ord_id(name, number)) != ids.of_child("V", name)


@given(rules, children, st.integers(1, 10**12))
def test_a_child_is_found_after_a_restart_by_its_id_and_by_that_of_any_request(
    rule: ClOrdIds, name: str, number: int
) -> None:
    before = WireIds({"V": rule})
    wire_id = before.of_child("V", name)
    cancel = before.of_request("V", name, cancel_cl_ord_id(name, number))
    stored = {wire_id: name}
    after = WireIds({"V": rule})
    assert after.of_child("V", name) == wire_id
    fresh = WireIds({"V": rule})
    assert fresh.own("V", cancel) is None
    names = OwnNames(fresh, lambda _venue, asked: {one: stored[one] for one in asked if one in stored})
    for said in (cancel, wire_id):
        assert names.child_named("V", b"8=FIX\x0135=8\x0111=%s\x01" % said.encode()) == name


@given(rules, rules, children)
def test_a_child_that_lives_keeps_its_id_when_the_venues_rule_changes(
    first: ClOrdIds, second: ClOrdIds, name: str
) -> None:
    for was in (first, None):
        ids = WireIds({"V": was})
        wire_id = ids.of_child("V", name)
        ids.pin("V", name, wire_id)
        for now in (second, None):
            ids.set_rule("V", now)
            assert ids.of_child("V", name) == wire_id
            assert child_of(ids.own("V", wire_id) or "") == name
        request = cancel_cl_ord_id(name, 7)
        assert ids.own("V", ids.of_request("V", name, request)) == request


def test_without_a_rule_a_venue_sees_our_ids_and_nothing_is_remembered() -> None:
    ids = WireIds({"V": None})
    assert ids.of_child("V", "a-1-1") == "a-1-1"
    assert ids.of_request("V", "a-1-1", "a-1-1-C5") == "a-1-1-C5"
    assert ids.own("V", "whatever") == "whatever"
    assert not ids.is_derived("V")


@pytest.mark.parametrize("name", ["a-1-1", "a-1-1-C44", "a-1-1-H7"])
def test_a_request_names_its_child(name: str) -> None:
    assert child_of(name) == "a-1-1"
