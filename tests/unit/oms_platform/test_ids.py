"""Ids: born in order whatever the threads do, derived the same after a replay."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from oms_platform import ids, order_ids
from oms_platform.clock import utc_now
from oms_platform.order_ids import taken_at

ORDER = uuid.UUID("01900000-0000-7000-8000-000000000001")


def test_ids_of_one_thread_rise_and_are_version_7() -> None:
    made = [ids.uuid7() for _ in range(10_000)]  # more than one millisecond's counter holds
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(value.version, value.variant) for value in made} == {(7, uuid.RFC_4122)}


def test_ids_of_many_threads_are_all_different_and_rise_in_each() -> None:
    with ThreadPoolExecutor(8) as pool:
        series = list(pool.map(lambda _: [ids.uuid7() for _ in range(2_000)], range(8)))
    assert all(made == sorted(made) for made in series)
    assert len({value for made in series for value in made}) == 16_000


def test_an_id_carries_the_time_of_its_birth_to_the_millisecond() -> None:
    before = utc_now()
    order_id = ids.uuid7()
    born = ids.uuid7_time(order_id)
    assert taken_at(order_id) == born
    # The counter of earlier ids may be ahead of the clock by the milliseconds that it used up.
    assert before - timedelta(milliseconds=1) <= born <= utc_now() + timedelta(seconds=1)


def test_the_floor_of_a_time_is_its_smallest_id_and_gives_the_time_back() -> None:
    at = datetime(2026, 3, 2, 15, 0, 0, 123_000, tzinfo=UTC)
    floor = ids.uuid7_floor(at)
    assert ids.uuid7_time(floor) == at
    assert ids.uuid7_floor(at - timedelta(milliseconds=1)) < floor
    assert ids.uuid7_floor(utc_now() - timedelta(seconds=1)) < ids.uuid7()
    assert ids.uuid7() < ids.uuid7_floor(utc_now() + timedelta(days=1))


def test_derived_ids_come_out_the_same_and_differ_by_attempt_and_leg() -> None:
    assert order_ids.route_id(ORDER, 1) == order_ids.route_id(ORDER, 1) != order_ids.route_id(ORDER, 2)
    made = [order_ids.child_cl_ord_id(ORDER, attempt, leg) for attempt in (1, 2) for leg in (1, 2)]
    assert len(set(made)) == 4
    assert order_ids.child_cl_ord_id(ORDER, 1, 2) == f"{ORDER.hex}-1-2"


def test_the_parent_of_a_child_and_of_its_cancels_is_found_in_their_ids() -> None:
    child = order_ids.child_cl_ord_id(ORDER, 3, 2)
    assert order_ids.order_id_of_child(child) == ORDER
    assert order_ids.order_id_of_child(order_ids.cancel_cl_ord_id(child, 4)) == ORDER


@pytest.mark.parametrize("cl_ord_id", ["", "SOMEONE-ELSES-1", "0190-1-1", "zz" * 16 + "-1-1"])
def test_a_child_id_that_is_not_ours_is_refused(cl_ord_id: str) -> None:
    with pytest.raises(ValueError, match=r"badly formed|invalid literal"):
        order_ids.order_id_of_child(cl_ord_id)
