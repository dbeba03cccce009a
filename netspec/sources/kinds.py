"""Which kind of data a file is, so that a network of another kind can refuse it in plain words."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.array_files import holds_arrays
from netspec.recipe.catalog import find
from netspec.recipe.file_names import TABLE_ENDINGS, is_table_name
from netspec.sources.files.kinds import ENDINGS, SOUNDS
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.files.sounds import are_sounds
from netspec.sources.tables.zipped import is_zip
from netspec.sources.texts.facts import are_texts
from netspec.sources.texts.trees import holds_files
from netspec.sources.trees import is_archive
from netspec.system.files import kind_of

__all__ = ["PICTURES", "require_kind"]

PICTURES = "pictures"
"""Before a column of a table: it names picture files; in place of one: the only one that does."""


def require_kind(data: DataSource | None, path: Path, name: str) -> None:
    """Raise DataError where a spec learns from a table or a text, and what is given can be neither.

    Args:
        data: as the spec declares it.
        path: of what is given.
        name: what messages call it.
    """
    if data is None or find(name) or not (data.is_table or data.is_text):
        return
    found = _kind(path, table=data.is_table)
    if data.is_tagged:
        if found and found != "a table":
            raise DataError(
                f"{name} is {found}, but the spec is for words with labels", "give a file such as ner.conll"
            )
        return
    if data.is_table and found and found != "a table":
        fix = f"give a table with its columns: a file that ends in {', '.join(TABLE_ENDINGS)}"
        if found == "a folder of arrays":
            fix = f'name the file with the examples: `data "{name}/x.npy"`; `target` names the array beside it'
        if data.group and holds_files(path):
            fix = 'of files in folders a pattern of their names says what stays together: `group "{}_*"`; else ' + fix
        raise DataError(f"{name} is {found}, but the spec is for a table", fix)
    if data.is_text and holds_files(path):
        # What is in them is looked at; a folder without texts is refused then.
        return
    if data.has_classes_of_texts and found != "a table":
        fix = "give a folder or an archive with a folder of .txt files for each class"
        raise DataError(f"{name} is one file, but the spec is for texts in folders of classes", fix)
    if data.is_text and found and not data.has_classes_of_texts:
        raise DataError(f"{name} is {found}, but the spec is for a text", "give a text in UTF-8, such as a .txt file")


def _kind(path: Path, *, table: bool) -> str:
    """Return what is there, by its name: a table, pictures or an archive; empty where that is not known.

    Of a zip that is to be a table what is in it is said when it is read.
    """
    kind = kind_of(path, DataError)
    if kind is None:
        return ""
    if path.suffix.lower() == ".npz":
        return ""
    if kind == "folder" and holds_arrays(path, DataError):
        return "a folder of arrays"
    if kind == "folder" and are_texts(path):
        return "a folder of texts"
    if kind == "folder" and are_sounds(path):
        return "a folder of sounds"
    if kind == "folder":
        return "a folder of pictures" if holds_pictures(path) else "a folder"
    if is_table_name(path.name):
        return "a table"
    if is_archive(path.name):
        return "a table" if table and is_zip(path.name) else "an archive"
    ending = PurePosixPath(path.name).suffix.lower()
    return "a picture" if ending in ENDINGS else "a sound" if ending in SOUNDS.endings else ""
