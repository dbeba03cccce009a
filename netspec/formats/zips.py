"""Zip files, looked at before Python's zipfile makes objects of all that they list."""

from __future__ import annotations

from netspec.formats.reading import ModelImportError

__all__ = ["require_few_entries"]

_ENTRY = b"PK\x01\x02"
"""What each entry of the list at the end begins with; 46 bytes of it become an object of a thousand."""


def require_few_entries(data: bytes, most: int, file: str) -> None:
    """Raise ModelImportError where a zip lists more entries than so many."""
    # Among numbers these four bytes hardly come up: once in four gigabytes.
    count = data.count(_ENTRY)
    if count > most + 100:
        raise ModelImportError(f"{file} has {count:,} entries; at most {most:,} can be", "is it a file of a network?")
