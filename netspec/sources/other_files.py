"""Files that hold data in a form that is not read, and how each becomes one that is."""

from pathlib import Path

_SAVE_AS_CSV = "save it as CSV in UTF-8"
_FIXES = {
    ".xlsx": _SAVE_AS_CSV,
    ".xls": _SAVE_AS_CSV,
    ".ods": _SAVE_AS_CSV,
    ".json": "write a .jsonl file: one object on each line, without brackets around them and commas between them",
    ".gz": "unpack it, and name the file in it",
    ".bz2": "unpack it, and name the file in it",
    ".xz": "unpack it, and name the file in it",
    ".pkl": "save its arrays with np.savez, or its table as CSV: reading it would run code",
    ".pickle": "save its arrays with np.savez, or its table as CSV: reading it would run code",
    ".mat": "save its arrays with np.savez: scipy.io.loadmat reads them",
    ".h5": "save its arrays with np.savez: h5py reads them",
    ".hdf5": "save its arrays with np.savez: h5py reads them",
}


def conversion_of(path: Path) -> str | None:
    """Return how a file of such a name becomes one that is read; None where that is not known."""
    return _FIXES.get(path.suffix.lower())
