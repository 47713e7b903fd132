"""A real Keycloak with the realm of deploy/, and a person at its pages, driven over HTTP."""

import html
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import requests

from tests.ports import free_ports

VERSION: Final = "26.4.7"
REALM_FILE: Final = Path(__file__).parents[1] / "deploy" / "keycloak" / "oms-realm.json"
PASSWORD: Final = "personas-of-a-test"
CLIENT_SECRET: Final = "client-of-a-test"
ADMIN_PASSWORD: Final = "admin-of-a-test"
PAGE_ORIGIN: Final = "http://desk.localhost:8080"
START_S_MAX: Final = 150.0
ASK_S_MAX: Final = 20.0


def distribution() -> Path:
    """Return Keycloak's distribution, which Maven brings by its coordinates and which is kept between runs.

    Raises RuntimeError when Maven is missing or fails.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    folder = base / "oms-sor" / f"keycloak-{VERSION}"
    found = folder / f"keycloak-quarkus-dist-{VERSION}.zip"
    if found.exists():
        return found
    if shutil.which("mvn") is None:
        raise RuntimeError("Maven (mvn) was not found; it brings Keycloak's distribution")
    partial = folder / f"partial.{os.getpid()}"
    command = [
        "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
        f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip", f"-DoutputDirectory={partial}",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"Maven could not bring Keycloak:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    (partial / found.name).rename(found)
    partial.rmdir()
    return found


@dataclass
class Keycloak:
    """A running Keycloak."""

    url: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/oms"

    def endpoint(self, name: str) -> str:
        return f"{self.issuer}/protocol/openid-connect/{name}"

    def grant(self, **form: str) -> requests.Response:
        """Ask for tokens."""
        return requests.post(self.endpoint("token"), data=form, timeout=ASK_S_MAX)

    def persona(self, user: str, client_id: str = "oms-api") -> str:
        """Return a persona's access token, by password."""
        answer = self.grant(grant_type="password", client_id=client_id, username=user, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the administration of the realm. Returns the answer's JSON, or what Location names."""
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": "admin",
            "password": ADMIN_PASSWORD,
        }
        place = f"{self.url}/realms/master/protocol/openid-connect/token"
        token = requests.post(place, data=form, timeout=ASK_S_MAX).json()["access_token"]
        answer = requests.request(
            method, f"{self.url}/admin/realms/oms{path}", json=body, timeout=ASK_S_MAX,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        if "Location" in answer.headers:
            return answer.headers["Location"].rsplit("/", 1)[-1]
        return answer.json() if answer.content else None

    def client(self, client_id: str) -> dict[str, Any]:
        """Return a client as the administration has it."""
        found: dict[str, Any] = self.admin("GET", f"/clients?clientId={client_id}")[0]
        return found

    def new_key(self, priority: int) -> str:
        """Add a signing key; the highest priority signs. Returns its kid."""
        realm = self.admin("GET", "")["id"]
        asked = {
            "name": f"rsa-{priority}",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm,
            "config": {"priority": [str(priority)], "algorithm": ["RS256"]},
        }
        component = self.admin("POST", "/components", asked)
        keys = self.admin("GET", "/keys")["keys"]
        return next(str(key["kid"]) for key in keys if key["providerId"] == component)

    def signing_component(self) -> str:
        """Return the component whose key signs access tokens."""
        found = self.admin("GET", "/keys")
        kid = found["active"]["RS256"]
        return next(str(key["providerId"]) for key in found["keys"] if key["kid"] == kid)


class Person:
    """Somebody with a browser: goes to addresses, fills in Keycloak's forms."""

    def __init__(self, user: str, password: str = PASSWORD) -> None:
        self._user = user
        self._password = password
        # Keycloak's are Secure and of an old version; browsers send them to this machine all the same.
        self._cookies: dict[str, str] = {}

    def go(self, address: str, until: str = "") -> str:
        """Go to an address and log in. until: the address's beginning where nobody needs to be there.

        Returns the last address. Raises PermissionError when the password is not taken.
        """
        place, page = self._ask("GET", address, until)
        while (form := re.search(r'<form[^>]*\baction="([^"]+)"', page)) is not None:
            fields = {"username": self._user, "password": self._password, "accept": "Yes"}
            hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
            fields |= {name: html.unescape(value) for name, value in hidden}
            place, page = self._ask("POST", urljoin(place, html.unescape(form[1])), until, fields)
            if "Invalid username or password" in page:
                raise PermissionError(self._user)
        return place

    def _ask(
        self, method: str, place: str, until: str, fields: dict[str, str] | None = None
    ) -> tuple[str, str]:
        """Return where an address leads, and the page there."""
        while True:
            cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            answer = requests.request(
                method,
                place,
                data=fields,
                headers={"Cookie": cookies},
                allow_redirects=False,
                timeout=ASK_S_MAX,
            )
            for line in answer.raw.headers.getlist("Set-Cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                self._cookies[name] = value
            if not answer.is_redirect:
                return place, answer.text
            method, fields, place = "GET", None, urljoin(place, answer.headers["Location"])
            if until and place.startswith(until):
                return place, ""


@contextmanager
def keycloak(folder: Path) -> Iterator[Keycloak]:
    """Run a Keycloak with an H2 database of its own in `folder` until the block ends."""
    with zipfile.ZipFile(distribution()) as archive:
        archive.extractall(folder)
    home = folder / f"keycloak-{VERSION}"
    (home / "data" / "import").mkdir(parents=True)
    shutil.copy(REALM_FILE, home / "data" / "import")
    port = free_ports(2)
    found = Keycloak(f"http://127.0.0.1:{port}")
    command = [
        "sh", str(home / "bin" / "kc.sh"), "start-dev", "--import-realm", "--http-host=127.0.0.1",
        f"--http-port={port}", f"--hostname={found.url}", f"--http-management-port={port + 1}",
    ]  # fmt: skip
    environment = os.environ | {
        "OMS_PERSONA_PASSWORD": PASSWORD,
        "OMS_CLIENT_SECRET": CLIENT_SECRET,
        "OMS_PAGE_ORIGIN": PAGE_ORIGIN,
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m -XX:TieredStopAtLevel=1",
    }
    log = folder / "keycloak.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _await(found, process, log)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _await(found: Keycloak, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            if requests.get(f"{found.issuer}/.well-known/openid-configuration", timeout=ASK_S_MAX).ok:
                return
        except requests.ConnectionError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Keycloak did not start; its log ends:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)
