"""A slash that belongs to a name: BF/A is one segment of a path, written BF%2FA.

Servers decode a path before it is divided, and such a name falls apart. Here its segments are kept as they
were divided, and what stands for a name is decoded where it is read.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

_ENCODED: Final = b"%2f"


def with_names_whole(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a request's scope with a path in which only what divides it is a slash."""
    raw = scope.get("raw_path") or b""
    if not has_slash_in_name(scope):
        return scope
    segments = [unquote(segment) for segment in raw.decode("latin-1").split("/")]
    whole = "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)
    return {**scope, "path": whole}


def names_of(scope: Mapping[str, Any], path_params: Mapping[str, object]) -> dict[str, str]:
    """Return what stands for the names in a path, each as its client meant it."""
    found = {name: str(value) for name, value in path_params.items()}
    if not has_slash_in_name(scope):
        return found
    return {name: value.replace("%2F", "/").replace("%25", "%") for name, value in found.items()}


def has_slash_in_name(scope: Mapping[str, Any]) -> bool:
    """Whether a path has a slash that does not divide it."""
    return _ENCODED in (scope.get("raw_path") or b"").lower()
