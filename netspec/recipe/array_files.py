"""Where arrays lie in files: a `.npz` file, a folder of `.npy` files, or a `.npy` file and those beside it."""

from __future__ import annotations

from pathlib import Path, PurePath

from netspec.diagnostics.diagnostic import NetspecError
from netspec.system.files import kind_of

__all__ = ["ARRAY_ENDINGS", "array_folder", "array_paths", "examples_in", "holds_arrays"]

ARRAY_ENDINGS = (".npz", ".npy")


def holds_arrays(path: Path, refusal: type[NetspecError]) -> bool:
    """Return whether a path is data of this kind: by its name, or a folder with `.npy` files and no folders in it."""
    return path.suffix.lower() == ".npz" or array_folder(path, refusal) is not None


def array_folder(path: Path, refusal: type[NetspecError]) -> Path | None:
    """Return the folder whose `.npy` files are the arrays of a path; None where it is no such path."""
    kind = kind_of(path, refusal)
    if path.suffix.lower() == ".npy":
        return path.parent if kind == "file" else None
    if kind != "folder":
        return None
    if not array_paths(path):
        return None
    # Beside arrays only a folder of pictures may have other folders in it.
    return None if any(each.is_dir() and not each.name.startswith(".") for each in path.iterdir()) else path


def array_paths(folder: Path) -> dict[str, Path]:
    """Return the `.npy` files of a folder by their names without the ending, the largest first; links are left out."""
    try:
        named = [path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".npy"]
        found = [path for path in named if path.is_file() and not path.is_symlink()]
    except OSError:
        return {}
    return {path.stem: path for path in sorted(found, key=lambda path: -path.stat().st_size)}


def examples_in(name: str) -> tuple[str, ...]:
    """Return the array of examples that a path names: `spectra` of `spectra.npy`; none where it is one of parts."""
    stem = PurePath(name).stem
    return (stem,) if name.lower().endswith(".npy") and "train" not in stem.lower() else ()
