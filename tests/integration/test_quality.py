"""Execution quality on rows of a real Postgres, against numbers worked out by hand."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner

from oms_platform.ids import uuid7_floor
from oms_platform.messages import Quote, RouteRequest, VenueQuote
from oms_platform.postgres import Connection, connect
from oms_platform.prices import micros_of
from oms_platform.schema.migrate import ensure_partitions
from oms_platform.vocabulary import OrderTerms, OrderType, Routing, Side, TimeInForce
from oms_platform.wire import encode
from oms_tools.execution_quality import command as command
from sor_engine.adapters import postgres_quality
from sor_engine.adapters.postgres_quality import PostgresQuality, PostgresQualityReader
from sor_engine.domain.quality import measure
from sor_engine.domain.quality_report import (
    EFFECTIVE,
    FEES,
    FILLED_COST,
    IMPROVEMENT,
    MARKOUTS,
    REALIZED,
    SAVED,
    SAVED_BEST_QUOTE,
    SAVED_BEST_QUOTE_ALL_IN,
    SAVED_LISTING,
    SAVED_LISTING_ALL_IN,
    SHORTFALL,
    UNFILLED_COST,
    Figure,
    Gathered,
    OrderClass,
    Report,
    Tally,
)
from sor_engine.ports import FrozenInputs, QualityScope, ReferenceContent, StoredProfile
from tests.ingest import store_trade
from tests.unit.sor_engine.market import venue

VENUES = ("XNAS", "EDGX", "BATS", "ARCX", "DARK")
SILENT = "ARCX"
_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(minutes=10)
ACCOUNT = "ACC-INST-001"


@pytest.fixture
def db(dsn: str) -> Iterator[Connection]:
    with connect(dsn, "test") as connection:
        ensure_partitions(connection, NOON)
        connection.execute("DELETE FROM fee_schedules")
        for venue, add, remove in (("XNAS", "-0.0020", "0.0030"), ("EDGX", "-0.0024", "0.0027")):
            connection.execute(
                "INSERT INTO fee_schedules VALUES (%s, '2027-01-01', %s, %s)", (venue, add, remove)
            )
        connection.execute("INSERT INTO fee_schedules VALUES ('DARK', '2027-01-01', 0.0010, 0.0010)")
        yield connection


def at(seconds: str) -> datetime:
    return NOON + timedelta(seconds=float(seconds))


class Rows:
    """Writes what the services would have written."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._numbers = iter(range(1, 1_000_000))

    def quote(self, symbol: str, seconds: str, bid: str | None, offer: str | None) -> None:
        self.connection.execute(
            "INSERT INTO quote_tape VALUES (%s, %s, %s, %s)", (symbol, at(seconds), bid, offer)
        )

    def order(
        self,
        symbol: str,
        side: str,
        quantity: int,
        *,
        seconds: str = "0",
        limit: str | None = None,
        tif: str = "DAY",
        closed: str | None = None,
        filled: int = 0,
        status: str = "",
        prefer: tuple[str, ...] = (),
    ) -> UUID:
        order_id = UUID(int=uuid7_floor(at(seconds)).int + next(self._numbers))
        status = status or ("ACKNOWLEDGED" if closed is None else "CANCELED")
        leaves = quantity - filled if closed is None else 0
        self.connection.execute(
            "INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side,"
            " order_type, time_in_force, quantity, limit_price, status, closed, cum_qty, leaves_qty,"
            " filled_notional, created_at, updated_at)"
            " VALUES (%s, %s, 'api', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                order_id,
                ACCOUNT,
                str(order_id),
                symbol,
                side,
                "MARKET" if limit is None else "LIMIT",
                tif,
                quantity,
                limit,
                status,
                closed is not None,
                filled,
                leaves,
                filled * 100,
                at(seconds),
                at(closed or seconds),
            ),
        )
        terms = {"routing": {"prefer": list(prefer)}} if prefer else {}
        self.connection.execute(
            "INSERT INTO order_requests VALUES (%s, 'SubmitOrder', %s, %s, 'p', %s, '', %s)",
            (order_id, order_id, ACCOUNT, json.dumps({"terms": terms}), at(seconds)),
        )
        return order_id

    def child(
        self, order_id: UUID, symbol: str, side: str, venue: str, quantity: int, limit: str, seconds: str
    ) -> str:
        number = next(self._numbers)
        cl_ord_id = f"child-{number}"
        terms = {
            "symbol": symbol,
            "side": f"SIDE_{side}",
            "limitPriceMicros": micros_of(Decimal(limit)),
            "timeInForce": "TIME_IN_FORCE_DAY",
        }
        self.connection.execute(
            "INSERT INTO child_orders (order_id, cl_ord_id, attempt, leg, venue_id, quantity, terms,"
            " continues, status, leaves_qty, created_at, updated_at)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s, false, 'NEW', 0, %s, %s)",
            (order_id, cl_ord_id, number, venue, quantity, json.dumps(terms)) + (at(seconds),) * 2,
        )
        return cl_ord_id

    def fill(
        self,
        order_id: UUID,
        symbol: str,
        side: str,
        venue: str,
        child: str,
        shares: int,
        px: str,
        seconds: str,
    ) -> None:
        number = next(self._numbers)
        store_trade(
            self.connection,
            order_id,
            account_id=ACCOUNT,
            venue_id=venue,
            exec_id=f"exec-{number}",
            cl_ord_id=child,
            symbol=symbol,
            side=side,
            quantity=shares,
            price=Decimal(px),
            at=at(seconds),
            sequence=number + 2,
        )

    def route(
        self,
        order_id: UUID,
        attempt: int,
        strategy: str | None,
        asks: Mapping[str, Sequence[tuple[str, int]]] | None = None,
        *,
        quantity: int = 300,
        limit: str | None = None,
        closed: Mapping[str, str] | None = None,
        **inputs: Any,
    ) -> UUID | None:
        """Keep a route by a strategy, None: its order named a profile that there is not.

        asks: what each venue offers, None: nobody quoted the symbol. Returns the id of that book.
        """
        profile = "nowhere" if strategy is None else "used"
        settings = {"strategy": strategy, "weights": {"price": 1}}
        content = ReferenceContent(
            venues=tuple([venue(name, lit=name != "DARK") for name in VENUES]),
            profiles={} if strategy is None else {profile: StoredProfile(1, settings)},
            closed=dict(closed or {}),
        )
        reference_id = self._new_id()
        self.connection.execute(
            "INSERT INTO route_references VALUES (%s, %s, %s)", (reference_id, _encoder.encode(content), NOON)
        )
        book_id = None if asks is None else self._book(asks)
        frozen = FrozenInputs(
            request=RouteRequest(
                route_id=self._new_id(), order_id=order_id, attempt=attempt, quantity=quantity,
                requested_at=NOON, terms=_terms(quantity, limit),
            ),
            routing=Routing(profile=profile, avoid=inputs.pop("avoid", ())),
            tick_micros=10_000, quote_age_us=1_000, quote_age_us_max=2_000_000,
        )  # fmt: skip
        frozen = msgspec.structs.replace(frozen, **inputs)
        self.connection.execute(
            "INSERT INTO route_audit VALUES (%s, %s, %s, '{}', '', %s, %s, %s, %s, %s, 0, 0)",
            (order_id, attempt, ACCOUNT, _encoder.encode(frozen), book_id, reference_id, NOON, NOON),
        )
        return book_id

    def _new_id(self) -> UUID:
        return UUID(int=uuid7_floor(NOON).int + next(self._numbers))

    def _book(self, asks: Mapping[str, Sequence[tuple[str, int]]]) -> UUID:
        quote = Quote(
            symbol="AAPL",
            sequence=1,
            quoted_at=NOON,
            venues=tuple(
                [
                    VenueQuote(
                        venue_id=name,
                        ask_prices=tuple([Decimal(price) for price, _ in levels]),
                        ask_sizes=tuple([size for _, size in levels]),
                        # No order that buys may meet these.
                        bid_prices=(Decimal("1"),),
                        bid_sizes=(1_000_000,),
                        heard_at=NOON - timedelta(seconds=10) if name == SILENT else NOON,
                    )
                    for name, levels in asks.items()
                ]
            ),
        )
        book_id = self._new_id()
        self.connection.execute(
            "INSERT INTO route_books VALUES (%s, 'AAPL', %s, %s)", (book_id, NOON, encode(quote))
        )
        return book_id


