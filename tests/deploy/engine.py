"""A Docker engine and Compose for the deploy test: what is there, else `dockerd` started and Compose built.

Everything made is kept in the cache folder, so that the second run is fast.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

COMPOSE_MODULE = "github.com/docker/compose/v2"
COMPOSE_VERSION = "v2.28.1"
ENGINE_START_TIMEOUT_S = 60.0
ENGINE_STOP_TIMEOUT_S = 60.0


class NotThereError(RuntimeError):
    """Something that the deploy test needs is not there; the message says what brings it."""


def cache_folder() -> Path:
    """Return where the engine's data, Compose and the stand-ins' parts are kept between runs."""
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    folder = base / "oms-sor"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(command: list[str], **options: object) -> str:
    """Run a command and return what it printed. A failure shows the end of it."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if result.returncode:
        tail = (result.stdout + result.stderr)[-6_000:]
        raise AssertionError(f"{' '.join(command)} exited with {result.returncode}:\n{tail}")
    return str(result.stdout)


def _engine_answers() -> bool:
    return (
        subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False
        ).returncode
        == 0
    )


@contextmanager
def docker_engine() -> Iterator[None]:
    """A Docker engine: the one that answers, else `dockerd`, which is stopped at the end."""
    if shutil.which("docker") is None:
        raise NotThereError("docker was not found; Debian's package docker.io brings it")
    if _engine_answers():
        yield
        return
    if shutil.which("dockerd") is None:
        raise NotThereError("no Docker engine answers and dockerd was not found; docker.io brings it")
    folder = cache_folder() / "docker"
    folder.mkdir(exist_ok=True)
    command = ["dockerd", "--data-root", str(folder / "data"), "--pidfile", str(folder / "docker.pid")]
    with (folder / "dockerd.log").open("wb") as log:
        engine = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + ENGINE_START_TIMEOUT_S
        while not _engine_answers():
            if engine.poll() is not None or time.monotonic() > deadline:
                raise NotThereError(f"dockerd did not start: {(folder / 'dockerd.log').read_text()[-2_000:]}")
            time.sleep(0.2)
        yield
    finally:
        engine.terminate()
        engine.wait(ENGINE_STOP_TIMEOUT_S)


def compose_command() -> list[str]:
    """Return how Compose 2 is called: Docker's plugin, or built from its Go module."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    folder = cache_folder() / f"compose-{COMPOSE_VERSION}"
    program = folder / "docker-compose"
    if not program.exists():
        if shutil.which("go") is None:
            raise NotThereError("Compose 2 was not found, nor Go to build it: install either")
        environment = os.environ | {"GOBIN": str(folder / "bin"), "CGO_ENABLED": "0"}
        run(["go", "install", f"{COMPOSE_MODULE}/cmd@{COMPOSE_VERSION}"], env=environment)
        (folder / "bin" / "cmd").rename(program)
    return [str(program)]


class Compose:
    """One Compose project. environment: the variables that its files name. also: files merged over it."""

    def __init__(
        self, file: Path, environment: Mapping[str, str], project: str, also: Sequence[Path] = ()
    ) -> None:
        files = [word for path in (file, *also) for word in ("--file", str(path))]
        self._command = [*compose_command(), *files, "--project-name", project]
        self._environment = {**os.environ, **environment}

    def __call__(self, *words: str, check: bool = True, timeout_s: float = 600.0) -> str:
        """Run a Compose command and return its output. A failure shows it, unless `check` is False."""
        result = subprocess.run(
            [*self._command, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        if check and result.returncode:
            tail = (result.stdout + result.stderr)[-6_000:]
            raise AssertionError(f"compose {' '.join(words)} exited with {result.returncode}:\n{tail}")
        return result.stdout
