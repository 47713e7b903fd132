"""The disaster drill of docs/operations.md: Postgres and Kafka are lost, live orders go on from a dump."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from oms_tools.laptop import parts
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import ensure_database, postgres_dsn, postgres_part
from tests.conftest import KAFKA_VARIABLE, database_folder, running
from tests.e2e.orders import far_below, place, until_status
from tests.stack_rig import StackRig, broken, free_base_port


@pytest.fixture
def rig() -> Iterator[StackRig]:
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"))
        rig.up()
        yield rig
        rig.down()


def postgres_program(name: str) -> str:
    return str(parts._postgres_bin() / name)


def lose_and_restore(rig: StackRig, dump: Path) -> None:
    """Dump the database, stop all, delete Postgres' and Kafka's data, and restore the dump."""
    port = rig.layout.port("postgres")
    subprocess.run(
        [postgres_program("pg_dump"), "--format=custom", f"--file={dump}", postgres_dsn(port)], check=True
    )
    rig.down()
    shutil.rmtree(rig.layout.data / "postgres")
    shutil.rmtree(rig.layout.data / "kafka", ignore_errors=True)
    with running(postgres_part(rig.layout.data / "postgres", port), dump.with_suffix(".log")):
        ensure_database(port)
        restore = [postgres_program("pg_restore"), "--exit-on-error", "--single-transaction"]
        subprocess.run([*restore, f"--dbname={postgres_dsn(port)}", str(dump)], check=True)


def test_live_orders_go_on_after_postgres_and_kafka_are_lost(rig: StackRig, tmp_path: Path) -> None:
    client = rig.client()
    filled = place(client)["orderId"]
    until_status(client, filled, "FILLED")
    resting = place(client, orderType="LIMIT", limitPrice=far_below(client))["orderId"]
    until_status(client, resting, "ACKNOWLEDGED")
    assert broken(rig.verify()) == []

    lose_and_restore(rig, tmp_path / "oms.dump")
    rig.up()

    client = rig.client()
    assert client.get(f"/api/v1/orders/{filled}")["cumQty"] == 200
    until_status(client, resting, "ACKNOWLEDGED")
    client.delete(f"/api/v1/orders/{resting}")
    until_status(client, resting, "CANCELED")
    until_status(client, place(client)["orderId"], "FILLED")
    assert broken(rig.verify()) == []
