"""The Java programs of this folder, QuickFIX/J as a venue and as a client: brought, compiled and run."""

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
POM: Final = HERE / "pom.xml"
SOURCES: Final = HERE / "java"
ENDS_S_MAX: Final = 20.0


def compiled() -> str:
    """Bring QuickFIX/J's jars by Maven, compile the programs, and return the class path of both.

    Both are kept between runs under a name that follows from what they are made of. Raises RuntimeError when
    Maven or the JDK is missing or fails.
    """
    for program, needs in (("mvn", "Maven"), ("javac", "a JDK of Java 17 or newer")):
        if shutil.which(program) is None:
            raise RuntimeError(f"tests/quickfixj needs {needs}: {program} is not on the PATH")
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "oms-sor"
    sources = sorted(SOURCES.glob("*.java"))
    jars = _made(
        base / f"quickfixj-jars-{_digest([POM])}",
        lambda folder: [
            "mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}",
        ],
    )  # fmt: skip
    classes = _made(
        base / f"quickfixj-classes-{_digest([POM, *sources])}",
        lambda folder: ["javac", "-cp", f"{jars}/*", "-d", folder, *map(str, sources)],
    )
    return f"{classes}:{jars}/*"


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _made(folder: Path, command: Callable[[str], list[str]]) -> Path:
    if folder.exists():
        return folder
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    result = subprocess.run(command(str(partial)), capture_output=True, text=True, check=False)
    if result.returncode:
        shutil.rmtree(partial)
        raise RuntimeError(f"{command('…')[0]} failed:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    try:
        partial.rename(folder)
    except OSError:
        # Another run was there first.
        shutil.rmtree(partial)
    return folder


class JavaProgram:
    """A program of this folder that runs, told what to do by lines, each answered by one."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", compiled(), name, *arguments]
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._lock = threading.Lock()

    def answer(self) -> str:
        """Wait for the next line. Raises RuntimeError when the program has ended without one."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"the program ended:\n{self._log.read_text()[-4000:]}")
        return line.strip()

    def tell(self, line: str) -> str:
        """Tell it a line, and return its answer."""
        if self.process.stdin is None:
            raise RuntimeError("the program hears nothing")
        with self._lock:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
            return self.answer()

    def end(self) -> None:
        """Let it end, and see that it does."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(ENDS_S_MAX)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