def _terms(quantity: int, limit: str | None) -> OrderTerms:
    return OrderTerms(
        account_id=ACCOUNT,
        channel="api",
        client_order_id="c",
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price_micros=None if limit is None else micros_of(Decimal(limit)),
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
    )


@pytest.fixture
def rows(db: Connection) -> Rows:
    """The tape of two symbols: AAPL moves, and MSFT shows every five seconds that the tape is written."""
    rows = Rows(db)
    for seconds, bid, offer in (
        ("-1", "100.00", "100.02"),
        ("1.5", "100.02", "100.04"),
        ("5", "100.04", "100.06"),
        ("20", "100.06", "100.08"),
        ("61.5", "100.00", "100.02"),
    ):
        rows.quote("AAPL", seconds, bid, offer)
    for number in range(30):
        rows.quote("MSFT", f"{-10 + 5 * number}", "200.00", f"200.0{2 + number % 2 * 2}")
    return rows


def report(rows: Rows, until: datetime = UNTIL) -> Report:
    gathered = Gathered(100)
    for evidence, tape in PostgresQuality(
        rows.connection, QualityScope(since=NOON - timedelta(minutes=1), until=until)
    ).batches():
        gathered.add(measure(evidence, tape))
    return gathered.report()


def line(lines: tuple[Tally, ...], name: object) -> Tally:
    return next(tally for tally in lines if tally.name == str(name))


