"""A headless Chromium, driven over the Chrome DevTools Protocol: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.ports import free_port

ANSWER_S_MAX = 20.0
START_S_MAX = 60.0
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Page:
    """One page of a browser. dialogs: what it has asked in dialogs, each answered with `accepts`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.accepts = True
        self.dialogs: list[str] = []
        # What the browser has blocked, failed to load, or thrown.
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol. Returns its result. Raises RuntimeError with why not."""
        wanted = self._send(method, parameters)
        deadline = time.monotonic() + ANSWER_S_MAX
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            if message.get("id") == wanted:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        return self._last

    def _note(self, message: dict[str, Any]) -> None:
        found = message.get("params", {})
        match message.get("method"):
            case "Page.javascriptDialogOpening":
                self.dialogs.append(found["message"])
                self._send("Page.handleJavaScriptDialog", {"accept": self.accepts})
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(found["exceptionDetails"]))
            case "Log.entryAdded" if found["entry"]["level"] == "error":
                self.complaints.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")

    def run(self, script: str) -> Any:
        """Evaluate an expression, and await it. Returns its value. Raises RuntimeError if it throws."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = ANSWER_S_MAX) -> Any:
        """Wait until an expression is true. Returns its value. Raises TimeoutError with the page's text."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.run(script):
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{script}\n{self.run('document.body.innerText')}\n{self.complaints}")

    def open(self, url: str, before: str = "") -> None:
        """Open an address. before: a script that runs ahead of the page's own."""
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def size(self, width: int, height: int) -> None:
        """Set how large the page's window is, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def click(self, selector: str, times: int = 1) -> None:
        """Click an element with the mouse, several times as fast as a double click is."""
        place = self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)}); found.scrollIntoView();"
            " const box = found.getBoundingClientRect();"
            " return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()"
        )
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=count, **place)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows to a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


def chromium() -> str:
    """Return the browser's command. Raises RuntimeError where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("these tests need Chromium, found none: apt-get install chromium")


@contextlib.contextmanager
def browsing() -> Iterator[Page]:
    """Run a fresh browser with one empty page."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="oms-page-", ignore_cleanup_errors=True) as folder:
        command = [
            chromium(),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            f"--remote-debugging-port={port}",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_page_address(port), max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.wait(ANSWER_S_MAX)


def _page_address(port: int) -> str:
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=ANSWER_S_MAX) as answer:
                pages = [one for one in json.loads(answer.read()) if one["type"] == "page"]
            return str(pages[0]["webSocketDebuggerUrl"])
        except (OSError, IndexError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
