"""The folder that the studio may touch: the specs in it, and the runs below it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import NetspecError, RunError
from netspec.runs.files import read_metrics, read_result
from netspec.runs.listing import list_runs
from netspec.syntax.parser import MAX_BYTES
from netspec.system.files import atomic_write, read_text

__all__ = ["STARTER", "Workspace"]

STARTER = """\
# A network that learns to read digits.
input 1x28x28
conv 20 5x5 relu; pool 2; batchnorm
conv 50 5x5 relu; pool 2; batchnorm
fc 10 softmax

data mnist else digits
train { epochs 5; batch 64 }
"""

_LONGEST = 100
"""Characters of a file's name."""


@dataclass(slots=True)
class _Opened:
    """A spec as it was typed last, and whether its file has the same text."""

    text: str
    saved: bool


class Workspace:
    """The specs of a folder, of which several may be open: each page says which it means.

    Attributes:
        folder: where data, includes and runs are.
        file: the spec that was opened last; it may not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file.absolute()
        self.folder = self.file.parent
        if not self.folder.is_dir():
            raise RunError(f"{self.folder} is no folder", "name a .net file in one, or none")
        there = self.file.exists()
        self._opened = {self.file.name: _Opened(read_text(self.file) if there else STARTER, there)}

    @property
    def text(self) -> str:
        """What was typed last into the file that was opened last, saved or not."""
        return self._opened[self.file.name].text

    @property
    def saved(self) -> bool:
        """Whether that is what its file holds."""
        return self._opened[self.file.name].saved

    def type(self, text: Any, name: Any = None) -> str:
        """Keep what was typed into a file, that opened last unless named; raises NetspecError for no spec's text."""
        text = _checked(text)
        opened = self._opened[self.name(name)]
        opened.saved = opened.saved and text == opened.text
        opened.text = text
        return text

    def save(self, text: str, name: Any = None) -> None:
        """Write a text into a file, that opened last unless named."""
        file = self.folder / self.name(name)
        try:
            atomic_write(file, text)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RunError(f"{file} cannot be written: {why}", "choose a folder that can be written to") from None
        opened = self._opened[file.name]
        opened.saved = text == opened.text

    # --- files ----------------------------------------------------------------------------------------------------

    def name(self, name: Any) -> str:
        """Return the name of an open file, that opened last for None; raises RunError for any other."""
        if name is None:
            return self.file.name
        if not isinstance(name, str) or name not in self._opened:
            raise RunError(f"{str(name)[:_LONGEST]!r} is not open", "choose it in the list of files")
        return name

    def specs(self) -> list[str]:
        """Return the names of the specs of the folder, and of those that are open and not saved yet."""
        there = {file.name for file in self.folder.glob("*.net") if file.is_file() and self._is_own(file)}
        return sorted(there | self._opened.keys())

    def open(self, name: Any) -> None:
        """Open a spec of the folder; what was typed into it and not saved is still there."""
        if name not in self.specs():
            raise RunError(f"there is no spec {str(name)[:_LONGEST]!r} here", "choose one of the list of files")
        opened, file = self._opened.get(name), self.folder / name
        if opened is None or (opened.saved and file.exists()):
            self._opened[name] = _Opened(read_text(file), saved=True)
        self.file = file

    def begin(self, name: Any, text: Any) -> None:
        """Open a new spec of this name with a text; nothing is written yet.

        Raises:
            RunError: it is no name of a spec, or there is such a file.
        """
        name = name.strip() if isinstance(name, str) else ""
        name = name if name.lower().endswith(".net") else f"{name}.net"
        plain = name.isprintable() and not set(name) & set('/\\:*?"<>|')
        if not plain or name.startswith((".", "-")) or len(name) > _LONGEST:
            raise RunError(f"{name[:_LONGEST]!r} is no name of a file", "write letters and digits, such as `mine`")
        if self._is_there(name):
            raise RunError(f"there is a {name} already", "write another name, or open it in the list of files")
        self._opened[name] = _Opened(_checked(text), saved=False)
        self.file = self.folder / name

    def begin_for(self, stem: str, text: str) -> None:
        """Open a new spec named after some data, with a number where there is one of that name."""
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[: _LONGEST - 10].lstrip("-") or "data"
        names = (f"{stem}{f'_{n}' if n > 1 else ''}.net" for n in count(1))
        self.begin(next(name for name in names if not self._is_there(name)), text)

    def begin_from(self, run: Any) -> None:
        """Open a new spec with the text of a run, whose own stays as it was trained."""
        folder = self.run_folder(run)
        spec = folder / "spec.net"
        if not spec.is_file():
            raise RunError(f"{run} has no text: it was trained by a program", "try its model, or choose another run")
        stem = folder.parent.name if folder.name.isdecimal() else folder.name
        self.begin_for(f"{stem}_from_run", read_text(spec))

    def _is_there(self, name: str) -> bool:
        return name in self._opened or (self.folder / name).exists() or (self.folder / name).is_symlink()

    def _is_own(self, file: Path) -> bool:
        try:
            return file.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError):
            return False

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


def _checked(text: Any) -> str:
    if not isinstance(text, str) or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise NetspecError(f"a spec is a text of at most {MAX_BYTES:,} bytes", "send a shorter one")
    return text
