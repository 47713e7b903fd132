"""A copy of each execution to the topic drop.copy, in the order of its account's stream.

The law of this file: what is copied is what is stored, by a thread of its own; how far an account is copied
moves on only when Kafka has it. So a copy is sent at least once, and one that may have been sent before says
so. No order waits for it: the loop hands over what it has just stored, and whatever is not at hand (another
life's, what failed, what was too much to keep) is read from the store.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

import psycopg
import structlog

from oms_core import metrics
from oms_core.ports import CopySink, CopyStore, StoredExecution
from oms_platform.errors import OperationalError
from oms_platform.wire import Topic, encode_text

# Types of events that are copied.
EXECUTIONS: Final = frozenset(("TradeApplied", "TradeCorrected"))
ACCOUNTS_A_STEP: Final = 100
ROWS_A_STEP: Final = 500
# Executions that wait at hand; an account that has more is read from the store.
HELD_MAX: Final = 20_000
# A step costs two round trips however many executions it copies.
GATHER_S: Final = 0.2
IDLE_S: Final = 1.0
RETRY_S: Final = 1.0
STOP_S: Final = 5.0
log = structlog.get_logger()


class ExecutionCopies:
    """Copies the executions of the accounts that this core owns.

    `step` is one thread's, the rest the loop's.
    """

    def __init__(
        self, store: CopyStore, sink: CopySink, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._sink, self._monotonic_s = store, sink, monotonic_s
        self._lock = threading.Lock()
        # Accounts that may have something to copy, the longest ago first, and since when.
        self._moved: dict[str, float] = {}
        # Their executions that are at hand, and the accounts of which some are in the store only.
        self._held: dict[str, list[StoredExecution]] = {}
        self._held_count = 0
        self._unheld: set[str] = set()
        # What this core took, and which time that was: what a step found before it is nothing to go by.
        self._taken: tuple[str, ...] = ()
        self._term = 0
        self._places: dict[str, int] = {}
        # Up to which sequence what is sent may have been sent before.
        self._doubt: dict[str, int] = {}
        self._seen_term = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="copies", daemon=True)
        metrics.copy_age_seconds.set_function(self._age_s)

    # ---- the loop's side

    def take(self, accounts: Iterable[str]) -> None:
        """Own these accounts from now on, and no others."""
        with self._lock:
            self._taken, self._moved = tuple(sorted(accounts)), {}
            self._held, self._held_count, self._unheld = {}, 0, set()
            self._term += 1
        self._wake.set()

    def note(self, rows: Iterable[StoredExecution]) -> None:
        """Hand over executions that are stored now, those of an account in the order of its stream."""
        now_s = self._monotonic_s()
        with self._lock:
            for row in rows:
                self._moved.setdefault(row.account_id, now_s)
                if row.account_id in self._unheld:
                    continue
                if self._held_count == HELD_MAX:
                    self._let_go(row.account_id)
                    continue
                self._held.setdefault(row.account_id, []).append(row)
                self._held_count += 1
        self._wake.set()

    def _let_go(self, account_id: str) -> None:
        """Read an account from the store the next time."""
        self._held_count -= len(self._held.pop(account_id, ()))
        self._unheld.add(account_id)

    def _age_s(self) -> float:
        with self._lock:
            oldest = next(iter(self._moved.values()), None)
        return 0.0 if oldest is None else self._monotonic_s() - oldest

    # ---- the thread's side

    def start(self) -> None:
        """Copy in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Copy no more; what is not copied is copied by the next one."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        failed = False
        while not self._stopping.is_set():
            try:
                more = self.step()
                failed = False
            except (OperationalError, psycopg.Error) as error:
                if not failed:
                    log.warning("copies_wait", error=str(error).strip())
                failed, more = True, self._failed()
            except Exception:
                # Whatever it is, orders do not wait for it: a person sees the log, and how late copies are.
                log.error("copies_failed", exc_info=True)
                more = self._failed()
            if not more:
                self._wake.wait(IDLE_S)
                self._wake.clear()
                self._stopping.wait(GATHER_S)
        self._store.close()

    def _failed(self) -> bool:
        """Let go of the store and wait a while. Returns whether there is more to do at once: there is not."""
        metrics.copy_failures_total.inc()
        self._store.close()
        self._stopping.wait(RETRY_S)
        return False

    def step(self) -> bool:
        """Copy what there is of some accounts. Returns whether there may be more at once."""
        with self._lock:
            term, taken = self._term, self._taken
            accounts = list(self._moved)[:ACCOUNTS_A_STEP]
        if term != self._seen_term:
            self._begin(term, taken)
            return True
        if not accounts:
            return False
        unknown = [one for one in accounts if one not in self._places]
        if unknown:
            self._places |= self._store.places(unknown)
        with self._lock:
            # Whatever is noted from here on is looked at again.
            since = {one: self._moved.pop(one) for one in accounts if one in self._moved}
            stored = [one for one in since if one in self._unheld]
            self._unheld.difference_update(stored)
            held = {one: self._held.pop(one, []) for one in since}
            self._held_count -= sum(map(len, held.values()))
        unread: Sequence[str] = list(since)
        try:
            unread = self._copy({one: self._places[one] for one in since}, stored, held)
        finally:
            with self._lock:
                if term == self._term:
                    for one in unread:
                        self._moved.setdefault(one, since[one])
                        self._let_go(one)
        return bool(self._moved)

    def _begin(self, term: int, taken: Sequence[str]) -> None:
        """Find what another life may have left, which may have been sent by it."""
        behind = self._store.behind(taken)
        self._places, self._doubt = {}, dict(behind)
        self._seen_term = term
        now_s = self._monotonic_s()
        with self._lock:
            if term != self._term:
                return
            for account_id in behind:
                self._moved.setdefault(account_id, now_s)
                self._let_go(account_id)

    def _copy(
        self, places: dict[str, int], stored: Sequence[str], held: dict[str, list[StoredExecution]]
    ) -> Sequence[str]:
        """Send what follows places, from the store and at hand. Returns the accounts that may have more."""
        read = self._store.executions({one: places[one] for one in stored}, ROWS_A_STEP) if stored else ()
        counts = Counter(row.account_id for row in read)
        after = dict(places)
        sent = 0
        for row in chain(read, *held.values()):
            account_id, sequence, event_id, _ = row
            if sequence <= after[account_id]:
                continue
            doubtful = sequence <= self._doubt.get(account_id, 0)
            payload = copy_of(row, after[account_id], poss_dup=doubtful)
            self._doubt[account_id] = max(self._doubt.get(account_id, 0), sequence)
            self._sink.send_encoded(
                Topic.DROP_COPY.value, account_id, "ExecutionCopy", payload, event_id=event_id
            )
            after[account_id] = sequence
            sent += 1
        if not sent:
            return ()
        self._sink.flush()
        self._store.keep({one: place for one, place in after.items() if place > places[one]})
        self._places |= after
        metrics.copies_total.inc(sent)
        return [one for one, count in counts.items() if count == ROWS_A_STEP]


def copy_of(row: StoredExecution, previous: int, *, poss_dup: bool) -> bytes:
    """Return an ExecutionCopy as it travels: the event's own bytes, in its place in the account's copies."""
    account = encode_text(row.account_id)
    before = f',"previousSequence":{previous}' if previous else ""
    doubt = ',"possDup":true' if poss_dup else ""
    head = f'{{"accountId":{account},"sequence":{row.sequence}{before}{doubt},"event":'
    return b"".join((head.encode(), row.payload, b"}"))
