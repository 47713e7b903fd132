"""Opening the page in a browser of whoever sits in front of this machine, and of nobody else."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Final

# Somebody who is logged in from elsewhere sees no window of this machine, and a build has nobody.
_ELSEWHERE: Final = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "CI")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def has_screen(environment: Mapping[str, str], platform: str, *, is_terminal: bool) -> bool:
    """Return whether a person in front of this machine would see a window."""
    if not is_terminal or any(environment.get(name) for name in _ELSEWHERE):
        return False
    return platform in ("darwin", "win32") or any(environment.get(name) for name in _DISPLAYS)


def open_page(address: str) -> bool:
    """Open an address where somebody would see it. Returns whether a browser took it."""
    if not has_screen(os.environ, sys.platform, is_terminal=sys.stdout.isatty()):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
