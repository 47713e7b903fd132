"""A small REST client for the command line.

It speaks to the laptop stack that runs, or to the deployment that OMS_URL names: there OMS_ISSUER is its
issuer and OMS_PASSWORD a persona's password. The law of this file: whatever goes wrong is an ApiError of
one line that a person can read.
"""

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from oms_tools.laptop.layout import running_layout

TIMEOUT_S: Final = 15.0
URL_VARIABLE: Final = "OMS_URL"
ISSUER_VARIABLE: Final = "OMS_ISSUER"
PASSWORD_VARIABLE: Final = "OMS_PASSWORD"  # noqa: S105  (a name)
_SHOWN_CHARACTERS_MAX: Final = 300
_REFUSED_FROM: Final = 400
_FAILED_FROM: Final = 500
_SCHEMES: Final = ("http", "https")


class ApiError(RuntimeError):
    """The API refused a request, cannot be reached, or its answer cannot be read, said in one line.

    code: the API's, if any. status: of HTTP, 0 without an answer.
    """

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
        self.status = status

    @property
    def refused(self) -> bool:
        """Whether the request had no effect for sure. Without an answer, or with 5xx, it may have had one."""
        return _REFUSED_FROM <= self.status < _FAILED_FROM


class ApiClient:
    """REST calls with a bearer token. Every failure is an ApiError with the API's own sentence."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    @classmethod
    def of_stack(cls, data: Path, user: str) -> "ApiClient":
        """Return a client of the deployment that OMS_URL names, or of the stack that runs in `data`."""
        # Imported here: it stands on the errors of this module.
        from oms_tools.cli.log_in import token_source  # noqa: PLC0415

        token = token_source(data, user)()
        url = os.environ.get(URL_VARIABLE) or running_layout(data)[0].api_url
        return cls(url.rstrip("/"), token)

    def get(self, path: str, **query: str | Sequence[str]) -> Any:
        """GET a page. A parameter of several values is repeated."""
        suffix = f"?{urllib.parse.urlencode(query, doseq=True)}" if query else ""
        return self._call("GET", path, suffix=suffix)

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
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        suffix: str = "",
    ) -> Any:
        all_headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | (
            headers or {}
        )
        # An id that a person has typed may hold anything.
        return _request(method, self.url + urllib.parse.quote(path) + suffix, body, all_headers)


def _request(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        parts = urllib.parse.urlsplit("")
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise ApiError(f"expected an address such as http://HOST:PORT, found {url}")
    place = f"{parts.scheme}://{parts.netloc}"
    request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except TimeoutError as error:
        raise ApiError(f"no answer from {place} within {TIMEOUT_S:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        said = (
            (reason.strerror if isinstance(reason, OSError) else "") or str(reason) or type(reason).__name__
        )
        raise ApiError(f"no answer from {place}: {said}") from error
    try:
        return json.loads(text or b"null")
    except ValueError as error:
        raise ApiError(
            f"expected JSON from {url}, found {_one_line(text.decode(errors='replace'))}"
        ) from error


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    """Read a refusal: of the API, of an OAuth 2.0 issuer (RFC 6749, section 5.2), or of neither."""
    try:
        text = error.read().decode(errors="replace")
        answer = json.loads(text)
    except ValueError:
        answer = None
    except (OSError, http.client.HTTPException):
        text, answer = "its answer was cut off", None
    problem = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(problem, dict):
        sentence = sentence_of_refusal(problem, f" (HTTP {error.code})")
        return ApiError(sentence, str(problem.get("code") or ""), error.code)
    if isinstance(problem, str) and isinstance(answer, dict):
        said = answer.get("error_description") or problem
        return ApiError(f"{said} (HTTP {error.code})", problem, error.code)
    return ApiError(f"HTTP {error.code}: {_one_line(text)}", status=error.code)


def sentence_of_refusal(problem: dict[str, Any], status: str = "") -> str:
    """Return the API's error, of REST or of the stream, with its fields in one line."""
    fields = [
        f"{item['field']}: {item['message']}".removeprefix(": ") for item in problem.get("fields") or []
    ]
    return f"{problem.get('message', problem)}{status}" + (f": {'; '.join(fields)}" if fields else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_CHARACTERS_MAX]
