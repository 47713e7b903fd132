"""A run's figures as tables, which the terminal and the page show alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table

from oms_tools.bench.run import OWN
from oms_tools.profile.lines_of_work import MEANINGS

# What is less is noise of the clock that counts CPU in hundredths of a second.
MS_SHOWN_MIN: Final = 0.0005
ROWS_SHOWN_MIN: Final = 0.005
WAKE_UPS_SHOWN_MAX: Final = 25
ENDED: Final = "ended since: autovacuum's workers, closed connections"
WITHOUT_OWN: Final = f"all without the {OWN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTable:
    """One table. texts: the places of the columns that hold words; all others hold numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Sequence[int] = (0,)
    note: str = ""


def tables_of(figures: Mapping[str, Any]) -> list[FigureTable]:
    """Return every table of a run; one without rows is left out."""
    tables = [
        _by_process(figures),
        _by_line(figures),
        _libraries(figures),
        _clients(figures),
        _statements(figures),
        _rows(figures["database"]),
        _carried(figures),
        _wake_ups(figures),
    ]
    return [table for table in tables if table.rows]


def print_tables(out: Console, tables: Sequence[FigureTable]) -> None:
    """Print tables to a terminal."""
    for shown in tables:
        out.print(f"\n[bold]{shown.title}[/]", highlight=False)
        table = Table(box=None)
        for place, column in enumerate(shown.columns):
            is_text = place in shown.texts
            side: Literal["left", "right"] = "left" if is_text else "right"
            table.add_column(column, justify=side, no_wrap=not is_text or place == 0)
        for row in shown.rows:
            table.add_row(*row)
        out.print(table, highlight=False)
        if shown.note:
            out.print(shown.note, highlight=False, soft_wrap=True)


def _ms(value: float) -> str:
    return f"{value:.3f}" if value >= MS_SHOWN_MIN else ""


def _by_process(figures: Mapping[str, Any]) -> FigureTable:
    cost, idle = figures["cost"], figures["idle"]
    rows = [_process_row(name, used, idle.get(name)) for name, used in cost.items()]
    rows.append(
        _process_row(
            WITHOUT_OWN,
            _sums(used for name, used in cost.items() if name != OWN),
            _sums(used for name, used in idle.items() if name != OWN),
        )
    )
    return FigureTable(
        title="Cost by process",
        columns=[
            "process", "CPU-ms an order", "in Python's threads", "in other threads", "switches an order",
            "idle, % of a core", "idle, switches a second",
        ],
        rows=rows,
    )  # fmt: skip


def _process_row(name: str, used: Mapping[str, Any], still: Mapping[str, float] | None) -> list[str]:
    times = [_ms(used[column]) for column in ("cpu_ms", "python_ms", "libraries_ms")]
    idle = ["", ""] if still is None else [f"{still['cpu_percent']:.2f}", f"{still['switches_a_second']:.0f}"]
    return [name, *times, f"{used['switches']:.2f}", *idle]


