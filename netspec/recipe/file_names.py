"""What a file holds, by its name: a table, a text or words with labels, also where it is compressed."""

from __future__ import annotations

from pathlib import PurePath

__all__ = [
    "BINARY_TABLE_ENDINGS",
    "PACKED_ENDINGS",
    "TABLE_ENDINGS",
    "TAGGED_ENDINGS",
    "WORKBOOK_ENDINGS",
    "is_table_name",
    "is_tagged_name",
    "is_text_name",
    "is_workbook_name",
    "stem_of",
    "unpacked_name",
]

WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""How the names of spreadsheets end: workbooks of one sheet or several."""

BINARY_TABLE_ENDINGS = (".parquet", ".feather", ".arrow", *WORKBOOK_ENDINGS)
"""How the names of tables end that are not written as text."""

TABLE_ENDINGS = (".csv", ".tsv", ".json", ".jsonl", *BINARY_TABLE_ENDINGS)
"""How the names of files end that are tables."""

TAGGED_ENDINGS = (".conll", ".bio", ".iob")
"""How the names of files end that have a label for each word."""

PACKED_ENDINGS = (".gz", ".bz2", ".xz")
"""What stands behind these where the file is compressed."""


def unpacked_name(name: str) -> str:
    """Return the name of a file without what says that it is compressed: `rows.csv` for `rows.csv.gz`."""
    ending = next((ending for ending in PACKED_ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def stem_of(name: str) -> str:
    """Return the last part of a path without its endings: `rows` for `data/rows.csv.gz`, and for `rows.csv.zip`."""
    name = unpacked_name(PurePath(name).name)
    name = name[:-4] if name.lower().endswith(".zip") and is_table_name(name) else name
    return PurePath(name).stem


def is_table_name(name: str) -> bool:
    """Return whether a file of this name is a table, or a zip of one: `rows.csv.zip`."""
    name = unpacked_name(name).lower()
    return name.removesuffix(".zip").endswith(TABLE_ENDINGS)


def is_workbook_name(name: str) -> bool:
    """Return whether a file of this name is a spreadsheet, or a compressed one."""
    name = unpacked_name(name).lower()
    return name.removesuffix(".zip").endswith(WORKBOOK_ENDINGS)


def is_text_name(name: str) -> bool:
    """Return whether a file of this name is a text."""
    return unpacked_name(name).lower().endswith(".txt")


def is_tagged_name(name: str) -> bool:
    """Return whether a file of this name has a label for each word."""
    return unpacked_name(name).lower().endswith(TAGGED_ENDINGS)
