"""Two cores on a real Kafka: of two orders that come at once the buying power takes one."""

import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from oms_platform.ids import uuid7
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import PARTITIONS, KafkaSettings
from oms_platform.wire import Topic
from tests.faults.processes import SERVICES, Running, environment, service
from tests.ingest import store_order, submit_order
from tests.integration.api_rig import wait_for
from tests.integration.test_group_leave import owned
from tests.ports import free_port

# An order is worth 60 shares of 100 dollars.
BUYING_POWER = "10000.00"
ACCOUNTS = [f"TWICE-{number:03}" for number in range(150)]
TOOK, DENIED = "ACKNOWLEDGED", "REJECTED"


class Desk2:
    """Accounts of their own, and what becomes of their orders."""

    def __init__(self, dsn: str, kafka: KafkaSettings) -> None:
        self.db = psycopg.connect(dsn, autocommit=True)
        self.publishers = (Publisher(kafka), Publisher(kafka))
        self.db.execute(
            "INSERT INTO accounts (account_id, name, kind) SELECT unnest(%s::text[]), 'Twice', 'INSTITUTION'",
            (ACCOUNTS,),
        )
        self.db.execute(
            "INSERT INTO risk_rules (rule, scope, parameters, changed_by, reason)"
            " SELECT 'BUYING_POWER_EXCEEDED', jsonb_build_object('account', account),"
            " jsonb_build_object('buying_power', %s::text), 'test', 'test' FROM unnest(%s::text[]) account",
            (BUYING_POWER, ACCOUNTS),
        )

    def send_twice(self, accounts: Sequence[str]) -> None:
        """Send two orders of 60 % of the buying power for each account, through two producers at once."""
        for account in accounts:
            for publisher in self.publishers:
                order = submit_order(account_id=account, quantity=60)
                store_order(self.db, order)
                publisher.send(Topic.INBOUND.value, account, order, event_id=uuid7())
        for publisher in self.publishers:
            publisher.flush()

    def outcomes(self) -> dict[str, Counter[str]]:
        """Return how many orders of each account have each status."""
        found: dict[str, Counter[str]] = {}
        rows = self.db.execute(
            "SELECT account_id, status FROM orders WHERE account_id = ANY(%s)", (ACCOUNTS,)
        )
        for account, status in rows.fetchall():
            found.setdefault(account, Counter())[status] += 1
        return found

    def decided(self, accounts: Sequence[str]) -> bool:
        """Whether every order of the accounts was."""
        outcomes = self.outcomes()
        return all("NEW" not in outcomes[account] for account in accounts)


@pytest.mark.timeout(300)
def test_of_two_orders_of_60_percent_of_the_buying_power_one_passes_whichever_core_takes_them(
    memory_kafka: KafkaSettings, dsn: str, tmp_path: Path
) -> None:
    shared = environment(tmp_path, dsn, memory_kafka.bootstrap) | {"OMS_KAFKA_ASSIGNMENT": "group"}
    other = shared | {name: str(free_port()) for name in (SERVICES["oms-core"].port, "OMS_CORE_GRPC_PORT")}
    (tmp_path / "other").mkdir()
    desk = Desk2(dsn, memory_kafka)
    before, amid, after = ACCOUNTS[:50], ACCOUNTS[50:100], ACCOUNTS[100:]

    def share(first: Running, second: Running) -> bool:
        owns = [owned(one, Topic.INBOUND.value) for one in (first, second)]
        return owns[0] | owns[1] == set(range(PARTITIONS)) and bool(owns[0]) and bool(owns[1])

    with service("market-data-simulator", shared, tmp_path), service("oms-core", shared, tmp_path) as first:
        with service("oms-core", other, tmp_path / "other") as second:
            wait_for(lambda: share(first, second), "two cores that share")
            desk.send_twice(before)
            wait_for(lambda: desk.decided(before), "the first orders")
            desk.send_twice(amid[:25])
            os.kill(second.process.pid, signal.SIGKILL)
            desk.send_twice(amid[25:])
        with service("oms-core", other, tmp_path / "other") as second:
            wait_for(lambda: desk.decided(amid), "the orders of the core that was killed")
            desk.send_twice(after[:25])
            wait_for(lambda: share(first, second), "two cores that share again")
            desk.send_twice(after[25:])
            wait_for(lambda: desk.decided(after), "the last orders")
    wrong = {account: found for account, found in desk.outcomes().items() if found != Counter((TOOK, DENIED))}
    assert not wrong, wrong
    denials = desk.db.execute(
        "SELECT DISTINCT split_part(payload->'orderDenied'->>'denial', ':', 1) FROM order_events"
        " WHERE account_id = ANY(%s) AND type = 'OrderDenied'",
        (ACCOUNTS,),
    )
    assert denials.fetchall() == [("BUYING_POWER_EXCEEDED",)]
