"""A run on the laptop stack: the load between two counts of everything that can be counted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import psutil
import psycopg
import uvloop

from oms_platform.kafka.settings import KafkaSettings
from oms_platform.postgres import Connection
from oms_tools.bench.database_counts import await_counts, count_database
from oms_tools.bench.figures import per_order, percentiles
from oms_tools.bench.hops import measure_hops
from oms_tools.bench.kafka_counts import count_messages, messages_since
from oms_tools.bench.knee import Leg, judge_leg
from oms_tools.bench.load import Load, LoadWatch, Schedule, Sent, run_load
from oms_tools.bench.newest_quotes import NewestQuotes
from oms_tools.bench.order_mix import MixSpec, OrderMix
from oms_tools.bench.outcomes import count_outcomes
from oms_tools.bench.processes import SLOPE_S_MAX, ProcessFigures, ProcessWatch
from oms_tools.bench.recovery import recovery_figures
from oms_tools.bench.report import refusals
from oms_tools.bench.yardstick import yardstick_ms
from oms_tools.laptop.layout import Layout, StackError, last_state

OWN: Final = "bench"
_BUSY: Final = 503
LOOK_S_MIN: Final = 2.0
LOOK_S_MAX: Final = 5.0
LOOKS: Final = 30
SAID_OVER_S_MIN: Final = 60.0


class _Watch:
    """Looks at processes at the start, at the end, and at their memory now and then between.

    beside: who else looks on, outside of what is looked at here.
    """

    def __init__(
        self,
        processes: ProcessWatch,
        every_s: float,
        on_second: Callable[[Load], None],
        beside: LoadWatch | None,
    ) -> None:
        self._processes = processes
        self._every_s = every_s
        self._next_look = 0.0
        self._on_second = on_second
        self._beside = beside

    def on_start(self) -> None:
        """Look at what was used before."""
        if self._beside is not None:
            self._beside.on_start()
        self._processes.look()
        self._next_look = time.monotonic() + self._every_s

    def on_second(self, load: Load) -> None:
        """Look at memory when it is due."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._every_s
            self._processes.look_at_memory()
        if self._beside is not None:
            self._beside.on_second(load)
        self._on_second(load)

    def on_end(self) -> None:
        """Look at what was used since."""
        self._processes.look()
        if self._beside is not None:
            self._beside.on_end()


