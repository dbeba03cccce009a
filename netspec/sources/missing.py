"""The error for data that is not there."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.array_files import ARRAY_ENDINGS
from netspec.recipe.file_names import PACKED_ENDINGS, TABLE_ENDINGS, TAGGED_ENDINGS
from netspec.system.nearby import nearby

__all__ = ["missing_data"]

_ENDINGS = (*TABLE_ENDINGS, *ARRAY_ENDINGS, ".txt", *TAGGED_ENDINGS, ".zip", ".tar", ".tgz", *PACKED_ENDINGS)


def missing_data(path: Path, name: str, otherwise: str) -> DataError:
    """Return the error for a path where nothing is; its fix is data of nearly the same name beside it.

    Args:
        path: where the data should be.
        name: how the user wrote that.
        otherwise: the fix where there is no such data.
    """
    near = nearby(path, *_ENDINGS, folders=True)
    found = near and (Path(name).parent / near.name).as_posix()
    return DataError(f"{name} does not exist", f"did you mean {found}?" if found else otherwise)
