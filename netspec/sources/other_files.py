"""Files that hold data in a form that is not read, and how each becomes one that is."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from netspec.recipe.file_names import WORKBOOK_ENDINGS

_TEXT = "rename it to end in .txt: texts are read from such files"
_SAVE_AS_TEXT = "save the text in it as a .txt file in UTF-8"
_FIXES = {
    **dict.fromkeys((".md", ".markdown", ".text", ".rst", ".org", ".adoc", ".tex", ".log"), _TEXT),
    **dict.fromkeys((".html", ".htm", ".xml", ".rtf", ".doc", ".docx", ".odt", ".epub", ".pdf"), _SAVE_AS_TEXT),
    **dict.fromkeys(WORKBOOK_ENDINGS, 'it is a table, to be named by itself: `data "FILE" { target COLUMN }`'),
    ".numbers": "export it as .xlsx, or as CSV",
    ".ndjson": "rename it to end in .jsonl",
    ".gz": "unpack it, and name the file in it",
    ".bz2": "unpack it, and name the file in it",
    ".xz": "unpack it, and name the file in it",
    ".pkl": "save its arrays with np.savez, or its table as CSV: reading it would run code",
    ".pickle": "save its arrays with np.savez, or its table as CSV: reading it would run code",
    ".mat": "save its arrays with np.savez: scipy.io.loadmat reads them",
    **{
        f".{ending}": f"make a FLAC file of it: `ffmpeg -i a.{ending} a.flac`"
        for ending in ["m4a", "aac", "wma", "webm", "mp4", "amr", "ac3", "ra", "ape", "caf"]
    },
    ".h5": "save its arrays with np.savez: h5py reads them",
    ".hdf5": "save its arrays with np.savez: h5py reads them",
}


def conversion_of(path: Path) -> str | None:
    """Return how a file of such a name becomes one that is read; None where that is not known."""
    return _FIXES.get(path.suffix.lower())


def conversion_of_most(files: Sequence[str]) -> str | None:
    """Return how the files in a folder become data, where most are of one form that is not read; else None."""
    endings = Counter(PurePosixPath(file).suffix.lower() for file in files)
    for ending, count in endings.most_common(1):
        fix = conversion_of(Path(f"data{ending}"))
        return f"each {ending} file: {fix}" if fix and 2 * count > len(files) else None
    return None
