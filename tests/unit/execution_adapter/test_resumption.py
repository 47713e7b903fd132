"""Where an inbound sequence is taken up: never beyond what core can still get."""

from datetime import UTC, datetime, timedelta

from execution_adapter.domain.resumption import Checkpoint, offsets_to_keep, passed_by_core, resume_from

START = datetime(2026, 1, 2, tzinfo=UTC)


def checkpoint(second: int, in_seq: int, incarnation: str, **offsets: int) -> Checkpoint:
    return Checkpoint(
        venue_id="XNYS",
        in_seq=in_seq,
        incarnation=incarnation,
        offsets={int(partition[1:]): offset for partition, offset in offsets.items()},
        recorded_at=START + timedelta(seconds=second),
    )


def test_without_a_checkpoint_everything_is_asked_for() -> None:
    assert resume_from([], "a", {}) == (1, None)


def test_while_kafka_lives_the_newest_checkpoint_is_enough() -> None:
    newest = checkpoint(2, 20, "a", p0=9)
    assert resume_from([checkpoint(1, 10, "a", p0=5), newest], "a", {}) == (21, newest)


def test_after_kafka_lost_its_data_the_newest_that_core_has_passed_counts() -> None:
    kept = [
        checkpoint(1, 10, "a", p0=5),
        checkpoint(2, 20, "a", p0=9, p3=2),
        checkpoint(3, 30, "a", p0=12, p3=4),
    ]
    core = {("a", 0): 11, ("a", 3): 2}
    assert resume_from(kept, "b", core) == (21, kept[1])
    assert resume_from(kept, "b", {("a", 0): 4}) == (1, None)


def test_offsets_of_another_incarnation_say_nothing() -> None:
    kept = [checkpoint(1, 10, "a", p0=5)]
    assert resume_from(kept, "b", {("b", 0): 100}) == (1, None)
    assert passed_by_core(checkpoint(1, 0, "a"), {})


def test_the_next_checkpoint_covers_what_this_incarnation_already_had() -> None:
    before = checkpoint(1, 10, "a", p0=5)
    assert offsets_to_keep(before, "a") == {0: 5}
    assert offsets_to_keep(before, "b") == {}
    assert offsets_to_keep(None, "a") == {}