def dollars(tally: Tally, figure: Figure) -> Decimal | None:
    return tally.sums[figure].dollars


def worked_example(rows: Rows) -> UUID:
    """Buy 300 of AAPL up to 100.10: 200 taken at XNAS, 50 of 100 made at EDGX, closed after 30 s."""
    order_id = rows.order("AAPL", "BUY", 300, limit="100.10", closed="30", filled=250)
    rows.route(order_id, 1, "passive")
    taking = rows.child(order_id, "AAPL", "BUY", "XNAS", 200, "100.05", "0.1")
    resting = rows.child(order_id, "AAPL", "BUY", "EDGX", 100, "100.00", "0.1")
    rows.fill(order_id, "AAPL", "BUY", "XNAS", taking, 200, "100.02", "1")
    rows.fill(order_id, "AAPL", "BUY", "EDGX", resting, 50, "100.00", "2")
    return order_id


def test_an_orders_figures_are_those_worked_out_by_hand(rows: Rows) -> None:
    order_id = worked_example(rows)
    found = line(report(rows).orders, order_id)
    assert found.arrival_mid == Decimal("100.01")
    assert found.avg_px == Decimal("100.016")
    assert found.fill_rate_ppm == 833_333
    per_share = {figure: found.sums[figure].per_share for figure in found.sums}
    assert per_share[EFFECTIVE] == Decimal("0.012")  # (200 * 0.02 - 50 * 0.02) / 250
    assert per_share[REALIZED[0]] == Decimal("-0.068")  # (200 * -0.06 + 50 * -0.10) / 250
    assert per_share[REALIZED[1]] == Decimal("-0.084")  # (200 * -0.10 + 50 * -0.02) / 250
    assert per_share[IMPROVEMENT] == Decimal("0.004")  # (200 * 0 + 50 * 0.02) / 250
    assert per_share[MARKOUTS[0]] == Decimal("0.014")  # (200 * 0.01 + 50 * 0.03) / 250
    assert per_share[MARKOUTS[1]] == Decimal("0.034")  # (200 * 0.03 + 50 * 0.05) / 250
    assert per_share[MARKOUTS[2]] == Decimal("0.042")  # (200 * 0.05 + 50 * 0.01) / 250
    assert dollars(found, FEES) == Decimal("0.48")  # 200 * 0.0030 - 50 * 0.0024
    assert dollars(found, FILLED_COST) == Decimal("1.98")  # 200 * 0.01 - 50 * 0.01 + 0.48
    assert dollars(found, UNFILLED_COST) == Decimal("3")  # 50 * (100.07 - 100.01)
    assert dollars(found, SHORTFALL) == Decimal("4.98")
    assert found.sums[SHORTFALL].bps == Decimal("1.6598")  # 4.98 / (300 * 100.01)
    # No book was kept of its route.
    assert all(kept.missing == (250 if figure in SAVED else 0) for figure, kept in found.sums.items())


