"""`oms doctor`: is a running deployment well? It only reads; exit 0 only if every check passes."""

import json
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from oms_platform.cli.stack_commands import data_option
from oms_platform.errors import OperationalError
from oms_platform.kafka import (
    INCARNATION_TOPIC,
    PARTITIONS,
    KafkaSettings,
    dead_letter_topic,
    read_incarnation,
)
from oms_platform.laptop.layout import Layout, running_layout
from oms_platform.messages import Topic
from oms_platform.schema.migrate import (
    PARTITIONED,
    PARTITIONED_BY_TIME,
    WEEK,
    expected_revision,
    found_revision,
)

ANSWER_S_MAX: Final = 3.0
CLOCK_SKEW_S_MAX: Final = 0.25
LAG_RECORDS_MAX: Final = 5_000
OUTBOX_AGE_S_MAX: Final = 10.0
QUOTE_AGE_S_MAX: Final = 30.0
DISK_FREE_RATIO_MIN: Final = 0.1
CERTIFICATE_DAYS_MIN: Final = 14
PARTITIONS_AHEAD: Final = 2 * WEEK
# Who must have read what.
READERS: Final[Mapping[str, tuple[Topic, ...]]] = {
    "oms-core": (Topic.INBOUND, Topic.FILLS),
    "sor-engine": (Topic.VALIDATED,),
    "execution-adapter": (Topic.ROUTED,),
    "sor-scorekeeper": (Topic.FILLS,),
}
# Each process of the laptop stack and the port that its health is on.
HEALTH_PORTS: Final = {
    "oms-api": "api_http",
    "oms-relay": "relay_health",
    "oms-core": "core_health",
    "sor-engine": "sor_health",
    "scorekeeper": "scorekeeper_health",
    "execution-adapter": "adapter_health",
    "market-data": "market_data_health",
    "broker": "broker_health",
}
Connection = psycopg.Connection[tuple[object, ...]]
console = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where to look. endpoints: each process's name and its health's address. disk: a folder, or None."""

    dsn: str
    kafka: str
    endpoints: Mapping[str, str]
    disk: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check's outcome. well: None when it could not be made."""

    name: str
    well: bool | None
    detail: str


def _limited(name: str, found: float, bound: float, unit: str, of: str = "") -> Check:
    detail = f"{of + ' ' if of else ''}{found:,.3g} {unit}, must be at most {bound:,g}"
    return Check(name=name, well=found <= bound, detail=detail)


# ---- processes


def _fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S_MAX) as answer:  # noqa: S310  (given by the operator)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def check_process(name: str, address: str) -> Iterator[Check]:
    """Look whether a process is ready, of our version, and with a certificate that lasts."""
    try:
        status, body = _fetch(f"{address}/health/ready")
        yield Check(name=f"ready {name}", well=status == 200, detail=body.strip() or str(status))
        _, text = _fetch(f"{address}/metrics")
    except (OSError, urllib.error.URLError) as error:
        yield Check(name=f"ready {name}", well=False, detail=f"no answer from {address}: {error}")
        return
    ours = version("oms-sor")
    found = {
        sample.labels["version"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "oms_build_info"
    }
    yield Check(
        name=f"version {name}",
        well=found == {ours},
        detail=f"expected {ours}, found {', '.join(sorted(found)) or 'none'}",
    )
    if address.startswith("https://"):
        yield check_certificate(name, address)


def check_certificate(name: str, address: str) -> Check:
    """Look how long a process's certificate lasts."""
    place = urlsplit(address)
    host, port = place.hostname or "", place.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_S_MAX) as line,
            ssl.create_default_context().wrap_socket(line, server_hostname=host) as secured,
        ):
            ends_at = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    except (OSError, KeyError) as error:
        return Check(name=f"certificate {name}", well=False, detail=str(error))
    days = (ends_at - time.time()) / 86_400
    return Check(
        name=f"certificate {name}",
        well=days >= CERTIFICATE_DAYS_MIN,
        detail=f"ends in {days:.0f} days, must be at least {CERTIFICATE_DAYS_MIN}",
    )


# ---- Postgres


def check_schema(connection: Connection) -> Check:
    """Look at the schema's revision."""
    found, expected = found_revision(connection), expected_revision()
    return Check(name="schema", well=found == expected, detail=f"expected {expected}, found {found}")


