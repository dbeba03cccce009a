"""Columns of a table that name sounds: whether one does, and what the files say of themselves."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.sources.files.kinds import ENDINGS, SOUNDS
from netspec.sources.files.picture_places import some_of
from netspec.sources.files.sound_spec import spectrogram_of
from netspec.sources.files.sounds import Measured, measured
from netspec.sources.tables.file_columns import ColumnFiles, column_places
from netspec.sources.tables.table import Table

__all__ = ["column_sounds", "require_sound"]


def column_sounds(table: Table, column: str) -> Measured | None:
    """Return what the files that a column names say of their rates and lengths; None where they are no sounds."""
    endings = {PurePosixPath(name).suffix.lower() for name in some_of(list(dict.fromkeys(table.cells[column])))}
    if endings & ENDINGS:
        return None  # they are pictures, by their own names
    places = column_places(table, column)
    sounds = [name for name, place in places.items() if PurePosixPath(place).suffix.lower() in SOUNDS.endings]
    if not sounds or 2 * len(sounds) < len(places):
        return None
    return measured(ColumnFiles(table.folder or Path(), table.name, sounds, places), sounds)


def require_sound(table: Table, data: DataSource, column: str) -> None:
    """Raise DataError where a column names sounds, and the spec does not say how they become examples."""
    facts = None if data.sound else column_sounds(table, column)
    if facts is None:
        return
    sound = spectrogram_of(facts)
    size = "x".join(map(str, sound.shape))
    raise DataError(
        f"{table.name}: {column} names sounds, and the spec does not say how they become examples",
        f"say it in `data`: `{sound.shortest}`, with `input {size}`; without `mel` waveforms are read",
    )
