"""Where an inbound FIX sequence is taken up after a start.

The law of this file: no report is skipped that core might not have. A checkpoint says that every report up
to `in_seq` is in that incarnation of Kafka below `offsets`. While Kafka lives, that is enough; when it has
lost its data, only what core had read by then is safe. Reading too much again is harmless: core applies a
report once. Offsets are those of `executions.fills`: an acknowledgement that is lost with `executions.acks`
costs a measurement and no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A row of fix_checkpoints. offsets: next offset of the fills topic, by partition."""

    venue_id: str
    in_seq: int
    incarnation: str
    offsets: Mapping[int, int]
    recorded_at: datetime


# Next offset that core has read, by (incarnation, partition).
CoreOffsets = Mapping[tuple[str, int], int]


def passed_by_core(checkpoint: Checkpoint, core: CoreOffsets) -> bool:
    """Say whether core has read everything that a checkpoint covers."""
    return all(
        core.get((checkpoint.incarnation, partition), 0) >= offset
        for partition, offset in checkpoint.offsets.items()
    )


def resume_from(
    checkpoints: Iterable[Checkpoint], incarnation: str, core: CoreOffsets
) -> tuple[int, Checkpoint | None]:
    """Return the next inbound sequence to ask one venue for, and the checkpoint that it stands on.

    A session whose numbers began again has no checkpoints from before.
    """
    newest_first = sorted(checkpoints, key=lambda checkpoint: checkpoint.recorded_at, reverse=True)
    if newest_first and newest_first[0].incarnation == incarnation:
        chosen: Checkpoint | None = newest_first[0]
    else:
        older = [checkpoint for checkpoint in newest_first if checkpoint.incarnation != incarnation]
        chosen = next((checkpoint for checkpoint in older if passed_by_core(checkpoint, core)), None)
    return 1 if chosen is None else chosen.in_seq + 1, chosen


def offsets_to_keep(chosen: Checkpoint | None, incarnation: str) -> dict[int, int]:
    """Return the offsets that the next checkpoint must cover besides what is published from now on."""
    return dict(chosen.offsets) if chosen is not None and chosen.incarnation == incarnation else {}
