"""The simulators as processes: quotes over gRPC and Kafka, orders over FIX, and what a kill -9 leaves."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_platform.kafka.consumers import TailReader
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics
from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from oms_platform.schema.demo_data import INSTRUMENTS, UNUSUAL
from oms_platform.wire import Topic
from oms_tools.laptop.parts import wait_until
from proto.gen.oms.v1 import GetBookRequest, GetQuoteRequest, MarketDataServiceStub, SubscribeQuotesRequest
from tests.integration.fix_counterparty import Counterparty, Fields
from tests.ports import free_port
from tests.unit.oms_platform.generated_quotes import quote_from_wire

Environment = dict[str, str]

SYMBOLS = {symbol for symbol, _, _ in (*INSTRUMENTS, *UNUSUAL)}


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


@contextmanager
def simulator(
    module: str, environment: Environment, health_port: int, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a simulator until the block ends; a SIGTERM must end it with code 0."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: is_ready(health_port), f"{module} ({log})")
        yield process
        if process.poll() is None:
            process.terminate()
            assert process.wait(20) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)


@pytest.fixture
def market(dsn: str, tmp_path: Path, cleanup: ExitStack) -> Environment:
    """The environment of a running market data simulator."""
    environment = {
        "OMS_POSTGRES_DSN": dsn,
        "OMS_MARKET_DATA_PORT": str(free_port()),
        "OMS_MARKETDATA_SIM_HEALTH_PORT": str(free_port()),
    }
    environment["OMS_MARKETDATA_SIM_GRPC_PORT"] = environment["OMS_MARKET_DATA_PORT"]
    health_port = int(environment["OMS_MARKETDATA_SIM_HEALTH_PORT"])
    cleanup.enter_context(
        simulator("simulators.market_data", environment, health_port, tmp_path / "market_data.log")
    )
    return environment


@pytest.fixture
def start_broker(
    market: Environment, tmp_path: Path, cleanup: ExitStack
) -> Callable[..., subprocess.Popen[bytes]]:
    """A function that starts the broker simulator on always the same data and ports."""
    environment = market | {
        "OMS_BROKER_SIM_FIX_PORT": str(free_port()),
        "OMS_BROKER_SIM_HEALTH_PORT": str(free_port()),
        "OMS_BROKER_SIM_DATA": str(tmp_path / "broker"),
    }
    market.update(environment)

    def start(**more: str) -> subprocess.Popen[bytes]:
        health_port = int(environment["OMS_BROKER_SIM_HEALTH_PORT"])
        return cleanup.enter_context(
            simulator("simulators.broker", environment | more, health_port, tmp_path / "broker.log")
        )

    return start


@pytest.fixture
def counterparty(market: Environment, tmp_path: Path, cleanup: ExitStack) -> Callable[[], Counterparty]:
    """A function that logs a counterparty on."""

    def log_on() -> Counterparty:
        other = Counterparty(int(market["OMS_BROKER_SIM_FIX_PORT"]), tmp_path / "counterparty")
        other.start()
        cleanup.callback(other.stop)
        return other

    return log_on


def live_quote(market: Environment, cleanup: ExitStack, symbol: str = "AAPL") -> Callable[[], Quote]:
    feed = QuoteFeed("127.0.0.1", int(market["OMS_MARKET_DATA_PORT"]))
    feed.start()
    cleanup.callback(feed.stop)
    wait_until(lambda: feed.quote(symbol) is not None, "a quote")

    def newest() -> Quote:
        quote = feed.quote(symbol)
        assert quote is not None
        return quote

    return newest


def is_type(exec_type: str) -> Callable[[Fields], bool]:
    return lambda fields: fields.get("150") == exec_type


def journal_reports(market: Environment) -> list[dict[str, object]]:
    lines = (Path(market["OMS_BROKER_SIM_DATA"]) / "journal.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["record"] == "report"]


# ---- market data


def test_quotes_are_served_over_grpc(market: Environment) -> None:
    async def ask() -> None:
        channel = Channel("127.0.0.1", int(market["OMS_MARKET_DATA_PORT"]))
        try:
            stub = MarketDataServiceStub(channel)
            best = quote_from_wire(await stub.get_quote(GetQuoteRequest(symbol="AAPL")))
            book = quote_from_wire(await stub.get_book(GetBookRequest(symbol="AAPL")))
            assert [len(venue.bid_prices) for venue in best.venues] == [1, 1, 1, 1, 1, 0]
            assert [len(venue.ask_prices) for venue in book.venues] == [5, 5, 5, 5, 5, 0]
            with pytest.raises(GRPCError) as unknown:
                await stub.get_quote(GetQuoteRequest(symbol="XXXX"))
            assert unknown.value.status is Status.NOT_FOUND
            sequences: dict[str, list[int]] = {}
            async for wire in stub.subscribe_quotes(SubscribeQuotesRequest()):
                sequences.setdefault(wire.symbol, []).append(wire.sequence)
                if min(map(len, sequences.values())) >= 3 and len(sequences) == len(SYMBOLS):
                    break
            assert all(found == sorted(set(found)) for found in sequences.values())
        finally:
            channel.close()

    asyncio.run(asyncio.wait_for(ask(), 30))
    shown = metrics(int(market["OMS_MARKETDATA_SIM_HEALTH_PORT"]))
    assert "oms_marketdata_updates_total" in shown and "oms_marketdata_encode_seconds_count" in shown


def test_quotes_reach_kafka_about_once_a_second_a_symbol(
    dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    ensure_topics(memory_kafka)
    reader = TailReader(memory_kafka, Topic.QUOTES)
    port = free_port()
    environment = {
        "OMS_POSTGRES_DSN": dsn,
        "OMS_KAFKA_BOOTSTRAP": memory_kafka.bootstrap,
        "OMS_MARKETDATA_SIM_GRPC_PORT": str(free_port()),
        "OMS_MARKETDATA_SIM_HEALTH_PORT": str(port),
    }
    found: list[Quote] = []

    def two_of_each() -> bool:
        found.extend(record.message for record in reader.poll() if isinstance(record.message, Quote))
        symbols = [quote.symbol for quote in found]
        return set(symbols) == SYMBOLS and all(symbols.count(symbol) >= 2 for symbol in set(symbols))

    with simulator("simulators.market_data", environment, port, tmp_path / "kafka_quotes.log"):
        wait_until(two_of_each, "quotes in Kafka")
    reader.close()
    assert {quote.sequence % 4 for quote in found} == {0}


def test_quotes_go_on_while_kafka_is_away(dsn: str, tmp_path: Path, cleanup: ExitStack) -> None:
    health_port, grpc_port = free_port(), free_port()
    environment = {
        "OMS_POSTGRES_DSN": dsn,
        "OMS_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",
        "OMS_MARKETDATA_SIM_GRPC_PORT": str(grpc_port),
        "OMS_MARKETDATA_SIM_HEALTH_PORT": str(health_port),
    }
    with simulator("simulators.market_data", environment, health_port, tmp_path / "no_kafka.log"):
        newest = live_quote({"OMS_MARKET_DATA_PORT": str(grpc_port)}, cleanup)
        wait_until(lambda: newest().sequence > 8, "more quotes")
        name = "oms_marketdata_kafka_dropped_total "
        dropped = [line for line in metrics(health_port).splitlines() if line.startswith(name)]
        assert float(dropped[0].removeprefix(name)) > 0
        cleanup.close()


def test_start_waits_for_the_database_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "OMS_POSTGRES_DSN": f"postgresql://postgres@127.0.0.1:{free_port()}/oms",
        "OMS_MARKETDATA_SIM_GRPC_PORT": str(free_port()),
        "OMS_MARKETDATA_SIM_HEALTH_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-m", "simulators.market_data"], env=environment)
    try:

        def is_live() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        wait_until(is_live, "life")
        assert not is_ready(port)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


# ---- broker


def test_orders_are_filled_rested_canceled_and_refused_over_fix(
    market: Environment,
    start_broker: Callable[..., subprocess.Popen[bytes]],
    counterparty: Callable[[], Counterparty],
    cleanup: ExitStack,
) -> None:
    start_broker()
    other = counterparty()
    offer = live_quote(market, cleanup)().national_best_offer
    assert offer is not None

    other.send_order("XNAS", "take", 100, offer + Decimal("0.50"), tif=3)
    trade = other.wait_for("take", is_type("F"))
    assert (trade["39"], trade["14"], trade["151"], trade["49"]) == ("2", "100", "0", "XNAS")
    assert [fields["150"] for fields in other.reports("take")] == ["0", "F"]

    other.send_order("XNYS", "rest", 100, offer - Decimal("20"), tif=1)
    assert other.wait_for("rest", is_type("0"))["39"] == "0"
    other.send("H", "XNYS", "11=rest|55=AAPL|54=1")
    assert other.wait_for("rest", is_type("I"))["39"] == "0"
    other.send("F", "XNYS", "11=undo|41=rest|55=AAPL|54=1|38=100")
    assert other.wait_for("undo", is_type("4"))["41"] == "rest"

    other.send("G", "XNYS", "11=more|41=rest|21=1|55=AAPL|54=1|38=200|40=2|44=1.00")
    late = other.wait_for("more", lambda fields: fields["35"] == "9")
    assert (late["102"], late["434"], late["39"]) == ("0", "2", "4")
    other.send("F", "ARCX", "11=none|41=nothing|55=AAPL|54=1|38=100")
    unknown = other.wait_for("none", lambda fields: fields["35"] == "9")
    assert (unknown["102"], unknown["37"], unknown["39"]) == ("1", "NONE", "8")
    other.send("H", "ARCX", "11=nothing|55=AAPL|54=1")
    status = other.wait_for("nothing", is_type("I"))
    assert (status["39"], status["37"], status["103"], status["58"]) == ("8", "NONE", "5", "Unknown order")

    other.send_order("BATS", "off", 100, "100.001")
    assert other.wait_for("off", is_type("8"))["39"] == "8"
    other.send("Q", "BATS", "37=1|17=1|127=A|55=AAPL|54=1")
    wait_until(lambda: any(fields["35"] == "j" for fields in other.received), "a business reject")

    shown = metrics(int(market["OMS_BROKER_SIM_HEALTH_PORT"]))
    assert 'oms_broker_orders_total{venue="XNAS"} 1.0' in shown
    assert 'oms_broker_reports_total{type="REJECTED",venue="BATS"} 1.0' in shown
    assert "oms_broker_sessions_logged_on 6.0" in shown
    assert [line["exec_type"] for line in journal_reports(market)] == [
        "NEW",
        "TRADE",
        "NEW",
        "CANCELED",
        "REJECTED",
    ]


def test_resting_order_comes_alive_and_dark_orders_trade_at_the_middle(
    market: Environment,
    start_broker: Callable[..., subprocess.Popen[bytes]],
    counterparty: Callable[[], Counterparty],
    cleanup: ExitStack,
) -> None:
    start_broker(OMS_BROKER_SIM_TOUCH_FILL_PROBABILITY="1.0", OMS_BROKER_SIM_HIDDEN_PROBABILITY="1.0")
    other = counterparty()
    offer = live_quote(market, cleanup)().national_best_offer
    assert offer is not None
    other.send_order("EDGX", "touch", 100, offer - Decimal("0.02"))
    other.send_order("DARK", "dark", 100, offer + Decimal("0.50"))
    assert other.wait_for("touch", is_type("F"))["39"] in ("1", "2")
    dark = other.wait_for("dark", is_type("F"))
    assert abs(Decimal(dark["31"]) - offer) < Decimal("1")


def test_slow_venue_reports_pending_states_and_decides_later(
    start_broker: Callable[..., subprocess.Popen[bytes]], counterparty: Callable[[], Counterparty]
) -> None:
    start_broker(OMS_BROKER_SIM_LATENCY_US="XNYS=20000", OMS_BROKER_SIM_PENDING_US="20000")
    other = counterparty()
    other.send_order("XNYS", "slow", 100, "100.00")
    other.send("F", "XNYS", "11=undo|41=slow|55=AAPL|54=1|38=100")
    assert other.wait_for("undo", is_type("4"))["39"] == "4"
    assert [fields["150"] for fields in other.reports("undo")] == ["6", "4"]


def test_killed_broker_comes_back_with_its_orders_and_resends_what_was_missed(
    market: Environment,
    start_broker: Callable[..., subprocess.Popen[bytes]],
    counterparty: Callable[[], Counterparty],
) -> None:
    process = start_broker()
    other = counterparty()
    sent = [f"order{number}" for number in range(300)]
    for cl_ord_id in sent:
        other.send_order("XNYS", cl_ord_id, 100, "100.00", tif=1)
    other.wait_for(sent[20], is_type("0"))
    process.kill()
    process.wait(10)
    other.wait_for_logout()
    mark = Path(market["OMS_BROKER_SIM_DATA"]) / "journal.sent"
    mark.write_bytes(b"%020d" % max(0, int(mark.read_bytes()) - 10))

    start_broker()
    other.wait_for_logon()
    for cl_ord_id in sent:
        other.send("H", "XNYS", f"11={cl_ord_id}|55=AAPL|54=1")
    for cl_ord_id in sent:
        if other.wait_for(cl_ord_id, is_type("I"))["39"] == "8":
            other.send_order("XNYS", cl_ord_id, 100, "100.00", tif=1)
    for cl_ord_id in sent:
        other.wait_for(cl_ord_id, is_type("0"))
    assert any(fields.get("97") == "Y" for fields in other.received)

    acks: dict[str, set[str]] = {}
    for fields in other.received:
        if fields.get("150") == "0":
            acks.setdefault(fields["11"], set()).add(fields["17"])
    assert set(acks) == set(sent)
    assert all(len(exec_ids) == 1 for exec_ids in acks.values()), "an order was taken twice"
    exec_ids = [line["exec_id"] for line in journal_reports(market)]
    assert len(exec_ids) == len(set(exec_ids)) == len(sent)
    assert {exec_id for ids in acks.values() for exec_id in ids} == set(exec_ids)


def test_broker_keeps_its_sessions_and_orders_over_a_clean_stop(
    start_broker: Callable[..., subprocess.Popen[bytes]], counterparty: Callable[[], Counterparty]
) -> None:
    process = start_broker()
    other = counterparty()
    other.send_order("XNYS", "keep", 100, "100.00", tif=1)
    other.wait_for("keep", is_type("0"))
    process.terminate()
    assert process.wait(20) == 0
    other.wait_for_logout()
    start_broker()
    other.wait_for_logon()
    other.send("F", "XNYS", "11=undo|41=keep|55=AAPL|54=1|38=100")
    assert other.wait_for("undo", is_type("4"))["39"] == "4"
