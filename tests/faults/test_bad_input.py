"""Bad input, every service by every case: it says which and why, and exits or waits (docs/operations.md)."""

import os
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics
from oms_platform.schema.migrate import expected_revision
from oms_platform.worker import EXIT_CONFIGURATION
from oms_tools.laptop.parts import ensure_database, postgres_dsn
from tests.faults.certificates import issue
from tests.faults.processes import ON_KAFKA, REAL, SERVICES, Running, environment, service
from tests.faults.tls_doors import tls_postgres, tls_server
from tests.integration.api_rig import wait_for
from tests.ports import free_port

SECRET = "hunter2-is-secret"
EVERY = tuple(SERVICES)
NOBODY = "127.0.0.1:1"


def refuses(name: str, settings: dict[str, str], folder: Path, *words: str) -> None:
    """Hold that a service ends at once with code 78 and one line that holds the words."""
    with service(name, settings, folder) as found:
        assert found.process.wait(30) == EXIT_CONFIGURATION, found.log.read_text()
        said = found.said("configuration_wrong")
        for word in words:
            assert word in said["error"], said
        assert said["exit_code"] == EXIT_CONFIGURATION
        assert SECRET not in found.log.read_text()


def waits(found: Running, dependency: str, *words: str) -> None:
    """Hold that a service is alive, not ready, and names what it waits for; a stop then ends it with 0."""

    def named() -> bool:
        problem = found.problems().get(dependency, "")
        return all(word in problem for word in words)

    try:
        wait_for(named, f"{dependency}: {words}", 30)
    except AssertionError as error:
        raise AssertionError(
            f"{error}; readiness: {found.problems()}; log:\n{found.log.read_text()[-3000:]}"
        ) from error
    assert found.process.poll() is None
    assert SECRET not in found.log.read_text() + str(found.problems())


# ---- settings


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("given", [None, ""], ids=["missing", "empty"])
def test_a_missing_secret_is_named_and_the_service_exits(
    name: str, given: str | None, tmp_path: Path
) -> None:
    settings = environment(tmp_path, "", NOBODY)
    settings = {key: value for key, value in settings.items() if key != "OMS_POSTGRES_DSN"}
    if given is not None:
        settings["OMS_POSTGRES_DSN"] = given
    refuses(name, settings, tmp_path, f"{SERVICES[name].prefix}POSTGRES_DSN", "is required")


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("oms-api", {"OMS_REDIS_URL": ""}, ["OMS_API_REDIS_URL", "is required"]),
        ("oms-api", {"OMS_REDIS_URL": f"http://:{SECRET}@cache"}, ["OMS_API_REDIS_URL", "expected redis://"]),
        ("oms-api", {"OMS_API_OIDC_ISSUER": "issuer"}, ["OMS_API_OIDC_ISSUER", "expected http://"]),
        (
            "oms-core",
            {"OMS_POSTGRES_DSN": f"postgresql//oms:{SECRET}@db/oms"},
            ["OMS_CORE_POSTGRES_DSN", "expected"],
        ),
        (
            "oms-core",
            {"OMS_CORE_QUOTE_AGE_S_MAX": "-1"},
            ["OMS_CORE_QUOTE_AGE_S_MAX must be 0 or more seconds"],
        ),
        ("sor", {"OMS_KAFKA_SECURITY": "SASL_SSL"}, ["OMS_KAFKA_USER and OMS_KAFKA_PASSWORD are required"]),
        ("sor", {"OMS_KAFKA_SECURITY": "TLS"}, ["OMS_KAFKA_SECURITY must be one of", "'TLS'"]),
        (
            "adapter",
            {"OMS_KAFKA_SECURITY": "SSL", "OMS_KAFKA_CA": "/no/ca.crt"},
            ["OMS_KAFKA_CA", "/no/ca.crt"],
        ),
        ("oms-api", {"OMS_KAFKA_MIN_INSYNC": "2"}, ["OMS_KAFKA_MIN_INSYNC must be from 1 to"]),
        ("broker-simulator", {"OMS_BROKER_SIM_LATENCY_US": "MOON=5"}, ["names venue 'MOON'"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value)[:40],
)
def test_a_wrong_setting_is_named_without_its_secret_and_the_service_exits(
    name: str, changes: dict[str, str], words: list[str], tmp_path: Path
) -> None:
    refuses(name, environment(tmp_path, f"postgresql://oms@{NOBODY}/oms", NOBODY) | changes, tmp_path, *words)


def test_a_health_port_that_is_taken_is_named(tmp_path: Path) -> None:
    settings = environment(tmp_path, f"postgresql://oms@{NOBODY}/oms", NOBODY)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as taken:
        settings["OMS_CORE_HEALTH_PORT"] = str(taken.server_port)
        refuses("oms-core", settings, tmp_path, f"health port {taken.server_port}", "in use")


# ---- what is away


@pytest.mark.parametrize("name", EVERY)
def test_a_postgres_that_is_away_is_named_and_waited_for(name: str, tmp_path: Path) -> None:
    settings = environment(tmp_path, f"postgresql://oms:{SECRET}@{NOBODY}/oms", NOBODY)
    with service(name, settings, tmp_path) as found:
        waits(found, "postgres", "127.0.0.1", "refused")
        assert found.stop() == 0


@pytest.mark.parametrize("name", ON_KAFKA)
def test_a_kafka_that_is_away_is_named_and_waited_for(name: str, dsn: str, tmp_path: Path) -> None:
    with service(name, environment(tmp_path, dsn, NOBODY), tmp_path) as found:
        waits(found, "kafka", NOBODY)
        assert found.stop() == 0