class Bench:
    """One stack, its mix of orders and how it is watched.

    url: where orders go; None for the stack's gateway.
    """

    def __init__(
        self,
        layout: Layout,
        dsn: str,
        kafka: KafkaSettings,
        token: str,
        seed: int,
        spec: MixSpec,
        url: str | None = None,
    ):
        self._layout = layout
        self._url = url or layout.api_url
        self._dsn = dsn
        self._kafka = kafka
        self._token = token
        self._seed = seed
        self._quotes = NewestQuotes("127.0.0.1", layout.port("market_data_grpc"))
        self._mix = OrderMix(seed, f"bench-{seed}-{time.time_ns() // 1_000_000}", self._quotes.quote, spec)

    def pids(self) -> Mapping[str, int | None]:
        """Return every process of the stack as it runs now, and this one."""
        programs = last_state(self._layout.data).get("programs", {})
        return {name: program["pid"] for name, program in programs.items()} | {OWN: psutil.Process().pid}

    def _database(self) -> Connection:
        return psycopg.connect(self._dsn, autocommit=True)

    def run(
        self, schedule: Schedule, on_second: Callable[[Load], None], beside: LoadWatch | None = None
    ) -> tuple[Load, ProcessWatch]:
        """Run a load of which only processes are watched. Raises StackError without a stream or quotes."""
        processes = ProcessWatch(self.pids)
        every_s = min(LOOK_S_MAX, max(LOOK_S_MIN, schedule.seconds / LOOKS))
        try:
            load = uvloop.run(
                run_load(
                    url=self._url,
                    token=self._token,
                    quotes=self._quotes,
                    mix=self._mix,
                    schedule=schedule,
                    watch=_Watch(processes, every_s, on_second, beside),
                )
            )
        except TimeoutError as error:
            raise StackError(
                f"the stack at {self._url} gave no stream and no quotes; see `oms status`"
            ) from error
        return load, processes

    def measure(
        self, schedule: Schedule, on_second: Callable[[Load], None], beside: LoadWatch | None = None
    ) -> dict[str, Any]:
        """Run a load. beside: who looks on too. Returns its figures."""
        yardstick = yardstick_ms()
        messages = count_messages(self._kafka)
        with self._database() as connection:
            before = count_database(connection)
        load, watch = self.run(schedule, on_second, beside)
        taken = messages_since(messages, count_messages(self._kafka))
        quiet_since = time.monotonic()
        # Another connection: the load may have been there to see what an outage of Postgres does.
        with self._database() as connection:
            wal_bytes = count_database(connection).wal_bytes
            figures = count_outcomes(connection, load)
            figures["hops"] = measure_hops(connection, [s.order_id for s in load.acked if s.order_id])
            await_counts(quiet_since)
            counted = count_database(connection).since(before)
        counted = type(counted)(
            tables=counted.tables, transactions=counted.transactions, wal_bytes=wal_bytes - before.wal_bytes
        )
        orders = figures["acked"]
        figures |= _load_figures(load, schedule)
        figures |= process_figures(watch.figures(orders), min(schedule.seconds / 2, SLOPE_S_MAX))
        figures["database"] = counted.figures(orders)
        figures["kafka"] = {"messages_per_order": per_order(taken, orders)}
        figures["seed"], figures["yardstick_ms"] = self._seed, yardstick
        return figures

    def leg(
        self, rate: float, seconds: float, filled_ms_max: float, on_second: Callable[[Load], None]
    ) -> Leg:
        """Run one leg of the search for the knee."""
        load, watch = self.run(Schedule(rate=rate, seconds=seconds, retry=False), on_second)
        used = watch.figures(load.acked_count)
        cpu_ms = sum(figures.cpu_ms_per_order for name, figures in used.items() if name != OWN)
        return judge_leg(load, rate, filled_ms_max, round(cpu_ms, 3))


def _load_figures(load: Load, schedule: Schedule) -> dict[str, Any]:
    orders = load.orders
    acked = [sent for sent in orders if sent.acked is not None]
    shed = [s for s in orders if s.acked is None and s.refused_status == _BUSY]
    probes = load.probes
    return {
        "rate": schedule.rate,
        "seconds": round(load.seconds, 2),
        "rate_achieved": round(len(orders) / load.seconds, 1),
        "ack_ms": percentiles(_since(acked, "acked")),
        "routed_ms": percentiles(_since(acked, "routed")),
        "filled_ms": percentiles(_since([s for s in acked if s.marketable], "filled")),
        "core_to_client_ms": percentiles(load.core_to_client_ms),
        "sent_late_ms": percentiles(load.late_ms),
        "waited_for_connection_max": load.waited_for_connection_max,
        "answers": {str(status): count for status, count in sorted(load.answers.items())},
        "shed": {"answers": load.answers[_BUSY], "with_retry_after": load.retry_after, "orders": len(shed)},
        "stream": {"events": load.events, "gaps": load.stream_gaps, "reconnects": load.reconnects},
        "backlog": [[round(at, 1), count] for at, count in load.backlog],
        "not_acked": refusals(
            [s.refusal for s in load.sent.values() if s.acked is None and s.refused_status != _BUSY]
        ),
        "recovery": recovery_figures(probes, load.started + schedule.seconds) if probes else None,
    }


def _since(orders: list[Sent], moment: str) -> list[float]:
    return [
        (getattr(sent, moment) - sent.intended) * 1000 for sent in orders if getattr(sent, moment) is not None
    ]


def process_figures(used: Mapping[str, ProcessFigures], over_s: float) -> dict[str, Any]:
    """Return what each process used an order, and whose memory grows: None when that was too short to say."""
    growing = [name for name, figures in used.items() if not figures.flat and name != OWN]
    return {
        "cpu_ms_per_order": {name: figures.cpu_ms_per_order for name, figures in used.items()},
        "processes": {name: asdict(figures) for name, figures in used.items()},
        "memory": {
            "over_s": round(over_s, 1),
            "growing": growing if over_s >= SAID_OVER_S_MIN else None,
        },
    }
