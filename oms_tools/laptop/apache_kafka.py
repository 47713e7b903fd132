"""A real Apache Kafka 4 (KRaft, one node) from its jars, which Maven brings by their coordinates."""

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from oms_platform.kafka.settings import PARTITIONS, KafkaSettings, client_config
from oms_tools.laptop.parts import Part, PartFailedError

JAVA_VERSION_MIN: Final = 17
HEAP: Final = "512m"
_POM: Final = Path(__file__).with_name("kafka-pom.xml")
_LOG4J: Final = """\
Configuration:
  status: WARN
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
"""


def jars_folder() -> Path:
    """Return where the jars are kept between runs."""
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    return base / "oms-sor" / "kafka-4.1.0"


def ensure_jars() -> Path:
    """Fetch Kafka's jars if they are not there yet. Raises PartFailedError when Maven is missing or fails."""
    folder = jars_folder()
    done = folder / ".complete"
    if done.exists():
        return folder
    if shutil.which("mvn") is None:
        raise PartFailedError(
            "--kafka apache needs Maven (mvn) on the PATH to bring Kafka's jars; it was not found"
        )
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "mvn",
        "-q",
        "-B",
        "-f",
        str(_POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise PartFailedError(f"Maven could not bring Kafka's jars:\n{result.stdout[-2000:]}")
    done.touch()
    return folder


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise PartFailedError(
            f"--kafka apache needs Java {JAVA_VERSION_MIN} or newer on the PATH; it was not found"
        )
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    version = text.split('"')[1] if '"' in text else "0"
    if int(version.split(".")[0]) < JAVA_VERSION_MIN:
        raise PartFailedError(f"--kafka apache needs Java {JAVA_VERSION_MIN} or newer, found {version}")
    return java


def new_cluster_id() -> str:
    """Make an id as Kafka's own tools do: 16 random bytes in URL-safe base64, never read as an option."""
    while True:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id


def apache_kafka_part(
    data: Path,
    port: int,
    controller_port: int,
    *,
    properties_more: Mapping[str, object] | None = None,
    format_more: Sequence[str] = (),
    client: KafkaSettings | None = None,
) -> Part:
    """Return a one-node Kafka in `data`, formatted with a fresh cluster id if it is not yet.

    properties_more, format_more: for its server.properties and its format command; client: how to ask it
    whether it is there, when that is not plain text.
    """
    java, jars = _java(), ensure_jars()
    data.mkdir(parents=True, exist_ok=True)
    properties = data / "server.properties"
    properties.write_text(_properties(data, port, controller_port, properties_more or {}))
    (data / "log4j2.yaml").write_text(_LOG4J)
    classpath = f"{jars}/*"
    if not (data / "logs" / "meta.properties").exists():
        cluster_id = new_cluster_id()
        command = [
            java,
            "-cp",
            classpath,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster_id,
            "-c",
            str(properties),
            *format_more,
        ]
        subprocess.run(command, check=True, capture_output=True)

    def ready() -> bool:
        try:
            asked = client or KafkaSettings(bootstrap=f"127.0.0.1:{port}")
            return bool(AdminClient(client_config(asked) | {"log_level": 0}).list_topics(timeout=2))
        except KafkaException:
            return False

    command = [
        java,
        f"-Xms{HEAP}",
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={data}/log4j2.yaml",
    ]
    return Part(
        name="kafka", command=[*command, "-cp", classpath, "kafka.Kafka", str(properties)], ready=ready
    )


def _properties(
    data: Path, port: int, controller_port: int, more: Mapping[str, object] = MappingProxyType({})
) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data / "logs",
        "num.partitions": PARTITIONS,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": PARTITIONS,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.retention.hours": 24,
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
