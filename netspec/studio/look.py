"""A dataset as `netspec data show` has it: its words and its picture."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import find
from netspec.sources.text_facts import are_texts

__all__ = ["Looks"]

_PATIENCE = 120


class Looks:
    """Looks at data, each in a process of its own, one at a time; to be ended.

    Args:
        folder: of the spec.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._over = False

    def end(self) -> None:
        """End the look that is under way; no other begins."""
        with self._lock:
            self._over = True
            if self._process is not None:
                self._process.kill()

    def __call__(self, name: str) -> dict[str, Any]:
        """Return what `netspec data show` prints and draws of a dataset.

        Args:
            name: of a dataset, or of a file below the folder.

        Raises:
            DataError: it cannot be shown, for the reason that it says.
        """
        with tempfile.TemporaryDirectory() as scratch:
            picture = Path(scratch) / "data.png"
            # Of texts no picture is drawn.
            texts = not find(name) and are_texts(self._folder / name)
            code, output, errors = self._run(name, *(() if texts else ("-o", str(picture))))
            if code:
                message, _, fix = errors.strip().removeprefix("error: ").partition("\n  fix: ")
                raise DataError(message or f"{name} cannot be shown", fix)
            lines = [line for line in output.splitlines() if line != str(picture)]
            shown = ""
            if picture.exists():
                shown = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
            return {"text": "\n".join(lines).strip(), "picture": shown}

    def _run(self, name: str, *flags: str) -> tuple[int, str, str]:
        """Return the exit code of `netspec data show` and what it printed."""
        with self._lock:
            if self._over:
                raise DataError("the studio ends", "start it again")
            # A file whose name begins with a dash is no option.
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "netspec", "data", "show", *flags, "--", name],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        with process:
            try:
                output, errors = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                message = f"{name} takes more than {_PATIENCE} seconds to read"
                raise DataError(message, f"netspec data show {name}") from None
        return process.returncode, output, errors
