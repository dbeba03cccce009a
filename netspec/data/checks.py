"""Checks on arrays that people bring: each mistake is one DataError that names the array and the entry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.diagnostics import DataError, plural

__all__ = ["as_array", "as_float32", "as_labels", "as_pixels", "as_tokens", "as_values", "require_range", "shape_text"]

_MOST_CLASSES = 65_536  # beyond it a label is surely a mistake, and one name per class would fill the memory


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it in a spec: `1x28x28`."""
    return "x".join(map(str, shape)) or "a single number"


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return the values as a NumPy array of numbers.

    Raises:
        DataError: they do not form a rectangular array of numbers.
    """
    array = as_values(values, name)
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} has the type {array.dtype}, which is not numbers", "give uint8 or float32")
    return array


def as_values(values: Any, name: str) -> NDArray[Any]:
    """Return values as a NumPy array of whatever type; what has `__array__`, as tensors and tables do, gives its own.

    Raises:
        DataError: they are none: rows of different lengths, a tensor that is part of a gradient, masked values.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name} is a masked array: some of its values are missing", f"fill them: {name}.filled(0)")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is not a rectangular array", "give rows of the same length") from error
    except Exception as error:  # the library of the values says why they cannot be had
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{name} cannot be read as an array: {why}", "give an array of NumPy") from error


def as_pixels(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return examples as uint8 or float32, the shape as it is.

    Raises:
        DataError: another type, nothing in it, or a value that is not finite.
    """
    array = as_array(values, name)
    if array.size == 0:
        raise DataError(f"{name} is empty: its shape is {array.shape}", "give at least one example")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise DataError(
            f"{name} has the type {array.dtype}",
            "give uint8 for pixels of 0 to 255, which are scaled to 0..1, or float32 for values used as is; "
            "for token numbers the spec says `input 64 tokens=1000`",
        )
    array = as_float32(array)  # what does not fit into it becomes inf, and is found below
    finite = np.isfinite(array)
    if not finite.all():
        place = [int(i) for i in np.unravel_index(int(finite.argmin()), array.shape)]
        raise DataError(f"{name}{place} is {array[tuple(place)]}", "give finite numbers only")
    return array


def as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return floats of any size and byte order as float32 in that of this machine; too large ones become infinite."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def as_tokens(values: ArrayLike, name: str, tokens: int) -> NDArray[np.int32]:
    """Return token numbers as int32, the shape as it is.

    Raises:
        DataError: another type, nothing in it, or a number that is not in 0..tokens-1; its place is named.
    """
    array = as_array(values, name)
    if array.size == 0:
        raise DataError(f"{name} is empty: its shape is {array.shape}", "give at least one example")
    if array.dtype.kind not in "iu":
        raise DataError(
            f"{name} has the type {array.dtype}, but token numbers are whole numbers", f"give {name}.astype('int32')"
        )
    wrong = (array < 0) | (array >= tokens)
    if wrong.any():
        place = [int(i) for i in np.unravel_index(int(wrong.argmax()), array.shape)]
        raise DataError(
            f"{name}{place} is {array[tuple(place)]}, but with tokens={tokens} they go from 0 to {tokens - 1}",
            f"write `tokens={int(array.max()) + 1}` or more"
            if array.min() >= 0
            else "number the tokens 0, 1, 2 and so on",
        )
    return array.astype(np.int32, copy=False)


def as_labels(values: ArrayLike, name: str, count: int) -> NDArray[np.int32]:
    """Return labels as (count,) int32; (count, 1) and whole numbers stored as floats are understood.

    Raises:
        DataError: another shape, another length, or an entry that is not a whole number from 0.
    """
    array = as_array(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        one_hot = array.ndim == 2
        fix = f"if it is one-hot, give {name}.argmax(axis=1)" if one_hot else "give one whole number an example"
        raise DataError(f"{name} must have the shape (N,), not {array.shape}", fix)
    if len(array) != count:
        raise DataError(
            f"{name} has {plural(len(array), 'label')} for {plural(count, 'example')}",
            "give one label an example",
        )
    if array.dtype.kind == "f":
        _refuse(~np.isfinite(array) | (array != np.floor(array)), array, name, "which is not a whole number")
    require_range(array, name, _MOST_CLASSES)
    return array.astype(np.int32)


def require_range(labels: NDArray[Any], name: str, classes: int) -> None:
    """Check that every label lies in 0..classes-1.

    Raises:
        DataError: one does not; its index is named.
    """
    _refuse(
        (labels < 0) | (labels >= classes),
        labels,
        name,
        f"but with {classes:,} classes labels go from 0 to {classes - 1:,}",
    )


def _refuse(wrong: NDArray[np.bool_], labels: NDArray[Any], name: str, why: str) -> None:
    if wrong.any():
        index = int(wrong.argmax())
        raise DataError(f"{name}[{index}] is {labels[index]}, {why}", "number the classes 0, 1, 2 and so on")
