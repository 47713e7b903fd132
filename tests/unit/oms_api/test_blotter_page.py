"""The blotter is one file, and its policy lets a browser run that file and nothing else."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from oms_api.entrypoints.blotter_page import policy_of

PAGE = (Path(__file__).parents[3] / "oms_api" / "entrypoints" / "blotter.html").read_bytes()
# What makes a browser load or run what the policy's hashes do not cover.
LOADING = {"src", "srcset", "href", "action", "formaction", "data", "poster", "background", "style"}


class Reader(HTMLParser):
    """Reads a page: its attributes, and the text of each script and style."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        self._inside = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside][-1] += data


def directives(policy: str) -> dict[str, list[str]]:
    """Return a policy's sources by directive."""
    parts = [part.split() for part in policy.split(";")]
    return {name: sources for name, *sources in parts}


def hashed(text: str) -> str:
    """Return the source expression of an inline element."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_the_pages_own_script_and_style_by_hash_and_no_frame() -> None:
    policy, found = directives(policy_of(PAGE)), Reader(PAGE).texts
    assert policy == {
        "default-src": ["'none'"],
        "script-src": [hashed(text) for text in found["script"]],
        "style-src": [hashed(text) for text in found["style"]],
        "img-src": ["data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    assert [len(texts) for texts in found.values()] == [1, 1]


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("https://id.example/realms/oms", "https://id.example"),
    ],
)
def test_the_page_asks_the_issuers_origin_too_where_people_log_in(issuer: str, origin: str) -> None:
    policy = directives(policy_of(PAGE, issuer))
    assert policy == directives(policy_of(PAGE)) | {"connect-src": ["'self'", origin]}


@pytest.mark.parametrize("element", ["script", "style"])
def test_another_character_is_another_policy(element: str) -> None:
    changed = PAGE.replace(f"</{element}>".encode(), f" </{element}>".encode())
    before, after = directives(policy_of(PAGE)), directives(policy_of(changed))
    assert [name for name in before if before[name] != after[name]] == [f"{element}-src"]


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_of_a_text_has_the_contrast_that_wcag_asks_for() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", PAGE.decode())
    for block, ground in ((light, "#ffffff"), (dark, "#121212")):
        colours = dict(re.findall(r"--(\w+): (#\w{6});", block))
        assert set(colours) == {"good", "bad", "soft", "buy", "sell"}
        for name, colour in colours.items():
            darker, lighter = sorted((luminance(ground), luminance(colour)))
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


def test_the_page_loads_nothing_and_names_no_other_server() -> None:
    attributes = Reader(PAGE).attributes
    loaded = [value for name, value in attributes if name in LOADING or name.startswith("on")]
    assert [value[:22] for value in loaded] == ["data:image/png;base64,"]
    addresses = set(re.findall(rb"[a-z]+://[^\s\"'`]*|[\"'`(]//[^\s\"'`]*", PAGE))
    assert addresses == {b"ws://", b"wss://"}
    assert not re.search(
        rb"@import|url\(|import\(|innerHTML|insertAdjacentHTML|document\.write|\beval\(", PAGE
    )
