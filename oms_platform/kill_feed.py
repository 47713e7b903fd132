"""The kill switches of Postgres in memory, looked at several times a second by a thread of their own.

The law of this file: whoever asks gets what the newest look found, and is told when that is too old to go by.
So it is with the limits of venues, for the router and the gate, which go by them as they go by switches.
A look is one small statement; what it shows as changed is read whole. The thread does not wait for the loop
whose orders it stops, so that a long batch is stopped in its middle.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import psycopg
import structlog
from msgspec.structs import replace
from psycopg.types.json import Jsonb

from oms_platform.clock import Clock, utc_now
from oms_platform.errors import OperationalError
from oms_platform.ids import uuid7
from oms_platform.kill_switches import Asked, Kills, KillSwitch, Stage, Trigger
from oms_platform.postgres import ArrayStatement, Connection, Cursor, connect
from oms_platform.risk_rows import read_venue_rules
from oms_platform.scopes import Scope
from oms_platform.telemetry import kill_metrics as metrics
from oms_platform.venue_limits import VenueLimits

# How old the newest look at the switches may be before nothing leaves.
AGE_S_MAX: Final = 2.0
# What it may be set to: some looks at least, and soon enough to matter.
AGE_S_LEAST: Final = 1.0
AGE_S_MOST: Final = 10.0
LOOK_S: Final = 0.2
RETRY_S: Final = 0.25
STATEMENT_TIMEOUT_MS: Final = 1_000
# Switches that triggers have asked for and that could not be stored yet.
ASKED_MAX: Final = 1_000
_VERSIONS: Final = "SELECT subject, version FROM reference_versions WHERE subject = ANY(%s) ORDER BY subject"
# Routing is nothing of the switches: whoever asks for `versions` is told of it, too.
_SUBJECTS: Final = ("accounts", "instruments", "routing", "switches")
_WITH_LIMITS: Final = (*_SUBJECTS, "rules")
_SWITCHES: Final = (
    "SELECT switch_id, scope, stage, reason FROM kill_switches WHERE released_at IS NULL"
    " ORDER BY set_at, switch_id"
)
_TRIGGERS: Final = """
SELECT t.trigger_id, t.kind, t.scope, t.threshold, t.window_s, t.stage, t.mode,
       (SELECT max(released_at) FROM kill_switches s WHERE s.trigger_id = t.trigger_id),
       EXISTS (SELECT FROM kill_switches s WHERE s.trigger_id = t.trigger_id AND s.released_at IS NULL)
