"""The ChaosDoor of the supervised stack on this machine, over HTTP."""

from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from oms_api.domain.chaos import Chaos, ChaosAction, ChaosRequest
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.ports import UnavailableError

AWAY: Final = "the chaos door of this stack does not answer"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_CODES: Final = {409: RefusalCode.CONFLICT}
_Kind = TypeVar("_Kind")


class _Problem(msgspec.Struct, frozen=True):
    """Why the door did not do it. field: of the request, empty for the whole."""

    message: str
    field: str = ""


class HttpChaosDoor:
    """Asks the door at `url`, which takes nothing without its password."""

    def __init__(self, url: str, password: str) -> None:
        self._url = f"{url}/chaos"
        self._headers = {"Authorization": f"Bearer {password}"}

    async def look(self) -> Chaos:
        """Return how everything stands."""
        status, body = await self._send("GET", b"")
        if status != 200:
            raise UnavailableError(AWAY, f"status {status}")
        return _read(body, Chaos)

    async def ask(self, request: ChaosRequest, by: str) -> ChaosAction | Refusal:
        """Begin what is asked for, or say why not."""
        status, body = await self._send("POST", msgspec.json.encode({"request": request, "by": by}))
        if status == 202:
            return _read(body, ChaosAction)
        problem = _read(body, _Problem)
        if status == 400:
            return invalid(FieldProblem(field=problem.field, message=problem.message))
        if status not in _CODES:
            raise UnavailableError(problem.message, f"status {status}")
        return Refusal(code=_CODES[status], message=problem.message)

    async def _send(self, method: str, body: bytes) -> tuple[int, bytes]:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as session,
                session.request(method, self._url, data=body or None) as answer,
            ):
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(AWAY, error) from error


def _read(body: bytes, kind: type[_Kind]) -> _Kind:
    try:
        found: Any = msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise UnavailableError(AWAY, error) from error
    return found  # type: ignore[no-any-return]
