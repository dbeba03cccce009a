"""The table in a `.zip`, as tables are often given away."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.file_names import TABLE_ENDINGS, is_table_name
from netspec.sources.files.kinds import ENDINGS, SOUNDS
from netspec.sources.trees import Tree, open_tree
from netspec.system.files import kind_of

__all__ = ["holds_table", "is_zip", "only_table", "zipped_tables"]

_SHOWN = 5


def is_zip(name: str) -> bool:
    """Return whether a name is that of a zip."""
    return name.lower().endswith(".zip")


def holds_table(path: Path) -> bool:
    """Return whether data is a table by its name, or a zip of tables rather than of texts or pictures.

    Raises:
        DataError: the zip is damaged, or not to be trusted.
    """
    if is_table_name(path.name):
        return True
    if not is_zip(path.name) or kind_of(path, DataError) != "file":
        return False
    with open_tree(path, path.name) as tree:
        tables = zipped_tables(tree)
        return bool(tables) and sum(file.lower().endswith(".txt") for file in tree.files) <= len(tables)


def zipped_tables(tree: Tree) -> list[str]:
    """Return the tables in a zip; none beside pictures or sounds, for a table names only those beside itself."""
    if any(PurePosixPath(file).suffix.lower() in {*ENDINGS, *SOUNDS.endings} for file in tree.files):
        return []
    found = [file for file in tree.files if file.lower().endswith(TABLE_ENDINGS)]
    # Beside a table JSON says where it comes from.
    return [file for file in found if not file.lower().endswith(".json")] or found


def only_table(path: Path, name: str) -> tuple[str, bytes]:
    """Return the name and the content of the one table in a zip.

    Raises:
        DataError: there is none, or there are several; or it cannot be read.
    """
    with open_tree(path, name) as tree:
        tables = zipped_tables(tree)
        if len(tables) == 1:
            return tables[0], tree.read(tables[0])
        if tables:
            shown = [*tables[:_SHOWN], *([f"{len(tables) - _SHOWN:,} more"] if len(tables) > _SHOWN else [])]
            message = f"{name} has several tables in it: {listing(shown, 'and')}"
            raise DataError(message, f"unpack it, and name one, such as {_likeliest(tables)}")
        if any(file.lower().endswith(TABLE_ENDINGS) for file in tree.files):
            raise DataError(f"{name} has pictures or sounds beside its table", "unpack it, and name the table in it")
        raise DataError(f"{name} has no table in it", f"give one with a {listing(TABLE_ENDINGS, 'or')} file")


def _likeliest(tables: list[str]) -> str:
    return next((table for table in tables if "train" in PurePosixPath(table).name.lower()), tables[0])
