"""Where Kafka is and how to speak to it, as services and commands are told."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from oms_platform.settings import load_settings

PARTITIONS: Final = 4
PARTITIONS_MAX: Final = 1024
SECURITY_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where the broker is and how to speak to it.

    assignment: "all" (one instance reads every partition) or "group". security: Kafka's security.protocol.
    ca: a file with the authority of the broker's certificate, the system's when empty. replication,
    min_insync: of the topics that are made. partitions: of every topic; keys are spread over so many, so a
    running system never changes it.
    """

    bootstrap: str
    assignment: str = "all"
    fetch_wait_ms: int = 5
    security: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    replication: int = 1
    min_insync: int = 1
    partitions: int = PARTITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaFields:
    """The part of a service's settings that is about Kafka: `OMS_KAFKA_…`, as in KafkaSettings."""

    kafka_bootstrap: str
    kafka_fetch_wait_ms: int = 5
    kafka_security: str = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_user: str = ""
    kafka_password: str = field(default="", repr=False)
    kafka_ca: str = ""
    kafka_replication: int = 1
    kafka_min_insync: int = 1
    kafka_partitions: int = PARTITIONS

    def __post_init__(self) -> None:
        """Raise ValueError for values that contradict each other."""
        for name, value, known in (
            ("OMS_KAFKA_SECURITY", self.kafka_security, SECURITY_PROTOCOLS),
            ("OMS_KAFKA_SASL_MECHANISM", self.kafka_sasl_mechanism, SASL_MECHANISMS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, was {value!r}")
        if self.kafka_security.startswith("SASL") and not (self.kafka_user and self.kafka_password):
            raise ValueError(f"OMS_KAFKA_USER and OMS_KAFKA_PASSWORD are required with {self.kafka_security}")
        if self.kafka_ca and not Path(self.kafka_ca).is_file():
            raise ValueError(f"OMS_KAFKA_CA must name a file, was {self.kafka_ca!r}")
        if not 1 <= self.kafka_partitions <= PARTITIONS_MAX:
            raise ValueError(
                f"OMS_KAFKA_PARTITIONS must be from 1 to {PARTITIONS_MAX}, was {self.kafka_partitions}"
            )
        if not 1 <= self.kafka_min_insync <= self.kafka_replication:
            raise ValueError(
                f"OMS_KAFKA_MIN_INSYNC must be from 1 to OMS_KAFKA_REPLICATION ({self.kafka_replication}),"
                f" was {self.kafka_min_insync}"
            )

    def kafka(self, assignment: str = "all") -> KafkaSettings:
        """Return what a client needs: each field here without its `kafka_`."""
        named = {
            each.name: getattr(self, f"kafka_{each.name}")
            for each in fields(KafkaSettings)
            if each.name != "assignment"
        }
        return KafkaSettings(assignment=assignment, **named)


def kafka_of_environment(bootstrap: str) -> KafkaSettings:
    """Return the settings of a command that is given an address: the rest is in `OMS_KAFKA_…`.

    Raises SettingsError.
    """
    found = load_settings(KafkaFields, "OMS_", os.environ | {"OMS_KAFKA_BOOTSTRAP": bootstrap})
    return found.kafka()


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every client of librdkafka is given: address, security, and no chatter."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "log_level": 3,
        "socket.keepalive.enable": True,
    }
    if settings.security != "PLAINTEXT":
        config["security.protocol"] = settings.security
    if settings.ca:
        config["ssl.ca.location"] = settings.ca
    if settings.security.startswith("SASL"):
        config |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.user,
            "sasl.password": settings.password,
        }
    return config