def _sums(many: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sum of each of the numbers."""
    sums: defaultdict[str, float] = defaultdict(float)
    for used in many:
        for column, value in used.items():
            if isinstance(value, int | float):
                sums[column] += value
    return sums


def _by_line(figures: Mapping[str, Any]) -> FigureTable:
    cost = {name: used for name, used in figures["cost"].items() if used["lines"]}
    rows = [_line_row(name, used, used["lines"]) for name, used in cost.items()]
    known = [used for name, used in cost.items() if name != OWN]
    if known:
        rows.append(_line_row(WITHOUT_OWN, _sums(known), _sums(used["lines"] for used in known)))
    shares = [f"{name} {used['other_share']:.0%}" for name, used in cost.items()]
    missing = figures["not_sampled"]
    return FigureTable(
        title="By line of work, CPU-ms an order",
        columns=["process", *MEANINGS, "C libraries", "ended", "samples"],
        rows=rows,
        note=f"“Other”, of the CPU of Python's threads: {', '.join(shares)}."
        + (f" Could not be sampled: {', '.join(missing)}." if missing else ""),
    )


def _line_row(name: str, used: Mapping[str, Any], lines: Mapping[str, float]) -> list[str]:
    times = [_ms(lines.get(line, 0.0)) for line in MEANINGS]
    return [name, *times, _ms(used["libraries_ms"]), _ms(used["unattributed_ms"]), f"{used['samples']:.0f}"]


def _libraries(figures: Mapping[str, Any]) -> FigureTable:
    rows = [
        [name, label, _ms(ms)]
        for name, used in figures["cost"].items()
        if name != "postgres"
        for label, ms in used["libraries"].items()
        if ms >= MS_SHOWN_MIN
    ]
    return FigureTable(
        title="Threads that py-spy cannot see into",
        columns=["process", "thread", "CPU-ms an order"],
        rows=rows,
        texts=(0, 1),
    )


def _clients(figures: Mapping[str, Any]) -> FigureTable:
    used = figures["cost"].get("postgres", {"libraries": {}, "unattributed_ms": 0.0})
    by_client = used["libraries"] | {ENDED: used["unattributed_ms"]}
    rows = [[name, _ms(ms)] for name, ms in by_client.items() if ms >= MS_SHOWN_MIN]
    return FigureTable(
        title="Postgres, by whom it worked for", columns=["client", "CPU-ms an order"], rows=rows
    )


def _statements(figures: Mapping[str, Any]) -> FigureTable:
    counted, looked = figures["statements"], figures["activity"]
    if counted is not None:
        columns = ("calls", "ms", "rows", "blocks", "wal_bytes")
        return FigureTable(
            title="Statements, an order (pg_stat_statements)",
            columns=["statement", "calls", "ms", "rows", "blocks", "WAL bytes"],
            rows=[[row["statement"], *(f"{row[column]:g}" for column in columns)] for row in counted],
        )
    return FigureTable(
        title="Statements, by looks at Postgres' backends",
        columns=["client", "statement", "running %", "waiting %", "waits for"],
        rows=[_looked_row(found) for found in looked["statements"]],
        texts=(0, 1, 4),
        note=f"This server has no pg_stat_statements: shares of {looked['found']:,} finds in"
        f" {looked['looks']:,} looks at pg_stat_activity, no calls and no rows.",
    )


def _looked_row(found: Mapping[str, Any]) -> list[str]:
    shares = [f"{found[column]:.1f}" for column in ("running", "waiting")]
    return [found["client"], found["statement"], *shares, found["waits_for"]]


def _rows(database: Mapping[str, Any]) -> FigureTable:
    columns = ("inserted", "updated", "hot", "deleted")
    rows = [
        [name, *(f"{counts[column]:.2f}" for column in columns), str(counts["indexes"])]
        for name, counts in database["rows_per_order"].items()
        if max(counts[column] for column in columns) >= ROWS_SHOWN_MIN
    ]
    return FigureTable(
        title="Rows of Postgres, an order",
        columns=["table", "inserted", "updated", "of it HOT", "deleted", "indexes"],
        rows=rows,
    )


def _carried(figures: Mapping[str, Any]) -> FigureTable:
    database, topics = figures["database"]["per_order"], figures["kafka"]["messages_per_order"]
    rows = [
        ["tuple versions", f"{database['tuple_versions']:.1f}"],
        ["WAL bytes", f"{database['wal_bytes']:,.0f}"],
        ["transactions", f"{database['transactions']:.2f}"],
        ["Kafka messages", f"{sum(topics.values()):.2f}"],
        *([f"of it {topic}", f"{count:.2f}"] for topic, count in topics.items()),
    ]
    if figures["loopback"] is not None:
        rows += [
            ["loopback packets", f"{figures['loopback']['packets']:.1f}"],
            ["loopback bytes", f"{figures['loopback']['bytes']:,.0f}"],
        ]
    return FigureTable(title="Carried and stored, an order", columns=["what", "an order"], rows=rows)


def _wake_ups(figures: Mapping[str, Any]) -> FigureTable:
    found = figures["wake_ups"]
    rows = [
        [row["process"], row["thread"], f"{row['switches_a_second']:.1f}", f"{row['cpu_percent']:.2f}"]
        for row in found[:WAKE_UPS_SHOWN_MAX]
    ]
    more = len(found) - len(rows)
    return FigureTable(
        title="What wakes up while there is no order",
        columns=["process", "thread", "switches a second", "% of a core"],
        rows=rows,
        texts=(0, 1),
        note=f"{more} more threads wake up less often; the JSON has them." if more > 0 else "",
    )
