"""Do the certificates last?"""

import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from psycopg import conninfo

from oms_platform.certificates import NoCertificateError, certificate_end, kafka_address, postgres_address
from oms_tools.doctor.check import Check, Deployment

CERTIFICATE_DAYS_MIN: Final = 14
# Values of sslmode with which Postgres is spoken to by TLS or not at all.
TLS_MODES: Final = ("require", "verify-ca", "verify-full")


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
