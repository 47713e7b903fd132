"""What a profile says: figures from counts, the same tables on a terminal and in a section of a page."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from oms_tools.bench.database_counts import DatabaseCounts, TableRows
from oms_tools.laptop.layout import StackError
from oms_tools.profile.command import summary_of
from oms_tools.profile.legs import Counted, Counts, Sampled, Still
from oms_tools.profile.page import BEGIN, END, check_page, replace_section, section_of, write_section
from oms_tools.profile.run import Plan, profile_figures
from oms_tools.profile.samples import ThreadSamples
from oms_tools.profile.statements import (
    TEXT_MAX,
    Activity,
    ActivityLooks,
    StatementCounts,
    backend_names,
    count_statements,
    one_line,
    statement_figures,
)
from oms_tools.profile.tables import print_tables, tables_of
from oms_tools.profile.threads import ThreadUse

TIMES = {"p50": 1.0, "p99": 12.0, "max": 13.0}


def thread(process: str, tid: int, name: str, cpu_s: float, switches: int) -> ThreadUse:
    return ThreadUse(process=process, pid=tid, tid=tid, name=name, cpu_s=cpu_s, switches=switches)


def counts(times: int, statements: dict[str, StatementCounts] | None) -> Counts:
    return Counts(
        threads=[
            thread("oms-core", 7, "python", 1.0 * times, 100 * times),
            thread("postgres", 31, "postgres", 0.5 * times, 50 * times),
            thread("bench", 50, "python", 2.0 * times, 10 * times),
        ],
        backends={31: "oms-core"},
        statements=statements,
        packets=3_000 * times,
        sent_bytes=50_000 * times,
    )


def of_statement(times: int) -> dict[str, StatementCounts]:
    once = StatementCounts(text="SELECT 1", calls=0, ms=0, rows=0, blocks=0, wal_bytes=0)
    insert = StatementCounts(
        text="INSERT\n  INTO orders",
        calls=25 * times,
        ms=10.0 * times,
        rows=100 * times,
        blocks=300 * times,
        wal_bytes=50_000 * times,
    )
    return {"1": once, "2": insert}


def figures(statements: bool = False) -> dict[str, Any]:
    rows = TableRows(inserted=100, updated=200, hot=100, deleted=0, indexes=3)
    load = {
        "acked": 100,
        "lost": 0,
        "duplicates": 0,
        "rate_achieved": 10.0,
        "ack_ms": TIMES,
        "filled_ms": TIMES,
        "seed": 7,
        "cpu_ms_per_order": {"oms-core": 11.0, "postgres": 5.5, "bench": 20.0},
        "database": DatabaseCounts(tables={"orders": rows}, transactions=20, wal_bytes=10_000).figures(100),
        "kafka": {"messages_per_order": {"orders.inbound": 1.0, "orders.events": 3.0}},
    }
    found = profile_figures(
        Plan(rate=10, seconds=10, idle_s=5),
        load,
        Still(
            seconds=5.0,
            processes={"oms-core": {"cpu_percent": 1.5, "switches_a_second": 20.0}},
            threads=[thread("oms-core", 7, "python", 0.075, 100)],
        ),
        Counted(
            first=counts(1, of_statement(1) if statements else None),
            last=counts(2, of_statement(2) if statements else None),
        ),
        Sampled(
            samples={"oms-core": {7: ThreadSamples(name="MainThread", lines=Counter(decide=3, other=1))}},
            cpu_s={7: 0.5},
            missing=["broker"],
            activity=Activity(looks=40, found=Counter({("oms-core", "COMMIT|x", "IO WalSync"): 6})),
        ),
    )
    machine = {"taken_at": "2026-03-02T15:00:00+00:00", "kafka_is": "memory", "python": "3.11.0"}
    return found | machine | {"cores": 2, "memory_gib": 24, "load_before": 0.4}


def test_figures_are_what_was_counted_divided_by_orders() -> None:
    found = figures()
    core = found["cost"]["oms-core"]
    assert core["lines"] == {"decide": 7.5, "other": 2.5}
    assert (core["cpu_ms"], core["python_ms"], core["unattributed_ms"]) == (11.0, 10.0, 1.0)
    assert (core["switches"], core["other_share"], core["samples"]) == (1.0, 0.25, 4)
    assert found["cost"]["postgres"]["libraries"] == {"oms-core": 5.0}
    assert found["cpu_ms_without_bench"] == 16.5
    assert found["loopback"] == {"packets": 30.0, "bytes": 500.0}
    assert found["wake_ups"] == [
        {"process": "oms-core", "thread": "MainThread", "switches_a_second": 20.0, "cpu_percent": 1.5}
    ]
    assert found["sampled_seconds"] == 10
    assert found["statements"] is None


def test_statements_are_counted_an_order_where_the_server_counts_them() -> None:
    assert figures(statements=True)["statements"] == [
        {
            "statement": "INSERT INTO orders",
            "calls": 0.25,
            "ms": 0.1,
            "rows": 1.0,
            "blocks": 3.0,
            "wal_bytes": 500.0,
        }
    ]


def test_a_statement_that_was_not_there_before_counts_whole_and_the_dearest_comes_first() -> None:
    before, after = of_statement(1), of_statement(1)
    after["3"] = StatementCounts(text="b", calls=1, ms=1.0, rows=0, blocks=0, wal_bytes=0)
    after["4"] = StatementCounts(text="a", calls=1, ms=2.0, rows=0, blocks=0, wal_bytes=0)
    assert [row["statement"] for row in statement_figures(before, after, 1)] == ["a", "b"]


def test_finds_of_statements_are_shares_of_all_finds() -> None:
    activity = Activity(
        looks=10,
        found=Counter(
            {
                ("core", "COMMIT", "IO WalSync"): 5,
                ("core", "COMMIT", "LWLock WALWrite"): 1,
                ("core", "COMMIT", ""): 1,
                ("api", "INSERT", ""): 3,
            }
        ),
    )
    assert activity.figures() == [
        {
            "client": "core",
            "statement": "COMMIT",
            "running": 10.0,
            "waiting": 60.0,
            "waits_for": "IO WalSync",
        },
        {"client": "api", "statement": "INSERT", "running": 30.0, "waiting": 0.0, "waits_for": ""},
    ]


def test_a_long_statement_is_shown_in_one_line_with_its_end_left_out() -> None:
    assert one_line("SELECT\n   a,\tb") == "SELECT a, b"
    assert len(one_line("x " * 400)) == TEXT_MAX


def test_the_terminal_and_the_page_show_the_same_and_name_what_is_missing() -> None:
    found = figures()
    out = io.StringIO()
    print_tables(Console(file=out, width=200), tables_of(found))
    page = section_of("The last profile", summary_of(found), tables_of(found))
    for text in (out.getvalue(), page):
        for part in (
            "Cost by process",
            "By line of work",
            "“Other”, of the CPU of Python's threads: oms-core 25%",
            "Could not be sampled: broker",
            "This server has no pg_stat_statements",
            "shares of 6 finds in 40 looks",
            "loopback packets",
            "What wakes up while there is no order",
        ):
            assert part in text, part
    assert "| oms-core | 11.000 | 10.000 |  | 1.00 | 1.50 | 20 |" in page
    assert "| ended since: autovacuum's workers, closed connections | 0.500 |" in page
    assert "| all without the bench | 16.500 | 10.000 | 5.000 | 1.50 | 1.50 | 20 |" in page
    assert "| COMMIT\\|x |" in page
    assert "the load average before it 0.4" in page
    assert "100 acked at 10/s, lost 0, duplicates 0; ack p99 12 ms, filled p99 12 ms." in page


def test_every_row_of_a_table_has_a_cell_for_every_column() -> None:
    for found in (figures(), figures(statements=True)):
        for table in tables_of(found):
            assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = f"# Budget\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    once = replace_section(page, "\nnew\n")
    assert once == f"# Budget\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert replace_section(once, "new") == once


@pytest.mark.parametrize(
    "page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}"]
)
def test_a_page_without_both_markers_once_is_refused_before_the_run(page: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page)
    with pytest.raises(StackError, match="cannot take the section"):
        check_page(path)
    assert path.read_text() == page


def test_a_page_that_is_not_there_is_made_and_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    check_page(path)
    write_section(path, "first")
    check_page(path)
    write_section(path, "second")
    assert path.read_text() == f"{BEGIN}\n\nsecond\n\n{END}\n"


def test_the_page_of_the_budget_can_take_a_profile() -> None:
    check_page(Path(__file__).parents[3] / "docs" / "budget.md")


def test_a_server_without_the_extension_counts_no_statements(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, application_name="profiled") as connection:
        assert count_statements(connection) is None
        own = connection.info.backend_pid
        assert backend_names(connection)[own] == "profiled"


def test_statements_of_all_users_count_together_and_those_of_other_databases_do_not(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "CREATE TABLE pg_stat_statements (queryid bigint, query text, calls bigint,"
            " total_exec_time float8, rows bigint, shared_blks_hit bigint, shared_blks_read bigint,"
            " wal_bytes numeric, dbid oid)"
        )
        connection.execute(
            "INSERT INTO pg_stat_statements SELECT 5, 'SELECT $1', 2, 1.5, 4, 10, 1, 100, d.oid"
            " FROM pg_database d, generate_series(1, 2) WHERE datname = current_database()"
        )
        connection.execute("INSERT INTO pg_stat_statements VALUES (6, 'other', 1, 1, 1, 1, 1, 1, 1)")
        found = count_statements(connection)
        connection.rollback()
    assert found == {
        "5": StatementCounts(text="SELECT $1", calls=4, ms=3.0, rows=8, blocks=22, wal_bytes=200)
    }


def test_a_statement_that_runs_is_found_with_its_client_and_what_it_waits_for(dsn: str) -> None:
    looks = ActivityLooks(dsn, every_s=0.005)
    looks.start()
    with psycopg.connect(dsn, autocommit=True, application_name="sleeper") as connection:
        connection.execute("SELECT pg_sleep(0.5)")
    activity = looks.stop()
    assert activity.looks > 0
    assert activity.found["sleeper", "SELECT pg_sleep(0.5)", "Timeout PgSleep"] > 0


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_looks_end_quietly_when_the_server_is_away() -> None:
    looks = ActivityLooks("postgresql://postgres@127.0.0.1:1/none?connect_timeout=1")
    looks.start()
    assert looks.stop().looks == 0
