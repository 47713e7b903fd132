"""What the adapter does before its first step: the same after a first start and after a crash."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from execution_adapter.domain.fix.wire import MalformedError, first_value, read_fields
from execution_adapter.domain.resumption import offsets_to_keep, resume_from
from execution_adapter.handlers import ChildOrderManager, by_route
from execution_adapter.ports import ChildStore, FixMessage, JournalLine, NumbersBegan, OutNumbers, Sessions

log = structlog.get_logger()
# How far a clock may have been set back between a checkpoint and what was stored after it.
MSG_TYPE: Final = 35
LOGON: Final = b"A"
CLOCK_STEP_MAX: Final = timedelta(seconds=2)


def resume_sessions(
    sessions: Sessions, store: ChildStore, incarnation: str
) -> Mapping[str, Mapping[int, int]]:
    """Set each session's inbound number back to what is durable, its outbound one beyond all that was used.

    Returns the offsets to keep covering.
    """
    checkpoints, core, out = store.checkpoints(), store.core_offsets(), store.out_numbers()
    kept: dict[str, Mapping[int, int]] = {}
    for venue_id in sessions.venues:
        own = [checkpoint for checkpoint in checkpoints if checkpoint.venue_id == venue_id]
        next_in, chosen = resume_from(own, incarnation, core)
        next_out = out.get(venue_id, OutNumbers())
        sessions.resume(venue_id, next_in, next_out)
        kept[venue_id] = offsets_to_keep(chosen, incarnation)
        log.info("session_resumes", venue=venue_id, next_in_seq=next_in, next_out_seq=next_out.next_seq)
    return kept


def unsettled_messages(
    store: ChildStore, venue_ids: Iterable[str], incarnation: str
) -> Iterator[FixMessage | NumbersBegan]:
    """Yield what venues had sent and an earlier run may not have dealt with, in its order, as resent.

    It is asked for again, too; but a venue may have begun its numbers again, and has it no more.
    """
    checkpoints, core = store.checkpoints(), store.core_offsets()
    since: dict[str, datetime | None] = {}
    for venue_id in venue_ids:
        own = [checkpoint for checkpoint in checkpoints if checkpoint.venue_id == venue_id]
        _, chosen = resume_from(own, incarnation, core)
        since[venue_id] = None if chosen is None else chosen.recorded_at - CLOCK_STEP_MAX
    for line in store.journaled(since):
        if first_value(line.raw, MSG_TYPE) == LOGON:
            yield NumbersBegan(venue_id=line.venue_id, raw=line.raw, at=line.at)
        elif line.msg_seq:
            yield _read_again(line)


def _read_again(line: JournalLine) -> FixMessage:
    try:
        fields = read_fields(line.raw)
    except MalformedError:
        fields = None
    return FixMessage(
        venue_id=line.venue_id,
        raw=line.raw,
        fields=fields,
        msg_seq=line.msg_seq,
        poss_dup=True,
        at=line.at,
    )


def republish_to_new_kafka(
    store: ChildStore, manager: ChildOrderManager, incarnation: str, now: datetime
) -> None:
    """Tell core again of open orders' routes, and of what we closed ourselves, when Kafka may have lost it.

    It has not while a checkpoint says that this incarnation has what came before. Before the first one is
    written there is none of any incarnation, though children may be stored.
    """
    if any(checkpoint.incarnation == incarnation for checkpoint in store.checkpoints()):
        return
    stored = store.of_open_orders()
    for children in by_route(stored).values():
        manager.republish_route(children, now)
    for child in stored:
        manager.republish_local_close(child, now)
    if stored:
        log.warning("routes_republished", children=len(stored))
