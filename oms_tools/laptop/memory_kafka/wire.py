"""Kafka's wire format, as far as this broker reads and writes it: the versions without tagged fields."""

import struct
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

Item = TypeVar("Item")
_I16: Final = struct.Struct(">h")
_I32: Final = struct.Struct(">i")
_I64: Final = struct.Struct(">q")


class Reader:
    """Reads a request's fields, one after the other. Raises struct.error or IndexError when it ends early."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def int8(self) -> int:
        """Read a byte."""
        self._at += 1
        return self._data[self._at - 1]

    def int16(self) -> int:
        """Read two bytes."""
        self._at += 2
        return int(_I16.unpack_from(self._data, self._at - 2)[0])

    def int32(self) -> int:
        """Read four bytes."""
        self._at += 4
        return int(_I32.unpack_from(self._data, self._at - 4)[0])

    def int64(self) -> int:
        """Read eight bytes."""
        self._at += 8
        return int(_I64.unpack_from(self._data, self._at - 8)[0])

    def string(self) -> str:
        """Read a text; a null one is empty."""
        return self._take(self.int16()).decode()

    def data(self) -> bytes:
        """Read bytes; null ones are empty."""
        return self._take(self.int32())

    def array(self, read: Callable[[], Item]) -> list[Item]:
        """Read as many items as are said to come; a null array has none."""
        return [read() for _ in range(self.int32())]

    def _take(self, length: int) -> bytes:
        if length <= 0:
            return b""
        begin, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise IndexError(f"{length} bytes were to come, {len(self._data) - begin} are there")
        return self._data[begin : self._at]


def int16(value: int) -> bytes:
    """Write two bytes."""
    return _I16.pack(value)


def int32(value: int) -> bytes:
    """Write four bytes."""
    return _I32.pack(value)


def int64(value: int) -> bytes:
    """Write eight bytes."""
    return _I64.pack(value)


def string(text: str) -> bytes:
    """Write a text."""
    encoded = text.encode()
    return _I16.pack(len(encoded)) + encoded


def data(content: bytes) -> bytes:
    """Write bytes."""
    return _I32.pack(len(content)) + content


def array(items: Iterable[bytes]) -> bytes:
    """Write written items as an array."""
    written = list(items)
    return _I32.pack(len(written)) + b"".join(written)


NULL_STRING: Final = int16(-1)
