"""`oms doctor`: is a running deployment well? It only reads; exit 0 only if every check passes."""

import json
import shutil
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
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from prometheus_client.parser import text_string_to_metric_families
from psycopg import conninfo
from rich.console import Console
from rich.table import Table

from oms_platform.certificates import NoCertificateError, certificate_end, kafka_address, postgres_address
from oms_platform.errors import OperationalError, without_secrets
from oms_platform.kafka import (
    INCARNATION_TOPIC,
    PARTITIONS,
    KafkaSettings,
    client_config,
    dead_letter_topic,
    kafka_of_environment,
    read_incarnation,
)
from oms_platform.messages import Topic
from oms_platform.schema.migrate import (
    PARTITIONED,
    PARTITIONED_BY_TIME,
    WEEK,
    expected_revision,
    found_revision,
)
from oms_tools.cli.stack_commands import data_option
from oms_tools.laptop.layout import Layout, running_layout

ANSWER_S_MAX: Final = 3.0
CLOCK_SKEW_S_MAX: Final = 0.25
LAG_RECORDS_MAX: Final = 5_000
OUTBOX_AGE_S_MAX: Final = 10.0
QUOTE_AGE_S_MAX: Final = 30.0
DISK_FREE_RATIO_MIN: Final = 0.1
CERTIFICATE_DAYS_MIN: Final = 14
REPLICA_LAG_S_MAX: Final = 5.0
REPLICA_LOOK_S: Final = 0.05
# How many of many are named.
NAMED_MAX: Final = 3
MIN_INSYNC: Final = "min.insync.replicas"
# Values of sslmode with which Postgres is spoken to by TLS or not at all.
TLS_MODES: Final = ("require", "verify-ca", "verify-full")
_HAS_REPLAYED: Final = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %s::pg_lsn"
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
    """Where to look. endpoints: each process's name and its health's address. disk: a folder, or None.

    read_dsn, issuer: the read replica and the OIDC issuer, empty when there is none to look at.
    """

    dsn: str
    kafka: KafkaSettings
    endpoints: Mapping[str, str]
    disk: Path | None = None
    read_dsn: str = ""
    issuer: str = ""


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
    """Look how long the certificate at an https address lasts."""
    place = urlsplit(address)
    return _certificate(name, place.hostname or "", place.port or 443)


def _certificate(name: str, host: str, port: int, authority: str = "", *, postgres: bool = False) -> Check:
    try:
        ends_at = certificate_end(host, port, authority, postgres=postgres)
    except NoCertificateError as error:
        return Check(name=f"certificate {name}", well=False, detail=f"{host}:{port}: {error}")
    days = (ends_at.timestamp() - time.time()) / 86_400
    return Check(
        name=f"certificate {name}",
        well=days >= CERTIFICATE_DAYS_MIN,
        detail=f"ends in {days:.0f} days, must be at least {CERTIFICATE_DAYS_MIN}",
    )


def check_certificates(deployment: Deployment) -> Iterator[Check]:
    """Look at the certificates of the stores and the issuer, where TLS is asked for."""
    for name, dsn in (("postgres", deployment.dsn), ("read replica", deployment.read_dsn)):
        if dsn and str(conninfo.conninfo_to_dict(dsn).get("sslmode", "")) in TLS_MODES:
            host, port, authority = postgres_address(dsn)
            yield _certificate(name, host, port, authority, postgres=True)
    if deployment.kafka.security.endswith("SSL"):
        for broker in deployment.kafka.bootstrap.split(","):
            host, port = kafka_address(broker)
            name = "kafka" if broker == deployment.kafka.bootstrap else f"kafka {broker.strip()}"
            yield _certificate(name, host, port, deployment.kafka.ca)
    if deployment.issuer.startswith("https://"):
        yield check_certificate("issuer", deployment.issuer)


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


def check_replica(connection: Connection, read_dsn: str) -> Check:
    """Look how long the read replica takes to have what the primary has now."""
    try:
        with psycopg.connect(read_dsn, autocommit=True, connect_timeout=int(ANSWER_S_MAX)) as replica:
            row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
            written = str(row[0]) if row is not None else ""
            started = time.monotonic()
            while time.monotonic() - started <= REPLICA_LAG_S_MAX:
                if replica.execute(_HAS_REPLAYED, (written,)).fetchone() == (True,):
                    lag_s = time.monotonic() - started
                    return _limited("read replica", lag_s, REPLICA_LAG_S_MAX, "s behind")
                time.sleep(REPLICA_LOOK_S)
    except psycopg.OperationalError as error:
        return Check(name="read replica", well=False, detail=without_secrets(str(error).strip()))
    detail = f"more than {REPLICA_LAG_S_MAX:g} s behind"
    return Check(name="read replica", well=False, detail=detail)


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


