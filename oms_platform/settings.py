"""Settings: one frozen dataclass a service, read once from the environment; all wrong values are named."""

import dataclasses
import os
import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg

from oms_platform.errors import ConfigurationError

T = TypeVar("T")
# What must never be shown: an address may hold a password.
_SECRET: Final = re.compile(r"(dsn|url|password)$")


class SettingsError(ConfigurationError, ValueError):
    """One or more environment variables are missing or cannot be read."""


def _flag(text: str) -> bool:
    values = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in values:
        raise ValueError("expected true or false")
    return values[text.lower()]


def _check_address(name: str, text: str) -> None:
    """Raise ValueError for the address of a store that no library could take, without repeating it."""
    if not text:
        return
    if name.endswith("dsn"):
        try:
            psycopg.conninfo.conninfo_to_dict(text)
        except psycopg.ProgrammingError:
            raise ValueError("expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
    elif name == "redis_url" and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("expected redis://HOST:PORT/NUMBER or rediss://…")
    elif name == "oidc_issuer" and not text.startswith(("http://", "https://")):
        raise ValueError("expected http://… or https://…")


_READERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _flag, Path: Path}


def load_settings(cls: type[T], prefix: str, environ: Mapping[str, str] | None = None) -> T:
    """Build the dataclass `cls`; its field `kafka_bootstrap` is read from `{prefix}KAFKA_BOOTSTRAP`.

    What several services share may be given once under `OMS_`: the service's own prefix wins. Fields without
    a default are required, and an empty text is as good as none. A class may check its own values in
    `__post_init__` and raise ValueError. Raises SettingsError that lists every missing or unreadable
    variable, with no value that may be a secret.
    """
    environ = os.environ if environ is None else environ
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        own, shared = f"{prefix}{field.name.upper()}", f"OMS_{field.name.upper()}"
        text = environ.get(own, environ.get(shared))
        required = field.default is dataclasses.MISSING
        if not text and required:
            wrong.append(f"{own} (or {shared}) is required")
        if text is None or (not text and required):
            continue
        try:
            values[field.name] = _READERS[hints[field.name]](text)
            _check_address(field.name, text)
        except ValueError as error:
            wrong.append(f"{own} cannot be read{_shown(field.name, text, error)}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    try:
        return cls(**values)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _shown(name: str, text: str, error: ValueError) -> str:
    return f": {error}" if _SECRET.search(name) else f" from {text!r}: {error}"
