"""`make trace-cost`: what traces cost of the CPU of an order, with the services' own processes under load.

Two stacks stand side by side, one that writes spans and one that does not; a load runs on each in turn, so
that what else the machine does meets both alike. Prints each pair, and the ratio with its interval, which is
wide on a machine that does something else too. Hence a second figure: under one more load py-spy samples
the services that trace, and the samples that lie in tracing are counted. Minutes.
"""

import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from oms_tools.laptop.layout import Layout
from tests.span_collector import SpanCollector
from tests.stack_rig import StackRig, free_base_port

RESAMPLES = 5_000
SETTLE_S = 6.0
PY_SPY = str(Path(sys.executable).with_name("py-spy"))
TRACING_PROGRAMS = (
    "oms-api", "oms-core", "sor-engine", "execution-adapter", "market-data",
)  # fmt: skip
TRACING_FILES = re.compile(
    r"tracing\.py|order_trace\.py|span_export\.py|batch_traces\.py|request_trace\.py|grpc_trace\.py"
    r"|opentelemetry|_trace_report|_trace_steps|_write_spans|_traces_of"
)
console = Console()


@click.command()
@click.option("--ratio", default=0.01, show_default=True, help="OMS_TRACE_RATIO of the stack that traces.")
@click.option("--slow-ms", default=60_000, show_default=True, help="Its OMS_TRACE_SLOW_MS.")
@click.option("--rate", default=200.0, show_default=True)
@click.option("--seconds", default=15.0, show_default=True)
@click.option("--pairs", default=8, show_default=True)
@click.option("--seed", default=7, show_default=True, help="Of the order of each pair, and the interval.")
def main(ratio: float, slow_ms: int, rate: float, seconds: float, pairs: int, seed: int) -> None:
    """Measure the two stacks in turn."""
    choose = random.Random(seed)
    with ExitStack() as cleanup:
        collector = SpanCollector()
        cleanup.callback(collector.close)
        stacks = {
            "without": _stack(cleanup, {"OMS_TRACE_ENDPOINT": ""}),
            "with": _stack(
                cleanup,
                {
                    "OMS_TRACE_ENDPOINT": collector.endpoint,
                    "OMS_TRACE_RATIO": str(ratio),
                    "OMS_TRACE_SLOW_MS": str(slow_ms),
                },
            ),
        }
        for rig in stacks.values():
            _cpu_ms_per_order(rig, rate, 5)
        ratios: list[float] = []
        for number in range(pairs):
            names = sorted(stacks, key=lambda _name: choose.random())
            cost = {name: _cpu_ms_per_order(stacks[name], rate, seconds) for name in names}
            ratios.append(cost["with"] / cost["without"] - 1)
            console.print(
                f"{number + 1}: {cost['without']:.3f} without, {cost['with']:.3f} with: {ratios[-1]:+.1%}",
                highlight=False,
            )
        means = sorted(statistics.mean(choose.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
        low, high = means[RESAMPLES // 40], means[-RESAMPLES // 40]
        _profile(stacks["with"], rate, seconds)
        traces = {span.trace_id for span in collector.spans() if span.name == "SubmitOrder"}
        console.print(
            f"{ratio:.0%} of {rate:g} orders/s traced, {len(traces)} traces, {len(collector.spans())} spans:"
            f" {statistics.mean(ratios):+.1%} CPU an order, 95 % interval {low:+.1%} to {high:+.1%},"
            f" seed {seed}",
            highlight=False,
        )


def _stack(cleanup: ExitStack, environment: dict[str, str]) -> StackRig:
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="oms-trace-cost-")))
    rig = StackRig(
        layout=Layout(data=folder, base_port=free_base_port()), kafka="memory", environment=environment
    )
    rig.up()
    cleanup.callback(rig.down)
    return rig


def _cpu_ms_per_order(rig: StackRig, rate: float, seconds: float) -> float:
    cost: dict[str, float] = rig.start_bench(rate, seconds).figures()["cpu_ms_per_order"]
    return sum(cost.values()) - cost.get("bench", 0)


def _profile(rig: StackRig, rate: float, seconds: float) -> None:
    """Print how much of the services' CPU is spent in tracing, by samples of their stacks."""
    outputs = {name: rig.layout.data / f"{name}.samples" for name in TRACING_PROGRAMS}
    load = rig.start_bench(rate, seconds + SETTLE_S)
    time.sleep(SETTLE_S / 2)
    profilers = [
        subprocess.Popen(
            [
                PY_SPY, "record", "--nonblocking", "--format", "raw", "--rate", "200",
                "--duration", str(round(seconds)), "--output", str(output),
                "--pid", str(rig.program(name)["pid"]),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, output in outputs.items()
    ]  # fmt: skip
    for profiler in profilers:
        profiler.wait()
    cost: dict[str, float] = load.figures()["cpu_ms_per_order"]
    all_ms = sum(cost.values()) - cost.get("bench", 0)
    traced_ms = 0.0
    for name, output in outputs.items():
        counts = [(line, int(line.rpartition(" ")[2])) for line in output.read_text().splitlines()]
        share = sum(n for line, n in counts if TRACING_FILES.search(line)) / sum(n for _, n in counts)
        traced_ms += share * cost[name]
        console.print(f"  {name}: {share:.1%} of {cost[name]:.3f} CPU-ms an order", highlight=False)
    console.print(
        f"tracing by samples: {traced_ms * 1000:.0f} of {all_ms * 1000:.0f} CPU-µs an order,"
        f" {traced_ms / all_ms:.2%}",
        highlight=False,
    )


if __name__ == "__main__":
    main()
