"""Labels that are names of classes, or whole numbers that are names, as class numbers from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import as_values, require
from netspec.data.targets import Wanted
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.array_facts import classes_misfit
from netspec.recipe.class_names import (
    are_numbers,
    empty_name,
    in_order,
    mixed_kinds,
    no_row,
    takes_no_names,
    unknown_name,
)

__all__ = ["Numbered", "numbered", "require_takes_names"]

_SHOWN = 10
_WHOLE = 2.0**53
"""Beyond it floats are no exact whole numbers."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Labels as numbers from 0 into the names of their classes.

    Attributes:
        arrays: (N,) int32 by the keys of the arrays.
        names: of the classes.
        notices: what to say of it.
    """

    arrays: Mapping[str, NDArray[np.int32]]
    names: tuple[str, ...]
    notices: tuple[str, ...] = ()


def numbered(
    given: Mapping[str, Any],
    wants: Sequence[Wanted] = (),
    *,
    all_names: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    held_out: int = 0,
) -> Numbered | None:
    """Return labels that are names as class numbers; None where they are none.

    Texts are names. Whole numbers are names where they do not count from 0, and as many are different as there are
    outputs. The names are those of the training examples, in the order in which they sort.

    Args:
        given: the labels of the training part and of the others, by the keys of their arrays.
        wants: what the outputs take that are compared with them.
        all_names: the names of all classes in their order, where the data says them.
        known: those that a model has learned.
        held_out: so many of the training examples are for validation.

    Raises:
        DataError: one is no class of the training examples, or of those that are known.
    """
    if any(want.loss.targets == ("nothing",) for want in wants):
        return None
    arrays = {key: as_values(values, key) for key, values in given.items()}
    texts = {key: _as_texts(array, key) for key, array in arrays.items()}
    without = next((key for key, found in texts.items() if found is None), None)
    if without is None:
        found = {key: text for key, text in texts.items() if text is not None}
        names = known or all_names
        lacking = "the model" if known else "class_names" if all_names else ""
        return _coded(found, names, lacking, held_out)
    other = next((key for key, found in texts.items() if found is not None), None)
    if other is not None:
        raise DataError(*mixed_kinds(other, without))
    if all_names is not None or not wants or (known and are_numbers(known)):
        return None
    whole = _as_names(arrays, wants, known, held_out)
    if whole is None:
        return None
    coded = _coded(whole, known, "the model" if known else "", held_out)
    key = next(iter(arrays))
    shown = listing([*coded.names[:_SHOWN], *(["…"] if len(coded.names) > _SHOWN else [])], "and")
    notice = f"the labels of {key} are taken for the names of the classes: {shown}"
    return Numbered(coded.arrays, coded.names, () if known else (notice,))


def require_takes_names(want: Wanted, key: str, names: Sequence[str], name: str) -> None:
    """Raise DataError where an output learns no classes, or fewer than there are names."""
    require(takes_no_names(key, len(names), want.loss))
    wrong = classes_misfit(name, want.shape[0], len(names))
    if wrong and len(want.shape) == 1 and len(names) > max(want.shape[0], 2):
        raise DataError(*wrong)


def _as_texts(array: NDArray[Any], key: str) -> NDArray[np.str_] | None:
    """Return names of classes, (N,); None where the values are no texts."""
    kind = array.dtype.kind
    if kind not in "USTO" or (kind == "O" and not any(isinstance(v, str | bytes) for v in array.reshape(-1))):
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise DataError(*no_row(key, array.shape))
    if kind != "U":
        values = array.tolist()
        _require_texts(values, key)
        try:
            array = np.array([v.decode() if isinstance(v, bytes) else v for v in values], dtype=str)
        except UnicodeDecodeError:
            raise DataError(f"{key} has texts that are no UTF-8", f"give np.char.decode({key}, 'latin-1')") from None
    empty = array == ""
    if empty.any():
        raise DataError(*empty_name(key, int(empty.argmax())))
    return array


def _require_texts(values: Sequence[Any], key: str) -> None:
    """Raise DataError where one of some labels, most of which are texts, is none."""
    for i, value in enumerate(values):
        if isinstance(value, str | bytes):
            continue
        if value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and isnan(value)):
            raise DataError(f"{key}[{i}] is {value}: an example without a label", "leave those out of both arrays")
        raise DataError(
            f"{key}[{i}] is of the type {type(value).__name__}, but others of {key} are texts",
            f"give all as texts: [str(v) for v in {key}]",
        )


def _coded(texts: Mapping[str, NDArray[np.str_]], names: Sequence[str] | None, lacking: str, held_out: int) -> Numbered:
    """Return the numbers of names; raises DataError where one is not among those of the training examples."""
    key, train = next(iter(texts.items()))
    if names is None:
        seen = train[: len(train) - held_out] if held_out < len(train) else train
        names = in_order(np.unique(seen).tolist())
        lacking = key if len(seen) == len(train) else f"the training part of {key}"
    number = {name: i for i, name in enumerate(names)}
    coded = {}
    for each, array in texts.items():
        different, at = np.unique(array, return_inverse=True)
        numbers = np.array([number.get(name, -1) for name in different.tolist()], np.int32)
        coded[each] = numbers[at] if len(numbers) else np.zeros(0, np.int32)
        unknown = coded[each] < 0
        if unknown.any():
            first = int(unknown.argmax())
            name, others = str(array[first]), int((numbers < 0).sum()) - 1
            count = int((array == array[first]).sum())
            raise DataError(*unknown_name(each, first, name, count, others, names, lacking))
    return Numbered(coded, tuple(names))


def _as_names(
    arrays: Mapping[str, NDArray[Any]], wants: Sequence[Wanted], known: Sequence[str] | None, held_out: int
) -> dict[str, NDArray[np.str_]] | None:
    """Return whole numbers as names; None where they are class numbers from 0, amounts, or of another number."""
    outputs = {max(want.shape[0], 2) for want in wants}
    if len(outputs) > 1 or not all(map(_tells_classes, wants)):
        return None
    flat = {key: array.reshape(-1) for key, array in arrays.items() if array.ndim == 1 or array.shape[1:] == (1,)}
    if len(flat) < len(arrays) or not all(map(_is_whole, flat.values())):
        return None
    whole = {key: array.astype(np.int64) for key, array in flat.items()}
    (classes,), train = outputs, next(iter(whole.values()))
    if known is not None:
        there = {str(v) for array in whole.values() for v in np.unique(array)}
        return {key: array.astype(str) for key, array in whole.items()} if there <= set(known) else None
    seen = np.unique(train[: len(train) - held_out] if held_out < len(train) else train)
    if len(seen) != classes or (seen[0] >= 0 and seen[-1] < classes):
        return None
    return {key: array.astype(str) for key, array in whole.items()}


def _tells_classes(want: Wanted) -> bool:
    """Return whether an output surely gives one class an example: by its loss or its last layer, or by its outputs."""
    if "class" not in want.loss.targets or want.ignore is not None or len(want.shape) > 1:
        return False
    return want.shape[0] > 1 or (want.stated and bool(want.loss.absorbs))


def _is_whole(array: NDArray[Any]) -> bool:
    if array.dtype.kind not in "iuf" or not array.size:
        return False
    floats = array.astype(np.float64)
    return bool((np.abs(floats) < _WHOLE).all()) and bool((floats == np.floor(floats)).all())