def test_a_sell_costs_what_it_gets_less_than_the_mid(rows: Rows) -> None:
    order_id = rows.order("MSFT", "SELL", 100, seconds="1", closed="3", filled=100, status="FILLED")
    child = rows.child(order_id, "MSFT", "SELL", "DARK", 100, "200.00", "1.1")
    rows.fill(order_id, "MSFT", "SELL", "DARK", child, 100, "200.00", "2")
    found = line(report(rows).orders, order_id)
    assert found.arrival_mid == Decimal("200.01")
    assert found.sums[EFFECTIVE].per_share == Decimal("0.02")
    assert found.sums[REALIZED[0]].per_share == Decimal("0.04")
    assert found.sums[IMPROVEMENT].per_share == Decimal(0)
    assert found.sums[MARKOUTS[0]].per_share == Decimal("-0.01")
    assert dollars(found, FEES) == Decimal("0.1")
    assert dollars(found, SHORTFALL) == Decimal("1.1")


def test_the_strategy_is_that_of_the_first_route_that_names_one(rows: Rows) -> None:
    order_id = worked_example(rows)
    other = rows.order("MSFT", "BUY", 10, seconds="1")
    rows.route(other, 1, None)
    rows.route(other, 2, "staged")
    rows.order("MSFT", "BUY", 20, seconds="1")
    found = report(rows)
    assert {tally.name: tally.wanted for tally in found.strategies} == {
        "passive": 300,
        "staged": 10,
        "unknown": 20,
    }
    assert line(found.strategies, "passive").sums == line(found.orders, order_id).sums


def test_venues_and_what_none_filled_add_up_to_the_orders(rows: Rows) -> None:
    worked_example(rows)
    found = report(rows)
    assert {tally.name: (tally.orders, tally.wanted, tally.filled) for tally in found.venues} == {
        "XNAS": (1, 200, 200),
        "EDGX": (1, 100, 50),
        "(unfilled)": (1, 50, 0),
    }
    assert dollars(line(found.venues, "XNAS"), FILLED_COST) == Decimal("2.6")  # 200 * (0.01 + 0.0030)
    assert dollars(line(found.venues, "EDGX"), FILLED_COST) == Decimal("-0.62")  # 50 * (-0.01 - 0.0024)
    assert dollars(line(found.venues, "(unfilled)"), UNFILLED_COST) == Decimal(3)


def test_an_order_that_is_open_at_the_reports_end_is_marked_then(rows: Rows) -> None:
    order_id = rows.order("AAPL", "BUY", 100, limit="99.00")
    assert dollars(line(report(rows, at("10")).orders, order_id), SHORTFALL) == Decimal(4)
    assert dollars(line(report(rows, at("30")).orders, order_id), SHORTFALL) == Decimal(6)


