"""Certificates as a client meets them: why one does not hold, which libraries leave out, and when it ends."""

import socket
import ssl
import struct
from datetime import UTC, datetime
from typing import Final

from psycopg import conninfo

ANSWER_S_MAX: Final = 3.0
_POSTGRES_PORT: Final = 5432
_KAFKA_PORT: Final = 9092
# What a client of Postgres asks before TLS begins (PostgreSQL's protocol, SSLRequest).
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)
_VERIFY_FAILED: Final = "certificate verify failed"


class NoCertificateError(OSError):
    """The server speaks no TLS, or its certificate does not hold."""


def certificate_end(host: str, port: int, authority: str = "", *, postgres: bool = False) -> datetime:
    """Return when a server's certificate ends. Raises NoCertificateError, which says why there is none.

    authority: a file with the authorities to trust, the system's when empty. postgres: ask as its clients do.
    """
    try:
        context = ssl.create_default_context(cafile=authority or None)
        with socket.create_connection((host, port), timeout=ANSWER_S_MAX) as line:
            if postgres:
                line.sendall(_SSL_REQUEST)
                if line.recv(1) != b"S":
                    raise NoCertificateError("the server speaks no TLS")
            with context.wrap_socket(line, server_hostname=host) as secured:
                ends = str((secured.getpeercert() or {})["notAfter"])
    except ssl.SSLCertVerificationError as error:
        raise NoCertificateError(error.verify_message) from error
    except (OSError, KeyError) as error:
        raise NoCertificateError(str(error)) from error
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def postgres_address(dsn: str) -> tuple[str, int, str]:
    """Return the first host of a database's address, its port, and its sslrootcert."""
    found = conninfo.conninfo_to_dict(dsn)
    authority = str(found.get("sslrootcert") or "")
    host = str(found.get("host") or "localhost").partition(",")[0]
    port = str(found.get("port") or _POSTGRES_PORT).partition(",")[0]
    return host, int(port), "" if authority == "system" else authority


def kafka_address(bootstrap: str) -> tuple[str, int]:
    """Return the first broker's host and port."""
    host, _, port = bootstrap.partition(",")[0].strip().rpartition(":")
    return (host, int(port)) if host and port.isdigit() else (bootstrap.partition(",")[0], _KAFKA_PORT)


def explain(said: str, host: str, port: int, authority: str, *, postgres: bool = False) -> str:
    """Add to what a library said of a certificate why it does not hold: expired, of another host, …"""
    if _VERIFY_FAILED not in said:
        return said
    try:
        certificate_end(host, port, authority, postgres=postgres)
    except NoCertificateError as error:
        return f"{said}: {error}"
    return said
