"""A headless Chromium, driven by its DevTools protocol over a pipe, without further packages."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

__all__ = ["Browser", "browser"]

_FIRST_FREE = 20
"""Above the descriptors 3 and 4, through which Chromium is spoken with."""


class Browser:
    """One page of a browser."""

    def __init__(self, profile: Path, width: int, height: int) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if program is None:
            pytest.skip("chromium is not installed")
        reads, to_browser = os.pipe()
        from_browser, writes = os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _FIRST_FREE) for end in (reads, writes)]
        os.close(reads)
        os.close(writes)
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"]
        window = [f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
        # The shell gives it the two pipes under the numbers that it looks for.
        script = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
        # It leaves a folder with a socket there, whose path must be short.
        self._scratch = TemporaryDirectory(prefix="netspec-browser-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", program, *flags, *window],
            env={**os.environ, "TMPDIR": self._scratch.name},
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in theirs:
            os.close(end)
        self._to, self._from = os.fdopen(to_browser, "wb", buffering=0), os.fdopen(from_browser, "rb")
        self._asked, self._session = 0, ""
        self._events: list[dict[str, Any]] = []
        pages = [each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self._session = self.ask("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        """Return the result of a command of the protocol."""
        self._asked += 1
        command = {"id": self._asked, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        self._to.write(json.dumps(command).encode() + b"\0")
        while (said := self._said()).get("id") != self._asked:
            self._events.append(said)
        assert "error" not in said, f"{method}: {said['error']}"
        return said["result"]

    def _said(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            assert byte, "the browser is gone"
            text += byte
        found: dict[str, Any] = json.loads(text)
        return found

    def open(self, address: str) -> None:
        """Open a page and wait until its script says that it is ready."""
        self.ask("Page.navigate", url=address)
        self.until("document.documentElement?.dataset.ready === 'true'")

    def value(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(f"!!({script})"):
            assert time.monotonic() < end, f"never true: {script}\n{self.problems()}"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Click on what a selector finds."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def text(self, selector: str) -> str:
        """Return the text of what a selector finds."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).textContent"))

    def type(self, text: str) -> None:
        """Type a text where the cursor is."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key: a character, or Enter."""
        text = "\r" if key == "Enter" else key
        code = 13 if key == "Enter" else ord(key.upper())
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Press at the first place, move over the others, and let go at the last."""
        for kind, (x, y) in [
            ("mousePressed", points[0]),
            *(("mouseMoved", at) for at in points),
            ("mouseReleased", points[-1]),
        ]:
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def picture(self, file: Path) -> None:
        """Write what is seen into a PNG file."""
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def problems(self) -> list[str]:
        """Return what the page's console and scripts have complained of."""
        found = []
        for event in self._events:
            said = event["params"]
            if event["method"] == "Log.entryAdded":
                found.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(said["exceptionDetails"]))
        return found

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(30)
        self._to.close()
        self._from.close()
        self._scratch.cleanup()


@contextmanager
def browser(profile: Path, width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """Start a browser, and end it."""
    made = Browser(profile, width, height)
    try:
        yield made
    finally:
        made.close()
