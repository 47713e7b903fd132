"""A browser is opened for a person in front of this machine, and for nobody else."""

import webbrowser

import pytest

from oms_tools.cli import browser

SCREEN = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("environment", "platform", "is_terminal", "opens"),
    [
        (SCREEN, "linux", True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True, True),
        ({}, "darwin", True, True),
        ({}, "linux", True, False),
        ({"DISPLAY": ""}, "linux", True, False),
        (SCREEN, "linux", False, False),
        ({}, "darwin", False, False),
        (SCREEN | {"CI": "true"}, "linux", True, False),
        ({"CI": "1"}, "darwin", True, False),
        # X forwarding: there is a display, and it is far away.
        (SCREEN | {"SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, "linux", True, False),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", True, False),
    ],
)
def test_a_window_is_for_whoever_sits_here(
    environment: dict[str, str], platform: str, is_terminal: bool, opens: bool
) -> None:
    assert browser.has_screen(environment, platform, is_terminal=is_terminal) is opens


def test_without_a_screen_nothing_is_opened_and_a_browser_that_fails_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def take(address: str) -> bool:
        asked.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", take)
    monkeypatch.setattr(browser, "has_screen", lambda *_, **__: False)
    assert not browser.open_page("http://127.0.0.1:8080/") and asked == []
    monkeypatch.setattr(browser, "has_screen", lambda *_, **__: True)
    assert browser.open_page("http://127.0.0.1:8080/") and asked == ["http://127.0.0.1:8080/"]

    def fail(_address: str) -> bool:
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(webbrowser, "open", fail)
    assert not browser.open_page("http://127.0.0.1:8080/")
