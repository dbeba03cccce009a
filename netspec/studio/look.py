"""A dataset as `netspec data show` has it: its words and its picture."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import find
from netspec.sources.text_facts import are_texts

__all__ = ["look_at"]

_PATIENCE = 120


def look_at(name: str, folder: Path) -> dict[str, Any]:
    """Return what `netspec data show` prints and draws of a dataset.

    Args:
        name: of a dataset, or of a file below the folder.
        folder: of the spec.

    Raises:
        DataError: it cannot be shown, for the reason that it says.
    """
    with tempfile.TemporaryDirectory() as scratch:
        picture = Path(scratch) / "data.png"
        # Of texts no picture is drawn.
        drawn = () if not find(name) and are_texts(folder / name) else ("-o", str(picture))
        done = _show(name, folder, *drawn)
        if done.returncode:
            message, _, fix = done.stderr.strip().removeprefix("error: ").partition("\n  fix: ")
            raise DataError(message or f"{name} cannot be shown", fix)
        lines = [line for line in done.stdout.splitlines() if line != str(picture)]
        shown = ""
        if picture.exists():
            shown = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
        return {"text": "\n".join(lines).strip(), "picture": shown}


def _show(name: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netspec", "data", "show", *flags, "--", name]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{name} takes more than {_PATIENCE} seconds to read", f"netspec data show {name}") from None
