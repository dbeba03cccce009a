"""A dataset as `netspec data show` has it, its words and its picture; and a spec for it as `netspec new` writes it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import find
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.facts import are_texts
from netspec.sources.texts.tagged import holds_tagged

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
        """Return what `netspec data show` prints and draws of a dataset; of a table, its columns too.

        Args:
            name: of a dataset, or of a file below the folder.

        Raises:
            DataError: it cannot be shown, for the reason that it says.
        """
        with tempfile.TemporaryDirectory() as scratch:
            picture = Path(scratch) / "data.png"
            # Of texts no picture is drawn.
            path = self._folder / name
            table = not find(name) and holds_table(path) and not holds_tagged(path)
            texts = not find(name) and not table and (are_texts(path) or holds_tagged(path))
            output = self._run(name, "data", "show", *(() if texts else ("-o", str(picture))))[0]
            lines = [line for line in output.splitlines() if line != str(picture) and not line.startswith("next: ")]
            shown = ""
            if picture.exists():
                shown = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
        found = {"text": "\n".join(lines).strip(), "picture": shown, "columns": []}
        if table:
            columns, _ = self._run(name, "data", "show", "--json")
            found["columns"] = [json.loads(line) for line in columns.splitlines()]
        return found

    def spec_for(self, name: str, target: str | None) -> str:
        """Return the spec that `netspec new --data` writes for some data.

        Args:
            name: of a file below the folder.
            target: the column of a table, or the array, that is to be learned; the likeliest unless given.

        Raises:
            DataError: nothing can be learned from it, for the reason that it says.
        """
        if find(name):
            raise DataError(f"{name} is no file of this folder", f"write `data {name}` into the spec")
        flags = () if target is None else (f"--target={target}",)
        return self._run(name, "new", "-o", "-", *flags, option="--data")[0]

    def _run(self, name: str, *words: str, option: str = "--") -> tuple[str, str]:
        """Return what a command of `netspec` printed, and its notes; raises DataError with what it says is wrong."""
        with self._lock:
            if self._over:
                raise DataError("the studio ends", "start it again")
            # A file whose name begins with a dash is no option.
            named = [f"{option}={name}"] if option != "--" else ["--", name]
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "netspec", *words, *named],
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
        if process.returncode:
            message, _, fix = errors.strip().removeprefix("error: ").partition("\n  fix: ")
            raise DataError(message or f"{name} cannot be shown", fix)
        return output, errors
