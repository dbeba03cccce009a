"""Arrays of examples in the form that a network takes: whole numbers as bytes or floats, axes in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import as_pixels
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.ops import Shape
from netspec.recipe.array_layout import layout_of

__all__ = ["in_form", "laid_out"]

_BYTE = 255


def in_form(
    arrays: Sequence[NDArray[Any]], names: Sequence[str], shape: Shape, tokens: int | None, *, checked: bool = True
) -> tuple[list[NDArray[Any]], list[str]]:
    """Return the arrays of one input as a network takes them, and what to say of it; what does not fit stays as it is.

    Args:
        arrays: of the parts; what is decided of one is decided of all.
        names: of the arrays.
        shape: of the network's input.
        tokens: how many there are, where it takes token numbers.
        checked: whether types and values are looked at, so that messages name a value by its place in the array.

    Raises:
        DataError: pictures of whole numbers that are no bytes; or what `as_pixels` refuses.
    """
    if tokens:
        return list(arrays), []
    typed, notices = _typed(arrays, names, pictures=len(shape) == 3)
    made = []
    for array, name in zip(typed, names, strict=True):
        found, said = laid_out(as_pixels(array, name, shape) if checked else array, shape)
        made.append(found)
        notices += [f"{name}: {said}"] if said and not made[1:] else []
    return made, notices


def laid_out(array: NDArray[Any], shape: Shape) -> tuple[NDArray[Any], str]:
    """Return examples with their axes in a network's order, and what to say of it; what does not fit stays as it is."""
    if not array.ndim or 0 in array.shape:
        return array, ""
    layout = layout_of(array.shape[1:], shape)
    if layout is None:
        return array, ""
    moved = array.transpose(0, *(axis + 1 for axis in layout.order)) if layout.moves else array
    return moved.reshape(len(array), *layout.shape), layout.said


def _typed(
    arrays: Sequence[NDArray[Any]], names: Sequence[str], *, pictures: bool
) -> tuple[list[NDArray[Any]], list[str]]:
    """Return whole numbers as bytes or as float32, and what to say of it; other types stay as they are."""
    if any(0 in array.shape for array in arrays) or not arrays:
        return list(arrays), []
    kinds = {array.dtype.kind for array in arrays}
    if kinds == {"b"}:
        return [array.astype(np.float32) for array in arrays], []
    if kinds == {"f"}:
        return list(arrays), _bytes_as_floats(arrays, names) if pictures else []
    if not kinds <= {"i", "u"} or all(array.dtype == np.uint8 for array in arrays):
        return list(arrays), []
    low, high = min(int(a.min()) for a in arrays), max(int(a.max()) for a in arrays)
    what = f"{listing(names, 'and')} {'is' if len(names) == 1 else 'are'} whole numbers ({arrays[0].dtype})"
    if not pictures or (low >= 0 and high <= 1):
        said = [] if high <= 1 and low >= 0 else [f"{what}: they are used as they are, from {low} to {high}"]
        return [array.astype(np.float32) for array in arrays], said
    if low >= 0 and high <= _BYTE:
        said = [f"{what} of {low} to {high}: they are read as bytes, which are scaled to 0..1"]
        return [array.astype(np.uint8) for array in arrays], said
    raise DataError(
        f"{what} of {low} to {high}: as pixels they are bytes, of 0 to 255",
        f"scale them to 0..1: {names[0]} = ({names[0]} / {high}).astype('float32')"
        if low >= 0
        else f"for values that are used as they are, give {names[0]}.astype('float32')",
    )


def _bytes_as_floats(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> list[str]:
    """Return what to say of floats that are whole numbers of 0 to 255."""
    with np.errstate(invalid="ignore"):
        low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
        if not (low >= 0 and 1 < high <= _BYTE and all(bool((a[:64] == np.floor(a[:64])).all()) for a in arrays)):
            return []
    return [
        f"{names[0]} has floats of {low:g} to {high:g}, which are used as they are: networks learn better from 0..1; "
        f"{names[0]}.astype('uint8') is scaled to it"
    ]