def test_what_came_after_the_reports_end_is_not_in_it(rows: Rows) -> None:
    order_id = worked_example(rows)
    found = line(report(rows, at("1.8")).orders, order_id)
    assert found.filled == 200
    assert dollars(found, UNFILLED_COST) == Decimal(2)  # 100 * (100.03 - 100.01), open then


def test_a_symbol_that_was_never_quoted_has_no_figures_and_its_shares_are_counted(rows: Rows) -> None:
    order_id = rows.order("JPM", "BUY", 100, limit="50", closed="9", filled=40)
    child = rows.child(order_id, "JPM", "BUY", "XNAS", 100, "50", "1")
    rows.fill(order_id, "JPM", "BUY", "XNAS", child, 40, "50", "2")
    found = line(report(rows).orders, order_id)
    assert {kept.dollars for kept in found.sums.values()} == {None}
    missing = {figure.name: kept.missing for figure, kept in found.sums.items()}
    assert missing.pop("unfilled_cost") == 60
    assert {missing.pop(name) for name in list(missing) if name.startswith("shortfall")} == {100}
    assert set(missing.values()) == {40}


def test_a_markout_beyond_the_tapes_end_or_in_its_silence_is_absent(rows: Rows) -> None:
    order_id = rows.order("AAPL", "BUY", 10, seconds="130", closed="140", filled=10)
    child = rows.child(order_id, "AAPL", "BUY", "XNAS", 10, "100.05", "130")
    # The tape ends at 135; before 300 it is written again.
    rows.quote("AAPL", "300", "100.00", "100.02")
    rows.fill(order_id, "AAPL", "BUY", "XNAS", child, 10, "100.02", "133")
    found = line(report(rows).orders, order_id)
    assert found.sums[MARKOUTS[0]].per_share == Decimal("-0.01")
    assert found.sums[MARKOUTS[1]].per_share == Decimal("-0.01")
    assert found.sums[MARKOUTS[2]].per_share is None
    assert found.sums[MARKOUTS[2]].missing == 10
    rows.connection.execute("DELETE FROM quote_tape WHERE quoted_at > %s", (at("200"),))
    found = line(report(rows).orders, order_id)
    assert found.sums[MARKOUTS[0]].per_share == Decimal("-0.01")
    assert found.sums[MARKOUTS[1]].missing == 10


def test_a_fee_is_of_its_day_and_absent_where_none_is_known(rows: Rows) -> None:
    rows.connection.execute("INSERT INTO fee_schedules VALUES ('XNAS', '2027-03-01', 0.0005, 0.0010)")
    rows.connection.execute("INSERT INTO fee_schedules VALUES ('XNAS', '2027-03-02', 9, 9)")
    rows.connection.execute("DELETE FROM fee_schedules WHERE venue_id = 'EDGX'")
    order_id = worked_example(rows)
    found = line(report(rows).orders, order_id)
    assert (found.sums[FEES].dollars, found.sums[FEES].missing) == (Decimal("0.2"), 50)
    assert (found.sums[SHORTFALL].dollars, found.sums[SHORTFALL].missing) == (None, 300)


def test_refused_orders_are_left_out_and_counted(rows: Rows) -> None:
    rows.order("AAPL", "BUY", 100, closed="0", status="REJECTED")
    past = PostgresQuality(rows.connection, QualityScope(since=NOON, until=UNTIL))
    assert (list(past.batches()), past.refused()) == ([], 1)


