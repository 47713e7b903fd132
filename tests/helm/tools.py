"""Helm, OPA and buf for the tests: those on the PATH if they are new enough, or built once by Go and kept.

`python -m tests.helm.tools` builds it and prints where it is.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HELM_VERSION = "3.21.4"
HELM_MODULE = f"helm.sh/helm/v3/cmd/helm@v{HELM_VERSION}"
OPA_VERSION = "1.4.2"
BUF_VERSION = "1.54.0"
KUBERNETES_KNOWN = ("1", "36")
MINOR_MIN = 17


class ToolMissingError(RuntimeError):
    """There is no helm, and none can be built; the message says what is needed."""


def _minor(helm: str) -> int:
    """Return the minor version of a Helm 3, -1 for what is none."""
    found = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, check=False).stdout
    matched = re.match(r"v3\.(\d+)", found)
    return int(matched[1]) if matched else -1


def tools_folder() -> Path:
    """Return where built tools are kept between runs, beside Kafka's jars."""
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    return base / "oms-sor"


@cache
def helm() -> str:
    """Return the path of a helm. Raises ToolMissingError."""
    on_path = shutil.which("helm")
    if on_path is not None and _minor(on_path) >= MINOR_MIN:
        return on_path
    # What helm's own Makefile sets: its version, and the Kubernetes that it renders for when it sees none.
    packages = ("pkg/lint/rules", "pkg/chartutil")
    known = {"Major": KUBERNETES_KNOWN[0], "Minor": KUBERNETES_KNOWN[1]}
    values = {"internal/version.version": f"v{HELM_VERSION}"} | {
        f"{package}.k8sVersion{part}": number for package in packages for part, number in known.items()
    }
    flags = " ".join(f"-X helm.sh/helm/v3/{name}={value}" for name, value in values.items())
    return _built("helm", HELM_VERSION, HELM_MODULE, "-trimpath", "-ldflags", flags)


@cache
def opa() -> str:
    """Return the path of an opa, which runs deploy/policy. Raises ToolMissingError."""
    module = f"github.com/open-policy-agent/opa@v{OPA_VERSION}"
    return shutil.which("opa") or _built("opa", OPA_VERSION, module)


@cache
def buf() -> str:
    """Return the path of a buf, which lints proto/. Raises ToolMissingError."""
    module = f"github.com/bufbuild/buf/cmd/buf@v{BUF_VERSION}"
    return shutil.which("buf") or _built("buf", BUF_VERSION, module)


def _built(name: str, version: str, module: str, *options: str) -> str:
    """Return where a tool is kept, built the first time. Raises ToolMissingError."""
    built = tools_folder() / f"{name}-{version}" / name
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with (built.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not built.exists():
                _build(built, module, options)
    return str(built)


def _build(built: Path, module: str, options: Sequence[str]) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise ToolMissingError(f"expected a {built.name} on the PATH, or go to build {module}; found neither")
    environment = os.environ | {"GOBIN": str(built.parent), "CGO_ENABLED": "0"}
    result = subprocess.run(
        [go, "install", *options, module],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ToolMissingError(f"{module} could not be built:\n{result.stderr[-2000:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{helm()}\n")
