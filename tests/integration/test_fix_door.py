"""The FIX door on a real gateway, Postgres, Redis and Kafka, by clients on raw sockets."""

import random
import signal
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.fix.schedule import DAYS, Schedule
from oms_platform.fix_client_rows import set_client, set_enabled
from oms_platform.kafka.settings import KafkaSettings
from oms_tools.laptop.parts import memory_kafka_part, postgres_dsn
from tests.conftest import database_folder, running
from tests.faults.certificates import issue
from tests.integration.api_rig import Gateway, gateway, wait_for
from tests.integration.fix_rig import Client, Core, Desk, add, settings_of, tried
from tests.ports import free_port
from tests.raw_fix import stamp

FUZZ_MESSAGES = 150
FUZZ_BODIES = {
    b"D": b"11=f%d|21=1|55=AAPL|54=1|38=100|40=2|44=1.00|59=1|60=%s|",
    b"F": b"11=c%d|41=f1|55=AAPL|54=1|38=100|60=%s|",
    b"G": b"11=r%d|41=f1|55=AAPL|54=1|38=200|40=2|44=1.01|60=%s|",
    b"H": b"11=f%d|55=AAPL|54=1|790=%s|",
    b"AF": b"584=m%d|585=7|58=%s|",
    b"A": b"98=0|108=%d|58=%s|",
    b"4": b"36=%d|123=Y|58=%s|",
    b"2": b"7=%d|16=0|58=%s|",
    b"q": b"11=m%d|530=7|60=%s|",
}
FUZZ_SPLICES = [
    *(b"|", b"=", b"\x00", b"\xff", b"\xc3", b"|38=9|", b"|354=5|355=ab|cd|", b"|354=99|355=a|"),
    *(b"|453=2|448=a|447=D|452=1|", b"|58=|", b"|5001=x|", b"|43=Y|", b"|97=Y|", b"|141=Y|", b"|10=000|"),
    *(
        b"8=FIX.4.4|9=5|",
        b"9" * 5_000,
        b"1e999999999",
        b"-0",
        b"NaN",
        b"|1=ACC-HF-001|",
        b"|34=1|",
        b"|9501=%|",
    ),
]


DESKS_MAX = 40
numbers = count(1)


@pytest.fixture(scope="module")
def shared(postgres_port: int, redis_port: int) -> Iterator[tuple[Gateway, int, Core]]:
    """One gateway for the tests that leave it as it is, with accounts for a desk each."""
    kafka_port, fix_port, name = free_port(), free_port(), "oms_fix_door"
    dsn, kafka = postgres_dsn(postgres_port, name), f"127.0.0.1:{kafka_port}"
    with ExitStack() as parts:
        folder = parts.enter_context(database_folder())
        parts.enter_context(running(memory_kafka_part(kafka_port), folder / "kafka.log"))
        with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
            parts.callback(drop_database, postgres_port, name)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO accounts (account_id, name, kind)"
                " SELECT format('ACC-T-%%s-%%s', n, part), 'Test', 'INSTITUTION'"
                " FROM generate_series(1, %s) n, generate_series(1, 3) part",
                (DESKS_MAX,),
            )
        settings = {"OMS_API_FIX_PORT": str(fix_port)}
        api = parts.enter_context(gateway(folder, dsn, kafka, redis_port, **settings))
        yield api, fix_port, Core(dsn, KafkaSettings(bootstrap=kafka))