def test_the_rule_606_table_counts_what_was_sent_by_the_customers_orders_class(rows: Rows) -> None:
    worked_example(rows)
    market = rows.order("AAPL", "BUY", 100)
    rows.child(market, "AAPL", "BUY", "XNAS", 100, "100.10", "0.1")
    patient = rows.order("AAPL", "SELL", 100, limit="101")
    rows.child(patient, "AAPL", "SELL", "XNAS", 100, "101", "0.1")
    whole = rows.order("AAPL", "BUY", 100, limit="101", tif="FOK")
    rows.child(whole, "AAPL", "BUY", "XNAS", 100, "101", "0.1")
    directed = rows.order("AAPL", "BUY", 100, prefer=("EDGX",))
    rows.child(directed, "AAPL", "BUY", "EDGX", 100, "100.10", "0.1")
    found = report(rows)
    assert found.directed == 1
    edgx, xnas = found.routed
    assert list(edgx.orders.values()) == [0, 1, 0, 0]
    assert list(xnas.orders.values()) == [1, 1, 1, 1]
    assert edgx.received(OrderClass.MARKETABLE_LIMIT) == Decimal("0.12")
    assert edgx.received_per_hundred(OrderClass.MARKETABLE_LIMIT) == Decimal(24)
    assert xnas.received(OrderClass.MARKETABLE_LIMIT) == Decimal("-0.6")
    assert xnas.received_per_hundred(OrderClass.MARKETABLE_LIMIT) == Decimal(-30)
    assert xnas.received(OrderClass.MARKET) is None


def test_the_command_writes_a_table_both_csv_files_and_a_page(rows: Rows, dsn: str, tmp_path: Path) -> None:
    order_id = worked_example(rows)
    rows.order("JPM", "BUY", 100, limit="50")
    rows.order("AAPL", "BUY", 100, closed="0", status="REJECTED")
    page, sheet = tmp_path / "tca.html", tmp_path / "tca.csv"
    arguments = ["--dsn", dsn, "--since", "2027-03-01T11:59", "--until", "2027-03-01T12:10", "--by", "order"]
    result = CliRunner().invoke(command.tca, [*arguments, "--html", str(page), "--csv", str(sheet)])
    assert result.exit_code == 0, result.output
    assert "4.98" in result.output
    assert "1 orders that risk refused are left out" in result.output
    with sheet.open() as file:
        lines = {record["order"]: record for record in csv.DictReader(file)}
    assert lines[str(order_id)]["shortfall_dollars"] == "4.980000"
    assert lines[str(order_id)]["effective_spread_per_share"] == "0.012000"
    assert [record["shortfall_dollars"] for name, record in lines.items() if name != str(order_id)] == [""]
    with (tmp_path / "tca-rule606.csv").open() as file:
        assert {record["venue"] for record in csv.DictReader(file)} == {"XNAS", "EDGX"}
    text = page.read_text()
    assert str(order_id) in text
    assert text.count("data:image/svg+xml") == 4
    assert 'src="http' not in text and "<script" not in text


def test_an_empty_time_gives_an_empty_report(rows: Rows, dsn: str, tmp_path: Path) -> None:
    page = tmp_path / "tca.html"
    arguments = ["--dsn", dsn, "--since", "2027-02-01", "--until", "2027-02-02", "--html", str(page)]
    result = CliRunner().invoke(command.tca, arguments)
    assert result.exit_code == 0, result.output
    assert "Nothing was filled." in page.read_text()


