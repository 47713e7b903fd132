"""A small REST client for the command line, acting as a demo persona.

It speaks to the laptop stack that runs, or to the deployment that OMS_URL names: there OMS_ISSUER is its
issuer and OMS_PASSWORD the persona's password. The law of this file: whatever goes wrong is an ApiError of
one line that a person can read.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from oms_tools.laptop.layout import ISSUER_AUDIENCE, running_layout

TIMEOUT_S: Final = 15.0
URL_VARIABLE: Final = "OMS_URL"
ISSUER_VARIABLE: Final = "OMS_ISSUER"
PASSWORD_VARIABLE: Final = "OMS_PASSWORD"  # noqa: S105  (a name)
# RFC 6749, section 5.2: the user is unknown or the password is wrong.
_INVALID_GRANT: Final = "invalid_grant"
_SHOWN_CHARACTERS_MAX: Final = 300


class ApiError(RuntimeError):
    """The API refused a request, cannot be reached, or its answer cannot be read. code: the API's, if any."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


def fetch_token(issuer_url: str, user: str, password: str = "") -> str:
    """Return an access token of a demo persona (RFC 6749, section 4.3). Raises ApiError."""
    found = _request("GET", f"{issuer_url}/.well-known/openid-configuration", None, {})
    fields = {"grant_type": "password", "client_id": ISSUER_AUDIENCE, "username": user, "password": password}
    try:
        answer = _request(
            "POST",
            str(found["token_endpoint"]),
            urllib.parse.urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
    except ApiError as error:
        if error.code != _INVALID_GRANT:
            raise
        raise ApiError(f"no user {user} at this issuer, or a wrong password", error.code) from error
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

    def get(self, path: str, **query: str | Sequence[str]) -> Any:
        """GET a page. A parameter of several values is repeated."""
        suffix = f"?{urllib.parse.urlencode(query, doseq=True)}" if query else ""
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
    place = f"{urllib.parse.urlsplit(url).scheme}://{urllib.parse.urlsplit(url).netloc}"
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except TimeoutError as error:
        raise ApiError(f"no answer from {place} within {TIMEOUT_S:g} s") from error
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else reason
        raise ApiError(f"nothing answers at {place}: {said}") from error
    try:
        return json.loads(text or b"null")
    except ValueError as error:
        raise ApiError(
            f"expected JSON from {url}, found {_one_line(text.decode(errors='replace'))}"
        ) from error


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    """Read a refusal: of the API, of an OAuth 2.0 issuer (RFC 6749, section 5.2), or of neither."""
    text = error.read().decode(errors="replace")
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    problem = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(problem, dict):
        return ApiError(sentence_of_refusal(problem, f" (HTTP {error.code})"), str(problem.get("code") or ""))
    if isinstance(problem, str) and isinstance(answer, dict):
        said = answer.get("error_description") or problem
        return ApiError(f"{said} (HTTP {error.code})", problem)
    return ApiError(f"HTTP {error.code}: {_one_line(text)}")


def sentence_of_refusal(problem: dict[str, Any], status: str = "") -> str:
    """Return the API's error, of REST or of the stream, with its fields in one line."""
    fields = [
        f"{item['field']}: {item['message']}".removeprefix(": ") for item in problem.get("fields") or []
    ]
    return f"{problem.get('message', problem)}{status}" + (f": {'; '.join(fields)}" if fields else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_CHARACTERS_MAX]
