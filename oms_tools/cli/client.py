"""The client of the command line: oms_client, its answers as JSON; who it acts as: log_in.py.

It speaks to the laptop stack that runs, or to the deployment that OMS_URL names: there OMS_ISSUER is its
issuer and OMS_PASSWORD a persona's password. The law of this file: whatever goes wrong is an ApiError of
one line that a person can read.
"""

import os
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import msgspec

from oms_client.calls import Call, query_of
from oms_client.client import JsonClient
from oms_client.errors import ApiError as ApiError  # noqa: PLC0414  (named here for who has a client of here)
from oms_client.errors import UnreadableAnswerError
from oms_client.exchange import Policy
from oms_tools.laptop.layout import running_layout

S = TypeVar("S")
URL_VARIABLE: Final = "OMS_URL"
ISSUER_VARIABLE: Final = "OMS_ISSUER"
PASSWORD_VARIABLE: Final = "OMS_PASSWORD"  # noqa: S105  (a name)
TIMEOUT_S: Final = 15.0
# Whoever types a command sees at once that nobody answers, and may type it again.
ONCE: Final = Policy(timeout_s=TIMEOUT_S, tries_max=1)
# An order is worth a wait: asked for again, it is made once.
PATIENT: Final = Policy(timeout_s=TIMEOUT_S, deadline_s=15.0)


class ApiClient(JsonClient):
    """A client that repeats nothing unless it is told to, and fetches a persona's token anew in time."""

    @classmethod
    def of_stack(cls, data: Path, user: str, policy: Policy = ONCE) -> Self:
        """Return a client of the deployment that OMS_URL names, or of the stack that runs in `data`."""
        # Imported here: it stands on the errors of this module.
        from oms_tools.cli.log_in import token_source  # noqa: PLC0415

        url = os.environ.get(URL_VARIABLE) or running_layout(data)[0].api_url
        return cls(url, token_source(data, user), policy=policy)

    def __init__(self, url: str, token: Any, *, policy: Policy = ONCE) -> None:
        """Make a client. token: a token, or a source of tokens."""
        super().__init__(url, token, policy=policy)

    @property
    def token(self) -> str:
        """A token that counts. Raises ApiError."""
        return self._tokens.current()

    def get(self, path: str, **query: str | Sequence[str]) -> Any:
        """GET a page. A parameter of several values is repeated."""
        given = {name: one if isinstance(one, str) else list(one) for name, one in query.items()}
        return self.request("GET", urllib.parse.quote(path), query=query_of(**given))

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """POST JSON."""
        return self.request("POST", urllib.parse.quote(path), body=body, headers=headers)

    def place_bodies(
        self, orders: Sequence[Mapping[str, Any]], *, channel: str, check_only: bool = False
    ) -> Any:
        """Place orders, each as REST takes it, all of them or none; asked for again they are placed once.

        check_only: they are checked only.
        """
        return self.send(
            Call(
                method="POST",
                path="/api/v1/orders/batch",
                shape=object,
                body={"orders": list(orders), "allOrNothing": True, "checkOnly": check_only},
                headers={"X-OMS-Channel": channel},
            )
        )

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """PUT JSON."""
        return self.request("PUT", urllib.parse.quote(path), body=body)

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self.request("DELETE", urllib.parse.quote(path))


def read(answer: Any, shape: type[S]) -> S:
    """Read an answer's JSON. Raises ApiError when it is not of the shape."""
    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError as error:
        raise UnreadableAnswerError(f"the API's answer is not what this `oms` reads: {error}") from error
