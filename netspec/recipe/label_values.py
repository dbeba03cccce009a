"""What the labels in a data file say, where they are few: numbers or names of classes, read without NumPy."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

from netspec.recipe.array_facts import ArrayFacts, LabelFacts, Wrong, no_class
from netspec.recipe.class_names import empty_name, in_order, mixed_kinds, unknown_name

__all__ = ["TEXTS", "Labels", "Values", "labels_of"]

TEXTS = "US"
"""NumPy's letters for texts."""

Values: TypeAlias = "array[int] | array[float] | list[str]"
"""The labels of one array."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the labels of one target.

    Attributes:
        numbers: of all parts, where they are numbers and took little time to read.
        own: of those to train on, likewise.
        odd: what is wrong with the first number that is no class number, if one was found.
        other: what is wrong with the first one that is not among those to train on, if one was found.
        names: the names of the classes to train on, where they are names.
        wrong: what is wrong with names, whatever the network takes.
    """

    numbers: LabelFacts | None = None
    own: LabelFacts | None = None
    odd: Wrong | None = None
    other: Wrong | None = None
    names: tuple[str, ...] | None = None
    wrong: Wrong | None = None


def labels_of(
    arrays: Sequence[ArrayFacts], values: Mapping[str, Values | None], held_out: int, *, lists: bool
) -> Labels:
    """Return what is known of the labels of one target.

    Args:
        arrays: those of the training part and of the others; those that cannot be understood are missing.
        values: what is in them by their names; None where that would take long.
        held_out: so many of the training examples are for validation.
        lists: whether the data lists the names of all classes: then others are not those of the training examples.
    """
    texts = [each.kind in TEXTS for each in arrays]
    if any(texts) and not all(texts):
        named, other = (next(a for a in arrays if (a.kind in TEXTS) is want) for want in (True, False))
        return Labels(wrong=mixed_kinds(named.name, other.name) if other.kind in "buif" else None)
    one_each = [each for each in arrays if each.shape[1:] in {(), (1,)} and len(each.shape) > 0]
    read = {each.name: found for each in one_each if (found := values.get(each.name)) and len(found) == each.shape[0]}
    if any(texts):
        names = {k: v for k, v in read.items() if isinstance(v, list)}
        return _of_names(arrays[0].name, names, held_out, lists=lists)
    return _of_numbers(arrays, {k: v for k, v in read.items() if not isinstance(v, list)}, held_out)


def _of_names(train: str, read: Mapping[str, list[str]], held_out: int, *, lists: bool) -> Labels:
    for key, found in read.items():
        if "" in found:
            return Labels(wrong=empty_name(key, found.index("")))
    if train not in read or lists:
        return Labels()
    own = set(_trained(read[train], held_out))
    names = in_order(own)
    return Labels(names=names, wrong=_unknown(train, read, own, names, held_out))


def _of_numbers(arrays: Sequence[ArrayFacts], read: Mapping[str, array[int] | array[float]], held_out: int) -> Labels:
    # There may be a million, of which few are different.
    different: dict[str, set[Any]] = {key: set(found) for key, found in read.items()}
    odd = None
    for key, found in read.items():
        bad = {v for v in different[key] if isfinite(v) and no_class(key, 0, v)}
        if bad:
            index = next(i for i, v in enumerate(found) if v in bad)
            odd = no_class(key, index, found[index])
            break
    every: set[Any] = set().union(*different.values())
    if len(read) < max(len(arrays), 1) or not all(isfinite(v) and v == int(v) for v in every):
        return Labels(odd=odd)
    train = arrays[0].name
    seen = _trained(read[train], held_out)
    own: set[Any] = set(seen)
    names = in_order(str(int(v)) for v in own)
    numbers = None if odd else _facts(every, sum(map(len, read.values())))
    return Labels(numbers, _facts(own, len(seen)), odd, _unknown(train, read, own, names, held_out))


def _trained(labels: Any, held_out: int) -> Any:
    """Return the labels of the examples to train on; of all where that would leave none."""
    return labels[: len(labels) - held_out] if 0 < held_out < len(labels) else labels


def _facts(different: Set[Any], count: int) -> LabelFacts:
    return LabelFacts(int(min(different)), int(max(different)), len(different), count)


def _unknown(train: str, read: Mapping[str, Any], known: Set[Any], names: Sequence[str], held_out: int) -> Wrong | None:
    """Return what is wrong with the first label that is not among those to train on; None where all are."""
    lacking = f"the training part of {train}" if 0 < held_out < len(read[train]) else train
    for key, found in read.items():
        others = set(found) - known
        if others:
            index, value = next((i, v) for i, v in enumerate(found) if v in others)
            name = value if isinstance(value, str) else str(int(value))
            count = sum(v == value for v in found)
            return unknown_name(key, index, name, count, len(others) - 1, names, lacking)
    return None
