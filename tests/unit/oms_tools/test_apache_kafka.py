"""The real Kafka of the laptop: its settings, and what is said when Java or Maven is missing. No network."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from oms_platform.kafka.settings import PARTITIONS
from oms_tools.laptop import apache_kafka
from oms_tools.laptop.apache_kafka import apache_kafka_part, ensure_jars, jars_folder
from oms_tools.laptop.parts import PartFailedError


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, beside an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def test_the_pom_names_one_version_of_kafka_the_one_of_the_jars_folder(programs: Path) -> None:
    dependencies = ElementTree.parse(apache_kafka._POM).getroot().findall(".//dependency")
    found = [[child.text for child in dependency] for dependency in dependencies]
    assert found == [["org.apache.kafka", "kafka_2.13", jars_folder().name.removeprefix("kafka-")]]


def test_the_brokers_settings_are_for_one_node_with_the_platforms_partitions(tmp_path: Path) -> None:
    lines = apache_kafka._properties(tmp_path, 9092, 9093).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert settings["process.roles"] == "broker,controller"
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["num.partitions"] == str(PARTITIONS)
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.dirs"] == str(tmp_path / "logs")


def test_a_missing_java_a_missing_maven_and_an_old_java_are_named(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(PartFailedError, match="needs Java 17 or newer on the PATH; it was not found"):
        apache_kafka_part(tmp_path / "kafka", 1, 2)
    script(programs, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(PartFailedError, match=r"needs Java 17 or newer, found 11\.0\.2"):
        apache_kafka_part(tmp_path / "kafka", 1, 2)
    with pytest.raises(PartFailedError, match=r"needs Maven \(mvn\) on the PATH"):
        ensure_jars()


def test_what_maven_says_when_it_fails_is_shown_and_the_next_try_asks_it_again(programs: Path) -> None:
    script(programs, "mvn", "echo 'no route to the repository'; exit 1")
    for _ in range(2):
        with pytest.raises(PartFailedError, match="no route to the repository"):
            ensure_jars()
    script(programs, "mvn", "exit 0")
    assert ensure_jars() == jars_folder()
    script(programs, "mvn", "exit 1")
    assert ensure_jars() == jars_folder()


def test_the_storage_is_formatted_once_and_the_broker_runs_from_the_jars(
    programs: Path, tmp_path: Path
) -> None:
    data = tmp_path / "kafka"
    script(programs, "mvn", "exit 0")
    script(
        programs,
        "java",
        f"""case "$*" in
            *format*) echo formatted >> {tmp_path}/formats; /bin/mkdir -p {data}/logs
                      echo > {data}/logs/meta.properties ;;
            *) echo 'openjdk version "21.0.1"' >&2 ;;
        esac""",
    )
    for _ in range(2):
        part = apache_kafka_part(data, 9092, 9093)
    assert (tmp_path / "formats").read_text() == "formatted\n"
    assert part.command[-2:] == ["kafka.Kafka", str(data / "server.properties")]
    assert f"{jars_folder()}/*" in part.command
    assert (data / "server.properties").read_text() == apache_kafka._properties(data, 9092, 9093)
    assert (data / "log4j2.yaml").exists()


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    made = [apache_kafka.new_cluster_id() for _ in range(2_000)]
    assert not [cluster_id for cluster_id in made if cluster_id.startswith("-")]
    assert {len(cluster_id) for cluster_id in made} == {22}