def check_clock(connection: Connection) -> Check:
    """Compare our clock with Postgres': the truth is between the question and the answer."""
    asked = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    answered = time.time()
    theirs = float(str(row[0])) if row is not None else 0.0
    skew_s = max(asked - theirs, theirs - answered, 0.0)
    return _limited("clock", skew_s, CLOCK_SKEW_S_MAX, "s from Postgres'")


def check_partitions(connection: Connection, now: datetime) -> Check:
    """Look whether every growing table has its partition two weeks from now."""
    at = now + PARTITIONS_AHEAD
    monday = datetime(at.year, at.month, at.day, tzinfo=UTC) - timedelta(days=at.weekday())
    tables = (*PARTITIONED, *PARTITIONED_BY_TIME)
    missing = []
    for table in tables:
        row = connection.execute("SELECT to_regclass(%s)", (f"{table}_{monday:%Y%m%d}",)).fetchone()
        if row is None or row[0] is None:
            missing.append(table)
    detail = f"week of {monday:%Y-%m-%d}: {len(tables) - len(missing)} of {len(tables)} tables"
    if missing:
        detail += f", missing {', '.join(missing)}"
    return Check(name="partitions ahead", well=not missing, detail=detail)


def check_outbox(connection: Connection) -> Check:
    """Look how long the oldest message has waited for Kafka."""
    row = connection.execute(
        "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox"
        " WHERE published_at IS NULL"
    ).fetchone()
    count, age_s = row if row is not None else (0, 0.0)
    return _limited("outbox", float(str(age_s)), OUTBOX_AGE_S_MAX, "s old", f"{count} waiting, the oldest")


def check_sessions(connection: Connection) -> Check:
    """Look whether every venue's FIX session is up."""
    rows = connection.execute(
        "SELECT venue_id, coalesce(up, false), changed_at FROM venues LEFT JOIN fix_sessions USING (venue_id)"
        " ORDER BY venue_id"
    ).fetchall()
    down = [f"{venue_id} since {at or 'ever'}" for venue_id, up, at in rows if not up]
    detail = f"{len(rows) - len(down)} of {len(rows)} up" + (f"; down: {', '.join(down)}" if down else "")
    return Check(name="FIX sessions", well=bool(rows) and not down, detail=detail)


def check_quotes(connection: Connection, now: datetime) -> Check:
    """Look how old the newest quote of the tape is."""
    row = connection.execute(
        "SELECT extract(epoch FROM now() - max(quoted_at))::float8 FROM quote_tape WHERE quoted_at > %s",
        (now - timedelta(hours=1),),
    ).fetchone()
    if row is None or row[0] is None:
        return Check(name="quotes", well=False, detail="none on the tape in the last hour")
    return _limited("quotes", float(str(row[0])), QUOTE_AGE_S_MAX, "s old", "the newest is")


# ---- Kafka


def _topics() -> list[str]:
    names = [INCARNATION_TOPIC, *(topic.value for topic in Topic)]
    return [*names, *(dead_letter_topic(topic.value) for topic in Topic)]


def check_topics(bootstrap: str) -> Check:
    """Look whether every topic is there with its partitions."""
    try:
        client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        topics = client.list_topics(timeout=ANSWER_S_MAX).topics
    except KafkaException as error:
        return Check(name="topics", well=False, detail=f"no answer from {bootstrap}: {error}")
    counts = {name: len(topics[name].partitions) if name in topics else 0 for name in _topics()}
    wrong = {name: count for name, count in counts.items() if count != PARTITIONS}
    found = f"found {wrong}" if wrong else f"{len(counts)} topics have them"
    return Check(name="topics", well=not wrong, detail=f"expected {PARTITIONS} partitions, {found}")


