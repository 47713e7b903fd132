"""All checks of a deployment, in the order in which they make sense."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from oms_tools.doctor.certificates import check_certificates
from oms_tools.doctor.check import ANSWER_S_MAX, Check, Deployment
from oms_tools.doctor.database import (
    check_clock,
    check_partitions,
    check_quotes,
    check_replica,
    check_schema,
    check_sessions,
    check_unanswered,
)
from oms_tools.doctor.disk import check_disk
from oms_tools.doctor.processes import check_process
from oms_tools.doctor.topics import check_readers, check_replication, check_topics


def examine(deployment: Deployment) -> list[Check]:
    """Make every check; one whose subject does not answer fails and says so."""
    checks: list[Check] = []
    for name, address in deployment.endpoints.items():
        checks += check_process(name, address.rstrip("/"))
    if not deployment.endpoints:
        checks.append(Check(name="processes", well=None, detail="not looked at: no --endpoint was given"))
    checks += _examine_stores(deployment)
    if deployment.disk is None:
        checks.append(Check(name="disk", well=None, detail="not looked at: no --disk was given"))
    else:
        checks.append(check_disk(deployment.disk))
    return checks


def _examine_stores(deployment: Deployment) -> Iterator[Check]:
    yield from check_certificates(deployment)
    topics = check_topics(deployment.kafka)
    yield topics
    if topics.well:
        yield from check_replication(deployment.kafka)
    now = datetime.now(UTC)
    try:
        with psycopg.connect(
            deployment.dsn, autocommit=True, connect_timeout=int(ANSWER_S_MAX)
        ) as connection:
            schema = check_schema(connection)
            yield schema
            if not schema.well:
                yield Check(name="what is stored", well=None, detail="not looked at: the schema is not ours")
                return
            yield check_clock(connection)
            yield check_partitions(connection, now)
            yield check_unanswered(connection)
            yield check_sessions(connection)
            yield check_quotes(connection, now)
            if deployment.read_dsn:
                yield check_replica(connection, deployment.read_dsn)
            if topics.well:
                yield from check_readers(connection, deployment.kafka)
    except psycopg.OperationalError as error:
        yield Check(name="postgres", well=False, detail=str(error).strip())
