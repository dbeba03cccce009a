"""Checks on arrays that people bring: each mistake is one DataError that names the array and the entry."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.array_facts import (
    MOST_CLASSES,
    ArrayFacts,
    LabelFacts,
    Wrong,
    examples_wrong,
    labels_wrong,
    no_class,
    no_numbers,
    renumbering,
    shape_text,
)

__all__ = [
    "as_array",
    "as_float32",
    "as_labels",
    "as_pixels",
    "as_tokens",
    "as_values",
    "facts",
    "renumbered",
    "require",
    "require_range",
    "shape_text",
]


def facts(array: NDArray[Any], name: str) -> ArrayFacts:
    """Return the facts about an array that need no values."""
    return ArrayFacts(name, array.shape, array.dtype.kind, str(array.dtype), array.dtype.itemsize)


def require(wrong: Wrong | None) -> None:
    """Raise DataError where something is wrong."""
    if wrong:
        raise DataError(*wrong)


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return the values as a NumPy array of numbers.

    Raises:
        DataError: they do not form a rectangular array of numbers, or some of them are masked.
    """
    array = as_values(values, name)
    require(no_numbers(facts(array, name)))
    return array


def as_values(values: Any, name: str) -> NDArray[Any]:
    """Return values as a NumPy array of whatever type; what has `__array__`, as tensors and tables do, gives its own.

    Raises:
        DataError: they are none: rows of different lengths, a tensor that is part of a gradient, masked values.
    """
    if np.ma.is_masked(values):
        raise DataError(f"{name} has masked values", f"leave those examples out, or give a value: {name}.filled(0)")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is not a rectangular array", "give rows of the same length") from error
    except Exception as error:  # the library of the values says why they cannot be had
        why = next(iter(str(error).splitlines()), type(error).__name__)
        plain = f"{name}.detach().cpu().float().numpy()" if hasattr(values, "detach") else "an array of NumPy"
        raise DataError(f"{name} cannot be read as an array: {why}", f"give {plain}") from error
    if array.dtype.kind == "V" and array.dtype.type is not np.void:
        return array.astype(np.float32)  # bfloat16 and other small numbers of ml_dtypes
    if array.ndim == 0 and array.dtype.kind == "O":
        dense = f"give {name}.toarray()" if hasattr(values, "toarray") else "give an array"
        raise DataError(f"{name} is of the type {type(values).__name__}, which is no array", dense)
    return array


def as_pixels(values: ArrayLike, name: str, takes: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Return examples as uint8 or float32, the shape as it is.

    Args:
        values: the examples.
        name: of them.
        takes: the shape of the network's input, where that is known.

    Raises:
        DataError: another type, nothing in it, or a value that is not finite.
    """
    array = as_values(values, name)
    require(examples_wrong(facts(array, name), takes=takes if array.dtype.kind == "f" else None))
    if array.dtype == np.uint8:
        return array
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
    # Callers of a model may give other shapes; those of a dataset are looked at where it is made.
    require(examples_wrong(facts(array.reshape(1, -1), name), tokens))
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


def as_labels(values: ArrayLike, name: str, examples: NDArray[Any]) -> NDArray[np.int32]:
    """Return labels as (count,) int32; (count, 1), bool and whole numbers stored as floats are understood.

    Args:
        values: the labels.
        name: of them.
        examples: what they belong to.

    Raises:
        DataError: another shape, another length, or an entry that is not a whole number from 0.
    """
    array = as_values(values, name)
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "buif" and len(array) == len(examples):
        _refuse_rows(array, name, examples)
    if array.dtype.kind == "O":
        _refuse_objects(array, name)
    require(labels_wrong(facts(array, name), facts(examples, "examples")))
    array = array.reshape(-1)
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        _refuse_fractions(array, name)
    require_range(array, name, MOST_CLASSES)
    return array.astype(np.int32)


def _refuse_objects(array: NDArray[Any], name: str) -> None:
    """Raise DataError for labels that are Python objects, where it can be told what they are."""
    values = array.reshape(-1).tolist()
    missing = next((i for i, v in enumerate(values) if v is None or (isinstance(v, float) and isnan(v))), None)
    if missing is not None:
        raise DataError(
            f"{name}[{missing}] is {values[missing]}: an example without a label",
            "leave those out of both arrays",
        )
    if all(isinstance(v, int | float | np.number) for v in values):
        kind = "int64" if all(float(v).is_integer() for v in values) else "float64"
        raise DataError(f"{name} has the type object, which is not numbers", f"give {name}.astype('{kind}')")


def _refuse_rows(array: NDArray[Any], name: str, examples: NDArray[Any]) -> None:
    """Raise DataError for rows of numbers where labels should be; what helps depends on what they are."""
    if array.shape[1:] == examples.shape[1:]:
        return  # they are examples, which have their own message
    message = f"{name} must have the shape (N,), not {array.shape}"
    ones = ((array == 0) | (array == 1)).all()
    sums = array.sum(axis=1)
    if ones and (sums == 1).all():
        raise DataError(f"{message}: it has one-hot rows", f"give {name}.argmax(axis=1)")
    if ones:
        row = int((sums != 1).argmax())
        what = f"row {row} has {int(sums[row])} ones, so that these are several classes at once (multi-label)"
    elif ((array >= 0) & (array <= 1)).all() and np.allclose(sums, 1, atol=1e-3):
        what = "its rows are shares of classes (soft labels)"
    else:
        what = "its rows are numbers to be predicted (regression)"
    raise DataError(
        f"{message}: {what}",
        f"let the network end in {array.shape[1]} outputs; classes are one whole number an example",
    )


def _refuse_fractions(labels: NDArray[Any], name: str) -> None:
    """Raise DataError for floats that are no class numbers."""
    missing = ~np.isfinite(labels)
    if missing.any():
        index = int(missing.argmax())
        raise DataError(
            f"{name}[{index}] is {labels[index]}, which is not a whole number",
            f"leave examples without a label out: keep = np.isfinite({name})",
        )
    wrong = labels != np.floor(labels)
    if wrong.any():
        index = int(wrong.argmax())
        require(no_class(name, index, float(labels[index])))


def require_range(labels: NDArray[Any], name: str, classes: int) -> None:
    """Check that every label lies in 0..classes-1.

    Raises:
        DataError: one does not; its index is named.
    """
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        index = int(wrong.argmax())
        number = int(labels[index])
        require(no_class(name, index, number))
        raise DataError(
            f"{name}[{index}] is {number}, but with {classes:,} classes labels go from 0 to {classes - 1:,}",
            renumbered(labels, name),
        )


def renumbered(labels: NDArray[Any], name: str, fits: str = "") -> str:
    """Return what to do with labels that are beyond a network's outputs, or no class numbers.

    Args:
        labels: whole numbers, of any range.
        name: of the array.
        fits: what to do where they are numbered from 0 as they should be.
    """
    values = np.unique(labels)
    seen = LabelFacts(int(values[0]), int(values[-1]), len(values), len(labels))
    return renumbering(name, seen, fits)
