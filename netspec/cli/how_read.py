"""Options that say how a file of data is read, where no spec does: which sheet, and in which encoding."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.diagnostic import NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.encodings import ENCODINGS, SPELLINGS, encoding_named
from netspec.recipe.file_names import WORKBOOK_ENDINGS, is_workbook_name
from netspec.sources.how_read import HowRead
from netspec.sources.tables.zipped import is_zip

__all__ = ["ENCODING", "SHEET", "how_read"]

SHEET = "Of a spreadsheet: which of its sheets is the table; the only one with rows otherwise."
ENCODING = "Of a table or a text that is not UTF-8: how it is encoded, such as windows_1252."


def how_read(path: Path, sheet: str | None, encoding: str | None) -> HowRead:
    """Return how a file is read, as options say.

    Raises:
        NetspecError: there is no such encoding, or the option is for other files.
    """
    if sheet is not None and not (is_workbook_name(path.name) or is_zip(path.name)):
        raise NetspecError(f"--sheet is for spreadsheets: {listing(WORKBOOK_ENDINGS, 'or')}", "leave it out")
    if encoding is not None and is_workbook_name(path.name):
        raise NetspecError(f"--encoding is for texts, and {path.name} is a spreadsheet", "leave it out")
    if encoding is None:
        return HowRead(sheet or "")
    known = str(encoding_named(encoding))
    if known not in ENCODINGS:
        near = nearest(encoding.lower(), [*ENCODINGS, *SPELLINGS])
        fix = f"did you mean {SPELLINGS.get(near, near)}?" if near else f"it is one of {listing(ENCODINGS, 'and')}"
        raise NetspecError(f"--encoding does not know {encoding!r}", fix)
    return HowRead(sheet or "", known)