def check_topics(kafka: KafkaSettings) -> Check:
    """Look whether every topic is there with its partitions."""
    try:
        client = AdminClient(client_config(kafka) | {"log_level": 0})
        topics = client.list_topics(timeout=ANSWER_S_MAX).topics
    except KafkaException as error:
        return Check(name="topics", well=False, detail=f"no answer from {kafka.bootstrap}: {error}")
    counts = {name: len(topics[name].partitions) if name in topics else 0 for name in _topics()}
    wrong = {name: count for name, count in counts.items() if count != PARTITIONS}
    found = f"found {wrong}" if wrong else f"{len(counts)} topics have them"
    return Check(name="topics", well=not wrong, detail=f"expected {PARTITIONS} partitions, {found}")


def check_replication(kafka: KafkaSettings) -> Iterator[Check]:
    """Look whether topics have the replicas that are asked for, and whether those are in sync."""
    try:
        client = AdminClient(client_config(kafka) | {"log_level": 0})
        listed = client.list_topics(timeout=ANSWER_S_MAX)
        if (listed.cluster_id or "").startswith("mockCluster"):
            return
        partitions = {
            f"{name}/{number}": partition
            for name in _topics()
            for number, partition in listed.topics[name].partitions.items()
        }
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in _topics()]
        configs = {
            resource.name: future.result(ANSWER_S_MAX)
            for resource, future in client.describe_configs(resources).items()
        }
    except KafkaException as error:
        yield Check(name="replication", well=False, detail=str(error))
        return
    few = sorted(name for name, found in partitions.items() if len(found.replicas) < kafka.replication)
    least = min(len(found.replicas) for found in partitions.values())
    yield Check(
        name="replication",
        well=not few,
        detail=f"at least {least} replicas, must be at least {kafka.replication}{_named(few)}",
    )
    low = sorted(name for name, found in configs.items() if int(found[MIN_INSYNC].value) < kafka.min_insync)
    least = min(int(found[MIN_INSYNC].value) for found in configs.values())
    yield Check(
        name="in-sync replicas asked for",
        well=not low,
        detail=f"{MIN_INSYNC} at least {least}, must be at least {kafka.min_insync}{_named(low)}",
    )
    behind = sorted(name for name, found in partitions.items() if len(found.isrs) < len(found.replicas))
    yield Check(
        name="replicas in sync",
        well=not behind,
        detail=f"{len(partitions) - len(behind)} of {len(partitions)} partitions have all{_named(behind)}",
    )


def _named(names: list[str]) -> str:
    return (
        f"; not so: {', '.join(names[:NAMED_MAX])}{', …' if len(names) > NAMED_MAX else ''}" if names else ""
    )


def check_readers(connection: Connection, kafka: KafkaSettings) -> Iterator[Check]:
    """Look at what every reader has left, and at dead letters."""
    consumer = Consumer(client_config(kafka) | {"group.id": "oms-doctor", "log_level": 0})
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
        incarnation = read_incarnation(kafka)
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
            yield check_outbox(connection)
            yield check_sessions(connection)
            yield check_quotes(connection, now)
            if deployment.read_dsn:
                yield check_replica(connection, deployment.read_dsn)
            if topics.well:
                yield from check_readers(connection, deployment.kafka)
    except psycopg.OperationalError as error:
        yield Check(name="postgres", well=False, detail=str(error).strip())


def deployment_of_stack(data: Path) -> Deployment:
    """Return where the running laptop stack is. Raises StackError when none runs in `data`."""
    layout, state = running_layout(data)
    return Deployment(
        dsn=f"postgresql://postgres@127.0.0.1:{layout.port('postgres')}/oms",
        kafka=KafkaSettings(bootstrap=_kafka_of(layout, state["kafka"])),
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
@click.option("--read-dsn", envvar="OMS_API_READ_DSN", help="The read replica's address, with --dsn.")
@click.option("--issuer", envvar="OMS_API_OIDC_ISSUER", help="The OIDC issuer's address, with --dsn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    data: Path,
    dsn: str | None,
    kafka: str | None,
    endpoints: dict[str, str],
    disk: Path | None,
    read_dsn: str | None,
    issuer: str | None,
    as_json: bool,
) -> None:
    """Check a running deployment. Exits with 0 if all is well, 1 if something is not."""
    if dsn is None:
        deployment = deployment_of_stack(data.resolve())
    elif kafka is None:
        raise click.UsageError("--dsn needs --kafka")
    else:
        deployment = Deployment(
            dsn=dsn,
            kafka=kafka_of_environment(kafka),
            endpoints=endpoints,
            disk=disk,
            read_dsn=read_dsn or "",
            issuer=issuer or "",
        )
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
