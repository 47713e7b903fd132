"""The broker simulator as a process, on a bare socket: any byte in a message, and where it listens."""

import json
import random
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from oms_tools.laptop.parts import wait_until
from tests.integration.test_simulators import Environment, market, metrics, start_broker  # noqa: F401
from tests.ports import free_port
from tests.raw_fix import RawClient, stamp

StartBroker = Callable[..., "subprocess.Popen[bytes]"]


def order(cl_ord_id: bytes, more: bytes = b"", symbol: bytes = b"AAPL") -> bytes:
    return (
        b"11=%s|21=1|38=100|40=2|44=1.00|54=1|55=%s|59=1|60=%s|" % (cl_ord_id, symbol, stamp().encode())
        + more
    )


@pytest.fixture
def client(market: Environment, start_broker: StartBroker) -> RawClient:  # noqa: F811
    start_broker()
    made = RawClient(int(market["OMS_BROKER_SIM_FIX_PORT"]))
    assert made.log_on()["35"] == b"A"
    return made


def lives_on(client: RawClient) -> None:
    """Hold that the venue still takes an order on this session."""
    client.send("D", order(b"after"))
    while (report := client.read_until("8")).get("11") != b"after":
        pass
    assert report["150"] == b"0"


@pytest.mark.parametrize("cl_ord_id", [b"b\xf6", b"b\x00", b"\xff\xfe", b"\xc3\xb6"])
def test_b1_clordid_of_any_bytes_is_taken_and_comes_back_as_it_was(
    client: RawClient, cl_ord_id: bytes
) -> None:
    client.send("D", order(cl_ord_id))
    report = client.read_until("8")
    assert (report["150"], report["11"]) == (b"0", cl_ord_id)
    client.send("H", b"11=%s|54=1|55=AAPL|" % cl_ord_id)
    assert client.read_until("8")["11"] == cl_ord_id
    lives_on(client)


def test_b1_venue_comes_back_on_the_same_data_and_knows_the_order(
    market: Environment,  # noqa: F811
    start_broker: StartBroker,  # noqa: F811
) -> None:
    process = start_broker()
    client = RawClient(int(market["OMS_BROKER_SIM_FIX_PORT"]))
    client.log_on()
    client.send("D", order(b"b\xf6"))
    assert client.read_until("8")["150"] == b"0"
    process.kill()
    process.wait(10)
    start_broker()
    again = RawClient(int(market["OMS_BROKER_SIM_FIX_PORT"]))
    again.next_out = client.next_out
    again.log_on()
    again.send("F", b"11=undo|41=b\xf6|54=1|55=AAPL|60=%s|" % stamp().encode())
    assert again.read_until("8")["150"] == b"4"


def test_b2_symbol_or_cancel_with_any_bytes_is_refused(client: RawClient) -> None:
    client.send("D", order(b"s", symbol=b"A\xf6"))
    refused = client.read_until("8")
    assert (refused["150"], refused["103"], refused["55"]) == (b"8", b"1", b"A\xf6")
    client.send("F", b"11=b\xf6|41=none\xf6|54=1|55=AAPL|60=%s|" % stamp().encode())
    rejected = client.read_until("9")
    assert (rejected["11"], rejected["41"], rejected["102"]) == (b"b\xf6", b"none\xf6", b"1")
    lives_on(client)


def test_b4_data_field_with_a_separator_in_it_is_a_legal_order(client: RawClient) -> None:
    client.send("D", order(b"b4", b"354=5|355=ab\x01cd|"))
    report = client.read_until("8")
    assert (report["150"], report["11"]) == (b"0", b"b4")
    lives_on(client)


@pytest.mark.parametrize("text", [b"a\x0138=99999", b"\x0138=99999\x01", b"a\x0111=other\x0138=9"])
def test_b6_data_field_that_looks_like_fields_changes_nothing(client: RawClient, text: bytes) -> None:
    client.send("D", order(b"b6", b"354=%d|355=%s|" % (len(text), text)))
    report = client.read_until("8")
    assert (report["150"], report["11"], report["38"], report["151"]) == (b"0", b"b6", b"100", b"100")
    lives_on(client)


