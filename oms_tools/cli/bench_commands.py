"""`oms bench`: an open-loop load on the running stack, measured."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
import psutil
import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

from oms_platform.market_data import QuoteFeed
from oms_tools.bench.figures import cpu_seconds, percentiles
from oms_tools.bench.hops import measure_hops
from oms_tools.bench.load import Load, Sent, run_load
from oms_tools.bench.order_mix import OrderMix
from oms_tools.cli.client import fetch_token
from oms_tools.cli.stack_commands import data_option
from oms_tools.cli.verify_commands import stack_dsn
from oms_tools.laptop.layout import running_layout

console = Console(stderr=True)


@click.command()
@data_option
@click.option("--rate", type=click.FloatRange(1), default=100.0, show_default=True, help="Orders a second.")
@click.option("--seconds", type=click.FloatRange(1), default=30.0, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the order mix.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures to this file."
)
def bench(data: Path, rate: float, seconds: float, seed: int, json_file: Path | None) -> None:
    """Send orders at a constant rate; report latency by hop, CPU an order, and what was lost or doubled."""
    layout, state = running_layout(data.resolve())
    pids = {name: program["pid"] for name, program in state["programs"].items()}
    feed = QuoteFeed("127.0.0.1", layout.port("market_data_grpc"))
    feed.start()
    mix = OrderMix(seed, f"bench-{seed}-{int(time.time())}", feed.quote)
    before = cpu_seconds(pids)
    own = psutil.Process()
    own_before = sum(own.cpu_times()[:2])
    with console.status(f"sending {rate:g}/s for {seconds:g} s, seed {seed}") as progress:

        def show(load: Load) -> None:
            filled = sum(1 for sent in load.sent.values() if sent.filled is not None)
            progress.update(f"sent {len(load.sent):,}  acked {len(load.acked):,}  filled {filled:,}")

        load = uvloop.run(
            run_load(
                url=layout.api_url,
                token=fetch_token(layout.issuer_url, "desk"),
                mix=mix,
                rate=rate,
                seconds=seconds,
                on_second=show,
            )
        )
    own_used = sum(own.cpu_times()[:2]) - own_before
    feed.stop()
    after = cpu_seconds(pids)
    figures = _figures(load, stack_dsn(layout))
    orders = max(1, len(load.acked))
    figures["cpu_ms_per_order"] = {
        name: round((after[name] - before[name]) * 1000 / orders, 4) for name in pids
    }
    figures["cpu_ms_per_order"]["bench"] = round(own_used * 1000 / orders, 4)
    figures["seed"] = seed
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))
    _print(figures)
    sys.exit(1 if figures["lost"] or figures["duplicates"] else 0)


def _figures(load: Load, dsn: str) -> dict[str, Any]:
    acked = load.acked
    order_ids = [sent.order_id for sent in acked if sent.order_id is not None]
    with psycopg.connect(dsn, autocommit=True) as connection:
        hops = measure_hops(connection, order_ids)
        states: dict[str, str] = dict(
            connection.execute(
                "SELECT order_id::text, status FROM orders WHERE order_id = ANY(%s)", [order_ids]
            ).fetchall()
        )
        doubled = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM orders WHERE client_order_id = ANY(%s)"
            " GROUP BY account_id, channel, client_order_id HAVING count(*) > 1) d",
            [list(load.sent)],
        ).fetchone()
    lost = [sent for sent in acked if states.get(sent.order_id or "", "NEW") == "NEW"]
    counts: dict[str, int] = {}
    for status in states.values():
        counts[status] = counts.get(status, 0) + 1
    hops["core_to_client"] = percentiles(load.core_to_client_ms)
    refused = sorted({sent.refusal for sent in load.sent.values() if sent.acked is None})
    return {
        "sent": len(load.sent),
        "acked": len(acked),
        "lost": len(lost),
        "duplicates": (doubled[0] if doubled else 0) + len(order_ids) - len(set(order_ids)),
        "rate_achieved": round(len(load.sent) / load.seconds, 1),
        "ack_ms": percentiles([(s.acked - s.intended) * 1000 for s in acked if s.acked is not None]),
        "routed_ms": percentiles(_since(acked, "routed")),
        "filled_ms": percentiles(_since([s for s in acked if s.order.marketable], "filled")),
        "hops": hops,
        "statuses": counts,
        "stream": {"events": load.events, "gaps": load.stream_gaps, "reconnects": load.reconnects},
        "not_acked": refused[:5],
    }


def _since(orders: list[Sent], moment: str) -> list[float]:
    return [
        (getattr(sent, moment) - sent.intended) * 1000 for sent in orders if getattr(sent, moment) is not None
    ]


def _print(figures: dict[str, Any]) -> None:
    out = Console()
    out.print(
        f"sent {figures['sent']:,}  acked {figures['acked']:,}  lost {figures['lost']}  "
        f"duplicates {figures['duplicates']}  rate {figures['rate_achieved']}/s  seed {figures['seed']}",
        highlight=False,
    )
    out.print(f"now: {figures['statuses']}   stream: {figures['stream']}", highlight=False)
    for refusal in figures["not_acked"]:
        out.print(f"[red]not acked:[/] {refusal}", highlight=False)
    table = Table("milliseconds", "p50", "p99", "max", box=None)
    rows = [(name, figures[name]) for name in ("ack_ms", "routed_ms", "filled_ms")]
    rows += [(f"hop {name}", values) for name, values in figures["hops"].items()]
    for name, values in rows:
        table.add_row(
            name, *("" if values[key] is None else f"{values[key]:.2f}" for key in ("p50", "p99", "max"))
        )
    out.print(table)
    cpu = figures["cpu_ms_per_order"]
    total = sum(value for name, value in cpu.items() if name != "bench")
    parts = "  ".join(f"{name} {value:.3f}" for name, value in cpu.items())
    out.print(f"CPU-ms an order: {total:.3f} without the bench; {parts}", highlight=False)
