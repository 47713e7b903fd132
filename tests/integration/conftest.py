"""What needs a real Apache Kafka or Keycloak runs with `make integration` only."""

import os

from tests.conftest import KAFKA_VARIABLE

collect_ignore = (
    []
    if os.environ.get(KAFKA_VARIABLE) == "apache"
    else [
        "test_group_leave.py",
        "test_kafka_security.py",
        "test_keycloak.py",
    ]
)
