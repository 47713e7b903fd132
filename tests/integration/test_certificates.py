"""Certificates as `oms doctor` sees them: those that last, those that end soon, and why one does not hold."""

from collections.abc import Callable
from pathlib import Path

import pytest

from oms_platform.certificates import explain, kafka_address, postgres_address
from oms_platform.kafka.settings import KafkaSettings
from oms_tools.doctor.certificates import check_certificates
from oms_tools.doctor.check import Check, Deployment
from tests.faults.certificates import issue
from tests.faults.tls_doors import tls_postgres, tls_server

PLAIN = KafkaSettings(bootstrap="127.0.0.1:1")
Look = Callable[[float], Check]


@pytest.fixture(params=["postgres", "kafka", "issuer"])
def look(
    request: pytest.FixtureRequest, postgres_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Look:
    """A function that gives one party a certificate of so many days, and has the doctor look."""

    def with_days(days_left: float) -> Check:
        certificate = issue(tmp_path / str(days_left), days_left=days_left)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        door = (
            tls_postgres(certificate, postgres_port)
            if request.param == "postgres"
            else tls_server(certificate)
        )
        with door as port:
            secured = KafkaSettings(
                bootstrap=f"127.0.0.1:{port}", security="SSL", ca=str(certificate.authority)
            )
            deployment = Deployment(
                dsn=f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=verify-full"
                f"&sslrootcert={certificate.authority}"
                if request.param == "postgres"
                else "",
                kafka=secured if request.param == "kafka" else PLAIN,
                endpoints={},
                issuer=f"https://127.0.0.1:{port}" if request.param == "issuer" else "",
            )
            (found,) = check_certificates(deployment)
            assert found.name == f"certificate {request.param}"
            return found

    return with_days


@pytest.mark.parametrize(
    ("days_left", "well", "says"),
    [
        (60, True, "ends in 60 days"),
        (5, False, "ends in 5 days, must be at least 14"),
        (-1, False, "expired"),
    ],
)
def test_a_certificate_that_ends_soon_or_has_ended_is_ill(
    look: Look, days_left: float, well: bool, says: str
) -> None:
    found = look(days_left)
    assert (found.well, says in found.detail) == (well, True), found


def test_without_tls_no_certificate_is_looked_at() -> None:
    deployment = Deployment(dsn="postgresql://db/oms", kafka=PLAIN, endpoints={}, issuer="http://issuer")
    assert list(check_certificates(deployment)) == []


def test_addresses_are_taken_apart() -> None:
    assert postgres_address("postgresql://oms@one,two/oms?port=6432,6433") == ("one", 6432, "")
    assert postgres_address("host=db sslrootcert=/ca.crt") == ("db", 5432, "/ca.crt")
    assert kafka_address("a.example.com:9093, b.example.com:9094") == ("a.example.com", 9093)
    assert kafka_address("broker") == ("broker", 9092)


def test_only_what_is_said_of_a_certificate_is_explained() -> None:
    assert explain("connection refused", "127.0.0.1", 1, "") == "connection refused"
    said = explain("SSL error: certificate verify failed", "127.0.0.1", 1, "")
    assert said.startswith("SSL error: certificate verify failed: ")