FROM kill_triggers t WHERE t.mode <> 'OFF' ORDER BY t.trigger_id
"""
# A scope that is stopped already stays as it is.
_SET: Final = (
    "INSERT INTO kill_switches (switch_id, scope, stage, reason, set_by, set_at, trigger_id)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (scope) WHERE released_at IS NULL DO NOTHING"
)
log = structlog.get_logger()


# (switch, order, ClOrdID of a child or empty) that a switch found open when it came into effect.
Covered = tuple[UUID, UUID, str]
_IN_EFFECT: Final = ArrayStatement.insert(
    "kill_switch_effects",
    (
        ("switch_id", "uuid"),
        ("stage", "text"),
        ("service", "text"),
        ("member", "text"),
        ("since", "timestamptz"),
    ),
    "ON CONFLICT DO NOTHING",
)
_COVERED: Final = ArrayStatement.insert(
    "kill_switch_covered",
    (("switch_id", "uuid"), ("order_id", "uuid"), ("cl_ord_id", "text"), ("covered_at", "timestamptz")),
    "ON CONFLICT DO NOTHING",
)


def note_effect(
    cursor: Cursor,
    switches: Sequence[KillSwitch],
    covered: Sequence[Covered],
    service: str,
    member: str,
    now: datetime,
) -> None:
    """Say that a process goes by switches from now on, and what they found open there.

    What was said already stays as it is.
    """
    _COVERED.execute(cursor, [(*one, now) for one in covered])
    rows = [(switch.switch_id, switch.stage.value, service, member, now) for switch in switches]
    _IN_EFFECT.execute(cursor, rows)


def read_kills(connection: Connection, *, limits: bool = False) -> Kills:
    """Return every switch that is set, with the names that scopes give. limits: and those of venues.

    Raises OperationalError for a limit that no rule of this edition can read.
    """
    try:
        rules = read_venue_rules(connection) if limits else []
    except ValueError as error:
        raise OperationalError(f"a limit of a venue cannot be read: {error}") from error
    accounts = connection.execute("SELECT account_id, firm_id, desk_id FROM accounts").fetchall()
    return Kills(
        switches=tuple(
            KillSwitch(switch_id=switch_id, scope=scope_in(scope), stage=Stage[stage], reason=reason)
            for switch_id, scope, stage, reason in connection.execute(_SWITCHES).fetchall()
        ),
        houses={account_id: (firm, desk) for account_id, firm, desk in accounts},
        sectors=dict(connection.execute("SELECT symbol, sector FROM instruments").fetchall()),
        triggers=tuple(
            Trigger(
                trigger_id=trigger_id,
                kind=kind,
                scope=scope_in(scope),
                threshold=threshold,
                window_s=window_s,
                stage=Stage[stage],
                mode=mode,
                released_at=released_at,
                is_set=is_set,
            )
            for (
                trigger_id, kind, scope, threshold, window_s, stage, mode, released_at, is_set,
            ) in connection.execute(_TRIGGERS).fetchall()
        ),
        limits=VenueLimits(rules) if rules else None,
    )  # fmt: skip


def scope_in(names: dict[str, str]) -> Scope:
    """Return a scope as its column holds it."""
    return msgspec.convert(names, Scope)


def require_age(setting: str, age_s_max: float) -> None:
    """Raise ValueError for an age of the switches that nothing could be sent within, or that is no bound."""
    if not AGE_S_LEAST <= age_s_max <= AGE_S_MOST:
        raise ValueError(f"{setting} must be {AGE_S_LEAST:g} to {AGE_S_MOST:g} seconds, was {age_s_max}")


class KillFeed:
    """The KillBoard on Postgres. service, member: which process says that it goes by a switch.

    counts: it says so itself, once it has counted what it holds (`note_effect`), and the feed does not.
    limits: whether it reads those of venues, too. age_s_max: how old the newest look may be. look_s: between
    two looks.
    """

    def __init__(
        self,
        dsn: str,
        service: str,
        member: str = "",
        *,
        counts: bool = False,
        limits: bool = False,
        age_s_max: float = AGE_S_MAX,
        look_s: float = LOOK_S,
        clock: Clock = utc_now,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dsn, self._service, self._member, self._counts = dsn, service, member, counts
        self._limits = limits
        self._age_s_max, self._look_s = age_s_max, look_s
        self._clock, self._monotonic_s = clock, monotonic_s
        self._kills = Kills()
        # When the newest look began; before the first there is none.
        self._looked_s = float("-inf")
        self._versions: list[tuple[str, int]] = []
        self._noted: set[tuple[UUID, Stage]] = set()
        self._asked: queue.Queue[Asked] = queue.Queue(ASKED_MAX)
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kills", daemon=True)
        metrics.kills_age_seconds.set_function(lambda: self._monotonic_s() - self._looked_s)

    # ---- what is known

    def known(self) -> Kills:
        """Return the switches as of the newest look; `unread` says if that is too old to go by."""
        kills, age_s = self._kills, self._monotonic_s() - self._looked_s
        if age_s <= self._age_s_max:
            return kills
        looked = "never" if age_s == float("inf") else f"{age_s:.1f} s ago"
        return replace(kills, unread=f"kill switches were looked at {looked}, limit_s={self._age_s_max:g}")

    def versions(self) -> Sequence[tuple[str, int]]:
        """Return the versions of reference data as of the newest look: others read it again by them."""
        return self._versions

    def problem(self) -> str | None:
        """Return why the switches cannot be gone by, None while they can."""
        return self.known().unread or None

    def ask(self, asked: Asked) -> None:
        """Have a switch set, as soon as it can be stored; what is asked for beyond a bound is logged."""
        try:
            self._asked.put_nowait(asked)
        except queue.Full:
            log.error("trigger_not_noted", trigger=str(asked.trigger.trigger_id), figures=asked.figures)

    # ---- the thread

    def start(self) -> None:
        """Look once, then go on looking in the background. Raises OperationalError if it cannot."""
        self.look()
        self._thread.start()

    def start_soon(self) -> None:
        """Go on looking in the background, from now on; until it has looked, `unread` says so."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(RETRY_S + STATEMENT_TIMEOUT_MS / 1000)

    def _run(self) -> None:
        failed = False
        while not self._stopping.is_set():
            wait_s = self._look_s
            try:
                self.look()
                failed = False
            except (OperationalError, psycopg.Error) as error:
                if not failed:
                    log.warning("kill_switches_unread", error=str(error).strip())
                failed, wait_s = True, RETRY_S
                metrics.kills_unread_total.inc()
                self._disconnect()
            self._stopping.wait(wait_s)
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def look(self) -> None:
        """Find out what is set now. Raises OperationalError or psycopg.Error when that cannot be told."""
        began_s = self._monotonic_s()
        if self._connection is None:
            self._connection = connect(self._dsn, f"{self._service}-kills")
            self._connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
            self._versions = []
        connection = self._connection
        self._store_asked(connection)
        subjects = _WITH_LIMITS if self._limits else _SUBJECTS
        versions = connection.execute(_VERSIONS, [list(subjects)]).fetchall()
        if versions != self._versions:
            self._kills = read_kills(connection, limits=self._limits)
            self._versions = versions
        self._looked_s = began_s
        self._note_effects(connection, self._kills, self._clock())

    def _note_effects(self, connection: Connection, kills: Kills, now: datetime) -> None:
        """Say since when this process goes by each switch."""
        new = [switch for switch in kills.switches if (switch.switch_id, switch.stage) not in self._noted]
        for switch in new:
            if not self._counts:
                with connection.cursor() as cursor:
                    note_effect(cursor, [switch], (), self._service, self._member, now)
            log.warning("killed", switch=str(switch.switch_id), scope=str(switch.scope),
                        stage=switch.stage.value, reason=switch.reason)  # fmt: skip
        if new or len(self._noted) != len(kills.switches):
            self._noted = {(switch.switch_id, switch.stage) for switch in kills.switches}
            metrics.count_switches(kills.switches)

    def _store_asked(self, connection: Connection) -> None:
        """Set the switches that triggers have asked for. What cannot be stored now is kept."""
        while not self._asked.empty():
            asked = self._asked.queue[0]
            trigger = asked.trigger
            connection.execute(
                _SET,
                (
                    uuid7(),
                    Jsonb(msgspec.to_builtins(asked.scope)),
                    trigger.stage.value,
                    asked.figures,
                    f"trigger:{trigger.kind}",
                    self._clock(),
                    trigger.trigger_id,
                ),
            )
            self._asked.get_nowait()