def drop_database(port: int, name: str) -> None:
    with psycopg.connect(postgres_dsn(port, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def desk(shared: tuple[Gateway, int, Core]) -> Desk:
    made = Desk(*shared, next(numbers))
    made.open()
    return made


@pytest.fixture
def core(dsn: str, memory_kafka: KafkaSettings) -> Core:
    """Core at a gateway of a test's own."""
    return Core(dsn, memory_kafka)


def placed(client: Client, cl_ord_id: str, more: str = "") -> str:
    """Place an order. Returns its OrderID."""
    client.order(cl_ord_id, more)
    return client.report(t35="8", t150="A", t39="A", t11=cl_ord_id)["37"]


# ---- logons


def test_whoever_is_not_right_in_everything_is_closed_without_a_word(desk: Desk) -> None:
    named = 'oms_api_fix_logons_total{outcome="unknown or wrong credentials"}'
    before, fund = desk.api.metric(named), desk.comp_id("FUND")
    for comp_id, username, password in (
        (fund, "fund", "wrong-horse-battery"),
        (fund, "other", "correct-horse-battery"),
        ("NOBODY", "fund", "correct-horse-battery"),
    ):
        assert tried(desk.port, comp_id, 1, username=username, password=password) is None
    for first in (b"GET / HTTP/1.1\r\n\r\n", b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01", b"x" * 9_000):
        client = Client(desk.port, fund)
        client.send_raw(first)
        client.socket.shutdown(1)
        assert client.is_closed(5)
    assert desk.api.metric(named) - before == 3
    on = desk.enter()
    assert desk.tried(2) is None
    assert placed(on, "goes-on")


def test_no_other_gateway_takes_a_session_that_is_logged_on(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    add(dsn)
    ports, kafka = (free_port(), free_port()), memory_kafka.bootstrap
    with ExitStack() as gateways:
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir()
            gateways.enter_context(gateway(folder, dsn, kafka, redis_port, OMS_API_FIX_PORT=str(port)))
        client = tried(ports[0], "FUND", 1)
        assert client is not None
        assert tried(ports[1], "FUND", 2) is None
        client.send("5")
        assert client.is_closed()
        again = wait_for(lambda: tried(ports[1], "FUND", client.next_out), "the session, at the other one")
        assert placed(again, "elsewhere")


def test_session_that_an_operator_disables_is_logged_out(desk: Desk) -> None:
    client = desk.enter()
    with psycopg.connect(desk.api.dsn, autocommit=True) as connection:
        set_enabled(connection, desk.comp_id("FUND"), False, "test")
    assert client.read_until("5")["58"] == b"the session's settings have changed"


# ---- orders


def test_order_is_acknowledged_when_it_is_durable_and_reported_to_its_end(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "whole")
    shown = desk.shown(order_id)
    assert (shown["channel"], shown["principal"]) == ("FIX", f"fix:{desk.comp_id('FUND')}")
    assert shown["clientOrderId"] == "whole"
    assert (shown["quantity"], shown["limitPrice"]) == (100, "187.21")
    desk.core.accepts(order_id)
    client.report(t150="0", t39="0", t151="100", t1=desk.account, t44="187.21", t59="0")
    desk.core.trades(order_id, 40, 40, "E1")
    part = client.report(t150="F", t39="1", t32="40", t31="100", t14="40", t151="60", t6="100", t30="XNYS")
    desk.core.trades(order_id, 60, 100, "E2")
    full = client.report(t150="F", t39="2", t14="100", t151="0")
    assert len({part["17"], full["17"]}) == 2


def test_short_sale_with_its_locate_is_taken_and_what_comes_back_is_fix_44(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "short", "54=5|5700=LOC 7|114=N|38=900|111=300|18=6|528=P")
    shown = desk.shown(order_id)
    assert (shown["side"], shown["locateId"], shown["displayQty"]) == ("SELL_SHORT", "LOC 7", 300)
    desk.core.accepts(order_id)
    report = client.report(t150="0", t54="5", t111="300", t18="6", t528="P")
    assert "5700" not in report


def test_a_pegged_order_is_taken_changed_and_told_in_fix_44(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "pegged", "54=1|40=P|38=900|44=187.21|18=R 6|211=-0.02|835=0|836=0")
    shown = desk.shown(order_id)
    assert (shown["orderType"], shown["postOnly"], shown["limitPrice"]) == ("PEGGED", True, "187.21")
    assert shown["peg"] == {"type": "PRIMARY", "offset": "-0.02"}
    desk.core.accepts(order_id)
    client.report(t150="0", t40="P", t18="6 R", t211="-0.02", t44="187.21")


def test_bust_names_the_trade_that_it_takes_back(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "busted")
    desk.core.trades(order_id, 40, 40, "E1")
    trade = client.report(t150="F")
    desk.core.busts(order_id, "E1")
    assert client.report(t150="H", t14="0", t151="100")["19"] == trade["17"]


def test_refusals_have_the_words_of_rest(desk: Desk) -> None:
    client = desk.enter()
    for more, reason, words in (
        ("55=NOPE|", "1", 'INVALID_REQUEST: symbol=unknown symbol "NOPE"'),
        ("1=ACC-HF-001|", "15", 'INVALID_REQUEST: accountId=unknown account "ACC-HF-001"'),
        ("1=ACC-NONE|", "15", 'INVALID_REQUEST: accountId=unknown account "ACC-NONE"'),
        ("38=1.5|", "13", "INVALID_REQUEST: quantity=must be a whole number of shares above 0"),
        ("38=|", "13", "INVALID_REQUEST: quantity=is required"),
        ("54=8|", "11", "INVALID_REQUEST: side=must be one of BUY, SELL, SELL_SHORT, SELL_SHORT_EXEMPT"),
        ("40=K|", "11", "INVALID_REQUEST: orderType=must be one of MARKET, LIMIT, STOP, STOP_LIMIT, PEGGED"),
        ("40=3|99=187.21|", "99", "INVALID_REQUEST: limitPrice=must be left out of a STOP order"),
        ("44=187.215|", "99", "INVALID_REQUEST: limitPrice=must be a multiple of the tick size"),
        ("9501=nowhere|", "99", "INVALID_REQUEST: routing.profile=unknown routing profile"),
    ):
        client.order("wrong", more)
        said = client.report(t35="8", t150="8", t39="8", t37="NONE", t11="wrong", t103=reason)
        assert said["58"].startswith(words), said
    order_id = placed(client, "denied", "9501=staged|9502=EDGX DARK|44=00187.21|38=0100.0|21=1|")
    shown = desk.shown(order_id)
    assert shown["routing"] == {"profile": "staged", "avoid": ["DARK", "EDGX"]}
    desk.core.denies(order_id, "BUYING_POWER_EXCEEDED: needed=1, left=0")
    client.report(t150="8", t39="8", t103="3", t58="BUYING_POWER_EXCEEDED: needed=1, left=0")
    client.order("dictionary", "5999=x|")
    assert client.read_until("3")["373"] == b"0"
    client.send("E", b"66=L|394=3|68=0|")
    assert client.read()["35"] in b"3j"


def test_clordid_makes_one_order_whoever_says_it_again(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "once")
    client.order("once")
    client.report(t150="8", t39="A", t103="6", t37=order_id)
    client.order("once", "38=200|")
    client.report(t150="8", t39="A", t103="6", t37=order_id, t38="100")
    client.order("once", header=b"97=Y|")
    client.report(t150="I", t39="A", t37=order_id)
    assert desk.shown(order_id)["clientOrderId"] == "once"


def test_session_of_two_accounts_must_name_one(desk: Desk) -> None:
    client = desk.enter("TWO")
    client.order("nameless")
    assert client.report(t150="8")["58"] == "INVALID_REQUEST: accountId=is required"
    placed(client, "named", f"1={desk.accounts('TWO')[1]}|")


# ---- cancels and questions


def test_cancel_is_pending_then_done_under_its_own_clordid(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    client.cancel("Y", "X")
    wait_for(lambda: _cancels(desk, order_id) == 1, "the cancel")
    desk.core.takes_cancel(order_id)
    client.report(t35="8", t150="6", t39="6", t11="Y", t41="X")
    client.cancel("Z", "X")
    client.report(t35="9", t11="Z", t41="X", t39="6", t434="1", t102="3")
    client.cancel("Y", "X", header=b"97=Y|")
    client.report(t35="8", t150="I", t39="6", t11="Y")
    desk.core.cancels(order_id)
    client.report(t35="8", t150="4", t39="4", t11="Y", t41="X", t151="0")
    client.cancel("W", "X")
    client.report(t35="9", t11="W", t39="4", t102="0")
    assert _cancels(desk, order_id) == 1


def test_cancel_that_a_venue_refuses_is_a_cancel_reject(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    client.cancel("Y", "X")
    wait_for(lambda: _cancels(desk, order_id) == 1, "the cancel")
    request = desk.core.takes_cancel(order_id)
    client.report(t150="6")
    desk.core.keeps(order_id, request, "venues keep 100 at XNYS")
    client.report(t35="9", t11="Y", t41="X", t39="0", t434="1", t58="venues keep 100 at XNYS")


def test_requests_that_come_together_are_done_together_and_each_once(desk: Desk) -> None:
    client = desk.enter()
    names = [f"T{number}" for number in range(30)]
    for name in (*names, "T0"):
        client.order(name)
    said = [client.report() for _ in range(31)]
    assert [one["150"] for one in said] == ["A"] * 30 + ["8"]
    for name in (*names, *names):
        client.cancel(f"C{client.next_out}", name)
    orders = {one["11"]: one["37"] for one in said[:30]}
    rejects = [client.report(t35="9", t102="3") for _ in names]
    assert sorted(one["37"] for one in rejects) == sorted(orders.values())
    assert [_cancels(desk, order_id) for order_id in orders.values()] == [1] * 30


def test_foreign_and_unknown_orders_look_the_same(desk: Desk) -> None:
    placed(desk.enter("TWO"), "theirs", f"1={desk.accounts('TWO')[0]}|")
    client = desk.enter()
    for orig in ("theirs", "nobodys"):
        client.cancel("Y", orig)
        client.report(t35="9", t37="NONE", t39="8", t102="1", t434="1", t58="unknown order")
        client.cancel("Y", orig, "21=1|40=2|", kind="G")
        client.report(t35="9", t37="NONE", t39="8", t102="1", t434="2", t58="unknown order")
        client.send("H", f"11={orig}|55=AAPL|54=1|790=ask|".encode())
        client.report(t35="8", t37="NONE", t150="I", t39="8", t11=orig, t103="5", t790="ask")


def test_questions_are_answered(desk: Desk) -> None:
    client = desk.enter()
    client.send("AF", b"584=none|585=7|")
    client.report(t150="I", t39="8", t584="none", t911="0", t912="Y", t58="no open order")
    first, second = placed(client, "A"), placed(client, "B")
    desk.core.accepts(first)
    client.report(t150="0")
    client.send("H", b"11=B|55=AAPL|54=1|790=q|")
    client.report(t150="I", t39="A", t37=second, t17="0", t790="q", t151="100")
    client.send("AF", b"584=all|585=7|")
    client.report(t150="I", t39="0", t37=first, t584="all", t911="2", t912="N")
    client.report(t150="I", t39="A", t37=second, t584="all", t911="2", t912="Y")


def test_replace_is_pending_then_done_and_the_order_goes_by_its_clordid(desk: Desk) -> None:
    client, copy = desk.enter(), desk.enter("COPY")
    order_id = placed(client, "X")
    desk.core.accepts(order_id)
    client.report(t150="0", t11="X")
    client.replace("R", "X", 200, "188.00")
    wait_for(lambda: _requests(desk, order_id, "REPLACE") == 1, "the replace")
    request = desk.core.takes_replace(order_id)
    client.report(t35="8", t150="E", t39="E", t11="R", t41="X", t38="100", t44="187.21")
    client.replace("R2", "X", 300)
    client.report(t35="9", t11="R2", t41="X", t39="E", t434="2", t102="3")
    client.replace("R", "X", 200, "188.00", header=b"97=Y|")
    client.report(t35="8", t150="I", t39="E", t11="R")
    client.replace("R", "X", 200, "188.00")
    client.report(t35="9", t11="R", t434="2", t102="6")
    client.replace("R", "X", 201, "188.00")
    client.report(t35="9", t11="R", t434="2", t102="6")
    desk.core.replaces(order_id, request)
    client.report(t35="8", t150="5", t39="0", t11="R", t41="X", t38="200", t44="188", t151="200")
    desk.core.trades(order_id, 40, 40, "E1", of=200)
    client.report(t150="F", t11="R", t38="200", t151="160")
    client.order("R")
    client.report(t35="8", t150="8", t103="6", t37=order_id)
    client.send("AF", b"584=all|585=7|")
    client.report(t150="I", t11="R", t37=order_id)
    client.cancel("Y", "R")
    wait_for(lambda: _cancels(desk, order_id) == 1, "the cancel")
    desk.core.takes_cancel(order_id)
    client.report(t35="8", t150="6", t11="Y", t41="R")
    copied = [copy.report() for _ in range(5)]
    assert [(one["150"], one["11"]) for one in copied] == [
        ("0", "X"), ("E", "R"), ("5", "R"), ("F", "R"), ("6", "Y"),
    ]  # fmt: skip
    assert _requests(desk, order_id, "REPLACE") == 1


def test_replace_that_changes_what_cannot_be_or_too_late_changes_nothing(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    for more, said in (
        ("55=MSFT|", "Symbol (55) must be the order's AAPL, was MSFT"),
        ("54=2|", "Side (54) must be the order's BUY, was SELL"),
        ("40=1|44=|", "OrdType (40) must be the order's LIMIT, was MARKET"),
        ("38=1.5|", 'INVALID_REQUEST: quantity=must be a whole number of shares above 0, was "1.5"'),
    ):
        client.replace("R", "X", 200, more=more)
        client.report(t35="9", t11="R", t434="2", t102="99", t58=said)
    desk.core.denies(order_id, "ORDER_STALE: age=9")
    client.report(t150="8")
    client.replace("R", "X", 200)
    client.report(t35="9", t11="R", t39="8", t434="2", t102="0")
    assert _requests(desk, order_id, "REPLACE") == 0


def test_replace_that_core_rejects_is_a_cancel_reject(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    client.replace("R", "X", 200)
    wait_for(lambda: _requests(desk, order_id, "REPLACE") == 1, "the replace")
    desk.core.rejects_replace(order_id, "ORDER_QTY_EXCEEDS_MAX: qty=200")
    client.report(t35="9", t11="R", t41="X", t434="2", t102="99", t58="ORDER_QTY_EXCEEDS_MAX: qty=200")


def _cancels(desk: Desk, order_id: str) -> int:
    return _requests(desk, order_id, "CANCEL")


def _requests(desk: Desk, order_id: str, kind: str) -> int:
    with psycopg.connect(desk.api.dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM order_requests WHERE order_id = %s AND kind = %s", (order_id, kind)
        ).fetchone()
    return int(row[0]) if row else 0


# ---- drop copy


def test_drop_copy_sees_every_order_of_its_accounts_and_sends_nothing(desk: Desk) -> None:
    copy, client = desk.enter("COPY"), desk.enter()
    order_id = desk.place_by_rest("by-rest")
    desk.core.accepts(order_id)
    copy.report(t35="8", t150="0", t37=order_id, t11="by-rest", t1=desk.account, t797="Y")
    desk.core.trades(order_id, 100, 100, "E1")
    copy.report(t35="8", t150="F", t39="2", t37=order_id)
    own = placed(client, "by-fix")
    desk.core.accepts(own)
    assert client.report(t150="0", t37=own)["17"] == copy.report(t150="0", t37=own)["17"]
    copy.order("never")
    copy.report(t35="j", t372="D", t380="6")


def test_drop_copy_of_a_firm_follows_the_accounts_that_it_has_and_misses_nothing(desk: Desk) -> None:
    house, name = desk.comp_id("HOUSE"), f"FIRM-{desk.number}"

    def join(account: str) -> None:
        with psycopg.connect(desk.api.dsn, autocommit=True) as connection:
            connection.execute("UPDATE accounts SET firm_id = %s WHERE account_id = %s", (name, account))

    join(desk.account)
    add(desk.api.dsn, house, firm=name, kind="DROP_COPY", rights=("READ",))
    copy, client = desk.enter("HOUSE"), desk.enter("TWO")
    order_id = desk.place_by_rest("house")
    desk.core.accepts(order_id)
    copy.report(t35="8", t150="0", t37=order_id, t1=desk.account, t797="Y")
    joins = desk.accounts("TWO")[0]
    own = placed(client, "joins", f"1={joins}|")
    desk.core.accepts(own)
    client.report(t150="0", t37=own)
    desk.core.trades(order_id, 100, 100, "E1")
    copy.report(t150="F", t37=order_id)
    join(joins)
    assert copy.read_until("5")["58"] == b"the session's settings have changed"
    copy.close()
    again = desk.enter_again(copy.next_out, "HOUSE")
    again.report(t150="0", t37=own, t1=joins, t797="Y")


# ---- bad input


def test_any_bytes_are_answered_or_end_their_own_connection(desk: Desk) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    draw = random.Random(seed)
    other = desk.enter("TWO")
    client = desk.enter()
    for number in range(FUZZ_MESSAGES):
        raw = bytearray(FUZZ_BODIES[draw.choice(sorted(FUZZ_BODIES))] % (number, stamp().encode()))
        kind = draw.choice(sorted(FUZZ_BODIES))
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(raw) + 1)
            raw[place : place + draw.randint(0, 8)] = draw.choice(FUZZ_SPLICES)
        try:
            if draw.random() < 0.1:
                client.send_raw(bytes(raw))
            else:
                client.send(kind.decode(), bytes(raw).rstrip(b"|") + b"|")
            if draw.random() < 0.1:
                client.send("1", b"112=there|")
                while client.read(1)["35"] not in (b"0", b"5"):
                    pass
        except (OSError, EOFError, ValueError, KeyError):
            client.close()
            client = desk.enter_again(1, reset=True)
    client.close()
    assert desk.api.metric("oms_api_fix_failures_total") == 0
    placed(other, "unaffected", f"1={desk.accounts('TWO')[0]}|")
    placed(desk.enter_again(1, reset=True), "after")


# ---- what survives


def test_reports_that_were_missed_come_once_by_number_after_the_connection_is_lost(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    desk.core.accepts(order_id)
    seen = int(client.report(t150="0")["34"])
    client.close()
    desk.core.trades(order_id, 40, 40, "E1")
    desk.core.trades(order_id, 60, 100, "E2")
    again = desk.enter_again(client.next_out)
    first, second = again.report(t150="F", t14="40"), again.report(t150="F", t14="100")
    assert [int(first["34"]), int(second["34"])] == [seen + 2, seen + 3]
    again.send("2", b"7=2|16=0|")
    resent = [again.report() for _ in range(4)]
    assert [message["150"] for message in resent] == ["A", "0", "F", "F"]
    assert {message["43"] for message in resent} == {"Y"}
    assert [message["17"] for message in resent[2:]] == [first["17"], second["17"]]
    assert all(message["122"] <= message["52"] for message in resent)
    assert resent[2]["122"] == first["52"]


@pytest.mark.parametrize("answer_is_stored", [False, True])
def test_nothing_is_lost_or_doubled_when_the_gateway_is_killed_between_commit_and_report(
    tmp_path: Path,
    dsn: str,
    redis_port: int,
    memory_kafka: KafkaSettings,
    core: Core,
    answer_is_stored: bool,
) -> None:
    add(dsn)
    port = free_port()
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, OMS_API_FIX_PORT=str(port)) as api:
        client = tried(port, "FUND", 1)
        assert client is not None
        first = placed(client, "before")
        # The numbers cannot be stored from here on, so the order is committed and its answer is not.
        with psycopg.connect(dsn) as holder:
            holder.execute("LOCK TABLE fix_client_sessions IN EXCLUSIVE MODE")
            client.order("between")
            wait_for(lambda: _order_ids(dsn) == 2, "the order")
            wait_for(lambda: _saves_that_wait(dsn), "the answer, at the store")
            api.process.send_signal(signal.SIGKILL)
            api.process.wait(10)
            if not answer_is_stored:
                holder.execute(f"SELECT pg_terminate_backend(pid) {_SAVES}")
    core.accepts(first)
    port = free_port()
    (tmp_path / "next").mkdir()
    with gateway(tmp_path / "next", dsn, memory_kafka.bootstrap, redis_port, OMS_API_FIX_PORT=str(port)):
        again = wait_for(lambda: tried(port, "FUND", client.next_out), "another logon")
        if answer_is_stored:
            again.report(t150="0", t37=first, t34="5")
            again.send("2", b"7=3|16=3|")
            again.report(t150="A", t11="between", t34="3", t43="Y")
        else:
            found = {message["35"]: message for message in (again.read(), again.read())}
            # It has not dealt with the order, and says so; of the other one it tells what happened.
            assert found[b"2"]["7"] == b"3"
            assert (found[b"8"]["150"], found[b"8"]["37"].decode()) == (b"0", first)
            again.order("between", seq=3, header=f"43=Y|122={stamp()}|".encode())
            again.send("4", b"123=Y|36=5|", seq=4, header=f"43=Y|122={stamp()}|".encode())
            again.report(t150="I", t39="A", t11="between")
        assert _order_ids(dsn) == 2
        placed(again, "after")


_SAVES = (
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'oms-api-fix'"
    " AND wait_event_type = 'Lock'"
)


def _saves_that_wait(dsn: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(f"SELECT pid {_SAVES}").fetchone() is not None


def _order_ids(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM order_keys").fetchone()
    return int(row[0]) if row else 0


def test_reset_begins_both_numbers_at_1_and_reports_go_on(desk: Desk) -> None:
    client = desk.enter()
    order_id = placed(client, "X")
    client.send("5")
    assert client.is_closed()
    desk.core.accepts(order_id)
    again = Client(desk.port, desk.comp_id("FUND"))
    answer = again.enter(reset=True)
    assert (answer["34"], answer["141"]) == (b"1", b"Y")
    assert again.report(t150="0", t37=order_id)["34"] == "2"


# ---- hours and TLS


def test_numbers_begin_at_1_with_each_start_of_the_schedule_and_outside_it_nobody_is_on(desk: Desk) -> None:
    always = Schedule(zone="UTC", start="00:00", end="00:00", days=DAYS)
    never = Schedule(zone="UTC", start="00:00", end="00:00", days=(DAYS[(utc_now().weekday() + 3) % 7],))
    accounts = desk.accounts()
    add(desk.api.dsn, desk.comp_id("HOURS"), *accounts, schedule=always)
    client = desk.enter("HOURS")
    placed(client, "today")
    client.send("5")
    assert client.is_closed()
    again = desk.enter_again(4, "HOURS")
    placed(again, "later")
    again.send("5")
    assert again.is_closed()
    with psycopg.connect(desk.api.dsn, autocommit=True) as connection:
        # Another day: it began before today's start.
        connection.execute("UPDATE fix_client_sessions SET began_at = began_at - interval '1 day'")
        tomorrow = desk.enter_again(1, "HOURS")
        placed(tomorrow, "tomorrow")
        closed = settings_of(desk.comp_id("HOURS"), *accounts, schedule=never)
        set_client(connection, closed, "test")
    assert tomorrow.read_until("5")["58"] == b"the session's settings have changed"
    assert tomorrow.is_closed()
    assert desk.tried(10, "HOURS") is None


def test_door_speaks_tls_and_may_ask_for_a_certificate(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    add(dsn)
    fix_port = free_port()
    ours, theirs = issue(tmp_path / "ours"), issue(tmp_path / "theirs")
    settings = {
        "OMS_API_FIX_PORT": str(fix_port),
        "OMS_API_FIX_CERTIFICATE": str(ours.certificate),
        "OMS_API_FIX_KEY": str(ours.key),
        "OMS_API_FIX_CLIENT_CA": str(theirs.authority),
    }
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, **settings) as api:
        trusting = ssl.create_default_context(cafile=str(ours.authority))
        stranger = Client(fix_port)
        with pytest.raises((ssl.SSLError, EOFError, ConnectionResetError)):
            stranger.secure(trusting)
            stranger.enter()
        with pytest.raises((EOFError, ConnectionResetError)):
            Client(fix_port).enter()
        trusting.load_cert_chain(str(theirs.certificate), str(theirs.key))
        client = Client(fix_port)
        client.secure(trusting)
        assert client.enter()["35"] == b"A"
        placed(client, "secret")
        api.process.terminate()
        assert client.read_until("5")["58"] == b"this gateway stops: log on again"
        client.send("5")
        assert client.is_closed()
