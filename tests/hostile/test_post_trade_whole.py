"""After the trade, through a whole stack: a fill passes a limit, a person sees it, others get its copy."""

import json
import time
from contextlib import closing
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
from confluent_kafka import Consumer, TopicPartition

from oms_platform.messages import ExecutionCopy
from oms_platform.wire import Topic, decode
from tests.hostile.floor import Floor, Placed
from tests.integration.fix_rig import Client, add
from tests.patience import EVENTUALLY_S

RULE = "GROSS_EXPOSURE_EXCEEDED"


def alert_of(floor: Floor, placed: Placed, **wanted: object) -> dict[str, Any]:
    """Wait until the account's one alert of the rule is as is wanted, and return it."""

    def look() -> dict[str, Any] | None:
        found = floor.client.risk_alerts(account=placed.account, rule=RULE)["alerts"]
        assert len(found) <= 1, found
        return found[0] if found and {name: found[0][name] for name in wanted} == wanted else None

    found: dict[str, Any] = floor.until_true(look, f"an alert with {wanted}")
    return found


def copies(floor: Floor, account: str, count: int) -> list[ExecutionCopy]:
    """Read the copies of an account's executions out of Kafka, whoever else has read them."""
    address = f"127.0.0.1:{floor.rig.layout.port('kafka')}"
    found: list[ExecutionCopy] = []
    with closing(Consumer({"bootstrap.servers": address, "group.id": "books"})) as consumer:
        topic = Topic.DROP_COPY.value
        numbers = consumer.list_topics(topic, timeout=5).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        deadline = time.monotonic() + EVENTUALLY_S
        while len(found) < count and time.monotonic() < deadline:
            record = consumer.poll(0.2)
            if record is None or record.error() is not None:
                continue
            message = decode("ExecutionCopy", record.value())
            assert isinstance(message, ExecutionCopy)
            if message.account_id == account:
                found.append(message)
    return found


def test_a_fill_passes_a_limit_which_a_person_acknowledges_and_its_copies_go_out(floor: Floor) -> None:
    placed, child = floor.rest("XNYS")
    with psycopg.connect(floor.dsn, autocommit=True) as connection:
        row = connection.execute("SELECT firm_id FROM accounts WHERE account_id = %s", (placed.account,))
        firm = row.fetchone()
    assert firm is not None
    add(floor.dsn, "HOUSE", firm=firm[0], kind="DROP_COPY", rights=("READ",))
    house = Client(floor.rig.layout.port("api_fix"), "HOUSE")
    assert house.enter()["35"] == b"A"

    # What is open counts at its limit, two percent below the market, and what is held at its mark.
    most = str((Decimal(placed.price) * 100 * Decimal("1.01")).quantize(Decimal("0.01")))
    floor.client.set_limit(
        rule=RULE, limit_scope={"account": placed.account}, parameters={"gross_max": most}, reason="a test"
    )
    warned = alert_of(floor, placed, level="WARNING", state="OPEN")
    assert (warned["sharePct"], warned["bound"], warned["timesRaised"]) == (90, most, 1)

    floor["XNYS"].session.send("8", child.fill(100))
    breach = alert_of(floor, placed, level="BREACH", state="OPEN")
    assert (breach["alertId"], breach["timesRaised"]) == (warned["alertId"], 2)
    assert Decimal(breach["value"]) > Decimal(most)
    filled = house.report(t35="8", t150="F", t37=placed.order_id, t1=placed.account, t797="Y")
    assert filled["14"] == "100"

    seen = floor.rig.oms(
        "alerts", "ack", breach["alertId"], "--note", "reduces by noon", "--times-raised", "2"
    )
    assert json.loads(seen.stdout)["state"] == "ACKNOWLEDGED", seen.stderr
    out = floor.place("XNYS", side="SELL", symbol=placed.symbol, accountId=placed.account)
    back = floor.await_children(out, "XNYS")[0]
    floor["XNYS"].session.send("8", back.fill(100))
    floor.until(out, "FILLED")
    cleared = alert_of(floor, placed, state="CLEARED")
    assert cleared["acknowledgedBy"] == "risk1" and Decimal(cleared["worst"]) >= Decimal(breach["value"])

    first, second = copies(floor, placed.account, 2)
    assert [str(one.event.order_id) for one in (first, second)] == [placed.order_id, out.order_id]
    assert (first.previous_sequence, second.previous_sequence) == (0, first.sequence)
    assert not first.poss_dup and msgspec.json.encode(first.event.last_px)
    floor.is_judged_clean()
