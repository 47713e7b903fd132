"""What is installed is pinned by version and hash: requirements/, constraints.txt, pyproject.toml agree."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FILES: Final = {"install.txt": ("laptop", "reports"), "dev.txt": ("laptop", "reports", "dev")}
_PIN: Final = re.compile(r"^([\w.-]+)==([^\s\\;]+)", re.M)
_PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def plain(name: str) -> str:
    """Return a distribution's name in the one spelling of the index."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    return {plain(name): version for name, version in _PIN.findall(text)}


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_has_its_version_and_its_hashes(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text()
    assert "://" not in text
    lines = text.replace("\\\n", "").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    for entry in entries:
        name, *hashes = entry.split()
        assert _PIN.match(name), entry
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), name
    known = pins((ROOT / "constraints.txt").read_text())
    assert {name: version for name, version in pins(text).items() if known.get(name) != version} == {}


@pytest.mark.parametrize(("file", "extras"), FILES.items())
def test_what_the_project_asks_for_is_there(file: str, extras: tuple[str, ...]) -> None:
    optional = _PROJECT["optional-dependencies"]
    asked = [*_PROJECT["dependencies"], *(one for extra in extras for one in optional[extra])]
    named = {plain(re.split(r"[\[=<>~! ]", one)[0]) for one in asked}
    assert named - pins((ROOT / "requirements" / file).read_text()).keys() == set()


def test_what_is_installed_is_part_of_what_development_installs() -> None:
    install, dev = (pins((ROOT / "requirements" / file).read_text()) for file in FILES)
    assert install.items() <= dev.items()