def test_an_issuer_that_is_away_is_named_and_waited_for(
    dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    with service("oms-api", environment(tmp_path, dsn, memory_kafka.bootstrap), tmp_path) as found:
        waits(found, "oidc", "http://127.0.0.1:1")
        wait_for(lambda: found.problems().keys() == {"oidc"}, "nothing but the issuer", 30)
        assert found.stop() == 0


@pytest.mark.parametrize("name", ["oms-core", "sor", "sor-scorekeeper", "broker-simulator"])
def test_market_data_that_is_away_is_named(
    name: str, dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    with service(name, environment(tmp_path, dsn, memory_kafka.bootstrap), tmp_path) as found:
        waits(found, "quotes", "no quote")
        assert found.stop() == 0


def test_venues_that_are_away_are_named(dsn: str, memory_kafka: KafkaSettings, tmp_path: Path) -> None:
    with service("adapter", environment(tmp_path, dsn, memory_kafka.bootstrap), tmp_path) as found:
        waits(found, "fix", "no venue logged on")
        assert found.stop() == 0


# ---- what is there and wrong


@pytest.mark.parametrize("name", REAL)
def test_a_schema_that_is_too_old_is_waited_for_until_it_is_migrated(
    name: str, dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        with service(name, environment(tmp_path, dsn, memory_kafka.bootstrap), tmp_path) as found:
            waits(found, "schema", f"must be {expected_revision()}, was 0001", "oms migrate")
            connection.execute("UPDATE alembic_version SET version_num = %s", (expected_revision(),))
            wait_for(lambda: "schema" not in found.problems(), "a service that goes on", 30)
            assert found.stop() == 0


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_database_is_waited_for(
    name: str, postgres_port: int, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    database = f"empty_{os.getpid()}_{free_port()}"
    ensure_database(postgres_port, database)
    settings = environment(tmp_path, postgres_dsn(postgres_port, database), memory_kafka.bootstrap)
    with service(name, settings, tmp_path) as found:
        waits(found, "schema", "oms migrate")
        assert found.stop() == 0


@pytest.mark.parametrize("name", REAL)
def test_a_schema_that_is_too_new_is_named_and_the_service_exits(
    name: str, dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = environment(tmp_path, dsn, memory_kafka.bootstrap)
    refuses(name, settings, tmp_path, f"must be {expected_revision()}, was 9999", "does not know")


@pytest.mark.parametrize("name", ON_KAFKA)
def test_topics_with_another_number_of_partitions_are_named_and_the_service_exits(
    name: str, dsn: str, memory_kafka: KafkaSettings, tmp_path: Path
) -> None:
    ensure_topics(memory_kafka)
    settings = environment(tmp_path, dsn, memory_kafka.bootstrap) | {"OMS_KAFKA_PARTITIONS": "2"}
    with service(name, settings, tmp_path) as found:
        assert found.process.wait(30) == EXIT_CONFIGURATION, found.log.read_text()
        said = found.said("configuration_wrong")["error"]
        assert "every topic must have 2 partitions" in said
        assert "4 in executions.fills" in said
        assert "4 in orders.inbound" in said


# ---- certificates


def went_on(found: Running) -> bool:
    """Return whether a service has Postgres, and is ready or names the next thing that is away."""
    return found.ready or bool(found.problems().keys() & {"kafka", "quotes"})


@pytest.mark.parametrize("name", EVERY)
def test_postgres_certificate_that_has_expired_is_named_and_waited_for(
    name: str, dsn: str, postgres_port: int, tmp_path: Path
) -> None:
    expired, good = issue(tmp_path / "expired", days_left=-1), issue(tmp_path / "good")
    database = dsn.rpartition("/")[2]
    for certificate in (expired, good):
        with tls_postgres(certificate, postgres_port) as port:
            checked = (
                f"{postgres_dsn(port, database)}?sslmode=verify-full&sslrootcert={certificate.authority}"
            )
            with service(name, environment(tmp_path, checked, NOBODY), tmp_path) as found:
                if certificate is expired:
                    waits(found, "postgres", "certificate", "expired")
                else:
                    wait_for(partial(went_on, found), "a service that goes on", 30)
                assert found.stop() == 0


@pytest.mark.parametrize("name", ON_KAFKA)
def test_kafkas_certificate_that_has_expired_is_named_and_waited_for(
    name: str, dsn: str, tmp_path: Path
) -> None:
    expired = issue(tmp_path / "expired", days_left=-1)
    with tls_server(expired) as port:
        settings = environment(tmp_path, dsn, f"127.0.0.1:{port}") | {
            "OMS_KAFKA_SECURITY": "SASL_SSL",
            "OMS_KAFKA_USER": "oms",
            "OMS_KAFKA_PASSWORD": SECRET,
            "OMS_KAFKA_CA": str(expired.authority),
        }
        with service(name, settings, tmp_path) as found:
            waits(found, "kafka", "certificate", "expired")
            assert found.stop() == 0


def test_the_issuers_certificate_that_has_expired_is_named_and_waited_for(
    dsn: str, memory_kafka: KafkaSettings, tmp_path: Path, cleanup: ExitStack
) -> None:
    expired = issue(tmp_path / "expired", days_left=-1)
    port = cleanup.enter_context(tls_server(expired))
    settings = environment(tmp_path, dsn, memory_kafka.bootstrap) | {
        "OMS_API_OIDC_ISSUER": f"https://127.0.0.1:{port}",
        "SSL_CERT_FILE": str(expired.authority),
    }
    with service("oms-api", settings, tmp_path) as found:
        waits(found, "oidc", "certificate", "expired")
        assert found.stop() == 0
