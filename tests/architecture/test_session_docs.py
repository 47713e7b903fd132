"""docs/sessions.md has every setting of a session, with its default, and an example that can be used."""

import json
import re
from pathlib import Path

import msgspec

from execution_adapter.domain.session_settings import (
    Capabilities,
    ClOrdIds,
    Credentials,
    SessionSettings,
    Throttle,
    Tls,
    read_settings,
)
from oms_platform.fix.schedule import Schedule

PAGE = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
PARTS: dict[str, type[msgspec.Struct]] = {
    "": SessionSettings,
    "credentials.": Credentials,
    "tls.": Tls,
    "schedule.": Schedule,
    "throttle.": Throttle,
    "cl_ord_ids.": ClOrdIds,
    "capabilities.": Capabilities,
}


def defaults() -> dict[str, str]:
    """Return every setting's default as JSON, empty for one that must be given or is a part of its own."""
    found: dict[str, str] = {}
    for prefix, part in PARTS.items():
        for field in msgspec.structs.fields(part):
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = field.default_factory()
            shown = "" if default is msgspec.NODEFAULT or isinstance(default, Capabilities) else default
            found[prefix + field.name] = shown if shown == "" and default != "" else json.dumps(shown)
    return found


def test_every_setting_is_in_the_table_with_its_default() -> None:
    shown: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`[^|]+) \|([^|]*)\|", PAGE, re.M):
        for name in re.findall(r"`([^`]+)`", names):
            shown[name] = default.strip("` ")
    assert shown == defaults()


def test_the_example_can_be_used_and_shows_every_part() -> None:
    (example,) = re.findall(r"^    \{\n.*?^    \}$", PAGE, re.M | re.S)
    settings = read_settings(example)
    assert all(getattr(settings, prefix.rstrip(".")) is not None for prefix in PARTS if prefix)
