"""What venues send: read, brought to the child that it is about, or kept for a person.

The law of this file: no message is dropped. It is worked on, refused as of a type that nobody here reads, or
an exception; a fault of ours in reading one makes it an exception too, and those behind it are worked on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from msgspec.structs import replace

from execution_adapter.domain.child import CancelRefusal, Inbound, MessageRefusal, Report
from execution_adapter.domain.fix.wire import first_value, text_of
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.wire_ids import child_of
from execution_adapter.entrypoints.fix_parsing import UnreadableReportError, parse
from execution_adapter.entrypoints.own_names import OwnNames
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import (
    ChildStore,
    FixMessage,
    FixRefused,
    Item,
    JournalLine,
    NumbersBegan,
    ReaderFailed,
    ResendWanted,
    SessionDown,
    SessionUp,
    StoredChild,
    Venues,
)
from oms_platform.exceptions import ExceptionKind
from oms_platform.order_ids import order_id_of_child

log = structlog.get_logger()


class VenueMessages:
    """Works on what venues send. names: our ids by theirs. One thread only."""

    def __init__(
        self,
        store: ChildStore,
        venues: Venues,
        manager: ChildOrderManager,
        ledger: Ledger,
        names: OwnNames,
    ) -> None:
        self._store, self._venues, self._manager = store, venues, manager
        self._ledger, self._names = ledger, names

    def except_refused(self, items: Sequence[Item], now: datetime) -> None:
        """Keep what the sessions have passed over: in the transaction of its line of the journal."""
        for item in items:
            if isinstance(item, FixRefused):
                kind = ExceptionKind.GARBLED if item.garbled else ExceptionKind.REFUSED_BY_SESSION
                self._except(kind, item.reason, item, now)

    def handle(self, items: Sequence[Item], now: datetime, now_s: float) -> bool:
        """Work on what came from the venues, in its order.

        Returns whether a venue's numbers began again: its next checkpoint is due.
        """
        changed = {item.venue_id: item for item in items if isinstance(item, SessionUp | SessionDown)}
        if changed:
            self._store.write_sessions(changed, now)
        read = [self._read(item, now) if isinstance(item, FixMessage) else None for item in items]
        known = self._find_children([inbound for inbound in read if inbound is not None])
        for item, inbound in zip(items, read, strict=True):
            if isinstance(item, FixMessage):
                if inbound is not None:
                    self._handle_inbound(item, inbound, known, now, now_s)
            else:
                self._handle_session(item, now, now_s)
        return any(isinstance(item, NumbersBegan) for item in items)

    def _handle_session(self, item: Item, now: datetime, now_s: float) -> None:
        if isinstance(item, ReaderFailed):
            raise item.error
        if isinstance(item, NumbersBegan):
            log.warning("fix_numbers_began", venue=item.venue_id, at=item.at.isoformat())
            self._store.begin_numbers(item.venue_id, item.at)
            self._ledger.begin_numbers(item.venue_id)
            self._manager.begin_numbers(item.venue_id)
        elif isinstance(item, SessionUp):
            self._manager.handle_logon(item.venue_id, now, now_s)
        elif isinstance(item, SessionDown):
            self._manager.handle_logout(item.venue_id, now, item.reason, on_purpose=item.on_purpose)
        elif isinstance(item, ResendWanted):
            self._manager.handle_resend_wanted(item.venue_id, now, now_s)

    def _except(self, kind: ExceptionKind, detail: str, item: FixMessage | FixRefused, now: datetime) -> None:
        """Keep a message for a person, and ask about the order that it may be of."""
        live = self._manager.get(self._names.child_named(item.venue_id, item.raw))
        child = None if live is None else live.child
        self._manager.outcomes.except_message(
            kind, detail, venue_id=item.venue_id, raw=item.raw, now=now, child=child
        )
        if live is not None:
            self._manager.ask_soon(live)

    def _read(self, item: FixMessage, now: datetime) -> Inbound | None:
        """Read a message; None when it is of no order, or was kept for a person."""
        try:
            inbound = parse(item.fields, item.venue_id, item.at)
        except UnreadableReportError as error:
            self._except(error.kind, str(error), item, now)
            return None
        except (ValueError, ArithmeticError, LookupError) as error:
            # A fault of ours; the message is kept, and those behind it are worked on.
            log.exception("fix_message_unread", venue=item.venue_id)
            self._except(ExceptionKind.UNREADABLE, repr(error), item, now)
            return None
        if inbound is None:
            msg_type = text_of(first_value(item.raw, 35) or b"")
            log.warning("fix_message_of_no_order", venue=item.venue_id, msg_type=msg_type)
            self._venues.refuse_type(item.venue_id, item.msg_seq, msg_type)
            return None
        inbound = self._names.renamed(inbound)
        if isinstance(inbound, Report) and item.poss_dup and not inbound.poss_dup:
            return replace(inbound, poss_dup=True)
        if not isinstance(inbound, MessageRefusal):
            return inbound
        resolved = self._manager.resolve(inbound)
        if resolved is None:
            self._except(ExceptionKind.VENUE_REFUSED, f"35={inbound.msg_type}: {inbound.text}", item, now)
        return resolved

    def _handle_inbound(
        self,
        item: FixMessage,
        inbound: Inbound,
        known: Mapping[str, LiveChild],
        now: datetime,
        now_s: float,
    ) -> None:
        name = _child_of(inbound)
        # A child that was closed in this batch may have been forgotten by now.
        live = self._manager.get(name) or known.get(name) or self._find_children([inbound]).get(name)
        if live is None:
            report = inbound if isinstance(inbound, Report) else None
            self._manager.outcomes.except_message(
                ExceptionKind.UNKNOWN_ORDER,
                f"no order {name or 'without ClOrdID'} was sent to {item.venue_id}",
                venue_id=item.venue_id,
                raw=item.raw,
                now=now,
                report=report,
            )
            return
        self._manager.handle_inbound(inbound, live, item.raw, now, now_s)

    def _find_children(self, inbounds: Sequence[Inbound]) -> Mapping[str, LiveChild]:
        """Look up the children that are remembered no more; theirs are late and resent reports."""
        places: dict[str, UUID] = {}
        for inbound in inbounds:
            name = _child_of(inbound)
            if name not in places and self._manager.get(name) is None:
                try:
                    places[name] = order_id_of_child(name)
                except ValueError:
                    continue
        if not places:
            return {}
        keys = [(order_id, name) for name, order_id in places.items()]
        stored = self._store.find(keys)
        return {one.child.cl_ord_id: self._recalled(one) for one in stored}

    def _recalled(self, stored: StoredChild) -> LiveChild:
        """Return a closed child with its newest state, which may not be stored yet."""
        state = self._ledger.newest(stored.child.cl_ord_id) or stored.state
        live = LiveChild(stored.child, state, maybe_at_venue=True, canceling=stored.canceled_by is not None)
        self._manager.remember(live)
        return live


def journal_of(items: Sequence[Item]) -> list[JournalLine]:
    """Return the messages among what came, as the journal keeps them.

    Where a venue's numbers began again stands among them: a number says nothing without its numbering.
    """
    return [
        JournalLine(
            venue_id=item.venue_id,
            inbound=True,
            msg_seq=item.msg_seq if isinstance(item, FixMessage) else 0,
            at=item.at,
            raw=item.raw,
        )
        for item in items
        if isinstance(item, FixMessage | FixRefused | NumbersBegan)
    ]


def _child_of(inbound: Inbound) -> str:
    if isinstance(inbound, Report):
        return inbound.cl_ord_id
    return inbound.child_id if isinstance(inbound, CancelRefusal) else child_of(inbound.ref_id)