def test_a_file_that_cannot_be_written_is_said_so(rows: Rows, dsn: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(command.tca, ["--dsn", dsn, "--csv", str(tmp_path / "none" / "tca.csv")])
    assert result.exit_code == 1
    assert "cannot write" in result.output


def test_a_time_that_is_none_is_refused(dsn: str) -> None:
    result = CliRunner().invoke(command.tca, ["--dsn", dsn, "--since", "yesterday"])
    assert result.exit_code == 2
    assert "expected a time such as" in result.output
    result = CliRunner().invoke(command.tca, ["--dsn", dsn, "--since", "2027-01-02", "--until", "2027-01-01"])
    assert result.exit_code == 2


def test_what_came_to_a_resting_child_long_after_its_acknowledgement_was_added(rows: Rows) -> None:
    order_id = worked_example(rows)
    rows.connection.execute("UPDATE child_orders SET acked_at = %s WHERE venue_id = 'XNAS'", (at("0.2"),))
    assert dollars(line(report(rows).orders, order_id), FEES) == Decimal("-0.52")  # -0.40 - 0.12
    rows.connection.execute(
        "UPDATE child_orders SET terms = replace(terms::text, 'FORCE_DAY', 'FORCE_IOC')::json"
        " WHERE venue_id = 'XNAS'"
    )
    assert dollars(line(report(rows).orders, order_id), FEES) == Decimal("0.48")


def test_a_report_does_not_depend_on_how_many_orders_are_read_at_a_time(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        worked_example(rows)
    at_once = report(rows)
    assert at_once.total.orders == 3
    monkeypatch.setattr(postgres_quality, "ORDERS_A_BATCH", 2)
    assert report(rows) == at_once


def test_a_scope_has_its_accounts_its_symbols_and_its_side_and_nothing_else(rows: Rows) -> None:
    kept = rows.order("AAPL", "BUY", 100)
    others = [rows.order("AAPL", "SELL", 100), rows.order("MSFT", "BUY", 100), rows.order("AAPL", "BUY", 100)]
    rows.connection.execute("UPDATE orders SET account_id = 'ACC-RET-001' WHERE order_id = %s", (others[-1],))

    def found(**wanted: object) -> set[str]:
        scope = QualityScope(since=NOON, until=UNTIL, **wanted)  # type: ignore[arg-type]
        quality = PostgresQuality(rows.connection, scope)
        ids = {order.order_id for evidence, _ in quality.batches() for order in evidence.orders}
        assert quality.orders(100) == len(ids)
        assert quality.orders(1) == min(1, len(ids))
        return ids

    everything = {str(order_id) for order_id in (kept, *others)}
    assert found() == everything
    assert found(accounts=frozenset({ACCOUNT})) == everything - {str(others[-1])}
    assert found(accounts=frozenset()) == set()
    assert found(symbols=frozenset({"MSFT"})) == {str(others[1])}
    assert found(side="SELL") == {str(others[0])}
    assert found(accounts=frozenset({ACCOUNT}), symbols=frozenset({"AAPL"}), side="BUY") == {str(kept)}


def test_what_takes_too_long_to_read_is_given_up(rows: Rows, dsn: str) -> None:
    reader = PostgresQualityReader(dsn, 0.05)
    with pytest.raises(TimeoutError), reader.evidence(QualityScope(since=NOON, until=UNTIL)) as evidence:
        evidence._connection.execute("SELECT pg_sleep(60)")


# ---- against naive routers

ASKS = {"XNAS": [("100.00", 100), ("100.05", 400)], "EDGX": [("100.01", 1_000)], "BATS": [("100.02", 1_000)]}


def two_venues(rows: Rows) -> UUID:
    """Buy 300 of AAPL: 100 at XNAS for 100.00 and 200 at EDGX for 100.01."""
    order_id = rows.order("AAPL", "BUY", 300, closed="30", filled=300, status="FILLED")
    for name, shares, px in (("XNAS", 100, "100.00"), ("EDGX", 200, "100.01")):
        child = rows.child(order_id, "AAPL", "BUY", name, shares, "100.05", "0.1")
        rows.fill(order_id, "AAPL", "BUY", name, child, shares, px, "1")
    return order_id


def saved(rows: Rows, order_id: UUID) -> list[tuple[Decimal | None, int, int]]:
    found = line(report(rows).orders, order_id)
    return [(found.sums[one].dollars, found.sums[one].missing, found.sums[one].short) for one in SAVED]


def test_what_was_saved_is_worked_out_of_the_book_that_the_audit_kept(rows: Rows) -> None:
    order_id = two_venues(rows)
    rows.route(order_id, 1, "sweep", ASKS)
    # All to XNAS: 100 as they came, 200 at 100.05, where we paid 100.01: 8, and 200 * (0.0030 - 0.0027).
    found = line(report(rows).orders, order_id).sums
    assert found[SAVED_BEST_QUOTE].dollars == Decimal(8)
    assert found[SAVED_BEST_QUOTE_ALL_IN].dollars == Decimal("8.06")
    # AAPL is listed at XNAS.
    assert (found[SAVED_LISTING].dollars, found[SAVED_LISTING_ALL_IN].dollars) == (
        Decimal(8),
        Decimal("8.06"),
    )


def test_the_naive_router_sees_what_the_order_might_have_been_sent_to(rows: Rows) -> None:
    order_id = two_venues(rows)
    asks = {**ASKS, "BATS": [("99.90", 1_000)], "ARCX": [("99.80", 1_000)], "DARK": [("99.70", 1_000)]}
    # ARCX is silent, DARK displays to nobody, BATS is open and best: 300 * 99.90 against 30,002.
    rows.route(order_id, 1, "sweep", asks)
    assert saved(rows, order_id)[0] == (Decimal("-32"), 0, 0)
    for number, barred in enumerate(
        ({"avoid": ("BATS",)}, {"closed": {"BATS": "down"}}, {"stopped": {"BATS": "KILLED"}}), start=2
    ):
        other = two_venues(rows)
        rows.route(other, 1, "sweep", asks, **barred)  # type: ignore[arg-type]
        assert saved(rows, other)[0] == (Decimal(8), 0, 0), number


def test_displayed_shares_that_our_own_orders_were_taking_are_gone_for_it_too(rows: Rows) -> None:
    order_id = two_venues(rows)
    rows.route(order_id, 1, "sweep", ASKS, taken={"XNAS": 100})
    # XNAS has 400 at 100.05 left, EDGX is best: 100 more at 100.01 than our 100.00.
    assert saved(rows, order_id)[0] == (Decimal(1), 0, 0)


def test_too_small_a_book_is_said_and_not_filled_at_the_touch(rows: Rows) -> None:
    order_id = two_venues(rows)
    rows.route(order_id, 1, "sweep", {"XNAS": [("100.00", 299)], "EDGX": [("100.01", 1_000)]})
    assert saved(rows, order_id)[0] == (None, 300, 300)
    within = two_venues(rows)
    rows.route(within, 1, "sweep", ASKS, limit="100.04")
    assert saved(rows, within)[0] == (None, 300, 300)


@pytest.mark.parametrize(
    "what",
    [{"not_traded": "HALTED"}, {"killed": "KILLED: 1"}, {"quote_age_us": 2_000_001}, {"tick_micros": None}],
)
def test_a_first_route_without_data_gives_way_to_the_next(rows: Rows, what: dict[str, Any]) -> None:
    order_id = two_venues(rows)
    rows.route(order_id, 1, "sweep", {"XNAS": [("1.00", 900)]}, **what)
    rows.connection.execute("UPDATE child_orders SET attempt = 2 WHERE order_id = %s", (order_id,))
    rows.route(order_id, 2, "sweep", ASKS)
    assert saved(rows, order_id)[0] == (Decimal(8), 0, 0)


def test_a_first_route_that_is_no_more_kept_is_missing_and_no_later_one_stands_in(rows: Rows) -> None:
    order_id = two_venues(rows)
    book_id = rows.route(order_id, 1, "sweep", ASKS)
    rows.route(order_id, 2, "sweep", ASKS)
    assert saved(rows, order_id)[0] == (Decimal(8), 0, 0)
    rows.connection.execute("DELETE FROM route_books WHERE book_id = %s", (book_id,))
    assert saved(rows, order_id) == [(None, 300, 0)] * 4


def test_the_command_says_what_was_saved_and_what_is_left_out(rows: Rows, dsn: str) -> None:
    rows.route(two_venues(rows), 1, "sweep", ASKS)
    two_venues(rows)
    arguments = ["--dsn", dsn, "--since", "2027-03-01T11:59", "--until", "2027-03-01T12:10"]
    said = CliRunner().invoke(command.tca, arguments).output
    assert "against all to the best quote: 2.67 bps saved by price, 2.69 with fees; 1 orders" in said
    assert "left out: 0 shares of which too little was displayed there, 300 of which nothing" in said
