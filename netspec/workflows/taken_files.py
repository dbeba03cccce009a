"""The files and texts that a trained model takes, by what it learned from, and the examples in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec import data as datasets
from netspec.data.files.forms import SoundForm
from netspec.data.files.picture_files import Resize
from netspec.data.files.wav import LARGEST
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Network
from netspec.recipe.file_names import PACKED_ENDINGS, TABLE_ENDINGS
from netspec.recipe.sound_settings import MOST_RATE
from netspec.sources.files.kinds import SOUNDS
from netspec.sources.how_read import HowRead
from netspec.sources.preparation import Preparation
from netspec.system.arguments import as_path, as_switch, as_whole
from netspec.workflows import example_files
from netspec.workflows.example_files import Examples

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["endings", "examples_in", "reads_files", "resize_of", "sound_of", "text_column", "texts_of"]

_SHOWN = 40
"""Characters of a text that are shown as its name."""


def examples_in(
    run: Run, file: Path | str | bytes, *, invert: bool | None, as_is: bool, name: str | None, sizes: bool
) -> Examples:
    """Return the examples in a file; arguments and errors are those of `Run.examples`."""
    invert = None if invert is None else as_switch(invert, "invert")
    as_is = as_switch(as_is, "as_is")
    if not isinstance(file, bytes):
        file = as_path(file, "file", "digit.png", DataError)
    return example_files.read(
        run.network,
        file,
        invert=invert,
        like=None if as_is else run.learned_from,
        name=name,
        preparation=run.preparation,
        sizes=sizes,
    )


def sound_of(run: Run, samples: ArrayLike, rate: int) -> NDArray[np.float32]:
    """Return samples of a sound as an example; arguments and errors are those of `Run.sound`."""
    settings = run.network.data.sound if run.network.data else None
    if settings is None:
        raise DataError(f"{run.file} has not learned from sounds", "give it what it has learned from")
    rate = as_whole(rate, "rate", 16_000, 1, MOST_RATE + 1)
    values = np.asarray(samples)
    if values.ndim not in (1, 2) or not values.size or values.dtype.kind not in "fiu":
        raise DataError(
            f"samples are {values.dtype} of the shape {values.shape}", "give (N,), or (N, channels), from -1 to 1"
        )
    if values.dtype.kind != "f":
        # As SciPy reads them from WAV files; bytes have their zero in the middle.
        middle = 2.0 ** (8 * values.dtype.itemsize - 1)
        values = (values - (middle if values.dtype.kind == "u" else 0)) / middle
    if not (np.abs(values) <= LARGEST).all():
        raise DataError("some samples are no finite numbers, or far beyond -1 to 1", "clean them first")
    one = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
    return SoundForm(settings).of_samples(one, rate)[None]


def texts_of(run: Run, given: Path | Sequence[str]) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
    """Yield texts, or those in a folder or an archive, many at a time: their names, them, and what cannot be read.

    Raises:
        DataError: there are none, or the model reads no texts.
    """
    table = run.preparation.table if run.preparation else None
    if table is None:
        writes = run.vocabulary is not None
        fix = f'`netspec generate {run.path} --prompt "…"` goes on from it' if writes else "give files it reads"
        raise DataError(f"{run.file} does not tell what a text is: it learned from none with classes", fix)
    if isinstance(given, Path):
        yield from example_files.read_texts(table, given, HowRead.of(run.network.data, like=True))
    else:
        yield [_short(text) for text in given], example_files.of_texts(table, given), []


def _short(text: str) -> str:
    """Return a text as messages show it."""
    plain = " ".join(text.split())
    return f'"{plain}"' if len(plain) <= _SHOWN else f'"{plain[: _SHOWN - 1]}…"'


def resize_of(preparation: Preparation | None) -> Resize | None:
    """Return how the picture files that a model learned from got their size; None where it learned from other data."""
    table = preparation.table if preparation else None
    return preparation.resize if preparation and (table is None or table.is_picture) else None


def reads_files(network: Network, preparation: Preparation | None) -> bool:
    """Return whether a picture, or a sound, in a file is an example, as those that a model learned from."""
    table = preparation.table if preparation else None
    if network.reads_sounds:
        return table is None or table.is_picture
    return resize_of(preparation) is not None


def text_column(preparation: Preparation | None) -> str:
    """Return the column of texts, or `text` of texts in files, that alone a model reads; empty of other models."""
    return preparation.table.text_column if preparation and preparation.table else ""


def endings(network: Network, preparation: Preparation | None) -> tuple[str, ...]:
    """Return how the names of files end that a model may take: `.npy`, and where it takes pictures or sounds theirs."""
    table = preparation.table if preparation else None
    sounds = tuple(sorted(SOUNDS.endings)) if network.reads_sounds else ()
    if table:
        files = sounds or datasets.picture_endings() if table.is_picture else ()
        read = (*TABLE_ENDINGS, *((".txt",) if text_column(preparation) else ()))
        return (*read, *files, *(ending + packed for ending in read for packed in PACKED_ENDINGS))
    if len(network.inputs) > 1:
        return (".npz",)
    return (".npy", ".npz", *(sounds or (datasets.picture_endings() if network.reads_images else ())))
