"""`make outage`: the router and the adapter stand still for a while under load, and come back.

What waited is driven on while as many orders come as before: how long that takes, how often anything was said
again, and that every invariant holds. Exits with 1 if anything is off. Takes minutes.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from oms_platform.wire import Topic
from oms_tools.laptop.layout import Layout
from tests.stack_rig import StackRig, broken, free_base_port

STOPPED = ("sor-engine", "execution-adapter")
BEFORE_S = 15.0
LEVEL_LOOKS = 5
# With nothing said again an order has one route request and one plan, and one in a hundred some more.
SAID_MAX = 1.1
ASKED = (Topic.VALIDATED, Topic.ROUTED)
console = Console(width=None if sys.stdout.isatty() else 150)


@click.command()
@click.option(
    "--kafka",
    default="apache",
    show_default=True,
    help="In memory a topic keeps 64 MB: some 100,000 orders that wait.",
)
@click.option("--rate", default=400.0, show_default=True)
@click.option("--stopped", default=60.0, show_default=True, help="Seconds that both stand still.")
@click.option("--after", default=90.0, show_default=True, help="Seconds of load once they are back.")
@click.option("--drained-max", default=60.0, show_default=True, help="Seconds until nothing waits any more.")
@click.option(
    "--shed-age", default=180.0, show_default=True, help="OMS_API_SHED_AGE_S: by default the door takes all."
)
@click.option("--data", type=click.Path(path_type=Path), help="Keep the stack's folder here.")
def main(
    kafka: str,
    rate: float,
    stopped: float,
    after: float,
    drained_max: float,
    shed_age: float,
    data: Path | None,
) -> None:
    """Stop both under load, let them go on, and judge."""
    folder = data or Path(tempfile.mkdtemp(prefix="oms-outage-"))
    rig = StackRig(
        layout=Layout(data=folder, base_port=free_base_port()),
        kafka=kafka,
        environment={"OMS_API_SHED_AGE_S": f"{shed_age:g}"},
    )
    rig.up()
    try:
        bench = rig.start_bench(rate, BEFORE_S + stopped + after)
        bench.await_part(BEFORE_S / (BEFORE_S + stopped + after))
        pids = [int(rig.program(name)["pid"]) for name in STOPPED]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(stopped)
        for pid in pids:
            # What stood still is started anew, as after a machine that was lost.
            os.kill(pid, signal.SIGKILL)
        figures = bench.figures()
        violations = broken(rig.verify())
    finally:
        rig.down()
    sound = _report(figures, violations, BEFORE_S + stopped, drained_max)
    sys.exit(0 if sound else 1)


def drained_after_s(backlog: list[list[float]], back_at: float, rate: float) -> float | None:
    """Return how long after `back_at` no more orders waited than a second brings; None if that never was.

    backlog: [seconds since the start, orders that wait] each second. What is left at the end does not count:
    orders whose price was overtaken while they waited rest in a book.
    """
    resting = min(count for _, count in backlog[-LEVEL_LOOKS:])
    for place, (at, _) in enumerate(backlog):
        if at >= back_at and all(count <= resting + rate for _, count in backlog[place : place + 3]):
            return at - back_at
    return None


def _report(figures: dict[str, Any], violations: list[str], back_at: float, drained_max: float) -> bool:
    rate = figures["rate"]
    drained = drained_after_s(figures["backlog"], back_at, rate)
    most = max(count for _, count in figures["backlog"])
    said = {topic.value: figures["kafka"]["messages_per_order"].get(topic.value, 0.0) for topic in ASKED}
    sound = {
        "every order acked, none lost or doubled": figures["acked"] == figures["sent"]
        and not (figures["lost"] or figures["duplicates"]),
        f"drained within {drained_max:g} s": drained is not None and drained <= drained_max,
        f"at most {SAID_MAX} messages for each needed": all(count <= SAID_MAX for count in said.values()),
        "every invariant holds": not violations,
    }
    console.print(
        f"{rate:g}/s: sent {figures['sent']:,}, acked {figures['acked']:,}, lost {figures['lost']},"
        f" duplicates {figures['duplicates']}, answers {figures['answers']}; ack p99"
        f" {figures['ack_ms']['p99']:.0f} ms; most waiting {most:,}; drained"
        f" {'never' if drained is None else f'{drained:.0f} s'} after; messages an order {said}",
        highlight=False,
    )
    for what, holds in sound.items():
        console.print(f"{'ok ' if holds else 'BAD'} {what}", highlight=False)
    for violation in violations:
        console.print(f"    {violation}", highlight=False, soft_wrap=True)
    return all(sound.values())


if __name__ == "__main__":
    main()
