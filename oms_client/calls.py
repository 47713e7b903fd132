"""A request as a value, and how a table of functions that make such values becomes the methods of clients.

The law of this file: an operation is written once. The same attribute of `Operations` is a plain method of
`Client`, a coroutine of `AsyncClient`, and gives JSON as it came on `JsonClient`.
"""

import functools
import inspect
import urllib.parse
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, overload
from uuid import UUID

import msgspec

P = ParamSpec("P")
T = TypeVar("T")
PAGE_MAX: Final = 200
Value = str | int | bool | UUID | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """A request that is not sent yet. shape: of its answer's JSON.

    repeatable: its effect is the same however often it is asked for. One that is not is repeated only when it
    had no effect for sure.
    """

    method: str
    path: str
    shape: type[T]
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    @property
    def target(self) -> str:
        """The path with its query, as it is sent."""
        return f"{self.path}?{urllib.parse.urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging(Generic[T]):
    """A list that comes page by page. rows: its name in a page. most: how many rows are wanted at most."""

    call: Call[Any]
    rows: str
    row: type[T]
    most: int | None = None

    def page(self, cursor: str | None, taken: int) -> Call[Any] | None:
        """Return what asks for the next page; None when there are as many rows as are wanted."""
        size = PAGE_MAX if self.most is None else min(PAGE_MAX, self.most - taken)
        if size <= 0:
            return None
        more = (("limit", str(size)), *(() if cursor is None else (("cursor", cursor),)))
        return replace(self.call, query=(*self.call.query, *more))


def path_of(template: str, **parts: object) -> str:
    """Return a path with its parts put in, each as one segment whatever it holds."""
    return template.format(**{name: urllib.parse.quote(str(part), safe="") for name, part in parts.items()})


def query_of(**given: Value | list[str]) -> tuple[tuple[str, str], ...]:
    """Return the parameters that are given, as text; one of several values is repeated."""
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        if isinstance(value, list):
            found += [(name, one) for one in value]
        elif value is not None:
            found.append((name, _text(value)))
    return tuple(found)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def if_match(version: int | None) -> dict[str, str]:
    """Return the header that asks for a change of one version only; none without a version."""
    return {} if version is None else {"If-Match": f'"{version}"'}


def body_of(**given: Any) -> dict[str, Any]:
    """Return a JSON object of what is given; what is None is left out."""
    return {name: value for name, value in given.items() if value is not None}


class SyncSender:
    """What sends calls and waits for their answers."""

    def send(self, call: Call[T]) -> T:
        """Send a call. Returns its answer. Raises ApiError."""
        raise NotImplementedError

    def send_paging(self, paging: Paging[T]) -> Iterator[T]:
        """Yield a list's rows, asking for pages as they are needed. Raises ApiError."""
        cursor, taken = None, 0
        while (call := paging.page(cursor, taken)) is not None:
            page = self.send(call)
            rows = getattr(page, paging.rows)
            yield from rows
            cursor, taken = page.next_cursor, taken + len(rows)
            if cursor is None:
                return


class JsonSender:
    """What sends calls and gives their answers as they came, decoded from JSON and no further."""

    def send(self, call: Call[T]) -> Any:
        """Send a call. Returns its answer's JSON. Raises ApiError."""
        raise NotImplementedError

    def send_paging(self, paging: Paging[T]) -> Iterator[Any]:
        """Yield a list's rows, asking for pages as they are needed. Raises ApiError."""
        cursor, taken = None, 0
        while (call := paging.page(cursor, taken)) is not None:
            page = self.send(call)
            yield from page[paging.rows]
            cursor, taken = page.get("nextCursor"), taken + len(page[paging.rows])
            if cursor is None:
                return


class AsyncSender:
    """What sends calls, for asyncio."""

    async def send(self, call: Call[T]) -> T:
        """Send a call. Returns its answer. Raises ApiError."""
        raise NotImplementedError

    async def send_paging(self, paging: Paging[T]) -> AsyncIterator[T]:
        """Yield a list's rows, asking for pages as they are needed. Raises ApiError."""
        cursor, taken = None, 0
        while (call := paging.page(cursor, taken)) is not None:
            page = await self.send(call)
            rows = getattr(page, paging.rows)
            for row in rows:
                yield row
            cursor, taken = page.next_cursor, taken + len(rows)
            if cursor is None:
                return


class _Bound:
    """What both kinds of operation are: a function that makes a request, and its name in the contract."""

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name = name
        self._make = make
        self.__doc__ = make.__doc__
        self.__name__ = make.__name__
        _self, *rest = inspect.signature(make).parameters.values()
        self.signature = inspect.signature(make).replace(parameters=rest)

    def _method(self, send: Callable[[Any], Any]) -> Callable[..., Any]:
        def method(*args: Any, **given: Any) -> Any:
            return send(self._make(None, *args, **given))

        functools.update_wrapper(method, self._make, updated=())
        method.__signature__ = self.signature  # type: ignore[attr-defined]
        return method


class Operation(_Bound, Generic[P, T]):
    """An operation of the API; of a client, the method that asks for it."""

    def call(self, *args: P.args, **given: P.kwargs) -> Call[T]:
        """Return the request, to be sent later by a client's `send`."""
        made: Call[T] = self._make(None, *args, **given)
        return made

    @overload
    def __get__(self, sender: None, owner: type) -> Self: ...
    @overload
    def __get__(self, sender: SyncSender, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, sender: JsonSender, owner: type) -> Callable[P, Any]: ...
    @overload
    def __get__(self, sender: AsyncSender, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, sender: Any, owner: type) -> Any:
        """Return the method of a client."""
        return self if sender is None else self._method(sender.send)


class ListOperation(_Bound, Generic[P, T]):
    """An operation that lists, page by page; of a client, the method that iterates over all of it."""

    def paging(self, *args: P.args, **given: P.kwargs) -> Paging[T]:
        """Return the list, to be asked for later."""
        made: Paging[T] = self._make(None, *args, **given)
        return made

    @overload
    def __get__(self, sender: None, owner: type) -> Self: ...
    @overload
    def __get__(self, sender: SyncSender, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, sender: JsonSender, owner: type) -> Callable[P, Iterator[Any]]: ...
    @overload
    def __get__(self, sender: AsyncSender, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, sender: Any, owner: type) -> Any:
        """Return the method of a client."""
        return self if sender is None else self._method(sender.send_paging)


def operation(name: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], Operation[P, T]]:
    """Make an operation of a function that makes its request. name: its operationId in /openapi.json."""

    def made(make: Callable[Concatenate[Any, P], Call[T]]) -> Operation[P, T]:
        return Operation(name, make)

    return made


def listing(name: str) -> Callable[[Callable[Concatenate[Any, P], Paging[T]]], ListOperation[P, T]]:
    """Make an operation that lists of a function. name: its operationId in /openapi.json."""

    def made(make: Callable[Concatenate[Any, P], Paging[T]]) -> ListOperation[P, T]:
        return ListOperation(name, make)

    return made


def decoded(body: bytes, shape: type[T]) -> T:
    """Decode an answer. Raises msgspec.DecodeError."""
    return msgspec.json.decode(body or b"null", type=shape)
