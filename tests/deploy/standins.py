"""Builds stand-ins for what a registry would give: from Debian's packages, jars, a zip and Go modules."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from oms_tools.laptop.apache_kafka import ensure_jars
from tests.deploy.engine import Compose, NotThereError, cache_folder, run
from tests.keycloak import VERSION as KEYCLOAK
from tests.keycloak import distribution as keycloak_distribution

HERE = Path(__file__).parent
BASE = "oms-standin/debian:bookworm"
PYTHON_BASE = "oms-standin/python:3.11"
OPENSEARCH = "2.19.6"
COLLECTOR = "0.149.0"
# A module's v1.76.0 holds the program of version 2.13.0.
JAEGER = "2.13.0"
JAEGER_MODULE = "github.com/jaegertracing/jaeger/cmd/jaeger@v1.76.0"
DEBIAN = "bookworm"
IMAGES = {
    "OMS_IMAGE_BASE": PYTHON_BASE,
    "OMS_IMAGE_POSTGRES": "oms-standin/postgres:15",
    "OMS_IMAGE_REDIS": "oms-standin/redis:7",
    "OMS_IMAGE_KAFKA": "oms-standin/kafka:4.1.0",
    "OMS_IMAGE_KEYCLOAK": f"oms-standin/keycloak:{KEYCLOAK}",
    "OMS_IMAGE_PROMETHEUS": "oms-standin/prometheus:2",
    "OMS_IMAGE_JAEGER": f"oms-standin/jaeger:{JAEGER}",
    "OMS_IMAGE_OTEL_COLLECTOR": f"oms-standin/otel-collector:{COLLECTOR}",
    "OMS_IMAGE_OPENSEARCH": f"oms-standin/opensearch:{OPENSEARCH}",
}
_PYTHON_PACKAGES = "ca-certificates,python3,python3-venv"


def build_standins() -> dict[str, str]:
    """Build what is missing. Returns the variables that give the stand-ins to compose.yaml."""
    _ensure_base(BASE, "ca-certificates")
    _ensure_base(PYTHON_BASE, _PYTHON_PACKAGES)
    context = _context()
    Compose(context / "compose.yaml", {}, "oms-standins")("build", "--quiet", timeout_s=1_200)
    return dict(IMAGES)


def _ensure_base(image: str, packages: str) -> None:
    if (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    ):
        return
    if shutil.which("debootstrap") is None:
        raise NotThereError("debootstrap was not found; Debian's package of that name brings it")
    root = cache_folder() / "standins" / image.replace("/", "-").replace(":", "-")
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(exist_ok=True)
    run(["debootstrap", "--variant=minbase", f"--include={packages}", DEBIAN, str(root)])
    _trust_what_this_machine_trusts(root)
    if "python3" in packages:
        # The real base calls it so.
        (root / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
    run(["chroot", str(root), "apt-get", "clean"])
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        settings = ["--change", 'CMD ["bash"]']
        run(["docker", "import", *settings, "-", image], stdin=archive.stdout)
    shutil.rmtree(root)


def _trust_what_this_machine_trusts(root: Path) -> None:
    """Give the image the machine's own certificate authorities and pip's settings, if it has any."""
    own = Path("/usr/local/share/ca-certificates")
    shutil.copytree(own, root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
    run(["chroot", str(root), "update-ca-certificates"])
    settings = Path("/etc/pip.conf")
    if settings.exists():
        shutil.copy(settings, root / "etc/pip.conf")


def _context() -> Path:
    """Lay the build's context: the files beside this one, and what Maven and Go bring."""
    context = cache_folder() / "standins" / "context"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(HERE / "standin", context, ignore=shutil.ignore_patterns("otelcol"))
    jars = context / "kafka-jars"
    jars.mkdir()
    for jar in ensure_jars().glob("*.jar"):
        os.link(jar, jars / jar.name)
    os.link(keycloak_distribution(), context / "keycloak.zip")
    shutil.copytree(_opensearch_jars(), context / "opensearch-jars", copy_function=os.link)
    os.link(_collector(), context / "otelcol")
    os.link(_jaeger(), context / "jaeger")
    return context


def _opensearch_jars() -> Path:
    folder = cache_folder() / f"opensearch-{OPENSEARCH}"
    if not folder.exists():
        _need("mvn", "Maven (mvn)", "OpenSearch's jars")
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        pom = str(HERE / "opensearch-pom.xml")
        run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={partial}"])
        partial.rename(folder)
    return folder


def _collector() -> Path:
    """The collector, built from the folder `standin/otelcol`; again when that has changed."""
    source = HERE / "standin" / "otelcol"
    made_of = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()
    program = cache_folder() / f"otelcol-{COLLECTOR}" / made_of[:12]
    if not program.exists():
        _go(["build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(program), "."], source)
    return program


def _jaeger() -> Path:
    folder = cache_folder() / f"jaeger-{JAEGER}"
    program = folder / "jaeger"
    if not program.exists():
        module = folder / "module"
        shutil.rmtree(module, ignore_errors=True)
        module.mkdir(parents=True)
        (module / "go.mod").write_text("module oms-sor.test/jaeger\n\ngo 1.24\n")
        _go(["get", "-tool", JAEGER_MODULE], module)
        package = JAEGER_MODULE.split("@")[0]
        _go(["build", "-trimpath", "-ldflags=-s -w", "-o", str(program), package], module)
    return program


def _go(words: list[str], folder: Path) -> None:
    """Run Go in a folder; minutes the first time."""
    _need("go", "Go", "the collector and Jaeger")
    run(["go", *words], cwd=folder, env=os.environ | {"CGO_ENABLED": "0"})


def _need(command: str, name: str, what: str) -> None:
    if shutil.which(command) is None:
        raise NotThereError(f"{name} was not found; it brings {what}")
