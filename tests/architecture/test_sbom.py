"""The bill of materials: whole, valid CycloneDX, and nothing in it under a licence that is not allowed."""

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
# The policy: what may be installed beside code under Apache-2.0. Copyleft only of a library or file
# that is used as it is.
ALLOWED: Final = frozenset(
    (
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU",
        "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", "LGPL-3.0-only",
    )
)  # fmt: skip
# What a distribution says in other words than SPDX's.
_CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: DFSG approved": "",
}
# Those that say it in no form that a tool reads; a person has read their licence file.
READ_BY_A_PERSON: Final = {
    "kubernetes-validate": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    # The QuickFIX Software License: Apache 1.1 in its terms; tests only.
    "quickfix": "BSD-3-Clause",
    "rich-click": "MIT",
    "swagger-ui-py": "Apache-2.0",
}


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bill of this installation; the tool holds it to the schema of its version."""
    file = tmp_path_factory.mktemp("sbom") / "sbom.json"
    made = subprocess.run(
        [
            str(Path(sys.executable).with_name("cyclonedx-py")), "environment", "--pyproject",
            str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate", "-o", str(file), sys.prefix,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def licences(component: dict[str, Any]) -> set[str]:
    """Return the SPDX ids that a component is under; of a choice the whole, as all of ours are allowed."""
    said = [
        each.get("expression") or each["license"].get("id") or each["license"].get("name", "")
        for each in component.get("licenses", [])
    ]
    words = " AND ".join(_CLASSIFIERS.get(text, text) for text in said)
    found = set(re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", words)) - {""}
    return found or {READ_BY_A_PERSON.get(component["name"].lower(), "")}


def test_it_names_all_that_is_installed(sbom: dict[str, Any]) -> None:
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "oms-sor")
    plain = re.compile(r"[-_.]+")
    named = {(plain.sub("-", one["name"]).lower(), one["version"]) for one in sbom["components"]}
    there = {(plain.sub("-", one.name).lower(), one.version) for one in distributions()}
    assert {name for name, _ in there - named} <= {"oms-sor"}
    assert all(one["purl"].startswith("pkg:pypi/") for one in sbom["components"])


def test_everything_is_under_a_licence_that_is_allowed(sbom: dict[str, Any]) -> None:
    wrong = {one["name"]: licences(one) for one in sbom["components"] if not licences(one) <= ALLOWED}
    assert wrong == {}


def test_a_licence_that_is_not_allowed_is_found() -> None:
    for text in ("GPL-3.0-only", "MIT AND AGPL-3.0-only", "License :: Other/Proprietary License"):
        component = {"name": "x", "licenses": [{"expression": text}]}
        assert not licences(component) <= ALLOWED
    assert not licences({"name": "says-nothing"}) <= ALLOWED
