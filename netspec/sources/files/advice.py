"""What to do with pictures in no folder of a class: a table may name them, or a model is to answer for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.file_names import BINARY_TABLE_ENDINGS, TABLE_ENDINGS
from netspec.sources.files.kinds import FileKind
from netspec.sources.trees import Tree, is_archive

__all__ = ["moved_out", "tables_of", "with_a_table"]

_LOOKED_AT, _MOST_TABLES, _SHOWN = 20, 8, 3


def moved_out(tree: Tree, folder: str) -> str:
    """Return what to do with a folder of pictures without classes beside those to learn from."""
    last = folder.rpartition("/")[2]
    if is_archive(tree.name):
        return f"unpack it, and move {last}/ out of the folder; `netspec predict RUN {last}/` answers for it"
    return f"move {last}/ out of {tree.name}; `netspec predict RUN {last}/` answers for it"


def with_a_table(tree: Tree, files: Sequence[str], kind: FileKind) -> str:
    """Return which table to name instead of the folder of these files; empty where none says their names."""
    found = tables_of(tree, files)
    if not found:
        return ""
    if is_archive(tree.name):
        return f"unpack it, and name {listing(found, 'or')} in it, which names the {kind.one}s"
    folder = tree.name.rstrip("/")
    return f"name {listing([f'{folder}/{table}' for table in found], 'or')}, which names the {kind.one}s"


def tables_of(tree: Tree, files: Sequence[str]) -> list[str]:
    """Return the tables beside pictures that say the names of most of them."""
    some = files[:: max(1, len(files) // _LOOKED_AT)]
    names = [PurePosixPath(file).stem.encode() for file in some]
    found = []
    for table in [
        file for file in tree.files if file.lower().endswith(TABLE_ENDINGS) and not file.lower().endswith(".json")
    ][:_MOST_TABLES]:
        try:
            content = tree.read(table)
        except DataError:
            continue
        # Names in Parquet and in spreadsheets are packed: whether they are there is not seen without their readers.
        binary = table.lower().endswith(BINARY_TABLE_ENDINGS)
        if binary or sum(name in content for name in names) > len(names) / 2:
            found.append(table)
    return found[:_SHOWN]
