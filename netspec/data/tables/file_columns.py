"""The pictures or sounds that columns of a table name, decoded: each file once, however many rows name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.data.files.decode_files import Decoded, decode_all
from netspec.data.files.forms import FileForms
from netspec.data.types import DownloadProgress
from netspec.diagnostics.diagnostic import plural
from netspec.sources.files.embedded import EmbeddedFiles
from netspec.sources.files.kinds import PICTURES, SOUNDS, FileKind
from netspec.sources.tables.file_columns import ColumnFiles, column_places, missing_files, require_files
from netspec.sources.tables.preparation import TableInput, TablePreparation
from netspec.sources.tables.table import Table
from netspec.sources.trees import Tree

__all__ = ["ColumnPictures", "read_column_files"]


@dataclass(frozen=True, eq=False, slots=True)
class ColumnPictures:
    """Pictures of the columns of a table.

    Attributes:
        columns: of each column, and the size that its pictures get, what was decoded, and the place of each name.
        bad: the rows whose pictures cannot be read.
        notices: what to say of them.
        kind: what they are.
    """

    columns: Mapping[tuple[str, tuple[int, ...]], tuple[Decoded, Mapping[str, int]]] = field(default_factory=dict)
    bad: frozenset[int] = frozenset()
    notices: tuple[str, ...] = ()
    kind: FileKind = PICTURES

    def of(self, table: Table, given: TableInput) -> NDArray[Any]:
        """Return the picture of each row, (N, C, H, W)."""
        decoded, places = self.columns[given.text, given.size]
        found: NDArray[Any] = decoded.images[[places[name] for name in table.cells[given.text]]]
        return found

    def said_of_parts(self, table: Table, rows: Mapping[str, Sequence[int]]) -> list[str]:
        """Return what to say of equal pictures in the training part and another one."""
        found = []
        for (column, _), (decoded, places) in self.columns.items():
            cells = table.cells[column]
            learned = {decoded.digests[places[cells[row]]] for row in rows["train"]}
            for part in ("validation", "test"):
                again = [row for row in rows.get(part, ()) if decoded.digests[places[cells[row]]] in learned]
                if again:
                    are = "is" if len(again) == 1 else "are"
                    found.append(
                        f"{plural(len(again), self.kind.one)} of {column} for the {part} {are} in the training part "
                        f"too, as {cells[again[0]]!r}: `group` keeps together what belongs together"
                    )
        return found


def read_column_files(
    table: Table,
    prepared: TablePreparation,
    forms: FileForms,
    *,
    skip_bad: bool = False,
    embedded: bool = False,
    progress: DownloadProgress | None = None,
) -> ColumnPictures:
    """Return the pictures that the columns of a table name.

    Args:
        table: it.
        prepared: says which columns are read, and how large pictures are.
        forms: how they get that size, or that they are sounds.
        skip_bad: leave out rows whose picture cannot be read.
        embedded: the cells are pictures in base64; no file is read.
        progress: called while they are decoded.

    Raises:
        DataError: some are not there, cannot be read, or lie outside the folder of the table.
    """
    columns: dict[tuple[str, tuple[int, ...]], tuple[Decoded, Mapping[str, int]]] = {}
    bad: set[int] = set()
    notices: list[str] = []
    for given in prepared.inputs.values():
        if given.form != "picture" or (given.text, given.size) in columns:
            continue
        cells = table.cells.get(given.text)
        if cells is None:
            continue  # which is said where columns are looked for
        names = list(dict.fromkeys(cells))
        form = forms.of_size(given.size)
        tree: Tree
        if embedded:
            tree = EmbeddedFiles(table, given.text)
        else:
            require_files(table, given.text, missing_files(table, given.text), form.kind)
            tree = ColumnFiles(table.folder or Path(), table.name, names, column_places(table, given.text))
        decoded = decode_all(tree, names, (), form, skip_bad=skip_bad, progress=progress)
        places = {names[at]: i for i, at in enumerate(decoded.kept.tolist())}
        columns[given.text, given.size] = (decoded, places)
        bad |= {row for row, name in enumerate(cells) if name not in places}
        notices += decoded.notices
    return ColumnPictures(columns, frozenset(bad), tuple(notices), SOUNDS if forms.sound else PICTURES)
