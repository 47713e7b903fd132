"""The gateway's FIX door against acceptance definitions of FIX 4.4, where a folder of them is given."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_tools.laptop.parts import ensure_database, memory_kafka_part, postgres_dsn
from tests.acceptance.definitions import Definition
from tests.acceptance.test_broker_session import FILES, FOLDER
from tests.conftest import database_folder, running
from tests.integration.api_rig import gateway
from tests.integration.fix_rig import PASSWORD, add
from tests.ports import free_port

SESSIONS_EACH = 4
# As long as the name in the definitions, some of which say how long a message is.
OURS = "OMSX"
numbers = count(1)


@pytest.fixture(scope="module")
def door(postgres_port: int, redis_port: int) -> Iterator[tuple[int, str]]:
    """A gateway. Gives its FIX port and its database."""
    kafka_port, fix_port, name = free_port(), free_port(), "oms_definitions"
    dsn = postgres_dsn(postgres_port, name)
    ensure_database(postgres_port, name)
    migrate(dsn, utc_now())
    seed(dsn)
    with ExitStack() as parts:
        folder = parts.enter_context(database_folder())
        parts.enter_context(running(memory_kafka_part(kafka_port), folder / "kafka.log"))
        settings = {"OMS_API_FIX_PORT": str(fix_port), "OMS_API_FIX_COMP_ID": OURS}
        parts.enter_context(gateway(folder, dsn, f"127.0.0.1:{kafka_port}", redis_port, **settings))
        yield fix_port, dsn
    with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.skipif(not FOLDER, reason="OMS_FIX_DEFINITIONS names no folder of definitions")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_session_does_what_the_definition_says(path: Path, door: tuple[int, str]) -> None:
    port, dsn = door
    clients = [f"T{next(numbers):03}" for _ in range(SESSIONS_EACH)]
    for comp_id in clients:
        add(dsn, comp_id)
    logon = f"553=fund\x01554={PASSWORD}\x01".encode()
    Definition(path, port, [(OURS, comp_id) for comp_id in clients], logon).play()