def check_readers(connection: Connection, bootstrap: str) -> Iterator[Check]:
    """Look at what every reader has left, and at dead letters."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "oms-doctor", "log_level": 0})
    try:
        with closing(consumer):
            ends = {
                (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_S_MAX)
                for topic in _topics()
                for number in range(PARTITIONS)
            }
        if ends[INCARNATION_TOPIC, 0][1] == 0:
            yield Check(name="lag", well=None, detail="not looked at: no service has used this broker yet")
            return
        incarnation = read_incarnation(KafkaSettings(bootstrap=bootstrap))
    except (KafkaException, OperationalError) as error:
        yield Check(name="lag", well=False, detail=str(error))
        return
    for group, read in READERS.items():
        yield _check_lag(connection, incarnation, group, read, ends)
    dead = sum(high - low for (topic, _), (low, high) in ends.items() if topic.endswith(".dlq"))
    yield Check(name="dead letters", well=not dead, detail=f"{dead} kept in *.dlq")


def _check_lag(
    connection: Connection,
    incarnation: str,
    group: str,
    topics: tuple[Topic, ...],
    ends: Mapping[tuple[str, int], tuple[int, int]],
) -> Check:
    rows = connection.execute(
        "SELECT topic, partition, next_offset FROM consumer_offsets"
        " WHERE consumer_group = %s AND incarnation = %s",
        (group, incarnation),
    ).fetchall()
    stored = {(str(topic), int(str(number))): int(str(offset)) for topic, number, offset in rows}
    behind = 0
    for topic in topics:
        for number in range(PARTITIONS):
            low, high = ends[topic.value, number]
            behind += max(0, high - stored.get((topic.value, number), low))
    return _limited(f"lag {group}", behind, LAG_RECORDS_MAX, "records")


# ---- all of it


def check_disk(folder: Path) -> Check:
    """Look how much of the disk is free."""
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    detail = f"{free:.0%} of {usage.total / 2**30:,.0f} GiB free, must be at least {DISK_FREE_RATIO_MIN:.0%}"
    return Check(name="disk", well=free >= DISK_FREE_RATIO_MIN, detail=detail)


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
    topics = check_topics(deployment.kafka)
    yield topics
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
            yield check_outbox(connection)
            yield check_sessions(connection)
            yield check_quotes(connection, now)
            if topics.well:
                yield from check_readers(connection, deployment.kafka)
    except psycopg.OperationalError as error:
        yield Check(name="postgres", well=False, detail=str(error).strip())


def deployment_of_stack(data: Path) -> Deployment:
    """Return where the running laptop stack is. Raises StackError when none runs in `data`."""
    layout, state = running_layout(data)
    return Deployment(
        dsn=f"postgresql://postgres@127.0.0.1:{layout.port('postgres')}/oms",
        kafka=_kafka_of(layout, state["kafka"]),
        endpoints={name: f"http://127.0.0.1:{layout.port(port)}" for name, port in HEALTH_PORTS.items()},
        disk=data,
    )


def _kafka_of(layout: Layout, kafka: str) -> str:
    if kafka == "memory":
        return layout.kafka_address_file.read_text()
    return f"127.0.0.1:{layout.port('kafka')}" if kafka == "apache" else kafka


def _endpoints(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    wrong = [text for text in given if not text.partition("=")[2].startswith(("http://", "https://"))]
    if wrong:
        raise click.BadParameter(f"expected NAME=http(s)://HOST:PORT, found {', '.join(wrong)}")
    return {name: address for name, _, address in (text.partition("=") for text in given)}


@click.command()
@data_option
@click.option(
    "--dsn", envvar="OMS_POSTGRES_DSN", help="Look at this database instead of the stack that runs."
)
@click.option("--kafka", envvar="OMS_KAFKA_BOOTSTRAP", help="The broker that goes with --dsn.")
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    callback=_endpoints,
    envvar="OMS_ENDPOINTS",
    help="A process's health, NAME=http(s)://HOST:PORT; may be given often, with --dsn.",
)
@click.option(
    "--disk",
    type=click.Path(path_type=Path, exists=True),
    help="A folder of the disk to look at, with --dsn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    data: Path,
    dsn: str | None,
    kafka: str | None,
    endpoints: dict[str, str],
    disk: Path | None,
    as_json: bool,
) -> None:
    """Check a running deployment. Exits with 0 if all is well, 1 if something is not."""
    if dsn is None:
        deployment = deployment_of_stack(data.resolve())
    elif kafka is None:
        raise click.UsageError("--dsn needs --kafka")
    else:
        deployment = Deployment(dsn=dsn, kafka=kafka, endpoints=endpoints, disk=disk)
    checks = examine(deployment)
    well = all(check.well is not False for check in checks)
    if as_json:
        found = [{"check": check.name, "well": check.well, "detail": check.detail} for check in checks]
        click.echo(json.dumps({"well": well, "checks": found}, indent=1))
    else:
        _show(checks)
    sys.exit(0 if well else 1)


def _show(checks: list[Check]) -> None:
    table = Table(box=None, show_header=False)
    marks = {True: "[green]well[/]", False: "[red]ILL[/]", None: "[yellow]unknown[/]"}
    for check in checks:
        table.add_row(marks[check.well], check.name, check.detail)
    console.print(table, highlight=False)
