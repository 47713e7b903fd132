"""Comparisons with venues at the gateway and on the command line, and a venue's day beside its own file."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from execution_adapter.adapters.postgres_children import PostgresChildStore
from execution_adapter.domain.reconciliation import Break, EndedRun, Occasion
from execution_adapter.ports import JournalLine, Writes
from oms_platform.ids import uuid7
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.postgres import connect
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.reconcile_commands import reconcile
from tests.integration.api_rig import Gateway, gateway

PATH = "/api/v1/reconciliations"
NOW = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def api(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int, cleanup: ExitStack
) -> Iterator[Gateway]:
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


def keep(dsn: str, *runs: EndedRun, journal: tuple[bytes, ...] = ()) -> None:
    """Store what the adapter stores."""
    lines = [
        JournalLine(venue_id="XNYS", inbound=True, msg_seq=number, at=datetime.now(UTC), raw=raw)
        for number, raw in enumerate(journal, 1)
    ]
    with closing(connect(dsn, "test")) as connection:
        PostgresChildStore(connection, "one").write(Writes(runs=runs, journal=lines), NOW)


def run(minute: int, venue_id: str = "XNYS", *breaks: Break) -> EndedRun:
    at = NOW + timedelta(minutes=minute)
    return EndedRun(
        run_id=uuid7(),
        venue_id=venue_id,
        occasion=Occasion.LOGON,
        began_at=at,
        ended_at=at,
        asked=3 + len(breaks),
        agreed=3,
        over=0,
        breaks=breaks,
    )


def broken(settled: bool) -> Break:
    order_id = UUID(int=7)
    return Break(
        cl_ord_id=f"C-{settled}", order_id=order_id, ours="NEW", theirs="unknown order", settled=settled
    )


def test_the_desk_sees_each_comparison_and_its_breaks(api: Gateway, dsn: str) -> None:
    keep(dsn, run(1), run(2, "XNAS"), run(3, "XNYS", broken(True), broken(False)))

    def found(query: str = "", user: str = "desk") -> list[tuple[str, int]]:
        answer = api.call("GET", f"{PATH}{query}", user=user)
        assert answer.status == 200, answer
        return [(one["venueId"], len(one["breaks"])) for one in answer.json["reconciliations"]]

    assert found() == [("XNYS", 2), ("XNAS", 0), ("XNYS", 0)]
    assert found("?broken=true") == [("XNYS", 2)]
    assert found("?venueId=XNAS") == [("XNAS", 0)]
    assert found("?limit=1") == [("XNYS", 2)]
    assert found("?before=2026-01-02T15:02:30Z") == [("XNAS", 0), ("XNYS", 0)]
    assert api.call("GET", PATH, user="trader1").status == 403
    for query, field in (
        ("?limit=0", "limit"),
        ("?broken=maybe", "broken"),
        ("?before=soon", "before"),
        ("?venueId=%00", "venueId"),
        ("?colour=red", "colour"),
    ):
        answer = api.call("GET", f"{PATH}{query}", user="desk")
        assert (answer.status, list(answer.fields)) == (400, [field])


def test_the_command_line_lists_what_is_broken(api: Gateway, dsn: str) -> None:
    keep(dsn, run(1), run(3, "XNYS", broken(True), broken(False)))
    environment = {
        URL_VARIABLE: f"http://127.0.0.1:{api.http_port}",
        ISSUER_VARIABLE: api.issuer,
        "COLUMNS": "300",
    }
    listed = CliRunner().invoke(reconcile, ["list"], env=environment).output
    assert "1 comparisons" in listed
    assert "OPEN    C-False  ours: NEW  theirs: unknown order" in listed
    assert "2 comparisons" in CliRunner().invoke(reconcile, ["list", "--all"], env=environment).output


# ---- a venue's day


def report(dsn: str, *words: str, code: int) -> Result:
    result = CliRunner().invoke(reconcile, ["report", "--dsn", dsn, *words], env={"COLUMNS": "300"})
    assert result.exit_code == code, result.output
    return result


def trade(exec_id: str, day: str) -> bytes:
    return (
        f"8=FIX.4.4|35=8|17={exec_id}|37=V|150=F|39=2|32=100|31=10.5|55=AAPL|54=1|60={day}-15:00:00|".replace(
            "|", "\x01"
        )
    ).encode()


def test_what_a_venue_sent_and_we_do_not_hold_is_a_difference_of_its_day(dsn: str, tmp_path: Path) -> None:
    today = datetime.now(UTC)
    keep(dsn, journal=(trade("E1", f"{today:%Y%m%d}"),))
    date = f"{today:%Y-%m-%d}"
    found = report(dsn, "--date", date, "--venue", "XNYS", code=1).output
    assert "differences 1" in found
    assert "E1  ours: none  theirs: BUY 100 AAPL at 10.5" in found
    assert "XNAS" in report(dsn, "--date", date, code=1).output
    report(dsn, "--date", date, "--venue", "XNAS", code=0)
    # By the venue's own file there was no trade.
    file = tmp_path / "trades.csv"
    file.write_text("execId,symbol,side,lastQty,lastPx\n")
    report(dsn, "--date", date, "--venue", "XNYS", "--theirs", str(file), code=0)
    file.write_text("execId,symbol\n")
    report(dsn, "--date", date, "--venue", "XNYS", "--theirs", str(file), code=2)
    report(dsn, "--date", date, "--venue", "NONE", code=2)


def test_a_days_trades_that_both_have_are_no_difference(dsn: str) -> None:
    today = datetime.now(UTC)
    keep(dsn, journal=(trade("E1", f"{today:%Y%m%d}"),))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP VIEW executions")
        connection.execute(
            "CREATE VIEW executions AS SELECT 'XNYS'::text AS venue_id, 'E1'::text AS exec_id,"
            " 'AAPL'::text AS symbol, 'BUY'::text AS side, 100 AS last_qty, 10.5::numeric(18,6) AS last_px,"
            f" '{today:%Y%m%d}'::text AS trade_date"
        )
    assert "differences 0" in report(dsn, "--venue", "XNYS", code=0).output
