"""Settings: one frozen dataclass a service, read once from the environment; all wrong values are named."""

import dataclasses
import os
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class SettingsError(ValueError):
    """One or more environment variables are missing or cannot be read."""


def _flag(text: str) -> bool:
    values = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in values:
        raise ValueError("expected true or false")
    return values[text.lower()]


_READERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _flag, Path: Path}


def load_settings(cls: type[T], prefix: str, environ: Mapping[str, str] | None = None) -> T:
    """Build the dataclass `cls`; its field `kafka_bootstrap` is read from `{prefix}KAFKA_BOOTSTRAP`.

    What several services share may be given once under `OMS_`: the service's own prefix wins. Fields without
    a default are required. Raises SettingsError that lists every missing or unreadable variable.
    """
    environ = os.environ if environ is None else environ
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        own, shared = f"{prefix}{field.name.upper()}", f"OMS_{field.name.upper()}"
        text = environ.get(own, environ.get(shared))
        if text is None:
            if field.default is dataclasses.MISSING:
                wrong.append(f"{own} (or {shared}) is required")
            continue
        try:
            values[field.name] = _READERS[hints[field.name]](text)
        except ValueError as error:
            wrong.append(f"{own} cannot be read from {text!r}: {error}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return cls(**values)
