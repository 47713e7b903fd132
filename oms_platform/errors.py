"""The three kinds of error that are exceptions: what passes, what was given wrongly, what must not be."""

import re
from typing import ClassVar, Final

_PASSWORD_IN_ADDRESS: Final = re.compile(r"(://[^:/@\s]*):[^@\s]*@")
_PASSWORD_BY_NAME: Final = re.compile(r"(?i)(password\s*=\s*)('[^']*'|\S+)")


class OperationalError(Exception):
    """Something outside is away or slow. The work is retried, from the start-up path, with backoff.

    dependency: what it is that is away, by the name that readiness calls it.
    """

    dependency: ClassVar[str] = "startup"


class ConfigurationError(Exception):
    """What the process was given, or what it stands on, is wrong: only a new start after a change helps."""


class BrokenInvariantError(Exception):
    """The state contradicts itself. The process stops at once and keeps the evidence."""


def without_secrets(text: str) -> str:
    """Take the passwords out of what a library says of an address."""
    return _PASSWORD_BY_NAME.sub(r"\1***", _PASSWORD_IN_ADDRESS.sub(r"\1:***@", text))
