"""A small REST client for the command line, acting as a demo persona.

It speaks to the laptop stack that runs, or to the deployment that OMS_URL names: there OMS_ISSUER is its
issuer and OMS_PASSWORD the persona's password.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

from oms_tools.laptop.layout import ISSUER_AUDIENCE, running_layout

TIMEOUT_S: Final = 15.0
URL_VARIABLE: Final = "OMS_URL"
ISSUER_VARIABLE: Final = "OMS_ISSUER"
PASSWORD_VARIABLE: Final = "OMS_PASSWORD"  # noqa: S105  (a name)


class ApiError(RuntimeError):
    """The API refused a request, or cannot be reached."""


def fetch_token(issuer_url: str, user: str, password: str = "") -> str:
    """Return an access token of a demo persona (RFC 6749, section 4.3). Raises ApiError."""
    found = _request("GET", f"{issuer_url}/.well-known/openid-configuration", None, {})
    fields = {"grant_type": "password", "client_id": ISSUER_AUDIENCE, "username": user, "password": password}
    answer = _request(
        "POST",
        str(found["token_endpoint"]),
        urllib.parse.urlencode(fields).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    return str(answer["access_token"])


def persona_token(data: Path, user: str) -> str:
    """Return a persona's token for the deployment that OMS_URL names, or for the stack that runs in `data`.

    Raises ApiError, and StackError when there is neither.
    """
    if not os.environ.get(URL_VARIABLE):
        layout, _ = running_layout(data)
        return fetch_token(layout.issuer_url, user)
    issuer = os.environ.get(ISSUER_VARIABLE)
    if not issuer:
        raise ApiError(f"{URL_VARIABLE} is set, so {ISSUER_VARIABLE} is required: the issuer's address")
    return fetch_token(issuer.rstrip("/"), user, os.environ.get(PASSWORD_VARIABLE, ""))


class ApiClient:
    """REST calls with a bearer token. Every failure is an ApiError with the API's own sentence."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    @classmethod
    def of_stack(cls, data: Path, user: str) -> "ApiClient":
        """Return a client of the deployment that OMS_URL names, or of the stack that runs in `data`."""
        token = persona_token(data, user)
        url = os.environ.get(URL_VARIABLE) or running_layout(data)[0].api_url
        return cls(url.rstrip("/"), token)

    def get(self, path: str, **query: str) -> Any:
        """GET a page."""
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self._call("GET", path + suffix)

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """POST JSON."""
        return self._call("POST", path, json.dumps(body).encode(), headers)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """PUT JSON."""
        return self._call("PUT", path, json.dumps(body).encode())

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._call("DELETE", path)

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        all_headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | (
            headers or {}
        )
        return _request(method, self.url + path, body, all_headers)


def _request(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise ApiError(_sentence(error)) from error
    except (urllib.error.URLError, OSError) as error:
        raise ApiError(f"{method} {url}: {error}") from error


def _sentence(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        problem = json.loads(text)["error"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"HTTP {error.code}: {text[:500]}"
    if not isinstance(problem, dict):
        return f"HTTP {error.code}: {text[:500]}"
    fields = "".join(f"\n  {item['field']}: {item['message']}" for item in problem.get("fields") or [])
    return f"{problem.get('message', problem)} (HTTP {error.code}){fields}"
