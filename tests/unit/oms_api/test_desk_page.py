"""The desk page: its policy, what it is made of, and that its colours can be read."""

import re
from pathlib import Path

import pytest

from oms_api.entrypoints.desk_page import FILES, FOLDER, PAGE, assets, page_of, policy_of

ROOT = Path(__file__).parents[3]
TOKENS = ROOT / "desk" / "src" / "style" / "tokens.css"
# What text has upon it, by the ground.
UPON = {
    "panel": {"text", "soft", "accent", "buy", "sell", "good", "bad", "warn"},
    "raised": {"text", "soft", "accent", "buy", "sell", "good", "bad", "warn"},
    "ground": {"text", "soft"},
    "picked": {"text", "soft", "buy", "sell", "good", "bad", "warn"},
    "hover": {"text", "soft", "buy", "sell", "good", "bad", "warn"},
    "buy-ground": {"text", "buy", "soft"},
    "sell-ground": {"text", "sell", "soft"},
    "good-ground": {"good"},
    "bad-ground": {"bad"},
    "warn-ground": {"warn"},
    "accent": {"on-accent"},
    "buy": {"on-accent"},
    "sell": {"on-accent"},
}
# What has a meaning without being text: lines of fields and buttons (WCAG 2.2, 1.4.11).
LINES = {"panel": {"strong", "accent"}}


def directives(policy: str) -> dict[str, list[str]]:
    """Return a policy's sources by directive."""
    parts = [part.split() for part in policy.split(";")]
    return {name: sources for name, *sources in parts}


def test_the_policy_runs_what_this_gateway_serves_and_nothing_else() -> None:
    assert directives(policy_of("abc")) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'nonce-abc'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        # Nothing in the page makes markup or script of text.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("https://id.example/realms/oms", "https://id.example"),
    ],
)
def test_the_page_asks_the_issuers_origin_too_where_people_log_in(issuer: str, origin: str) -> None:
    assert directives(policy_of("abc", issuer)) == directives(policy_of("abc")) | {
        "connect-src": ["'self'", origin]
    }


def test_the_page_names_each_file_by_its_hash_and_nothing_of_another_server() -> None:
    files = assets()
    page = page_of((FOLDER / PAGE).read_text(), files)
    assert re.findall(r"\{\{(\w+)\}\}", page) == ["nonce"]
    for name in ("desk.js", "desk.css", "icon.svg"):
        assert f"/desk/{name}?v={files[name].name}" in page
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {
        f"/desk/{name}?v={files[name].name}" for name in ("desk.js", "desk.css", "icon.svg")
    }
    assert not re.search(r"<style|style=| on\w+=|<script>", page)


def test_the_files_load_nothing_and_are_small() -> None:
    css = (FOLDER / "desk.css").read_text()
    assert not re.search(r"@import|url\(", css)
    script = (FOLDER / "desk.js").read_text()
    assert not re.search(r"\beval\(|new Function\(|document\.write|insertAdjacentHTML|import\(", script)
    addresses = set(re.findall(r"https?://[^\s\"'`)]+|wss?://", script))
    # Names of XML are no places.
    assert {one for one in addresses if not one.startswith("http://www.w3.org/")} == {"ws://", "wss://"}
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 1_000_000


def test_the_licences_of_all_that_the_script_holds_are_beside_it() -> None:
    licences = (FOLDER / "licences.txt").read_text()
    for name in ("preact", "@preact/signals", "@preact/signals-core", "slickgrid", "sortablejs"):
        assert f"{name} " in licences
    assert "has no text of the licence" not in licences


def test_no_file_of_the_sources_names_a_package_registry() -> None:
    lock = (ROOT / "desk" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "desk" / ".npmrc").read_text()


# ---- contrast


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def themes() -> list[dict[str, str]]:
    """Return the colours of each theme: light, dark as the system's, dark, high contrast."""
    blocks = re.findall(r"\{([^{}]*--ground:[^{}]*)\}", TOKENS.read_text())
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def test_there_are_three_themes_and_the_systems_dark_one_is_the_dark_one() -> None:
    light, systems, dark, high = themes()
    assert systems == dark
    assert set(light) == set(dark) == set(high)
    assert len({light["ground"], dark["ground"], high["ground"]}) == 3


@pytest.mark.parametrize("place", [0, 2, 3])
def test_every_colour_has_the_contrast_that_wcag_asks_for_upon_every_ground(place: int) -> None:
    colours = themes()[place]
    short = [
        (text, ground, round(contrast(colours[text], colours[ground]), 2))
        for grounds, least in ((UPON, 4.5), (LINES, 3.0))
        for ground, texts in grounds.items()
        for text in texts
        if contrast(colours[text], colours[ground]) < least
    ]
    assert short == []
