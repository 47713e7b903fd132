"""A run's figures as a person reads them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from oms_tools.bench.knee import Knee

# A load that sends later than this measures itself.
LATE_MS_MAX: Final = 20.0
_RANKS: Final = ("p50", "p99", "max")


def print_figures(out: Console, figures: Mapping[str, Any]) -> None:
    """Print what was sent and became of it, latency by hop, and what an order cost."""
    _line(
        out,
        f"sent {figures['sent']:,}  acked {figures['acked']:,}  lost {figures['lost']}  "
        f"duplicates {figures['duplicates']}  rate {figures['rate_achieved']}/s  seed {figures['seed']}",
    )
    _line(out, f"now: {_pairs(figures['statuses'])}   stream: {_pairs(figures['stream'])}")
    late, waited = figures["sent_late_ms"]["p99"], figures["waited_for_connection_max"]
    if waited or (late is not None and late > LATE_MS_MAX):
        _line(
            out,
            f"[yellow]the load itself was late:[/] p99 {late:.0f} ms, and up to {waited:,} orders waited for"
            " a connection",
        )
    _print_refusals(out, figures)
    _print_changes(out, "cancels", figures["cancels"])
    _print_changes(out, "replaces", figures["replaces"])
    _print_latency(out, figures)
    _print_processes(out, figures)
    _print_database(out, figures["database"])
    kafka = figures["kafka"]["messages_per_order"]
    _line(out, f"Kafka messages an order: {sum(kafka.values()):.2f}; {_pairs(kafka)}")
    if figures.get("dropped_sessions"):
        _line(out, f"sessions that were cut: {_pairs(figures['dropped_sessions'])}")
    if figures["recovery"] is not None:
        _print_recovery(out, figures["recovery"])


def _line(out: Console, text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True)


def _pairs(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {value:,}" for name, value in values.items()) or "none"


def _print_refusals(out: Console, figures: Mapping[str, Any]) -> None:
    shed = figures["shed"]
    if shed["answers"]:
        _line(
            out,
            f"shed: {shed['answers']:,} answers of 503 ({shed['with_retry_after']:,} with Retry-After),"
            f" {shed['orders']:,} orders were not taken at all",
        )
    for refusal in figures["not_acked"]:
        _line(out, f"[red]not acked:[/] {refusal}")


def _print_changes(out: Console, name: str, changes: Mapping[str, Any]) -> None:
    if changes["sent"]:
        ends = _pairs(changes["ended"])
        p99 = changes["end_ms"]["p99"]
        _line(
            out,
            f"{name} {changes['sent']:,}  answered {_pairs(changes['answers'])}  ended: {ends}"
            f"  without end {changes['without_end']}" + ("" if p99 is None else f"  p99 {p99:.0f} ms"),
        )


def _print_latency(out: Console, figures: Mapping[str, Any]) -> None:
    table = Table("milliseconds", *_RANKS, box=None)
    rows = [(name, figures[name]) for name in ("ack_ms", "routed_ms", "filled_ms")]
    rows += [(f"hop {name}", values) for name, values in figures["hops"].items()]
    for name, values in rows:
        table.add_row(name, *("" if values[rank] is None else f"{values[rank]:.2f}" for rank in _RANKS))
    out.print(table)


def _print_processes(out: Console, figures: Mapping[str, Any]) -> None:
    table = Table(box=None)
    table.add_column("process", no_wrap=True)
    for title in ("CPU-ms", "switches", "MB at first", "at last", "MB a minute"):
        table.add_column(title, justify="right")
    for name, used in figures["processes"].items():
        table.add_row(
            name,
            f"{used['cpu_ms_per_order']:.3f}",
            f"{used['switches_per_order']:.2f}",
            f"{used['mb_start']:.0f}",
            f"{used['mb_end']:.0f}",
            f"{used['mb_a_minute']:+.2f}",
        )
    out.print(table)
    cpu = figures["cpu_ms_per_order"]
    total = sum(value for name, value in cpu.items() if name != "bench")
    _line(out, f"CPU-ms an order: {total:.3f} without the bench; {_memory(figures['memory'])}")
    _line(out, f"A fixed piece of Python took {figures['yardstick_ms']} CPU-ms before the load")


def _memory(memory: Mapping[str, Any]) -> str:
    if memory["growing"] is None:
        return "too short a run to say whether memory is flat"
    said = f"memory grows: {', '.join(memory['growing'])}" if memory["growing"] else "memory is flat"
    return f"{said} (over the last {memory['over_s']:.0f} s)"


def _print_database(out: Console, database: Mapping[str, Any]) -> None:
    table = Table(box=None)
    table.add_column("rows an order", no_wrap=True)
    for title in ("inserted", "updated", "of it HOT", "deleted", "indexes"):
        table.add_column(title, justify="right")
    for name, rows in database["rows_per_order"].items():
        if max(rows["inserted"], rows["updated"], rows["deleted"]) >= 0.005:
            counts = [f"{rows[column]:.2f}" for column in ("inserted", "updated", "hot", "deleted")]
            table.add_row(name, *counts, str(rows["indexes"]))
    out.print(table)
    totals = database["per_order"]
    _line(
        out,
        f"Postgres an order: {totals['tuple_versions']:.1f} tuple versions, at most"
        f" {totals['index_entries_computed_at_most']:.1f} index entries (computed),"
        f" {totals['wal_bytes']:,.0f} bytes of WAL, {totals['transactions']:.2f} transactions",
    )


def _print_recovery(out: Console, recovery: Mapping[str, Any]) -> None:
    after = recovery["normal_after_s"]
    said = "not back to normal" if after is None else f"back to normal {after:.1f} s after the load's end"
    _line(
        out,
        f"{said} ({recovery['normal_means']}; {recovery['acked']} of {recovery['probes']} probes acked)",
    )


def print_knee(out: Console, knee: Knee) -> None:
    """Print every leg, and the knee."""
    table = Table("rate", "acked", "ack p99", "filled p99", "backlog", "CPU-ms", "held", box=None)
    for leg in knee.legs:
        table.add_row(
            f"{leg.rate:g}/s",
            f"{leg.acked_rate:g}/s",
            _ms(leg.ack_ms_p99),
            _ms(leg.filled_ms_p99),
            f"{leg.backlog_growth:+.1f}/s",
            f"{leg.cpu_ms_per_order:.3f}",
            "yes" if leg.held else f"no: {leg.why}",
        )
    out.print(table)
    said = "not even the lowest rate was held" if knee.rate is None else f"knee: {knee.rate:g} orders/s"
    _line(out, f"[bold]{said}[/]")


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def refusals(texts: Sequence[str], shown_max: int = 5) -> list[str]:
    """Return a few different refusals."""
    return sorted(set(texts))[:shown_max]
