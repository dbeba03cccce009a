"""Pictures that stand in a text in place of a file's name: their bytes in base64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.tables.table import Table
from netspec.sources.trees import Read, Tree

__all__ = ["BASE64_FIX", "EmbeddedFiles", "embedded_bytes"]

BASE64_FIX = "give the bytes of the file in base64"


def embedded_bytes(text: str) -> bytes | None:
    """Return what base64, or a data URL of it, stands for; None where the text is none."""
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            return None
    try:
        # Some programs break its lines.
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return None


class EmbeddedFiles(Tree):
    """The pictures in the cells of a column; no file is read."""

    def __init__(self, table: Table, column: str) -> None:
        super().__init__(Path(), table.name)
        cells = table.cells[column]
        self.files = tuple(dict.fromkeys(cells))
        self._column = column
        self._lines = dict(zip(reversed(cells), reversed(table.lines), strict=True))

    def shown(self, file: str) -> str:
        """Return what messages call a picture."""
        return f"{self.name}: {self._column} in line {self._lines[file]:,}"

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        """Yield the place of each picture and what gives its bytes."""
        for at, name in enumerate(names):
            yield at, lambda name=name: self.read(name)  # type: ignore[misc]

    def read(self, name: str) -> bytes:
        """Return the bytes of a picture; raises DataError where the cell holds none."""
        content = embedded_bytes(name)
        if not content:
            raise DataError(f"{self.shown(name)} is no picture in base64", BASE64_FIX)
        return content