def test_b7_same_clordid_again_is_refused_with_the_first_orders_status(client: RawClient) -> None:
    client.send("D", order(b"b7"))
    assert client.read_until("8")["150"] == b"0"
    client.send("D", order(b"b7"))
    refused = client.read_until("8")
    assert (refused["150"], refused["39"], refused["103"]) == (b"8", b"0", b"6")
    client.send("D", order(b"b7"), header=b"97=Y|")
    assert client.read_until("8")["150"] == b"I"


def test_venue_listens_on_its_host_and_nowhere_else(client: RawClient) -> None:
    port = client.socket.getpeername()[1]
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_control_port_sows_faults_that_the_journal_and_the_metrics_count(
    market: Environment,  # noqa: F811
    start_broker: StartBroker,  # noqa: F811
) -> None:
    port = free_port()
    start_broker(OMS_BROKER_SIM_CONTROL_PORT=str(port))
    client = RawClient(int(market["OMS_BROKER_SIM_FIX_PORT"]))
    client.log_on()
    base = f"http://127.0.0.1:{port}/control/venues"
    plan = json.dumps({"seed": 7, "rates": {"STATUS_REFUSED": 1.0, "LATIN1_TEXT": 1.0}}).encode()
    assert called("PUT", f"{base}/XNYS", plan)["seed"] == 7
    client.send("D", order(b"X"))
    assert b"Ausf\xfchrung" in client.read_until("8")["58"]
    client.send("H", b"11=X|54=1|55=AAPL|")
    refused = client.read_until("j")
    assert (refused["372"], refused["380"]) == (b"H", b"3")
    called("PUT", f"{base}/XNYS", b"{}")
    called("POST", f"{base}/XNYS/faults/UNSOLICITED_CANCEL", b"")
    canceled = client.read_until("8")
    assert (canceled["150"], canceled["11"]) == (b"4", b"X")
    wait_until(
        lambda: (
            called("GET", f"{base}/XNYS", None)["sown"]
            == {"LATIN1_TEXT": 1, "STATUS_REFUSED": 1, "UNSOLICITED_CANCEL": 1}
        ),
        "three faults",
    )
    lines = (Path(market["OMS_BROKER_SIM_DATA"]) / "journal.jsonl").read_text().splitlines()
    kinds = [line["kind"] for line in map(json.loads, lines) if line["record"] == "fault"]
    assert kinds == ["LATIN1_TEXT", "STATUS_REFUSED", "UNSOLICITED_CANCEL"]
    shown = metrics(int(market["OMS_BROKER_SIM_HEALTH_PORT"]))
    assert 'oms_broker_faults_total{kind="LATIN1_TEXT",venue="XNYS"} 1.0' in shown
    with pytest.raises(HTTPError, match="404"):
        called("GET", f"{base}/MOON", None)


def called(method: str, url: str, body: bytes | None) -> dict[str, Any]:
    with urlopen(Request(url, data=body, method=method), timeout=5) as answer:
        return dict(json.loads(answer.read()))


@pytest.mark.parametrize("seed", [1, 2])
def test_process_outlives_any_bytes(market: Environment, start_broker: StartBroker, seed: int) -> None:  # noqa: F811
    print("seed", seed)
    process, draws = start_broker(), random.Random(seed)
    port = int(market["OMS_BROKER_SIM_FIX_PORT"])
    body = order(b"m")
    for _ in range(40):
        client = RawClient(port)
        with suppress(OSError, EOFError):
            client.log_on(reset=True)
            for _ in range(25):
                mutant = bytearray(body)
                for _ in range(draws.randint(0, 4)):
                    mutant[draws.randrange(len(mutant))] = draws.choice(
                        [draws.randrange(256), 1, 0x3D, 0x7C, 0, 0xFF]
                    )
                client.send(draws.choice("DFGHq8A5243"), bytes(mutant) + b"|" * draws.randint(0, 1))
        client.close()
    wait_until(lambda: logon_answer(port) == b"A", "a logon")
    assert process.poll() is None


def logon_answer(port: int) -> bytes:
    try:
        return RawClient(port).log_on(reset=True)["35"]
    except (OSError, EOFError):
        return b""  # The last connection's end has not been seen yet.
