"""The folder that the studio may touch: its spec, and the runs below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import NetspecError, RunError
from netspec.runs.files import read_metrics, read_result
from netspec.runs.listing import list_runs
from netspec.syntax.parser import MAX_BYTES
from netspec.system.files import atomic_write, read_text

__all__ = ["STARTER", "Workspace"]

STARTER = """\
# A network that reads digits. Change a line: its shape follows.
input 1x28x28
conv 20 5x5 relu; pool 2
conv 50 5x5 relu; pool 2
fc 10 softmax

data mnist else digits
train { epochs 3; batch 64 }
"""


class Workspace:
    """One spec and the folder that it is in.

    Attributes:
        folder: where its data, includes and runs are.
        file: the spec; it may not be there yet.
        text: what was typed last, saved or not.
    """

    def __init__(self, file: Path) -> None:
        self.file = file.absolute()
        self.folder = self.file.parent
        if not self.folder.is_dir():
            raise RunError(f"{self.folder} is no folder", "name a .net file in one, or none")
        self.text = read_text(self.file) if self.file.exists() else STARTER
        self.saved = self.file.exists()

    def type(self, text: Any) -> str:
        """Keep what was typed, and return it; raises NetspecError for what is no spec's text."""
        if not isinstance(text, str) or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise NetspecError(f"a spec is a text of at most {MAX_BYTES:,} bytes", "send a shorter one")
        self.saved = self.saved and text == self.text
        self.text = text
        return text

    def save(self, text: str) -> None:
        """Write a text into the file."""
        try:
            atomic_write(self.file, text)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RunError(f"{self.file} cannot be written: {why}", "choose a folder that can be written to") from None
        self.saved = text == self.text

    # --- runs -----------------------------------------------------------------------------------------------------

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs below the folder, the newest last."""
        below = self.folder / "runs"
        found = list_runs(below) if below.is_dir() else []
        return [
            {
                "name": run.folder.relative_to(below).as_posix(),
                "state": run.state,
                "spec": run.spec,
                "data": run.data,
                "accuracy": run.accuracy,
                "loss": run.loss,
                "done": run.done,
                "epochs": run.epochs,
                "problem": run.problem,
            }
            for run in found
        ]

    def run_folder(self, name: Any) -> Path:
        """Return the folder of a run by its name in the list; raises RunError for any other path."""
        if isinstance(name, str):
            for run in self.runs():
                if run["name"] == name:
                    return self.folder / "runs" / name
        raise RunError(f"there is no run {str(name)[:100]!r} here", "choose one of the list")

    def metrics(self, name: Any) -> dict[str, Any]:
        """Return what a run has measured, and what it came to."""
        folder = self.run_folder(name)
        return {"records": read_metrics(folder), "result": read_result(folder)}
