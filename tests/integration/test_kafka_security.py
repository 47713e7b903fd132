"""A real Apache Kafka that wants TLS and a password: who has them works, who has not is told why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.wire import Topic
from oms_tools.doctor.certificates import check_certificates
from oms_tools.doctor.check import Deployment
from oms_tools.doctor.topics import check_replication, check_topics
from oms_tools.laptop.apache_kafka import apache_kafka_part
from tests.conftest import running
from tests.faults.certificates import issue
from tests.faults.processes import environment, service
from tests.integration.api_rig import wait_for
from tests.ports import free_port

USER, PASSWORD = "oms", "a-password-of-kafka"
JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecuredKafka:
    """How to speak to the broker, and an authority that has not signed its certificate."""

    settings: KafkaSettings
    other_authority: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A one-node Kafka whose only door is SASL_SSL, with PLAIN and SCRAM."""
    folder = tmp_path_factory.mktemp("secured-kafka")
    certificate, port, controller = issue(folder / "own"), free_port(), free_port()
    store = folder / "server.pem"
    store.write_bytes(certificate.key.read_bytes() + certificate.certificate.read_bytes())
    door = "listener.name.sasl_ssl"
    properties = {
        "listeners": f"SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_SSL://127.0.0.1:{port}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        f"{door}.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required"
        f' username="broker" password="{PASSWORD}" user_broker="{PASSWORD}" user_{USER}="{PASSWORD}";',
        f"{door}.scram-sha-256.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
        f"{door}.scram-sha-512.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": store,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificate.authority,
        "min.insync.replicas": 1,
    }
    users = [
        text
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for text in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
    ]
    settings = KafkaSettings(
        bootstrap=f"127.0.0.1:{port}",
        fetch_wait_ms=100,
        security="SASL_SSL",
        user=USER,
        password=PASSWORD,
        ca=str(certificate.authority),
    )
    part = apache_kafka_part(
        folder / "kafka",
        port,
        controller,
        properties_more=properties,
        format_more=users,
        client=replace(settings, sasl_mechanism="PLAIN"),
    )
    with running(part, folder / "kafka.log"):
        yield SecuredKafka(settings, issue(folder / "other").authority)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_message_goes_there_and_back_by_each_mechanism(secured: SecuredKafka, mechanism: str) -> None:
    settings = replace(secured.settings, sasl_mechanism=mechanism)
    ensure_topics(settings)
    publisher = Publisher(settings)
    sent = CancelOrder(
        order_id=uuid7(), account_id="A", request_id=uuid7(), received_at=utc_now(), principal="test"
    )
    publisher.send(Topic.INBOUND.value, "A", sent, event_id=uuid7())
    publisher.flush()
    consumer = BatchConsumer(
        settings,
        group=f"read-{mechanism}",
        topics=[Topic.INBOUND],
        incarnation=read_incarnation(settings),
        load_offsets=lambda _incarnation, _places: {},
    )
    found: list[object] = []

    def came() -> bool:
        found.extend(record.message for record in consumer.poll(timeout_s=0.5).records)
        return sent in found

    wait_for(came, "the message")
    consumer.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "another"}, "Authentication failed"),
        ({"user": "nobody"}, "Authentication failed"),
        ({"ca": "other"}, "certificate verify failed.*(self-signed|unable to get|signature)"),
        ({"security": "PLAINTEXT"}, "transport failure"),
    ],
    ids=["password", "user", "authority", "plain text"],
)
def test_who_may_not_is_told_why_and_not_the_password(
    secured: SecuredKafka, changes: dict[str, str], reason: str
) -> None:
    if "ca" in changes:
        changes = {"ca": str(secured.other_authority)}
    with pytest.raises(KafkaUnavailableError, match=reason) as error:
        ensure_topics(replace(secured.settings, **changes))
    assert PASSWORD not in str(error.value)


def test_topics_are_made_with_the_replication_and_the_insync_replicas_that_were_asked_for(
    secured: SecuredKafka,
) -> None:
    ensure_topics(secured.settings)
    admin = AdminClient(client_config(secured.settings))
    topics = admin.list_topics(timeout=10).topics
    resource = ConfigResource(ResourceType.TOPIC, Topic.INBOUND.value)
    found = next(iter(admin.describe_configs([resource]).values())).result(10)
    assert found["min.insync.replicas"].value == "1"
    assert {len(partition.replicas) for partition in topics[Topic.INBOUND.value].partitions.values()} == {1}


def test_more_replicas_than_brokers_are_refused_with_the_brokers_own_words(secured: SecuredKafka) -> None:
    admin = AdminClient(client_config(secured.settings))
    for future in admin.delete_topics([Topic.QUOTES.value], operation_timeout=10).values():
        future.result()
    wait_for(lambda: Topic.QUOTES.value not in admin.list_topics(timeout=10).topics, "no topic")
    with pytest.raises(KafkaUnavailableError, match="replication factor"):
        ensure_topics(replace(secured.settings, replication=3, min_insync=2))
    ensure_topics(secured.settings)


def test_the_doctor_sees_the_certificate_and_too_few_replicas(secured: SecuredKafka) -> None:
    ensure_topics(secured.settings)
    deployment = Deployment(dsn="", kafka=secured.settings, endpoints={})
    (certificate,) = check_certificates(deployment)
    assert (certificate.name, certificate.well) == ("certificate kafka", True)
    assert check_topics(secured.settings).well
    assert [check.well for check in check_replication(secured.settings)] == [True, True, True]
    replication, insync, in_sync = check_replication(replace(secured.settings, replication=3, min_insync=2))
    assert (replication.well, insync.well, in_sync.well) == (False, False, True)
    assert "at least 1 replicas, must be at least 3" in replication.detail
    assert "at least 1, must be at least 2" in insync.detail


def test_services_work_with_the_settings_of_their_environment(
    secured: SecuredKafka, dsn: str, tmp_path: Path
) -> None:
    kafka = secured.settings
    settings = environment(tmp_path, dsn, kafka.bootstrap) | {
        "OMS_KAFKA_FETCH_WAIT_MS": "100",
        "OMS_KAFKA_SECURITY": kafka.security,
        "OMS_KAFKA_SASL_MECHANISM": kafka.sasl_mechanism,
        "OMS_KAFKA_USER": kafka.user,
        "OMS_KAFKA_PASSWORD": kafka.password,
        "OMS_KAFKA_CA": kafka.ca,
    }
    with (
        service("market-data-simulator", settings, tmp_path) as market_data,
        service("broker-simulator", settings, tmp_path) as broker,
        service("oms-core", settings, tmp_path) as core,
        service("sor", settings, tmp_path) as sor,
        service("adapter", settings, tmp_path) as adapter,
    ):
        for found in (market_data, broker, core, sor, adapter):
            wait_for(lambda found=found: found.ready, f"ready: {found.log}")
            assert PASSWORD not in found.log.read_text()
