"""The door's state: what is broken on purpose, and what the judge finds.

The law of this file: the judge takes a bounded part of the machine. Recent orders are looked at every few
seconds, at a cost that does not grow; everything is looked at as often as keeps it to a tenth of the time.
"""

import contextlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgspec
import psycopg
import structlog

from oms_api.domain.chaos import Chaos, ChaosAction, ChaosOffer, ChaosRequest
from oms_platform.clock import utc_now
from oms_tools.chaos.conductor import Conductor
from oms_tools.chaos.ground import LaptopGround, control_of
from oms_tools.chaos.invariants import Watch, told
from oms_tools.chaos.offers import CUT_DOES, FAULTS, PROCESSES
from oms_tools.laptop.layout import Layout, last_state
from oms_tools.laptop.parts import postgres_dsn
from oms_tools.verify.judge import Evidence, judge
from oms_tools.verify.recent import judge_recent
from oms_tools.verify.report import Report

FOLLOW_S: Final = 0.5
RECENT_EVERY_S: Final = 3.0
RECENT: Final = timedelta(minutes=2)
WHOLE_EVERY_S_MIN: Final = 10.0
# Each kind of look takes a tenth of the time at most: so many times what it took passes until the next.
REST_TIMES: Final = 9
JOURNAL_NAME: Final = "chaos.jsonl"
log = structlog.get_logger()


class Show:
    """One stack's chaos: asked through `look` and `begin`, kept by three loops."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._dsn = postgres_dsn(layout.port("postgres"))
        self._ground = LaptopGround(layout, control_of(layout.port("broker_control")))
        self._conductor = Conductor(self._ground, utc_now, self._note)
        self._recent, self._whole = Watch(), Watch()
        self._recent_s = self._whole_s = 0.0
        self._problems: dict[str, str] = {}

    def _note(self, action: ChaosAction) -> None:
        """Keep who breaks what, before it is broken."""
        with (self._layout.data / JOURNAL_NAME).open("ab") as file:
            file.write(msgspec.json.encode(action) + b"\n")
        log.warning("chaos_begins", by=action.by, kind=action.kind, target=action.target, fault=action.fault)

    def begin(self, request: ChaosRequest, by: str) -> ChaosAction:
        """Begin what is asked for. Raises NotDoneError, OSError or psycopg.Error."""
        return self._conductor.begin(request, by)

    def look(self) -> Chaos:
        """Return how everything stands. What cannot be read now is left out."""
        now = utc_now()
        venues: dict[str, bool] = {}
        with contextlib.suppress(psycopg.Error):
            venues = self._ground.venues()
        there = self._ground.processes()
        return Chaos(
            at=now,
            processes=[ChaosOffer(name=one, does=does) for one, does in PROCESSES.items() if one in there],
            venues=[ChaosOffer(name=one, does=CUT_DOES) for one in venues],
            faults=[ChaosOffer(name=one, does=fault.does) for one, fault in FAULTS.items()],
            actions=self._conductor.actions,
            invariants=told((self._recent, self._whole), now, self._conductor.calm_since(now)),
            recent_ms=round(self._recent_s * 1000),
            whole_ms=round(self._whole_s * 1000),
            whole_every_s=round(self._whole_every_s),
            problem="; ".join(sorted(set(self._problems.values()))),
        )

    @property
    def _whole_every_s(self) -> float:
        return max(WHOLE_EVERY_S_MIN, self._whole_s * (REST_TIMES + 1))

    def follow(self) -> None:
        """Follow what is broken, for ever."""
        while True:
            self._try("follow", self._conductor.follow)
            time.sleep(FOLLOW_S)

    def judge_recent(self) -> None:
        """Judge recent orders every few seconds, for ever."""
        while True:
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._dsn, autocommit=True) as connection,
            ):
                while self._try("recent", lambda: self._look_at_recent(connection)):
                    time.sleep(max(RECENT_EVERY_S, self._recent_s * REST_TIMES))
            time.sleep(RECENT_EVERY_S)

    def _look_at_recent(self, connection: psycopg.Connection[Any]) -> None:
        report, self._recent_s = _timed(lambda: judge_recent(connection, utc_now() - RECENT))
        self._recent.take(report, utc_now())

    def judge_whole(self) -> None:
        """Judge everything now and then, for ever."""
        while True:
            self._try("whole", self._look_at_everything)
            time.sleep(self._whole_every_s - self._whole_s)

    def _look_at_everything(self) -> None:
        elsewhere = last_state(self._layout.data).get("venues")
        journal = None if elsewhere else self._layout.data / "broker"
        report, self._whole_s = _timed(lambda: judge(Evidence(dsn=self._dsn, venue_journal=journal)))
        self._whole.take(report, utc_now())

    def _try(self, what: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except (psycopg.Error, OSError) as error:
            self._problems[what] = f"cannot be looked at: {str(error).strip().splitlines()[0][:200]}"
            log.warning("chaos_look_failed", what=what, error=str(error).strip())
            return False
        self._problems.pop(what, None)
        return True


def _timed(look: Callable[[], Report]) -> tuple[Report, float]:
    began = time.monotonic()
    return look(), time.monotonic() - began
