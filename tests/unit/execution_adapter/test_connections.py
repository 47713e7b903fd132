"""What a Logon proves who we are with, where it is kept, and connections that cannot be made."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from execution_adapter.adapters.connections import SecretError, SecretStore, VenueConnector, credential_fields
from execution_adapter.adapters.fix_sessions import FixSessions
from execution_adapter.domain.session_settings import Credentials, SessionSettings, Tls
from execution_adapter.domain.wire_ids import WireIds
from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.ports import SessionDown, VenueSession
from tests.ports import free_port


def test_a_secret_is_a_file_and_without_one_a_variable(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"from the file\n")
    environ = {"OMS_ADAPTER_SECRET_PW": "from pw", "OMS_ADAPTER_SECRET_A_B_C": "from a-b.c"}
    store = SecretStore(tmp_path, environ)
    assert store.read("pw") == b"from the file"
    assert store.read("a-b.c") == b"from a-b.c"
    assert SecretStore(None, environ).read("pw") == b"from pw"


def test_only_variables_of_their_own_are_secrets(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"OMS_POSTGRES_DSN": "postgresql://oms:pw@db/oms"})
    with pytest.raises(SecretError, match=r"expected a file OMS_POSTGRES_DSN in .*_SECRET_OMS_POSTGRES_DSN"):
        store.read("OMS_POSTGRES_DSN")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"\n")
    with pytest.raises(SecretError, match="found an empty one"):
        SecretStore(tmp_path, {}).read("pw")


@pytest.mark.parametrize("secret", [b"a\x01553=root", b"a\nb"])
def test_a_password_that_would_be_another_field_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(SecretError) as caught:
        credential_fields(Credentials(secret="pw"), secret)
    assert "553" not in str(caught.value)
    raw = credential_fields(Credentials(secret="pw", scheme="raw_data"), secret)
    assert raw == b"95=%d\x0196=%s\x01" % (len(secret), secret)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "127.0.0.1"}, "Connection refused"),
        ({"host": "a" * 70}, "label"),
        ({"credentials": Credentials(secret="missing")}, "expected a file missing"),
        ({"tls": Tls(ca="missing")}, "expected a file missing"),
        ({"tls": Tls(ca="garbage")}, "TLS: "),
    ],
    ids=["nobody listens", "no host name", "no password", "no authority", "no certificate"],
)
def test_a_connection_that_cannot_be_made_is_tried_again_and_says_why(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    (tmp_path / "garbage").write_bytes(b"no certificate")
    port = free_port()
    plain = {"host": "127.0.0.1", "port": port, "sender_comp_id": "OMS", "target_comp_id": "XNYS"}
    listener = socket.create_server(("127.0.0.1", 0)) if "tls" in change else None
    if listener is not None:
        plain["port"] = listener.getsockname()[1]
    settings = SessionSettings(**{**plain, **change})  # type: ignore[arg-type]
    inbox = Inbox(100)
    sessions = FixSessions(
        {"XNYS": VenueSession(settings=settings)},
        inbox,
        connector=VenueConnector(SecretStore(tmp_path, {})),
        wire_ids=WireIds(),
        reconnect_s=0.01,
        clock=lambda: datetime.now(UTC),
    )
    sessions.start()
    try:
        (item, *_) = inbox.take(8.0)
        assert isinstance(item, SessionDown)
        assert item.reason.startswith(f"cannot connect to {settings.host}:{settings.port}: ")
        assert why in item.reason
        assert not item.on_purpose
        for _ in range(800):
            if sessions.state("XNYS").failures > 1:
                break
            inbox.take(0.01)
        assert sessions.state("XNYS").failures > 1
    finally:
        sessions.stop()
        if listener is not None:
            listener.close()
