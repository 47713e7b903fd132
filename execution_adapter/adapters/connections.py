"""Connections to venues: TCP, TLS where the settings ask for it, and what the Logon proves who we are with.

The law of this file: a secret is read when it is needed, from where it is kept, and goes nowhere but to the
venue. A certificate is checked unless the settings could only say otherwise of this machine.
"""

import os
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from execution_adapter.domain.session_settings import Credentials, SessionSettings, Tls
from execution_adapter.ports import VenueConnection

CONNECT_S_MAX: Final = 5.0
VARIABLE_PREFIX: Final = "OMS_ADAPTER_SECRET_"


class SecretError(OSError):
    """A secret is not there, or cannot be sent. Its text never has the secret."""


class SecretStore:
    """Secrets by name: files of a folder, or environment variables where there is no such file.

    A password `fix-xnys` is the file `fix-xnys` of the folder, or the variable OMS_ADAPTER_SECRET_FIX_XNYS.
    """

    def __init__(self, folder: Path | None, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ

    def path(self, name: str) -> Path:
        """Return where a secret's file is. Raises SecretError."""
        if self._folder is None:
            raise SecretError(f"expected a file {name} in OMS_ADAPTER_SECRETS_DIR, which is not set")
        found = self._folder / name
        if not found.is_file():
            raise SecretError(f"expected a file {name} in {self._folder}, found none")
        return found

    def read(self, name: str) -> bytes:
        """Return a secret without the line's end that editors leave. Raises SecretError."""
        variable = VARIABLE_PREFIX + "".join([c if c.isalnum() else "_" for c in name.upper()])
        if variable in self._environ and (self._folder is None or not (self._folder / name).is_file()):
            value = self._environ[variable].encode()
        else:
            try:
                value = self.path(name).read_bytes().rstrip(b"\r\n")
            except SecretError as error:
                raise SecretError(f"{error}, and no variable {variable}") from None
        if not value:
            raise SecretError(f"expected a secret {name}, found an empty one")
        return value


class VenueConnector:
    """Connector with the secrets of a store."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    def connect(self, settings: SessionSettings) -> VenueConnection:
        """Connect, with TLS where the settings ask for it. Raises OSError, whose text says what is wrong."""
        logon, secret = b"", b""
        for tag, value in settings.logon_fields.items():
            logon += f"{tag}={value}\x01".encode()
        if settings.credentials is not None:
            secret = self._secrets.read(settings.credentials.secret)
            logon += credential_fields(settings.credentials, secret)
        made = socket.create_connection((settings.host, settings.port), CONNECT_S_MAX)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.tls is not None:
                made = self._secured(made, settings.tls, settings.host)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
        return VenueConnection(socket=made, logon=logon, secret=secret.decode("latin-1"))

    def _secured(self, made: socket.socket, tls: Tls, host: str) -> ssl.SSLSocket:
        try:
            context = ssl.create_default_context(cafile=self._secrets.path(tls.ca) if tls.ca else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if tls.certificate:
                context.load_cert_chain(self._secrets.path(tls.certificate), self._secrets.path(tls.key))
            if not tls.verify:
                # Settings refuse this of any host but loopback.
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            return context.wrap_socket(made, server_hostname=tls.server_name or host)
        except ssl.SSLCertVerificationError as error:
            raise OSError(f"TLS: the venue's certificate is refused: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise OSError(f"TLS: {error.reason or error}") from error


def credential_fields(credentials: Credentials, secret: bytes) -> bytes:
    """Write the fields of a Logon that prove who we are. Raises SecretError."""
    user = f"553={credentials.username}\x01".encode() if credentials.username else b""
    if credentials.scheme == "raw_data":
        return b"%s95=%d\x0196=%s\x01" % (user, len(secret), secret)
    if b"\x01" in secret or b"\n" in secret:
        raise SecretError(f"expected a password of one line in {credentials.secret}, found another")
    return b"%s554=%s\x01" % (user, secret)
